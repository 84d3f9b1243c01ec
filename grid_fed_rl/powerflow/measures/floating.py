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
    alike = defaultdict[bytes, list[int]](list)
    for row in rows.tolist():
        alike[factors[row].tobytes() + (v_pu[row] == 0.0).tobytes()].append(row)
    terms, found = network.branches.terms, v_pu.copy()
    for group in alike.values():
        y = terms.admittance_pu(factors[group[0]], network.v_base_v, S_BASE_KVA)
        floats = _floating(terms, y, v_pu[group[0]] == 0.0)
        if len(floats):
            found[np.array(group)[:, None], floats] = _afloat(terms, y, floats, v_pu[group])
    return found


def _rows_with_dead_nodes(network: Network, flow: PowerFlow) -> Index:
    """Rows that converged with a zone cut off; one node speaks for its zone."""
    zones = network.zones
    if not len(zones.edge_factor):
        return np.empty(0, dtype=np.int64)
    speaker = np.full(len(zones.alive), -1)
    speaker[zones.of] = network.elimination.order
    asked = speaker[(zones.alive == 0.0) & (speaker >= 0)]
    return np.flatnonzero((flow.v_pu[:, asked] == 0.0).any(axis=1) & flow.converged)


def _floating(terms: NodeTerms, y: Complex, dead: Mask) -> Index:
    """Those of the dead nodes that hang together with one that a live node is coupled to.

    Args:
        terms: Of all branches.
        y: (term,) their admittances in the row.
        dead: (node,).
    """
    n = len(dead)
    i, j = np.tile(terms.node, 2), np.concatenate([terms.start, terms.stop])
    coupled = np.tile(y != 0.0, 2) & (i < n) & (j < n)
    i, j = i[coupled], j[coupled]
    beside = i[dead[i] & ~dead[j]]
    if not len(beside):
        return beside
    both = dead[i] & dead[j]
    graph = coo_array((np.ones(both.sum()), (i[both], j[both])), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    return np.flatnonzero(dead & np.isin(part, part[beside]))


def _afloat(terms: NodeTerms, y: Complex, floats: Index, v: Complex) -> Complex:
    """Potentials at which no current leaves any floating node: (row, floating node).

    Args:
        terms: Of all branches.
        y: (term,) their admittances, the same in all rows.
        floats: (floating node,) column of each.
        v: (row, node) voltages.
    """
    n, m = v.shape[1], len(floats)
    place = np.full(n + 1, -1)
    place[floats] = np.arange(m)
    at = place[terms.node]
    kept = at >= 0
    at, y, start, stop = at[kept], y[kept], terms.start[kept], terms.stop[kept]
    i = np.concatenate([at, at, np.arange(m)])
    j = np.concatenate([place[start], place[stop], np.arange(m)])
    value = np.concatenate([y, -y, LAST_DIGITS * np.bincount(at, np.abs(y), m)])
    within = j >= 0
    matrix = coo_array((value[within], (i[within], j[within])), shape=(m, m)).tocsc()
    factors = splu(matrix)
    into = coo_array((np.ones(len(at)), (at, np.arange(len(at)))), shape=(m, len(at))).tocsr()
    v = np.hstack([v, np.zeros((len(v), 1), dtype=np.complex128)])  # ground is the last
    for _ in range(CORRECTIONS):
        lacking = -(into @ (y * (v[:, start] - v[:, stop])).T).T
        # One row at a time: the digits of a row do not depend on its neighbours.
        v[:, floats] += [factors.solve(np.ascontiguousarray(row)) for row in lacking]
    return v[:, floats]
