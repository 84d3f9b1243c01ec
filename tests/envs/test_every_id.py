"""Every registered id keeps the contracts of Gymnasium and PettingZoo."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, MultiDiscrete
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import VectorEnv
from pettingzoo.test import parallel_api_test, parallel_seed_test

import grid_fed_rl  # registers the ids
from grid_fed_rl import parallel_env
from grid_fed_rl.envs.registration import CUSTOM_IDS, FLISR_IDS, MAPDN_IDS, POWERGYM_IDS
from grid_fed_rl.errors import TaskError

TEAM_IDS = [*grid_fed_rl.ENV_IDS, *CUSTOM_IDS, *MAPDN_IDS]
ALONE_IDS = [*FLISR_IDS, *POWERGYM_IDS]  # tasks of one agent
IDS = [*TEAM_IDS, *ALONE_IDS]

every_id = pytest.mark.parametrize("env_id", IDS)


def is_large(env_id: str) -> bool:
    return "8500" in env_id


@pytest.fixture
def options(env_id: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What an id has to be told: its feeder, or where the benchmark's data are."""
    if env_id in CUSTOM_IDS:
        return {"feeder": "ieee13"}
    if env_id in POWERGYM_IDS:
        return {"data": request.getfixturevalue("data")}
    return {}


def random_action(envs: VectorEnv, info: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """An action of every lane, (lane, ...), from all of the space or from what the mask leaves."""
    space, n = envs.single_action_space, envs.num_envs
    if "action_mask" in info:
        return np.argmax(rng.random(info["action_mask"].shape) * info["action_mask"], axis=1)
    if isinstance(space, Box):
        return rng.uniform(space.low, space.high, (n, *space.shape)).astype(np.float32)
    assert isinstance(space, MultiDiscrete)
    return rng.integers(space.nvec, size=(n, len(space.nvec)))


def actions_of(envs: VectorEnv, n_steps: int) -> list[np.ndarray]:
    """Random steps, which `envs` has then taken."""
    rng, actions = np.random.default_rng(3), []
    _, info = envs.reset(seed=11)
    for _ in range(n_steps):
        actions.append(random_action(envs, info, rng))
        *_, info = envs.step(actions[-1])
    return actions


@every_id
def test_passes_gymnasiums_checker_without_a_warning(env_id, options, windowless):
    check_env(gymnasium.make(env_id, **options).unwrapped)
    assert windowless.get_fignums() == []


@every_id
def test_a_lane_is_the_single_environment_of_its_seed_bit_for_bit(env_id, options, same):
    n_lanes = 2 if is_large(env_id) else 3
    envs = gymnasium.make_vec(env_id, num_envs=n_lanes, **options)
    actions = actions_of(envs, 3)
    seen, _ = envs.reset(seed=11)
    steps = [envs.step(one) for one in actions]
    for k in range(n_lanes):
        env = gymnasium.make(env_id, disable_env_checker=True, **options).unwrapped
        first, _ = env.reset(seed=11 + k)
        same(first, seen[k])
        for (observation, reward, terminated, truncated, info), action in zip(
            steps, actions, strict=True
        ):
            one = env.step(action[k])
            same(one[0], observation[k])
            assert one[1:4] == (reward[k], terminated[k], truncated[k])
            for name, value in one[4]["reward_terms"].items():
                assert value == info["reward_terms"][name][k]


@every_id
def test_goes_on_after_pickling_as_if_nothing_had_been(env_id, options, same):
    envs = gymnasium.make_vec(env_id, num_envs=2, **options)
    actions = actions_of(envs, 3)
    single = gymnasium.make(env_id, **options)
    for env, lane in ((envs, slice(None)), (single, 0)):
        env.reset(seed=11)
        env.step(actions[0][lane])
        twin = pickle.loads(pickle.dumps(env))
        same(twin.step(actions[1][lane]), env.step(actions[1][lane]))
        same(twin.reset(seed=4), env.reset(seed=4))


@every_id
def test_observations_stay_inside_their_bounds_over_100_000_random_steps(env_id, options):
    """Of the large feeder some steps in a few lanes."""
    n_lanes, n_steps = (4, 6) if is_large(env_id) else (512, 196)
    envs = gymnasium.make_vec(env_id, num_envs=n_lanes, **options)
    rng, space = np.random.default_rng(0), envs.single_observation_space
    assert isinstance(space, Box)
    _, info = envs.reset(seed=0)
    for _ in range(n_steps):
        observation, reward, *_, info = envs.step(random_action(envs, info, rng))
        assert observation.dtype == np.float32
        outside = (observation < space.low) | (observation > space.high) | np.isnan(observation)
        assert not outside.any(), np.argwhere(outside)[0]
        assert np.isfinite(reward).all()
        assert (info.get("cost", 0.0) >= np.zeros(n_lanes)).all()
        if "action_executed" in info and isinstance(envs.single_action_space, Box):
            assert (np.abs(info["action_executed"]) <= envs.single_action_space.high).all()


@pytest.mark.parametrize("env_id", TEAM_IDS)
def test_a_team_passes_pettingzoos_tests_without_a_warning(env_id, options):
    def make():
        return parallel_env(env_id, **options)

    cycles = 2 if is_large(env_id) else 25
    parallel_api_test(make(), num_cycles=cycles)
    parallel_seed_test(make, num_cycles=cycles)


@pytest.mark.parametrize("env_id", ALONE_IDS)
def test_a_task_of_one_agent_says_so(env_id, options):
    with pytest.raises(TaskError, match="is a task of one agent"):
        parallel_env(env_id, **options)


def rewards_of(env_id: str, options: dict[str, Any]) -> list[float]:
    """What the first seeded steps of a single environment pay."""
    env = gymnasium.make(f"grid_fed_rl:{env_id}", **options)
    _, info = env.reset(seed=4)
    env.action_space.seed(0)
    mask = info.get("action_mask")
    action = env.action_space.sample() if mask is None else env.action_space.sample(mask)
    return [float(env.step(action)[1])]


@pytest.fixture(scope="module")
def spawned():
    """A process that has nothing of this one's."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@every_id
def test_a_spawned_worker_steps_as_this_process_does(env_id, options, spawned):
    assert spawned.submit(rewards_of, env_id, options).result() == rewards_of(env_id, options)
