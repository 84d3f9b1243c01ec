"""Judging a policy day by day: against an environment whose every number is known."""

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from grid_fed_rl.analytics.evaluate import METRICS, run_days
from grid_fed_rl.envs.baselines import Hold
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.errors import TaskError

N_NODES = 10


class CountingEnv(VectorEnv):
    """Day d rewards -d a step, loses 2 d kWh, has d nodes outside by 0.01 each, d operations.

    Days last 4 steps; day 3 collapses after 2 of them.
    """

    def __init__(self, num_envs: int, mode: AutoresetMode = AutoresetMode.NEXT_STEP) -> None:
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": mode}
        self.single_observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self.single_action_space = spaces.Box(-1, 1, (1,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.days_run: list[list[int]] = []

    def _see(self):
        return self.day[:, None].astype(np.float32)

    def reset(self, *, seed=None, options=None):
        assert options is not None
        self.day = np.array(options["day"])
        self.days_run.append(self.day.tolist())
        self.step_number = np.zeros(self.num_envs)
        return self._see(), {}

    def step(self, actions):
        np.testing.assert_array_equal(actions, self._see() / 100)
        self.step_number += 1
        day = self.day.astype(float)
        terminated = (self.day == 3) & (self.step_number == 2)
        truncated = ~terminated & (self.step_number == 4)
        info = {
            "loss_kwh": 2.0 * day,
            "violations": {"voltage": self.day},
            "costs": {"voltage": 0.01 * day},
            "operations": self.day,
        }
        return self._see(), -day, terminated, truncated, info


def policy(observation):
    return observation / 100


@pytest.mark.parametrize("n_lanes", [1, 2, 3, 8])
def test_every_day_is_measured_whatever_the_number_of_lanes(n_lanes):
    days = np.array([1, 2, 5, 4, 2])
    env = CountingEnv(n_lanes)
    judged = run_days(env, policy, days, N_NODES)
    assert tuple(judged) == METRICS
    np.testing.assert_allclose(judged["return"], -4.0 * days)
    np.testing.assert_allclose(judged["loss_kwh"], 8.0 * days)
    np.testing.assert_allclose(judged["violation_rate"], days / 10)
    np.testing.assert_allclose(judged["violation_pu"], 0.04 * days)
    np.testing.assert_allclose(judged["operations"], 4 * days)
    assert len(env.days_run) == -(-5 // n_lanes)


def test_day_that_ends_early_counts_its_own_steps():
    judged = run_days(CountingEnv(3), policy, np.array([1, 3, 2]), N_NODES)
    np.testing.assert_allclose(judged["return"], [-4.0, -6.0, -8.0])
    np.testing.assert_allclose(judged["loss_kwh"], [8.0, 12.0, 16.0])
    np.testing.assert_allclose(judged["violation_rate"], [0.1, 0.3, 0.2])


def test_what_is_measured_in_an_environment_is_what_its_infos_say():
    case = vvo_case("ieee13")
    n_nodes = case.network.n_nodes
    judged = run_days(GridVectorEnv(case, 2), Hold(6), np.array([10, 20, 30]), n_nodes)
    env = GridVectorEnv(case, 1)
    env.reset(options={"day": 30})
    totals = np.zeros(5)
    for _ in range(24):
        _, reward, _, _, info = env.step(np.zeros((1, 6)))
        outside = env.snapshot.v_pu[0][
            (env.snapshot.v_pu[0] < 0.95) | (env.snapshot.v_pu[0] > 1.05)
        ]
        totals += [
            reward[0],
            info["loss_kwh"][0],
            len(outside) / n_nodes / 24,
            np.maximum(0.95 - outside, outside - 1.05).sum(),
            info["operations"][0],
        ]
    np.testing.assert_allclose([judged[metric][2] for metric in METRICS], totals, rtol=1e-9)
    assert totals[2] > 0


def test_no_days_are_refused():
    with pytest.raises(TaskError, match="there are no days to run; give at least one"):
        run_days(CountingEnv(2), policy, np.array([], dtype=int), N_NODES)


def test_environment_that_resets_at_once_is_refused():
    env = CountingEnv(2, AutoresetMode.SAME_STEP)
    with pytest.raises(TaskError, match=r"autoreset_mode is .*SAME_STEP; expected .*NEXT_STEP"):
        run_days(env, policy, np.array([1]), N_NODES)
