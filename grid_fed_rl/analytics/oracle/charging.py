"""Charging stations in the linear programme: every car's energy by its departure.

In the programme each car has a power of its own. A station's one entry of the action slows
all of its cars alike, so the plan is followed as a station's total, and no car is left to
get less than it was promised: `ChargingBlock.actions`.
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

    def _of_session(self, by_plug: Floats) -> Floats:
        """(session,) what a (step, plug) array says of each when it begins."""
        steps, plugs = np.nonzero(self.plugs.comes)
        values = np.zeros(len(steps))
        values[self.session[steps, plugs]] = by_plug[steps, plugs]
        return values

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
        """A power for every car; energy by departure, or its price; stations' sums.

        Returns what each session is promised, kWh.
        """
        plugs, step_h = self.plugs, self.day.case.year.step_h
        power = programme.variables(0.0, plugs.max_kw, 0.0, plugs.here.shape)
        self._slow_alike(programme, power, at)
        for k, first in enumerate(self._first):
            last = first + self.group.stations[k].plugs
            programme.tie(0.0, 0.0, (-1.0, inputs[:, k, None]), (1.0, power[:, first:last]), over=1)
        energy = self._of_session(plugs.energy_kwh)
        due = energy - self._of_session(plugs.later_kwh)
        given = programme.variables(0.0, energy, 0.0, energy.shape)
        unserved = programme.variables(0.0, np.inf, self._unserved_usd_per_kwh, energy.shape)
        programme.tie(due, np.inf, (1.0, given), (1.0, unserved))
        programme.sums(given, step_h, power[plugs.here], self.session[plugs.here])
        return given

    def _slow_alike(self, programme: Programme, power: Index, at: Floats) -> None:
        """One share a station: a car takes that share of what it can, or has had its fill.

        Who has had it is not linear. On the day at hand it is known, and there a car may
        take less than its share; elsewhere that has a price.
        """
        step_h, plugs, n = self.day.case.year.step_h, self.plugs, len(self.group.stations)
        share = programme.variables(0.0, 1.0, 0.0, (len(power), n))
        full = self._wanted_kwh(at) < plugs.max_kw * step_h
        usd = np.where(full, 0.0, SPILL_USD_PER_KWH * step_h)
        less = programme.variables(0.0, plugs.max_kw, usd, power.shape)
        station = self.group.table.plug_station
        programme.tie(0.0, 0.0, (1.0, power), (1.0, less), (-plugs.max_kw, share[:, station]))

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
        promised = np.concatenate([further, [0.0]])[self.session]  # (step, plug)
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

    def _largest(self, by_plug: Floats) -> Floats:
        """(lane, station) largest over the plugs of each."""
        return np.maximum.reduceat(by_plug, self._first, axis=1)
