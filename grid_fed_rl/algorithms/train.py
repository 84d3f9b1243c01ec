"""The training loop: minibatches of one log, one gradient each.

Which transitions step s sees is a function of the seed and s alone, so a run that
stops and goes on sees what an unbroken one does, and no state of a generator has
to be kept.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grid_fed_rl.algorithms.batch import flat_batch, take
from grid_fed_rl.algorithms.iql import IQLConfig, LossTerms
from grid_fed_rl.algorithms.learner import Learner, mean_gradient
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.algorithms.policy import LearnedPolicy
from grid_fed_rl.datasets.transitions import Transitions
from grid_fed_rl.errors import TrainingError
from grid_fed_rl.policy import Policy

__all__ = ["Record", "TrainConfig", "Trained", "minibatch_indices", "train"]

Record = dict[str, float]
"""One row of a history: `step`, mean `value`, `critic` and `actor` loss since the row
before, and whatever an evaluation at that step returned."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of the loop.

    Attributes:
        steps: gradient steps in all, those before a restart included.
        batch_size: transitions a step, drawn with replacement.
        log_every: steps between rows of the history.
        evaluate_every: steps between evaluations; 0 is never. A multiple of `log_every`.

    Raises:
        TrainingError: a setting is out of its bounds.
    """

    steps: int = 2000
    batch_size: int = 256
    log_every: int = 100
    evaluate_every: int = 0

    def __post_init__(self) -> None:
        """Check bounds."""
        for name in ("steps", "batch_size", "log_every"):
            if getattr(self, name) < 1:
                raise TrainingError(f"training {name}={getattr(self, name)}; 1 or more is needed")
        if self.evaluate_every < 0 or self.evaluate_every % self.log_every:
            raise TrainingError(
                f"training evaluate_every={self.evaluate_every}; 0 or a multiple of "
                f"log_every={self.log_every} is needed"
            )


@dataclass(frozen=True)
class Trained:
    """What a run leaves.

    Attributes:
        learner: its last state, from which another run may go on.
        history: one row every `log_every` steps, and one at the end.
    """

    learner: Learner
    history: list[Record]

    @property
    def params(self) -> Tensors:
        """Parameters by name."""
        return self.learner.params

    @property
    def targets(self) -> Tensors:
        """Target parameters by name."""
        return self.learner.targets

    @property
    def policy(self) -> LearnedPolicy:
        """The averaged actor, ready to run."""
        return LearnedPolicy(self.learner.average, self.learner.config)


def train(
    transitions: Transitions,
    config: TrainConfig,
    algorithm: IQLConfig,
    seed: int,
    *,
    start: Learner | None = None,
    progress: Callable[[Record], None] | None = None,
    evaluate: Callable[[Policy], Record] | None = None,
) -> Trained:
    """Learn from a log.

    Args:
        transitions: the log.
        config: settings of the loop.
        algorithm: settings of the learner.
        seed: of the first networks and of the minibatches.
        start: go on from here, with the optimiser's state and the step it had
            reached; it is not changed. New networks if None.
        progress: called with each new row of the history.
        evaluate: called every `evaluate_every` steps, and at the end, with the
            policy so far; what it returns joins the row.

    Raises:
        TrainingError: the log is empty or of another shape than `start`, or a loss
            is not finite; the message names the step and the losses.
    """
    data = flat_batch(transitions, algorithm)
    n_samples = len(data.reward)
    if n_samples == 0:
        raise TrainingError("training: the log holds no transition; one or more are needed")
    if start is None:
        learner = Learner.new(algorithm, transitions.n_features, transitions.n_devices, seed)
    else:
        learner = start.copy()
        _check_shape(learner, transitions, algorithm)
        learner.config = algorithm
    history: list[Record] = []
    while learner.step < config.steps:
        first = learner.step
        last = min(first - first % config.log_every + config.log_every, config.steps)
        losses = torch.empty(last - first, len(LossTerms._fields))
        for row in range(last - first):
            index = minibatch_indices(seed, learner.step, n_samples, config.batch_size)
            gradients, losses[row] = mean_gradient(
                learner.params, learner.targets, take(data, index), algorithm
            )
            learner.apply(gradients)
        _check_finite(losses, first)
        record: Record = {"step": float(last)}
        record |= dict(zip(LossTerms._fields, losses.mean(0).tolist(), strict=True))
        due = config.evaluate_every and (last % config.evaluate_every == 0 or last == config.steps)
        if evaluate is not None and due:
            record |= evaluate(LearnedPolicy(learner.average, algorithm))
        history.append(record)
        if progress is not None:
            progress(record)
    return Trained(learner, history)


def minibatch_indices(seed: int, step: int, n_samples: int, batch_size: int) -> Tensor:
    """Return which transitions step `step` sees, (batch_size,) int64."""
    rng = np.random.default_rng([seed, step])
    return torch.from_numpy(rng.integers(n_samples, size=batch_size))


def _check_shape(learner: Learner, transitions: Transitions, algorithm: IQLConfig) -> None:
    for name, found, wanted in (
        ("n_features", learner.n_features, transitions.n_features),
        ("n_devices", learner.n_devices, transitions.n_devices),
        ("hidden", learner.config.hidden, algorithm.hidden),
    ):
        if found != wanted:
            raise TrainingError(f"training: the start has {name}={found}; {wanted} is needed")


def _check_finite(losses: Tensor, first: int) -> None:
    """Name the first step of these (step, loss) at which a loss is not finite."""
    broken = ~losses.isfinite()
    if not broken.any():
        return
    row = int(broken.any(dim=1).nonzero()[0])
    named = ", ".join(
        f"{name} loss {value}"
        for name, value, bad in zip(
            LossTerms._fields, losses[row].tolist(), broken[row].tolist(), strict=True
        )
        if bad
    )
    raise TrainingError(
        f"training diverged at step {first + row}: {named}; finite losses are needed: "
        "lower learning_rate, reward_scale or cost_weight"
    )
