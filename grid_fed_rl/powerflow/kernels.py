"""Compiled kernels of the power flow: rows in, solved, and out.

Rows are solved in blocks of `LANES` side by side, which `batched` spreads over threads,
since kernels release the interpreter lock; or one row alone, with nothing around it.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.core import types
from numba.experimental import structref
from numpy.typing import NDArray

from grid_fed_rl.powerflow.answers import Legs
from grid_fed_rl.powerflow.iteration_kernels import Sites, Work, iterate, work_of
from grid_fed_rl.powerflow.lanes import COMPILED, LANES
from grid_fed_rl.powerflow.linear_kernels import Boundary, Interior, Zones

__all__ = [
    "S_BASE_KVA",
    "Plan",
    "Rows",
    "Sites",
    "Steps",
    "first_fault",
    "read_only",
    "solve_row",
    "solve_rows",
]

Real = NDArray[np.float64]
Index = NDArray[np.int32]
Places = NDArray[np.int64]
Complex = NDArray[np.complex128]
Status = NDArray[np.int8]

S_BASE_KVA = 1000.0


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The array as kernels take it: numba compiles anew for every mix of layouts and locks."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


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


@structref.register
class _PlanType(types.StructRef):
    """What numba knows of a `Plan`."""


class Plan(structref.StructRefProxy):
    """All that the kernels know of a network, handed to them as one object.

    Its parts are a hundred arrays, and numba takes half a microsecond to take each of
    them out of Python: longer, together, than a row takes to be solved.
    """

    order: Index  # (node,) node at each position of the elimination
    n_quiet: int
    interior: Interior
    boundary: Boundary
    zones: Zones
    sites: Sites
    legs: Legs
    steps: Steps
    n_switches: int
    n_loads: int
    n_ders: int


structref.define_proxy(Plan, _PlanType, list(Plan.__annotations__))


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
def _work(plan: Plan, like: Real) -> Work:
    """Room for rows of the kind that `like` has."""
    steps = plan.steps
    n_factors = 2 * steps.tap_step_pu.shape[0] + steps.capacitor_steps.shape[0] + plan.n_switches
    n_nodes, n_elements = plan.order.shape[0], plan.n_loads + plan.n_ders
    return work_of(plan.boundary, plan.zones, plan.sites, n_nodes, n_factors, n_elements, like)


@njit(**COMPILED)
def _gather(
    block: int, last: int, index: Places, rows: Rows, steps: Steps, factor: Real, p: Real, q: Real
) -> None:
    """What varies, of a block of rows; past the last row, the last again."""
    n_taps, n_banks = rows.tap_position.shape[1], rows.capacitor_step.shape[1]
    n_loads, n_ders = rows.load_kw.shape[1], rows.der_kw.shape[1]
    for lane in range(LANES):
        r = index[min(block + lane, last - 1)]
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
    plan: Plan,
    first: int,
    last: int,
    index: Places,
    rows: Rows,
    start: Complex,
    tolerance_pu: float,
    max_iterations: int,
    v_out: Complex,
    iterations_out: Index,
    status_out: Status,
    residual_out: Real,
) -> None:
    """Solve the rows ``index[first:last]`` in blocks of `LANES`.

    Args:
        plan: What is known of the network.
        first: Place of the first of them in `index`.
        last: The place after the last.
        index: Rows of the arrays; what is in no block stays as it is.
        rows: What varies.
        start: (1 or rows, node) voltages to start from.
        tolerance_pu: Largest voltage change of the last iteration.
        max_iterations: Iterations a row may take.
        v_out: (row, node) voltages.
        iterations_out: (row,).
        status_out: (row,).
        residual_out: (row,) largest voltage change of the last iteration.
    """
    order, n_quiet, steps = plan.order, plan.n_quiet, plan.steps
    interior, boundary, zones = plan.interior, plan.boundary, plan.zones
    sites, legs = plan.sites, plan.legs
    position, zone = sites.position, zones.of
    work = _work(plan, np.empty((0, LANES)))
    for block in range(first, last, LANES):
        _gather(block, last, index, rows, steps, work.factor, work.p, work.q)
        for lane in range(LANES):
            r = index[min(block + lane, last - 1)] if start.shape[0] > 1 else 0
            for i in range(position.shape[0]):
                v = start[r, order[position[i]]]
                work.v_re[i, lane], work.v_im[i, lane] = v.real, v.imag
        iterate(n_quiet, interior, boundary, zones, sites, legs, work, tolerance_pu, max_iterations)
        for lane in range(min(LANES, last - block)):
            r = index[block + lane]
            iterations_out[r] = int(work.iterations[0, lane])
            status_out[r] = int(work.status[0, lane])
            residual_out[r] = work.residual[0, lane]
            for k in range(order.shape[0]):
                # What live conductors induce in dead ones is left out.
                on = work.zone_alive[zone[k], lane]
                v_out[r, order[k]] = complex(on * work.x_re[k, lane], on * work.x_im[k, lane])


@njit(**COMPILED)
def _gather_row(row: Real, plan: Plan, factor: Real, p: Real, q: Real) -> bool:
    """What varies, of one row; return whether every value is in its range."""
    steps, n_loads, n_ders = plan.steps, plan.n_loads, plan.n_ders
    n_taps, n_banks = steps.tap_step_pu.shape[0], steps.capacitor_steps.shape[0]
    sound, at = True, 0
    for k in range(n_taps):
        tap = row[k]
        if not steps.tap_lowest[k] <= tap <= steps.tap_highest[k]:
            sound = False
        inverse = 1.0 / (1.0 + tap * steps.tap_step_pu[k])
        factor[2 * k] = inverse
        factor[2 * k + 1] = inverse * inverse
    at += n_taps
    for k in range(n_banks):
        step = row[at + k]
        if not 0.0 <= step <= steps.capacitor_steps[k]:
            sound = False
        factor[2 * n_taps + k] = step / steps.capacitor_steps[k]
    at += n_banks
    for k in range(plan.n_switches):
        factor[2 * n_taps + n_banks + k] = row[at + k]
    at += plan.n_switches
    for j in range(n_loads):
        p[j] = -row[at + j] / S_BASE_KVA
        q[j] = -row[at + n_loads + j] / S_BASE_KVA
    at += 2 * n_loads
    for j in range(n_ders):
        p[n_loads + j] = row[at + j] / S_BASE_KVA
        q[n_loads + j] = row[at + n_ders + j] / S_BASE_KVA
    for j in range(n_loads + n_ders):
        if not (math.isfinite(p[j]) and math.isfinite(q[j])):
            sound = False
    return sound


@njit(**COMPILED)
def solve_row(
    plan: Plan, row: Real, v: Complex, tolerance_pu: float, max_iterations: int
) -> tuple[bool, int, int, float]:
    """Solve one row; the same to the last bit as `solve_rows`.

    Args:
        plan: What is known of the network.
        row: (value,) the arrays of `Rows`, one after the other.
        v: (node,) voltages to start from, and then the answer.
        tolerance_pu: Largest voltage change of the last iteration.
        max_iterations: Iterations it may take.

    Returns:
        Whether every value is in its range and finite (where not, nothing is solved),
        then iterations, status and the largest voltage change of the last iteration.
    """
    work = _work(plan, np.empty(0))
    sound = _gather_row(row, plan, work.factor, work.p, work.q)
    for k in range(v.shape[0]):
        if not (math.isfinite(v[k].real) and math.isfinite(v[k].imag)):
            sound = False
    if not sound:
        return False, 0, 0, 0.0
    order, position, zone = plan.order, plan.sites.position, plan.zones.of
    for i in range(position.shape[0]):
        start = v[order[position[i]]]
        work.v_re[i], work.v_im[i] = start.real, start.imag
    iterate(
        plan.n_quiet,
        plan.interior,
        plan.boundary,
        plan.zones,
        plan.sites,
        plan.legs,
        work,
        tolerance_pu,
        max_iterations,
    )
    for k in range(order.shape[0]):
        on = work.zone_alive[zone[k]]
        v[order[k]] = complex(on * work.x_re[k], on * work.x_im[k])
    return True, int(work.iterations[0]), int(work.status[0]), work.residual[0]
