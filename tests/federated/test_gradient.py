"""The private gradient: one day moves it by one clip, and the noise is what it is said to be."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from grid_fed_rl.algorithms import IQLConfig, Learner, mean_gradient
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.datasets import Transitions
from grid_fed_rl.federated import gradient
from grid_fed_rl.federated.gradient import (
    Trajectories,
    clipped_sum,
    private_gradient,
    trajectory_gradients,
)
from grid_fed_rl.federated.noise import CryptographicNoise, NoiseSource, ReproducibleNoise
from grid_fed_rl.federated.privacy import SiteDayPrivacy

MakeLog = Callable[..., Transitions]


def learner_of(algorithm: IQLConfig, seed: int = 0, spread: float = 0.3) -> Learner:
    """A learner away from its start, where the last layers are nearly zero."""
    learner = Learner.new(algorithm, 5, 2, seed)
    generator = torch.Generator().manual_seed(seed)
    for group in (learner.params, learner.targets):
        for name, value in group.items():
            group[name] = value + spread * torch.randn(value.shape, generator=generator)
    return learner


def flat(gradients: Tensors) -> Tensor:
    return torch.cat([value.flatten() for value in gradients.values()])


def all_of(log: Trajectories) -> np.ndarray:
    return np.ones(len(log.mask), bool)


def test_gradients_of_trajectories_equal_a_loop_over_their_live_steps(
    algorithm: IQLConfig, make_log: MakeLog
) -> None:
    log, learner = Trajectories.of(make_log(), algorithm), learner_of(algorithm)
    together = trajectory_gradients(learner.params, learner.targets, log, algorithm)
    lengths = log.mask.sum(dim=1)
    assert lengths.min() < lengths.max()
    for day, live in enumerate(log.mask):
        batch = type(log.batch)(*(field[day][live] for field in log.batch))
        alone, _ = mean_gradient(learner.params, learner.targets, batch, algorithm)
        for name in alone:
            torch.testing.assert_close(together[name][day], alone[name], rtol=1e-4, atol=1e-5)


def test_without_noise_and_clip_it_is_the_plain_gradient_up_to_the_public_normaliser(
    algorithm: IQLConfig, make_log: MakeLog
) -> None:
    log = make_log()
    log = log.select(log.mask.all(axis=1))  # whole days, so that steps and days weigh the same
    learner, days = learner_of(algorithm), Trajectories.of(log, algorithm)
    privacy = SiteDayPrivacy(sigma=0.0, clip=1e9, sampling_rate=1.0, nominal_days=7)
    private = private_gradient(
        learner.params, learner.targets, days, algorithm, privacy, CryptographicNoise()
    )
    batch = type(days.batch)(*(field.flatten(0, 1) for field in days.batch))
    plain, _ = mean_gradient(learner.params, learner.targets, batch, algorithm)
    factor = len(log) / 7
    for name, value in plain.items():
        torch.testing.assert_close(private[name], factor * value, rtol=1e-4, atol=1e-5)
        assert private[name].dtype == torch.float32


def change_by_one_day(
    learner: Learner, log: Transitions, day: int, clip: float, seed: int
) -> float:
    """How far the sum before noise moves when one day leaves a fixed sample."""
    trajectories = Trajectories.of(log, learner.config)
    chosen = np.random.default_rng(seed).random(len(log)) < 0.7
    chosen[day] = True
    without = chosen.copy()
    without[day] = False
    sums = [
        clipped_sum(learner.params, learner.targets, trajectories, sample, learner.config, clip)
        for sample in (chosen, without)
    ]
    return float((sums[0] - sums[1]).norm())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**31),
    day=st.integers(0, 11),
    clip=st.floats(1e-3, 1e3),
    scale=st.sampled_from([0.0, 1e-6, 1.0, 1e3, 1e12, 1e30]),
    spread=st.sampled_from([0.0, 0.3, 3.0]),
    discount=st.sampled_from([0.0, 0.99]),
)
def test_one_day_moves_the_sum_by_one_clip_at_most(
    make_log: MakeLog,
    seed: int,
    day: int,
    clip: float,
    scale: float,
    spread: float,
    discount: float,
) -> None:
    algorithm = IQLConfig(hidden=(8,), cost_weight=1.0, discount=discount)
    learner = learner_of(algorithm, seed % 1000, spread)
    moved = change_by_one_day(learner, make_log(seed, scale=scale), day, clip, seed)
    assert moved <= clip * (1 + 1e-5)


def test_the_bound_is_reached_and_a_missing_or_split_clip_would_break_it(
    algorithm: IQLConfig, make_log: MakeLog
) -> None:
    learner, log, clip = learner_of(algorithm), make_log(scale=10.0), 0.1
    assert change_by_one_day(learner, log, 0, clip, 0) == pytest.approx(clip, rel=1e-5)
    assert change_by_one_day(learner, log, 0, 1e9, 0) > 10 * clip  # no clip

    # Clipping each network by itself, a common slip, lets one day move the sum further.
    one = Trajectories.of(log.select([0]), algorithm)
    gradients = trajectory_gradients(learner.params, learner.targets, one, algorithm)
    networks: dict[str, list[Tensor]] = {}
    for name, value in gradients.items():
        networks.setdefault(name.split(".")[0], []).append(value.flatten())
    norms = [torch.cat(values).norm() for values in networks.values()]
    assert math.sqrt(sum(min(float(norm), clip) ** 2 for norm in norms)) > 1.5 * clip


def test_a_short_gradient_is_not_lengthened(algorithm: IQLConfig, make_log: MakeLog) -> None:
    learner, log = learner_of(algorithm), Trajectories.of(make_log(n=1), algorithm)
    exact = flat(trajectory_gradients(learner.params, learner.targets, log, algorithm)).double()
    clip = 2 * float(exact.norm())
    total = clipped_sum(learner.params, learner.targets, log, all_of(log), algorithm, clip)
    torch.testing.assert_close(total, exact)


def test_chunks_and_the_order_of_days_change_nothing(
    algorithm: IQLConfig, make_log: MakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, log = learner_of(algorithm), Trajectories.of(make_log(), algorithm)
    chosen = np.arange(12) % 3 != 0
    whole = clipped_sum(learner.params, learner.targets, log, chosen, algorithm, 0.5)
    order = np.random.default_rng(0).permutation(12)
    moved = Trajectories(
        type(log.batch)(*(field[order] for field in log.batch)), log.mask[torch.from_numpy(order)]
    )
    shuffled = clipped_sum(learner.params, learner.targets, moved, chosen[order], algorithm, 0.5)
    torch.testing.assert_close(shuffled, whole, rtol=1e-5, atol=1e-6)
    for chunk in (1, 3, 8):  # 8 days are chosen: no unit is dropped at an uneven end
        monkeypatch.setattr(gradient, "_CHUNK", chunk)
        parts = clipped_sum(learner.params, learner.targets, log, chosen, algorithm, 0.5)
        torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 3e38])
def test_a_day_whose_gradient_is_not_finite_counts_as_zero_and_spares_the_others(
    algorithm: IQLConfig, make_log: MakeLog, bad: float
) -> None:
    learner, log = learner_of(algorithm), Trajectories.of(make_log(), algorithm)
    others = all_of(log)
    others[2] = False
    expected = clipped_sum(learner.params, learner.targets, log, others, algorithm, 0.5)
    log.batch.reward[2, 0] = bad
    total = clipped_sum(learner.params, learner.targets, log, all_of(log), algorithm, 0.5)
    assert total.isfinite().all()
    torch.testing.assert_close(total, expected, rtol=1e-6, atol=1e-7)


class Recorder(ReproducibleNoise):
    """Keeps what it was asked for."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.asked: list[tuple[str, int]] = []

    def uniform(self, n: int) -> np.ndarray:
        self.asked.append(("uniform", n))
        return super().uniform(n)

    def normal(self, n: int) -> np.ndarray:
        self.asked.append(("normal", n))
        return super().normal(n)


def test_an_empty_sample_gets_the_same_noise(algorithm: IQLConfig, make_log: MakeLog) -> None:
    learner, log = learner_of(algorithm), Trajectories.of(make_log(), algorithm)
    privacy = SiteDayPrivacy(sigma=1.0, clip=2.0, sampling_rate=1e-9, nominal_days=10**4)
    source = Recorder(3)
    answer = private_gradient(learner.params, learner.targets, log, algorithm, privacy, source)
    n = len(flat(learner.params))
    assert source.asked == [("uniform", 12), ("normal", n)]  # one draw for everything
    again = ReproducibleNoise(3)
    again.uniform(12)
    expected = 2.0 * again.normal(n) / (1e-9 * 10**4)
    np.testing.assert_allclose(flat(answer).numpy(), expected, rtol=1e-6)


def noise_of(
    learner: Learner, log: Trajectories, privacy: SiteDayPrivacy, source: NoiseSource
) -> np.ndarray:
    """What was added to the sum, all days being in the sample."""
    answer = private_gradient(learner.params, learner.targets, log, learner.config, privacy, source)
    total = clipped_sum(
        learner.params, learner.targets, log, all_of(log), learner.config, privacy.clip
    )
    return flat(answer).double().numpy() * privacy.normaliser - total.numpy()


def assert_spread(draws: np.ndarray, spread: float) -> None:
    """Mean 0 and the given standard deviation, each missed by chance once in 10^9 runs."""
    assert abs(draws.mean()) < 6.1 * spread / math.sqrt(draws.size)
    assert abs(draws.std() / spread - 1) < 6.1 / math.sqrt(2 * draws.size)


def test_noise_has_the_stated_spread_and_half_of_it_would_be_seen(
    algorithm: IQLConfig, make_log: MakeLog
) -> None:
    learner, log = learner_of(algorithm), Trajectories.of(make_log(), algorithm)
    privacy = SiteDayPrivacy(sigma=3.0, clip=0.2, sampling_rate=1.0, nominal_days=9)

    def draws(source: NoiseSource) -> np.ndarray:
        return np.stack([noise_of(learner, log, privacy, source) for _ in range(30)])

    assert_spread(draws(CryptographicNoise()), 3.0 * 0.2)

    class HalfNoise(CryptographicNoise):
        def normal(self, n: int) -> np.ndarray:
            return 0.5 * super().normal(n)

    with pytest.raises(AssertionError):
        assert_spread(draws(HalfNoise()), 3.0 * 0.2)


@pytest.mark.parametrize(
    "source_of",
    [
        lambda site, round_number: CryptographicNoise().child(site, round_number),
        lambda site, round_number: ReproducibleNoise(0).child(site, round_number),
    ],
    ids=["cryptographic", "reproducible"],
)
def test_noise_is_independent_over_steps_rounds_sites_and_restarts(
    algorithm: IQLConfig, make_log: MakeLog, source_of: Callable[[str, int], NoiseSource]
) -> None:
    learner, log = learner_of(algorithm), Trajectories.of(make_log(), algorithm)
    privacy = SiteDayPrivacy(sigma=1.0, sampling_rate=1.0, nominal_days=9)
    draws = []
    for site, round_number in (("a", 1), ("a", 2), ("b", 1), ("b", 2)):
        source = source_of(site, round_number)  # a process that was restarted makes its own
        draws += [noise_of(learner, log, privacy, source) for _ in range(3)]
    correlation = np.corrcoef(np.stack(draws)) - np.eye(12)
    assert np.abs(correlation).max() < 6.5 / math.sqrt(len(draws[0]))


def test_days_join_independently_at_the_sampling_rate(
    algorithm: IQLConfig, make_log: MakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, log = learner_of(algorithm), Trajectories.of(make_log(n=40), algorithm)
    samples: list[np.ndarray] = []

    def record(params: Tensors, *args: object) -> Tensor:
        samples.append(np.asarray(args[2]))
        return torch.zeros(len(flat(params)), dtype=torch.float64)

    monkeypatch.setattr(gradient, "clipped_sum", record)
    privacy = SiteDayPrivacy(sigma=1.0, sampling_rate=0.3)
    for _ in range(500):
        private_gradient(
            learner.params, learner.targets, log, algorithm, privacy, CryptographicNoise()
        )
    joined = np.stack(samples)  # (step, day)
    assert abs(joined.mean() - 0.3) < 6.1 * math.sqrt(0.21 / joined.size)
    # Sizes vary as a binomial's do: a sample of fixed size would be another mechanism.
    assert joined.sum(axis=1).var() == pytest.approx(40 * 0.21, rel=6.1 * math.sqrt(2 / 500))
    days = np.corrcoef(joined.T) - np.eye(40)
    assert np.abs(days).max() < 6.5 / math.sqrt(500)
