"""Step-voltage regulators, moved a few steps at a time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import move_taps
from grid_fed_rl.envs.groups.group import Moment, Move
from grid_fed_rl.powerflow import Network, Setpoint

__all__ = ["Regulators"]

Floats = NDArray[np.float64]


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

    @property
    def choices(self) -> tuple[int, ...]:
        """Every whole number of steps."""
        return (2 * self.most_steps + 1,) * len(self.names)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The same."""
        return self.names

    def rest(self, moment: Moment) -> NDArray[np.int32]:
        """Every regulator at neutral."""
        return np.zeros((len(moment.row), len(self.names)), dtype=np.int32)

    def step(self, state: NDArray, action: Floats, moment: Moment) -> tuple[NDArray, Move]:
        """Move taps by the nearest whole number of steps, within their range."""
        del moment
        change = np.rint(action * self.most_steps).astype(np.int32)
        after, _ = move_taps(state, change, self.network.tap_lowest, self.network.tap_highest)
        return after, self.moved(state, after)

    def moved(self, before: NDArray, after: NDArray) -> Move:
        """The move from one set of positions to another."""
        operations = np.abs(after - before).astype(np.int64)
        return Move(
            executed=np.minimum(np.maximum((after - before) / self.most_steps, -1.0), 1.0),
            operations=operations,
            wear_usd=operations.sum(axis=1) * self.wear_usd_per_step,
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
