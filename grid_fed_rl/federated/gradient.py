"""The gradient of a site's log under privacy: whole days in, one noised vector out.

It takes the place of `grid_fed_rl.algorithms.mean_gradient` and differentiates
the same loss; what is done with the gradient afterwards is the same too. A
whole trajectory is one contribution, since the steps of a day depend on each
other: its gradient is that of the mean loss over its live steps, the actor, the
critics and the value side by side; it is clipped once, as one long vector, and
the sum over the sampled trajectories gets one draw of noise (Abadi et al. 2016,
algorithm 1, doi:10.1145/2976749.2978318, with Poisson sampling).
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, vmap

from grid_fed_rl.algorithms import iql
from grid_fed_rl.algorithms.batch import take, trajectory_batch
from grid_fed_rl.algorithms.iql import Batch, IQLConfig
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.datasets.transitions import Transitions
from grid_fed_rl.federated.noise import NoiseSource
from grid_fed_rl.federated.privacy import SiteDayPrivacy

__all__ = ["Trajectories", "clipped_sum", "private_gradient", "trajectory_gradients"]

_CHUNK = 128  # trajectories differentiated at once; fewer are slower


class Trajectories(NamedTuple):
    """A log as tensors, the trajectory axis first."""

    batch: Batch  # each field (trajectory, step, ...)
    mask: Tensor  # (trajectory, step) bool, False after an early end

    @classmethod
    def of(cls, transitions: Transitions, config: IQLConfig) -> "Trajectories":
        """Copy a log, its reward shaped as `config` says."""
        return cls(*trajectory_batch(transitions, config))


def trajectory_gradients(
    params: Tensors, targets: Tensors, trajectories: Trajectories, config: IQLConfig
) -> Tensors:
    """Gradient of each trajectory's mean loss over its live steps.

    Args:
        params: what is differentiated.
        targets: what is not.
        trajectories: one or more.
        config: settings of the loss.

    Returns:
        For every parameter, (trajectory, *shape of the parameter).
    """

    def mean_loss(params: Tensors, batch: Batch, mask: Tensor) -> Tensor:
        losses = torch.where(mask, iql.loss(params, targets, batch, config), 0.0)
        return losses.sum() / mask.sum().clamp(min=1)

    return vmap(grad(mean_loss), in_dims=(None, 0, 0))(params, *trajectories)


def clipped_sum(
    params: Tensors,
    targets: Tensors,
    trajectories: Trajectories,
    chosen: NDArray[np.bool_],
    config: IQLConfig,
    clip: float,
) -> Tensor:
    """Sum of the chosen trajectories' gradients, each scaled down to norm `clip` at most.

    A trajectory whose gradient, or its norm, is not a finite float32 counts as
    zero. Like the clip, that is decided from the trajectory alone, so adding or
    removing one trajectory still moves the sum by at most `clip`; an error, or
    dropping the whole step, would tell the others that it is there.

    Args:
        params: what is differentiated.
        targets: what is not.
        trajectories: the site's log.
        chosen: (trajectory,) the sample of this step.
        config: settings of the loss.
        clip: largest Euclidean norm of one contribution.

    Returns:
        (parameter,) float64, all parameters end to end in the order of `params`.
    """
    total = torch.zeros(sum(value.numel() for value in params.values()), dtype=torch.float64)
    for part in torch.from_numpy(np.flatnonzero(chosen)).split(_CHUNK):
        if len(part) == 0:
            continue
        some = Trajectories(take(trajectories.batch, part), trajectories.mask[part])
        gradients = trajectory_gradients(params, targets, some, config)
        rows = [gradients[name].flatten(1) for name in params]  # each (trajectory, number)
        norms = torch.stack([torch.linalg.vector_norm(row, dim=1) for row in rows])
        norm = norms.double().square().sum(0).sqrt()  # (trajectory,) of the whole vector
        finite = norm.isfinite()
        scale = torch.where(finite, clip / norm.clamp(min=clip), 0.0).float()
        if not finite.all():
            rows = [torch.where(finite[:, None], row, 0.0) for row in rows]
        total += torch.cat([scale @ row for row in rows])
    return total


def private_gradient(
    params: Tensors,
    targets: Tensors,
    trajectories: Trajectories,
    config: IQLConfig,
    privacy: SiteDayPrivacy,
    noise: NoiseSource,
) -> Tensors:
    """One step of the Poisson-subsampled Gaussian mechanism.

    Every trajectory joins independently with probability `privacy.sampling_rate`.
    Whatever the sample, an empty one too, the same noise is added and the same
    public number divides.

    Args:
        params: what is differentiated.
        targets: what is not. Both are public, being made of earlier answers.
        trajectories: the site's log.
        config: settings of the loss.
        privacy: sampling rate, clip, noise and normaliser.
        noise: decides the sample and the noise.

    Returns:
        A gradient for every parameter.
    """
    chosen = noise.uniform(len(trajectories.mask)) < privacy.sampling_rate
    total = clipped_sum(params, targets, trajectories, chosen, config, privacy.clip)
    spread = privacy.noise_multiplier * privacy.clip
    noised = (total + spread * torch.from_numpy(noise.normal(len(total)))) / privacy.normaliser
    pieces = noised.split([value.numel() for value in params.values()])
    return {
        name: piece.float().reshape(value.shape)
        for (name, value), piece in zip(params.items(), pieces, strict=True)
    }
