"""A log to test with, and a vector environment whose every number is known beforehand."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from grid_fed_rl.datasets import Transitions

N_STEPS = 6
EARLY_STEPS = 4
OTHER_DAY = 63  # what an automatic reset draws


class CounterVectorEnv(VectorEnv[Any, Any, Any]):
    """Counts hours. Lane on day d after t steps observes [d / 64, t / 8, first action carried out].

    It carries out half of the action it is asked for, pays d + t / 4, costs
    (t + 1) / 2, and collapses after four of its six steps on days with d % 4 == 3.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int = 1, silent: str = "", endless: bool = False) -> None:
        self.num_envs = num_envs
        self.single_observation_space = Box(-1, 1, (3,), np.float32)
        self.single_action_space = Box(-1, 1, (2,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.silent, self.endless = silent, endless
        self.seeds: list[int | None] = []
        self.started: list[list[int]] = []
        self._observation = np.zeros((num_envs, 3), np.float32)  # one buffer, used again

    def _observe(self) -> np.ndarray:
        self._observation[:, 0] = self.day / 64
        self._observation[:, 1] = self.hour / 8
        self._observation[:, 2] = self.last
        return self._observation

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        assert options is not None
        self.seeds.append(seed)
        self.day = np.array(options["day"])
        self.started.append(self.day.tolist())
        assert self.day.shape == (self.num_envs,)
        self.hour = np.zeros(self.num_envs, np.int64)
        self.last = np.zeros(self.num_envs)
        self.done = np.zeros(self.num_envs, bool)
        return self._observe(), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        assert not self.done.all(), "stepped when there was nothing left to run"
        fresh = self.done
        executed = actions / 2
        reward = np.where(fresh, 0.0, self.day + self.hour / 4)
        cost = np.where(fresh, np.nan, (self.hour + 1) / 2)
        self.hour = np.where(fresh, 0, self.hour + 1)
        self.last = np.where(fresh, 0.0, executed[:, 0])
        self.day = np.where(fresh, OTHER_DAY, self.day)
        terminated = (self.day % 4 == 3) & (self.hour == EARLY_STEPS) & ~fresh
        truncated = (self.hour == N_STEPS) & ~fresh & (not self.endless)
        self.done = terminated | truncated
        info = {"cost": cost, "_cost": ~fresh, "action_executed": executed}
        info["_action_executed"] = ~fresh
        if self.silent:
            info[f"_{self.silent}"] = info[f"_{self.silent}"] & (self.hour != 2)
        return self._observe(), reward, terminated, truncated, info


def _make_counter(**kwargs: Any) -> CounterVectorEnv:
    return CounterVectorEnv(**kwargs)


gymnasium.register("Counter-v0", vector_entry_point=_make_counter)


@pytest.fixture
def counter() -> type[CounterVectorEnv]:
    return CounterVectorEnv


@pytest.fixture
def make_log() -> Callable[..., Transitions]:
    """Return a function that makes a random log in which trajectory 1 collapses early."""

    def make(
        n: int = 4, n_steps: int = 5, n_features: int = 3, n_devices: int = 2, seed: int = 0
    ) -> Transitions:
        rng = np.random.default_rng(seed)
        mask = np.ones((n, n_steps), bool)
        terminated = np.zeros((n, n_steps), bool)
        if n > 1:
            mask[1, n_steps - 2 :] = False
            terminated[1, n_steps - 3] = True
        return Transitions(
            observation=rng.uniform(-1, 1, (n, n_steps + 1, n_features)).astype(np.float32),
            action=rng.uniform(-1, 1, (n, n_steps, n_devices)).astype(np.float32),
            reward=rng.normal(size=(n, n_steps)).astype(np.float32),
            cost=rng.uniform(0, 1, (n, n_steps)).astype(np.float32),
            terminated=terminated,
            mask=mask,
            metadata={"site": "site-1", "n_days": n, "pv_share": 0.25},
        )

    return make
