from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from grid_fed_rl.datasets import collect, dataset_hash
from grid_fed_rl.errors import DatasetError


def rule(observation: np.ndarray) -> np.ndarray:
    """Ask for 1/4 of the day and 1/2 of the hour, so that each step's action is known."""
    return np.stack([observation[:, 0] / 4, observation[:, 1] / 2], axis=1)


def test_every_number_stands_where_it_belongs() -> None:
    days = [5, 3, 8, 2, 7]
    env = gymnasium.make_vec("Counter-v0", num_envs=2)
    log = collect(env, rule, days, seed=10)
    assert (log.n_trajectories, log.n_steps) == (5, 6)
    for i, day in enumerate(days):
        n_live = 4 if day % 4 == 3 else 6
        assert log.mask[i].tolist() == [t < n_live for t in range(6)]
        assert log.terminated[i].tolist() == [day % 4 == 3 and t == 3 for t in range(6)]
        for t in range(n_live + 1):
            carried_out = 0.0 if t == 0 else day / 64 / 4 / 2
            assert log.observation[i, t].tolist() == [day / 64, t / 8, carried_out]
        for t in range(n_live):
            assert log.action[i, t].tolist() == [day / 64 / 4 / 2, t / 8 / 2 / 2]
            assert log.reward[i, t] == day + t / 4
            assert log.cost[i, t] == (t + 1) / 2
    assert log.metadata == {"env_id": "Counter-v0", "seed": 10, "n_days": 5}


def test_lanes_are_filled_in_order_and_the_surplus_is_not_logged(counter: Any) -> None:
    env = counter(num_envs=3)
    log = collect(env, rule, np.array([4, 1, 2, 6]), seed=100, metadata={"site": "a"})
    assert env.started == [[4, 1, 2], [6, 6, 6]]
    assert env.seeds == [100, 103]
    assert log.n_trajectories == 4
    assert log.metadata["env_id"] == "CounterVectorEnv"
    assert log.metadata["site"] == "a"


@pytest.mark.parametrize("n_lanes", [1, 2, 4, 7])
def test_the_log_does_not_depend_on_the_number_of_lanes(counter: Any, n_lanes: int) -> None:
    days = [0, 3, 7, 2, 11, 5]
    log = collect(counter(num_envs=n_lanes), rule, days, seed=0)
    assert dataset_hash(log) == dataset_hash(collect(counter(num_envs=3), rule, days, seed=0))


def test_when_every_day_ends_early_the_log_is_as_long_as_the_longest(counter: Any) -> None:
    log = collect(counter(num_envs=2), rule, [3, 7, 11], seed=0)
    assert log.n_steps == 4
    assert log.mask.all()


def test_a_single_environment_in_lanes_is_logged_alike() -> None:
    gymnasium.register(
        "CounterHour-v0", entry_point=lambda **kwargs: OneCounter(), max_episode_steps=3
    )
    env = gymnasium.make_vec("CounterHour-v0", num_envs=2, vectorization_mode="sync")
    log = collect(env, lambda x: np.zeros((len(x), 1), np.float32), [9, 4, 6], seed=0)
    assert log.observation[..., 0].tolist() == [[9, 10, 11, 12], [4, 5, 6, 7], [6, 7, 8, 9]]
    assert log.cost.tolist() == [[10, 11, 12], [5, 6, 7], [7, 8, 9]]
    assert log.action.tolist() == [[[0.5]] * 3] * 3
    assert not log.terminated.any()
    env.close()


class OneCounter(gymnasium.Env[np.ndarray, np.ndarray]):
    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Box(-100, 100, (1,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.count = np.array([-50], np.float32)
        if options is not None:
            lane = self.np_random_seed % 2  # lane i of a round of two starts from seed 2 k + i
            self.count = np.array([options["day"][lane]], np.float32)
        return self.count, {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.count = self.count + 1
        info = {"cost": float(self.count[0]), "action_executed": action + 0.5}
        return self.count, 0.0, False, False, info


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ([1, 2, 1], r"days: 1 is asked for 2 times"),
        ([], r"one or more integers is needed"),
        ([0.5], r"one or more integers is needed"),
        ([3, -1], r"days: -1; a day is zero or more"),
    ],
)
def test_wrong_days_are_named(counter: Any, days: list[Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        collect(counter(num_envs=2), rule, days, seed=0)


@pytest.mark.parametrize("key", ["cost", "action_executed"])
def test_an_environment_that_does_not_report_is_named(counter: Any, key: str) -> None:
    env = counter(num_envs=2, silent=key)
    with pytest.raises(DatasetError, match=rf"CounterVectorEnv', day 4, info '{key}': not"):
        collect(env, rule, [4, 5], seed=0)


def test_an_environment_that_reports_nothing_is_named(monkeypatch: Any, counter: Any) -> None:
    env = counter(num_envs=1)
    step = env.step
    monkeypatch.setattr(env, "step", lambda action: (*step(action)[:4], {}))
    with pytest.raises(DatasetError, match="info 'action_executed': missing"):
        collect(env, rule, [4], seed=0)


def test_an_environment_that_resets_within_the_step_is_refused(counter: Any) -> None:
    env = counter(num_envs=1)
    env.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
    with pytest.raises(DatasetError, match=r"SAME_STEP; .*NEXT_STEP is needed"):
        collect(env, rule, [4], seed=0)


def test_an_episode_without_an_end_is_refused(counter: Any) -> None:
    with pytest.raises(DatasetError, match=r"day 4: no end after 8784 steps"):
        collect(counter(num_envs=1, endless=True), rule, [4], seed=0)
