"""Loads that can be put off, and make up for it."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups.group import Moment, Move
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network

__all__ = ["FlexibleLoads"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FlexibleLoads:
    """Loads part of which can be moved in time, such as water heating and cooling.

    An action of 1 puts off `share` of what the load would draw, -1 draws as much
    more. What was put off is owed; what was drawn ahead is owed back. The debt stays
    within `hours` times the share of the load's nominal power, either way, and the
    action is cut to that. Reactive power follows active power.

    The state is the debt in kWh; at rest it is 0.
    """

    network: Network
    loads: tuple[str, ...]
    share: float = 0.2
    hours: float = 2.0
    state_name: ClassVar[str] = "owed_kwh"

    def __post_init__(self) -> None:
        known = self.network.loads
        for name in self.loads:
            if name not in known:
                raise TaskError(f"flexible loads: no load {name!r}; known: {', '.join(known)}")
        if not 0.0 < self.share <= 1.0:
            raise TaskError(f"flexible loads: share is {self.share}; expected above 0, up to 1")
        if not self.hours > 0.0:
            raise TaskError(f"flexible loads: hours is {self.hours}; expected above 0")

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """(device,) columns of the loads."""
        return np.array([self.network.loads.index(name) for name in self.loads], dtype=np.int64)

    @cached_property
    def most_kwh(self) -> Floats:
        """(device,) the largest debt."""
        feeder = self.network.feeder
        return self.hours * self.share * np.array([feeder.loads[name].kw for name in self.loads])

    @property
    def names(self) -> tuple[str, ...]:
        """The loads."""
        return self.loads

    @property
    def state_names(self) -> tuple[str, ...]:
        """The same."""
        return self.loads

    @property
    def choices(self) -> tuple[int, ...]:
        """Five: as it comes, and half or all of the share either way."""
        return (5,) * len(self.loads)

    def rest(self, moment: Moment) -> Floats:
        """Nothing owed."""
        return np.zeros((len(moment.row), len(self.loads)))

    def step(self, state: NDArray, action: Floats, moment: Moment) -> tuple[NDArray, Move]:
        """Put off or draw ahead, within what may be owed."""
        most_kw = self.share * moment.load_kw[:, self.columns]
        after = np.clip(state + action * most_kw * moment.step_h, -self.most_kwh, self.most_kwh)
        moved_kw = (after - state) / moment.step_h
        n_lanes = len(action)
        return after, Move(
            executed=np.divide(moved_kw, most_kw, out=np.zeros_like(action), where=most_kw > 0.0),
            operations=np.zeros(action.shape, dtype=np.int64),
            wear_usd=np.zeros(n_lanes),
            loss_kw=np.zeros(n_lanes),
        )

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move) -> None:
        """What the loads draw."""
        del state
        drawn = 1.0 - self.share * move.executed
        for name in ("load_kw", "load_kvar"):
            setpoint[name] = setpoint[name].copy()
            setpoint[name][:, self.columns] *= drawn

    def observe(self, state: NDArray) -> Floats:
        """The debt over the largest."""
        return state / np.maximum(self.most_kwh, 1e-9)

    def owed_kwh(self, state: NDArray) -> Floats:
        """Energy still to be drawn: (lane,)."""
        return np.maximum(state, 0.0).sum(axis=1)
