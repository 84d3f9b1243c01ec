"""Compiled kernels of the power flow: currents, the iteration, and its blocks of rows.

Blocks of `LANES` rows are solved side by side; `batched` spreads them over threads,
since kernels release the interpreter lock. A lane that has met the tolerance is
frozen, so a row's answer does not depend on its neighbours.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.answers import Legs, inject
from grid_fed_rl.powerflow.lanes import COMPILED, LANES, fused, load, splat, store, where
from grid_fed_rl.powerflow.linear_kernels import (
    Boundary,
    Interior,
    Zones,
    assemble,
    backward,
    factorise,
    lanes_of,
    revive,
    substitute,
)

__all__ = ["S_BASE_KVA", "Rows", "Sites", "Steps", "first_fault", "read_only", "solve_rows"]

Real = NDArray[np.float64]
Index = NDArray[np.int32]
Complex = NDArray[np.complex128]
Status = NDArray[np.int8]

CONVERGED, NOT_CONVERGED, DIVERGED = 0, 1, 2

S_BASE_KVA = 1000.0

# Iterations a step looks back on, and the share of their inner products by which the
# least squares are kept from dividing by nothing.
DEPTH = 3
RIDGE = 1e-12


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The array as kernels take it: numba compiles anew for every mix of layouts and locks."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


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
def _inject(
    legs: Legs,
    sites: Sites,
    first: int,
    p: Real,
    q: Real,
    v_re: Real,
    v_im: Real,
    alive: Real,
    all_alive: bool,
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
    inject(legs, p, q, v_re, v_im, alive, all_alive, c_re, c_im)
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
    alive: Real,
    past: Past,
    move: Real,
) -> None:
    """Note what the last iteration did; leave the square of its largest move in `move`."""
    n = sites.position.shape[0]
    largest = splat(0.0)
    near_0 = near_1 = near_2 = to_0 = to_1 = to_2 = splat(0.0)
    for i in range(n):
        k, on = sites.position[i], load(alive, i)
        g_re, g_im = load(x_re, k) * on, load(x_im, k) * on
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
    n, n_sites = order.shape[0], sites.position.shape[0]
    y_re, y_im = lanes_of(boundary.base_re.shape[0]), lanes_of(boundary.base_re.shape[0])
    u_re, u_im = (
        lanes_of(boundary.columns.width.shape[0]),
        lanes_of(boundary.columns.width.shape[0]),
    )
    x_re, x_im = lanes_of(n), lanes_of(n)
    # By site; the last place is ground, whose voltage stays 0.
    v_re, v_im = lanes_of(n_sites + 1), lanes_of(n_sites + 1)
    c_re, c_im = lanes_of(n_sites + 1), lanes_of(n_sites + 1)
    past = Past(
        lanes_of(n_sites),
        lanes_of(n_sites),
        lanes_of(n_sites),
        lanes_of(n_sites),
        lanes_of(DEPTH * n_sites),
        lanes_of(DEPTH * n_sites),
        lanes_of(DEPTH * n_sites),
        lanes_of(DEPTH * n_sites),
        lanes_of(DEPTH * DEPTH),
        lanes_of(DEPTH),
    )
    n_elements = rows.load_kw.shape[1] + rows.der_kw.shape[1]
    p, q = lanes_of(n_elements), lanes_of(n_elements)
    n_factors = 2 * rows.tap_position.shape[1] + rows.capacitor_step.shape[1]
    factor = lanes_of(n_factors + rows.switch_closed.shape[1])
    zone_alive, alive = lanes_of(zones.alive.shape[0]), lanes_of(n_sites + 1)
    weight, move, active = lanes_of(DEPTH), lanes_of(1), lanes_of(1)
    iterations = np.empty(LANES, dtype=np.int32)
    status = np.empty(LANES, dtype=np.int8)
    for block in range(first_row, last_row, LANES):
        _gather(block, last_row, rows, steps, factor, p, q)
        all_alive = revive(zones, factor, zone_alive)
        assemble(boundary, zones, factor, zone_alive, y_re, y_im)
        factorise(boundary, y_re, y_im, u_re, u_im)
        _forget(past)
        for lane in range(LANES):
            r = min(block + lane, last_row - 1) if start.shape[0] > 1 else 0
            for i in range(n_sites):
                k = sites.position[i]
                on = zone_alive[zones.of[k], lane]
                alive[i, lane] = on
                v_re[i, lane] = start[r, order[k]].real * on
                v_im[i, lane] = start[r, order[k]].imag * on
            alive[n_sites, lane] = 1.0
            active[0, lane] = 1.0
            iterations[lane] = 0
            status[lane] = NOT_CONVERGED
        remaining = LANES
        for iteration in range(max_iterations):
            _inject(
                legs,
                sites,
                n_quiet,
                p,
                q,
                v_re,
                v_im,
                alive,
                all_alive,
                c_re,
                c_im,
                x_re,
                x_im,
            )
            substitute(interior, boundary, n_quiet, y_re, y_im, x_re, x_im)
            _look_back(sites, iteration % DEPTH, x_re, x_im, v_re, v_im, alive, past, move)
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
        backward(
            interior.columns,
            interior.factor_re,
            interior.factor_im,
            interior.inverse_re,
            interior.inverse_im,
            0,
            0,
            n_quiet,
            x_re,
            x_im,
        )
        for lane in range(min(LANES, last_row - block)):
            r = block + lane
            iterations_out[r] = iterations[lane]
            status_out[r] = status[lane]
            for k in range(n):
                on = zone_alive[zones.of[k], lane]  # what live conductors induce is left out
                v_out[r, order[k]] = complex(on * x_re[k, lane], on * x_im[k, lane])
