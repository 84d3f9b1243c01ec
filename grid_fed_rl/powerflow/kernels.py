"""The compiled kernels and nothing else.

Values live as ``[entry, lane]``: a lane is a row of the batch, so every
arithmetic step below is one vector operation across lanes, and all rows share
the schedule of `ordering`. Real and imaginary parts are separate arrays. The
kernels release the interpreter lock; `solve` spreads blocks of rows over
threads. A lane that has met the tolerance is frozen, so a row's answer does not
depend on its neighbours.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.ordering import Schedule

__all__ = ["Legs", "Matrix", "branch_losses", "leg_powers", "solve_rows"]

Real = NDArray[np.float64]
Index = NDArray[np.int32]
Complex = NDArray[np.complex128]
Status = NDArray[np.int8]

CONVERGED, NOT_CONVERGED, DIVERGED = 0, 1, 2

# A division by zero gives an infinity, which the row's status reports, and not
# an exception in the midst of a batch. No fast-math, contraction least of all: a
# vector loop and its remainder may then round differently, and a row's last digits
# depend on how many rows stand beside it. It costs nothing that can be measured.
COMPILED = {"nogil": True, "cache": True, "error_model": "numpy"}


class Matrix(NamedTuple):
    """Nodal admittance: ``y[entry] + sum over terms of value * factor``."""

    base_re: Real  # (entry,)
    base_im: Real  # (entry,)
    term_entry: Index  # (term,) entry a term adds to
    term_factor: Index  # (term,) which of the row's factors scales it
    term_re: Real  # (term,)
    term_im: Real  # (term,)


class Legs(NamedTuple):
    """Where elements inject current, and how it answers to voltage.

    A leg drawing S at rated voltage draws ``conj(S) v g(|v|)``, with g
    constant below `low` and above `high`, interpolated between `low` and
    `nominal`, and ``(c2 / |v| + c1) / |v|`` in between.
    """

    start: Index  # (leg,) position of the node
    stop: Index  # (leg,) position of the other node, or n for ground
    element: Index  # (leg,) column of the injection arrays
    share: Real  # (leg,) share of the element's power
    low: Real  # (leg,) per unit of the node's base, like all below
    nominal: Real
    high: Real
    g_low: Real
    g_high: Real
    mid_0: Real
    mid_1: Real
    c1: Real
    c2: Real


@njit(**COMPILED)
def _assemble(matrix: Matrix, factors: Real, row: int, rows: int, y_re: Real, y_im: Real) -> None:
    """Admittances of rows [row, row + width), the last one repeated past `rows`."""
    width = y_re.shape[1]
    for e in range(y_re.shape[0]):
        re = matrix.base_re[e]
        im = matrix.base_im[e]
        for lane in range(width):
            y_re[e, lane] = re
            y_im[e, lane] = im
    factor = np.empty(width)
    for t in range(matrix.term_entry.shape[0]):
        e = matrix.term_entry[t]
        f = matrix.term_factor[t]
        re = matrix.term_re[t]
        im = matrix.term_im[t]
        for lane in range(width):
            factor[lane] = factors[min(row + lane, rows - 1), f]
        for lane in range(width):
            y_re[e, lane] += re * factor[lane]
            y_im[e, lane] += im * factor[lane]


@njit(**COMPILED)
def _factorise(schedule: Schedule, y_re: Real, y_im: Real, u_re: Real, u_im: Real) -> None:
    """LDL^T in place: the diagonal becomes 1/D, entries below it become L."""
    column, update = schedule.column, schedule.update
    left, right, target = schedule.left, schedule.right, schedule.target
    n = column.shape[0] - 1
    width = y_re.shape[1]
    for k in range(n):
        for lane in range(width):
            re = y_re[k, lane]
            im = y_im[k, lane]
            scale = 1.0 / (re * re + im * im)
            y_re[k, lane] = re * scale
            y_im[k, lane] = -im * scale
        first = n + column[k]
        last = n + column[k + 1]
        for e in range(first, last):
            for lane in range(width):
                u_re[e - first, lane] = (
                    y_re[e, lane] * y_re[k, lane] - y_im[e, lane] * y_im[k, lane]
                )
                u_im[e - first, lane] = (
                    y_re[e, lane] * y_im[k, lane] + y_im[e, lane] * y_re[k, lane]
                )
        for t in range(update[k], update[k + 1]):
            a = left[t] - first
            b = right[t]
            c = target[t]
            for lane in range(width):
                y_re[c, lane] -= u_re[a, lane] * y_re[b, lane] - u_im[a, lane] * y_im[b, lane]
                y_im[c, lane] -= u_re[a, lane] * y_im[b, lane] + u_im[a, lane] * y_re[b, lane]
        for e in range(first, last):
            for lane in range(width):
                y_re[e, lane] = u_re[e - first, lane]
                y_im[e, lane] = u_im[e - first, lane]


@njit(**COMPILED)
def _substitute(schedule: Schedule, y_re: Real, y_im: Real, x_re: Real, x_im: Real) -> None:
    """Solve in place with the factors of `_factorise`."""
    column, row = schedule.column, schedule.row
    n = column.shape[0] - 1
    width = y_re.shape[1]
    for k in range(n):
        for e in range(column[k], column[k + 1]):
            i = row[e]
            m = n + e
            for lane in range(width):
                x_re[i, lane] -= y_re[m, lane] * x_re[k, lane] - y_im[m, lane] * x_im[k, lane]
                x_im[i, lane] -= y_re[m, lane] * x_im[k, lane] + y_im[m, lane] * x_re[k, lane]
    for k in range(n - 1, -1, -1):
        for lane in range(width):
            re = x_re[k, lane] * y_re[k, lane] - x_im[k, lane] * y_im[k, lane]
            im = x_re[k, lane] * y_im[k, lane] + x_im[k, lane] * y_re[k, lane]
            x_re[k, lane] = re
            x_im[k, lane] = im
        for e in range(column[k], column[k + 1]):
            i = row[e]
            m = n + e
            for lane in range(width):
                x_re[k, lane] -= y_re[m, lane] * x_re[i, lane] - y_im[m, lane] * x_im[i, lane]
                x_im[k, lane] -= y_re[m, lane] * x_im[i, lane] + y_im[m, lane] * x_re[i, lane]


@njit(**COMPILED)
def _answer(
    low: float,
    nominal: float,
    high: float,
    g_low: float,
    g_high: float,
    mid_0: float,
    mid_1: float,
    c1: float,
    c2: float,
    square: float,
) -> float:
    """g(|v|) of `Legs`, from |v| squared."""
    size = math.sqrt(square)
    inverse = 1.0 / size
    g = (c2 * inverse + c1) * inverse
    g = mid_0 * inverse + mid_1 if size <= nominal else g
    g = g_high if size > high else g
    return g_low if size <= low else g


@njit(**COMPILED)
def _inject(legs: Legs, p: Real, q: Real, v_re: Real, v_im: Real, x_re: Real, x_im: Real) -> None:
    """Add the current of every leg at the present voltage."""
    width = v_re.shape[1]
    for k in range(legs.start.shape[0]):
        a = legs.start[k]
        b = legs.stop[k]
        j = legs.element[k]
        share = legs.share[k]
        low, nominal, high = legs.low[k], legs.nominal[k], legs.high[k]
        g_low, g_high = legs.g_low[k], legs.g_high[k]
        mid_0, mid_1, c1, c2 = legs.mid_0[k], legs.mid_1[k], legs.c1[k], legs.c2[k]
        for lane in range(width):
            re = v_re[a, lane] - v_re[b, lane]
            im = v_im[a, lane] - v_im[b, lane]
            g = share * _answer(
                low, nominal, high, g_low, g_high, mid_0, mid_1, c1, c2, re * re + im * im
            )
            i_re = (p[j, lane] * re + q[j, lane] * im) * g
            i_im = (p[j, lane] * im - q[j, lane] * re) * g
            x_re[a, lane] += i_re
            x_im[a, lane] += i_im
            x_re[b, lane] -= i_re
            x_im[b, lane] -= i_im


@njit(**COMPILED)
def solve_rows(
    first_row: int,
    last_row: int,
    width: int,
    schedule: Schedule,
    matrix: Matrix,
    legs: Legs,
    source_re: Real,
    source_im: Real,
    factors: Real,
    p_pu: Real,
    q_pu: Real,
    start: Complex,
    tolerance_pu: float,
    max_iterations: int,
    v_out: Complex,
    iterations_out: Index,
    status_out: Status,
    residual_out: Real,
) -> None:
    """Solve rows [first_row, last_row) in blocks of `width` lanes.

    The fixed point ``Y v = i_source + i(v)`` from `start` ((1 or rows, node),
    complex), until no node moves by more than the tolerance.
    """
    order, column = schedule.order, schedule.column
    n = order.shape[0]
    n_entries = n + schedule.row.shape[0]
    widest = 0
    for k in range(n):
        widest = max(widest, column[k + 1] - column[k])
    y_re = np.empty((n_entries, width))
    y_im = np.empty((n_entries, width))
    u_re = np.empty((max(widest, 1), width))
    u_im = np.empty((max(widest, 1), width))
    v_re = np.zeros((n + 1, width))
    v_im = np.zeros((n + 1, width))
    x_re = np.empty((n + 1, width))
    x_im = np.empty((n + 1, width))
    p = np.empty((p_pu.shape[1], width))
    q = np.empty((p_pu.shape[1], width))
    move = np.empty(width)
    active = np.empty(width)
    iterations = np.empty(width, dtype=np.int32)
    status = np.empty(width, dtype=np.int8)
    for block in range(first_row, last_row, width):
        _assemble(matrix, factors, block, last_row, y_re, y_im)
        _factorise(schedule, y_re, y_im, u_re, u_im)
        for lane in range(width):
            r = min(block + lane, last_row - 1)
            r_start = r if start.shape[0] > 1 else 0
            for k in range(n):
                v_re[k, lane] = start[r_start, order[k]].real
                v_im[k, lane] = start[r_start, order[k]].imag
            for j in range(p_pu.shape[1]):
                p[j, lane] = p_pu[r, j]
                q[j, lane] = q_pu[r, j]
            active[lane] = 1.0
            iterations[lane] = 0
            status[lane] = NOT_CONVERGED
        remaining = width
        for _ in range(max_iterations):
            for k in range(n + 1):
                for lane in range(width):
                    x_re[k, lane] = source_re[k]
                    x_im[k, lane] = source_im[k]
            _inject(legs, p, q, v_re, v_im, x_re, x_im)
            _substitute(schedule, y_re, y_im, x_re, x_im)
            for lane in range(width):
                move[lane] = 0.0
            for k in range(n):
                for lane in range(width):
                    d_re = x_re[k, lane] - v_re[k, lane]
                    d_im = x_im[k, lane] - v_im[k, lane]
                    d = d_re * d_re + d_im * d_im
                    move[lane] = d if not (d <= move[lane]) else move[lane]
                    v_re[k, lane] += active[lane] * d_re
                    v_im[k, lane] += active[lane] * d_im
            for lane in range(width):
                if active[lane] == 1.0:
                    iterations[lane] += 1
                    residual = math.sqrt(move[lane])
                    if block + lane < last_row:
                        residual_out[block + lane] = residual
                    if residual <= tolerance_pu:
                        status[lane] = CONVERGED
                        active[lane] = 0.0
                        remaining -= 1
                    elif not (residual < 1e3):
                        status[lane] = DIVERGED
                        active[lane] = 0.0
                        remaining -= 1
            if remaining == 0:
                break
        for lane in range(min(width, last_row - block)):
            r = block + lane
            iterations_out[r] = iterations[lane]
            status_out[r] = status[lane]
            for k in range(n):
                v_out[r, order[k]] = complex(v_re[k, lane], v_im[k, lane])


@njit(**COMPILED)
def branch_losses(
    schedule: Schedule, base_g: Real, matrix: Matrix, factors: Real, v: Complex, out: Real
) -> None:
    """Real part of ``v^H Y v`` of a symmetric Y, a row: what the branches burn.

    Summed as what flows to ground, ``g_i |v_i|^2``, and between nodes,
    ``-g_ij |v_i - v_j|^2``: the conductance of a closed switch, large beside all
    others, then multiplies a small difference instead of cancelling.

    `base_g` holds, for the entries of `schedule`, the conductance to ground of
    each node and then the mutual ones, without the source; the scaled terms are
    those of `matrix`.
    """
    order, column, row = schedule.order, schedule.column, schedule.row
    n = order.shape[0]
    n_entries = n + row.shape[0]
    low = np.empty(n_entries, np.int32)  # position of the column of every entry
    high = np.empty(n_entries, np.int32)  # position of its row
    for k in range(n):
        low[k] = high[k] = k
        for e in range(column[k], column[k + 1]):
            low[n + e] = k
            high[n + e] = row[e]
    g = np.empty(n_entries)
    for r in range(v.shape[0]):
        g[:] = base_g
        for t in range(matrix.term_entry.shape[0]):
            e = matrix.term_entry[t]
            value = matrix.term_re[t] * factors[r, matrix.term_factor[t]]
            g[e] += value
            if e >= n:
                g[low[e]] += value
                g[high[e]] += value
        total = 0.0
        for k in range(n):
            a = v[r, order[k]]
            total += g[k] * (a.real * a.real + a.imag * a.imag)
        for e in range(n, n_entries):
            d = v[r, order[low[e]]] - v[r, order[high[e]]]
            total -= g[e] * (d.real * d.real + d.imag * d.imag)
        out[r] = total


@njit(**COMPILED)
def leg_powers(
    legs: Legs, order: Index, p_pu: Real, q_pu: Real, v: Complex, p_out: Real, q_out: Real
) -> None:
    """Power that elements really inject at voltage `v`, summed over their legs."""
    n = order.shape[0]
    for r in range(v.shape[0]):
        for k in range(legs.start.shape[0]):
            a = v[r, order[legs.start[k]]]
            b = v[r, order[legs.stop[k]]] if legs.stop[k] < n else 0j
            d = a - b
            square = d.real * d.real + d.imag * d.imag
            g = legs.share[k] * _answer(
                legs.low[k],
                legs.nominal[k],
                legs.high[k],
                legs.g_low[k],
                legs.g_high[k],
                legs.mid_0[k],
                legs.mid_1[k],
                legs.c1[k],
                legs.c2[k],
                square,
            )
            j = legs.element[k]
            p_out[r, j] += p_pu[r, j] * square * g
            q_out[r, j] += q_pu[r, j] * square * g
