from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grid_fed_rl.algorithms import IQLConfig, LearnedPolicy, Learner, TrainConfig, train
from grid_fed_rl.algorithms.batch import flat_batch, take, trajectory_batch
from grid_fed_rl.algorithms.train import Record, minibatch_indices
from grid_fed_rl.datasets import Transitions
from grid_fed_rl.errors import TrainingError
from grid_fed_rl.policy import Policy

Make = Callable[..., Transitions]
SMALL = IQLConfig(hidden=(8, 8), cost_weight=0.5, reward_scale=2.0)
SHORT = TrainConfig(steps=20, batch_size=16, log_every=5)


def _same(first: Learner, second: Learner) -> bool:
    return first.step == second.step and all(
        torch.equal(getattr(first, group)[name], getattr(second, group)[name])
        for group in ("params", "targets", "mean", "square")
        for name in getattr(first, group)
    )


@pytest.mark.parametrize("stop", [5, 13])
def test_a_split_run_equals_an_unbroken_one(make_log: Make, tmp_path: Path, stop: int) -> None:
    log = make_log()
    whole = train(log, SHORT, SMALL, seed=3)
    half = train(log, replace(SHORT, steps=stop), SMALL, seed=3)
    half.learner.save(tmp_path / "learner.safetensors")
    kept = half.learner.copy()
    rest = train(log, SHORT, SMALL, seed=3, start=Learner.load(tmp_path / "learner.safetensors"))
    assert _same(rest.learner, whole.learner)
    again = train(log, SHORT, SMALL, seed=3, start=half.learner)
    assert _same(again.learner, whole.learner)
    assert _same(half.learner, kept), "the start is not changed"
    if stop % SHORT.log_every == 0:
        assert half.history + rest.history == whole.history


def test_the_seed_makes_the_run(make_log: Make) -> None:
    first, again, other = (train(make_log(), SHORT, SMALL, seed=seed) for seed in (0, 0, 1))
    assert _same(first.learner, again.learner)
    assert first.history == again.history
    assert not torch.equal(first.params["value.0.bias"], other.params["value.0.bias"])


def test_logging_does_not_change_the_run(make_log: Make) -> None:
    sparse = train(make_log(), replace(SHORT, log_every=20), SMALL, seed=0)
    dense = train(make_log(), replace(SHORT, log_every=1), SMALL, seed=0)
    assert _same(sparse.learner, dense.learner)
    assert len(sparse.history) == 1
    assert len(dense.history) == 20
    for name in ("value", "critic", "actor"):
        mean = np.mean([row[name] for row in dense.history])
        assert sparse.history[0][name] == pytest.approx(mean, rel=1e-5)


def test_progress_and_evaluation_are_called_when_due(make_log: Make) -> None:
    seen: list[Record] = []
    judged: list[np.ndarray] = []

    def evaluate(policy: Policy) -> Record:
        judged.append(policy(np.ones((1, 5), np.float32)))
        return {"loss_kwh": float(len(judged))}

    config = TrainConfig(steps=23, batch_size=4, log_every=5, evaluate_every=10)
    trained = train(make_log(), config, SMALL, seed=0, progress=seen.append, evaluate=evaluate)
    assert seen == trained.history
    assert [row["step"] for row in seen] == [5, 10, 15, 20, 23]
    assert [row.get("loss_kwh") for row in seen] == [None, 1, None, 2, 3]
    assert (judged[0] != judged[2]).any(), "each evaluation sees the policy of its step"
    np.testing.assert_array_equal(judged[2], trained.policy(np.ones((1, 5), np.float32)))
    assert trained.targets is trained.learner.targets


def test_minibatches_are_a_function_of_seed_and_step() -> None:
    drawn = minibatch_indices(1, 2, n_samples=10, batch_size=5000)
    assert torch.equal(drawn, minibatch_indices(1, 2, 10, 5000))
    assert not torch.equal(drawn, minibatch_indices(2, 1, 10, 5000))
    assert not torch.equal(drawn, minibatch_indices(1, 3, 10, 5000))
    counts = torch.bincount(drawn, minlength=10)
    assert len(counts) == 10
    assert counts.min() > 400, "all transitions are drawn, about equally often"


def test_batches_by_step_and_by_day_hold_the_same(make_log: Make) -> None:
    log = make_log()
    flat = flat_batch(log, SMALL)
    days, mask = trajectory_batch(log, SMALL)
    assert days.observation.shape == (6, 4, 5)
    assert mask.tolist() == log.mask.tolist()
    for field, by_day in zip(flat, days, strict=True):
        assert torch.equal(field, by_day[mask])
        assert field.is_contiguous()
    expected = 2.0 * (log.reward - 0.5 * log.cost)
    np.testing.assert_allclose(days.reward.numpy(), expected, rtol=1e-6)
    rows = take(flat, torch.tensor([3, 3, 0]))
    assert torch.equal(rows.action, flat.action[[3, 3, 0]])


def test_without_weight_the_cost_is_ignored(make_log: Make) -> None:
    log = make_log()
    dear = replace(log, cost=10 * log.cost)
    free = replace(SMALL, cost_weight=0.0)
    assert _same(train(log, SHORT, free, 0).learner, train(dear, SHORT, free, 0).learner)
    assert not _same(train(log, SHORT, SMALL, 0).learner, train(dear, SHORT, SMALL, 0).learner)


def test_divergence_names_step_and_loss(make_log: Make) -> None:
    wild = replace(SMALL, reward_scale=1e25)
    with pytest.raises(TrainingError, match=r"diverged at step 0: critic loss inf; finite losses"):
        train(make_log(), SHORT, wild, seed=0)


def test_a_start_of_another_shape_is_refused(make_log: Make) -> None:
    start = Learner.new(SMALL, 5, 3, seed=0)
    with pytest.raises(TrainingError, match=r"the start has n_features=5; 9 is needed"):
        train(make_log(n_features=9), SHORT, SMALL, seed=0, start=start)
    with pytest.raises(TrainingError, match=r"the start has hidden=\(8, 8\); \(4,\) is needed"):
        train(make_log(), SHORT, replace(SMALL, hidden=(4,)), seed=0, start=start)


def test_an_empty_log_is_refused(make_log: Make) -> None:
    with pytest.raises(TrainingError, match="the log holds no transition"):
        train(make_log().select([]), SHORT, SMALL, seed=0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": 0}, r"training steps=0; 1 or more"),
        ({"batch_size": 0}, r"training batch_size=0; 1 or more"),
        ({"log_every": -1}, r"training log_every=-1; 1 or more"),
        ({"evaluate_every": 150}, r"evaluate_every=150; 0 or a multiple of log_every=100"),
        ({"evaluate_every": -100}, r"evaluate_every=-100; 0 or"),
    ],
)
def test_settings_out_of_bounds_are_named(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        TrainConfig(**setting)


def _prefer(seed: int = 0, n: int = 400) -> Transitions:
    """One-step days: state s, any action a in [-1, 1], reward -(a - s / 2)^2."""
    rng = np.random.default_rng(seed)
    state = rng.uniform(-1, 1, (n, 1)).astype(np.float32)
    action = rng.uniform(-1, 1, (n, 1, 1)).astype(np.float32)
    return Transitions(
        observation=np.repeat(state[:, None], 2, axis=1),
        action=action,
        reward=-((action[..., 0] - state / 2) ** 2).astype(np.float32),
        cost=np.zeros((n, 1), np.float32),
        terminated=np.ones((n, 1), bool),
        mask=np.ones((n, 1), bool),
    )


def test_it_does_better_than_the_log_it_learned_from() -> None:
    """The best action is s / 2; random actions earn -0.42 on average, imitation -0.08."""
    config = TrainConfig(steps=600, batch_size=128, log_every=600)
    algorithm = IQLConfig(
        hidden=(32, 32), expectile=0.9, temperature=10.0, polyak=0.05, learning_rate=3e-3
    )
    state = np.linspace(-1, 1, 41, dtype=np.float32)[:, None]

    def earned(policy: LearnedPolicy) -> float:
        return float(-((policy(state) - state / 2) ** 2).mean())

    learned = earned(train(_prefer(), config, algorithm, seed=0).policy)
    imitated = earned(train(_prefer(), config, replace(algorithm, temperature=0.0), seed=0).policy)
    assert imitated == pytest.approx(-0.0875, abs=0.03), "the mean logged action is 0"
    assert learned > -0.01
