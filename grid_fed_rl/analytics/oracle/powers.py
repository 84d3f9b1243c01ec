"""Batteries, PV inverters and flexible loads in the linear programme."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.blocks import NOTHING, PROBE_KW, Day
from grid_fed_rl.analytics.oracle.programme import Programme
from grid_fed_rl.analytics.oracle.slopes import Nudge
from grid_fed_rl.analytics.oracle.trajectory import Trajectory
from grid_fed_rl.devices import reactive_limit_kvar
from grid_fed_rl.envs.groups import Batteries, FlexibleLoads, Inverters

__all__ = ["BatteryBlock", "LoadBlock", "PvBlock"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

CHORDS = 4  # that stand for the circle of an inverter's rating


@dataclass(frozen=True, eq=False)
class BatteryBlock:
    """Batteries: energy from step to step, efficiencies each way, wear, what is owed at the end."""

    day: Day
    group: Batteries

    def nudges(self, trajectory: Trajectory) -> list[Nudge]:
        """An injection each, kW."""
        del trajectory
        n_pv, steps = len(self.group.network.feeder.pvs), np.ones(self.day.case.horizon)
        return [
            Nudge((("der_kw", n_pv + k, steps),), PROBE_KW * steps)
            for k in range(len(self.group.names))
        ]

    def at(self, trajectory: Trajectory) -> Floats:
        """Injections."""
        return trajectory.executed(self.group.state_name) * self.group.ratings.p_max_kw

    @property
    def span(self) -> Floats:
        """Twice the power."""
        return 2.0 * self.group.ratings.p_max_kw

    def bounds(self) -> tuple[Floats, Floats]:
        """Full power either way."""
        shape = (self.day.case.horizon, len(self.group.names))
        most = np.broadcast_to(self.group.ratings.p_max_kw, shape)
        return -most, most

    def add(self, programme: Programme, inputs: Index, at: Floats) -> Index:
        """Split power by direction, and keep account of the energy."""
        del at
        day, ratings, shape = self.day, self.group.ratings, inputs.shape
        step_h, wear, loss = day.case.year.step_h, self.group.wear_usd_per_kwh, day.loss_usd_per_kwh
        out_lost, in_lost = (
            1.0 / ratings.efficiency_discharge - 1.0,
            1.0 - ratings.efficiency_charge,
        )
        out = programme.variables(0.0, ratings.p_max_kw, step_h * (wear + loss * out_lost), shape)
        into = programme.variables(0.0, ratings.p_max_kw, step_h * (wear + loss * in_lost), shape)
        programme.tie(0.0, 0.0, (1.0, inputs), (-1.0, out), (1.0, into))
        soc = programme.variables(ratings.soc_min, ratings.soc_max, 0.0, shape)
        released = step_h / (ratings.efficiency_discharge * ratings.energy_kwh)
        stored = step_h * ratings.efficiency_charge / ratings.energy_kwh
        rest = self.group.soc_at_rest
        programme.tie(rest, rest, (1.0, soc[0]), (released, out[0]), (-stored, into[0]))
        programme.tie(
            0.0, 0.0, (1.0, soc[1:]), (-1.0, soc[:-1]), (released, out[1:]), (-stored, into[1:])
        )
        usd = day.owed_usd_per_kwh(self.group)
        short = programme.variables(0.0, np.inf, usd * ratings.energy_kwh, shape[1:])
        programme.tie(rest, np.inf, (1.0, soc[-1]), (1.0, short))
        return NOTHING

    def actions(self, inputs: Floats, further: Floats) -> Floats:
        """Shares of the power."""
        del further
        return np.clip(inputs / self.group.ratings.p_max_kw, -1.0, 1.0)


@dataclass(frozen=True, eq=False)
class PvBlock:
    """PV inverters: reactive power, and active power where it can be cut."""

    day: Day
    group: Inverters

    @property
    def offered_kw(self) -> Floats:
        """What the sun offers: (step, pv)."""
        return np.minimum(self.day.moment.pv_kw, self.group.kva)

    def nudges(self, trajectory: Trajectory) -> list[Nudge]:
        """Kvar of every inverter, then kW where it can be cut, which is moved down."""
        del trajectory
        steps = np.ones(self.day.case.horizon)
        n = len(self.group.kva)
        kvar = [Nudge((("der_kvar", k, steps),), PROBE_KW * steps) for k in range(n)]
        kw = [Nudge((("der_kw", k, steps),), -PROBE_KW * steps) for k in range(n)]
        return [*kvar, *(kw if self.group.curtails else [])]

    def at(self, trajectory: Trajectory) -> Floats:
        """What is given."""
        state, n = trajectory.state(self.group.state_name), len(self.group.kva)
        return np.concatenate([state[:, n:], state[:, :n]], axis=1)[:, : len(self.group.names)]

    @property
    def span(self) -> Floats:
        """Of kvar either way; of kW from nothing."""
        q_kvar = 2.0 * self.group.q_limit_pu * self.group.kva
        return np.concatenate([q_kvar, self.group.kva])[: len(self.group.names)]

    def bounds(self) -> tuple[Floats, Floats]:
        """The limit of reactive power; what the sun offers."""
        group, offered = self.group, self.offered_kw
        most = np.broadcast_to(group.q_limit_pu * group.kva, offered.shape)
        if not group.curtails:
            most = np.minimum(most, reactive_limit_kvar(group.kva, offered))
            return -most, most
        low = np.concatenate([-most, np.zeros_like(offered)], axis=1)
        return low, np.concatenate([most, offered], axis=1)

    def add(self, programme: Programme, inputs: Index, at: Floats) -> Index:
        """Keep both within the rating: chords of its circle, where the sun reaches so far."""
        del at
        group, n = self.group, len(self.group.kva)
        if not group.curtails:
            return NOTHING
        full = math.asin(group.q_limit_pu)
        corners = np.linspace(0.0, full, CHORDS + 1)
        near = self.offered_kw > math.cos(full) * group.kva
        steps, pvs = np.nonzero(near)
        q, p = inputs[steps, pvs], inputs[steps, n + pvs]
        for one, two in pairwise(corners.tolist()):
            middle, within = (one + two) / 2.0, math.cos((two - one) / 2.0)
            for sign in (1.0, -1.0):
                programme.tie(
                    -np.inf,
                    within * group.kva[pvs],
                    (math.cos(middle), p),
                    (sign * math.sin(middle), q),
                )
        return NOTHING

    def actions(self, inputs: Floats, further: Floats) -> Floats:
        """Shares of the reactive limit that the active power leaves, and of the sun."""
        del further
        group, n = self.group, len(self.group.kva)
        offered = self.offered_kw
        p_kw = np.clip(inputs[:, n:], 0.0, offered) if group.curtails else offered
        limit = np.minimum(reactive_limit_kvar(group.kva, p_kw), group.q_limit_pu * group.kva)
        q = np.divide(inputs[:, :n], limit, out=np.zeros_like(limit), where=limit > 0.0)
        cut = np.divide(p_kw, offered, out=np.ones_like(offered), where=offered > 0.0) - 1.0
        both = np.concatenate([q, cut] if group.curtails else [q], axis=1)
        return np.clip(both, -1.0, 1.0)


@dataclass(frozen=True, eq=False)
class LoadBlock:
    """Flexible loads: what is put off is owed."""

    day: Day
    group: FlexibleLoads

    @property
    def most_kw(self) -> Floats:
        """What can be moved either way: (step, load)."""
        return self.group.share * self.day.moment.load_kw[:, self.group.columns]

    def nudges(self, trajectory: Trajectory) -> list[Nudge]:
        """KW put off, kvar with them."""
        del trajectory
        moment, columns = self.day.moment, self.group.columns
        kw, kvar = moment.load_kw[:, columns], moment.load_kvar[:, columns]
        ratio = np.divide(kvar, kw, out=np.zeros_like(kw), where=kw > 0.0)
        steps = np.ones(self.day.case.horizon)
        return [
            Nudge(
                (("load_kw", column, -steps), ("load_kvar", column, -ratio[:, k])),
                PROBE_KW * steps,
            )
            for k, column in enumerate(columns.tolist())
        ]

    def at(self, trajectory: Trajectory) -> Floats:
        """KW put off."""
        return trajectory.executed(self.group.state_name) * self.most_kw

    @property
    def span(self) -> Floats:
        """Twice the most that can be moved."""
        return 2.0 * self.most_kw.max(axis=0)

    def bounds(self) -> tuple[Floats, Floats]:
        """All of the share either way."""
        return -self.most_kw, self.most_kw

    def add(self, programme: Programme, inputs: Index, at: Floats) -> Index:
        """Keep account of the debt, and price what is left of it."""
        del at
        most, step_h = self.group.most_kwh, self.day.case.year.step_h
        debt = programme.variables(-most, most, 0.0, inputs.shape)
        programme.tie(0.0, 0.0, (1.0, debt[0]), (-step_h, inputs[0]))
        programme.tie(0.0, 0.0, (1.0, debt[1:]), (-1.0, debt[:-1]), (-step_h, inputs[1:]))
        usd = self.day.owed_usd_per_kwh(self.group)
        owed = programme.variables(0.0, np.inf, usd, inputs.shape[1:])
        programme.tie(0.0, np.inf, (1.0, owed), (-1.0, debt[-1]))
        return NOTHING

    def actions(self, inputs: Floats, further: Floats) -> Floats:
        """Shares of what can be moved."""
        del further
        most = self.most_kw
        share = np.divide(inputs, most, out=np.zeros_like(most), where=most > 0.0)
        return np.clip(share, -1.0, 1.0)
