"""Stable-Baselines3 on a vector environment: its own interface of one, without copies.

The batch stays a batch: Stable-Baselines3 would otherwise step one environment after
the other. Needs the extra ``sb3``; nothing else in the package imports this module.

A. Raffin et al., "Stable-Baselines3: Reliable Reinforcement Learning Implementations",
JMLR 22(268), 2021.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices

from grid_fed_rl.errors import TaskError

__all__ = ["SB3Lanes"]


class SB3Lanes(VecEnv):
    """A Gymnasium vector environment as Stable-Baselines3's ``VecEnv``.

    Where a lane ended, its info has ``terminal_observation`` and
    ``TimeLimit.truncated``, from which Stable-Baselines3 goes on to value what a mere
    time limit cut off, and its other entries are those of the last step. The seeds of
    ``seed(s)`` are those of Gymnasium: lane i begins with s + i.

    Args:
        envs: A vector environment that begins anew in the same step (``SAME_STEP``).

    Raises:
        TaskError: it begins anew in another way.
    """

    def __init__(self, envs: VectorEnv) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise TaskError(
                f"autoreset_mode is {mode}; expected {AutoresetMode.SAME_STEP}, as by "
                f'gymnasium.make_vec(..., autoreset_mode="SameStep")'
            )
        self.envs = envs
        self._actions: Any = None
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        """Begin a new episode in every lane, with what `seed` and `set_options` left."""
        seeds = self._seeds if any(seed is not None for seed in self._seeds) else None
        options = self._options[0]
        if any(other != options for other in self._options):
            raise TaskError("options differ from lane to lane; a vector environment takes one")
        # Gymnasium's type of `seed` names only one; its environments take one a lane, too.
        observation, info = self.envs.reset(seed=seeds, options=options or None)  # pyright: ignore[reportArgumentType]
        self.reset_infos = _by_lane(info, self.num_envs)
        self._reset_seeds()
        self._reset_options()
        return observation

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Carry out the actions: observation, reward, done and info of every lane."""
        observation, reward, terminated, truncated, info = self.envs.step(self._actions)
        done = terminated | truncated
        last_info, last_observation = info.pop("final_info", {}), info.pop("final_obs", None)
        lanes = _by_lane(info, self.num_envs)
        for lane in np.flatnonzero(done):
            self.reset_infos[lane] = lanes[lane]
            lanes[lane] = _of_lane(last_info, int(lane))
            lanes[lane]["terminal_observation"] = last_observation[lane]
        for lane, cut_off in zip(lanes, truncated & ~terminated, strict=True):
            lane["TimeLimit.truncated"] = bool(cut_off)
        return observation, np.asarray(reward, dtype=np.float32), done, lanes

    def close(self) -> None:
        """Close the vector environment."""
        self.envs.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of the vector environment, which all its lanes share."""
        holder = self.envs if hasattr(self.envs, attr_name) else self.envs.unwrapped
        return [getattr(holder, attr_name)] * len(self._lanes(indices))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the vector environment, for all lanes at once.

        Raises:
            TaskError: only some lanes are meant.
        """
        if len(self._lanes(indices)) != self.num_envs:
            raise TaskError(f"{attr_name!r} is of all lanes; it cannot be set in some")
        setattr(self.envs.unwrapped, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Not to be had: lanes are not environments of their own.

        Raises:
            TaskError: always.
        """
        del method_args, indices, method_kwargs
        raise TaskError(f"lanes have no method {method_name!r} of their own; call envs.unwrapped's")

    def env_is_wrapped(
        self, wrapper_class: type[gymnasium.Wrapper], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Never: wrappers of single environments do not fit around lanes."""
        del wrapper_class
        return [False] * len(self._lanes(indices))

    def _lanes(self, indices: VecEnvIndices) -> Sequence[int]:
        return list(self._get_indices(indices))


def _by_lane(info: Mapping[str, Any], n: int) -> list[dict[str, Any]]:
    return [_of_lane(info, lane) for lane in range(n)]


def _of_lane(info: Mapping[str, Any], lane: int) -> dict[str, Any]:
    """The entries that a vector info holds for a lane, as a single environment's."""
    entries: dict[str, Any] = {}
    for key, value in info.items():
        if key.startswith("_") or not _has(info, key, lane):
            continue
        entries[key] = _of_lane(value, lane) if isinstance(value, Mapping) else value[lane]
    return entries


def _has(info: Mapping[str, Any], key: str, lane: int) -> bool:
    mask = info.get(f"_{key}")
    return mask is None or bool(mask[lane])
