from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from grid_fed_rl.algorithms import IQLConfig, LearnedPolicy, Learner
from grid_fed_rl.algorithms.iql import act
from grid_fed_rl.errors import TrainingError
from grid_fed_rl.policy import Policy

CONFIG = IQLConfig(hidden=(8, 6), expectile=0.8)


@pytest.fixture
def policy() -> LearnedPolicy:
    learner = Learner.new(CONFIG, 5, 3, seed=0)
    learner.params["actor.2.bias"] += torch.tensor([0.5, -2.0, 9.0])
    return LearnedPolicy(learner.params, CONFIG)


def _observations(n: int = 7) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (n, 5)).astype(np.float32)


def test_it_is_the_mean_action_of_the_actor_in_numpy(policy: Policy) -> None:
    learner = Learner.new(CONFIG, 5, 3, seed=0)
    chosen = LearnedPolicy(learner.params, CONFIG)(_observations())
    assert isinstance(chosen, np.ndarray)
    assert chosen.dtype == np.float32
    expected = act(learner.params, torch.from_numpy(_observations()))
    np.testing.assert_array_equal(chosen, expected.numpy())
    many = policy(_observations())
    one = np.concatenate([policy(row[None]) for row in _observations()])
    np.testing.assert_allclose(many, one, atol=1e-6)
    assert abs(many).max() <= 1
    assert policy(_observations(0)).shape == (0, 3)


def test_it_takes_read_only_observations_and_leaves_them(policy: LearnedPolicy) -> None:
    observation = _observations()
    observation.flags.writeable = False
    np.testing.assert_array_equal(policy(observation), policy(_observations()))


def test_further_training_does_not_move_it() -> None:
    learner = Learner.new(CONFIG, 5, 3, seed=0)
    policy = LearnedPolicy(learner.params, CONFIG)
    before = policy(_observations())
    learner.apply({name: torch.ones_like(value) for name, value in learner.params.items()})
    np.testing.assert_array_equal(policy(_observations()), before)
    assert abs(LearnedPolicy(learner.params, CONFIG)(_observations()) - before).max() > 1e-5


def test_saved_and_loaded_it_acts_alike(policy: LearnedPolicy, tmp_path: Path) -> None:
    policy.save(tmp_path / "policy.safetensors")
    again = LearnedPolicy.load(tmp_path / "policy.safetensors", n_features=5, n_devices=3)
    np.testing.assert_array_equal(again(_observations()), policy(_observations()))
    assert again.config == CONFIG
    assert all(name.startswith("actor") for name in again.params), "acting takes no critic"


@pytest.mark.parametrize("shape", [(4, 6), (5,), (2, 3, 5)])
def test_observations_of_another_shape_are_refused(
    policy: LearnedPolicy, shape: tuple[int, ...]
) -> None:
    with pytest.raises(TrainingError, match=r"observation of shape .*; \(lane, 5\) is needed"):
        policy(np.zeros(shape, np.float32))


def test_a_policy_of_another_task_is_refused(policy: LearnedPolicy, tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    policy.save(path)
    with pytest.raises(TrainingError, match=r"n_features: 5; 60 is needed by this task"):
        LearnedPolicy.load(path, n_features=60)
    with pytest.raises(TrainingError, match=r"n_devices: 3; 4 is needed by this task"):
        LearnedPolicy.load(path, n_devices=4)


def test_a_broken_file_is_named(policy: LearnedPolicy, tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    with pytest.raises(TrainingError, match=r"policy.safetensors': unreadable"):
        LearnedPolicy.load(path)
    path.write_bytes(b"not tensors at all")
    with pytest.raises(TrainingError, match=r"unreadable .* of a policy is needed"):
        LearnedPolicy.load(path)
    safetensors.torch.save_file(policy.params, path)
    with pytest.raises(
        TrainingError, match=r"holds kind=None, version=None; kind=policy, version=1 is"
    ):
        LearnedPolicy.load(path)
    policy.params["actor.2.bias"] = torch.zeros(2)
    policy.save(path)
    raw = path.read_bytes().replace(b'\\"n_devices\\": 2', b'\\"n_devices\\": 3')
    path.write_bytes(raw)
    with pytest.raises(TrainingError, match=r"n_devices: the tensors have 2, the header says 3"):
        LearnedPolicy.load(path)


def test_parameters_without_an_actor_are_refused() -> None:
    with pytest.raises(TrainingError, match="those of an actor are needed"):
        LearnedPolicy({"value.0.weight": torch.zeros(1, 1)}, CONFIG)
