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

from grid_fed_rl.feeders import Connection, Feeder, Line, Reactor
from grid_fed_rl.feeders.topology import FIRST_NEUTRAL
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


def _earthed(feeder: Feeder, node_index: Mapping[str, int]) -> list[int]:
    """Nodes that a line or reactor joins to ground."""
    earthed: list[int] = []
    for branch in (*feeder.lines.values(), *feeder.reactors.values()):
        near = columns_of(node_index, branch.from_)
        if branch.to is not None:
            far = columns_of(node_index, branch.to)
            earthed += [
                max(pair) for pair in zip(near, far, strict=True) if min(pair) == GROUND < max(pair)
            ]
        elif branch.connection is Connection.WYE or GROUND in near:
            earthed += [k for k in near if k != GROUND]
    return earthed


def _joined(feeder: Feeder, node_index: Mapping[str, int]) -> Pairs:
    """Node pairs that something other than a switch joins."""
    joined: Pairs = []
    branches: list[Line | Reactor] = [*feeder.lines.values(), *feeder.reactors.values()]
    for branch in branches:
        near = columns_of(node_index, branch.from_)
        if branch.to is not None:
            joined += _live(zip(near, columns_of(node_index, branch.to), strict=True))
        elif branch.connection is not Connection.WYE:
            joined += pairwise(k for k in near if k != GROUND)
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

    A neutral conductor has its potential from where it is earthed, too: it is solved
    like the rest while a closed path joins it to the source or to ground. For zones
    of neutrals alone, ground is one more zone; no phase is live because a neutral is.
    """
    n = len(node_index)
    first_switch_factor = 2 * len(feeder.regulators) + len(feeder.capacitors)
    joined = _joined(feeder, node_index)
    n_zones, zone = _components(n, joined)
    between = [
        (first_switch_factor + k, *ends)
        for k, switch in enumerate(feeder.switches.values())
        for ends in zip(
            columns_of(node_index, switch.from_), columns_of(node_index, switch.to), strict=True
        )
        if max(ends) != GROUND
    ]
    of_phase = [int(name.rpartition(".")[2]) < FIRST_NEUTRAL for name in node_index]
    neutral = np.ones(n_zones, dtype=np.bool_)
    neutral[zone[of_phase]] = False
    alive = np.zeros(n_zones + 1)
    alive[zone[source_nodes]] = alive[n_zones] = 1.0
    for k in _earthed(feeder, node_index):
        if neutral[zone[k]]:
            alive[zone[k]] = 1.0
    neutral = np.append(neutral, True)  # ground, the last zone
    zone = np.append(zone, n_zones)
    edges = [
        (factor, zone[one], zone[other])
        for factor, *ends in between
        for one, other in (ends, ends[::-1])
        if other != GROUND and (neutral[zone[other]] or not neutral[zone[one]])
    ]
    factor, from_, to = np.array(edges, dtype=np.int32).reshape(-1, 3).T
    return linear_kernels.Zones(
        of=zone[elimination.order].astype(np.int32),
        alive=alive,
        edge_factor=factor.copy(),
        edge_from=from_.copy(),
        edge_to=to.copy(),
    )
