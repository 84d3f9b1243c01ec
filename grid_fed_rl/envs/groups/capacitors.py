"""Switched capacitor banks."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import switch_capacitors
from grid_fed_rl.envs.groups.group import Moment, Move
from grid_fed_rl.powerflow import Network, Setpoint

__all__ = ["Capacitors"]

Floats = NDArray[np.float64]


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

    @property
    def choices(self) -> tuple[int, ...]:
        """Open or close."""
        return (2,) * len(self.names)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The same."""
        return self.names

    def rest(self, moment: Moment) -> NDArray[np.int64]:
        """Every bank open."""
        return np.zeros((len(moment.row), len(self.names)), dtype=np.int64)

    def step(self, state: NDArray, action: Floats, moment: Moment) -> tuple[NDArray, Move]:
        """Open or close banks."""
        del moment
        command = np.where(np.abs(action) <= 1.0 / 3.0, state, action > 0.0).astype(np.int64)
        after, _ = switch_capacitors(state, command)
        return after, self.moved(state, after)

    def moved(self, before: NDArray, after: NDArray) -> Move:
        """The move from one set of states to another."""
        operations = (after != before).astype(np.int64)
        return Move(
            executed=self.observe(after),
            operations=operations,
            wear_usd=operations.sum(axis=1) * self.wear_usd_per_switching,
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
