"""What Gymnasium asks of an environment, and what its users do to one."""

import copy
import pickle
import subprocess
import sys
import textwrap

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import FlattenObservation, RecordEpisodeStatistics, TimeLimit
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics

from grid_fed_rl import GridEnv, GridVectorEnv
from grid_fed_rl.envs.action import checked_action

FEEDERS = {"GridFedRL/IEEE13-VVO-v0": (54, 6), "GridFedRL/IEEE123-VVO-v0": (300, 15)}


@pytest.mark.parametrize("env_id", FEEDERS)
@pytest.mark.parametrize("options", [{}, {"observe": "zones"}, {"local_controls": True}])
def test_passes_gymnasiums_checker_without_a_warning(env_id, options, windowless):
    check_env(gymnasium.make(env_id, **options).unwrapped)  # in every render mode, too
    assert windowless.get_fignums() == []


@pytest.mark.parametrize("env_id", FEEDERS)
def test_spaces(env_id):
    n_observed, n_devices = FEEDERS[env_id]
    env = gymnasium.make(env_id)
    assert env.observation_space == spaces.Box(-1.0, 1.0, (n_observed,), np.float32)
    assert env.action_space == spaces.Box(-1.0, 1.0, (n_devices,), np.float32)
    envs = gymnasium.make_vec(env_id, num_envs=4)
    assert isinstance(envs.unwrapped, GridVectorEnv)
    assert envs.single_observation_space == env.observation_space
    assert envs.single_action_space == env.action_space
    assert envs.observation_space.shape == (4, n_observed)
    assert envs.action_space.shape == (4, n_devices)


@pytest.mark.parametrize("env_id", FEEDERS)
@pytest.mark.parametrize("observe", ["nodes", "zones"])
def test_observations_stay_inside_their_bounds_over_100_000_random_lane_steps(env_id, observe):
    envs = gymnasium.make_vec(env_id, num_envs=500, utility="desert", observe=observe)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    lowest, highest = np.inf, -np.inf
    for _ in range(200):
        # To the ends of the range more often than a uniform draw would go.
        action = np.clip(rng.normal(0.0, 1.0, envs.action_space.shape), -1.0, 1.0)
        observation, reward, terminated, _, info = envs.step(action)
        assert observation.dtype == np.float32
        lowest, highest = min(lowest, observation.min()), max(highest, observation.max())
        assert np.isfinite(reward).all()
        assert (reward <= 0.0).all()
        assert (info["cost"] >= 0.0).all()
        assert (np.abs(info["action_executed"]) <= 1.0).all()
        assert not terminated.any()
    assert -1.0 <= lowest < -0.99
    assert 0.99 < highest <= 1.0


def continues_identically(env, twin, same, n_steps=30):
    rng = np.random.default_rng(1)
    for _ in range(n_steps):
        action = rng.uniform(-1.0, 1.0, env.action_space.shape).astype(np.float32)
        one, other = env.step(action), twin.step(action)
        same(one, other)
        if np.ndim(one[2]) == 0 and (one[2] or one[3]):
            same(env.reset(), twin.reset())


def double_by_pickle(env):
    return pickle.loads(pickle.dumps(env))


@pytest.mark.parametrize("double", [double_by_pickle, copy.deepcopy])
@pytest.mark.parametrize("kind", ["single", "next step", "same step"])
def test_copy_in_mid_episode_continues_identically(kind, double, stormy, actions, same):
    if kind == "single":
        env = GridEnv(stormy)
        env.reset(seed=5, options={"day": 0})
        moves = actions(10, 1, stormy)[:, 0]
    else:
        env = GridVectorEnv(stormy, 3, "NextStep" if kind == "next step" else "SameStep")
        env.reset(seed=5, options={"day": [0, 1, 2]})
        moves = actions(10, 3, stormy)
    for action in moves:
        env.step(action)
    continues_identically(env, double(env), same)


def test_made_by_id_pickles_with_its_wrappers(same):
    env = gymnasium.make("GridFedRL/IEEE13-VVO-v0")
    env.reset(seed=1)
    continues_identically(env, double_by_pickle(env), same, n_steps=5)


def test_copy_does_not_disturb_the_original(case13, actions, same):
    moves = actions(6, 2, case13)
    expected = GridVectorEnv(case13, 2)
    expected.reset(seed=0)
    env = GridVectorEnv(case13, 2)
    env.reset(seed=0)
    for action in moves:
        twin = copy.deepcopy(env)
        twin.step(-action)
        same(env.step(action), expected.step(action))


SPAWN = """
    import sys
    import gymnasium
    import numpy as np
    import grid_fed_rl

    if __name__ == "__main__":
        envs = gymnasium.make_vec(
            "GridFedRL/IEEE13-VVO-v0",
            num_envs=2,
            vectorization_mode="async",
            vector_kwargs={"context": "spawn"},
        )
        envs.reset(seed=4)
        total = np.zeros(2)
        for k in range(26):
            total += envs.step(np.full((2, 6), np.sin(k), dtype=np.float32))[1]
        envs.close()
        print(repr(total.tolist()))
"""


def test_runs_in_spawned_workers_as_in_this_process(tmp_path):
    script = tmp_path / "spawn.py"
    script.write_text(textwrap.dedent(SPAWN))
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    envs = gymnasium.make_vec("GridFedRL/IEEE13-VVO-v0", num_envs=2)
    envs.reset(seed=4)
    total = np.zeros(2)
    for k in range(26):
        total += envs.step(np.full((2, 6), np.sin(k), dtype=np.float32))[1]
    assert done.stdout.strip() == repr(total.tolist())


def test_results_are_the_callers_own(case13, actions, same):
    """Writing into what was returned changes nothing that follows."""
    moves = actions(30, 2, case13)
    clean, spoilt = GridVectorEnv(case13, 2, "SameStep"), GridVectorEnv(case13, 2, "SameStep")

    def spoil(value):
        if isinstance(value, dict):
            for one in value.values():
                spoil(one)
        else:
            value[...] = 0

    expected = clean.reset(seed=0)
    result = spoilt.reset(seed=0)
    same(result, expected)
    for action in moves:
        for value in result:
            spoil(value)
        given = action.copy()
        result = spoilt.step(given)
        given[...] = 0.0
        same(result, clean.step(action))


def test_gymnasiums_wrappers_do_no_harm():
    env = RecordEpisodeStatistics(
        FlattenObservation(TimeLimit(gymnasium.make("GridFedRL/IEEE13-VVO-v0"), 5))
    )
    env.reset(seed=0)
    results = [env.step(np.zeros(6, dtype=np.float32)) for _ in range(5)]
    assert [result[3] for result in results] == [False] * 4 + [True]
    assert results[-1][4]["episode"]["l"] == 5
    envs = RecordVectorStatistics(gymnasium.make_vec("GridFedRL/IEEE13-VVO-v0", num_envs=2))
    envs.reset(seed=0)
    results = [envs.step(np.zeros((2, 6), dtype=np.float32)) for _ in range(24)]
    episode = results[-1][4]["episode"]
    np.testing.assert_allclose(episode["r"], sum(result[1] for result in results))
    np.testing.assert_array_equal(episode["l"], [24, 24])


def test_float32_rounding_beyond_the_bound_is_taken_for_the_bound(case13):
    beyond = np.nextafter(np.float32(1.0), np.float32(2.0))
    action = np.array([beyond, -beyond, 0.5, 0.0, 0.0, 0.0], dtype=np.float32)
    taken = checked_action(action, (6,), case13.action_names)
    np.testing.assert_array_equal(taken, [1.0, -1.0, 0.5, 0.0, 0.0, 0.0])
