"""Charging stations in the linear programme: every car's energy by its departure.

In the programme a cohort has one power: cars of a station that come and leave at about the
same time and need about the same share of their stay. A station's one entry of the action
slows all of its cars alike, so the plan is followed as a station's total, and no car is left
to get less than it was promised: `ChargingBlock.actions`.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.blocks import PROBE_KW, Day
from grid_fed_rl.analytics.oracle.programme import Programme
from grid_fed_rl.analytics.oracle.slopes import Nudge
from grid_fed_rl.analytics.oracle.trajectory import Trajectory
from grid_fed_rl.envs.groups import EvStations, Moment, Plugs
from grid_fed_rl.envs.objective import UnservedEnergy
from grid_fed_rl.errors import TaskError

__all__ = ["ChargingBlock"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

SPILL_USD_PER_KWH = 1.0  # of a car that takes less than its share: more than energy costs
GRAINS = (1, 2, 4)  # steps within which cars of a cohort come, and within which they leave
STAYS = (8, 16)  # steps of stay from which on the next grain holds
NEEDS = 4  # classes of the share of its stay that a car needs


@dataclass(frozen=True, eq=False)
class ChargingBlock:
    """Stations of a day.

    Raises:
        TaskError: the stations' reactive power is controlled, which is not planned.
    """

    day: Day
    group: EvStations

    def __post_init__(self) -> None:
        if self.group.reactive:
            raise TaskError("the oracle does not plan the reactive power of charging stations")

    @cached_property
    def plugs(self) -> Plugs:
        """Who is plugged in, steps as lanes."""
        return self.group.plugs(self.day.moment.row)

    @cached_property
    def session(self) -> Index:
        """(step, plug) number of the session, in the order of plugs; -1 without a car."""
        began = np.cumsum(self.plugs.comes.T, axis=1)
        number = began + np.cumsum(began[:, -1])[:, None] - began[:, -1:]
        return np.where(self.plugs.here.T, number - 1, -1).T

    def _of_session(self, by_plug: NDArray) -> NDArray:
        """(session,) what an array to be broadcast to (step, plug) says of each when it begins."""
        steps, plugs = np.nonzero(self.plugs.comes)
        values = np.zeros(len(steps), dtype=by_plug.dtype)
        by_plug = np.broadcast_to(by_plug, self.plugs.comes.shape)
        values[self.session[steps, plugs]] = by_plug[steps, plugs]
        return values

    @cached_property
    def energy_kwh(self) -> Floats:
        """(session,) what each asks for."""
        return self._of_session(self.plugs.energy_kwh)

    @cached_property
    def due_kwh(self) -> Floats:
        """(session,) what each has to have by the end of the day, or when it leaves."""
        return self.energy_kwh - self._of_session(self.plugs.later_kwh)

    @cached_property
    def cohort(self) -> Index:
        """(session,) number of its cohort."""
        plugs, step_h = self.plugs, self.day.case.year.step_h
        comes = self._of_session(np.arange(len(plugs.here))[:, None])
        stay = self._of_session(plugs.steps_left)
        grain = np.array(GRAINS)[np.searchsorted(STAYS, stay, side="right")]
        need = self.energy_kwh / (self._of_session(plugs.max_kw) * stay * step_h)
        key = (
            self._of_session(self.group.table.plug_station),
            grain,
            comes // grain,
            (comes + stay - 1) // grain,
            np.minimum(NEEDS * need, NEEDS - 1).astype(np.int64),
        )
        return np.unique(np.stack(key), axis=1, return_inverse=True)[1].ravel()

    def of_cohort(self, by_session: Floats) -> Floats:
        """(cohort,) sums over its sessions."""
        return np.bincount(self.cohort, by_session).astype(np.float64)

    def nudges(self, trajectory: Trajectory) -> list[Nudge]:
        """KW of every station, kvar with them."""
        del trajectory
        factor, network = self.group.power_factor, self.group.network
        steps = np.ones(self.day.case.horizon)
        kvar = steps * math.sqrt(1.0 - factor**2) / factor
        columns = [network.loads.index(name) for name in self.group.loads]
        return [
            Nudge((("load_kw", k, steps), ("load_kvar", k, kvar)), PROBE_KW * steps)
            for k in columns
        ]

    def at(self, trajectory: Trajectory) -> Floats:
        """What every station draws."""
        return self.group.drawn_kw(trajectory.state(self.group.state_name))

    @property
    def span(self) -> Floats:
        """Power of all plugs."""
        return self.group.rated_kw

    def bounds(self) -> tuple[Floats, Floats]:
        """Up to what the cars that are there can take."""
        most = self.group.by_station(self.plugs.max_kw)
        return np.zeros_like(most), most

    def add(self, programme: Programme, inputs: Index, at: Floats) -> Index:
        """A power for every cohort; energy by departure, or its price; stations' sums.

        One share a station: a car takes that share of what it can, or has had its fill. Who
        has had it is not linear. On the day at hand it is known, and there a car may take
        less than its share; elsewhere that has a price.

        Returns what each cohort is promised, kWh.
        """
        plugs, step_h = self.plugs, self.day.case.year.step_h
        energy, due = self.of_cohort(self.energy_kwh), self.of_cohort(self.due_kwh)
        step, plug = np.nonzero(plugs.here)
        place = np.ravel_multi_index(
            (step, self.cohort[self.session[step, plug]]), (len(inputs), len(energy))
        )
        places, of_place = np.unique(place, return_inverse=True)
        max_kw = plugs.max_kw[step, plug]
        most = np.bincount(of_place, max_kw)
        full = self._wanted_kwh(at)[step, plug] < max_kw * step_h
        free = np.bincount(of_place, np.where(full, max_kw, 0.0))
        step, cohort = np.unravel_index(places, (len(inputs), len(energy)))
        station = np.zeros(len(energy), dtype=np.int64)
        station[self.cohort] = self._of_session(self.group.table.plug_station)
        station = station[cohort]
        power = programme.variables(0.0, most, 0.0, most.shape)
        less = programme.variables(0.0, free, 0.0, most.shape)
        spilt = programme.variables(0.0, most - free, SPILL_USD_PER_KWH * step_h, most.shape)
        share = programme.variables(0.0, 1.0, 0.0, inputs.shape)
        slowed = (-most, share[step, station])
        programme.tie(0.0, 0.0, (1.0, power), (1.0, less), (1.0, spilt), slowed)
        programme.sums(inputs.ravel(), 1.0, power, step * inputs.shape[1] + station)
        given = programme.variables(0.0, energy, 0.0, energy.shape)
        unserved = programme.variables(0.0, np.inf, self._unserved_usd_per_kwh, energy.shape)
        programme.tie(due, np.inf, (1.0, given), (1.0, unserved))
        programme.sums(given, step_h, power, cohort)
        return given

    def _wanted_kwh(self, at: Floats) -> Floats:
        """(step, plug) what every car wants when a step begins, if stations draw `at`."""
        wanted, state = [], self.group.rest(self._lane(0))
        for step in range(len(at)):
            lane = self._lane(step)
            wanted.append(self.group.wanted_kwh(state, self.group.plugs(lane.row))[0])
            action = self._share(state, at[step : step + 1], lane) - 1.0
            state, _ = self.group.step(state, np.clip(action, -1.0, 0.0), lane)
        return np.array(wanted)

    def _lane(self, step: int) -> Moment:
        """One step as a moment of one lane."""
        moment = self.day.moment
        return replace(moment, row=moment.row[step : step + 1])

    def _share(self, state: NDArray, drawn_kw: Floats, lane: Moment) -> Floats:
        """(lane, station) share at which stations draw so much; all where no car can."""
        plugs = self.group.plugs(lane.row)
        fastest_kw = np.minimum(plugs.max_kw, self.group.wanted_kwh(state, plugs) / lane.step_h)
        station_kw = self.group.by_station(fastest_kw)
        whole = np.ones_like(station_kw)
        return np.divide(drawn_kw, station_kw, out=whole, where=station_kw > 0.0)

    @property
    def _first(self) -> list[int]:
        counts = [one.plugs for one in self.group.stations]
        return [0, *np.cumsum(counts[:-1]).tolist()]

    @property
    def _unserved_usd_per_kwh(self) -> float:
        terms = self.day.case.reward
        return sum(
            one.usd_per_kwh
            for one in terms
            if isinstance(one, UnservedEnergy) and one.group is self.group
        )

    def actions(self, inputs: Floats, further: Floats) -> Floats:
        """Follow each station's total; faster where a car would miss what it was promised."""
        group, step_h = self.group, self.day.case.year.step_h
        promised = np.append(self._promised_kwh(further), 0.0)[self.session]  # (step, plug)
        state = group.rest(self._lane(0))
        actions = np.zeros(inputs.shape)
        for step in range(len(inputs)):
            lane = self._lane(step)
            plugs = group.plugs(lane.row)
            wanted = group.wanted_kwh(state, plugs)
            fastest_kwh = np.minimum(plugs.max_kw * step_h, wanted)
            owed = promised[step] - (plugs.energy_kwh - wanted)
            now = owed - np.maximum(plugs.steps_left - 1, 0) * plugs.max_kw * step_h
            urgent = np.divide(now, fastest_kwh, out=np.zeros_like(now), where=fastest_kwh > 1e-6)
            share = np.maximum(
                self._share(state, inputs[step : step + 1], lane), self._largest(urgent)
            )
            actions[step] = np.clip(share, 0.0, 1.0) - 1.0
            state, _ = group.step(state, actions[step][None], lane)
        return actions

    def _promised_kwh(self, given: Floats) -> Floats:
        """(session,) of what its cohort is given: first all that is due, and then the rest."""
        due, energy = self.due_kwh, self.energy_kwh
        due_all, energy_all = self.of_cohort(due), self.of_cohort(energy)
        rest, rest_all = energy - due, energy_all - due_all
        of_due = np.divide(given, due_all, out=np.ones_like(given), where=due_all > 0.0)
        left = np.maximum(given - due_all, 0.0)
        of_rest = np.divide(left, rest_all, out=np.zeros_like(given), where=rest_all > 1e-9)
        return np.minimum(of_due, 1.0)[self.cohort] * due + of_rest[self.cohort] * rest

    def _largest(self, by_plug: Floats) -> Floats:
        """(lane, station) largest over the plugs of each."""
        return np.maximum.reduceat(by_plug, self._first, axis=1)
