"""Laws of the local rules: the standard's curve, the clock, and cars served in time."""

import gymnasium
import numpy as np
import pytest
from numpy.testing import assert_allclose

import grid_fed_rl  # noqa: F401 - registers the ids
from grid_fed_rl.envs.groups import EvStations
from grid_fed_rl.envs.rules import LocalRules
from grid_fed_rl.envs.vector import GridVectorEnv

Q_LIMIT_PU = 0.44  # IEEE Std 1547-2018, table 7, category B


def env_of(task: str) -> GridVectorEnv:
    env = gymnasium.make_vec(f"GridFedRL/IEEE13-{task}-v0", num_envs=2, split="test").unwrapped
    assert isinstance(env, GridVectorEnv)
    return env


def test_volt_var_is_the_curve_of_ieee_1547_at_the_inverters_own_voltage():
    env = env_of("DER")
    env.reset(options={"day": np.array([4, 259])})
    env.step(np.zeros((2, len(env.case.action_names)), dtype=np.float32))
    network = env.case.network
    action = LocalRules(env)(np.zeros((2, 1), dtype=np.float32))
    seen = []
    for k, pv in enumerate(network.feeder.pvs.values()):
        v_pu = env.snapshot.v_pu[:, network.nodes_of(pv.terminal)].mean(axis=1)
        # Table 8: 0.44 at 0.92, 0 from 0.98 to 1.02, -0.44 at 1.08, straight between.
        over = np.clip((v_pu - 1.02) / 0.06, 0.0, 1.0)
        under = np.clip((0.98 - v_pu) / 0.06, 0.0, 1.0)
        assert_allclose(action[:, k], under - over, atol=1e-6)
        seen += (under - over).tolist()
    assert min(seen) < -0.05  # the day has voltages beyond the dead band


def test_batteries_follow_the_clock_and_never_run_against_their_ends():
    env = env_of("DER")
    policy = LocalRules(env)
    observation, _ = env.reset(options={"day": np.array([4, 259])})
    battery = 2 * len(env.case.network.feeder.pvs)
    asked, executed = [], []
    for _ in range(24):
        action = policy(observation)
        observation, *_, info = env.step(action)
        asked.append(action[0, battery])
        executed.append(info["action_executed"][0, battery])
    assert_allclose(executed, asked, atol=1e-6)
    charging, discharging = np.flatnonzero(np.array(asked) < 0), np.flatnonzero(np.array(asked) > 0)
    assert charging.tolist() == [10, 11, 12, 13, 14]
    assert discharging.tolist() == [17, 18, 19, 20]


def test_even_charging_serves_every_car_and_lowers_the_peak():
    env = env_of("EV")
    (group,) = env.case.groups
    assert isinstance(group, EvStations)
    unserved, peak_kw = {}, {}
    for name in ("hold", "rules"):
        policy = LocalRules(env)
        observation, _ = env.reset(options={"day": np.array([4, 206])})
        unserved[name], peak_kw[name] = np.zeros(2), np.zeros(2)
        for _ in range(env.case.horizon):
            action = policy(observation)
            observation, *_ = env.step(action if name == "rules" else np.zeros_like(action))
            state = env.snapshot.states[group.state_name]
            unserved[name] += group.unserved_kwh(state)
            peak_kw[name] = np.maximum(peak_kw[name], group.drawn_kw(state).sum(axis=1))
    assert_allclose(unserved["rules"], unserved["hold"], atol=1e-4)
    assert (peak_kw["rules"] < 0.95 * peak_kw["hold"]).all()


@pytest.mark.parametrize("task", ["VVO", "DER", "EV"])
def test_actions_are_of_the_space(task):
    env = env_of(task)
    observation, _ = env.reset(seed=1)
    policy = LocalRules(env)
    for _ in range(12):
        action = policy(observation)
        assert env.action_space.contains(action)
        observation, *_ = env.step(action)
