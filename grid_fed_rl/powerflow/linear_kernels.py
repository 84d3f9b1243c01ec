"""Compiled kernels of the admittance matrix: its factors, and what they solve.

Values live as ``[index, lane]``, or of one row as ``[index]``: see `lanes`. The
interior's factors are numbers of the network; the boundary, where rows differ, is
assembled and factorised row by row, its open switches earthing what they cut off.
Real and imaginary parts are separate arrays.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.lanes import COMPILED, Lanes, by_lane, fused, load, store

__all__ = [
    "Boundary",
    "Columns",
    "Interior",
    "Zones",
    "assemble",
    "backward",
    "factorise",
    "revive",
    "substitute",
]

Real = NDArray[np.float64]
Index = NDArray[np.int32]

# Admittance to ground of a dead node, per unit: enough for a matrix with an island in
# it to have an inverse, and so little that a dead conductor beside live ones floats.
EARTHED = 1e-9


class Columns(NamedTuple):
    """Some columns of L, one after the other: places of entries, and panels."""

    first: int  # position of the first of them
    column: Index  # (k + 1,) where the entries of a column begin
    row: Index  # (entry,) position of the row of each entry
    width: Index  # (k,) columns of the panel that begins here; 0 inside a panel


class Interior(NamedTuple):
    """Factors of the columns that are the same in every row."""

    columns: Columns
    inverse_re: Real  # (k,) 1 / D
    inverse_im: Real
    factor_re: Real  # (entry,) L
    factor_im: Real


class Boundary(NamedTuple):
    """The columns that differ from row to row, and what they are made of.

    Its entries are numbered off the diagonal first, then the sums of the rows. Before
    it is factorised an entry is ``base + the sum over its terms of value * factor``.
    """

    columns: Columns
    update: Index  # (b + 1,) where the updates made by a column begin
    left: Index  # (updates,) entry that is scaled by the pivot
    right: Index  # (updates,) entry it is multiplied with
    target: Index  # (updates,) entry that the product is subtracted from
    base_re: Real  # (entry,) with what the elimination of the interior left
    base_im: Real
    term_entry: Index  # (term,) entry a term adds to
    term_factor: Index  # (term,) which of the row's factors scales it
    term_re: Real  # (term,)
    term_im: Real


class Zones(NamedTuple):
    """Parts of the network that no switch divides, and the switches between them."""

    of: Index  # (node,) zone at each position of the elimination
    alive: Real  # (zone,) 1 where it holds the source, otherwise 0
    edge_factor: Index  # (edge,) which of the row's factors is the switch's state
    edge_from: Index  # (edge,) zone at one end of a conductor of the switch
    edge_to: Index  # (edge,) zone at the other, live if the first is


@njit(**COMPILED)
def revive(zones: Zones, factor: Real, alive: Real) -> bool:
    """Which zones a closed path joins to the source, lane by lane; return whether all."""
    closed, live = by_lane(factor), by_lane(alive)
    for z in range(live.shape[0]):
        live[z] = zones.alive[z]
    spreads = True
    while spreads:
        spreads = False
        for e in range(zones.edge_factor.shape[0]):
            f, a, b = zones.edge_factor[e], zones.edge_from[e], zones.edge_to[e]
            for lane in range(live.shape[1]):
                if closed[f, lane] != 0.0 and live[a, lane] > live[b, lane]:
                    live[b, lane] = 1.0
                    spreads = True
    return bool(live.min() == 1.0)


@njit(**COMPILED)
def assemble(
    boundary: Boundary,
    zones: Zones,
    factor: Real,
    alive: Real,
    y_re: Real,
    y_im: Real,
) -> None:
    """Admittances of the boundary; dead nodes are earthed."""
    for e in range(y_re.shape[0]):
        store(y_re, e, boundary.base_re[e])
        store(y_im, e, boundary.base_im[e])
    for t in range(boundary.term_entry.shape[0]):
        e, scale = boundary.term_entry[t], load(factor, boundary.term_factor[t])
        store(y_re, e, fused(boundary.term_re[t], scale, load(y_re, e)))
        store(y_im, e, fused(boundary.term_im[t], scale, load(y_im, e)))
    first = boundary.columns.row.shape[0]
    for k in range(boundary.columns.width.shape[0]):
        dead = 1.0 - load(alive, zones.of[boundary.columns.first + k])
        store(y_re, first + k, fused(EARTHED, dead, load(y_re, first + k)))


@njit(**COMPILED)
def factorise(boundary: Boundary, y_re: Real, y_im: Real, u_re: Real, u_im: Real) -> None:
    """LDL^T of the boundary in place: the rows' sums become 1/D, the rest L.

    A pivot is what is left of its row's sum less the entries beside it, and sums are
    eliminated like a further column. So a closed switch of 6e7 per unit does not round
    away what stands beyond it (W. K. Grassmann, M. I. Taksar and D. P. Heyman,
    "Regenerative analysis and steady state distributions for Markov chains",
    Operations Research 33(5), 1985, doi:10.1287/opre.33.5.1107).
    """
    column, update = boundary.columns.column, boundary.update
    left, right, target = boundary.left, boundary.right, boundary.target
    m = boundary.columns.row.shape[0]
    for k in range(column.shape[0] - 1):
        re, im = load(y_re, m + k), load(y_im, m + k)
        first = column[k]
        for e in range(first, column[k + 1]):
            re, im = re - load(y_re, e), im - load(y_im, e)
        scale = 1.0 / fused(re, re, im * im)
        d_re, d_im = re * scale, -im * scale
        for e in range(first, column[k + 1]):
            re, im = load(y_re, e), load(y_im, e)
            store(u_re, e - first, fused(re, d_re, -im * d_im))
            store(u_im, e - first, fused(re, d_im, im * d_re))
        for t in range(update[k], update[k + 1]):
            a, b, c = left[t] - first, right[t], target[t]
            a_re, a_im = load(u_re, a), load(u_im, a)
            b_re, b_im = load(y_re, b), load(y_im, b)
            store(y_re, c, fused(a_im, b_im, fused(-a_re, b_re, load(y_re, c))))
            store(y_im, c, fused(-a_im, b_re, fused(-a_re, b_im, load(y_im, c))))
        for e in range(first, column[k + 1]):
            store(y_re, e, load(u_re, e - first))
            store(y_im, e, load(u_im, e - first))
        store(y_re, m + k, d_re)
        store(y_im, m + k, d_im)


@njit(**COMPILED)
def _less(
    re: Lanes, im: Lanes, a_re: Lanes, a_im: Lanes, b_re: Lanes, b_im: Lanes
) -> tuple[Lanes, Lanes]:
    """A complex value less the product of two others."""
    return (
        fused(a_im, b_im, fused(-a_re, b_re, re)),
        fused(-a_im, b_re, fused(-a_re, b_im, im)),
    )


@njit(**COMPILED)
def _forward(columns: Columns, l_re: Real, l_im: Real, begin: int, x_re: Real, x_im: Real) -> None:
    """Forward substitution from column `begin` on, a panel at a time.

    `l_re` and `l_im` are (entry,) where all rows have the same factors, and
    (entry, lane) where they differ.
    """
    column, row, at = columns.column, columns.row, columns.first
    k = begin
    while k < columns.width.shape[0]:
        width = columns.width[k]
        a = column[k]
        p_re, p_im = load(x_re, at + k), load(x_im, at + k)
        if width == 1:
            for e in range(a, column[k + 1]):
                i = row[e]
                re, im = load(x_re, i), load(x_im, i)
                re, im = _less(re, im, load(l_re, e), load(l_im, e), p_re, p_im)
                store(x_re, i, re)
                store(x_im, i, im)
        elif width == 2:
            b = column[k + 1]
            q_re, q_im = load(x_re, at + k + 1), load(x_im, at + k + 1)
            q_re, q_im = _less(q_re, q_im, load(l_re, a), load(l_im, a), p_re, p_im)
            store(x_re, at + k + 1, q_re)
            store(x_im, at + k + 1, q_im)
            for e in range(column[k + 2] - b):
                i = row[b + e]
                re, im = load(x_re, i), load(x_im, i)
                re, im = _less(re, im, load(l_re, a + 1 + e), load(l_im, a + 1 + e), p_re, p_im)
                re, im = _less(re, im, load(l_re, b + e), load(l_im, b + e), q_re, q_im)
                store(x_re, i, re)
                store(x_im, i, im)
        else:
            b, c = column[k + 1], column[k + 2]
            q_re, q_im = load(x_re, at + k + 1), load(x_im, at + k + 1)
            q_re, q_im = _less(q_re, q_im, load(l_re, a), load(l_im, a), p_re, p_im)
            store(x_re, at + k + 1, q_re)
            store(x_im, at + k + 1, q_im)
            r_re, r_im = load(x_re, at + k + 2), load(x_im, at + k + 2)
            r_re, r_im = _less(r_re, r_im, load(l_re, a + 1), load(l_im, a + 1), p_re, p_im)
            r_re, r_im = _less(r_re, r_im, load(l_re, b), load(l_im, b), q_re, q_im)
            store(x_re, at + k + 2, r_re)
            store(x_im, at + k + 2, r_im)
            for e in range(column[k + 3] - c):
                i = row[c + e]
                re, im = load(x_re, i), load(x_im, i)
                re, im = _less(re, im, load(l_re, a + 2 + e), load(l_im, a + 2 + e), p_re, p_im)
                re, im = _less(re, im, load(l_re, b + 1 + e), load(l_im, b + 1 + e), q_re, q_im)
                re, im = _less(re, im, load(l_re, c + e), load(l_im, c + e), r_re, r_im)
                store(x_re, i, re)
                store(x_im, i, im)
        k += width


@njit(**COMPILED)
def _over_pivot(
    d_re: Real, d_im: Real, j: int, x_re: Real, x_im: Real, k: int
) -> tuple[Lanes, Lanes]:
    """x[k] times the inverse of its pivot."""
    re, im, a_re, a_im = load(x_re, k), load(x_im, k), load(d_re, j), load(d_im, j)
    return fused(re, a_re, -im * a_im), fused(re, a_im, im * a_re)


@njit(**COMPILED)
def backward(
    columns: Columns,
    l_re: Real,
    l_im: Real,
    d_re: Real,
    d_im: Real,
    d_first: int,
    begin: int,
    end: int,
    x_re: Real,
    x_im: Real,
) -> None:
    """Backward substitution from column `end` - 1 down to `begin`, a panel at a time.

    `begin` and `end` must not divide a panel. `l_re` and `l_im` are as in forward
    substitution, and so are the inverse pivots, which begin at `d_first`.
    """
    column, row, at = columns.column, columns.row, columns.first
    k = end
    while k > begin:
        k -= 1
        while columns.width[k] == 0:
            k -= 1
        width = columns.width[k]
        a = column[k]
        p_re, p_im = _over_pivot(d_re, d_im, d_first + k, x_re, x_im, at + k)
        if width == 1:
            for e in range(a, column[k + 1]):
                i_re, i_im = load(x_re, row[e]), load(x_im, row[e])
                p_re, p_im = _less(p_re, p_im, load(l_re, e), load(l_im, e), i_re, i_im)
        elif width == 2:
            b = column[k + 1]
            q_re, q_im = _over_pivot(d_re, d_im, d_first + k + 1, x_re, x_im, at + k + 1)
            for e in range(column[k + 2] - b):
                i_re, i_im = load(x_re, row[b + e]), load(x_im, row[b + e])
                f = a + 1 + e
                p_re, p_im = _less(p_re, p_im, load(l_re, f), load(l_im, f), i_re, i_im)
                f = b + e
                q_re, q_im = _less(q_re, q_im, load(l_re, f), load(l_im, f), i_re, i_im)
            p_re, p_im = _less(p_re, p_im, load(l_re, a), load(l_im, a), q_re, q_im)
            store(x_re, at + k + 1, q_re)
            store(x_im, at + k + 1, q_im)
        else:
            b, c = column[k + 1], column[k + 2]
            q_re, q_im = _over_pivot(d_re, d_im, d_first + k + 1, x_re, x_im, at + k + 1)
            r_re, r_im = _over_pivot(d_re, d_im, d_first + k + 2, x_re, x_im, at + k + 2)
            for e in range(column[k + 3] - c):
                i_re, i_im = load(x_re, row[c + e]), load(x_im, row[c + e])
                f = a + 2 + e
                p_re, p_im = _less(p_re, p_im, load(l_re, f), load(l_im, f), i_re, i_im)
                f = b + 1 + e
                q_re, q_im = _less(q_re, q_im, load(l_re, f), load(l_im, f), i_re, i_im)
                f = c + e
                r_re, r_im = _less(r_re, r_im, load(l_re, f), load(l_im, f), i_re, i_im)
            q_re, q_im = _less(q_re, q_im, load(l_re, b), load(l_im, b), r_re, r_im)
            p_re, p_im = _less(p_re, p_im, load(l_re, a + 1), load(l_im, a + 1), r_re, r_im)
            p_re, p_im = _less(p_re, p_im, load(l_re, a), load(l_im, a), q_re, q_im)
            store(x_re, at + k + 1, q_re)
            store(x_im, at + k + 1, q_im)
            store(x_re, at + k + 2, r_re)
            store(x_im, at + k + 2, r_im)
        store(x_re, at + k, p_re)
        store(x_im, at + k, p_im)


@njit(**COMPILED)
def substitute(
    interior: Interior,
    boundary: Boundary,
    first: int,
    y_re: Real,
    y_im: Real,
    x_re: Real,
    x_im: Real,
) -> None:
    """Solve in place, leaving out the positions before `first`."""
    within, across = interior.columns, boundary.columns
    f_re, f_im = interior.factor_re, interior.factor_im
    _forward(within, f_re, f_im, first, x_re, x_im)
    _forward(across, y_re, y_im, 0, x_re, x_im)
    m, n = across.row.shape[0], across.width.shape[0]
    backward(across, y_re, y_im, y_re, y_im, m, 0, n, x_re, x_im)
    d_re, d_im = interior.inverse_re, interior.inverse_im
    backward(within, f_re, f_im, d_re, d_im, 0, first, within.width.shape[0], x_re, x_im)
