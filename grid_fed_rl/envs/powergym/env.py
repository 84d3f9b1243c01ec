"""The benchmark's environments: lanes of a task, solved together; the single one is a lane."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.action import checked_choice
from grid_fed_rl.envs.lane_env import LaneEnv, LaneVectorEnv
from grid_fed_rl.envs.powergym.dynamics import PowerGymSnapshot, advance, rest
from grid_fed_rl.envs.powergym.objective import observe, report, reward_terms
from grid_fed_rl.envs.powergym.task import PowerGymTask

__all__ = ["PowerGymEnv", "PowerGymVectorEnv"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Wider than the benchmark's own bounds, outside which its observations lie. What a
# battery gives grows with the square of its voltage, and some are rated far below it.
_MOST_V_PU, _MOST_DISCHARGE = 2.0, 20.0


class PowerGymVectorEnv(LaneVectorEnv[PowerGymSnapshot]):
    """Many copies of a system of PowerGym, stepped together.

    Actions are whole numbers, capacitors, then regulators, then batteries:
    0 open or 1 closed; 0 (0.9) to 32 (1.1); 0 (charge) to 32 (discharge), 16 idle.
    Observations are the benchmark's. ``info`` carries, a lane each and masked:

    - ``reward_terms``: ``power_reward``, ``vol_reward`` and ``ctrl_reward``, which
      add up to the reward;
    - ``vol_reward``, ``ctrl_reward``, ``power_loss_ratio``, ``av_cap_err``,
      ``av_reg_err``, ``av_dis_err``, ``av_soc_err``, ``av_soc``: as the benchmark
      reports them;
    - ``profile``: load profile of the episode;
    - ``converged``: whether the power flow did.

    `reset` takes ``options={"profile": ...}``; without it each lane draws one of
    all profiles. The 24th step truncates; a power flow that does not converge
    terminates.

    Args:
        task: The system.
        num_envs: Lanes.
        autoreset_mode: ``NEXT_STEP`` or ``SAME_STEP``.
        threads: Threads of the power flow; all processors by default.

    Raises:
        TaskError: `num_envs` or `autoreset_mode` is none of these.
    """

    option = "profile"
    option_words = "load profile"

    def __init__(
        self,
        task: PowerGymTask,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
    ) -> None:
        self.task = task
        super().__init__(
            _observation_space(task),
            spaces.MultiDiscrete(task.choices),
            np.arange(len(task.profiles)),
            len(task.profiles),
            num_envs,
            autoreset_mode,
            threads,
        )

    def checked(self, action: ArrayLike, lead: tuple[int, ...]) -> Integers:
        """An action of shape ``(*lead, device)`` as whole numbers.

        Raises:
            ActionError: the action has the wrong shape or holds what is no choice;
                the message names lane and device.
        """
        return checked_choice(action, lead, self.task.choices, self.task.action_names)

    def _rest(self, episode: Integers, chance: NDArray[np.uint64]) -> PowerGymSnapshot:
        del chance  # a profile leaves nothing to it
        return rest(self.task, episode, self._threads)

    def _advance(self, before: PowerGymSnapshot, action: Integers) -> PowerGymSnapshot:
        return advance(self.task, before, action, self._threads)

    def _observe(self, snapshot: PowerGymSnapshot) -> NDArray[np.float32]:
        return observe(self.task, snapshot)

    def _terms(self, snapshot: PowerGymSnapshot) -> dict[str, Floats]:
        return reward_terms(self.task, snapshot)

    def _info(self, snapshot: PowerGymSnapshot, terms: Mapping[str, Floats]) -> dict[str, Any]:
        return {
            "reward_terms": terms,
            "vol_reward": terms["vol_reward"].copy(),
            "ctrl_reward": terms["ctrl_reward"].copy(),
            **report(self.task, snapshot),
            "profile": snapshot.profile.copy(),
            "converged": snapshot.flow.converged,
        }


class PowerGymEnv(LaneEnv):
    """A system of PowerGym as one environment; a lane of `PowerGymVectorEnv`.

    Args:
        task: The system.
    """

    def __init__(self, task: PowerGymTask) -> None:
        super().__init__(PowerGymVectorEnv(task, 1, AutoresetMode.NEXT_STEP, threads=1))
        self.task = task


def _observation_space(task: PowerGymTask) -> spaces.Box:
    n_nodes, n_capacitors = task.network.n_nodes, len(task.network.capacitors)
    n_regulators, n_batteries = len(task.regulators), len(task.batteries)
    low = [0.0] * (n_nodes + n_capacitors) + [0.9] * n_regulators
    low += [0.0, -_MOST_DISCHARGE] * n_batteries
    high = [_MOST_V_PU] * n_nodes + [1.0] * n_capacitors + [1.1] * n_regulators
    high += [1.0, _MOST_DISCHARGE] * n_batteries
    return spaces.Box(np.array(low, np.float32), np.array(high, np.float32))
