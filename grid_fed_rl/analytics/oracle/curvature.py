"""How losses bend: their second derivative by the inputs, and what a linear programme sees of it.

Losses are a quadratic form in the voltages, ``sum f s Re(d_1 conj(d_2))`` over voltage drops
(`powerflow.branches.LossTerms`). With voltages linear in the inputs they are one in the inputs,
of which no more than a few directions matter: the sum of reactive powers bends them much,
differences between neighbours hardly. Along each such direction tangents to the parabola keep
the programme linear (J. E. Kelley, "The cutting-plane method for solving convex programs",
Journal of the SIAM 8(4), 1960).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from grid_fed_rl.analytics.oracle.programme import Programme
from grid_fed_rl.powerflow import Network, PowerFlow
from grid_fed_rl.powerflow.measures.rows import row_factors

__all__ = ["Directions", "add_curvature", "curvature", "directions"]

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.int64]

DIRECTIONS = 8  # that are kept, in every step
HALVES = 2.0 ** -np.arange(1.0, 9.0)
TANGENTS = np.concatenate([-HALVES, HALVES])  # where they touch: shares of the furthest way


def curvature(network: Network, flow: PowerFlow, by_input: Complex) -> Floats:
    """Second derivative of the losses, kW: (step, input, input), symmetric.

    Args:
        network: The compiled feeder.
        flow: (step,) where it is taken.
        by_input: (step, node, input) derivative of the complex voltages, per unit.
    """
    terms, factors = network.branches.active, row_factors(network, flow)
    n_steps, _, n = by_input.shape
    ground = np.zeros((1, n))
    bends = np.empty((n_steps, n, n))
    for step in range(n_steps):
        dv = np.concatenate([by_input[step], ground])
        drop_1 = dv[terms.start_1] - dv[terms.stop_1]
        drop_2 = dv[terms.start_2] - dv[terms.stop_2]
        weight = (factors[step, terms.factor] * terms.kw)[:, None]
        half = (weight * drop_1.real).T @ drop_2.real + (weight * drop_1.imag).T @ drop_2.imag
        bends[step] = half + half.T
    return bends


class Directions(NamedTuple):
    """In which directions losses bend most, every step.

    Attributes:
        towards: (step, direction, input) what an input adds to the way along each.
        bend_kw: (step, direction) second derivative along it.
        furthest: (step, direction) the way with every input moved through its range.
    """

    towards: Floats
    bend_kw: Floats
    furthest: Floats


def directions(bends: Floats, span: Floats) -> Directions:
    """The directions of the largest bends, inputs being compared by their ranges.

    Args:
        bends: (step, input, input) second derivative of the losses.
        span: (input,) range of each input.
    """
    n = len(span)
    most = (max(0, n - DIRECTIONS), n - 1)
    scaled = bends * span[:, None] * span
    values, vectors = zip(*(eigh(one, subset_by_index=most) for one in scaled), strict=True)
    across = np.swapaxes(np.array(vectors), 1, 2)
    return Directions(across / span, np.maximum(values, 0.0), np.abs(across).sum(axis=2))


def add_curvature(programme: Programme, inputs: Index, at: Floats, along: Directions) -> Index:
    """Variables that are at least what losses bend by, kW: (step, direction).

    Args:
        programme: Where they are added; they are worth something only at a price.
        inputs: (step, input) variables.
        at: (step, input) where the second derivative was taken.
        along: Its directions.
    """
    shape = along.bend_kw.shape
    way = programme.variables(-np.inf, np.inf, 0.0, shape)
    there = np.einsum("sdk,sk->sd", along.towards, at)
    every = np.broadcast_to(inputs[:, None, :], along.towards.shape)
    programme.tie(there, there, (-1.0, way[..., None]), (along.towards, every), over=1)
    bent = programme.variables(0.0, np.inf, 0.0, shape)
    for share in TANGENTS:
        touch = share * along.furthest
        slope = along.bend_kw * touch
        programme.tie(-0.5 * slope * touch, np.inf, (1.0, bent), (-slope, way))
    return bent
