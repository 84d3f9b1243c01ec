"""Groups of controlled devices: from an action to a set-point, and what it costs.

A group knows nothing of episodes: `rest` gives the state at the start of one,
`step` maps state and action to the next state and what was done, and `write`
puts both into the arrays of a `Setpoint`. Actions run from -1 to 1; all arrays
lead with the lane.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import Battery, battery_step, move_taps, switch_capacitors
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network, Setpoint

__all__ = ["Batteries", "Capacitors", "DeviceGroup", "Move", "Regulators"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Move:
    """What a group did in one step.

    Attributes:
        executed: (lane, device) the action as carried out, -1 to 1.
        operations: (lane,) switching operations: tap steps, capacitor switchings.
        wear_usd: (lane,) what the step cost in wear.
        loss_kw: (lane,) lost in the devices themselves.
    """

    executed: Floats
    operations: NDArray[np.int64]
    wear_usd: Floats
    loss_kw: Floats

    @classmethod
    def nothing(cls, n_lanes: int, n_devices: int) -> Self:
        """Nothing done in any lane."""
        return cls(
            executed=np.zeros((n_lanes, n_devices)),
            operations=np.zeros(n_lanes, dtype=np.int64),
            wear_usd=np.zeros(n_lanes),
            loss_kw=np.zeros(n_lanes),
        )


class DeviceGroup(Protocol):
    """Devices of one kind."""

    state_name: ClassVar[str]
    """What its state is, such as ``tap_position``; unique in a case."""

    @property
    def names(self) -> tuple[str, ...]:
        """The devices, in the order of their actions."""
        ...

    def rest(self, n_lanes: int) -> NDArray:
        """State at the start of an episode: (lane, device)."""
        ...

    def step(self, state: NDArray, action: Floats, dt_h: float) -> tuple[NDArray, Move]:
        """Carry out an action of (lane, device) for `dt_h` hours: next state, and what was done."""
        ...

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move) -> None:
        """Put a state, and the move that led to it, into the arrays of a set-point."""
        ...

    def observe(self, state: NDArray) -> Floats:
        """State scaled by its physical limits to -1..1: (lane, device)."""
        ...


@dataclass(frozen=True, eq=False)
class Regulators:
    """Step-voltage regulators moved a few steps at a time.

    An action of 1 raises by `most_steps`, 0 holds. Each step costs
    `wear_usd_per_step`. The state is the tap position; at rest it is neutral.
    """

    network: Network
    most_steps: int
    wear_usd_per_step: float
    state_name: ClassVar[str] = "tap_position"

    @property
    def names(self) -> tuple[str, ...]:
        """Regulators of the network."""
        return self.network.regulators

    def rest(self, n_lanes: int) -> NDArray[np.int32]:
        """Every regulator at neutral."""
        return np.zeros((n_lanes, len(self.names)), dtype=np.int32)

    def step(self, state: NDArray, action: Floats, dt_h: float) -> tuple[NDArray, Move]:
        """Move taps by the nearest whole number of steps, within their range."""
        del dt_h
        change = np.rint(action * self.most_steps).astype(np.int32)
        after, _ = move_taps(state, change, self.network.tap_lowest, self.network.tap_highest)
        return after, self.moved(state, after)

    def moved(self, before: NDArray, after: NDArray) -> Move:
        """The move from one set of positions to another."""
        operations = np.abs(after - before).sum(axis=1, dtype=np.int64)
        return Move(
            executed=np.clip((after - before) / self.most_steps, -1.0, 1.0),
            operations=operations,
            wear_usd=operations * self.wear_usd_per_step,
            loss_kw=np.zeros(len(after)),
        )

    def read(self, setpoint: Setpoint) -> NDArray[np.int32]:
        """Positions that a set-point asks for."""
        return setpoint.tap_position

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move) -> None:
        """Tap positions."""
        del move
        setpoint["tap_position"] = state

    def observe(self, state: NDArray) -> Floats:
        """Position over the furthest position."""
        return state / np.maximum(np.abs(self.network.tap_lowest), self.network.tap_highest)


@dataclass(frozen=True, eq=False)
class Capacitors:
    """Switched capacitor banks.

    An action above a third closes, below minus a third opens, and in between
    holds, so that a policy near its border does not chatter. The state is 1
    closed, 0 open; at rest every bank is open.
    """

    network: Network
    wear_usd_per_switching: float
    state_name: ClassVar[str] = "capacitor_closed"

    @property
    def names(self) -> tuple[str, ...]:
        """Capacitors of the network."""
        return self.network.capacitors

    def rest(self, n_lanes: int) -> NDArray[np.int64]:
        """Every bank open."""
        return np.zeros((n_lanes, len(self.names)), dtype=np.int64)

    def step(self, state: NDArray, action: Floats, dt_h: float) -> tuple[NDArray, Move]:
        """Open or close banks."""
        del dt_h
        command = np.where(np.abs(action) <= 1.0 / 3.0, state, action > 0.0).astype(np.int64)
        after, _ = switch_capacitors(state, command)
        return after, self.moved(state, after)

    def moved(self, before: NDArray, after: NDArray) -> Move:
        """The move from one set of states to another."""
        operations = (after != before).sum(axis=1, dtype=np.int64)
        return Move(
            executed=self.observe(after),
            operations=operations,
            wear_usd=operations * self.wear_usd_per_switching,
            loss_kw=np.zeros(len(after)),
        )

    def read(self, setpoint: Setpoint) -> NDArray[np.int64]:
        """States that a set-point asks for."""
        return setpoint.capacitor_step.astype(np.int64)

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move) -> None:
        """Capacitor states."""
        del move
        setpoint["capacitor_step"] = state.astype(np.int32)

    def observe(self, state: NDArray) -> Floats:
        """1 closed, -1 open."""
        return 2.0 * state - 1.0


@dataclass(frozen=True, eq=False)
class Batteries:
    """Batteries: an action of 1 discharges at full power, -1 charges.

    The state is the state of charge. Conversion losses count as losses, and
    every kWh through the terminals costs `wear_usd_per_kwh`.
    """

    network: Network
    wear_usd_per_kwh: float
    soc_at_rest: float = 0.5
    state_name: ClassVar[str] = "soc"

    def __post_init__(self) -> None:
        ratings = self.ratings
        outside = (self.soc_at_rest < ratings.soc_min) | (self.soc_at_rest > ratings.soc_max)
        if outside.any():
            k = int(np.argmax(outside))
            raise TaskError(
                f"batteries: soc_at_rest is {self.soc_at_rest}; battery {self.names[k]!r} takes "
                f"{ratings.soc_min[k]:g} to {ratings.soc_max[k]:g}"
            )

    @cached_property
    def ratings(self) -> Battery:
        """Ratings of the feeder's storage."""
        stores = self.network.feeder.storages.values()
        return Battery(
            names=tuple(one.name for one in stores),
            p_max_kw=np.array([one.kw for one in stores]),
            energy_kwh=np.array([one.kwh for one in stores]),
            efficiency_charge=np.array([one.efficiency_charge for one in stores]),
            efficiency_discharge=np.array([one.efficiency_discharge for one in stores]),
            soc_min=np.array([one.soc_min for one in stores]),
            soc_max=np.array([one.soc_max for one in stores]),
            s_kva=np.array([one.kva for one in stores]),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The batteries."""
        return self.ratings.names

    def rest(self, n_lanes: int) -> Floats:
        """Every battery at its state of charge at rest."""
        return np.full((n_lanes, len(self.names)), self.soc_at_rest)

    def step(self, state: NDArray, action: Floats, dt_h: float) -> tuple[NDArray, Move]:
        """Charge or discharge within power, energy and efficiency limits."""
        after, p_kw = battery_step(self.ratings, state, action * self.ratings.p_max_kw, dt_h)
        released_kw = (state - after) * self.ratings.energy_kwh / dt_h
        return after, Move(
            executed=p_kw / self.ratings.p_max_kw,
            operations=np.zeros(len(after), dtype=np.int64),
            wear_usd=np.abs(p_kw).sum(axis=1) * dt_h * self.wear_usd_per_kwh,
            loss_kw=(released_kw - p_kw).sum(axis=1),
        )

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move) -> None:
        """Power of the batteries, which stand behind the PV among the DER."""
        del state
        n_pv = len(self.network.feeder.pvs)
        setpoint["der_kw"][:, n_pv:] = move.executed * self.ratings.p_max_kw

    def observe(self, state: NDArray) -> Floats:
        """State of charge: -1 empty, 1 full."""
        return 2.0 * state - 1.0
