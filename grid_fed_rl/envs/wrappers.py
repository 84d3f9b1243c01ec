"""Costs beside the reward, or in it: the two forms that constrained learners ask for.

Environments here keep costs in ``info``. `SafetyWrapper` moves their sum into the tuple,
as Safety-Gymnasium has it (J. Ji et al., "Safety Gymnasium: A Unified Safe Reinforcement
Learning Benchmark", NeurIPS 2023 Datasets and Benchmarks,
https://openreview.net/forum?id=WZmlxIuIGR; its ``Gymnasium2SafetyGymnasium``), and
`PenaltyReward` prices them into the reward. Both come for single and for vector
environments; spaces, resets, ``info`` and all else pass through as they are.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from grid_fed_rl.errors import TaskError

__all__ = ["PenaltyReward", "SafetyVectorWrapper", "SafetyWrapper", "VectorPenaltyReward"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.bool_]
Info = dict[str, Any]
Weights = float | Mapping[str, float]


class SafetyWrapper(gymnasium.Wrapper, RecordConstructorArgs):
    """A single environment whose step returns its cost, too.

    ::

        observation, reward, cost, terminated, truncated, info = env.step(action)

    Args:
        env: An environment with ``info["cost"]``.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        RecordConstructorArgs.__init__(self)
        gymnasium.Wrapper.__init__(self, env)

    def step(  # pyright: ignore[reportIncompatibleMethodOverride] - six, as Safety-Gymnasium
        self, action: Any
    ) -> tuple[Any, Any, float, bool, bool, Info]:
        """Carry out an action; `cost` is ``info["cost"]``, the sum of all channels.

        Raises:
            TaskError: the environment has no cost.
        """
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, _entry(info, "cost"), terminated, truncated, info


class SafetyVectorWrapper(VectorWrapper):
    """A vector environment whose step returns the cost of every lane, too.

    The cost is that of the step, like the reward: where a lane began anew in the same
    step (``SAME_STEP``), ``info["cost"]`` is already that of its reset, and the cost is
    taken from ``info["final_info"]``.

    Args:
        env: A vector environment with ``info["cost"]``.
    """

    def step(  # pyright: ignore[reportIncompatibleMethodOverride] - six, as Safety-Gymnasium
        self, actions: Any
    ) -> tuple[Any, Any, Floats, Lanes, Lanes, Info]:
        """Carry out an action in every lane; `cost` is (lane,).

        Raises:
            TaskError: the environment has no cost.
        """
        observation, reward, terminated, truncated, info = self.env.step(actions)
        return observation, reward, _of_step(info, "cost"), terminated, truncated, info


class PenaltyReward(gymnasium.Wrapper, RecordConstructorArgs):
    """A single environment that pays for its costs in its reward.

    The reward is the environment's minus the weighted costs; ``info`` stays as it is, so
    that the two can still be told apart.

    ::

        env = PenaltyReward(gymnasium.make("GridFedRL/IEEE13-VVO-v0"), {"voltage": 100.0})

    Args:
        env: An environment with ``info["cost"]`` and ``info["costs"]``.
        weights: Price of a unit of cost, at least 0: one for all channels, or by
            channel; channels that are not named are free.

    Raises:
        TaskError: a weight is no number of at least 0.
    """

    def __init__(self, env: gymnasium.Env, weights: Weights) -> None:
        self._weights = _checked(weights)
        RecordConstructorArgs.__init__(self, weights=weights)
        gymnasium.Wrapper.__init__(self, env)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, Info]:
        """Carry out an action.

        Raises:
            TaskError: the environment has no such cost.
        """
        observation, reward, terminated, truncated, info = self.env.step(action)
        penalty = sum(weight * _entry(info, *path) for path, weight in self._weights.items())
        return observation, float(reward) - float(penalty), terminated, truncated, info


class VectorPenaltyReward(VectorWrapper):
    """A vector environment that pays for the costs of each lane in its reward.

    As `PenaltyReward`; the costs are those of the step, see `SafetyVectorWrapper`.

    Args:
        env: A vector environment with ``info["cost"]`` and ``info["costs"]``.
        weights: Price of a unit of cost; see `PenaltyReward`.

    Raises:
        TaskError: a weight is no number of at least 0.
    """

    def __init__(self, env: VectorEnv, weights: Weights) -> None:
        self._weights = _checked(weights)
        super().__init__(env)

    def step(self, actions: Any) -> tuple[Any, Floats, Lanes, Lanes, Info]:
        """Carry out an action in every lane.

        Raises:
            TaskError: the environment has no such cost.
        """
        observation, reward, terminated, truncated, info = self.env.step(actions)
        penalty = sum(weight * _of_step(info, *path) for path, weight in self._weights.items())
        return observation, reward - penalty, terminated, truncated, info


def _checked(weights: Weights) -> dict[tuple[str, ...], float]:
    """Weights by where in an info their cost stands."""
    by_path: dict[tuple[str, ...], Any]
    if isinstance(weights, Mapping):
        by_path = {("costs", channel): weight for channel, weight in weights.items()}
    else:
        by_path = {("cost",): weights}
    for path, weight in by_path.items():
        if not isinstance(weight, int | float) or not isfinite(weight) or weight < 0.0:
            raise TaskError(
                f"weight of {path[-1]!r} is {weight!r}; expected a finite number of at least 0"
            )
    return by_path


def _entry(info: Mapping[str, Any], *path: str) -> Any:
    """An entry of an info, by its keys."""
    entry: Any = info
    for key in path:
        if key not in entry:
            known = ", ".join(name for name in entry if not name.startswith("_")) or "none"
            raise TaskError(f"the environment reports no cost {key!r} in its info; it has: {known}")
        entry = entry[key]
    return entry


def _of_step(info: Info, *path: str) -> Floats:
    """(lane,) an entry as the step left it, also where a lane began anew in that step."""
    now = _entry(info, *path)
    if "final_info" not in info:
        return now
    return np.where(info["_final_info"], _entry(info["final_info"], *path), now)
