"""Compiled kernels of the iteration: currents, and the fixed point with its mixing.

A block of rows at a time, or one row alone: see `lanes`. A lane that has met the
tolerance is frozen, so a row's answer does not depend on its neighbours.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.answers import Legs, inject
from grid_fed_rl.powerflow.lanes import (
    COMPILED,
    by_lane,
    fused,
    lanes_of,
    load,
    spread,
    store,
    where,
)
from grid_fed_rl.powerflow.linear_kernels import (
    Boundary,
    Interior,
    Zones,
    assemble,
    backward,
    factorise,
    revive,
    substitute,
)

__all__ = [
    "CONVERGED",
    "DEPTH",
    "DIVERGED",
    "NOT_CONVERGED",
    "RIDGE",
    "Sites",
    "Work",
    "iterate",
    "work_of",
]

Real = NDArray[np.float64]
Index = NDArray[np.int32]

CONVERGED, NOT_CONVERGED, DIVERGED = 0, 1, 2

# Iterations a step looks back on, and the share of their inner products by which the
# least squares are kept from dividing by nothing.
DEPTH = 3
RIDGE = 1e-12


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


class Work(NamedTuple):
    """A block of rows, or one: what is known before it is solved, what comes of it, room."""

    factor: Real  # (factor, lane) what scales the terms of the boundary
    p: Real  # (element, lane) injection at rated voltage
    q: Real
    v_re: Real  # (site + 1, lane) where to start from; the last place is ground, at 0
    v_im: Real
    x_re: Real  # (node, lane) voltage by position in the elimination
    x_im: Real
    zone_alive: Real  # (zone, lane) 1 where a zone is live, otherwise 0
    iterations: Real  # (1, lane)
    status: Real  # (1, lane)
    residual: Real  # (1, lane) largest voltage change of the last iteration
    y_re: Real  # (entry, lane) the boundary, then its factors
    y_im: Real
    u_re: Real  # (column, lane)
    u_im: Real
    c_re: Real  # (site + 1, lane) currents
    c_im: Real
    alive: Real  # (site + 1, lane) 1 where a site is live, otherwise 0
    past: Past
    weight: Real  # (DEPTH, lane) of the last steps
    move: Real  # (1, lane) square of the largest move
    active: Real  # (1, lane) 1 while a lane goes on


@njit(**COMPILED)
def work_of(
    boundary: Boundary,
    zones: Zones,
    sites: Sites,
    n_nodes: int,
    n_factors: int,
    n_elements: int,
    like: Real,
) -> Work:
    """Room for rows of the kind that `like` has."""
    n_sites, n_entries = sites.position.shape[0], boundary.base_re.shape[0]
    n_columns = boundary.columns.width.shape[0]
    return Work(
        lanes_of(n_factors, like),
        lanes_of(n_elements, like),
        lanes_of(n_elements, like),
        lanes_of(n_sites + 1, like),
        lanes_of(n_sites + 1, like),
        lanes_of(n_nodes, like),
        lanes_of(n_nodes, like),
        lanes_of(zones.alive.shape[0], like),
        lanes_of(1, like),
        lanes_of(1, like),
        lanes_of(1, like),
        lanes_of(n_entries, like),
        lanes_of(n_entries, like),
        lanes_of(n_columns, like),
        lanes_of(n_columns, like),
        lanes_of(n_sites + 1, like),
        lanes_of(n_sites + 1, like),
        lanes_of(n_sites + 1, like),
        Past(
            lanes_of(n_sites, like),
            lanes_of(n_sites, like),
            lanes_of(n_sites, like),
            lanes_of(n_sites, like),
            lanes_of(DEPTH * n_sites, like),
            lanes_of(DEPTH * n_sites, like),
            lanes_of(DEPTH * n_sites, like),
            lanes_of(DEPTH * n_sites, like),
            lanes_of(DEPTH * DEPTH, like),
            lanes_of(DEPTH, like),
        ),
        lanes_of(DEPTH, like),
        lanes_of(1, like),
        lanes_of(1, like),
    )


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
        store(c_re, i, 0.0)
        store(c_im, i, 0.0)
    inject(legs, p, q, v_re, v_im, alive, all_alive, c_re, c_im)
    for k in range(first, x_re.shape[0]):
        store(x_re, k, 0.0)
        store(x_im, k, 0.0)
    for k in range(sites.source.shape[0]):
        store(x_re, sites.source[k], sites.source_re[k])
        store(x_im, sites.source[k], sites.source_im[k])
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
    largest = spread(0.0, x_re)
    near_0 = near_1 = near_2 = to_0 = to_1 = to_2 = spread(0.0, x_re)
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
    floor = (load(gram, 0) + load(gram, 4) + load(gram, 8)) * RIDGE + 1e-300
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
    moving = load(active, 0) > 0.5
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
    """Begin again: no step was made yet."""
    for array in (past.df_re, past.df_im, past.dg_re, past.dg_im, past.gram, past.to):
        array[:] = 0.0


@njit(**COMPILED)
def _judge(
    move: Real, tolerance_pu: float, active: Real, iterations: Real, status: Real, residual: Real
) -> bool:
    """Count an iteration and freeze the lanes that are done; return whether all are."""
    square, going = by_lane(move), by_lane(active)
    count, became, left = by_lane(iterations), by_lane(status), by_lane(residual)
    done = True
    for lane in range(going.shape[1]):
        if going[0, lane] == 1.0:
            size = math.sqrt(square[0, lane])
            count[0, lane] += 1.0
            left[0, lane] = size
            if size <= tolerance_pu:
                became[0, lane] = CONVERGED
                going[0, lane] = 0.0
            elif not (size < 1e3):
                became[0, lane] = DIVERGED
                going[0, lane] = 0.0
            else:
                done = False
    return done


@njit(**COMPILED)
def iterate(
    n_quiet: int,
    interior: Interior,
    boundary: Boundary,
    zones: Zones,
    sites: Sites,
    legs: Legs,
    work: Work,
    tolerance_pu: float,
    max_iterations: int,
) -> None:
    """Solve a block of rows, or one, in place.

    The fixed point ``v = Y^-1 (i_source + i(v))`` at the sites of loads and DER, until
    none moves by more than the tolerance. Each step is mixed with the last three so
    that what they have in common cancels (D. G. Anderson, "Iterative procedures for
    nonlinear integral equations", J. ACM 12(4), 1965, doi:10.1145/321296.321305).
    """
    n_sites, past = sites.position.shape[0], work.past
    v_re, v_im, x_re, x_im = work.v_re, work.v_im, work.x_re, work.x_im
    y_re, y_im, alive, active = work.y_re, work.y_im, work.alive, work.active
    all_alive = revive(zones, work.factor, work.zone_alive)
    assemble(boundary, zones, work.factor, work.zone_alive, y_re, y_im)
    factorise(boundary, y_re, y_im, work.u_re, work.u_im)
    _forget(past)
    for i in range(n_sites):
        on = load(work.zone_alive, zones.of[sites.position[i]])
        store(alive, i, on)
        store(v_re, i, load(v_re, i) * on)
        store(v_im, i, load(v_im, i) * on)
    store(alive, n_sites, 1.0)
    store(active, 0, 1.0)
    store(work.iterations, 0, 0.0)
    store(work.status, 0, float(NOT_CONVERGED))
    for iteration in range(max_iterations):
        _inject(
            legs,
            sites,
            n_quiet,
            work.p,
            work.q,
            v_re,
            v_im,
            alive,
            all_alive,
            work.c_re,
            work.c_im,
            x_re,
            x_im,
        )
        substitute(interior, boundary, n_quiet, y_re, y_im, x_re, x_im)
        _look_back(sites, iteration % DEPTH, x_re, x_im, v_re, v_im, alive, past, work.move)
        if _judge(work.move, tolerance_pu, active, work.iterations, work.status, work.residual):
            break
        if iteration == 0:
            _forget(past)  # there was no step before the first
        _mix(past, work.weight)
        _advance(past, work.weight, active, v_re, v_im)
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
