"""The single environment: one lane of the vector environment."""

from gymnasium.vector import AutoresetMode

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.lane_env import LaneEnv
from grid_fed_rl.envs.vector import GridVectorEnv

__all__ = ["GridEnv"]


class GridEnv(LaneEnv):
    """A case as one environment; same numbers as a lane of `GridVectorEnv`.

    `info` holds the entries that `GridVectorEnv` describes, without masks;
    ``options={"day": 12}`` of `reset` chooses the day.

    Args:
        case: What the environment is made of.
    """

    def __init__(self, case: Case) -> None:
        super().__init__(GridVectorEnv(case, 1, AutoresetMode.NEXT_STEP, threads=1))
        self._case = case

    @property
    def case(self) -> Case:
        """What the environment is made of."""
        return self._case
