"""Potentials of dead conductors that live ones stand beside.

A node that open switches cut off is dead and reads 0 V in a `PowerFlow`. Where its
conductor shares a line with live ones (a one-phase switch open before a three-phase
line), it is no earth wire: it floats at the potential that capacitance and the
currents beside it induce. Loads and DER with a dead end are open circuits, so no
current leaves its nodes,

    Y_dd v_d = -Y_dl v_l

with d the dead nodes and l the live ones, `Y` at the row's own taps, steps and
switches. Islands that nothing couples to a live node stay at 0 V.
"""

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from grid_fed_rl.powerflow.branches import NodeTerms
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import S_BASE_KVA, Network

__all__ = ["LAST_DIGITS", "potentials"]

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]

# Share of the admittances at a floating node that is put to ground. Where nothing has
# a capacitance the potential is anybody's, and the matrix has an inverse all the same.
LAST_DIGITS = 4.0 * np.finfo(np.float64).eps

# Each from currents that are admittances times differences of potential, and so brings
# back what the sum of a closed switch and a capacitance has lost.
CORRECTIONS = 3


def potentials(network: Network, flow: PowerFlow, factors: Real) -> Complex:
    """Voltages of a power flow, dead conductors beside live ones floating: (batch, node).

    Rows without a dead node keep every bit, and so do rows that did not converge.

    Args:
        network: The compiled feeder.
        flow: Its power flow.
        factors: (batch, factor) as `row_factors` has them.
    """
    v_pu = np.ascontiguousarray(flow.v_pu)
    rows = _rows_with_dead_nodes(network, flow)
    if not len(rows):
        return v_pu
    terms, found = network.branches.terms, v_pu.copy()
    pattern = np.hstack([factors[rows] != 0.0, v_pu[rows] == 0.0])
    for alike in _alike(rows, pattern):
        dead, couples = v_pu[alike[0]] == 0.0, factors[alike[0], terms.factor] != 0.0
        floats = _floating(terms, couples & (terms.y_a != 0.0), dead)
        around = terms.only(np.isin(terms.node, floats))
        # Taps elsewhere do not matter: most rows have one matrix.
        for same in _alike(alike, factors[np.ix_(alike, np.unique(around.factor))]):
            y = around.admittance_pu(factors[same[0]], network.v_base_v, S_BASE_KVA)
            found[np.ix_(same, floats)] = _afloat(around, y, floats, v_pu[same])
    return found


def _alike(rows: Index, keys: NDArray[Any]) -> list[Index]:
    """Rows that have the same key, together."""
    groups = defaultdict[bytes, list[int]](list)
    for row, key in zip(rows.tolist(), keys, strict=True):
        groups[key.tobytes()].append(row)
    return [np.array(group) for group in groups.values()]


def _rows_with_dead_nodes(network: Network, flow: PowerFlow) -> Index:
    """Rows that converged with a zone cut off."""
    closed, converged = flow.setpoint.switch_closed, np.flatnonzero(flow.converged)
    if not closed.shape[1] or not len(converged):
        return np.empty(0, dtype=np.int64)
    first = converged[0]
    if (closed == closed[first]).all() and (flow.v_pu[first] != 0.0).all():
        return np.empty(0, dtype=np.int64)  # nothing is dead in any row: the quick answer
    zones = network.zones
    speaker = np.full(len(zones.alive), -1)  # one node speaks for its zone
    speaker[zones.of] = network.elimination.order
    asked = speaker[(zones.alive == 0.0) & (speaker >= 0)]
    return converged[(flow.v_pu[np.ix_(converged, asked)] == 0.0).any(axis=1)]


def _floating(terms: NodeTerms, couples: Mask, dead: Mask) -> Index:
    """Those of the dead nodes that hang together with one that a live node is coupled to.

    Args:
        terms: Of all branches.
        couples: (term,) that have an admittance in the row.
        dead: (node,).
    """
    n = len(dead)
    i, j = np.tile(terms.node, 2), np.concatenate([terms.start, terms.stop])
    coupled = np.tile(couples, 2) & (i < n) & (j < n)
    i, j = i[coupled], j[coupled]
    beside = i[dead[i] & ~dead[j]]
    if not len(beside):
        return beside
    both = dead[i] & dead[j]
    graph = coo_array((np.ones(both.sum()), (i[both], j[both])), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    return np.flatnonzero(dead & np.isin(part, part[beside]))


def _afloat(around: NodeTerms, y: Complex, floats: Index, v: Complex) -> Complex:
    """Potentials at which no current leaves any floating node: (row, floating node).

    Args:
        around: The terms of currents that leave floating nodes.
        y: (term,) their admittances, the same in all rows.
        floats: (floating node,) column of each.
        v: (row, node) voltages.
    """
    n, m, start, stop = v.shape[1], len(floats), around.start, around.stop
    if not m:
        return v[:, floats]
    place = np.full(n + 1, -1)
    place[floats] = np.arange(m)
    at = place[around.node]
    i = np.concatenate([at, at, np.arange(m)])
    j = np.concatenate([place[start], place[stop], np.arange(m)])
    value = np.concatenate([y, -y, LAST_DIGITS * np.bincount(at, np.abs(y), m)])
    within = j >= 0
    matrix = coo_array((value[within], (i[within], j[within])), shape=(m, m))
    factors = splu(matrix.tocsc())
    leaving = coo_array((np.ones(len(at)), (at, np.arange(len(at)))), shape=(m, len(at))).tocsr()
    v = np.hstack([v, np.zeros((len(v), 1), dtype=np.complex128)])  # ground is the last
    for _ in range(CORRECTIONS):
        lacking = -(leaving @ (y * (v[:, start] - v[:, stop])).T).T
        # One row at a time: the digits of a row do not depend on its neighbours.
        v[:, floats] += [factors.solve(np.ascontiguousarray(row)) for row in lacking]
    return v[:, floats]
