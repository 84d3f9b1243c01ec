"""Nodal admittance: the elements' primitives, stamped where their conductors land.

What varies from row to row scales some of the stamps. A row's factors are
``1/t`` and ``1/t^2`` of each regulator in turn, then the share of each capacitor's
steps that is closed, then 0 or 1 of each switch, and the admittance is affine in
them: ``Y = base + sum(value * factor)``.

A matrix is held by its entries off the diagonal and by the sums of its rows, of which
the diagonal is the difference. A branch adds nothing to a row's sum: what that holds is
what joins the node to ground, be it a millionth of what joins it to its neighbours. On
a diagonal it would be lost beneath them.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Feeder, Line, Switch, Terminal
from grid_fed_rl.powerflow import kernels, linear_kernels, primitives
from grid_fed_rl.powerflow.interior_kernels import factorise_interior
from grid_fed_rl.powerflow.ordering import Elimination

__all__ = ["GROUND", "S_BASE_KVA", "Stamps", "columns_of", "stamp"]

S_BASE_KVA = kernels.S_BASE_KVA
GROUND = -1  # column of node 0 of every bus

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Index = NDArray[np.int32]


def columns_of(node_index: Mapping[str, int], terminal: Terminal) -> list[int]:
    """Columns of a terminal's conductors, in their order; `GROUND` for node 0."""
    return [node_index[f"{terminal.bus}.{k}"] if k else GROUND for k in terminal.phases]


class Stamps:
    """Element admittances by node pair, fixed and by factor, in per unit.

    What stands at a pair (i, i) is the sum of row i. Of fixed sums the summands are kept,
    since those of a coil's end and of its anti-float differ as much.
    """

    def __init__(self, v_base_v: Real) -> None:
        self._v_base_v = v_base_v
        self._fixed: dict[tuple[int, int], complex] = defaultdict(complex)
        self._sums: dict[int, list[complex]] = defaultdict(list)
        self._scaled: dict[tuple[int, int, int], complex] = defaultdict(complex)

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """Node pairs i < j that some element couples."""
        return {(i, j) for i, j, *_ in (*self._fixed, *self._scaled) if i != j}

    def boundary(self, n: int) -> NDArray[np.bool_]:
        """(node,) where the matrix varies from row to row."""
        varies = np.zeros(n, dtype=np.bool_)
        varies[[k for i, j, _ in self._scaled for k in (i, j)]] = True
        return varies

    def add(self, nodes: Sequence[int], y: Complex, factor: int | None = None) -> None:
        """Add a symmetric primitive matrix in siemens, scaled by a factor.

        What an element has to ground is added apart from what it has between its
        ends, beside which it would be rounded.
        """
        live = [k for k, node in enumerate(nodes) if node != GROUND]
        if len(live) < len(nodes):
            nodes, y = [nodes[k] for k in live], y[np.ix_(live, live)]
        scale = self._v_base_v[list(nodes)]
        y_pu = (y * np.outer(scale, scale) / (S_BASE_KVA * 1000.0)).tolist()
        for i, row in zip(nodes, y_pu, strict=True):
            for j, value in zip(nodes, row, strict=True):
                if i < j:
                    self._add(i, j, value, factor)
            self._add(i, i, _sum(row), factor)

    def _add(self, i: int, j: int, value: complex, factor: int | None) -> None:
        if value == 0:
            return
        if factor is not None:
            self._scaled[i, j, factor] += value
        elif i < j:
            self._fixed[i, j] += value
        else:
            self._sums[i].append(value)

    def factorise(
        self, elimination: Elimination
    ) -> tuple[linear_kernels.Interior, linear_kernels.Boundary]:
        """Factorise what no row changes, and lay out the rest."""
        m, n = len(elimination.row), elimination.n_nodes
        entry = np.zeros(m, dtype=np.complex128)
        for (i, j), y in self._fixed.items():
            entry[elimination.entry(i, j)] += y
        sums, rest = np.zeros((2, n), dtype=np.complex128)
        for i, values in self._sums.items():
            k = elimination.position[i]
            sums[k] = row_sum = _sum(values)
            rest[k] = _sum([*values, -row_sum])
        factorise_interior(elimination, entry, sums, rest)
        n_interior = elimination.n_interior
        first, first_update = elimination.column[n_interior], elimination.update[n_interior]
        within = linear_kernels.Columns(
            0,
            elimination.column[: n_interior + 1],
            elimination.row[:first],
            elimination.width[:n_interior],
        )
        across = linear_kernels.Columns(
            n_interior,
            elimination.column[n_interior:] - first,
            elimination.row[first:],
            elimination.width[n_interior:],
        )
        interior = linear_kernels.Interior(
            columns=within,
            inverse_re=sums[:n_interior].real.copy(),
            inverse_im=sums[:n_interior].imag.copy(),
            factor_re=entry[:first].real.copy(),
            factor_im=entry[:first].imag.copy(),
        )
        # Numbered among themselves: entries off the diagonal, then the rows' sums.
        base = np.concatenate([entry[first:], sums[n_interior:]])
        terms = [elimination.entry(i, j) for i, j, _ in self._scaled]
        value = np.array(list(self._scaled.values()), dtype=np.complex128)
        boundary = linear_kernels.Boundary(
            columns=across,
            update=elimination.update[n_interior:] - first_update,
            left=elimination.left[first_update:] - first,
            right=_right(elimination, first),
            target=_local(elimination.target[first_update:], m, first, n_interior),
            base_re=base.real.copy(),
            base_im=base.imag.copy(),
            term_entry=_local(np.array(terms, dtype=np.int32), m, first, n_interior),
            term_factor=np.array([f for _, _, f in self._scaled], dtype=np.int32),
            term_re=value.real.copy(),
            term_im=value.imag.copy(),
        )
        return interior, boundary


def _sum(values: Sequence[complex]) -> complex:
    """Their sum, rounded once."""
    return complex(math.fsum(v.real for v in values), math.fsum(v.imag for v in values))


def _right(elimination: Elimination, first: int) -> Index:
    """What the updates of the boundary multiply with; for a row's sum, the pivot's sum."""
    n_interior, m = elimination.n_interior, len(elimination.row)
    updates = slice(elimination.update[n_interior], None)
    pivot = np.repeat(
        np.arange(elimination.n_nodes - n_interior), np.diff(elimination.update[n_interior:])
    )
    right, of_sum = elimination.right[updates] - first, elimination.target[updates] >= m
    return np.where(of_sum, m - first + pivot, right).astype(np.int32)


def _local(target: Index, m: int, first: int, n_interior: int) -> Index:
    """Numbers of the boundary's entries among themselves."""
    on_diagonal = target - m - n_interior + (m - first)
    return np.where(target < m, target - first, on_diagonal).astype(np.int32)


def stamp(feeder: Feeder, node_index: Mapping[str, int], v_base_v: Real) -> Stamps:
    """Stamp every element but the source."""
    stamps = Stamps(v_base_v)
    for line in feeder.lines.values():
        _stamp_section(feeder, node_index, stamps, line)
    for reactor in feeder.reactors.values():
        ends = [end for end in (reactor.from_, reactor.to) if end is not None]
        nodes = [k for end in ends for k in columns_of(node_index, end)]
        stamps.add(nodes, primitives.reactor_admittance(reactor))
    _stamp_transformers(feeder, node_index, stamps)
    first = 2 * len(feeder.regulators)
    for k, capacitor in enumerate(feeder.capacitors.values()):
        nodes = columns_of(node_index, capacitor.terminal)
        stamps.add(nodes, primitives.capacitor_admittance(capacitor), factor=first + k)
    first += len(feeder.capacitors)
    for k, switch in enumerate(feeder.switches.values()):
        _stamp_section(feeder, node_index, stamps, switch, factor=first + k)
    return stamps


def _stamp_section(
    feeder: Feeder,
    node_index: Mapping[str, int],
    stamps: Stamps,
    section: Line | Switch,
    factor: int | None = None,
) -> None:
    ends = [columns_of(node_index, end) for end in (section.from_, section.to)]
    code = feeder.line_codes[section.code]
    series, shunt = primitives.line_series_shunt(section, code, feeder.frequency_hz)
    stamps.add([*ends[0], *ends[1]], primitives.two_port(series, 0.0), factor)
    if shunt.any():
        for end in ends:
            stamps.add(end, shunt, factor)


def _stamp_transformers(feeder: Feeder, node_index: Mapping[str, int], stamps: Stamps) -> None:
    moved_by = {r.transformer: (k, r.winding) for k, r in enumerate(feeder.regulators.values())}
    for transformer in feeder.transformers.values():
        nodes = [n for w in transformer.windings for n in columns_of(node_index, w.terminal)]
        stamps.add(nodes, primitives.antifloat_admittance(transformer))
        coils = replace(transformer, antifloat_ppm=0.0)
        if transformer.name not in moved_by:
            stamps.add(nodes, primitives.transformer_admittance(coils))
            continue
        k, winding = moved_by[transformer.name]
        fixed, crossing, second = primitives.tap_parts(coils, winding)
        stamps.add(nodes, fixed)
        stamps.add(nodes, crossing, factor=2 * k)
        stamps.add(nodes, second, factor=2 * k + 1)
