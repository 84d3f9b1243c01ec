"""Years: the laws of what is drawn, the calibrated ranges, and faults that are named."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios import (
    UtilityConfig,
    Year,
    draw_year,
    five_utilities,
    net_load_kw,
    size_pv,
    year_from_arrays,
)

LOAD_KW = np.tile([20.0, 40.0, 75.0, 40.0, 40.0, 20.0, 105.0], 13)  # 91 loads
LOAD_KVAR = 0.5 * LOAD_KW
UTILITIES = {utility.name: utility for utility in five_utilities()}
SERIES = ("load_kw", "load_kvar", "pv_kw", "temperature_c", "sun_pu")


def draw(utility: UtilityConfig, seed: int = 0) -> Year:
    return draw_year(
        utility,
        LOAD_KW,
        LOAD_KVAR,
        size_pv(utility, LOAD_KW),
        np.random.default_rng(seed),
    )


@pytest.fixture(scope="module", params=list(UTILITIES))
def utility_and_year(request: pytest.FixtureRequest) -> tuple[UtilityConfig, Year]:
    return UTILITIES[request.param], draw(UTILITIES[request.param], seed=1)


def test_shapes_and_types(utility_and_year: tuple[UtilityConfig, Year]):
    _, year = utility_and_year
    assert year.load_kw.shape == year.load_kvar.shape == year.pv_kw.shape == (8760, 91)
    assert year.temperature_c.shape == year.sun_pu.shape == (8760,)
    assert (year.n_days, year.steps_per_day, year.step_h) == (365, 24, 1.0)
    for name in SERIES:
        series = getattr(year, name)
        assert series.dtype == np.float32
        assert not series.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        year.load_kw[0, 0] = 1.0


def test_the_peak_of_the_year_is_peak_scale(utility_and_year: tuple[UtilityConfig, Year]):
    utility, year = utility_and_year
    peak_kw = year.load_kw.sum(axis=1, dtype=np.float64).max()
    np.testing.assert_allclose(peak_kw, utility.peak_scale * LOAD_KW.sum(), rtol=1e-6)


def test_load_factor_and_minimum_are_those_of_feeders(utility_and_year: tuple[UtilityConfig, Year]):
    _, year = utility_and_year
    total_kw = year.load_kw.sum(axis=1, dtype=np.float64)
    assert 0.4 <= total_kw.mean() / total_kw.max() <= 0.61
    assert 0.2 <= total_kw.min() / total_kw.max() <= 0.35
    assert (year.load_kw > 0.0).all()


def test_every_load_keeps_its_power_factor(utility_and_year: tuple[UtilityConfig, Year]):
    _, year = utility_and_year
    np.testing.assert_allclose(year.load_kvar, 0.5 * year.load_kw, rtol=1e-6)


def test_pv_runs_by_day_within_its_rating(utility_and_year: tuple[UtilityConfig, Year]):
    utility, year = utility_and_year
    rated_kw = size_pv(utility, LOAD_KW)
    np.testing.assert_allclose(
        rated_kw.sum(), utility.pv_share * utility.peak_scale * LOAD_KW.sum()
    )
    assert (year.pv_kw >= 0.0).all()
    assert (year.pv_kw <= rated_kw).all()
    assert (year.pv_kw[year.sun_pu == 0.0] == 0.0).all()
    by_hour = year.pv_kw.sum(axis=1).reshape(365, 24).mean(axis=0)
    assert by_hour[[0, 1, 2, 22, 23]].max() == 0.0
    assert by_hour.argmax() in (11, 12)
    capacity_factor = year.pv_kw.sum(axis=1).mean() / rated_kw.sum()
    assert 0.06 < capacity_factor < 0.20


def test_the_five_utilities_differ_where_a_controller_feels_it():
    years = {name: draw(utility, seed=2) for name, utility in UTILITIES.items()}
    assert len(UTILITIES) == 5
    net_kw = {name: net_load_kw(year).sum(axis=1) for name, year in years.items()}
    assert net_kw["desert"].min() < 0.0 < min(net_kw[n].min() for n in UTILITIES if n != "desert")
    peak_day = {name: int(year.load_kw.sum(axis=1).argmax()) // 24 for name, year in years.items()}
    assert 140 < peak_day["desert"] < 270
    assert peak_day["northern"] < 90 or peak_day["northern"] > 300
    weekend = (np.arange(8760) // 24) % 7 >= 5
    ratio = {
        name: year.load_kw[weekend].sum(axis=1).mean() / year.load_kw[~weekend].sum(axis=1).mean()
        for name, year in years.items()
    }
    assert ratio["milltown"] == min(ratio.values())
    assert ratio["milltown"] < 0.8 < ratio["coastal"]


def test_same_generator_same_year_another_seed_another_year():
    one, same, other = (draw(UTILITIES["coastal"], seed) for seed in (3, 3, 4))
    for name in SERIES:
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        assert not np.array_equal(getattr(one, name), getattr(other, name))


def test_weather_does_not_depend_on_the_feeder():
    utility, few_kw = UTILITIES["prairie"], LOAD_KW[:4]
    small = draw_year(utility, few_kw, 0.3 * few_kw, np.empty(0), np.random.default_rng(0))
    large = draw(utility, seed=0)
    np.testing.assert_array_equal(small.temperature_c, large.temperature_c)
    np.testing.assert_array_equal(small.sun_pu, large.sun_pu)
    assert small.pv_kw.shape == (8760, 0)


def test_quarter_hours_are_served():
    few_kw = LOAD_KW[:3]
    year = draw_year(
        UTILITIES["desert"], few_kw, few_kw, np.ones(2), np.random.default_rng(0), step_h=0.25
    )
    assert year.load_kw.shape == (35_040, 3)
    assert year.n_days == 365
    assert year.steps_per_day == 96


def test_pv_stands_beside_the_load_it_is_given():
    utility, index = UTILITIES["desert"], np.array([6, 6, 2])
    rated_kw = size_pv(utility, LOAD_KW, index)
    np.testing.assert_allclose(rated_kw / rated_kw[2], [105.0 / 75.0, 105.0 / 75.0, 1.0])
    year = draw_year(
        utility, LOAD_KW, LOAD_KVAR, rated_kw, np.random.default_rng(0), pv_load_index=index
    )
    net_kw = net_load_kw(year)
    np.testing.assert_allclose(
        net_kw[:, 6], year.load_kw[:, 6] - year.pv_kw[:, 0] - year.pv_kw[:, 1], atol=1e-3
    )
    np.testing.assert_array_equal(net_kw[:, 0], year.load_kw[:, 0])
    np.testing.assert_allclose(net_kw.sum(), year.load_kw.sum() - year.pv_kw.sum(), rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"load_kw_nominal": -LOAD_KW}, r"load_kw_nominal\[0\] = -20: must be finite and at least"),
        ({"load_kw_nominal": 0.0 * LOAD_KW}, "load_kw_nominal is 0 kW in all: must be above 0"),
        ({"load_kw_nominal": LOAD_KW[None]}, r"has shape \(1, 91\): must have one axis"),
        ({"load_kvar_nominal": LOAD_KVAR[1:]}, r"load_kvar_nominal has shape \(90,\)"),
        ({"pv_kw_rated": np.array([1.0, np.nan])}, r"pv_kw_rated\[1\] = nan"),
        ({"pv_load_index": np.array([91])}, r"pv_load_index = \[91\]: must be 1 load indices"),
        ({"step_h": 0.7}, "step_h = 0.7: must divide a day"),
    ],
)
def test_wrong_arguments_are_named(changes: dict[str, Any], message: str):
    arguments: dict[str, Any] = {
        "load_kw_nominal": LOAD_KW,
        "load_kvar_nominal": LOAD_KVAR,
        "pv_kw_rated": np.ones(1),
        "rng": np.random.default_rng(0),
    }
    with pytest.raises(ScenarioError, match=message):
        draw_year(UTILITIES["coastal"], **(arguments | changes))


def test_pv_beside_no_load_cannot_be_sized():
    with pytest.raises(ScenarioError, match="loads beside PV are 0 kW"):
        size_pv(UTILITIES["coastal"], np.array([0.0, 5.0]), np.array([0]))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "name is empty"),
        ("latitude_deg", 80.0, r"'coastal': latitude_deg = 80: must be in \[-66, 66\]"),
        ("peak_scale", 0.0, "peak_scale = 0: must be above 0"),
        ("pv_share", float("nan"), "pv_share = nan"),
        ("industrial_share", 0.5, "industrial_share = 1.45: must be 1"),
        ("overcast_share", 0.9, "overcast_share = 0.9: must be at most 1 - clear_share"),
    ],
)
def test_a_wrong_utility_is_named(field: str, value: Any, message: str):
    with pytest.raises(ScenarioError, match=message):
        dataclasses.replace(UTILITIES["coastal"], **{field: value})


def own(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    series = {
        "name": "mine",
        "load_kw": rng.uniform(-1.0, 5.0, size=(48, 3)),
        "load_kvar": rng.uniform(-1.0, 1.0, size=(48, 3)),
        "pv_kw": rng.uniform(0.0, 2.0, size=(48, 2)),
        "temperature_c": rng.uniform(-9.0, 9.0, size=48),
        "sun_pu": rng.uniform(0.0, 1.0, size=48),
    }
    return series | changes


def bad(field: str, at: int | tuple[int, int], value: float) -> dict[str, Any]:
    series = own()[field].copy()
    series[at] = value
    return {field: series}


def test_own_series_come_back_as_given():
    given = own(load_kw=own()["load_kw"].tolist())
    year = year_from_arrays(**given)
    assert isinstance(year, Year)
    assert year.n_days == 2
    assert year.pv_load_index.tolist() == [0, 1]
    for name in SERIES:
        np.testing.assert_allclose(getattr(year, name), given[name], rtol=1e-6)


def test_own_series_are_copied():
    given = own(load_kw=own()["load_kw"].astype(np.float32))
    year = year_from_arrays(**given)
    given["load_kw"][0, 0] = 99.0
    assert year.load_kw[0, 0] != 99.0


def test_what_a_row_holds_lies_side_by_side():
    """A step takes a row: of columns that lie apart NumPy would copy the whole year first."""
    columns_apart = {name: np.asfortranarray(series) for name, series in own().items()}
    year = year_from_arrays(**own(**columns_apart))
    assert all(getattr(year, name).flags.c_contiguous for name in SERIES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            bad("load_kw", (7, 2), np.nan),
            "'mine': load_kw at row 7, column 2 = nan: must be finite",
        ),
        (bad("pv_kw", (17, 1), -0.5), "pv_kw at row 17, column 1 = -0.5: must be at least 0"),
        (bad("sun_pu", 3, -0.25), "sun_pu at row 3 = -0.25: must be at least 0"),
        (bad("temperature_c", 40, np.inf), "temperature_c at row 40 = inf: must be finite"),
        ({"load_kw": np.ones((47, 3))}, "load_kw has 47 rows: must be whole days of 24 steps of 1"),
        ({"load_kw": np.ones((0, 3))}, "load_kw has 0 rows"),
        ({"load_kvar": np.ones((48, 2))}, "load_kvar has 2 columns: must have 3"),
        ({"pv_kw": np.ones((24, 2))}, "pv_kw has 24 rows: must have 48"),
        ({"sun_pu": np.ones((48, 1))}, r"sun_pu has shape \(48, 1\): must be \(step,\)"),
        ({"load_kw": np.ones(48)}, r"load_kw has shape \(48,\): must be \(step, column\)"),
        ({"pv_kw": 1.0}, r"pv_kw has shape \(\): must be \(step, column\)"),
        ({"load_kvar": [["much"]]}, "load_kvar is not a numeric array"),
        ({"load_kvar": [[1.0], [1.0, 2.0]]}, "load_kvar is not a numeric array"),
        ({"pv_load_index": [0]}, r"pv_load_index = \[0\]: must be 2 load indices"),
        ({"pv_load_index": [0, 3]}, r"in 0..2"),
        ({"step_h": 0.7}, "must divide a day"),
    ],
)
def test_a_fault_in_own_series_is_placed(changes: dict[str, Any], message: str):
    with pytest.raises(ScenarioError, match=message):
        year_from_arrays(**own(**changes))
