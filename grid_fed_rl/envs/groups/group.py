"""What a group of controlled devices is: from an action to a set-point, and what it costs.

A group knows nothing of episodes: `rest` gives the state at the start of one,
`step` maps state and action to the next state and what was done, and `write`
puts both into the arrays of a `Setpoint`. Actions run from -1 to 1; all arrays
lead with the lane.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["DeviceGroup", "Moment", "Move"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moment:
    """The step that an action governs, and what the world brings to it.

    Attributes:
        row: (lane,) row of the scenario.
        step_h: Length of the step in hours.
        load_kw: (lane, load) what loads would draw at nominal voltage.
        load_kvar: (lane, load).
        pv_kw: (lane, pv) what the sun offers.
    """

    row: NDArray[np.int64]
    step_h: float
    load_kw: Floats
    load_kvar: Floats
    pv_kw: Floats


@dataclass(frozen=True, slots=True)
class Move:
    """What a group did in one step.

    Attributes:
        executed: (lane, action) the action as carried out, -1 to 1.
        operations: (lane, action) switching operations: tap steps, capacitor switchings.
        wear_usd: (lane,) what the step cost in wear.
        loss_kw: (lane,) lost in the devices themselves.
    """

    executed: Floats
    operations: NDArray[np.int64]
    wear_usd: Floats
    loss_kw: Floats

    @classmethod
    def nothing(cls, n_lanes: int, n_actions: int) -> Self:
        """Nothing done in any lane."""
        return cls(
            executed=np.zeros((n_lanes, n_actions)),
            operations=np.zeros((n_lanes, n_actions), dtype=np.int64),
            wear_usd=np.zeros(n_lanes),
            loss_kw=np.zeros(n_lanes),
        )


class DeviceGroup(Protocol):
    """Devices of one kind."""

    state_name: ClassVar[str]
    """What its state is, such as ``tap_position``; unique in a case."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each entry of its action is, a device mostly."""
        ...

    @property
    def choices(self) -> tuple[int, ...]:
        """(action,) evenly spaced choices from -1 to 1 that each has if actions are discrete."""
        ...

    @property
    def state_names(self) -> tuple[str, ...]:
        """What each entry of its state is, as `observe` shows it."""
        ...

    def rest(self, moment: Moment) -> NDArray:
        """State at the start of an episode that begins so: (lane, entry)."""
        ...

    def step(self, state: NDArray, action: Floats, moment: Moment) -> tuple[NDArray, Move]:
        """Carry out an action of (lane, action): next state, and what was done."""
        ...

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move) -> None:
        """Put a state, and the move that led to it, into the arrays of a set-point.

        The arrays of DER powers are this step's own, to be written to; the others are
        replaced, not written to.
        """
        ...

    def observe(self, state: NDArray) -> Floats:
        """State scaled by its physical limits to -1..1: (lane, entry)."""
        ...
