"""Hard days: test days only, fixed by hash; what changes and what must not."""

from typing import Any

import numpy as np
import pytest

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios import (
    SPLITS,
    STRESS_SPLITS,
    EvConfig,
    EvStation,
    UtilityConfig,
    Year,
    days_in_split,
    draw_sessions,
    draw_year,
    five_utilities,
    heat_wave,
    high_pv,
    more_plugs,
    outage_on,
    size_pv,
    split_days,
    stress_days,
    with_charging,
)

DESERT = next(utility for utility in five_utilities() if utility.name == "desert")
LOAD_KW = np.array([40.0, 20.0, 60.0])
SERIES = ("load_kw", "load_kvar", "pv_kw", "temperature_c", "sun_pu")
LINES = ["line 650-632", "line 632-671", "line 671-680", "transformer xfm1"]


@pytest.fixture(scope="module")
def year() -> Year:
    rng = np.random.default_rng(3)
    return draw_year(DESERT, LOAD_KW, 0.4 * LOAD_KW, size_pv(DESERT, LOAD_KW), rng)


def test_literal_stress_days():
    assert days_in_split("stress-n-1", 20, "ieee123-vvo").tolist() == [5, 7, 14]
    assert days_in_split("test", 20, "ieee123-vvo").tolist() == [5, 7, 11, 14, 18]
    hardness = np.arange(20) % 7
    assert days_in_split("stress-heat-wave", 20, "ieee123-vvo", hardness).tolist() == [5, 11, 18]


@pytest.mark.parametrize("split", SPLITS)
def test_stress_days_are_test_days(split: str, year: Year):
    days = split_days(365, "k")
    found = stress_days(split, year, "k")
    assert (np.diff(found) > 0).all()
    if split in STRESS_SPLITS:
        assert set(found) < set(days["test"])
        assert len(found) == -(-len(days["test"]) // 2)
    else:
        np.testing.assert_array_equal(found, days[split])


def test_heat_comes_on_the_warmest_and_pv_on_the_sunniest_test_days(year: Year):
    test = split_days(365, "k")["test"]
    daily_c = year.temperature_c.reshape(365, -1).mean(axis=1)
    share = year.pv_kw.reshape(365, -1).sum(axis=1) / year.load_kw.reshape(365, -1).sum(axis=1)
    for split, measure in (("stress-heat-wave", daily_c), ("stress-high-pv", share)):
        found = stress_days(split, year, "k")
        rest = np.setdiff1d(test, found)
        assert measure[found].min() >= measure[rest].max()


def test_hash_splits_differ_by_name_and_key():
    drawn = {
        (split, key): tuple(days_in_split(split, 365, key))
        for split in ("stress-high-ev", "stress-n-1")
        for key in ("a", "b")
    }
    assert len(set(drawn.values())) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stress", 9, "k"), "'stress' is no split: must be one of"),
        (("stress-high-pv", 9, "k", np.ones(8)), r"severity has shape \(8,\): must be \(9,\)"),
        (("stress-n-1", 0, "k"), "n_days = 0"),
    ],
)
def test_a_wrong_split_is_named(arguments: Any, message: str):
    with pytest.raises(ScenarioError, match=message):
        days_in_split(*arguments)


def test_a_heat_wave_warms_its_days_and_eases(year: Year):
    hot = heat_wave(year, [200, 201], DESERT, rise_c=6.0)
    rise_c = (hot.temperature_c - year.temperature_c).reshape(365, 24)
    np.testing.assert_allclose(rise_c[200:202], 6.0, atol=1e-5)
    np.testing.assert_allclose(rise_c[199, 12:], 6.0 * (np.arange(12) + 0.5) / 12.0, atol=1e-5)
    np.testing.assert_allclose(rise_c[202, :12], rise_c[199, :11:-1], atol=1e-5)
    elsewhere = np.r_[0:199, 203:365]
    np.testing.assert_array_equal(rise_c[elsewhere], 0.0)
    np.testing.assert_array_equal(hot.sun_pu, year.sun_pu)
    for name in ("load_kw", "load_kvar", "pv_kw"):
        before, after = (getattr(y, name).reshape(365, 24, -1) for y in (year, hot))
        np.testing.assert_array_equal(before[elsewhere], after[elsewhere])


def test_heat_raises_load_by_the_cooling_of_the_mix_and_lowers_pv(year: Year):
    hot = heat_wave(year, [200], DESERT, rise_c=8.0)
    step = 200 * 24 + 15
    air_c = float(year.temperature_c[step])
    assert air_c > 19.0
    per_c = 0.75 * (0.55 * 0.060 + 0.40 * 0.038 + 0.05 * 0.018)  # shares of the desert utility
    expected = (1.0 + per_c * (air_c + 8.0 - 19.0)) / (1.0 + per_c * (air_c - 19.0))
    assert expected > 1.15
    np.testing.assert_allclose(hot.load_kw[step] / year.load_kw[step], expected, rtol=1e-5)
    np.testing.assert_allclose(hot.load_kvar[step] / hot.load_kw[step], 0.4, rtol=1e-5)
    sun = float(year.sun_pu[step])
    cell_c = air_c + 31.25 * sun
    expected = (1.0 - 0.0035 * (cell_c + 8.0 - 25.0)) / (1.0 - 0.0035 * (cell_c - 25.0))
    np.testing.assert_allclose(hot.pv_kw[step] / year.pv_kw[step], expected, rtol=1e-5)


def test_heat_where_nobody_cools_moves_no_load(year: Year):
    bare = UtilityConfig(
        "bare", 33.0, 1.0, 0.0, 0.0, 0.5, 1.0, 22.0, 9.0, cooling_share=0.0, heating_share=0.0
    )
    np.testing.assert_array_equal(heat_wave(year, [200], bare).load_kw, year.load_kw)


def test_no_rise_changes_nothing(year: Year):
    same = heat_wave(year, [7], DESERT, rise_c=0.0)
    for name in SERIES:
        np.testing.assert_array_equal(getattr(same, name), getattr(year, name))


def test_twice_the_pv(year: Year):
    more = high_pv(year, 2.0)
    np.testing.assert_array_equal(more.pv_kw, 2.0 * year.pv_kw)
    np.testing.assert_array_equal(more.load_kw, year.load_kw)


def test_charging_adds_its_energy_to_the_load_beside_it(year: Year):
    stations = more_plugs([EvStation("a", "home-l2", 3), EvStation("b", "dcfc", 1)], 1.5)
    assert [station.plugs for station in stations] == [5, 2]
    sessions = draw_sessions(
        EvConfig(), stations, 365, np.random.default_rng(0), year.temperature_c
    )
    loaded = with_charging(year, sessions, [2, 2])
    added_kw = loaded.load_kw.astype(float) - year.load_kw
    np.testing.assert_array_equal(added_kw[:, :2], 0.0)
    assert added_kw.min() > -1e-4
    np.testing.assert_allclose(added_kw.sum(), sessions.energy_kwh.sum(), rtol=1e-3)
    np.testing.assert_array_equal(loaded.load_kvar, year.load_kvar)


def test_the_outage_is_fixed_by_key_and_day_in_any_order_of_names():
    out = [outage_on(day, LINES, "k") for day in range(400)]
    assert out == [outage_on(day, LINES[::-1], "k") for day in range(400)]
    assert out[:3] == ["line 632-671", "line 671-680", "line 671-680"]
    counts = [out.count(name) for name in LINES]
    assert min(counts) > 70
    assert out != [outage_on(day, LINES, "other") for day in range(400)]


def test_an_element_less_moves_only_its_own_days():
    with_all = [outage_on(day, LINES, "k") for day in range(200)]
    without = [outage_on(day, LINES[1:], "k") for day in range(200)]
    moved = [a for a, b in zip(with_all, without, strict=True) if a != b]
    assert set(moved) == {LINES[0]}


def test_wrong_stress_is_named(year: Year):
    sessions = draw_sessions(EvConfig(), [EvStation("a", "dcfc")], 3, np.random.default_rng(0))
    full = draw_sessions(EvConfig(), [EvStation("a", "dcfc")], 365, np.random.default_rng(0))
    for message, call in (
        (r"days = \[365\]: must be day indices in 0..364", lambda: heat_wave(year, 365, DESERT)),
        ("rise_c = -1: must be at least 0", lambda: heat_wave(year, 1, DESERT, -1.0)),
        ("factor = 0.5: must be at least 1", lambda: high_pv(year, 0.5)),
        ("factor = nan: must be at least 1", lambda: more_plugs((), float("nan"))),
        ("sessions have 3 days: must have 365", lambda: with_charging(year, sessions, [0])),
        (r"load_index = \[3\]: must be 1 load indices", lambda: with_charging(year, full, [3])),
        ("nothing to pick from", lambda: outage_on(1, [], "k")),
    ):
        with pytest.raises(ScenarioError, match=message):
            call()
