"""Charging stations of electric vehicles."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups.group import Moment, Move
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network
from grid_fed_rl.scenarios import EvStation, SessionTable

__all__ = ["EvStations", "Plugs"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plugs:
    """Who is plugged in during a step; a plug without a car has zeros.

    Attributes:
        here: (lane, plug) whether there is a car.
        comes: (lane, plug) whether it came with this step.
        energy_kwh: (lane, plug) what it asked for when it came.
        later_kwh: (lane, plug) of that, what may follow after the episode.
        max_kw: (lane, plug) most it can take.
        steps_left: (lane, plug) steps it stays, this one included, within the episode.
    """

    here: NDArray[np.bool_]
    comes: NDArray[np.bool_]
    energy_kwh: Floats
    later_kwh: Floats
    max_kw: Floats
    steps_left: Index


@dataclass(frozen=True, eq=False)
class EvStations:
    """Charging stations, each at a load of its own, with one or two entries of the action.

    Power: at 0 and above every car charges as fast as it can, which is what happens
    without control; below, all plugs of the station charge that share slower, and not at
    all at -1. A car takes no more than it has asked for.

    Reactive power, where `reactive`: an action of 1 injects, -1 absorbs, what the
    station's rating leaves beside its active power, the rating being that of its plugs
    over `power_factor`. Without it cars draw at `power_factor`, lagging.

    The state is, plug by plug, the energy that the car there still wants, and then what
    a car that left with the step, or at the end of the episode, went without, kWh; and
    last, station by station, what it draws, kW.

    Args:
        network: The compiled feeder.
        stations: The stations, in the order of the table.
        loads: (station,) loads that draw their power.
        table: Who comes when; the rows of the scenario are its days and steps.
        reactive: Whether the action sets reactive power, too.
        power_factor: Of chargers at full power.

    Raises:
        TaskError: a station has no load, or the power factor is none.
    """

    network: Network
    stations: tuple[EvStation, ...]
    loads: tuple[str, ...]
    table: SessionTable
    reactive: bool = False
    power_factor: float = 0.98
    state_name: ClassVar[str] = "charging"

    def __post_init__(self) -> None:
        for name in self.loads:
            if name not in self.network.loads:
                raise TaskError(
                    f"charging stations: feeder {self.network.feeder.name!r} has no load {name!r}"
                )
        if len(self.loads) != len(self.stations):
            raise TaskError(
                f"charging stations: {len(self.stations)} stations, {len(self.loads)} loads; "
                f"expected one each"
            )
        if not 0.0 < self.power_factor <= 1.0:
            raise TaskError(
                f"charging stations: power_factor is {self.power_factor}; expected above 0, up to 1"
            )
        if self.table.first_hour != 0.0:
            raise TaskError(
                f"charging stations: the table's days begin at {self.table.first_hour:g} h; "
                f"expected midnight, as the scenario's do"
            )

    @cached_property
    def rated_kw(self) -> Floats:
        """(station,) power of all plugs."""
        return np.array([one.plugs * one.max_kw for one in self.stations])

    @cached_property
    def _columns(self) -> Index:
        return np.array([self.network.loads.index(name) for name in self.loads], dtype=np.int64)

    @cached_property
    def _first_plug(self) -> Index:
        """(station,) where the plugs of each begin, for `reduceat`."""
        return np.searchsorted(self.table.plug_station, np.arange(len(self.stations)))

    @property
    def names(self) -> tuple[str, ...]:
        """Power of every station, then reactive power where it can be set."""
        kinds = ("kw", "kvar") if self.reactive else ("kw",)
        return tuple(f"{one.name}.{kind}" for kind in kinds for one in self.stations)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Energy wanted at every station, what its last cars went without, its power."""
        kinds = ("wanted", "unserved", "kw")
        return tuple(f"{one.name}.{kind}" for kind in kinds for one in self.stations)

    @property
    def choices(self) -> tuple[int, ...]:
        """Eleven: as fast as it can, or fifths slower; and fifths of the reactive limit."""
        return (11,) * len(self.names)

    def __getstate__(self) -> dict[str, object]:
        """What was looked up last does not travel."""
        return {key: value for key, value in self.__dict__.items() if key != "_looked_up"}

    def plugs(self, row: Index) -> Plugs:
        """Who is plugged in during rows of the scenario: (lane,), not to be written to.

        A step asks three times for the same rows, twice for the observation before it; the
        last answer is kept.
        """
        key = row.tobytes()
        known = self.__dict__.get("_looked_up")
        if known is None or known[0] != key:
            known = key, self._plugs(row)
            object.__setattr__(self, "_looked_up", known)
        return known[1]

    def _plugs(self, row: Index) -> Plugs:
        table = self.table
        n_steps = table.occupant.shape[1]
        day, step = row // n_steps % len(table.occupant), row % n_steps
        slot = table.occupant[day, step].astype(np.int64)
        before = np.where(step[:, None] > 0, table.occupant[day, step - 1], -1)
        at = (day[:, None], np.arange(slot.shape[1]), np.maximum(slot, 0))
        here = slot >= 0
        energy_kwh = np.where(here, table.energy_kwh[at], 0.0).astype(np.float64)
        leaves = np.minimum(table.departure_step[at], n_steps)
        due_kwh = np.where(table.departure_step[at] > n_steps, table.due_kwh[at], energy_kwh)
        return Plugs(
            here=here,
            comes=here & (slot != before),
            energy_kwh=energy_kwh,
            later_kwh=np.where(here, np.maximum(energy_kwh - due_kwh, 0.0), 0.0),
            max_kw=np.where(here, table.max_kw[at], 0.0).astype(np.float64),
            steps_left=np.where(here, leaves - step[:, None], 0),
        )

    def wanted_kwh(self, state: NDArray, plugs: Plugs) -> Floats:
        """(lane, plug) energy wanted once the cars of a step have come and gone."""
        still = np.where(plugs.here, state[:, : plugs.here.shape[1]], 0.0)
        return np.where(plugs.comes, plugs.energy_kwh, still)

    def fastest_and_needed_kw(
        self, state: NDArray, row: Index, step_h: float
    ) -> tuple[Floats, Floats]:
        """What each station can draw in a row, and what it must: (lane, station) each.

        It can as fast as every car there charges; it must, to serve every car in time,
        were that spread evenly.
        """
        plugs = self.plugs(row)
        wanted = self.wanted_kwh(state, plugs)
        fastest = np.minimum(plugs.max_kw, wanted / step_h)
        due = np.maximum(wanted - plugs.later_kwh, 0.0)
        needed = due / (np.maximum(plugs.steps_left, 1) * step_h)
        return self.by_station(fastest), self.by_station(needed)

    def by_station(self, by_plug: Floats) -> Floats:
        """Sums over the plugs of each station: (lane, station)."""
        return np.add.reduceat(by_plug, self._first_plug, axis=1)

    def rest(self, moment: Moment) -> Floats:
        """Nobody has asked for anything yet: cars come with the first step."""
        n = 2 * len(self.table.plug_station) + len(self.stations)
        return np.zeros((len(moment.row), n))

    def step(self, state: NDArray, action: Floats, moment: Moment) -> tuple[NDArray, Move]:
        """Charge the cars that are there."""
        n_lanes, n = len(action), len(self.stations)
        plugs = self.plugs(moment.row)
        wanted = self.wanted_kwh(state, plugs)
        share = 1.0 + np.minimum(action[:, :n], 0.0)
        fastest_kw = np.minimum(plugs.max_kw, wanted / moment.step_h)
        given_kwh = share[:, self.table.plug_station] * fastest_kw * moment.step_h
        left = wanted - given_kwh
        over = plugs.here & (plugs.steps_left == 1)
        unserved = np.where(over, np.maximum(left - plugs.later_kwh, 0.0), 0.0)
        executed = action.copy()
        executed[:, :n] = share - 1.0
        drawn_kw = self.by_station(given_kwh) / moment.step_h
        return np.concatenate([left, unserved, drawn_kw], axis=1), Move(
            executed=executed,
            operations=np.zeros(action.shape, dtype=np.int64),
            wear_usd=np.zeros(n_lanes),
            loss_kw=np.zeros(n_lanes),
        )

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move) -> None:
        """What the stations draw."""
        drawn_kw = self.drawn_kw(state)
        tangent = math.sqrt(1.0 - self.power_factor**2) / self.power_factor
        drawn_kvar = drawn_kw * tangent
        if self.reactive:
            rated_kva = self.rated_kw / self.power_factor
            room = np.sqrt(np.maximum(rated_kva**2 - drawn_kw**2, 0.0))
            drawn_kvar = -move.executed[:, len(self.stations) :] * room
        for name, drawn in (("load_kw", drawn_kw), ("load_kvar", drawn_kvar)):
            setpoint[name] = setpoint[name].copy()
            setpoint[name][:, self._columns] += drawn

    def observe(self, state: NDArray) -> Floats:
        """All over what the station could give in an hour, from -1 at none."""
        n = len(self.table.plug_station)
        sums = [self.by_station(state[:, :n]), self.by_station(state[:, n : 2 * n])]
        seen = np.concatenate([*sums, self.drawn_kw(state)], axis=1) / np.tile(self.rated_kw, 3)
        return np.clip(2.0 * seen - 1.0, -1.0, 1.0)

    def drawn_kw(self, state: NDArray) -> Floats:
        """What every station draws: (lane, station)."""
        return state[:, 2 * len(self.table.plug_station) :]

    def unserved_kwh(self, state: NDArray) -> Floats:
        """Energy that cars went without in the step: (lane,)."""
        n = len(self.table.plug_station)
        return state[:, n : 2 * n].sum(axis=1)
