"""Groups of controlled devices: from an action to a set-point, and what it costs.

A group knows nothing of episodes: `rest` gives its state at the start of one,
`step` maps state and action to the next state, and `write` puts a state into the
arrays of a `Setpoint`. Actions run from -1 to 1; all arrays lead with the lane.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import Battery, battery_step, move_taps, switch_capacitors
from grid_fed_rl.powerflow import Network

__all__ = ["Batteries", "Capacitors", "DeviceGroup", "Move", "Regulators"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Move:
    """What a group did in one step.

    Attributes:
        state: (lane, device) afterwards.
        executed: (lane, device) the action as carried out, -1 to 1.
        operations: (lane,) switching operations: tap steps, capacitor switchings.
        wear_usd: (lane,) what the step cost in wear.
        loss_kw: (lane,) lost in the devices themselves.
    """

    state: NDArray
    executed: Floats
    operations: NDArray[np.int64]
    wear_usd: Floats
    loss_kw: Floats


class DeviceGroup(Protocol):
    """Devices of one kind."""

    names: tuple[str, ...]
    columns: str  # the state this group keeps: "tap_position", "capacitor_closed" or "soc"

    def rest(self, n_lanes: int) -> NDArray:
        """State at the start of an episode: (lane, device)."""
        ...

    def step(self, state: NDArray, action: Floats, dt_h: float) -> Move:
        """Carry out an action of (lane, device) for a step of `dt_h` hours."""
        ...

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move | None) -> None:
        """Put a state, and the move that led to it, into set-point arrays."""
        ...

    def observe(self, state: NDArray) -> Floats:
        """State scaled by its physical limits to -1..1: (lane, device)."""
        ...


@dataclass(frozen=True)
class Regulators:
    """Step-voltage regulators moved a few steps at a time.

    An action of 1 raises by `most_steps`, 0 holds. Each step costs
    `wear_usd_per_step`.
    """

    network: Network
    most_steps: int
    wear_usd_per_step: float
    columns: str = "tap_position"

    @property
    def names(self) -> tuple[str, ...]:
        """Regulators of the network."""
        return self.network.regulators

    def rest(self, n_lanes: int) -> NDArray[np.int32]:
        """Every regulator at neutral."""
        return np.zeros((n_lanes, len(self.names)), dtype=np.int32)

    def step(self, state: NDArray, action: Floats, dt_h: float) -> Move:
        """Move taps by the nearest whole number of steps, within their range."""
        del dt_h
        change = np.rint(action * self.most_steps).astype(np.int32)
        after, _ = move_taps(state, change, self.network.tap_lowest, self.network.tap_highest)
        return self.moved(state, after)

    def moved(self, before: NDArray, after: NDArray) -> Move:
        """The move from one set of positions to another."""
        operations = np.abs(after - before).sum(axis=1, dtype=np.int64)
        return Move(
            state=after,
            executed=np.clip((after - before) / self.most_steps, -1.0, 1.0),
            operations=operations,
            wear_usd=operations * self.wear_usd_per_step,
            loss_kw=np.zeros(len(after)),
        )

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move | None) -> None:
        """Tap positions."""
        del move
        setpoint["tap_position"] = state

    def observe(self, state: NDArray) -> Floats:
        """Position over the furthest position."""
        return state / np.maximum(np.abs(self.network.tap_lowest), self.network.tap_highest)


@dataclass(frozen=True)
class Capacitors:
    """Switched capacitor banks.

    An action above a third closes, below minus a third opens, and in between
    holds, so that a policy near its border does not chatter.
    """

    network: Network
    wear_usd_per_switching: float
    columns: str = "capacitor_closed"

    @property
    def names(self) -> tuple[str, ...]:
        """Capacitors of the network."""
        return self.network.capacitors

    def rest(self, n_lanes: int) -> NDArray[np.int64]:
        """Every bank open."""
        return np.zeros((n_lanes, len(self.names)), dtype=np.int64)

    def step(self, state: NDArray, action: Floats, dt_h: float) -> Move:
        """Open or close banks."""
        del dt_h
        command = np.where(np.abs(action) <= 1.0 / 3.0, state, action > 0.0).astype(np.int64)
        after, _ = switch_capacitors(state, command)
        return self.moved(state, after)

    def moved(self, before: NDArray, after: NDArray) -> Move:
        """The move from one set of states to another."""
        operations = (after != before).sum(axis=1)
        return Move(
            state=after,
            executed=np.where(after > 0.0, 1.0, -1.0),
            operations=operations,
            wear_usd=operations * self.wear_usd_per_switching,
            loss_kw=np.zeros(len(after)),
        )

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move | None) -> None:
        """Capacitor states."""
        del move
        setpoint["capacitor_closed"] = state.astype(np.float64)

    def observe(self, state: NDArray) -> Floats:
        """1 closed, -1 open."""
        return 2.0 * state - 1.0


@dataclass(frozen=True)
class Batteries:
    """Batteries: an action of 1 discharges at full power, -1 charges.

    The state is the state of charge; conversion losses count as losses, and
    every kWh through the terminals costs `wear_usd_per_kwh`.
    """

    ratings: Battery
    wear_usd_per_kwh: float
    soc_at_rest: float = 0.5
    columns: str = "soc"

    @property
    def names(self) -> tuple[str, ...]:
        """The batteries."""
        return self.ratings.names

    def rest(self, n_lanes: int) -> Floats:
        """Every battery at its state of charge at rest."""
        return np.full((n_lanes, len(self.names)), self.soc_at_rest)

    def step(self, state: NDArray, action: Floats, dt_h: float) -> Move:
        """Charge or discharge within power, energy and efficiency limits."""
        after, p_kw = battery_step(self.ratings, state, action * self.ratings.p_max_kw, dt_h)
        released_kw = (state - after) * self.ratings.energy_kwh / dt_h
        return Move(
            state=after,
            executed=p_kw / self.ratings.p_max_kw,
            operations=np.zeros(len(after), dtype=np.int64),
            wear_usd=np.abs(p_kw).sum(axis=1) * dt_h * self.wear_usd_per_kwh,
            loss_kw=(released_kw - p_kw).sum(axis=1),
        )

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move | None) -> None:
        """Power of the last columns of the DER; idle where nothing moved."""
        if move is not None:
            setpoint["der_kw"][:, -state.shape[1] :] = move.executed * self.ratings.p_max_kw

    def observe(self, state: NDArray) -> Floats:
        """State of charge: -1 empty, 1 full."""
        return 2.0 * state - 1.0
