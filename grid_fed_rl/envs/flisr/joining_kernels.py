"""Which ends closed switches join, compiled: union-find, a lane at a time."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = ["joined"]


@njit(**COMPILED)
def _join(closed, edge_switch, edge_from, edge_to, label):
    n_lanes, n = label.shape
    for lane in range(n_lanes):
        of = label[lane]
        for v in range(n):
            of[v] = v
        for e in range(len(edge_switch)):
            if not closed[lane, edge_switch[e]]:
                continue
            a, b = edge_from[e], edge_to[e]
            while of[a] != a:
                of[a] = of[of[a]]
                a = of[a]
            while of[b] != b:
                of[b] = of[of[b]]
                b = of[b]
            if a < b:
                of[b] = a
            else:
                of[a] = b
        for v in range(n):  # parents have lower numbers, so theirs are settled
            of[v] = of[of[v]]


def joined(
    closed: NDArray[np.bool_],
    edge_switch: NDArray[np.int64],
    edge_from: NDArray[np.int64],
    edge_to: NDArray[np.int64],
    n: int,
) -> NDArray[np.int64]:
    """Lowest vertex that each vertex hangs together with.

    Args:
        closed: (lane, switch).
        edge_switch: (edge,) the switch that an edge is a conductor of.
        edge_from: (edge,) vertex.
        edge_to: (edge,) vertex.
        n: Vertices.

    Returns:
        (lane, vertex).
    """
    label = np.empty((len(closed), n), dtype=np.int64)
    _join(np.ascontiguousarray(closed), edge_switch, edge_from, edge_to, label)
    return label
