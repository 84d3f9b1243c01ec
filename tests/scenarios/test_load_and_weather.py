"""Load shapes, temperature and the noise under both: stated moments and limits."""

import numpy as np
import pytest

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import is_weekend, mid_step_h, steps_per_day
from grid_fed_rl.scenarios.load import (
    CUSTOMER_CLASSES,
    WEEKDAY_PU,
    WEEKEND_PU,
    assign_classes,
    class_load_pu,
    class_shape_pu,
    draw_diversity,
)
from grid_fed_rl.scenarios.noise import draw_ar1
from grid_fed_rl.scenarios.weather import draw_temperature_c, winter_pu

YEAR_H = mid_step_h(365, 1.0)


def test_steps_must_divide_a_day():
    assert [steps_per_day(h) for h in (24.0, 1.0, 0.25, 1.0 / 60.0)] == [1, 24, 96, 1440]
    for step_h in (0.0, -1.0, 0.7, 48.0, float("nan")):
        with pytest.raises(ScenarioError, match="must divide a day"):
            steps_per_day(step_h)


def test_the_year_begins_on_a_monday():
    weekend = is_weekend(YEAR_H).reshape(365, 24)
    assert (weekend == weekend[:, :1]).all()
    assert weekend[:8, 0].tolist() == [False] * 5 + [True, True, False]


def test_ar1_has_unit_variance_and_the_stated_correlation():
    y = draw_ar1(20_000, 40, 3.0, 1.0, np.random.default_rng(0))
    np.testing.assert_allclose(y.var(axis=0).mean(), 1.0, atol=0.02)
    for lag in (1, 3, 8):
        np.testing.assert_allclose((y[lag:] * y[:-lag]).mean(), np.exp(-lag / 3.0), atol=0.02)
    between = np.asarray(y.T @ y / len(y))
    assert abs(between[np.triu_indices(40, 1)].mean()) < 0.01


def test_ar1_is_stationary_from_its_first_step():
    y = draw_ar1(4, 50_000, 6.0, 1.0, np.random.default_rng(0))
    np.testing.assert_allclose(y.var(axis=1), 1.0, atol=0.03)


def test_ar1_by_doubling_is_the_recursion():
    y = draw_ar1(300, 2, 12.0, 1.0, np.random.default_rng(4))
    e = np.random.default_rng(4).standard_normal((300, 2))
    r = np.exp(-1.0 / 12.0)
    loop = e.copy()
    for t in range(1, 300):
        loop[t] = r * loop[t - 1] + np.sqrt(1.0 - r * r) * e[t]
    np.testing.assert_allclose(y, loop, atol=1e-10)


def test_winter_is_opposite_across_the_equator():
    north, south = winter_pu(YEAR_H, 40.0), winter_pu(YEAR_H, -40.0)
    np.testing.assert_array_equal(north, -south)
    assert north.argmax() // 24 == 19
    assert south.argmin() // 24 == 19


def test_temperature_moments():
    drawn = np.array(
        [
            draw_temperature_c(YEAR_H, 45.0, 10.0, 12.0, 5.0, np.random.default_rng(seed))
            for seed in range(20)
        ]
    )
    by_hour = drawn.mean(axis=0).reshape(365, 24)
    np.testing.assert_allclose(by_hour.mean(), 10.0, atol=0.3)
    np.testing.assert_allclose(by_hour[195:209].mean() - by_hour[12:26].mean(), 24.0, atol=1.5)
    np.testing.assert_allclose(np.ptp(by_hour.mean(axis=0)), 10.0, atol=0.2)
    assert by_hour.mean(axis=0).argmax() in (14, 15)
    spell = drawn - by_hour.ravel()
    assert 2.5 < spell.std() < 3.6


def test_hourly_shapes_are_the_tables():
    shape = class_shape_pu(YEAR_H[: 7 * 24]).reshape(7, 24, 3)
    np.testing.assert_allclose(shape[0], WEEKDAY_PU.T)
    np.testing.assert_allclose(shape[6], WEEKEND_PU.T)
    assert WEEKDAY_PU.max(axis=1).tolist() == [1.0, 1.0, 1.0]
    assert WEEKEND_PU.max() < 1.0


def test_finer_steps_keep_the_energy_of_the_day():
    hourly = class_shape_pu(mid_step_h(5, 1.0)).mean(axis=0)
    fine = class_shape_pu(mid_step_h(5, 0.05)).mean(axis=0)
    np.testing.assert_allclose(fine, hourly, rtol=2e-3)


def test_load_rises_with_heat_and_with_cold_only_where_equipped():
    time_h, winter = np.full(3, 12.5), np.zeros(3)
    temperature_c = np.array([0.0, 17.0, 35.0])
    mild = class_shape_pu(time_h)
    np.testing.assert_allclose(class_load_pu(time_h, winter, temperature_c, 0.0, 0.0), mild)
    cold, comfortable, hot = class_load_pu(time_h, winter, temperature_c, 1.0, 1.0) / mild
    np.testing.assert_allclose(comfortable, 1.0)
    np.testing.assert_allclose(cold, [1.6, 1.3, 1.12])
    np.testing.assert_allclose(hot, [1.96, 1.608, 1.288])


def test_the_mix_of_classes_holds_to_within_one_load():
    for n_loads in (1, 15, 91, 1000):
        drawn = assign_classes((0.55, 0.3, 0.15), n_loads, np.random.default_rng(n_loads))
        counts = np.bincount(drawn, minlength=3)
        assert (np.abs(counts - n_loads * np.array([0.55, 0.3, 0.15])) <= 1.0).all()


def test_a_class_without_share_gets_no_load():
    assert set(assign_classes((0.0, 1.0, 0.0), 50, np.random.default_rng(0))) == {1}


def test_diversity_has_mean_one_and_the_spread_of_the_class():
    customer_class = np.repeat(np.arange(3), 60)
    factor = draw_diversity(customer_class, 8760, 1.0, np.random.default_rng(0))
    assert (factor > 0.0).all()
    for k, sd in enumerate((0.18, 0.10, 0.08)):
        members = factor[:, customer_class == k]
        np.testing.assert_allclose(members.mean(), 1.0, atol=0.005)
        np.testing.assert_allclose(np.log(members).std(), sd, rtol=0.03)
    assert CUSTOMER_CLASSES == ("residential", "commercial", "industrial")
