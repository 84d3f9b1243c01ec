"""Student t intervals: published numbers, laws, and refusals that say why."""

import numpy as np
import pytest

from grid_fed_rl.analytics.statistics import interval
from grid_fed_rl.errors import GridFedRLError

# Extra hours of sleep of ten patients: the example of Gosset's paper of 1908.
SLEEP_H = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]


def test_the_sleep_data_of_1908():
    # R: t.test(extra ~ group, data = sleep, paired = TRUE)
    np.testing.assert_allclose(interval(SLEEP_H), (1.58, 0.7001142, 2.4598858), rtol=1e-7)


def test_five_seeds_by_hand():
    # s = sqrt(2.5), t(0.975, 4 degrees of freedom) = 2.776445
    half_width = 2.776445 * np.sqrt(2.5) / np.sqrt(5)
    expected = (3.0, 3.0 - half_width, 3.0 + half_width)
    np.testing.assert_allclose(interval([1, 2, 3, 4, 5]), expected, rtol=1e-6)


def test_two_values_meet_the_cauchy_quantile():
    # One degree of freedom is the Cauchy distribution: tan(0.45 pi) at 90 %.
    mean, low, high = interval([0.0, 2.0], level=0.9)
    np.testing.assert_allclose((mean, high - mean, mean - low), (1.0, *2 * [np.tan(0.45 * np.pi)]))


def test_equal_values_leave_no_doubt():
    assert interval([7.0] * 5) == (7.0, 7.0, 7.0)


def test_shift_and_scale_carry_over():
    plain = np.array(interval(SLEEP_H))
    moved = np.array(interval(60.0 * np.array(SLEEP_H) + 5.0))
    np.testing.assert_allclose(moved, 60.0 * plain + 5.0)


def test_ninety_five_percent_of_intervals_cover_the_mean():
    rng = np.random.default_rng(0)
    covered = 0
    for sample in rng.normal(3.0, 2.0, size=(4000, 5)):
        _, low, high = interval(sample)
        covered += low <= 3.0 <= high
    assert covered / 4000 == pytest.approx(0.95, abs=0.012)  # 3.5 standard errors


@pytest.mark.parametrize("n", [0, 1])
def test_one_seed_is_refused_and_told_why(n: int):
    with pytest.raises(GridFedRLError, match=f"{n} value.*at least 2 seeds.*spread"):
        interval([1.0] * n)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_level_is_a_probability(level: float):
    with pytest.raises(GridFedRLError, match="level"):
        interval([1.0, 2.0], level=level)


def test_what_is_not_one_finite_value_a_seed_is_refused():
    with pytest.raises(GridFedRLError, match="value 1 is nan"):
        interval([1.0, float("nan"), 2.0])
    with pytest.raises(GridFedRLError, match=r"shape \(2, 2\)"):
        interval([[1.0, 2.0], [3.0, 4.0]])
