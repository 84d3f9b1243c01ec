"""Two estimators of one gradient: of a minibatch, and of whole days under privacy.

Both differentiate the same per-sample loss, `(params, targets, batch) ->
(sample,)`. The private one treats a whole trajectory as one contribution, since
the steps of a day depend on each other: its gradient is that of the mean loss
over its live steps, actor, critic and value parameters side by side; it is
clipped once, as one long vector, and the sum over the sampled trajectories gets
one draw of noise (Abadi et al. 2016, algorithm 1, with Poisson sampling).
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, vmap

from grid_fed_rl.federated.noise import NoiseSource
from grid_fed_rl.federated.privacy import SiteDayPrivacy

__all__ = [
    "Loss",
    "Tensors",
    "Trajectories",
    "clipped_sum",
    "plain_gradient",
    "private_gradient",
    "trajectory_gradients",
]

Tensors = dict[str, Tensor]
Batch = TypeVar("Batch", bound=tuple[Tensor, ...])
Loss = Callable[[Tensors, Tensors, Batch], Tensor]

_CHUNK = 64  # trajectories differentiated at once; more only takes more memory


class Trajectories(NamedTuple):
    """A site's log as the learner's batch, with the trajectory axis first."""

    batch: tuple[Tensor, ...]  # the learner's NamedTuple; each field (trajectory, step, ...)
    mask: Tensor  # (trajectory, step) bool, False after an early end


def plain_gradient(loss: Loss[Batch], params: Tensors, targets: Tensors, batch: Batch) -> Tensors:
    """Gradient of the mean loss over a minibatch; each field of `batch` is (sample, ...)."""
    return grad(lambda p: loss(p, targets, batch).mean())(params)


def trajectory_gradients(
    loss: Loss[Batch], params: Tensors, targets: Tensors, batch: Batch, mask: Tensor
) -> Tensors:
    """Gradient of each trajectory's mean loss over its live steps.

    Args:
        loss: per-sample loss, without terms that couple samples.
        params: what is differentiated.
        targets: what is not.
        batch: each field (trajectory, step, ...).
        mask: (trajectory, step) bool.

    Returns:
        For every parameter, (trajectory, *shape of the parameter).
    """

    def mean_loss(params: Tensors, batch: Batch, mask: Tensor) -> Tensor:
        losses = torch.where(mask, loss(params, targets, batch), 0.0)
        return losses.sum() / mask.sum().clamp(min=1)

    return vmap(grad(mean_loss), in_dims=(None, 0, 0))(params, batch, mask)


def clipped_sum(
    loss: Loss[Batch],
    params: Tensors,
    targets: Tensors,
    trajectories: Trajectories,
    chosen: NDArray[np.bool_],
    clip: float,
) -> Tensor:
    """Sum of the chosen trajectories' gradients, each scaled down to norm `clip` at most.

    A trajectory whose gradient is not finite counts as zero. Like the clip, that
    is decided from the trajectory alone, so adding or removing one trajectory
    still moves the sum by at most `clip`; an error, or dropping the whole step,
    would tell the others that it is there.

    Args:
        loss: per-sample loss.
        params: what is differentiated.
        targets: what is not.
        trajectories: the site's log.
        chosen: (trajectory,) the sample of this step.
        clip: largest Euclidean norm of one contribution.

    Returns:
        (parameter,) float64, all parameters end to end in the order of `params`.
    """
    n_parameters = sum(value.numel() for value in params.values())
    total = torch.zeros(n_parameters, dtype=torch.float64)
    for part in torch.from_numpy(np.flatnonzero(chosen)).split(_CHUNK):
        batch = _rows(trajectories.batch, part)
        per_unit = trajectory_gradients(loss, params, targets, batch, trajectories.mask[part])
        rows = [per_unit[name].flatten(1) for name in params]
        norm = (
            torch.stack([torch.linalg.vector_norm(row, dim=1, dtype=torch.float64) for row in rows])
            .square()
            .sum(0)
            .sqrt()
        )  # (trajectory,); no float32 gradient overflows it
        finite = norm.isfinite()
        scale = torch.where(finite, clip / norm.clamp(min=clip), 0.0).to(rows[0].dtype)
        if not finite.all():
            rows = [torch.where(finite[:, None], row, 0.0) for row in rows]
        total += torch.cat([scale @ row for row in rows])
    return total


def private_gradient(
    loss: Loss[Batch],
    params: Tensors,
    targets: Tensors,
    trajectories: Trajectories,
    privacy: SiteDayPrivacy,
    noise: NoiseSource,
) -> Tensors:
    """One step of the subsampled Gaussian mechanism.

    Every trajectory joins independently with probability `privacy.sampling_rate`.
    Whatever the sample, an empty one too, the same noise is added and the same
    public number divides.

    Args:
        loss: per-sample loss.
        params: what is differentiated.
        targets: what is not; public, as earlier answers are.
        trajectories: the site's log.
        privacy: sampling rate, clip, noise and normaliser.
        noise: decides the sample and the noise.
    """
    chosen = noise.uniform(len(trajectories.mask)) < privacy.sampling_rate
    total = clipped_sum(loss, params, targets, trajectories, chosen, privacy.clip)
    spread = privacy.noise_multiplier * privacy.clip
    noised = total + spread * torch.from_numpy(noise.normal(len(total)))
    pieces = (noised / privacy.normaliser).split([value.numel() for value in params.values()])
    return {
        name: piece.to(value.dtype).reshape(value.shape)
        for (name, value), piece in zip(params.items(), pieces, strict=True)
    }


def _rows(batch: Batch, index: Tensor) -> Batch:
    """The trajectories at `index`, as the same NamedTuple."""
    return type(batch)(*(field[index] for field in batch))  # pyright: ignore
