"""The feeder as a step left it: what observation, reward and cost may look at.

`LaneRecord` is what any such record of arrays, lane first, can do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import Move
from grid_fed_rl.powerflow import PowerFlow, Setpoint

__all__ = ["LaneRecord", "Snapshot"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]


class LaneRecord:
    """A frozen dataclass of arrays, lane first, taken apart and put together by lanes."""

    __slots__ = ()

    def lanes(self, index: Lanes) -> Self:
        """Some lanes alone."""
        return _map_arrays(lambda array: array[index], self)

    def with_lanes(self, index: Lanes, part: Self) -> Self:
        """A copy whose lanes at `index` are those of `part`."""

        def put(array: NDArray, values: NDArray) -> NDArray:
            changed = array.copy()
            changed[index] = values
            return changed

        return _map_arrays(put, self, part)

    def with_parts(self, parts: Sequence[tuple[Lanes, Self]]) -> Self:
        """The same with several parts, all put into one copy, in order."""
        indices = [index for index, _ in parts]

        def put(array: NDArray, *values: NDArray) -> NDArray:
            changed = array.copy()
            for index, value in zip(indices, values, strict=True):
                changed[index] = value
            return changed

        return _map_arrays(put, self, *(part for _, part in parts))


@dataclass(frozen=True, slots=True)
class Snapshot(LaneRecord):
    """The feeder after a step, one row a lane, and all that the next step needs.

    Attributes:
        day: (lane,) day of the year on which the episode began.
        step: (lane,) steps of the episode that are done; 0 right after a reset.
        chance: (lane,) key of the stream that what the episode leaves to chance comes from.
        row: (lane,) row of the scenario that was solved.
        next_row: (lane,) row of the scenario that comes next.
        ends: (lane,) whether this was the last step of the horizon.
        states: (lane, device) state of each device group, by its `state_name`.
        moves: What each group did, by its `state_name`; nothing after a reset.
        operated: (lane, action) operations of each group since the episode began.
        setpoint: What was solved.
        der_kw_before: (lane, der) what DER gave in the step before; the same right after
            a reset.
        flow: Its solution, with 0 V in a lane that did not converge.
        v_pu: (lane, node) magnitude of the voltages that customers are served by: to ground,
            and on a delta feeder to the next phase.
        loss_kw: (lane,) network losses plus those in the devices.
        step_h: Length of a step in hours.
    """

    day: NDArray[np.int64]
    step: NDArray[np.int64]
    chance: NDArray[np.uint64]
    row: NDArray[np.int64]
    next_row: NDArray[np.int64]
    ends: NDArray[np.bool_]
    states: Mapping[str, NDArray]
    moves: Mapping[str, Move]
    operated: Mapping[str, NDArray[np.int64]]
    setpoint: Setpoint
    der_kw_before: Floats
    flow: PowerFlow
    v_pu: Floats
    loss_kw: Floats
    step_h: float

    @property
    def acted(self) -> NDArray[np.bool_]:
        """(lane,) whether a step was taken; False right after a reset."""
        return self.step > 0

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(lane,) whether the power flow of the step did not converge."""
        return self.acted & ~self.flow.converged


def _map_arrays(function: Callable[..., NDArray], first: Any, *others: Any) -> Any:
    """Apply a function to the arrays of records of one structure, field by field."""
    if isinstance(first, np.ndarray):
        return function(first, *others)
    if isinstance(first, Mapping):
        return {
            key: _map_arrays(function, value, *(other[key] for other in others))
            for key, value in first.items()
        }
    if is_dataclass(first) and not isinstance(first, type):
        return type(first)(
            *(
                _map_arrays(function, *(getattr(one, name) for one in (first, *others)))
                for name in _names(type(first))
            )
        )
    return first


@cache
def _names(record: type) -> tuple[str, ...]:
    """Fields of a record, in the order of its constructor."""
    return tuple(field.name for field in fields(record))
