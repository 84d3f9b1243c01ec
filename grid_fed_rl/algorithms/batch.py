"""From a log to the tensors a loss takes: by step, or by whole days."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grid_fed_rl.algorithms.iql import Batch, IQLConfig, shaped_reward
from grid_fed_rl.datasets.transitions import Transitions

__all__ = ["flat_batch", "take", "trajectory_batch"]


def flat_batch(transitions: Transitions, config: IQLConfig) -> Batch:
    """Return every live step, each field (sample, ...), contiguous and the learner's own."""
    flat = transitions.flat()
    return Batch(
        observation=torch.from_numpy(flat.observation),
        action=torch.from_numpy(flat.action),
        reward=shaped_reward(torch.from_numpy(flat.reward), torch.from_numpy(flat.cost), config),
        next_observation=torch.from_numpy(flat.next_observation),
        terminated=torch.from_numpy(flat.terminated),
    )


def trajectory_batch(transitions: Transitions, config: IQLConfig) -> tuple[Batch, Tensor]:
    """Return whole days, each field (trajectory, step, ...), and their mask (trajectory, step)."""
    reward, cost = _own(transitions.reward), _own(transitions.cost)
    batch = Batch(
        observation=_own(transitions.observation[:, :-1]),
        action=_own(transitions.action),
        reward=shaped_reward(reward, cost, config),
        next_observation=_own(transitions.observation[:, 1:]),
        terminated=_own(transitions.terminated),
    )
    return batch, _own(transitions.mask)


def take(batch: Batch, index: Tensor) -> Batch:
    """Return the rows at `index` of the first axis."""
    return Batch(*(field.index_select(0, index) for field in batch))


def _own(array: NDArray[np.generic]) -> Tensor:
    """Copy a read-only array into a tensor that may be written to."""
    return torch.from_numpy(np.array(array, order="C"))
