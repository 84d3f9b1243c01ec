"""Line-drop regulators, compiled: what one sees, wants and does.

The rules are OpenDSS's RegControl looking forward, in static mode; `regulators` tells
them. Where a rule rounds, operations stand in the order of OpenDSS's.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.controls.seen_kernels import (
    RULE,
    Terms,
    across_v,
    current_a,
    magnitude,
)
from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = ["REGULATOR", "RegulatorRules", "moved_taps", "seen_volts", "steps_taken", "wanted_steps"]

Floats = NDArray[np.float64]
Taps = NDArray[np.int32]
Complex = NDArray[np.complex128]

SHARE_OF_THE_WAY = 0.7

REGULATOR = np.dtype(
    [
        ("column", np.int64),  # of the tap positions
        ("lowest", np.int64),  # position
        ("highest", np.int64),
        ("step_pu", np.float64),
        ("v_reg", np.float64),
        ("half_band_v", np.float64),
        ("pt_ratio", np.float64),
        ("ct_primary_a", np.float64),
        ("z_v", np.complex128),  # R + jX in volts at rated current; 0 if it watches a bus
        ("v_limit", np.float64),  # infinite where there is none
        ("coil_v", np.float64),  # rated volts across the winding's coil
        ("max_steps", np.int64),
        ("delay_s", np.float64),
        ("seen_start", np.int64),  # conductors whose difference it holds
        ("seen_stop", np.int64),
        ("coil_start", np.int64),  # the same at its own winding
        ("coil_stop", np.int64),
        ("first_term", np.int64),  # of the current into its first conductor
        ("last_term", np.int64),  # the one after
    ]
)

Regulator = Any
"""A record of `REGULATOR`."""


class RegulatorRules(NamedTuple):
    """Regulators that have a control, and the terms of their currents."""

    each: NDArray[Any]  # (regulator,) of REGULATOR
    terms: Terms


@njit(**RULE)
def _compensated_v(
    own: Regulator, terms: Terms, v_pu: Complex, v_base_v: Floats, tap: int
) -> float:
    """What its compensator sees: 120 V base."""
    seen = across_v(v_pu, v_base_v, own.seen_start, own.seen_stop) * (1.0 / own.pt_ratio)
    if own.z_v == 0.0:
        return magnitude(seen)
    t = 1.0 + tap * own.step_pu
    current = current_a(terms, own.first_term, own.last_term, v_pu, v_base_v, t)
    return magnitude(seen + own.z_v * current * (1.0 / own.ct_primary_a))


@njit(**RULE)
def wanted_steps(
    own: Regulator, terms: Terms, v_pu: Complex, v_base_v: Floats, tap: int, shift_v: float
) -> tuple[bool, float]:
    """Whether a regulator is out of band in a row, and the steps to its setting.

    Args:
        own: The regulator.
        terms: Of the currents of all regulators.
        v_pu: (node,) voltages of the row.
        v_base_v: (node,).
        tap: Where it stands.
        shift_v: Volts added to its setting.
    """
    short_v = own.v_reg + shift_v - _compensated_v(own, terms, v_pu, v_base_v, tap)
    out = abs(short_v) > own.half_band_v
    if own.v_limit < math.inf:
        coil_v = across_v(v_pu, v_base_v, own.coil_start, own.coil_stop)
        over_v = magnitude(coil_v) / own.pt_ratio - own.v_limit
        if over_v > 0.0:
            out, short_v = True, -over_v
    if not out:
        return False, 0.0
    return True, np.rint(short_v * own.pt_ratio / own.coil_v / own.step_pu)


@njit(**RULE)
def steps_taken(own: Regulator, tap: int, steps: float) -> int:
    """Steps that a regulator moves at once where so many are wanted, within its range."""
    if steps == 0.0:
        return 0
    some = math.trunc(SHARE_OF_THE_WAY * (abs(steps) * own.step_pu) / own.step_pu)
    taken = min(max(some, 1), own.max_steps)
    target = tap + taken if steps > 0.0 else tap - taken
    return min(max(target, own.lowest), own.highest) - tap


@njit(**COMPILED)
def seen_volts(
    rules: RegulatorRules, v_pu: Complex, v_base_v: Floats, taps: Taps, out: Floats
) -> None:
    """What every compensator sees in every row: (row, regulator), 120 V base."""
    for r in range(v_pu.shape[0]):
        for k in range(rules.each.shape[0]):
            own = rules.each[k]
            out[r, k] = _compensated_v(own, rules.terms, v_pu[r], v_base_v, taps[r, own.column])


@njit(**COMPILED)
def moved_taps(
    rules: RegulatorRules,
    v_pu: Complex,
    v_base_v: Floats,
    taps: Taps,
    shift_v: Floats,
    out: Taps,
) -> None:
    """Steps that every regulator would move now in every row.

    `shift_v` is (row, regulator with a control), `out` has the columns of `taps`.
    """
    for r in range(v_pu.shape[0]):
        for k in range(rules.each.shape[0]):
            own = rules.each[k]
            tap = taps[r, own.column]
            _, steps = wanted_steps(own, rules.terms, v_pu[r], v_base_v, tap, shift_v[r, k])
            out[r, own.column] = steps_taken(own, tap, steps)
