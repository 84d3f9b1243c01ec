"""Charging stations of electric vehicles."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups.charging_kernels import Cars, Demand, charge, demanded, wanted
from grid_fed_rl.envs.groups.group import Moment, Move
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network
from grid_fed_rl.powerflow.kernels import read_only
from grid_fed_rl.scenarios import EvStation, SessionTable

__all__ = ["EvStations"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EvStations:
    """Charging stations, each at a load of its own, with one or two entries of the action.

    Power: at 0 and above every car charges as fast as it can, which is what happens
    without control; below, all plugs of the station charge that share slower, and not at
    all at -1. A car takes no more than it has asked for.

    Reactive power, where `reactive`: an action of 1 injects, -1 absorbs, what the
    station's rating leaves beside its active power, the rating being that of its plugs
    over `power_factor`. Without it cars draw at `power_factor`, lagging.

    The state is what every car that was there in the step still wants, kWh, in the order
    of the table and with room for as many as are ever there; then, station by station, the
    sum of that, what cars that left with the step, or at the end of the episode, went
    without, kWh, and what it draws, kW.

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
    def _room(self) -> int:
        """Most cars that are ever there."""
        return int(np.diff(self.table.first_there).max(initial=0))

    @cached_property
    def _cars(self) -> Cars:
        table = self.table
        return Cars(
            table.n_steps,
            *(read_only(getattr(table, name)) for name in Cars._fields[1:]),
        )

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

    def wanted_kwh(self, state: NDArray, row: Index) -> Floats:
        """(lane, car) wanted by the cars of a row, in order, once they have come and gone."""
        into = np.zeros((len(row), self._room))
        wanted(self._cars, self._row(row), read_only(state), into)
        return into

    def demand(self, state: NDArray, row: Index, step_h: float) -> Demand:
        """What the cars of a row ask of their stations."""
        into = Demand(*(np.zeros((len(row), len(self.stations))) for _ in Demand._fields))
        demanded(self._cars, self._row(row), step_h, read_only(state), into)
        return into

    def _row(self, row: Index) -> Index:
        """Rows of the table: after its last day comes its first."""
        return read_only(row % (len(self.table.first_there) - 1))

    def rest(self, moment: Moment) -> Floats:
        """Nobody has asked for anything yet: cars come with the first step."""
        return np.zeros((len(moment.row), self._room + 3 * len(self.stations)))

    def step(self, state: NDArray, action: Floats, moment: Moment) -> tuple[NDArray, Move]:
        """Charge the cars that are there."""
        n_lanes, n = len(action), len(self.stations)
        share = 1.0 + np.minimum(action[:, :n], 0.0)
        after = np.zeros_like(state)
        charge(self._cars, self._row(moment.row), moment.step_h, read_only(state), share, after)
        executed = action.copy()
        executed[:, :n] = share - 1.0
        return after, Move(
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
        seen = state[:, self._room :] / np.tile(self.rated_kw, 3)
        return np.clip(2.0 * seen - 1.0, -1.0, 1.0)

    def drawn_kw(self, state: NDArray) -> Floats:
        """What every station draws: (lane, station)."""
        return state[:, -len(self.stations) :]

    def unserved_kwh(self, state: NDArray) -> Floats:
        """Energy that cars went without in the step: (lane,)."""
        n = len(self.stations)
        return state[:, -2 * n : -n].sum(axis=1)
