"""The accountant against two others, the literature, and laws it must obey."""

import logging
import math
import warnings

import pytest
from dp_accounting import dp_event
from dp_accounting.rdp import RdpAccountant
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import bisect
from scipy.stats import norm

from grid_fed_rl.errors import PrivacyError
from grid_fed_rl.federated import privacy
from grid_fed_rl.federated.privacy import (
    GaussianSteps,
    SiteDayPrivacy,
    calibrate_sigma,
    epsilon_of,
    steps_within,
)

# (noise multiplier, sampling rate, steps, delta): from small noise to large, from
# rare sampling to none, and the settings of a real run.
GRID = [
    (0.8, 0.05, 500, 1e-6),
    (1.0, 0.02, 2000, 1e-5),
    (1.24, 128 / 3650, 2000, 1e-5),
    (2.3, 128 / 1095, 1000, 1e-4),
    (2.733, 0.25, 300, 1e-5),
    (5.0, 0.01, 2000, 1e-5),
    (10.0, 1.0, 200, 1e-5),
    (20.0, 0.05, 1000, 1e-5),
    (30.0, 0.25, 100, 1e-5),
]


@pytest.mark.parametrize(("sigma", "sampling_rate", "n_steps", "delta"), GRID)
def test_pld_agrees_with_rdp_and_prv(
    sigma: float, sampling_rate: float, n_steps: int, delta: float
) -> None:
    pld = epsilon_of([GaussianSteps(sigma, sampling_rate, n_steps)], delta)

    logging.getLogger("absl").setLevel(logging.ERROR)  # orders of Rényi that do not converge
    accountant = RdpAccountant()
    step = dp_event.PoissonSampledDpEvent(sampling_rate, dp_event.GaussianDpEvent(sigma))
    rdp = accountant.compose(step, n_steps).get_epsilon(delta)
    assert pld <= rdp <= 1.15 * pld  # Rényi accounting is valid and some percent looser

    with warnings.catch_warnings():  # Opacus: logarithms of zero where it masks them anyway
        warnings.simplefilter("ignore")
        from opacus.accountants import PRVAccountant

        other = PRVAccountant()
        other.history = [(sigma, sampling_rate, n_steps)]
        prv = other.get_epsilon(delta)  # an upper bound, its error set to 0.01
    assert pld == pytest.approx(prv, abs=0.0105)


@pytest.mark.parametrize(("sigma", "n_steps"), [(10.0, 1), (10.0, 200), (4.245, 50)])
def test_without_sampling_it_is_the_exact_gaussian_mechanism(sigma: float, n_steps: int) -> None:
    # Balle and Wang, "Improving the Gaussian mechanism for differential privacy",
    # ICML 2018, theorem 8: the exact epsilon and delta of one Gaussian mechanism;
    # n steps of noise sigma are one of noise sigma / sqrt(n).
    mu = math.sqrt(n_steps) / sigma

    def delta_of(epsilon: float) -> float:
        left = norm.cdf(mu / 2 - epsilon / mu)
        return float(left - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu))

    exact = bisect(lambda epsilon: delta_of(epsilon) - 1e-5, 0, 50)
    assert isinstance(exact, float)
    ours = epsilon_of([GaussianSteps(sigma, 1.0, n_steps)], 1e-5)
    assert exact <= ours < exact + 2e-3


def test_no_noise_is_no_privacy_and_no_step_costs_nothing() -> None:
    assert epsilon_of([GaussianSteps(0.0, 0.5, 1)], 1e-5) == math.inf
    assert epsilon_of([GaussianSteps(9.0, 0.5, 10), GaussianSteps(0.0, 0.5, 1)], 1e-5) == math.inf
    assert epsilon_of([GaussianSteps(0.0, 0.5, 0)], 1e-5) == 0.0
    assert epsilon_of([], 1e-5) == 0.0
    assert SiteDayPrivacy(sigma=0.0).noise_multiplier == 0.0


def test_almost_no_noise_is_an_enormous_epsilon_and_not_an_endless_sum() -> None:
    assert 1e5 < epsilon_of([GaussianSteps(0.02, 0.25, 300)], 1e-5) < math.inf


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 60), swap=st.booleans())
def test_only_the_total_counts_not_how_it_is_cut_or_ordered(cut: int, swap: bool) -> None:
    other = GaussianSteps(2.0, 0.1, 30)
    parts = [GaussianSteps(3.0, 0.2, cut), other, GaussianSteps(3.0, 0.2, 60 - cut)]
    whole = [GaussianSteps(3.0, 0.2, 60), other]
    assert epsilon_of(reversed(parts) if swap else parts, 1e-5) == epsilon_of(whole, 1e-5)


@settings(max_examples=15, deadline=None)
@given(
    sigma=st.floats(0.7, 20),
    sampling_rate=st.floats(0.005, 0.9),
    n_steps=st.integers(1, 200),
    delta=st.floats(1e-8, 1e-3),
)
def test_more_noise_less_sampling_fewer_steps_and_larger_delta_cost_less(
    sigma: float, sampling_rate: float, n_steps: int, delta: float
) -> None:
    epsilon = epsilon_of([GaussianSteps(sigma, sampling_rate, n_steps)], delta)
    slack = 2e-3  # bins of privacy loss
    for cheaper, at in (
        (GaussianSteps(1.1 * sigma, sampling_rate, n_steps), delta),
        (GaussianSteps(sigma, 0.9 * sampling_rate, n_steps), delta),
        (GaussianSteps(sigma, sampling_rate, n_steps - 1), delta),
        (GaussianSteps(sigma, sampling_rate, n_steps), min(0.5, 2 * delta)),
    ):
        assert epsilon_of([cheaper], at) <= epsilon + slack


@pytest.mark.parametrize(
    ("epsilon", "sampling_rate", "n_steps"),
    [(8.0, 0.25, 300), (3.0, 0.25, 300), (1.0, 0.25, 300), (8.0, 1.0, 50), (60.0, 0.1, 10)],
)
def test_calibrated_noise_meets_the_budget_and_is_the_least_that_does(
    epsilon: float, sampling_rate: float, n_steps: int
) -> None:
    sigma = calibrate_sigma(epsilon, 1e-5, sampling_rate, n_steps)
    assert epsilon_of([GaussianSteps(sigma, sampling_rate, n_steps)], 1e-5) <= epsilon
    assert epsilon_of([GaussianSteps(sigma - 0.001, sampling_rate, n_steps)], 1e-5) > epsilon
    assert steps_within(epsilon, 1e-5, sigma, sampling_rate) >= n_steps


def test_a_budget_beyond_any_meaning_gets_the_least_noise_there_is() -> None:
    assert calibrate_sigma(1e5, 1e-5, 0.1, 1) == 0.016


def test_published_noise_for_five_utilities_at_utility_level() -> None:
    # 50 rounds, everybody in every round, epsilon 8 at delta 1e-5: 4.24 (Balle and Wang 2018).
    assert calibrate_sigma(8.0, 1e-5, 1.0, 50) == pytest.approx(4.24, abs=0.01)


def test_steps_within_counts_what_is_spent_already() -> None:
    every = steps_within(8.0, 1e-5, 3.0, 0.25)
    spent = [GaussianSteps(3.0, 0.25, 100)]
    assert steps_within(8.0, 1e-5, 3.0, 0.25, spent) == every - 100
    assert steps_within(8.0, 1e-5, 3.0, 0.25, [GaussianSteps(3.0, 0.25, every)]) == 0
    assert steps_within(8.0, 1e-5, 0.0, 0.25) == 0


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("epsilon", 0.0, "above 0"),
        ("epsilon", math.inf, "finite"),
        ("epsilon", math.nan, "finite"),
        ("delta", 1.0, "between 0 and 1"),
        ("delta", 0.004, r"below 1 / nominal_days = 0\.004"),
        ("clip", 0.0, "1e-6 to 1e12"),
        ("clip", math.nan, "1e-6 to 1e12"),
        ("sampling_rate", 0.0, r"in \(0, 1\]"),
        ("sampling_rate", 1.01, r"in \(0, 1\]"),
        ("n_steps", 0, "at least 1"),
        ("nominal_days", 0, "at least 1"),
        ("sigma", -1.0, "from 0"),
        ("sigma", math.nan, "from 0"),
    ],
)
def test_settings_out_of_bounds_are_refused_by_name(field: str, value: float, right: str) -> None:
    with pytest.raises(PrivacyError, match=rf"{field}: {value!r} is not possible; .*{right}"):
        SiteDayPrivacy(**{field: value})  # pyright: ignore[reportArgumentType]


def test_a_budget_no_noise_can_meet_is_refused() -> None:
    with pytest.raises(PrivacyError, match="no noise multiplier up to 10,000"):
        calibrate_sigma(1e-9, 1e-12, 1.0, 10)


def test_settings_without_a_multiplier_are_calibrated_to_their_budget() -> None:
    settings = SiteDayPrivacy(epsilon=3.0, sampling_rate=0.25, n_steps=100)
    assert settings.noise_multiplier == calibrate_sigma(3.0, 1e-5, 0.25, 100)
    assert epsilon_of([settings.steps(100)], 1e-5) <= 3.0 < epsilon_of([settings.steps(102)], 1e-5)


def test_five_sites_pay_for_the_accountant_once() -> None:
    rounds = [[GaussianSteps(3.3, 0.3, 5)] * n for n in range(1, 31)]
    for events in rounds:
        epsilon_of(events, 1e-5)
    before = privacy._epsilon_of.cache_info().misses
    for _ in range(4):
        for events in rounds:
            epsilon_of(events, 1e-5)
    assert privacy._epsilon_of.cache_info().misses == before


def test_the_normaliser_is_made_of_public_numbers() -> None:
    assert SiteDayPrivacy(sampling_rate=0.2, nominal_days=300).normaliser == 60.0
