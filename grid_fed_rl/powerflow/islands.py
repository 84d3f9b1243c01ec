"""Which parts of a network hang together, and which switches join them.

A zone is what no switch divides: conductors joined by lines, reactors and the
windings of transformers. A row's switches then say which zones a closed path
joins to the source; the others are dead.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from grid_fed_rl.feeders import Feeder
from grid_fed_rl.powerflow import linear_kernels
from grid_fed_rl.powerflow.assembly import GROUND, columns_of
from grid_fed_rl.powerflow.ordering import Elimination

__all__ = ["zones"]

Pairs = list[tuple[int, int]]


def _components(n: int, pairs: Sequence[tuple[int, int]]) -> tuple[int, np.ndarray]:
    i, j = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return connected_components(coo_matrix((np.ones(len(i)), (i, j)), shape=(n, n)), directed=False)


def _live(pairs: Iterable[tuple[int, int]]) -> Pairs:
    return [(i, j) for i, j in pairs if GROUND not in (i, j)]


def _joined(feeder: Feeder, node_index: Mapping[str, int]) -> Pairs:
    """Node pairs that something other than a switch joins."""
    joined: Pairs = []
    branches = [*feeder.lines.values(), *(r for r in feeder.reactors.values() if r.to is not None)]
    for branch in branches:
        if branch.to is not None:
            ends = columns_of(node_index, branch.from_), columns_of(node_index, branch.to)
            joined += _live(zip(*ends, strict=True))
    for transformer in feeder.transformers.values():
        nodes = [k for w in transformer.windings for k in columns_of(node_index, w.terminal)]
        joined += pairwise(k for k in nodes if k != GROUND)
    return joined


def zones(
    feeder: Feeder,
    node_index: Mapping[str, int],
    elimination: Elimination,
    source_nodes: Sequence[int],
) -> linear_kernels.Zones:
    """Zones of the nodes, in the order of the elimination, and the switches between them.

    A zone that no switch could ever join to the source, such as the neutral of a
    floating wye, has its potential from the elements it stands in; it is solved
    like the rest.
    """
    n = len(node_index)
    first_switch_factor = 2 * len(feeder.regulators) + len(feeder.capacitors)
    joined = _joined(feeder, node_index)
    n_zones, zone = _components(n, joined)
    between = [
        (first_switch_factor + k, i, j)
        for k, switch in enumerate(feeder.switches.values())
        for i, j in _live(
            zip(
                columns_of(node_index, switch.from_), columns_of(node_index, switch.to), strict=True
            )
        )
    ]
    _, whole = _components(n, [*joined, *((i, j) for _, i, j in between)])
    alive = np.zeros(n_zones)
    alive[zone[source_nodes]] = 1.0
    alive[zone[~np.isin(whole, whole[source_nodes])]] = 1.0
    factor, from_, to = np.array(between, dtype=np.int32).reshape(-1, 3).T
    return linear_kernels.Zones(
        of=zone[elimination.order].astype(np.int32),
        alive=alive,
        edge_factor=factor.copy(),
        edge_from=zone[from_].astype(np.int32),
        edge_to=zone[to].astype(np.int32),
    )
