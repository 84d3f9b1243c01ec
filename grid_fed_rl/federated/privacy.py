"""What a private run promises, and the accountant that checks it.

The unit of privacy is one site-day: the whole trajectory of one utility on one
day. Two logs are neighbours when one has a trajectory the other has not
(add/remove adjacency). Each private step is a Poisson-subsampled Gaussian
mechanism: every trajectory joins with probability `sampling_rate`, its
gradient is clipped to Euclidean norm `clip`, and noise of standard deviation
`noise_multiplier * clip` is added to the sum (DP-SGD; Abadi et al., "Deep
learning with differential privacy", CCS 2016, doi:10.1145/2976749.2978318).

Steps are composed with privacy loss distributions (Koskela, Jälkö and Honkela,
"Computing tight differential privacy guarantees using FFT", AISTATS 2020), as
implemented in Google's dp-accounting, with pessimistic rounding: what
`epsilon_of` returns is an upper bound up to floating-point error.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import NamedTuple

from dp_accounting.pld import privacy_loss_distribution

from grid_fed_rl.errors import PrivacyError

__all__ = [
    "ACCOUNTANT",
    "GaussianSteps",
    "SiteDayPrivacy",
    "calibrate_sigma",
    "epsilon_of",
    "steps_within",
]

ACCOUNTANT = f"PLD, dp-accounting {version('dp-accounting')}"

_SIGMA_RESOLUTION = 1e-3  # calibrated noise multipliers are rounded up to this


class GaussianSteps(NamedTuple):
    """`n_steps` equal steps of the Poisson-subsampled Gaussian mechanism."""

    noise_multiplier: float  # noise standard deviation over clip; 0 is no privacy
    sampling_rate: float  # probability that a unit joins a step
    n_steps: int


@dataclass(frozen=True)
class SiteDayPrivacy:
    """Differential privacy for every single site-day, towards everybody else.

    Attributes:
        epsilon: budget of a site, over everything it ever releases.
        delta: probability that the bound may fail; below `1 / nominal_days`.
        clip: bound on one trajectory's gradient, Euclidean norm over the actor,
            critic and value gradients together.
        sampling_rate: probability in (0, 1] that a trajectory joins a step.
        n_steps: steps that the budget is planned for, over all rounds.
        nominal_days: public round figure for the number of trajectories of a
            site. Sums are divided by `sampling_rate * nominal_days`. The true
            number is private and is never used.
        sigma: noise multiplier; None calibrates it so that `n_steps` steps
            cost at most `epsilon`.

    Raises:
        PrivacyError: a value is outside its bounds.
    """

    epsilon: float = 8.0
    delta: float = 1e-5
    clip: float = 1.0
    sampling_rate: float = 0.25
    n_steps: int = 200
    nominal_days: int = 250
    sigma: float | None = None

    def __post_init__(self) -> None:
        _require(0 < self.epsilon < math.inf, "epsilon", self.epsilon, "a finite number above 0")
        _require(0 < self.delta < 1, "delta", self.delta, "a number between 0 and 1")
        _require(
            1e-6 <= self.clip <= 1e12, "clip", self.clip, "from 1e-6 to 1e12, well within float32"
        )
        _require(0 < self.sampling_rate <= 1, "sampling_rate", self.sampling_rate, "in (0, 1]")
        _require(self.n_steps >= 1, "n_steps", self.n_steps, "at least 1")
        _require(self.nominal_days >= 1, "nominal_days", self.nominal_days, "at least 1")
        _require(
            self.delta * self.nominal_days < 1,
            "delta",
            self.delta,
            f"below 1 / nominal_days = {1 / self.nominal_days:.3g}: a mechanism that "
            "publishes whole days at random would pass otherwise",
        )
        if self.sigma is not None:
            _require(0 <= self.sigma < math.inf, "sigma", self.sigma, "a finite number from 0")

    @property
    def noise_multiplier(self) -> float:
        """`sigma` as given, or else calibrated to the budget."""
        if self.sigma is not None:
            return self.sigma
        return calibrate_sigma(self.epsilon, self.delta, self.sampling_rate, self.n_steps)

    @property
    def normaliser(self) -> float:
        """What a noised sum is divided by: the public expected sample size."""
        return self.sampling_rate * self.nominal_days

    def steps(self, n_steps: int) -> GaussianSteps:
        """`n_steps` steps of this mechanism, as the accountant sees them."""
        return GaussianSteps(self.noise_multiplier, self.sampling_rate, n_steps)


def epsilon_of(events: Iterable[GaussianSteps], delta: float) -> float:
    """Epsilon at `delta` of everything in `events`, composed.

    The order does not matter, nor how equal steps are cut into events. The
    answer is infinite as soon as one step has no noise.

    Raises:
        PrivacyError: an event or `delta` is out of bounds.
    """
    _require(0 < delta < 1, "delta", delta, "a number between 0 and 1")
    total: dict[tuple[float, float], int] = defaultdict(int)
    for event in events:
        _require_event(event)
        total[event.noise_multiplier, event.sampling_rate] += event.n_steps
    composed = tuple(sorted((*key, n_steps) for key, n_steps in total.items() if n_steps))
    return _epsilon_of(composed, delta)


def steps_within(
    epsilon: float,
    delta: float,
    noise_multiplier: float,
    sampling_rate: float,
    spent: Iterable[GaussianSteps] = (),
) -> int:
    """Most further steps that keep `spent` and them within `epsilon` at `delta`.

    At most 2**20, which stands for "more than anybody runs".
    """
    spent = tuple(spent)

    def fits(n_steps: int) -> bool:
        asked = GaussianSteps(noise_multiplier, sampling_rate, n_steps)
        return epsilon_of((*spent, asked), delta) <= epsilon

    if not fits(1):
        return 0
    low, high = 1, 2
    while high <= 2**20 and fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


@lru_cache(maxsize=256)
def calibrate_sigma(epsilon: float, delta: float, sampling_rate: float, n_steps: int) -> float:
    """Smallest noise multiplier, to 0.001, with which `n_steps` steps cost at most `epsilon`.

    At least 0.016, however large `epsilon` is.

    Raises:
        PrivacyError: an argument is out of bounds, or no multiplier up to 10,000 is enough.
    """
    _require(0 < epsilon < math.inf, "epsilon", epsilon, "a finite number above 0")

    def costs_too_much(thousandths: int) -> bool:
        sigma = thousandths * _SIGMA_RESOLUTION
        return epsilon_of([GaussianSteps(sigma, sampling_rate, n_steps)], delta) > epsilon

    low, high = 128, 256
    while costs_too_much(high):
        low, high = high, 2 * high
        if high * _SIGMA_RESOLUTION > 1e4:
            raise PrivacyError(
                f"epsilon: no noise multiplier up to 10,000 brings {n_steps} steps at sampling "
                f"rate {sampling_rate} down to {epsilon} at delta {delta}; ask for fewer steps"
            )
    if high == 256:  # unusually little noise: search all the way down
        low = 16
        if not costs_too_much(low):
            return low * _SIGMA_RESOLUTION
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if costs_too_much(middle) else (low, middle)
    return high * _SIGMA_RESOLUTION


@lru_cache(maxsize=4096)
def _epsilon_of(composed: tuple[tuple[float, float, int], ...], delta: float) -> float:
    if not composed:
        return 0.0
    if any(sigma == 0.0 for sigma, _, _ in composed):
        return math.inf
    interval = max(_loss_interval(sigma) for sigma, _, _ in composed)
    total = privacy_loss_distribution.identity(value_discretization_interval=interval)
    for sigma, sampling_rate, n_steps in composed:
        step = _one_step(sigma, sampling_rate, interval)
        total = total.compose(step.self_compose(n_steps))
    return max(0.0, float(total.get_epsilon_for_delta(delta)))


@lru_cache(maxsize=64)
def _one_step(
    sigma: float, sampling_rate: float, interval: float
) -> privacy_loss_distribution.PrivacyLossDistribution:
    return privacy_loss_distribution.from_gaussian_mechanism(
        standard_deviation=sigma,
        sampling_prob=sampling_rate,
        value_discretization_interval=interval,
    )


def _loss_interval(sigma: float) -> float:
    """Width of the bins of privacy loss: fine for real settings, wide where epsilon is huge."""
    return 1e-3 * max(1.0, 2.0 ** math.ceil(-2.0 * math.log2(sigma)))


def _require_event(event: GaussianSteps) -> None:
    sigma, sampling_rate, n_steps = event
    _require(0 <= sigma < math.inf, "noise_multiplier", sigma, "a finite number from 0")
    _require(0 < sampling_rate <= 1, "sampling_rate", sampling_rate, "in (0, 1]")
    _require(n_steps >= 0, "n_steps", n_steps, "at least 0")


def _require(holds: bool, field: str, value: float, right: str) -> None:
    if not holds:
        raise PrivacyError(f"{field}: {value!r} is not possible; it must be {right}")
