"""The power flow linearised at its solution, row by row: see `sensitivity`.

A complex equation ``A x + B conj(x) = b`` is the real one

    [Re(A + B)  Im(B - A)] [Re x]   [Re b]
    [Im(A + B)  Re(A - B)] [Im x] = [Im b]

the two rows and columns of a node beside each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array, csr_array
from scipy.sparse.linalg import splu

from grid_fed_rl.powerflow import answers
from grid_fed_rl.powerflow.batched import injections_pu
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.measures.floating import LAST_DIGITS, potentials
from grid_fed_rl.powerflow.measures.rows import row_factors
from grid_fed_rl.powerflow.network import S_BASE_KVA, Network

__all__ = ["Derivatives", "Inputs", "linearised"]

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Index = NDArray[np.int64]


class Inputs(NamedTuple):
    """Injections that are moved: each by its element or by its node, the other -1."""

    element: Index  # (input,) column of the injections
    node: Index  # (input,)


@dataclass(frozen=True)
class Derivatives:
    """(batch, node or conductor, input), inputs p, q and taps one after the other."""

    v_pu: Complex
    v_magnitude_pu: Real
    current_a: Complex
    current_magnitude_a: Real


def linearised(
    network: Network,
    flow: PowerFlow,
    p: Inputs,
    q: Inputs,
    taps: Sequence[int],
    conductors: Sequence[int],
) -> Derivatives:
    """Derivatives of voltages, and of the currents of some conductors, by all inputs."""
    system = _System(network, flow, p, q, taps, conductors)
    rows, n_inputs = len(flow.v_pu), len(p.node) + len(q.node) + len(taps)
    v_pu = np.full((rows, network.n_nodes, n_inputs), np.nan + 0j)
    current_a = np.full((rows, len(conductors), n_inputs), np.nan + 0j)
    at_a = np.full((rows, len(conductors)), np.nan + 0j)
    for row in np.flatnonzero(flow.converged).tolist():
        v_pu[row], current_a[row], at_a[row] = system.solve(row)
    return Derivatives(v_pu, _magnitude(flow.v_pu, v_pu), current_a, _magnitude(at_a, current_a))


def _magnitude(at: Complex, derivative: Complex) -> Real:
    """Derivative of the magnitude; away from zero where the quantity itself is zero."""
    size = np.abs(at)
    unit = at / np.where(size > 0.0, size, 1.0)
    along = (unit.conj()[..., None] * derivative).real
    return np.where(size[..., None] == 0.0, np.abs(derivative), along)


@dataclass(frozen=True)
class _Legs:
    """Legs of loads and DER, and what they inject at every row's voltage.

    Laws and derivatives of a leg with a dead end are 0: its circuit is open.
    """

    start: Index  # (leg,) node; the last is ground
    stop: Index
    element: Index
    u: Complex  # (batch, leg)
    g: Real  # (batch, leg, 2)
    direct: Complex  # (batch, leg) di/du
    turned: Complex  # (batch, leg) di/dconj(u)


class _Added:
    """Entries (i, j) of A and B, to be added up."""

    def __init__(self) -> None:
        self._places: list[Index] = []  # each (2, entry)
        self._values: list[Complex] = []  # each (2, entry)

    def add(self, i: Index, j: Index, a: Complex, b: Complex | float = 0.0) -> None:
        self._places.append(np.stack([i, j]))
        self._values.append(np.stack([a, np.broadcast_to(b, a.shape)]))

    def real(self, solved: NDArray[np.bool_]) -> csc_array:
        """The real system of the nodes that are solved."""
        i, j = np.concatenate(self._places, axis=1)
        a, b = np.concatenate(self._values, axis=1)
        place = np.cumsum(solved) - 1
        kept = solved[i] & solved[j]
        i, j = 2 * place[i[kept]], 2 * place[j[kept]]
        plus, minus = (a + b)[kept], (a - b)[kept]
        values = np.concatenate([plus.real, -minus.imag, plus.imag, minus.real])
        rows, columns = np.concatenate([i, i, i + 1, i + 1]), np.concatenate([j, j + 1, j, j + 1])
        order = 2 * int(solved.sum())
        return coo_array((values, (rows, columns)), shape=(order, order)).tocsc()


class _System:
    """What all rows share, and how one row is solved."""

    def __init__(
        self,
        network: Network,
        flow: PowerFlow,
        p: Inputs,
        q: Inputs,
        taps: Sequence[int],
        conductors: Sequence[int],
    ) -> None:
        table, n, converged = network.branches, network.n_nodes, flow.converged[:, None]
        self.p, self.q, self.taps = p, q, list(taps)
        self.factors = row_factors(network, flow)
        v_pu = np.where(converged, flow.v_pu, 0.0)
        floating = np.where(converged, potentials(network, flow, self.factors), 0.0)
        ground = np.zeros((len(v_pu), 1))
        self.v = np.hstack([floating, ground])
        self.is_live = np.hstack([v_pu, ground]) != 0.0
        self.slopes = _tap_slopes(network, flow, self.factors.shape[1])
        self.node = table.node.astype(np.int64)
        self.to_pu = np.append(network.v_base_v, 0.0)[self.node] / (S_BASE_KVA * 1000.0)
        self.source = network.source_nodes, network.source_admittance_pu
        self.legs = _legs(network, flow, v_pu)
        self.terms = table.terms
        self.place = np.full(len(self.node), -1)  # of a conductor among those watched
        self.place[list(conductors)] = np.arange(len(conductors))
        self.watched = self.terms.only(self.place[self.terms.conductor] >= 0)
        self.shape_watched = (len(conductors), n + 1)

    def solve(self, row: int) -> tuple[Complex, Complex, Complex]:
        """Derivatives of all voltages and watched currents, and these currents."""
        b, by_taps_a = self._right_hand_side(row)
        solved = self.v[row] != 0.0  # the live nodes, and those that float beside them
        known = np.stack([b[solved].real, b[solved].imag], axis=1)
        factors = splu(self._matrix(row, solved))
        x = factors.solve(known.reshape(2 * len(known), -1)).reshape(known.shape)
        dv = np.zeros_like(b)
        dv[solved] = x[:, 0] + 1j * x[:, 1]
        currents = self._currents(row)
        by_inputs_a = currents @ dv + by_taps_a
        dv[~self.is_live[row]] = 0.0
        return dv[:-1], by_inputs_a, currents @ self.v[row]

    def _matrix(self, row: int, solved: NDArray[np.bool_]) -> csc_array:
        t, legs, entries = self.terms, self.legs, _Added()
        y = t.y_a * self.factors[row, t.factor] * self.to_pu[t.conductor]
        entries.add(t.node, t.start, y)
        entries.add(t.node, t.stop, -y)
        floats = np.flatnonzero(solved & ~self.is_live[row])
        beside = np.bincount(t.node, np.abs(y), len(solved))[floats]
        entries.add(floats, floats, (LAST_DIGITS * beside).astype(np.complex128))
        nodes, y_source = self.source
        i, j = np.meshgrid(nodes, nodes, indexing="ij")
        entries.add(i.ravel(), j.ravel(), y_source.ravel())
        direct, turned = legs.direct[row], legs.turned[row]
        for i, j, sign in (
            (legs.start, legs.start, -1.0),
            (legs.start, legs.stop, 1.0),
            (legs.stop, legs.start, 1.0),
            (legs.stop, legs.stop, -1.0),
        ):
            entries.add(i, j, sign * direct, sign * turned)
        return entries.real(solved)

    def _currents(self, row: int) -> csr_array:
        """Currents of the watched conductors from voltages: (conductor, node and ground)."""
        t = self.watched
        y = t.y_a * self.factors[row, t.factor]
        rows, columns = np.tile(self.place[t.conductor], 2), np.concatenate([t.start, t.stop])
        values = np.concatenate([y, -y])
        return coo_array((values, (rows, columns)), shape=self.shape_watched).tocsr()

    def _right_hand_side(self, row: int) -> tuple[Complex, Complex]:
        """di/ds - dY/ds v by node, pu; and what taps do to watched currents, A."""
        n_p, n_q, n_taps = len(self.p.node), len(self.q.node), len(self.taps)
        n_watched, n_nodes = self.shape_watched
        b = np.zeros((n_nodes, n_p + n_q + n_taps), dtype=np.complex128)
        self._inject(b[:, :n_p], self.p, row, 0)
        self._inject(b[:, n_p : n_p + n_q], self.q, row, 1)
        watched = np.zeros((n_watched, n_p + n_q + n_taps), dtype=np.complex128)
        v, t = self.v[row], self.terms
        for column, k in enumerate(self.taps, start=n_p + n_q):
            slope = self.slopes[row, k]
            moved = t.only(slope[t.factor] != 0.0)
            drop = v[moved.start] - v[moved.stop]
            current_a = moved.y_a * slope[moved.factor] * drop
            into, place = moved.conductor, self.place[moved.conductor]
            np.subtract.at(b[:, column], self.node[into], current_a * self.to_pu[into])
            np.add.at(watched[:, column], place[place >= 0], current_a[place >= 0])
        return b, watched

    def _inject(self, b: Complex, inputs: Inputs, row: int, which: int) -> None:
        """Add the currents of one kilowatt (0) or one kilovar (1) of every input."""
        legs, unit = self.legs, (1.0, -1j)[which] / S_BASE_KVA
        column = np.flatnonzero(inputs.node >= 0)
        column = column[self.is_live[row, inputs.node[column]]]
        b[inputs.node[column], column] += unit / self.v[row, inputs.node[column]].conj()
        leg, column = np.nonzero(legs.element[:, None] == inputs.element)
        current = unit * legs.g[row, leg, which] * legs.u[row, leg]
        np.add.at(b, (legs.start[leg], column), current)
        np.subtract.at(b, (legs.stop[leg], column), current)


def _tap_slopes(network: Network, flow: PowerFlow, n_factors: int) -> Real:
    """Derivatives of the factors ``1/t`` and ``1/t^2`` by a step: (batch, regulator, factor)."""
    step = network.tap_step_pu
    tap = 1.0 + flow.setpoint.tap_position * step
    slopes = np.zeros((*tap.shape, n_factors))
    for k in range(len(step)):
        slopes[:, k, 1 + 2 * k] = -step[k] / tap[:, k] ** 2
        slopes[:, k, 2 + 2 * k] = -2.0 * step[k] / tap[:, k] ** 3
    return slopes


def _legs(network: Network, flow: PowerFlow, v_pu: Complex) -> _Legs:
    legs, at, rows = network.legs, network.leg_nodes, len(v_pu)
    g = np.empty((rows, len(legs.start), 2))
    slope = np.empty_like(g)
    answers.laws_at(legs, at, np.ascontiguousarray(v_pu), g, slope)
    nodes = np.append(at, network.n_nodes).astype(np.int64)
    start, stop = nodes[legs.start], nodes[legs.stop]
    v = np.hstack([v_pu, np.zeros((rows, 1))])
    u = (v[:, start] - v[:, stop]).astype(np.complex128, copy=False)
    closed = (v[:, start] != 0.0) & ((v[:, stop] != 0.0) | (stop == network.n_nodes))
    g *= closed[:, :, None]
    slope *= closed[:, :, None]
    size = np.abs(u)
    p, q = (power[:, legs.element] for power in injections_pu(flow.setpoint))
    h = p * g[:, :, 0] - 1j * q * g[:, :, 1]
    by_size = p * slope[:, :, 0] - 1j * q * slope[:, :, 1]
    turned = u**2 * by_size / np.where(size > 0.0, 2.0 * size, 1.0)
    direct = h + size * by_size / 2.0
    return _Legs(start, stop, legs.element.astype(np.int64), u, g, direct, turned)
