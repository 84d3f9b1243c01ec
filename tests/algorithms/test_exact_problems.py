"""Problems whose answer is known in closed form."""

import math

import pytest
import torch

from grid_fed_rl.algorithms import IQLConfig, Learner, mean_gradient
from grid_fed_rl.algorithms.iql import Batch, act
from grid_fed_rl.algorithms.networks import mlp


def _solve(batch: Batch, config: IQLConfig, steps: int) -> Learner:
    learner = Learner.new(config, batch.observation.shape[1], batch.action.shape[1], seed=0)
    for _ in range(steps):
        learner.apply(mean_gradient(learner.params, learner.targets, batch, config)[0])
    return learner


def _value(learner: Learner, observation: torch.Tensor) -> list[float]:
    return mlp(learner.params, "value", observation)[:, 0].tolist()


@pytest.mark.parametrize("expectile", [0.5, 0.7, 0.9])
def test_on_a_bandit_the_value_is_the_expectile_and_the_policy_the_weighted_mean(
    expectile: float,
) -> None:
    """Two actions, +1/2 that earns 1 and -1/2 that earns 0, equally often.

    Q is 1 and 0. V solves tau (1 - V) = (1 - tau) V, so V = tau. The policy is the
    mean of the two actions with weights exp(beta (1 - tau)) and exp(-beta tau), whose
    ratio is exp(beta): (e^beta - 1) / (e^beta + 1) / 2.
    """
    config = IQLConfig(
        hidden=(16,), expectile=expectile, temperature=1.0, polyak=0.1, learning_rate=1e-2
    )
    batch = Batch(
        observation=torch.ones(2, 1),
        action=torch.tensor([[0.5], [-0.5]]),
        reward=torch.tensor([1.0, 0.0]),
        next_observation=torch.ones(2, 1),
        terminated=torch.tensor([True, True]),
    )
    learner = _solve(batch, config, steps=600)
    place = torch.cat([batch.observation, batch.action], dim=1)
    for name in ("critic_1", "critic_2"):
        q = mlp(learner.params, name, place)[:, 0]
        torch.testing.assert_close(q, torch.tensor([1.0, 0.0]), atol=0.01, rtol=0)
    assert _value(learner, torch.ones(1, 1))[0] == pytest.approx(expectile, abs=0.01)
    expected = (math.e - 1) / (math.e + 1) / 2
    assert act(learner.params, torch.ones(1, 1)).item() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("collapses", "first", "second"), [(True, 2.0, 2.0), (False, 3.0, 4.0)])
def test_on_a_chain_the_value_goes_through_midnight_and_not_through_a_collapse(
    collapses: bool, first: float, second: float
) -> None:
    """State 0 earns 1 and leads to state 1, which earns 2 and leads to itself, discount 1/2.

    If state 1 is a physical end, V(1) = 2 and V(0) = 1 + 2 / 2 = 2. If the log is
    merely cut off there, V(1) = 2 / (1 - 1/2) = 4 and V(0) = 1 + 4 / 2 = 3.
    """
    config = IQLConfig(hidden=(16,), discount=0.5, polyak=0.1, learning_rate=1e-2)
    states = torch.tensor([[-1.0], [1.0]])
    batch = Batch(
        observation=states,
        action=torch.zeros(2, 1),
        reward=torch.tensor([1.0, 2.0]),
        next_observation=states[[1, 1]],
        terminated=torch.tensor([False, collapses]),
    )
    learner = _solve(batch, config, steps=600)
    assert _value(learner, states) == pytest.approx([first, second], abs=0.02)
