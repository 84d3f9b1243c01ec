r"""Implicit Q-learning (Kostrikov, Nair and Levine 2022, https://arxiv.org/abs/2110.06169).

Three losses of one transition :math:`(s, a, r, s')`, with
:math:`\hat Q = \min(\hat Q_1, \hat Q_2)` of the target critics:

.. math::
    L_V &= |\tau - 1(\hat Q(s, a) < V(s))| \, (\hat Q(s, a) - V(s))^2 \\
    L_Q &= \sum_i (r + \gamma V(s') - Q_i(s, a))^2 \\
    L_\pi &= -\min(e^{\beta (\hat Q(s, a) - V(s))}, w) \, \log \pi(a | s)

Each moves one network: V follows the targets, Q follows V, and the policy follows
the advantage, so their sum has each gradient where it belongs. V never looks at an
action that was not taken, which is what makes it safe on a fixed log.

A physical end (`terminated`) has no value after it. A day cut off at midnight
has: the bootstrap goes through it. No loss couples samples, and weights are
clipped at a fixed number, so a loss of one trajectory is that trajectory's own.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from grid_fed_rl.algorithms.networks import Tensors, init_mlp, mlp
from grid_fed_rl.errors import TrainingError

__all__ = [
    "Batch",
    "IQLConfig",
    "LossTerms",
    "act",
    "init",
    "loss",
    "loss_terms",
    "shaped_reward",
    "update_targets",
]

_LOG_STD_RANGE = (-5.0, 2.0)  # of the authors' implementation: a log of a fixed rule has spread 0
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class IQLConfig:
    """Settings of the learner.

    Attributes:
        hidden: width of each hidden layer, in all networks.
        expectile: tau in (0, 1); 0.5 is the mean over logged actions, towards 1
            their best.
        temperature: beta >= 0; 0 imitates the log, more prefers what did better.
        weight_clip: largest weight of a sample in the policy's loss.
        discount: gamma in [0, 1], a step.
        cost_weight: of the cost against the reward, >= 0.
        reward_scale: factor on both, > 0, to bring returns near one.
        polyak: share of the critics that enters their targets at each step, in (0, 1].
        learning_rate: of Adam, > 0.
        average_decay: of the average over steps whose actor is handed out, in
            [0, 1): a step weighs `average_decay` as much as the one after it, and 0
            hands out the last step alone.

    Raises:
        TrainingError: a setting is out of its bounds.
    """

    hidden: tuple[int, ...] = (64, 64)
    expectile: float = 0.7
    temperature: float = 3.0
    weight_clip: float = 100.0
    discount: float = 0.99
    cost_weight: float = 0.0
    reward_scale: float = 1.0
    polyak: float = 0.005
    learning_rate: float = 3e-4
    average_decay: float = 0.0

    def __post_init__(self) -> None:
        """Check bounds, and take any sequence of widths."""
        object.__setattr__(self, "hidden", tuple(int(width) for width in self.hidden))
        bounds = {
            "expectile": (0 < self.expectile < 1, "a number between 0 and 1"),
            "temperature": (0 <= self.temperature < math.inf, "zero or more"),
            "weight_clip": (0 < self.weight_clip < math.inf, "more than 0"),
            "discount": (0 <= self.discount <= 1, "0 to 1"),
            "cost_weight": (0 <= self.cost_weight < math.inf, "zero or more"),
            "reward_scale": (0 < self.reward_scale < math.inf, "more than 0"),
            "polyak": (0 < self.polyak <= 1, "more than 0 and at most 1"),
            "learning_rate": (0 < self.learning_rate < math.inf, "more than 0"),
            "average_decay": (0 <= self.average_decay < 1, "zero or more and below 1"),
            "hidden": (min(self.hidden, default=0) > 0, "one or more positive widths"),
        }
        for name, (right, wanted) in bounds.items():
            if not right:
                raise TrainingError(f"IQL {name}={getattr(self, name)}; {wanted} is needed")


class Batch(NamedTuple):
    """Transitions as tensors; leading axes are free, and the same in all fields."""

    observation: Tensor  # (..., feature) float32
    action: Tensor  # (..., device) float32, as carried out
    reward: Tensor  # (...,) float32, shaped by `shaped_reward`
    next_observation: Tensor  # (..., feature) float32
    terminated: Tensor  # (...,) bool


class LossTerms(NamedTuple):
    """The losses of each sample, (...,) float32."""

    value: Tensor
    critic: Tensor
    actor: Tensor


def shaped_reward(reward: Tensor, cost: Tensor, config: IQLConfig) -> Tensor:
    """Return what is maximised: `reward_scale * (reward - cost_weight * cost)`."""
    return config.reward_scale * (reward - config.cost_weight * cost)


def init(
    config: IQLConfig, n_features: int, n_actions: int, generator: torch.Generator
) -> tuple[Tensors, Tensors]:
    """Draw the networks.

    Returns:
        The parameters of `actor`, `critic_1`, `critic_2` and `value`, and the targets,
        a copy of the critics under the same names.
    """
    inner = config.hidden
    params = init_mlp("actor", (n_features, *inner, n_actions), generator)
    params["actor_log_std"] = torch.zeros(n_actions)
    for name in ("critic_1", "critic_2"):
        params |= init_mlp(name, (n_features + n_actions, *inner, 1), generator)
    params |= init_mlp("value", (n_features, *inner, 1), generator)
    targets = {name: params[name].clone() for name in params if name.startswith("critic")}
    return params, targets


def loss_terms(params: Tensors, targets: Tensors, batch: Batch, config: IQLConfig) -> LossTerms:
    """Return the three losses of each sample, each with gradient in its own network only.

    Args:
        params: as from `init`.
        targets: as from `init`.
        batch: fields (..., feature), (..., device) or (...,).
        config: settings.
    """
    place = torch.cat((batch.observation, batch.action), dim=-1)
    with torch.no_grad():
        target_q = torch.minimum(
            _scalar(targets, "critic_1", place), _scalar(targets, "critic_2", place)
        )
        next_v = _scalar(params, "value", batch.next_observation)
        goal = batch.reward + config.discount * torch.where(batch.terminated, 0.0, next_v)
    advantage = target_q - _scalar(params, "value", batch.observation)
    tilt = (config.expectile - (advantage < 0).to(advantage.dtype)).abs()
    value = tilt * advantage.square()
    critic = functional.mse_loss(_scalar(params, "critic_1", place), goal, reduction="none")
    critic = critic + functional.mse_loss(
        _scalar(params, "critic_2", place), goal, reduction="none"
    )
    weight = torch.exp(config.temperature * advantage.detach()).clamp(max=config.weight_clip)
    actor = -weight * _log_likelihood(params, batch.observation, batch.action)
    return LossTerms(value, critic, actor)


def loss(params: Tensors, targets: Tensors, batch: Batch, config: IQLConfig) -> Tensor:
    """Return the sum of the three losses of each sample, (...,).

    One scalar a sample: its gradient is the three gradients side by side, so an
    optimiser, a clip or a noise draw treats the learner as one thing.
    """
    terms = loss_terms(params, targets, batch, config)
    return terms.value + terms.critic + terms.actor


def update_targets(params: Tensors, targets: Tensors, config: IQLConfig) -> Tensors:
    """Return targets moved by `polyak` towards the critics."""
    return {name: target.lerp(params[name], config.polyak) for name, target in targets.items()}


def act(params: Tensors, observation: Tensor) -> Tensor:
    """Return the mean action, (..., device) in [-1, 1]."""
    return torch.tanh(mlp(params, "actor", observation))


def _scalar(params: Tensors, name: str, x: Tensor) -> Tensor:
    return mlp(params, name, x).squeeze(-1)


def _log_likelihood(params: Tensors, observation: Tensor, action: Tensor) -> Tensor:
    """Log density of `action` under a normal around the mean action, summed over devices."""
    log_std = params["actor_log_std"].clamp(*_LOG_STD_RANGE)
    z = (action - act(params, observation)) * torch.exp(-log_std)
    return -(0.5 * z.square() + log_std + _LOG_SQRT_2PI).sum(-1)
