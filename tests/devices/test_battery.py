"""Battery steps: literal numbers worked by hand, and the laws of a store."""

from typing import Any

import numpy as np
import pytest

from grid_fed_rl.devices import Battery, battery_step
from grid_fed_rl.errors import FeederError


def make(**changes: Any) -> Battery:
    ratings: dict[str, Any] = {
        "names": ("north", "south"),
        "p_max_kw": [100.0, 250.0],
        "energy_kwh": [200.0, 1000.0],
        "efficiency_charge": 0.9,
        "efficiency_discharge": 0.8,
        "soc_min": [0.1, 0.0],
        "soc_max": [0.9, 1.0],
        "s_kva": [110.0, 250.0],
    }
    return Battery(**(ratings | changes))


def test_discharge_takes_more_from_the_store_than_it_delivers():
    soc, p_kw = battery_step(make(), np.array([[0.5, 0.5]]), np.array([[40.0, 200.0]]), 1.0)
    np.testing.assert_allclose(p_kw, [[40.0, 200.0]])
    np.testing.assert_allclose(soc, [[0.5 - 50.0 / 200.0, 0.5 - 250.0 / 1000.0]])


def test_charge_stores_less_than_it_draws():
    soc, p_kw = battery_step(make(), np.array([[0.5, 0.5]]), np.array([[-40.0, -200.0]]), 0.5)
    np.testing.assert_allclose(p_kw, [[-40.0, -200.0]])
    np.testing.assert_allclose(soc, [[0.5 + 18.0 / 200.0, 0.5 + 90.0 / 1000.0]])


def test_rated_power_limits_either_way():
    battery = make(energy_kwh=1e6)
    for sign in (1.0, -1.0):
        _, p_kw = battery_step(battery, np.full((1, 2), 0.5), np.full((1, 2), sign * 1e4), 1.0)
        np.testing.assert_allclose(p_kw, sign * battery.p_max_kw[None])


def test_energy_limits_the_power_of_the_whole_step():
    # 0.05 * 200 kWh = 10 kWh above the floor deliver 8 kWh; 0.02 * 1000 kWh deliver 16 kWh.
    soc, p_kw = battery_step(make(), np.array([[0.15, 0.02]]), np.full((1, 2), 99.0), 1.0)
    np.testing.assert_allclose(p_kw, [[8.0, 16.0]])
    np.testing.assert_allclose(soc, [[0.1, 0.0]], atol=1e-12)
    # 0.09 * 200 kWh = 18 kWh of room draw 20 kWh; 0.018 * 1000 kWh draw 20 kWh.
    soc, p_kw = battery_step(make(), np.array([[0.81, 0.982]]), np.full((1, 2), -99.0), 0.5)
    np.testing.assert_allclose(p_kw, [[-40.0, -40.0]])
    np.testing.assert_allclose(soc, [[0.9, 1.0]])


def test_state_of_charge_never_leaves_its_bounds_and_energy_balances():
    battery, rng = make(), np.random.default_rng(0)
    soc = rng.uniform(battery.soc_min, battery.soc_max, size=(500, 2))
    for _ in range(200):
        request_kw = rng.normal(0.0, 200.0, size=soc.shape)
        soc_next, p_kw = battery_step(battery, soc, request_kw, 0.25)
        assert (soc_next >= battery.soc_min).all()
        assert (soc_next <= battery.soc_max).all()
        assert (np.abs(p_kw) <= np.minimum(np.abs(request_kw), battery.p_max_kw)).all()
        assert (p_kw * request_kw >= 0.0).all()
        released_kwh = (soc - soc_next) * battery.energy_kwh
        delivered_kwh = p_kw * 0.25
        expected_kwh = np.where(
            p_kw >= 0,
            released_kwh * battery.efficiency_discharge,
            released_kwh / battery.efficiency_charge,
        )
        np.testing.assert_allclose(delivered_kwh, expected_kwh, atol=1e-9)
        soc = soc_next


def test_round_trip_loses_one_minus_both_efficiencies():
    battery = make()
    start = np.full((1, 2), 0.5)
    charged, p_charge_kw = battery_step(battery, start, np.full((1, 2), -50.0), 1.0)
    released_kwh = (charged - start) * battery.energy_kwh
    back, p_kw = battery_step(battery, charged, released_kwh * 0.8, 1.0)
    np.testing.assert_allclose(back, start)
    np.testing.assert_allclose(p_kw / -p_charge_kw, 0.9 * 0.8)


def test_lanes_do_not_touch_each_other():
    battery, rng = make(), np.random.default_rng(1)
    soc = rng.uniform(battery.soc_min, battery.soc_max, size=(7, 2))
    request_kw = rng.normal(0.0, 200.0, size=(7, 2))
    together = battery_step(battery, soc, request_kw, 1.0)
    for lane in range(7):
        alone = battery_step(battery, soc[lane], request_kw[lane], 1.0)
        np.testing.assert_array_equal(together[0][lane], alone[0])
        np.testing.assert_array_equal(together[1][lane], alone[1])


def test_a_feeder_without_batteries_has_an_empty_step():
    battery = make(names=(), p_max_kw=[], energy_kwh=[], soc_min=[], soc_max=[], s_kva=[])
    soc, p_kw = battery_step(battery, np.zeros((3, 0)), np.zeros((3, 0)), 1.0)
    assert len(battery) == 0
    assert soc.shape == p_kw.shape == (3, 0)


def test_ratings_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        make().p_max_kw[0] = 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"p_max_kw": [100.0, -5.0]}, r"battery 'south': p_max_kw = -5: must be above 0"),
        ({"energy_kwh": [0.0, 1.0]}, r"battery 'north': energy_kwh = 0: must be above 0"),
        ({"efficiency_charge": 1.2}, r"efficiency_charge = 1.2: must be in \(0, 1\]"),
        ({"efficiency_discharge": 0.0}, r"efficiency_discharge = 0: must be in \(0, 1\]"),
        ({"soc_min": [0.9, 0.0]}, r"battery 'north': soc_min = 0.9: must be in \[0, soc_max\)"),
        ({"soc_max": 1.5}, r"soc_max = 1.5: must be at most 1"),
        ({"s_kva": 120.0}, r"battery 'south': s_kva = 120: must be at least p_max_kw"),
        ({"energy_kwh": [1.0, np.nan]}, r"battery 'south': energy_kwh = nan: must be finite"),
        ({"energy_kwh": [1.0, 2.0, 3.0]}, r"energy_kwh has shape \(3,\): must be .* \(2,\)"),
        ({"names": ("a", "a")}, r"given twice: a"),
    ],
)
def test_a_wrong_rating_is_named(changes: dict[str, Any], message: str):
    with pytest.raises(FeederError, match=message):
        make(**changes)
