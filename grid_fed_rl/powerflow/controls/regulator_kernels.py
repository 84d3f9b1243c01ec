"""Line-drop regulators, compiled: what one sees, wants and does, a row at a time.

The rules are OpenDSS's RegControl looking forward, in static mode; `regulators` tells
them. Where a rule rounds, operations stand in the order of OpenDSS's.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = ["RegulatorRules", "moved_taps", "seen_volts", "steps_taken", "volts_at", "wanted_steps"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Taps = NDArray[np.int32]
Complex = NDArray[np.complex128]

SHARE_OF_THE_WAY = 0.7


class RegulatorRules(NamedTuple):
    """Regulators that have a control, as arrays over them; volts and siemens.

    A conductor is a column of the network's nodes, or -1 for ground.
    """

    column: Ints  # column of the tap positions
    lowest: Ints  # position
    highest: Ints
    v_reg: Floats
    half_band_v: Floats
    pt_ratio: Floats
    ct_primary_a: Floats
    z_v: Complex  # R + jX in volts at rated current; 0 if it watches a bus
    v_limit: Floats  # infinite where there is none
    coil_v: Floats  # rated volts across the winding's coil
    step_pu: Floats
    max_steps: Ints
    delay_s: Floats
    seen: Ints  # (regulator, 2) conductors whose difference it holds
    local: Ints  # (regulator, 2) the same at its own winding
    around: Ints  # (regulator, conductor) conductors of all windings
    y: Complex  # (regulator, 3, conductor) of its current: fixed, and scaled by 1/t and 1/t^2


@njit(**COMPILED)
def volts_at(v_pu: Complex, v_base_v: Floats, node: int) -> complex:
    """Volts to ground of a conductor in a row of voltages."""
    return v_pu[node] * v_base_v[node] if node >= 0 else 0j


@njit(**COMPILED)
def _across(v_pu: Complex, v_base_v: Floats, ends: Ints) -> complex:
    return volts_at(v_pu, v_base_v, ends[0]) - volts_at(v_pu, v_base_v, ends[1])


@njit(**COMPILED)
def _compensated_v(rules: RegulatorRules, k: int, v_base_v: Floats, v_pu: Complex, tap: int):
    """What the compensator of regulator k sees: 120 V base."""
    seen = _across(v_pu, v_base_v, rules.seen[k]) * (1.0 / rules.pt_ratio[k])
    if rules.z_v[k] == 0.0:
        return abs(seen)
    t = 1.0 + tap * rules.step_pu[k]
    fixed = crossing = second = 0j
    for c in range(rules.around.shape[1]):
        volts = volts_at(v_pu, v_base_v, rules.around[k, c])
        fixed += volts * rules.y[k, 0, c]
        crossing += volts * rules.y[k, 1, c]
        second += volts * rules.y[k, 2, c]
    current = fixed + crossing * (1.0 / t) + second * (1.0 / t**2)
    return abs(seen + rules.z_v[k] * current * (1.0 / rules.ct_primary_a[k]))


@njit(**COMPILED)
def wanted_steps(
    rules: RegulatorRules, k: int, v_base_v: Floats, v_pu: Complex, tap: int, shift_v: float
) -> tuple[bool, float]:
    """Whether regulator k is out of band in a row, and the steps to its setting."""
    short_v = rules.v_reg[k] + shift_v - _compensated_v(rules, k, v_base_v, v_pu, tap)
    out = abs(short_v) > rules.half_band_v[k]
    local = abs(_across(v_pu, v_base_v, rules.local[k])) / rules.pt_ratio[k]
    if local > rules.v_limit[k]:
        out, short_v = True, rules.v_limit[k] - local
    steps = np.rint(short_v * rules.pt_ratio[k] / rules.coil_v[k] / rules.step_pu[k])
    return out, steps if out else 0.0


@njit(**COMPILED)
def steps_taken(rules: RegulatorRules, k: int, tap: int, steps: float) -> int:
    """Steps that regulator k moves at once where so many are wanted, within its range."""
    if steps == 0.0:
        return 0
    some = math.trunc(SHARE_OF_THE_WAY * (abs(steps) * rules.step_pu[k]) / rules.step_pu[k])
    taken = min(max(some, 1), rules.max_steps[k])
    target = tap + taken if steps > 0.0 else tap - taken
    return min(max(target, rules.lowest[k]), rules.highest[k]) - tap


@njit(**COMPILED)
def seen_volts(
    rules: RegulatorRules, v_base_v: Floats, v_pu: Complex, taps: Taps, out: Floats
) -> None:
    """What every compensator sees in every row: (row, regulator), 120 V base."""
    for r in range(v_pu.shape[0]):
        for k in range(rules.column.shape[0]):
            out[r, k] = _compensated_v(rules, k, v_base_v, v_pu[r], taps[r, rules.column[k]])


@njit(**COMPILED)
def moved_taps(
    rules: RegulatorRules,
    v_base_v: Floats,
    v_pu: Complex,
    taps: Taps,
    shift_v: Floats,
    out: Taps,
) -> None:
    """Steps that every regulator would move now in every row.

    `shift_v` is (row, regulator with a control), `out` has the columns of `taps`.
    """
    for r in range(v_pu.shape[0]):
        for k in range(rules.column.shape[0]):
            tap = taps[r, rules.column[k]]
            _, steps = wanted_steps(rules, k, v_base_v, v_pu[r], tap, shift_v[r, k])
            out[r, rules.column[k]] = steps_taken(rules, k, tap, steps)
