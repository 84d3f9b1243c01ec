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
from grid_fed_rl.envs.groups import EvStations, Moment
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
    def first(self) -> Index:
        """(step + 1,) where the cars of each step begin in what is (car,) here."""
        row, first_there = self.day.moment.row, self.group.table.first_there
        return first_there[row[0] : row[-1] + 2] - first_there[row[0]]

    @cached_property
    def session(self) -> Index:
        """(car,) session of every car that is there, step after step, by its number."""
        row, table = self.day.moment.row, self.group.table
        there = table.there[table.first_there[row[0]] : table.first_there[row[-1] + 1]]
        return there.astype(np.int64)

    @cached_property
    def _max_kw(self) -> Floats:
        """(car,) most that it can take."""
        return self.group.table.max_kw[self.session].astype(np.float64)

    @cached_property
    def _input(self) -> Index:
        """(car,) which of the inputs, flattened, it is part of."""
        step = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        return len(self.group.stations) * step + self.group.table.station[self.session]

    @property
    def sessions(self) -> slice:
        """Those of the day in the table."""
        return slice(*self.group.table.first_session[self.day.day : self.day.day + 2].tolist())

    @cached_property
    def energy_kwh(self) -> Floats:
        """(session,) what each asks for."""
        return self.group.table.energy_kwh[self.sessions].astype(np.float64)

    @cached_property
    def due_kwh(self) -> Floats:
        """(session,) what each has to have by the end of the day, or when it leaves."""
        return self.energy_kwh - self.group.table.later_kwh[self.sessions]

    @cached_property
    def cohort(self) -> Index:
        """(session,) number of its cohort."""
        table, here = self.group.table, self.sessions
        comes = table.arrival_step[here]
        leaves = np.minimum(table.departure_step[here], self.day.case.horizon)
        stay = leaves - comes
        grain = np.array(GRAINS)[np.searchsorted(STAYS, stay, side="right")]
        most_kwh = table.max_kw[here] * stay * self.day.case.year.step_h
        need = np.minimum(NEEDS * self.energy_kwh / most_kwh, NEEDS - 1).astype(np.int64)
        key = (table.station[here], grain, comes // grain, (leaves - 1) // grain, need)
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
        most = np.zeros((self.day.case.horizon, len(self.span)))
        np.add.at(most.ravel(), self._input, self._max_kw)
        return np.zeros_like(most), most

    def add(self, programme: Programme, inputs: Index, at: Floats) -> Index:
        """A power for every cohort; energy by departure, or its price; stations' sums.

        One share a station: a car takes that share of what it can, or has had its fill. Who
        has had it is not linear. On the day at hand it is known, and there a car may take
        less than its share; elsewhere that has a price.

        Returns what each cohort is promised, kWh.
        """
        step_h = self.day.case.year.step_h
        energy, due = self.of_cohort(self.energy_kwh), self.of_cohort(self.due_kwh)
        step = self._input // len(self.group.stations)
        cohort = self.cohort[self.session - self.sessions.start]
        place = np.ravel_multi_index((step, cohort), (len(inputs), len(energy)))
        _, first, of_place = np.unique(place, return_index=True, return_inverse=True)
        most = np.bincount(of_place, self._max_kw)
        full = self._wanted_kwh(at) < self._max_kw * step_h
        free = np.bincount(of_place, np.where(full, self._max_kw, 0.0))
        power = programme.variables(0.0, most, 0.0, most.shape)
        less = programme.variables(0.0, free, 0.0, most.shape)
        spilt = programme.variables(0.0, most - free, SPILL_USD_PER_KWH * step_h, most.shape)
        share = programme.variables(0.0, 1.0, 0.0, (inputs.size,))
        slowed = (-most, share[self._input[first]])
        programme.tie(0.0, 0.0, (1.0, power), (1.0, less), (1.0, spilt), slowed)
        programme.sums(inputs.ravel(), 1.0, power, self._input[first])
        given = programme.variables(0.0, energy, 0.0, energy.shape)
        unserved = programme.variables(0.0, np.inf, self._unserved_usd_per_kwh, energy.shape)
        programme.tie(due, np.inf, (1.0, given), (1.0, unserved))
        programme.sums(given, step_h, power, cohort[first])
        return given

    def _wanted_kwh(self, at: Floats) -> Floats:
        """(car,) what every car wants when a step begins, if stations draw `at`."""
        wanted, state = np.zeros(len(self.session)), self.group.rest(self._lane(0))
        for step in range(len(at)):
            lane = self._lane(step)
            wanted[self._there(step)] = self._wanted_in(step, state)
            action = self._share(state, at[step], lane) - 1.0
            state, _ = self.group.step(state, np.clip(action, -1.0, 0.0)[None], lane)
        return wanted

    def _wanted_in(self, step: int, state: Floats) -> Floats:
        """What the cars of one step want when it begins."""
        there = self._there(step)
        row = self.day.moment.row[step : step + 1]
        return self.group.wanted_kwh(state, row)[0, : there.stop - there.start]

    def _there(self, step: int) -> slice:
        """The cars of one step."""
        return slice(*self.first[step : step + 2].tolist())

    def _lane(self, step: int) -> Moment:
        """One step as a moment of one lane."""
        moment = self.day.moment
        return replace(moment, row=moment.row[step : step + 1])

    def _share(self, state: NDArray, drawn_kw: Floats, lane: Moment) -> Floats:
        """(station,) share at which stations draw so much; all where no car can."""
        (fastest_kw,) = self.group.demand(state, lane.row, lane.step_h).fastest_kw
        whole = np.ones_like(fastest_kw)
        return np.divide(drawn_kw, fastest_kw, out=whole, where=fastest_kw > 0.0)

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
        group, table, step_h = self.group, self.group.table, self.day.case.year.step_h
        promised = self._promised_kwh(further)
        state = group.rest(self._lane(0))
        actions = np.zeros(inputs.shape)
        for step in range(len(inputs)):
            lane, there = self._lane(step), self._there(step)
            session, most_kwh = self.session[there], self._max_kw[there] * step_h
            wanted = self._wanted_in(step, state)
            fastest_kwh = np.minimum(most_kwh, wanted)
            owed = promised[session - self.sessions.start] - (table.energy_kwh[session] - wanted)
            last = np.minimum(table.departure_step[session], len(inputs)) - 1
            now = owed - (last - step) * most_kwh
            urgent = np.divide(now, fastest_kwh, out=np.zeros_like(now), where=fastest_kwh > 1e-6)
            share = self._share(state, inputs[step], lane)
            np.maximum.at(share, table.station[session], urgent)
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
