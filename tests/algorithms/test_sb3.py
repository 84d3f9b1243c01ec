"""Lanes through Stable-Baselines3's eyes: its own stepping of single ones is the reference."""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import grid_fed_rl  # noqa: F401 - registers the ids
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.errors import TaskError
from grid_fed_rl.scenarios import year_from_arrays

pytest.importorskip("stable_baselines3", reason="needs the extra sb3")

from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from grid_fed_rl.algorithms.sb3 import SB3Lanes

ENV_ID = "GridFedRL/IEEE13-VVO-v0"
N_LANES = 3


def lanes(**options) -> SB3Lanes:
    return SB3Lanes(
        gymnasium.make_vec(ENV_ID, num_envs=N_LANES, autoreset_mode="SameStep", **options)
    )


@pytest.fixture
def stormy_lanes() -> SB3Lanes:
    """Three days, of which the second collapses in its fifth hour."""
    case = vvo_case("ieee13")
    year, hours = case.year, 3 * 24
    factor = np.ones((hours, 1))
    factor[24 + 4] = 50.0
    short = year_from_arrays(
        "stormy",
        year.load_kw[:hours] * factor,
        year.load_kvar[:hours] * factor,
        year.pv_kw[:hours],
        year.temperature_c[:hours],
        year.sun_pu[:hours],
    )
    stormy = replace(case, year=short, days=np.arange(3))
    return SB3Lanes(GridVectorEnv(stormy, N_LANES, "SameStep"))


def equal(one, other) -> None:
    """The same entries, and the same to the last bit."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            equal(one[key], other[key])
    else:
        np.testing.assert_array_equal(one, other)


def test_as_stable_baselines3_steps_single_ones():
    """Two ends of episodes: observations, rewards, ends, seeds and every entry of info."""
    ours: Any = lanes()
    theirs: Any = DummyVecEnv([lambda: gymnasium.make(ENV_ID)] * N_LANES)
    assert ours.seed(4) == theirs.seed(4)
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    rng = np.random.default_rng(0)
    n_ends = 0
    for _ in range(50):
        actions = rng.uniform(-1.0, 1.0, (N_LANES, 6)).astype(np.float32)
        *ours_gave, infos = ours.step(actions)
        *theirs_gave, their_infos = theirs.step(actions)
        for one, other in zip(ours_gave, theirs_gave, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        for one, other in zip(infos, their_infos, strict=True):
            equal(one, other)
        for one, other in zip(ours.reset_infos, theirs.reset_infos, strict=True):
            equal(one, other)
        n_ends += ours_gave[-1].sum()
    assert n_ends == 2 * N_LANES


def test_collapse_is_no_time_limit(stormy_lanes):
    """Nothing is to be valued beyond a collapse; beyond midnight there is."""
    stormy_lanes.set_options({"day": np.array([0, 1, 2])})  # day 1 collapses in its fifth step
    stormy_lanes.reset()
    dones, cut_off = [], []
    for _ in range(24):
        _, _, done, infos = stormy_lanes.step(np.zeros((N_LANES, 6), dtype=np.float32))
        dones.append(done)
        cut_off.append([info["TimeLimit.truncated"] for info in infos])
        for ended, info in zip(done, infos, strict=True):
            assert ("terminal_observation" in info) == ended
    assert dones[4].tolist() == [False, True, False]
    assert not np.any(cut_off[:23])
    assert cut_off[23][0]


def test_day_that_options_choose_is_run_once():
    envs = lanes()
    envs.seed(1)
    envs.set_options({"day": 12})
    envs.reset()
    assert [info["day"] for info in envs.reset_infos] == [12] * N_LANES
    envs.reset()
    assert [info["day"] for info in envs.reset_infos] != [12] * N_LANES


def test_learner_goes_through_ends_of_episodes_and_the_normalisation_sees_last_observations():
    envs = VecNormalize(lanes(observe="zones"))
    learner = PPO("MlpPolicy", envs, n_steps=25, batch_size=25, n_epochs=1, seed=0, device="cpu")
    before = [weights.detach().clone() for weights in learner.policy.parameters()]
    learner.learn(150)
    assert learner.num_timesteps == 150
    assert any(
        (old != new).any() for old, new in zip(before, learner.policy.parameters(), strict=True)
    )


def test_ways_that_do_not_fit_are_refused():
    with pytest.raises(TaskError, match=r"autoreset_mode is AutoresetMode.NEXT_STEP; expected"):
        SB3Lanes(gymnasium.make_vec(ENV_ID, num_envs=2))
    envs = lanes()
    assert envs.get_attr("metadata", [0, 2]) == [{**envs.envs.metadata}] * 2
    assert envs.envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    envs.set_options([{"day": 1}, {"day": 2}, {"day": 3}])
    with pytest.raises(TaskError, match="options differ from lane to lane"):
        envs.reset()
    with pytest.raises(TaskError, match="lanes have no method 'reset' of their own"):
        envs.env_method("reset")
    with pytest.raises(TaskError, match="'spec' is of all lanes"):
        envs.set_attr("spec", None, indices=1)
