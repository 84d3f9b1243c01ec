"""Policies that are not learned."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.baselines import Behaviour, BehaviourConfig, Hold
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow.controls import LocalControls

STRICT = BehaviourConfig(v_shift_spread=0.0, exploration=0.0)


def behaviour(env, seed=0, **config) -> Behaviour:
    return Behaviour(env, replace(STRICT, **config), np.random.default_rng(seed))


def test_hold_moves_nothing(case13):
    env = GridVectorEnv(case13, 2)
    observation, _ = env.reset(seed=0)
    action = Hold(6)(observation)
    assert action.shape == (2, 6)
    assert action.dtype == np.float32
    info = env.step(action)[4]
    np.testing.assert_array_equal(info["operations"], [0, 0])
    np.testing.assert_array_equal(info["action_executed"][:, :3], 0.0)


def test_regulators_move_towards_their_line_drop_setting(case123):
    env = GridVectorEnv(case123, 4)
    observation, _ = env.reset(seed=3)
    policy, controls = behaviour(env), LocalControls(case123.network)
    for _ in range(5):
        before = env.snapshot
        moves = controls.tap_moves(before.flow)
        action = policy(observation)
        np.testing.assert_array_equal(action[:, :7] * 4.0, np.clip(moves, -4, 4))
        observation = env.step(action)[0]
    assert env.snapshot.states["tap_position"].any()


@pytest.mark.parametrize(("v_shift_mean", "sign"), [(8.0, 1), (-8.0, -1)])
def test_shifted_setting_moves_taps_its_way(case13, v_shift_mean, sign):
    env = GridVectorEnv(case13, 1)
    plain, shifted = [], []
    for taps, config in ((plain, {}), (shifted, {"v_shift_mean": v_shift_mean})):
        observation, _ = env.reset(options={"day": 3})
        policy = behaviour(env, **config)
        for _ in range(6):
            observation = env.step(policy(observation))[0]
        taps.append(env.snapshot.states["tap_position"])
    assert (sign * (shifted[0] - plain[0]) > 0).all()


def capacitor_hours(case, **config):
    """(step, lane, bank) what the behaviour asks of capacitors over a day."""
    env = GridVectorEnv(case, 3)
    observation, _ = env.reset(seed=0)
    policy = behaviour(env, **config)
    n_taps = len(case.network.regulators)
    n_banks = len(case.network.capacitors)
    asked = []
    for _ in range(24):
        action = policy(observation)
        asked.append(action[:, n_taps : n_taps + n_banks])
        observation = env.step(action)[0]
    return np.array(asked)


def test_capacitors_stay_closed_or_follow_the_clock(case13):
    assert (capacitor_hours(case13, capacitor_rules=(1.0, 0.0, 0.0)) == 1.0).all()
    by_clock = capacitor_hours(case13, capacitor_rules=(0.0, 1.0, 0.0))
    day = np.array([-1.0] * 7 + [1.0] * 16 + [-1.0])
    np.testing.assert_array_equal(by_clock, np.broadcast_to(day[:, None, None], by_clock.shape))


def test_capacitors_follow_their_voltage_control(case13):
    env = GridVectorEnv(case13, 3)
    observation, _ = env.reset(seed=0)
    policy = behaviour(env, capacitor_rules=(0.0, 0.0, 1.0))
    controls = LocalControls(case13.network)
    for _ in range(24):
        before = env.snapshot
        wanted = controls.capacitor_steps(before.flow)
        action = policy(observation)
        np.testing.assert_array_equal(action[:, 3:5], 2.0 * wanted - 1.0)
        observation = env.step(action)[0]


@pytest.mark.parametrize(
    ("rule", "charge_hours"), [((0.0, 1.0, 0.0), range(1, 6)), ((0.0, 0.0, 1.0), range(10, 15))]
)
def test_batteries_fill_by_night_or_by_sun_and_empty_in_the_evening(case13, rule, charge_hours):
    env = GridVectorEnv(case13, 3)
    observation, _ = env.reset(seed=0)
    policy = behaviour(env, battery_rules=rule)
    asked = []
    for _ in range(24):
        action = policy(observation)
        asked.append(action[:, 5])
        observation = env.step(action)[0]
    asked = np.array(asked)
    expected = np.zeros(24)
    expected[list(charge_hours)] = -1.0
    expected[17:21] = 1.0
    np.testing.assert_array_equal(np.sign(asked), np.broadcast_to(expected[:, None], (24, 3)))
    shares = np.abs(asked[18])
    assert ((shares >= 0.2) & (shares <= 1.0)).all()
    assert len(set(shares)) == 3


def test_idle_batteries_idle(case13):
    env = GridVectorEnv(case13, 3)
    observation, _ = env.reset(seed=0)
    policy = behaviour(env, battery_rules=(1.0, 0.0, 0.0))
    for _ in range(24):
        action = policy(observation)
        np.testing.assert_array_equal(action[:, 5], 0.0)
        observation = env.step(action)[0]


def test_exploration_strays_as_often_as_it_says(case13):
    env = GridVectorEnv(case13, 400)
    observation, _ = env.reset(seed=0)
    policy = behaviour(env, exploration=0.25, capacitor_rules=(1.0, 0.0, 0.0))
    env.step(policy(observation))
    opened = np.mean([(policy(observation)[:, 3:5] == -1.0).mean() for _ in range(5)])
    assert opened == pytest.approx(0.25, abs=0.03)
    always = behaviour(env, exploration=1.0, capacitor_rules=(1.0, 0.0, 0.0))
    assert (always(observation)[:, 3:5] == -1.0).all()


def test_rules_are_drawn_at_the_start_of_a_lanes_episode_and_only_then(stormy):
    env = GridVectorEnv(stormy, 4)
    observation, _ = env.reset(options={"day": [0, 1, 2, 3]})
    policy = behaviour(env, v_shift_spread=2.5)
    drawn = []
    for _ in range(30):
        action = policy(observation)
        drawn.append(policy._shift_v.copy())
        begins = env.snapshot.step == 0
        if len(drawn) > 1:
            changed = (drawn[-1] != drawn[-2]).all(axis=1)
            np.testing.assert_array_equal(changed, begins)
            np.testing.assert_array_equal((drawn[-1] != drawn[-2]).any(axis=1), begins)
        observation = env.step(action)[0]
    assert len(np.unique(drawn, axis=0)) >= 4


def test_behaviour_lives_through_a_collapse(stormy):
    env = GridVectorEnv(stormy, 6)
    observation, _ = env.reset(options={"day": np.arange(6)})
    policy = behaviour(env, exploration=0.2)
    collapses = 0
    for _ in range(60):
        action = policy(observation)
        assert (np.abs(action) <= 1.0).all()
        observation, _, terminated, _, _ = env.step(action)
        collapses += terminated.sum()
    assert collapses > 2


def test_same_generator_same_behaviour_and_it_pickles(case13, same):
    def run(policy_of):
        env = GridVectorEnv(case13, 2)
        observation, _ = env.reset(seed=0)
        policy = policy_of(Behaviour(env, BehaviourConfig(), np.random.default_rng(5)))
        return [policy(observation) for _ in range(3)]

    same(run(lambda policy: policy), run(lambda policy: pickle.loads(pickle.dumps(policy))))


def test_all_actions_are_in_the_action_space():
    case = vvo_case("ieee123", "desert")
    env = GridVectorEnv(case, 40)
    observation, _ = env.reset(seed=0)
    wild = BehaviourConfig(v_shift_spread=20.0, exploration=0.5)
    policy = Behaviour(env, wild, np.random.default_rng(0))
    for _ in range(24):
        action = policy(observation)
        assert action in env.action_space
        observation = env.step(action)[0]


def test_behaviour_names_devices_that_it_has_no_rule_for(case13):
    class Switches:
        state_name = "switch_closed"
        names = ("671692",)
        choices = (2,)

    env = GridVectorEnv(replace(case13, groups=(Switches(),)), 1)
    with pytest.raises(TaskError, match="devices with state 'switch_closed'; known: tap_position"):
        Behaviour(env, BehaviourConfig(), np.random.default_rng(0))
