"""Everything that observation, reward and cost may look at after a step."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import Move
from grid_fed_rl.powerflow import PowerFlow, Setpoint

__all__ = ["Snapshot"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The feeder after a step, one row a lane.

    Attributes:
        setpoint: What was solved.
        flow: Its solution.
        v_pu: (lane, node) voltage magnitude; 0 where the row did not converge.
        loss_kw: (lane,) network losses plus those in the devices.
        moves: What each device group did, by its `columns`; empty after a reset.
        states: (lane, device) state of each group, by its `columns`.
        row: (lane,) row of the scenario that was solved.
        next_row: (lane,) row of the scenario that comes next.
        step: (lane,) steps of the episode that are done.
        ends: (lane,) whether this was the last step of the horizon.
        step_h: Length of a step in hours.
    """

    setpoint: Setpoint
    flow: PowerFlow
    v_pu: Floats
    loss_kw: Floats
    moves: Mapping[str, Move]
    states: Mapping[str, NDArray]
    row: NDArray[np.int64]
    next_row: NDArray[np.int64]
    step: NDArray[np.int64]
    ends: NDArray[np.bool_]
    step_h: float
