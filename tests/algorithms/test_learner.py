from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grid_fed_rl.algorithms import IQLConfig, LearnedPolicy, Learner, mean_gradient
from grid_fed_rl.algorithms.iql import Batch
from grid_fed_rl.errors import TrainingError

MakeBatch = Callable[..., Batch]
CONFIG = IQLConfig(hidden=(8, 8), learning_rate=3e-3, polyak=0.1, average_decay=0.9)
GROUPS = ("params", "targets", "mean", "square", "average")


def _assert_same(first: Learner, second: Learner) -> None:
    assert first.step == second.step
    assert first.config == second.config
    for group in GROUPS:
        one, other = getattr(first, group), getattr(second, group)
        assert list(one) == list(other)
        for name in one:
            assert torch.equal(one[name], other[name]), f"{group} {name}"


def _run(learner: Learner, batch: Batch, steps: int) -> Learner:
    for _ in range(steps):
        learner.apply(mean_gradient(learner.params, learner.targets, batch, learner.config)[0])
    return learner


def test_its_steps_are_those_of_torch_adam(make_batch: MakeBatch) -> None:
    learner = Learner.new(CONFIG, 5, 3, seed=0)
    twins = {name: value.clone().requires_grad_() for name, value in learner.params.items()}
    targets = {name: value.clone() for name, value in learner.targets.items()}
    optimiser = torch.optim.Adam(list(twins.values()), lr=CONFIG.learning_rate)
    for seed in range(20):
        batch = make_batch(16, seed=seed, dtype="float32")
        gradients, _ = mean_gradient(learner.params, learner.targets, batch, CONFIG)
        learner.apply(gradients)
        for name, leaf in twins.items():
            leaf.grad = gradients[name].clone()
        optimiser.step()
        for name in targets:
            targets[name] = 0.9 * targets[name] + 0.1 * twins[name].detach()
    assert learner.step == 20
    for name, leaf in twins.items():
        torch.testing.assert_close(learner.params[name], leaf.detach(), atol=1e-6, rtol=1e-5)
    for name, value in targets.items():
        torch.testing.assert_close(learner.targets[name], value, atol=1e-6, rtol=1e-5)


def test_one_first_step_by_hand() -> None:
    learner = Learner.new(CONFIG, 5, 3, seed=0)
    before = {name: value.clone() for name, value in learner.params.items()}
    learner.apply({name: torch.full_like(value, -7.0) for name, value in before.items()})
    for name, value in learner.params.items():  # the first step of Adam is the learning rate
        torch.testing.assert_close(value - before[name], torch.full_like(value, 3e-3))


def test_the_seed_makes_the_networks() -> None:
    _assert_same(Learner.new(CONFIG, 5, 3, seed=1), Learner.new(CONFIG, 5, 3, seed=1))
    other = Learner.new(CONFIG, 5, 3, seed=2)
    assert not torch.equal(
        other.params["value.0.weight"], Learner.new(CONFIG, 5, 3, seed=1).params["value.0.weight"]
    )
    assert (other.n_features, other.n_devices) == (5, 3)


def test_it_starts_from_copies(make_batch: MakeBatch) -> None:
    first = Learner.new(CONFIG, 5, 3, seed=0)
    kept = first.copy()
    second = Learner.start(CONFIG, first.params, first.targets)
    third = first.copy()
    for other in (second, third):
        _run(other, make_batch(dtype="float32"), 2)
    _assert_same(first, kept)


def test_saved_and_loaded_it_goes_on_alike(make_batch: MakeBatch, tmp_path: Path) -> None:
    batch = make_batch(dtype="float32")
    learner = _run(Learner.new(CONFIG, 5, 3, seed=0), batch, 5)
    learner.save(tmp_path / "runs" / "learner.safetensors")
    again = Learner.load(tmp_path / "runs" / "learner.safetensors")
    _assert_same(learner, again)
    _assert_same(_run(learner, batch, 5), _run(again, batch, 5))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["learner.safetensors"]


def test_foreign_gradients_are_refused() -> None:
    learner = Learner.new(CONFIG, 5, 3, seed=0)
    gradients = {name: torch.zeros_like(value) for name, value in learner.params.items()}
    del gradients["actor_log_std"]
    with pytest.raises(TrainingError, match="gradients: actor_log_std differ from the parameters"):
        learner.apply(gradients)
    assert learner.step == 0


def test_a_file_that_is_no_learner_is_named(tmp_path: Path) -> None:
    path = tmp_path / "learner.safetensors"
    with pytest.raises(TrainingError, match=r"learner.safetensors': unreadable .*of a learner is"):
        Learner.load(path)
    learner = Learner.new(CONFIG, 5, 3, seed=0)
    learner.save(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match="unreadable"):
        Learner.load(path)
    LearnedPolicy(learner.params, CONFIG).save(path)
    with pytest.raises(
        TrainingError, match=r"holds kind=policy, version=1; kind=learner, version=1 is"
    ):
        Learner.load(path)


def test_its_average_weighs_a_step_by_the_decay_to_the_steps_since(make_batch: MakeBatch) -> None:
    learner = Learner.new(CONFIG, 5, 3, seed=0)
    seen = []
    for _ in range(7):
        _run(learner, make_batch(16, dtype="float32"), 1)
        seen.append({name: value.clone() for name, value in learner.params.items()})
    weights = [0.9 ** (6 - k) for k in range(7)]
    for name, average in learner.average.items():
        expected = sum(w * step[name] for w, step in zip(weights, seen, strict=True)) / sum(weights)
        torch.testing.assert_close(average, expected, rtol=0, atol=1e-6)


def test_without_decay_the_last_step_is_handed_out(make_batch: MakeBatch) -> None:
    config = IQLConfig(hidden=(8, 8), average_decay=0.0)
    learner = _run(Learner.new(config, 5, 3, seed=0), make_batch(16, dtype="float32"), 3)
    for name, average in learner.average.items():
        torch.testing.assert_close(average, learner.params[name], rtol=0, atol=1e-7)
