"""Nodal admittance: the elements' primitives, stamped where their conductors land.

What varies from row to row scales some of the stamps. A row's factors are
``1/t`` and ``1/t^2`` of each regulator in turn, then the share of each capacitor's
steps that is closed, then 0 or 1 of each switch, and the admittance is affine in
them: ``Y = base + sum(value * factor)``.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from grid_fed_rl.feeders import Feeder, Terminal
from grid_fed_rl.powerflow import kernels, primitives
from grid_fed_rl.powerflow.ordering import Schedule

__all__ = ["GROUND", "S_BASE_KVA", "Stamps", "columns_of", "nodal_admittance", "stamp"]

S_BASE_KVA = 1000.0
GROUND = -1  # column of node 0 of every bus

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


def columns_of(node_index: Mapping[str, int], terminal: Terminal) -> list[int]:
    """Columns of a terminal's conductors, in their order; `GROUND` for node 0."""
    return [node_index[f"{terminal.bus}.{k}"] if k else GROUND for k in terminal.phases]


class Stamps:
    """Element admittances by node pair and by factor, and what they leak to ground."""

    def __init__(self, v_base_v: Real) -> None:
        self._v_base_v = v_base_v
        self._base: dict[tuple[int, int], complex] = defaultdict(complex)
        self._terms: dict[tuple[int, int, int], complex] = defaultdict(complex)
        self._ground_g = np.zeros(len(v_base_v))

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """Node pairs i < j that some element couples."""
        return {(i, j) for i, j, *_ in (*self._base, *self._terms) if i != j}

    def add(self, nodes: Sequence[int], y: Complex, factor: int | None = None) -> None:
        """Add a symmetric primitive matrix in siemens, scaled by a factor."""
        live = [k for k, node in enumerate(nodes) if node != GROUND]
        if len(live) < len(nodes):
            nodes, y = [nodes[k] for k in live], y[np.ix_(live, live)]
        scale = self._v_base_v[list(nodes)]
        y_pu = y * np.outer(scale, scale) / (S_BASE_KVA * 1000.0)
        for a, i in enumerate(nodes):
            for b, j in enumerate(nodes):
                # An element with two conductors on one node meets it twice.
                if i <= j and y_pu[a, b] != 0:
                    if factor is None:
                        self._base[i, j] += y_pu[a, b]
                    else:
                        self._terms[i, j, factor] += y_pu[a, b]
        if factor is None:
            # Element by element: the sum over a node's elements would round away
            # what is small beside a closed switch.
            np.add.at(self._ground_g, list(nodes), y_pu.real.sum(axis=1))

    def numbers(
        self, schedule: Schedule, source_nodes: Sequence[int], y_source_pu: Complex
    ) -> tuple[kernels.Matrix, Real]:
        """Return the matrix on its schedule, and the conductances of `kernels.branch_losses`."""
        base = np.zeros(schedule.n_entries, dtype=np.complex128)
        for (i, j), y in self._base.items():
            base[schedule.entry(i, j)] += y
        branch_g = base.real.copy()
        branch_g[schedule.position] = self._ground_g
        for a, i in enumerate(source_nodes):
            for b, j in enumerate(source_nodes):
                if i <= j:
                    base[schedule.entry(i, j)] += y_source_pu[a, b]
        entry = [schedule.entry(i, j) for i, j, _ in self._terms]
        factor = [f for _, _, f in self._terms]
        value = np.array(list(self._terms.values()), dtype=np.complex128)
        matrix = kernels.Matrix(
            base_re=base.real.copy(),
            base_im=base.imag.copy(),
            term_entry=np.array(entry, dtype=np.int32),
            term_factor=np.array(factor, dtype=np.int32),
            term_re=value.real.copy(),
            term_im=value.imag.copy(),
        )
        return matrix, branch_g


def stamp(feeder: Feeder, node_index: Mapping[str, int], v_base_v: Real) -> Stamps:
    """Stamp every element but the source."""
    stamps = Stamps(v_base_v)
    for line in feeder.lines.values():
        nodes = [*columns_of(node_index, line.from_), *columns_of(node_index, line.to)]
        code = feeder.line_codes[line.code]
        stamps.add(nodes, primitives.line_admittance(line, code, feeder.frequency_hz))
    _stamp_transformers(feeder, node_index, stamps)
    first = 2 * len(feeder.regulators)
    for k, capacitor in enumerate(feeder.capacitors.values()):
        nodes = columns_of(node_index, capacitor.terminal)
        stamps.add(nodes, primitives.capacitor_admittance(capacitor), factor=first + k)
    first += len(feeder.capacitors)
    for k, switch in enumerate(feeder.switches.values()):
        nodes = [*columns_of(node_index, switch.from_), *columns_of(node_index, switch.to)]
        code = feeder.line_codes[switch.code]
        y = primitives.line_admittance(switch, code, feeder.frequency_hz)
        stamps.add(nodes, y, factor=first + k)
    return stamps


def _stamp_transformers(feeder: Feeder, node_index: Mapping[str, int], stamps: Stamps) -> None:
    moved_by = {r.transformer: k for k, r in enumerate(feeder.regulators.values())}
    for transformer in feeder.transformers.values():
        nodes = [n for w in transformer.windings for n in columns_of(node_index, w.terminal)]
        if transformer.name not in moved_by:
            stamps.add(nodes, primitives.transformer_admittance(transformer))
            continue
        k = moved_by[transformer.name]
        neutral = (transformer.windings[0].tap_pu, 1.0)
        whole = primitives.transformer_admittance(transformer, neutral)
        # The anti-float susceptance does not move with the tap.
        ideal = replace(transformer, antifloat_ppm=0.0)
        y = primitives.transformer_admittance(ideal, neutral)
        n = len(transformer.windings[0].terminal.phases)
        crossing, second = np.zeros_like(y), np.zeros_like(y)
        crossing[:n, n:], crossing[n:, :n] = y[:n, n:], y[n:, :n]
        second[n:, n:] = y[n:, n:]
        stamps.add(nodes, whole - crossing - second)
        stamps.add(nodes, crossing, factor=2 * k)
        stamps.add(nodes, second, factor=2 * k + 1)


def nodal_admittance(schedule: Schedule, matrix: kernels.Matrix, factors: Real) -> csc_matrix:
    """(node, node) admittance of one row, nodes in their own order."""
    y = matrix.base_re + 1j * matrix.base_im
    np.add.at(
        y,
        matrix.term_entry,
        (matrix.term_re + 1j * matrix.term_im) * factors[matrix.term_factor],
    )
    n = schedule.n_nodes
    column = np.repeat(np.arange(n), np.diff(schedule.column))
    i, j = schedule.order[schedule.row], schedule.order[column]
    rows, columns = np.concatenate([schedule.order, i, j]), np.concatenate([schedule.order, j, i])
    return csc_matrix((np.concatenate([y, y[n:]]), (rows, columns)), shape=(n, n))
