"""Prices: the periods of a published plan, laws of the drawn price, demand charges."""

from typing import Any

import numpy as np
import pytest

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios import (
    DynamicPriceConfig,
    Tariff,
    TimeOfUseConfig,
    demand_charge_usd,
    draw_dynamic_tariff,
    time_of_use_tariff,
)
from grid_fed_rl.scenarios.tariff import month_of

HOURS = np.arange(365 * 24, dtype=np.float64)
NET_KW = 500.0 + 200.0 * np.sin((HOURS % 24 - 12) * np.pi / 12.0)
AIR_C = 20.0 + 15.0 * np.sin((HOURS - 2900) * 2.0 * np.pi / 8760.0)


USUAL = DynamicPriceConfig()


def dynamic(seed: int = 0, config: DynamicPriceConfig = USUAL) -> Tariff:
    return draw_dynamic_tariff(NET_KW, AIR_C, 1.0, np.random.default_rng(seed), config)


@pytest.mark.parametrize(
    ("day", "off_peak", "peak"),
    [
        (150, 0.13730, 0.16398),  # 31 May
        (151, 0.14103, 0.22403),  # 1 June
        (272, 0.14103, 0.22403),  # 30 September
        (273, 0.13730, 0.16398),  # 1 October
        (5, 0.13730, 0.16398),  # a Saturday: the peak is every day's
    ],
)
def test_periods_and_rates_of_the_published_plan(day: int, off_peak: float, peak: float):
    prices = time_of_use_tariff(365, 1.0).import_usd_per_kwh[24 * day : 24 * day + 24]
    expected = np.full(24, off_peak)
    expected[16:21] = peak
    np.testing.assert_allclose(prices, expected + 0.20)


def test_a_weekday_peak_leaves_weekends_out_and_steps_may_be_short():
    config = TimeOfUseConfig(peak_h=(17.0, 20.0), peak_at_weekends=False, delivery_usd_per_kwh=0.0)
    tariff = time_of_use_tariff(7, 0.25, config)
    on_peak = (tariff.import_usd_per_kwh > 0.15).reshape(7, 96)
    assert on_peak.sum(axis=1).tolist() == [12] * 5 + [0, 0]
    assert np.flatnonzero(on_peak[0]).tolist() == list(range(68, 80))


def test_months_are_those_of_the_calendar():
    months = month_of(HOURS + 0.5).reshape(365, 24)[:, 0]
    assert np.bincount(months).tolist() == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert month_of(np.array([8760.5])).tolist() == [12]


def test_the_demand_charge_is_of_each_months_highest_import():
    tariff = time_of_use_tariff(365, 1.0, TimeOfUseConfig(demand_usd_per_kw=10.0))
    kw = np.full(8760, -5.0)
    assert demand_charge_usd(tariff, kw) == 0.0
    kw[[10, 20, 31 * 24]] = [3.0, 7.0, 2.0]
    assert demand_charge_usd(tariff, kw) == 90.0
    with pytest.raises(ScenarioError, match=r"import_kw has shape \(24,\): must be \(8760,\)"):
        demand_charge_usd(tariff, kw[:24])


def test_the_drawn_price_has_its_mean_and_is_never_negative():
    price = dynamic().export_usd_per_kwh
    np.testing.assert_allclose(price.mean(), 0.05)
    assert price.min() > 0.0
    np.testing.assert_allclose(dynamic().import_usd_per_kwh - price, 0.10)


def test_the_drawn_price_follows_net_load_and_heat():
    smooth = DynamicPriceConfig(noise_sd=0.0, spikes_a_year=0.0)
    log_price = np.log(dynamic(config=smooth).export_usd_per_kwh)
    per_kw = np.polyfit(NET_KW[AIR_C < 30.0], log_price[AIR_C < 30.0], 1)[0]
    np.testing.assert_allclose(per_kw, 0.35 / NET_KW.std(), rtol=1e-6)
    hot, mild = int(AIR_C.argmax()), int(AIR_C.argmin())
    hot += (mild - hot) % 24  # the same hour, so the same net load
    np.testing.assert_allclose(
        log_price[hot] - log_price[mild], 0.05 * (AIR_C[hot] - 30.0), rtol=1e-6
    )
    assert np.corrcoef(np.log(dynamic().export_usd_per_kwh), NET_KW)[0, 1] > 0.6


def test_spikes_come_as_often_as_said_and_fade():
    only_spikes = DynamicPriceConfig(noise_sd=0.0, per_net_load_sd=0.0, per_c_above_30=0.0)
    starts = []
    for seed in range(20):
        log_price = np.log(dynamic(seed, only_spikes).export_usd_per_kwh)
        above = log_price - log_price.min()
        rises = np.diff(above) > 0.01
        starts.append(rises.sum())
        top = int(above.argmax())
        np.testing.assert_allclose(above[top + 1] / above[top], np.exp(-0.5), rtol=0.3)
    np.testing.assert_allclose(np.mean(starts), 12.0, atol=2.5)


def test_a_price_holds_for_its_hour_and_the_draw_is_repeatable():
    quarter = draw_dynamic_tariff(
        np.repeat(NET_KW, 4), np.repeat(AIR_C, 4), 0.25, np.random.default_rng(0)
    )
    np.testing.assert_allclose(
        quarter.import_usd_per_kwh, np.repeat(dynamic().import_usd_per_kwh, 4)
    )
    np.testing.assert_array_equal(dynamic().export_usd_per_kwh, dynamic().export_usd_per_kwh)
    assert not np.array_equal(dynamic().export_usd_per_kwh, dynamic(1).export_usd_per_kwh)


def test_a_level_net_load_has_no_part_in_the_price():
    tariff = draw_dynamic_tariff(np.ones(48), np.zeros(48), 1.0, np.random.default_rng(0))
    assert np.isfinite(tariff.import_usd_per_kwh).all()


def test_prices_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        dynamic().import_usd_per_kwh[0] = 0.0


@pytest.mark.parametrize(
    ("taken", "given", "demand", "message"),
    [
        ([[0.1]], [0.1], 0.0, r"import_usd_per_kwh has shape \(1, 1\)"),
        ([0.1, np.nan], [0.1, 0.1], 0.0, r"import_usd_per_kwh\[1\] = nan: must be finite"),
        ([0.1, 0.1], [0.1], 0.0, "export_usd_per_kwh has 1 steps: must have 2"),
        ([0.1, 0.1], [0.1, 0.2], 0.0, r"\[1\] = 0.2: must be at most the import price of 0.1"),
        ([0.1], [0.1], -1.0, "'t': demand_usd_per_kw = -1: must be at least 0"),
    ],
)
def test_a_wrong_tariff_is_named(taken: Any, given: Any, demand: float, message: str):
    with pytest.raises(ScenarioError, match=message):
        Tariff("t", 1.0, taken, given, demand)


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        (TimeOfUseConfig, {"peak_h": (21.0, 16.0)}, "peak_h = .*: must rise"),
        (TimeOfUseConfig, {"delivery_usd_per_kwh": -0.1}, "delivery_usd_per_kwh = -0.1"),
        (DynamicPriceConfig, {"noise_sd": float("nan")}, "noise_sd = nan: must be at least 0"),
        (DynamicPriceConfig, {"spike_factor": 0.5}, "spike_factor = 0.5: must be at least 1"),
    ],
)
def test_a_wrong_shape_is_named(config: Any, changes: dict[str, Any], message: str):
    with pytest.raises(ScenarioError, match=message):
        config(**changes)


@pytest.mark.parametrize(
    ("net_kw", "air_c", "step_h", "message"),
    [
        (np.ones(24), np.ones(23), 1.0, r"shapes \(24,\) and \(23,\)"),
        (np.ones(25), np.ones(25), 1.0, "have 25 steps: must be finite and whole days of 24"),
        (np.full(24, np.nan), np.ones(24), 1.0, "must be finite"),
        (np.ones(12), np.ones(12), 2.0, "step_h = 2: must divide an hour"),
    ],
)
def test_wrong_series_are_named(net_kw: Any, air_c: Any, step_h: float, message: str):
    with pytest.raises(ScenarioError, match=message):
        draw_dynamic_tariff(net_kw, air_c, step_h, np.random.default_rng(0))
