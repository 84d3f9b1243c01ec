"""What Gymnasium asks: spaces, lanes, seeds, ends of episodes, copies; on a small system."""

import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from grid_fed_rl.envs.powergym import PowerGymEnv, PowerGymVectorEnv
from grid_fed_rl.errors import ActionError, TaskError
from tests.envs.powergym.conftest import COLLAPSE, N_PROFILES

ID = "GridFedRL/PowerGym-13Bus-v0"
N_LANES, N_STEPS = 5, 60


def refuses(error, message):
    return pytest.raises(error, match="^" + message)


def test_passes_gymnasiums_checker_without_a_warning(small):
    check_env(gymnasium.make(ID, data=small).unwrapped)


def test_spaces_and_implementation(small, task):
    env = gymnasium.make(ID, data=small)
    assert env.action_space == spaces.MultiDiscrete([2, 2, 33, 33, 33, 33, 33])
    assert env.observation_space.shape == (len(task.observation_names),) == (22,)
    envs = gymnasium.make_vec(ID, num_envs=4, data=small, autoreset_mode="SameStep", threads=1)
    assert isinstance(envs.unwrapped, PowerGymVectorEnv)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert envs.single_action_space == env.action_space
    assert envs.action_space.shape == (4, 7)


def test_observation_is_what_its_names_say(task, settings):
    env = PowerGymEnv(task)
    env.reset(options={"profile": 1})
    action = np.array([0, 1, 0, 16, 32, 20, 12])
    observation, _, _, _, info = env.step(action)
    seen = dict(zip(task.observation_names, observation.tolist(), strict=True))
    assert seen["capacitor_closed:c1"] == 0.0
    assert seen["capacitor_closed:c2"] == 1.0
    taps = [seen[f"tap_pu:{name}"] for name in ("one", "two", "three")]
    assert taps == pytest.approx([0.9, 1.0, 1.1])
    assert seen["discharge:batt1"] == pytest.approx(4 / 16)  # within its window as asked
    assert seen["soc:batt1"] == pytest.approx((900 - 75) / 900)
    assert seen["discharge:batt2"] < -4 / 16  # an impedance at 7.2 kV, rated 4 kV
    assert seen["soc:batt2"] > 250 / 500
    # RegA at 0.9 and RegC at 1.1 on phases 1 and 3.
    assert seen["v:r.1"] < seen["v:r.2"] < seen["v:r.3"]
    assert info["av_cap_err"] == pytest.approx(1 / 2)
    assert info["av_reg_err"] == pytest.approx((32 + 16 + 0) / 3)
    assert info["av_dis_err"] == pytest.approx((4 / 16) / 2)


def test_terms_add_up_and_state_of_charge_counts_in_the_last_step_only(task, settings):
    env = PowerGymEnv(task)  # of the _soc variant
    _, info = env.reset(options={"profile": 0})
    actions = settings(24, 1, task)[:, 0]
    for k, action in enumerate(actions, start=1):
        _, reward, _, truncated, info = env.step(action)
        assert reward == pytest.approx(sum(info["reward_terms"].values()))
        moves = info["av_cap_err"] * 2 + info["av_reg_err"] * 3 + info["av_dis_err"] * 2 * 1
        last = 20 * info["av_soc_err"] * 2 if k == 24 else 0.0
        assert -33 * info["ctrl_reward"] == pytest.approx(moves + last)
        assert truncated == (k == 24)
    assert info["av_soc_err"] > 0.0
    with refuses(TaskError, "episode is over; call reset"):
        env.step(actions[0])


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_as_gymnasiums_own_vector_environment_of_single_ones(mode, task, settings, rollout, same):
    moves = settings(N_STEPS, N_LANES, task)
    theirs = SyncVectorEnv([lambda: PowerGymEnv(task)] * N_LANES, autoreset_mode=mode)
    ours = PowerGymVectorEnv(task, N_LANES, mode)
    found, expected = rollout(ours, moves, seed=3), rollout(theirs, moves, seed=3)
    same(found, expected)
    ends = np.array([result[2] | result[3] for result in found[1:]])
    assert (ends.any(axis=1) & ~ends.all(axis=1)).any(), "lanes fall out of step"


def test_lane_of_many_is_the_single_environment_bit_for_bit(task, settings):
    """As many lanes as need a second block of the power flow, on two threads."""
    n = 70
    moves = settings(26, n, task)
    envs = PowerGymVectorEnv(task, n, threads=2)
    observation, _ = envs.reset(seed=11)
    for k in (0, 33, 69):
        env = PowerGymEnv(task)
        alone, _ = env.reset(seed=11 + k)
        np.testing.assert_array_equal(alone, observation[k])
    single = PowerGymEnv(task)
    single.reset(seed=11 + 33)
    over = False
    for step in range(26):
        observation, reward, *_ = envs.step(moves[step])
        if over:
            alone, _ = single.reset()
            expected = 0.0
            over = False
        else:
            alone, expected, terminated, truncated, _ = single.step(moves[step, 33])
            over = terminated or truncated
        np.testing.assert_array_equal(alone, observation[33])
        assert reward[33] == expected


def test_same_seed_same_episodes_and_all_profiles_are_drawn(task, settings, rollout, same):
    moves = settings(30, 2, task)
    one, other = PowerGymVectorEnv(task, 2), PowerGymVectorEnv(task, 2)
    same(rollout(one, moves, seed=4), rollout(other, moves, seed=4))
    drawn = PowerGymVectorEnv(task, 60).reset(seed=0)[1]["profile"]
    assert set(drawn) == set(range(N_PROFILES))


def test_collapse_terminates_and_the_lane_goes_on_with_another_profile(task, settings):
    profile, hour = COLLAPSE
    envs = PowerGymVectorEnv(task, 2)
    envs.reset(options={"profile": [profile, 0]})
    results = [envs.step(action) for action in settings(hour + 1, 2, task)]
    assert [result[2].tolist() for result in results] == [[False, False]] * hour + [[True, False]]
    assert not any(result[3].any() for result in results)
    observation, reward, *_, info = results[-1]
    assert info["converged"].tolist() == [False, True]
    n_buses = 5
    assert info["vol_reward"][0] == pytest.approx(-0.95 * n_buses)
    assert info["power_loss_ratio"][0] == 1.0
    assert np.isfinite(observation).all()
    assert np.isfinite(reward).all()
    *_, info = envs.step(settings(1, 2, task)[0])
    assert info["converged"].all()
    assert envs.snapshot.step.tolist() == [0, hour + 2]


@pytest.mark.parametrize("kind", ["single", "next step", "same step"])
def test_pickled_in_mid_episode_it_continues_identically(kind, task, settings, same):
    if kind == "single":
        env, moves = PowerGymEnv(task), settings(20, 1, task)[:, 0]
    else:
        env = PowerGymVectorEnv(task, 3, "NextStep" if kind == "next step" else "SameStep")
        moves = settings(40, 3, task)
    env.reset(seed=5, options={"profile": 1})
    for action in moves[:10]:
        env.step(action)
    twin = pickle.loads(pickle.dumps(env))
    for action in moves[10:]:
        same(env.step(action), twin.step(action))


def test_made_by_id_pickles_with_its_wrappers(small, same):
    env = gymnasium.make(ID, data=small)
    env.reset(seed=1)
    twin = pickle.loads(pickle.dumps(env))
    action = np.array([1, 0, 3, 30, 16, 18, 9])
    same(env.step(action), twin.step(action))


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        (0, 2, "action of lane 1 for 'c1' is 2.0; expected a whole number from 0 to 1"),
        (3, 33, "action of lane 1 for 'two' is 33.0; expected a whole number from 0 to 32"),
        (5, -1, "action of lane 1 for 'batt1' is -1.0; expected a whole number from 0 to 32"),
        (6, 1.5, "action of lane 1 for 'batt2' is 1.5; expected a whole number from 0 to 32"),
        (6, np.nan, "action of lane 1 for 'batt2' is nan; expected a whole number"),
        (2, np.inf, "action of lane 1 for 'one' is inf; expected a whole number"),
    ],
)
def test_action_that_is_no_choice(task, entry, value, message):
    envs = PowerGymVectorEnv(task, 2)
    envs.reset(seed=0)
    action = np.ones((2, 7))
    action[1, entry] = value
    with refuses(ActionError, message):
        envs.step(action)


def test_action_of_the_wrong_shape_or_kind(task):
    env = PowerGymEnv(task)
    env.reset(seed=0)
    with refuses(
        ActionError, r"action has shape \(6,\); expected \(7,\): one entry .* c1, c2, one"
    ):
        env.step(np.zeros(6))
    with refuses(ActionError, "action is not an array of numbers"):
        env.step("up")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"day": 1}, "reset option 'day' is unknown; known: 'profile'"),
        ({"profile": 4}, "reset option 'profile' is 4; expected 0 to 3"),
        ({"profile": -1}, "reset option 'profile' is -1; expected 0 to 3"),
        ({"profile": 0.5}, "reset option 'profile' is 0.5; expected one load profile or 2 of"),
    ],
)
def test_option_of_reset_that_is_not_there(task, options, message):
    with refuses(TaskError, message):
        PowerGymVectorEnv(task, 2).reset(options=options)
