"""The compiled kernels and nothing else.

Values live as ``[index, lane]``: see `lanes`. Blocks of `LANES` rows share the
elimination of `ordering` and the factors of its interior; only the boundary, where
rows differ, is assembled and factorised row by row. Real and imaginary parts are
separate arrays. The kernels release the interpreter lock; `batched` spreads blocks
over threads. A lane that has met the tolerance is frozen, so a row's answer does
not depend on its neighbours.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.answers import Legs, inject
from grid_fed_rl.powerflow.lanes import COMPILED, LANES, fused, load, splat, store, where
from grid_fed_rl.powerflow.ordering import Elimination

__all__ = [
    "S_BASE_KVA",
    "Boundary",
    "Interior",
    "Rows",
    "Sites",
    "Steps",
    "Zones",
    "apply_inverse",
    "factorise_interior",
    "first_fault",
    "solve_rows",
]

Real = NDArray[np.float64]
Index = NDArray[np.int32]
Complex = NDArray[np.complex128]
Status = NDArray[np.int8]

CONVERGED, NOT_CONVERGED, DIVERGED = 0, 1, 2

S_BASE_KVA = 1000.0

# Admittance to ground that holds a dead node at 0 V, per unit. No current flows
# into it but what a load between a dead phase and a live one drives.
EARTHED = 1e12

# Iterations a step looks back on, and the share of their inner products by which the
# least squares are kept from dividing by nothing.
DEPTH = 3
RIDGE = 1e-12


class Interior(NamedTuple):
    """Factors of the columns that are the same in every row."""

    column: Index  # (k + 1,) where the entries of a column begin
    row: Index  # (entry,) position of the row of each entry
    inverse_re: Real  # (k,) 1 / D
    inverse_im: Real
    factor_re: Real  # (entry,) L
    factor_im: Real


class Boundary(NamedTuple):
    """The columns that differ from row to row, and what they are made of.

    Its entries are numbered off the diagonal first, then on it. Before it is
    factorised an entry is ``base + the sum over its terms of value * factor``.
    """

    column: Index  # (b + 1,) where the entries of a column begin
    row: Index  # (entry,) position of the row of each entry off the diagonal
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
    edge_to: Index  # (edge,) zone at the other


class Sites(NamedTuple):
    """Where current enters: the source, and the nodes that loads and DER stand on."""

    position: Index  # (site,) position of each node with loads or DER
    source: Index  # (3,) positions of the source
    source_re: Real  # (3,) its Norton current
    source_im: Real


class Past(NamedTuple):
    """What the last iterations did, by site: moves f of v to g, and their changes."""

    f_re: Real  # (site, lane)
    f_im: Real
    g_re: Real
    g_im: Real
    df_re: Real  # (DEPTH * site, lane) change of f, a step after the other
    df_im: Real
    dg_re: Real
    dg_im: Real
    gram: Real  # (DEPTH * DEPTH, lane) inner products of the changes of f
    to: Real  # (DEPTH, lane) inner products of the changes of f with f


class Rows(NamedTuple):
    """What varies from row to row: the arrays of `Setpoint`."""

    tap_position: Index  # (row, regulator)
    capacitor_step: Index  # (row, capacitor)
    switch_closed: NDArray[np.bool_]  # (row, switch)
    load_kw: Real  # (row, load)
    load_kvar: Real
    der_kw: Real  # (row, der)
    der_kvar: Real


class Steps(NamedTuple):
    """How far a position or step reaches."""

    tap_step_pu: Real  # (regulator,)
    tap_lowest: Index
    tap_highest: Index
    capacitor_steps: Index  # (capacitor,)


@njit(**COMPILED)
def first_fault(rows: Rows, steps: Steps) -> tuple[int, int, int]:
    """Which array of `Rows`, row and column hold a value out of range; (-1, -1, -1) if none."""
    for r in range(rows.tap_position.shape[0]):
        for k in range(rows.tap_position.shape[1]):
            if not steps.tap_lowest[k] <= rows.tap_position[r, k] <= steps.tap_highest[k]:
                return 0, r, k
        for k in range(rows.capacitor_step.shape[1]):
            if not 0 <= rows.capacitor_step[r, k] <= steps.capacitor_steps[k]:
                return 1, r, k
        for k in range(rows.load_kw.shape[1]):
            if not math.isfinite(rows.load_kw[r, k]):
                return 3, r, k
            if not math.isfinite(rows.load_kvar[r, k]):
                return 4, r, k
        for k in range(rows.der_kw.shape[1]):
            if not math.isfinite(rows.der_kw[r, k]):
                return 5, r, k
            if not math.isfinite(rows.der_kvar[r, k]):
                return 6, r, k
    return -1, -1, -1


@njit(**COMPILED)
def _lanes_of(n: int) -> Real:
    return np.zeros((n, LANES))


@njit(**COMPILED)
def factorise_interior(elimination: Elimination, entry: Complex, diagonal: Complex) -> None:
    """LDL^T of the interior in place; the boundary keeps its Schur complement."""
    column, update = elimination.column, elimination.update
    left, right, target = elimination.left, elimination.right, elimination.target
    m = entry.shape[0]
    for k in range(elimination.n_interior):
        inverse = 1.0 / diagonal[k]
        for t in range(update[k], update[k + 1]):
            product = entry[left[t]] * inverse * entry[right[t]]
            if target[t] < m:
                entry[target[t]] -= product
            else:
                diagonal[target[t] - m] -= product
        for e in range(column[k], column[k + 1]):
            entry[e] *= inverse
        diagonal[k] = inverse


@njit(**COMPILED)
def _revive(zones: Zones, factor: Real, alive: Real) -> None:
    """Which zones a closed path joins to the source, lane by lane."""
    for z in range(alive.shape[0]):
        for lane in range(LANES):
            alive[z, lane] = zones.alive[z]
    spread = True
    while spread:
        spread = False
        for e in range(zones.edge_factor.shape[0]):
            f, a, b = zones.edge_factor[e], zones.edge_from[e], zones.edge_to[e]
            for lane in range(LANES):
                if factor[f, lane] != 0.0 and alive[a, lane] != alive[b, lane]:
                    alive[a, lane] = alive[b, lane] = 1.0
                    spread = True


@njit(**COMPILED)
def _assemble(
    boundary: Boundary,
    zones: Zones,
    n_interior: int,
    factor: Real,
    alive: Real,
    y_re: Real,
    y_im: Real,
) -> None:
    """Admittances of the boundary; dead nodes are earthed."""
    for e in range(y_re.shape[0]):
        store(y_re, e, splat(boundary.base_re[e]))
        store(y_im, e, splat(boundary.base_im[e]))
    for t in range(boundary.term_entry.shape[0]):
        e, scale = boundary.term_entry[t], load(factor, boundary.term_factor[t])
        store(y_re, e, fused(splat(boundary.term_re[t]), scale, load(y_re, e)))
        store(y_im, e, fused(splat(boundary.term_im[t]), scale, load(y_im, e)))
    first = boundary.row.shape[0]
    for k in range(boundary.column.shape[0] - 1):
        dead = splat(1.0) - load(alive, zones.of[n_interior + k])
        store(y_re, first + k, fused(splat(EARTHED), dead, load(y_re, first + k)))


@njit(**COMPILED)
def _factorise(boundary: Boundary, y_re: Real, y_im: Real, u_re: Real, u_im: Real) -> None:
    """LDL^T of the boundary in place: the diagonal becomes 1/D, the rest L."""
    column, update = boundary.column, boundary.update
    left, right, target = boundary.left, boundary.right, boundary.target
    m = boundary.row.shape[0]
    for k in range(column.shape[0] - 1):
        re, im = load(y_re, m + k), load(y_im, m + k)
        scale = splat(1.0) / fused(re, re, im * im)
        d_re, d_im = re * scale, -im * scale
        store(y_re, m + k, d_re)
        store(y_im, m + k, d_im)
        first = column[k]
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


@njit(**COMPILED)
def _forward(interior: Interior, first: int, x_re: Real, x_im: Real) -> None:
    """Forward substitution in the interior, from position `first` on."""
    column, row = interior.column, interior.row
    for k in range(first, column.shape[0] - 1):
        pivot_re, pivot_im = load(x_re, k), load(x_im, k)
        for e in range(column[k], column[k + 1]):
            i = row[e]
            l_re, l_im = splat(interior.factor_re[e]), splat(interior.factor_im[e])
            store(x_re, i, fused(l_im, pivot_im, fused(-l_re, pivot_re, load(x_re, i))))
            store(x_im, i, fused(-l_im, pivot_re, fused(-l_re, pivot_im, load(x_im, i))))


@njit(**COMPILED)
def _backward(interior: Interior, first: int, last: int, x_re: Real, x_im: Real) -> None:
    """Backward substitution in the interior, from position `last` - 1 down to `first`."""
    column, row = interior.column, interior.row
    for k in range(last - 1, first - 1, -1):
        re, im = load(x_re, k), load(x_im, k)
        d_re, d_im = splat(interior.inverse_re[k]), splat(interior.inverse_im[k])
        re, im = fused(re, d_re, -im * d_im), fused(re, d_im, im * d_re)
        for e in range(column[k], column[k + 1]):
            l_re, l_im = splat(interior.factor_re[e]), splat(interior.factor_im[e])
            i_re, i_im = load(x_re, row[e]), load(x_im, row[e])
            re = fused(l_im, i_im, fused(-l_re, i_re, re))
            im = fused(-l_im, i_re, fused(-l_re, i_im, im))
        store(x_re, k, re)
        store(x_im, k, im)


@njit(**COMPILED)
def _across(boundary: Boundary, first: int, y_re: Real, y_im: Real, x_re: Real, x_im: Real) -> None:
    """Forward and backward substitution in the boundary, whose positions begin at `first`."""
    column, row = boundary.column, boundary.row
    n, m = column.shape[0] - 1, row.shape[0]
    for k in range(n):
        pivot_re, pivot_im = load(x_re, first + k), load(x_im, first + k)
        for e in range(column[k], column[k + 1]):
            i = row[e]
            l_re, l_im = load(y_re, e), load(y_im, e)
            store(x_re, i, fused(l_im, pivot_im, fused(-l_re, pivot_re, load(x_re, i))))
            store(x_im, i, fused(-l_im, pivot_re, fused(-l_re, pivot_im, load(x_im, i))))
    for k in range(n - 1, -1, -1):
        re, im = load(x_re, first + k), load(x_im, first + k)
        d_re, d_im = load(y_re, m + k), load(y_im, m + k)
        re, im = fused(re, d_re, -im * d_im), fused(re, d_im, im * d_re)
        for e in range(column[k], column[k + 1]):
            l_re, l_im = load(y_re, e), load(y_im, e)
            i_re, i_im = load(x_re, row[e]), load(x_im, row[e])
            re = fused(l_im, i_im, fused(-l_re, i_re, re))
            im = fused(-l_im, i_re, fused(-l_re, i_im, im))
        store(x_re, first + k, re)
        store(x_im, first + k, im)


@njit(**COMPILED)
def _substitute(
    interior: Interior,
    boundary: Boundary,
    first: int,
    y_re: Real,
    y_im: Real,
    x_re: Real,
    x_im: Real,
) -> None:
    """Solve in place, leaving out the positions before `first`."""
    n = interior.column.shape[0] - 1
    _forward(interior, first, x_re, x_im)
    _across(boundary, n, y_re, y_im, x_re, x_im)
    _backward(interior, first, n, x_re, x_im)


@njit(**COMPILED)
def _inject(
    legs: Legs,
    sites: Sites,
    first: int,
    p: Real,
    q: Real,
    v_re: Real,
    v_im: Real,
    c_re: Real,
    c_im: Real,
    x_re: Real,
    x_im: Real,
) -> None:
    """Currents of the source and of all legs, by position from `first` on."""
    n_sites = sites.position.shape[0]
    for i in range(n_sites + 1):
        store(c_re, i, splat(0.0))
        store(c_im, i, splat(0.0))
    inject(legs, p, q, v_re, v_im, c_re, c_im)
    for k in range(first, x_re.shape[0]):
        store(x_re, k, splat(0.0))
        store(x_im, k, splat(0.0))
    for k in range(sites.source.shape[0]):
        store(x_re, sites.source[k], splat(sites.source_re[k]))
        store(x_im, sites.source[k], splat(sites.source_im[k]))
    for i in range(n_sites):
        k = sites.position[i]
        store(x_re, k, load(x_re, k) + load(c_re, i))
        store(x_im, k, load(x_im, k) + load(c_im, i))


@njit(**COMPILED)
def _look_back(
    sites: Sites,
    slot: int,
    x_re: Real,
    x_im: Real,
    v_re: Real,
    v_im: Real,
    past: Past,
    move: Real,
) -> None:
    """Note what the last iteration did; leave the square of its largest move in `move`."""
    n = sites.position.shape[0]
    largest = splat(0.0)
    near_0 = near_1 = near_2 = to_0 = to_1 = to_2 = splat(0.0)
    for i in range(n):
        g_re, g_im = load(x_re, sites.position[i]), load(x_im, sites.position[i])
        f_re, f_im = g_re - load(v_re, i), g_im - load(v_im, i)
        square = fused(f_re, f_re, f_im * f_im)
        largest = where(square <= largest, largest, square)  # so that a NaN stays
        k = slot * n + i
        d_re, d_im = f_re - load(past.f_re, i), f_im - load(past.f_im, i)
        store(past.df_re, k, d_re)
        store(past.df_im, k, d_im)
        store(past.dg_re, k, g_re - load(past.g_re, i))
        store(past.dg_im, k, g_im - load(past.g_im, i))
        store(past.f_re, i, f_re)
        store(past.f_im, i, f_im)
        store(past.g_re, i, g_re)
        store(past.g_im, i, g_im)
        a_re, a_im = load(past.df_re, i), load(past.df_im, i)
        near_0 = fused(a_re, d_re, fused(a_im, d_im, near_0))
        to_0 = fused(a_re, f_re, fused(a_im, f_im, to_0))
        a_re, a_im = load(past.df_re, n + i), load(past.df_im, n + i)
        near_1 = fused(a_re, d_re, fused(a_im, d_im, near_1))
        to_1 = fused(a_re, f_re, fused(a_im, f_im, to_1))
        a_re, a_im = load(past.df_re, 2 * n + i), load(past.df_im, 2 * n + i)
        near_2 = fused(a_re, d_re, fused(a_im, d_im, near_2))
        to_2 = fused(a_re, f_re, fused(a_im, f_im, to_2))
    store(move, 0, largest)
    for j, near in enumerate((near_0, near_1, near_2)):
        store(past.gram, DEPTH * slot + j, near)
        store(past.gram, DEPTH * j + slot, near)
    for j, to in enumerate((to_0, to_1, to_2)):
        store(past.to, j, to)


@njit(**COMPILED)
def _mix(past: Past, weight: Real) -> None:
    """Weights of the last steps: the least squares that cancel the residual best."""
    gram = past.gram
    floor = (load(gram, 0) + load(gram, 4) + load(gram, 8)) * splat(RIDGE) + splat(1e-300)
    d_0 = load(gram, 0) + floor
    m_10, m_20, m_21 = load(gram, 3), load(gram, 6), load(gram, 7)
    l_10, l_20 = m_10 / d_0, m_20 / d_0
    d_1 = fused(-l_10, m_10, load(gram, 4) + floor)
    w_21 = fused(-l_10, m_20, m_21)
    l_21 = w_21 / d_1
    d_2 = fused(-l_21, w_21, fused(-l_20, m_20, load(gram, 8) + floor))
    y_0 = load(past.to, 0)
    y_1 = fused(-l_10, y_0, load(past.to, 1))
    y_2 = fused(-l_21, y_1, fused(-l_20, y_0, load(past.to, 2)))
    z_2 = y_2 / d_2
    z_1 = fused(-l_21, z_2, y_1 / d_1)
    store(weight, 2, z_2)
    store(weight, 1, z_1)
    store(weight, 0, fused(-l_20, z_2, fused(-l_10, z_1, y_0 / d_0)))


@njit(**COMPILED)
def _advance(past: Past, weight: Real, active: Real, v_re: Real, v_im: Real) -> None:
    """Move v to where the last steps point, in the active lanes."""
    n = past.f_re.shape[0]
    moving = load(active, 0) > splat(0.5)
    w_0, w_1, w_2 = load(weight, 0), load(weight, 1), load(weight, 2)
    for i in range(n):
        re = fused(-w_0, load(past.dg_re, i), load(past.g_re, i))
        im = fused(-w_0, load(past.dg_im, i), load(past.g_im, i))
        re = fused(-w_1, load(past.dg_re, n + i), re)
        im = fused(-w_1, load(past.dg_im, n + i), im)
        re = fused(-w_2, load(past.dg_re, 2 * n + i), re)
        im = fused(-w_2, load(past.dg_im, 2 * n + i), im)
        store(v_re, i, where(moving, re, load(v_re, i)))
        store(v_im, i, where(moving, im, load(v_im, i)))


@njit(**COMPILED)
def _forget(past: Past) -> None:
    """Begin a block of rows: no step was made yet."""
    for array in (past.df_re, past.df_im, past.dg_re, past.dg_im, past.gram, past.to):
        array[:] = 0.0


@njit(**COMPILED)
def _gather(
    block: int,
    last_row: int,
    rows: Rows,
    steps: Steps,
    factor: Real,
    p: Real,
    q: Real,
) -> None:
    """What varies, of a block of rows; past the last row, the last again."""
    n_taps, n_banks = rows.tap_position.shape[1], rows.capacitor_step.shape[1]
    n_loads, n_ders = rows.load_kw.shape[1], rows.der_kw.shape[1]
    for lane in range(LANES):
        r = min(block + lane, last_row - 1)
        for k in range(n_taps):
            inverse = 1.0 / (1.0 + rows.tap_position[r, k] * steps.tap_step_pu[k])
            factor[2 * k, lane] = inverse
            factor[2 * k + 1, lane] = inverse * inverse
        for k in range(n_banks):
            share = rows.capacitor_step[r, k] / steps.capacitor_steps[k]
            factor[2 * n_taps + k, lane] = share
        for k in range(rows.switch_closed.shape[1]):
            factor[2 * n_taps + n_banks + k, lane] = 1.0 if rows.switch_closed[r, k] else 0.0
        for j in range(n_loads):
            p[j, lane] = -rows.load_kw[r, j] / S_BASE_KVA
            q[j, lane] = -rows.load_kvar[r, j] / S_BASE_KVA
        for j in range(n_ders):
            p[n_loads + j, lane] = rows.der_kw[r, j] / S_BASE_KVA
            q[n_loads + j, lane] = rows.der_kvar[r, j] / S_BASE_KVA


@njit(**COMPILED)
def solve_rows(
    first_row: int,
    last_row: int,
    order: Index,
    n_quiet: int,
    interior: Interior,
    boundary: Boundary,
    zones: Zones,
    sites: Sites,
    legs: Legs,
    steps: Steps,
    rows: Rows,
    start: Complex,
    tolerance_pu: float,
    max_iterations: int,
    v_out: Complex,
    iterations_out: Index,
    status_out: Status,
    residual_out: Real,
) -> None:
    """Solve rows [first_row, last_row) in blocks of `LANES`.

    The fixed point ``v = Y^-1 (i_source + i(v))`` at the sites of loads and DER,
    from `start` ((1 or rows, node), complex), until none moves by more than the
    tolerance. Each step is mixed with the last three so that what they have in
    common cancels (D. G. Anderson, "Iterative procedures for nonlinear integral
    equations", J. ACM 12(4), 1965, doi:10.1145/321296.321305).
    """
    n, n_boundary = order.shape[0], boundary.column.shape[0] - 1
    n_interior, n_sites = n - n_boundary, sites.position.shape[0]
    y_re, y_im = _lanes_of(boundary.base_re.shape[0]), _lanes_of(boundary.base_re.shape[0])
    u_re, u_im = _lanes_of(n_boundary), _lanes_of(n_boundary)
    x_re, x_im = _lanes_of(n), _lanes_of(n)
    # By site; the last place is ground, whose voltage stays 0.
    v_re, v_im = _lanes_of(n_sites + 1), _lanes_of(n_sites + 1)
    c_re, c_im = _lanes_of(n_sites + 1), _lanes_of(n_sites + 1)
    past = Past(
        _lanes_of(n_sites),
        _lanes_of(n_sites),
        _lanes_of(n_sites),
        _lanes_of(n_sites),
        _lanes_of(DEPTH * n_sites),
        _lanes_of(DEPTH * n_sites),
        _lanes_of(DEPTH * n_sites),
        _lanes_of(DEPTH * n_sites),
        _lanes_of(DEPTH * DEPTH),
        _lanes_of(DEPTH),
    )
    n_elements = rows.load_kw.shape[1] + rows.der_kw.shape[1]
    p, q = _lanes_of(n_elements), _lanes_of(n_elements)
    n_factors = 2 * rows.tap_position.shape[1] + rows.capacitor_step.shape[1]
    factor = _lanes_of(n_factors + rows.switch_closed.shape[1])
    alive = _lanes_of(zones.alive.shape[0])
    weight, move, active = _lanes_of(DEPTH), _lanes_of(1), _lanes_of(1)
    iterations = np.empty(LANES, dtype=np.int32)
    status = np.empty(LANES, dtype=np.int8)
    for block in range(first_row, last_row, LANES):
        _gather(block, last_row, rows, steps, factor, p, q)
        _revive(zones, factor, alive)
        _assemble(boundary, zones, n_interior, factor, alive, y_re, y_im)
        _factorise(boundary, y_re, y_im, u_re, u_im)
        _forget(past)
        for lane in range(LANES):
            r = min(block + lane, last_row - 1) if start.shape[0] > 1 else 0
            for i in range(n_sites):
                k = sites.position[i]
                v_re[i, lane] = start[r, order[k]].real * alive[zones.of[k], lane]
                v_im[i, lane] = start[r, order[k]].imag * alive[zones.of[k], lane]
            active[0, lane] = 1.0
            iterations[lane] = 0
            status[lane] = NOT_CONVERGED
        remaining = LANES
        for iteration in range(max_iterations):
            _inject(legs, sites, n_quiet, p, q, v_re, v_im, c_re, c_im, x_re, x_im)
            _substitute(interior, boundary, n_quiet, y_re, y_im, x_re, x_im)
            _look_back(sites, iteration % DEPTH, x_re, x_im, v_re, v_im, past, move)
            for lane in range(LANES):
                if active[0, lane] == 1.0:
                    iterations[lane] += 1
                    residual = math.sqrt(move[0, lane])
                    if block + lane < last_row:
                        residual_out[block + lane] = residual
                    if residual <= tolerance_pu:
                        status[lane] = CONVERGED
                        active[0, lane] = 0.0
                        remaining -= 1
                    elif not (residual < 1e3):
                        status[lane] = DIVERGED
                        active[0, lane] = 0.0
                        remaining -= 1
            if remaining == 0:
                break
            if iteration == 0:
                _forget(past)  # there was no step before the first
            _mix(past, weight)
            _advance(past, weight, active, v_re, v_im)
        # A frozen lane has been computed again from the same voltages: x is its answer.
        x_re[:n_quiet] = x_im[:n_quiet] = 0.0
        _backward(interior, 0, n_quiet, x_re, x_im)
        for lane in range(min(LANES, last_row - block)):
            r = block + lane
            iterations_out[r] = iterations[lane]
            status_out[r] = status[lane]
            for k in range(n):
                v_out[r, order[k]] = complex(x_re[k, lane], x_im[k, lane])


@njit(**COMPILED)
def apply_inverse(
    elimination: Elimination,
    interior: Interior,
    boundary: Boundary,
    zones: Zones,
    factors: Real,
    currents: Complex,
    out: Complex,
) -> None:
    """``Y^-1 i`` of one row's admittance for currents (node, k), `LANES` of them at a time."""
    order = elimination.order
    n, n_boundary = order.shape[0], boundary.column.shape[0] - 1
    factor = np.empty((factors.shape[0], LANES))
    for f in range(factors.shape[0]):
        for lane in range(LANES):
            factor[f, lane] = factors[f]
    alive = np.empty((zones.alive.shape[0], LANES))
    y_re, y_im = _lanes_of(boundary.base_re.shape[0]), _lanes_of(boundary.base_re.shape[0])
    u_re, u_im = _lanes_of(n_boundary), _lanes_of(n_boundary)
    x_re, x_im = _lanes_of(n), _lanes_of(n)
    _revive(zones, factor, alive)
    _assemble(boundary, zones, n - n_boundary, factor, alive, y_re, y_im)
    _factorise(boundary, y_re, y_im, u_re, u_im)
    for block in range(0, currents.shape[1], LANES):
        for k in range(n):
            for lane in range(LANES):
                j = min(block + lane, currents.shape[1] - 1)
                x_re[k, lane] = currents[order[k], j].real * alive[zones.of[k], lane]
                x_im[k, lane] = currents[order[k], j].imag * alive[zones.of[k], lane]
        _substitute(interior, boundary, 0, y_re, y_im, x_re, x_im)
        for k in range(n):
            for lane in range(min(LANES, currents.shape[1] - block)):
                out[order[k], block + lane] = complex(x_re[k, lane], x_im[k, lane])
