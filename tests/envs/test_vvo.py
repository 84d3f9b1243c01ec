"""The volt-var task: what it is assembled from, and that it is worth solving."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.analytics.evaluate import run_days
from grid_fed_rl.envs.baselines import Hold
from grid_fed_rl.envs.site import utility_named
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import VVOConfig, vvo_case
from grid_fed_rl.scenarios import five_utilities

UTILITIES = [utility.name for utility in five_utilities()]
NODE_HOURS_OUTSIDE = {  # largest share that local rules leave, of any utility's test days
    "ieee13": 0.011,
    "ieee123": 0.001,
}


@pytest.mark.parametrize("utility", UTILITIES)
@pytest.mark.parametrize("feeder", ["ieee13", "ieee123"])
def test_doing_nothing_breaks_the_limits_and_local_rules_hold_them(feeder, utility):
    """On the test days: else there would be nothing to win, or no way to win it."""
    judged = {}
    for local_controls in (False, True):
        case = vvo_case(feeder, utility, split="test", local_controls=local_controls)
        env = GridVectorEnv(case, len(case.days))
        hold = Hold(len(case.action_names))
        judged[local_controls] = run_days(env, hold, case.days, case.network.n_nodes)
    nothing, local = judged[False], judged[True]
    assert nothing["violation_rate"].mean() > 0.02
    assert (nothing["violation_pu"] > 0).mean() > 0.7, "on most days"
    assert local["violation_rate"].mean() < NODE_HOURS_OUTSIDE[feeder]
    assert local["violation_rate"].mean() < nothing["violation_rate"].mean() / 20
    assert local["loss_kwh"].mean() < 0.95 * nothing["loss_kwh"].mean()
    assert local["return"].mean() > nothing["return"].mean(), "wear included"


def test_devices_of_ieee123():
    case = vvo_case("ieee123")
    assert case.action_names == (
        *("creg1a", "creg2a", "creg3a", "creg3c", "creg4a", "creg4b", "creg4c"),
        *("c83", "c88a", "c90b", "c92c"),
        *("battery_47", "battery_76", "battery_83", "battery_101"),
    )
    assert case.horizon == 24
    feeder = case.network.feeder
    assert {battery.terminal.bus for battery in feeder.storages.values()} == {
        *("47", "76", "83", "101")
    }
    assert all(capacitor.control is not None for capacitor in feeder.capacitors.values())


def test_pv_of_the_utility_stands_beside_the_loads():
    for name in ("desert", "northern"):
        utility = utility_named(name)
        feeder = vvo_case("ieee123", name).network.feeder
        peak_kw = utility.peak_scale * sum(load.kw for load in feeder.loads.values())
        rated_kw = sum(pv.kw_dc for pv in feeder.pvs.values())
        assert rated_kw == pytest.approx(utility.pv_share * peak_kw)
        assert list(feeder.pvs) == [f"pv_{load}" for load in feeder.loads]


def test_splits_part_the_year():
    days = {
        split: vvo_case("ieee13", split=split).days for split in ("train", "validation", "test")
    }
    together = np.concatenate(list(days.values()))
    np.testing.assert_array_equal(np.sort(together), np.arange(365))
    np.testing.assert_array_equal(vvo_case("ieee13", split="all").days, np.arange(365))


def test_utility_seed_and_configuration_change_the_year():
    base = vvo_case("ieee13")
    assert (vvo_case("ieee13").year.load_kw == base.year.load_kw).all()
    for other in (vvo_case("ieee13", "desert"), vvo_case("ieee13", year_seed=1)):
        assert (other.year.load_kw != base.year.load_kw).any()
        assert other.days.tolist() != base.days.tolist()


def test_own_utility_and_configuration_are_taken():
    sunny = replace(utility_named("coastal"), name="sunny", pv_share=1.0)
    config = VVOConfig(most_tap_steps=1, battery_kw=10.0, battery_kwh=20.0)
    case = vvo_case("ieee13", sunny, config=config)
    assert case.year.name == "sunny"
    env = GridVectorEnv(case, 1)
    env.reset(seed=0)
    env.step(np.ones((1, 6)))
    np.testing.assert_array_equal(env.snapshot.states["tap_position"], [[1, 1, 1]])
    battery = case.network.feeder.storages["battery_680"]
    assert (battery.kw, battery.kwh, battery.kva) == (10.0, 20.0, 10.0)
    assert env.snapshot.setpoint.der_kw[0, -1] == pytest.approx(0.4 * 20.0 * 0.96)


def test_what_one_utility_shares_is_drawn_once():
    train, test = vvo_case("ieee123", split="train"), vvo_case("ieee123", split="test")
    assert train.network is test.network
    assert train.year is test.year
