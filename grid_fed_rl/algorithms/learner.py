"""What changes during training, and the step that changes it.

A step is a gradient and what is done with it. `Learner.apply` does the same with
every gradient (Adam, then the targets), so that ordinary, private and federated
training differ in where the gradient comes from and in nothing else::

    learner = Learner.new(config, n_features, n_actions, seed)
    gradients, losses = mean_gradient(learner.params, learner.targets, batch, config)
    learner.apply(gradients)
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim.adam import adam

from grid_fed_rl.algorithms import iql
from grid_fed_rl.algorithms.iql import Batch, IQLConfig
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.algorithms.storage import read_tensors, write_tensors
from grid_fed_rl.errors import TrainingError

__all__ = ["Learner", "average_share", "mean_gradient"]

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8
_KIND = "learner"
_GROUPS = ("params", "targets", "mean", "square", "average")


def mean_gradient(
    params: Tensors, targets: Tensors, batch: Batch, config: IQLConfig
) -> tuple[Tensors, Tensor]:
    """Gradient of the mean loss over a minibatch.

    Args:
        params: what is differentiated.
        targets: what is not.
        batch: each field (sample, ...).
        config: settings of the loss.

    Returns:
        The gradient of every parameter, and the mean value, critic and actor
        loss, (3,), without history.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in params.items()}
    losses = torch.stack(iql.loss_terms(leaves, targets, batch, config)).mean(dim=1)
    gradients = torch.autograd.grad(losses.sum(), list(leaves.values()))
    return dict(zip(params, gradients, strict=True)), losses.detach()


def average_share(decay: float, count: int) -> float:
    """Share of the newest member in an exponential average of `count` members.

    With it member k weighs ``decay ** (count - k)`` over the sum of all weights, and
    what stood in the average before the first member is forgotten.
    """
    return (1.0 - decay) / (1.0 - decay**count)


@dataclass
class Learner:
    """Parameters, targets and the state of Adam (Kingma and Ba 2015).

    The tensors are the learner's own: `apply` changes parameters and moments in
    place, and takes and gives no others. Clone what must outlive the next step.

    Attributes:
        config: settings.
        params: parameters by name.
        targets: target parameters by name.
        mean: first moment of the gradient, by name of the parameter.
        square: second moment of the gradient, by name of the parameter.
        average: parameters averaged over the steps taken, by name; see
            `IQLConfig.average_decay`.
        step: steps taken.
    """

    config: IQLConfig
    params: Tensors
    targets: Tensors
    mean: Tensors
    square: Tensors
    average: Tensors
    step: int

    @classmethod
    def new(cls, config: IQLConfig, n_features: int, n_actions: int, seed: int) -> "Learner":
        """Start from networks drawn with `seed`."""
        generator = torch.Generator().manual_seed(seed)
        return cls.start(config, *iql.init(config, n_features, n_actions, generator))

    @classmethod
    def start(cls, config: IQLConfig, params: Tensors, targets: Tensors) -> "Learner":
        """Start from a copy of given parameters and targets, with no gradient seen yet."""
        return cls(
            config=config,
            params={name: value.detach().clone() for name, value in params.items()},
            targets={name: value.detach().clone() for name, value in targets.items()},
            mean={name: torch.zeros_like(value) for name, value in params.items()},
            square={name: torch.zeros_like(value) for name, value in params.items()},
            average={name: value.detach().clone() for name, value in params.items()},
            step=0,
        )

    @property
    def n_features(self) -> int:
        """Length of an observation."""
        return self.params["value.0.weight"].shape[1]

    @property
    def n_devices(self) -> int:
        """Length of an action."""
        return self.params["actor_log_std"].shape[0]

    def apply(self, gradients: Tensors) -> None:
        """Take one step of Adam along `gradients`, then move the targets.

        Raises:
            TrainingError: the gradients are not of these parameters.
        """
        if gradients.keys() != self.params.keys():
            other = sorted(gradients.keys() ^ self.params.keys())
            raise TrainingError(
                f"gradients: {', '.join(other)} differ from the parameters; "
                "one for each parameter is needed"
            )
        names = list(self.params)
        adam(
            [self.params[name] for name in names],
            [gradients[name] for name in names],
            [self.mean[name] for name in names],
            [self.square[name] for name in names],
            [],
            list(torch.full((len(names),), self.step, dtype=torch.float32).unbind()),
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=self.config.learning_rate,
            weight_decay=0.0,
            eps=_EPSILON,
            maximize=False,
        )
        self.step += 1
        self.targets = iql.update_targets(self.params, self.targets, self.config)
        share = average_share(self.config.average_decay, self.step)
        for name in names:
            self.average[name].lerp_(self.params[name], share)

    def copy(self) -> "Learner":
        """Return a learner that shares nothing with this one."""
        return Learner(
            config=self.config,
            step=self.step,
            **{
                group: {name: value.clone() for name, value in getattr(self, group).items()}
                for group in _GROUPS
            },
        )

    def save(self, path: str | Path) -> None:
        """Write everything a later run needs to go on."""
        tensors = {
            f"{group}/{name}": value
            for group in _GROUPS
            for name, value in getattr(self, group).items()
        }
        write_tensors(path, tensors, _KIND, {"step": self.step, "config": asdict(self.config)})

    @classmethod
    def load(cls, path: str | Path) -> "Learner":
        """Read what `save` wrote.

        Raises:
            TrainingError: the file is missing, broken or not of a learner.
        """
        tensors, header = read_tensors(path, _KIND)
        groups: dict[str, Tensors] = {group: {} for group in _GROUPS}
        for key, value in tensors.items():
            group, name = key.split("/", 1)
            groups[group][name] = value
        return cls(config=IQLConfig(**header["config"]), step=header["step"], **groups)
