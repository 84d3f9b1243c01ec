"""The single environment: one lane of the vector environment."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.action import checked_action
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.info import first_lane
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError

__all__ = ["GridEnv"]


class GridEnv(gymnasium.Env[NDArray[np.float32], ArrayLike]):
    """A case as one environment; same numbers as a lane of `GridVectorEnv`.

    `info` holds the entries that `GridVectorEnv` describes, without masks.

    Args:
        case: What the environment is made of.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(self, case: Case) -> None:
        self.lanes = GridVectorEnv(case, 1, AutoresetMode.NEXT_STEP, threads=1)
        self.observation_space = self.lanes.single_observation_space
        self.action_space = self.lanes.single_action_space

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
        return observation[0], first_lane(info)

    def step(
        self, action: ArrayLike
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Carry out an action of shape (device,).

        Raises:
            ActionError: the action has the wrong shape, is not finite or lies
                outside [-1, 1].
            TaskError: the episode is over, or never began.
        """
        if self.lanes.ended[0]:
            raise TaskError("episode is over; call reset() before step()")
        names = self.case.action_names
        numbers = checked_action(action, (len(names),), names)
        observation, reward, terminated, truncated, info = self.lanes.step(numbers[None])
        return (
            observation[0],
            float(reward[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            first_lane(info),
        )
