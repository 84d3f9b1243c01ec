"""The feeder behind an environment is the one OpenDSS sees at the same set-point."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.dynamics import advance, rest
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.powerflow.opendss import OpenDSS


@pytest.mark.parametrize("feeder", ["ieee13", "ieee123"])
def test_every_voltage_and_the_losses_are_opendss_own(feeder, actions):
    case = vvo_case(feeder, utility="desert")
    engine = OpenDSS(case.network)
    env = GridVectorEnv(case, 2)
    env.reset(seed=1)
    for action in actions(24, 2, case):
        env.step(action)
        snapshot = env.snapshot
        theirs = engine.solve(snapshot.setpoint)
        assert np.abs(snapshot.flow.v_pu - theirs.v_pu).max() < 1e-6
        in_devices = snapshot.moves["soc"].loss_kw
        network_kw = (snapshot.loss_kw - in_devices)[-1]
        assert network_kw == pytest.approx(engine.losses_kw(), rel=1e-5)


def test_setpoint_is_load_sun_and_devices_of_its_hour(case123, actions):
    env = GridVectorEnv(case123, 2)
    env.reset(options={"day": [100, 200]})
    year, n_pv = case123.year, len(case123.network.feeder.pvs)
    for hour, action in enumerate(actions(24, 2, case123)):
        info = env.step(action)[4]
        rows = np.array([100, 200]) * 24 + hour
        setpoint = env.snapshot.setpoint
        np.testing.assert_array_equal(setpoint.load_kw, year.load_kw[rows])
        np.testing.assert_array_equal(setpoint.load_kvar, year.load_kvar[rows])
        np.testing.assert_array_equal(setpoint.der_kw[:, :n_pv], year.pv_kw[rows])
        battery_kw = 150.0 * info["action_executed"][:, 11:]
        np.testing.assert_allclose(setpoint.der_kw[:, n_pv:], battery_kw, rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(setpoint.der_kvar, 0.0)
        np.testing.assert_array_equal(setpoint.tap_position, env.snapshot.states["tap_position"])
        np.testing.assert_array_equal(
            setpoint.capacitor_step, env.snapshot.states["capacitor_closed"]
        )


def test_day_begins_at_rest_under_its_first_load(case123):
    env = GridVectorEnv(case123, 1)
    env.reset(options={"day": 9})
    setpoint = env.snapshot.setpoint
    np.testing.assert_array_equal(setpoint.load_kw[0], case123.year.load_kw[9 * 24])
    assert not setpoint.tap_position.any()
    assert not setpoint.capacitor_step.any()
    n_pv = len(case123.network.feeder.pvs)
    assert not setpoint.der_kw[:, n_pv:].any()


def test_episode_goes_on_into_the_next_day_and_from_december_to_january(case13, rollout):
    env = GridVectorEnv(replace(case13, horizon=30), 1)
    *_, truncated, _ = rollout(env, np.zeros((30, 1, 6)), days=364)[-1]
    assert truncated.all()
    np.testing.assert_array_equal(env.snapshot.setpoint.load_kw[0], case13.year.load_kw[5])


@pytest.mark.parametrize("feeder", ["ieee13", "ieee123"])
def test_local_controls_end_where_opendss_own_controls_do(feeder, actions):
    case = vvo_case(feeder, utility="northern", local_controls=True)
    controls, engine = LocalControls(case.network), OpenDSS(case.network)
    before = rest(case, np.array([20, 300]))
    for action in actions(5, 2, case):
        after = advance(case, before, action.astype(float))
        asked = after.setpoint.with_(
            tap_position=before.states["tap_position"],
            capacitor_step=before.states["capacitor_closed"],
        )
        settled = controls.settle(asked, start_pu=before.flow.v_pu)
        np.testing.assert_array_equal(after.states["tap_position"], settled.setpoint.tap_position)
        theirs = engine.solve(asked, controls=True).setpoint
        np.testing.assert_array_equal(after.states["tap_position"], theirs.tap_position)
        np.testing.assert_array_equal(after.states["capacitor_closed"], theirs.capacitor_step)
        before = after
    assert before.states["tap_position"].any()


def test_local_controls_ignore_actions_but_batteries_obey(actions):
    case = vvo_case("ieee13", local_controls=True)
    start = rest(case, np.array([3]))
    one = np.array([[1.0, -1.0, 1.0, 1.0, -1.0, 0.5]])
    other = np.array([[-1.0, 1.0, 0.0, -1.0, 1.0, 0.5]])
    first, second = advance(case, start, one), advance(case, start, other)
    np.testing.assert_array_equal(first.flow.v_pu, second.flow.v_pu)
    assert first.moves["soc"].executed[0, 0] == 0.5
    assert first.moves["tap_position"].operations.any()
    taps = first.states["tap_position"][0]
    np.testing.assert_array_equal(
        first.moves["tap_position"].executed[0], np.clip(taps / 4.0, -1.0, 1.0)
    )
    np.testing.assert_array_equal(first.moves["tap_position"].operations[0], np.abs(taps))
