"""The single environment: one lane of the vector environment."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import ActionError

__all__ = ["GridEnv"]


class GridEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """A case as one environment; same numbers as a lane of `GridVectorEnv`.

    `info` holds the entries that `GridVectorEnv` describes, without masks.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(self, case: Case) -> None:
        self.lanes = GridVectorEnv(case, 1, AutoresetMode.NEXT_STEP, threads=1)
        self.observation_space: spaces.Box = self.lanes.single_observation_space
        self.action_space: spaces.Box = self.lanes.single_action_space

    @property
    def case(self) -> Case:
        """What the environment is made of."""
        return self.lanes.case

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new episode; ``options={"day": 12}`` chooses its day."""
        super().reset(seed=seed)
        observation, info = self.lanes.reset(seed=seed, options=options)
        return observation[0], _lane(info)

    def step(
        self, action: ArrayLike
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Carry out an action of shape (device,).

        Raises:
            ActionError: the action has the wrong shape, is not finite or lies
                outside [-1, 1].
        """
        array = np.asarray(action)
        if array.shape != self.action_space.shape:
            raise ActionError(
                f"action has shape {array.shape}; expected {self.action_space.shape}: one entry "
                f"for each of {', '.join(self.case.action_names)}"
            )
        observation, reward, terminated, truncated, info = self.lanes.step(array[None])
        return (
            observation[0],
            float(reward[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            _lane(info),
        )


def _lane(info: dict[str, Any]) -> dict[str, Any]:
    """The first lane of a vector info, without masks."""
    lane: dict[str, Any] = {}
    for key, value in info.items():
        if key.startswith("_"):
            continue
        if isinstance(value, dict):
            lane[key] = _lane(value)
        else:
            first = value[0]
            lane[key] = first.item() if np.ndim(first) == 0 else first
    return lane
