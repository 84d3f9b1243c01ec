"""Capacitor controls, compiled: what one sees, wants and when it acts.

The rules are OpenDSS's CapControl; `capacitors` tells them.
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
    volts_at,
)
from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = [
    "CAPACITOR",
    "CLOSE",
    "CURRENT",
    "KVAR",
    "MEASURED",
    "NOTHING",
    "OPEN",
    "PF",
    "TIME",
    "VOLTAGE",
    "CapacitorRules",
    "Standing",
    "delay_of",
    "stepped",
    "wants",
]

Floats = NDArray[np.float64]
Steps = NDArray[np.int32]
Complex = NDArray[np.complex128]
Beyond = tuple[bool, bool, bool]

OPEN, NOTHING, CLOSE = -1, 0, 1  # the change of step that a control wants
VOLTAGE, KVAR, CURRENT, TIME, PF = range(5)  # what a control looks at

LEAST_KVAR_SHARE = 0.5  # of the bank: a power-factor control closes for no less

CAPACITOR = np.dtype(
    [
        ("column", np.int64),  # of the capacitor steps
        ("n_steps", np.int64),
        ("bank_kvar", np.float64),
        ("kind", np.int64),  # VOLTAGE to PF
        ("on", np.float64),
        ("off", np.float64),
        ("delay_s", np.float64),
        ("delay_off_s", np.float64),
        ("dead_time_s", np.float64),
        ("pt_ratio", np.float64),
        ("ct_ratio", np.float64),
        ("v_min", np.float64),  # 0 where no voltage overrides
        ("v_max", np.float64),  # infinite where none does
        ("seen_start", np.int64),  # conductors whose difference its voltage is
        ("seen_stop", np.int64),
        ("first_measured", np.int64),  # conductors into which it measures
        ("last_measured", np.int64),  # the one after
        # Columns of what scales the current of the element that it watches, or -1.
        ("regulator", np.int64),
        ("switch", np.int64),
        ("bank", np.int64),
        ("tap_step_pu", np.float64),  # of that regulator
        ("bank_steps", np.int64),  # of that bank
    ]
)

MEASURED = np.dtype(
    [
        ("node", np.int64),  # conductor
        ("first_term", np.int64),  # of the current into it
        ("last_term", np.int64),  # the one after
    ]
)

Capacitor = Any
"""A record of `CAPACITOR`."""


class CapacitorRules(NamedTuple):
    """Capacitors that have a control, and what they measure."""

    each: NDArray[Any]  # (capacitor,) of CAPACITOR
    measured: NDArray[Any]  # of MEASURED: one conductor for a current, a terminal's for a power
    terms: Terms


class Standing(NamedTuple):
    """Where devices stand, a row each."""

    taps: Steps  # (row, regulator)
    steps: Steps  # (row, capacitor)
    closed: NDArray[np.bool_]  # (row, switch)


@njit(**RULE)
def _voltage(own: Capacitor, v_pu: Complex, v_base_v: Floats) -> float:
    """At the secondary of the potential transformer."""
    return magnitude(across_v(v_pu, v_base_v, own.seen_start, own.seen_stop)) / own.pt_ratio


@njit(**RULE)
def _share(own: Capacitor, at: Standing, r: int) -> float:
    """What the watched element's current is scaled by: 0 for an open switch."""
    if own.switch >= 0:
        return 1.0 if at.closed[r, own.switch] else 0.0
    return at.steps[r, own.bank] / own.bank_steps if own.bank >= 0 else 1.0


@njit(**RULE)
def _measured_a(
    rules: CapacitorRules, m: int, v_pu: Complex, v_base_v: Floats, t: float
) -> complex:
    """Into the m-th measured conductor, unscaled."""
    into = rules.measured[m]
    return current_a(rules.terms, into.first_term, into.last_term, v_pu, v_base_v, t)


@njit(**RULE)
def _tap_pu(own: Capacitor, at: Standing, r: int) -> float:
    """Of the regulator that moves the watched element; 1 where none does."""
    return 1.0 + at.taps[r, own.regulator] * own.tap_step_pu if own.regulator >= 0 else 1.0


@njit(**RULE)
def _current_a(
    own: Capacitor, rules: CapacitorRules, v_pu: Complex, v_base_v: Floats, at: Standing, r: int
) -> float:
    """At the secondary of the current transformer."""
    t, share = _tap_pu(own, at, r), _share(own, at, r)
    current = _measured_a(rules, own.first_measured, v_pu, v_base_v, t)
    return magnitude(current * share) / own.ct_ratio


@njit(**RULE)
def _power_kva(
    own: Capacitor, rules: CapacitorRules, v_pu: Complex, v_base_v: Floats, at: Standing, r: int
) -> complex:
    """Into the watched terminal, all its conductors."""
    t, share, va = _tap_pu(own, at, r), _share(own, at, r), 0j
    for m in range(own.first_measured, own.last_measured):
        current = _measured_a(rules, m, v_pu, v_base_v, t) * share
        va += volts_at(v_pu, v_base_v, rules.measured[m].node) * current.conjugate()
    return va * (1.0 / 1000.0)


@njit(**RULE)
def _beyond_power_factor(own: Capacitor, kva: complex) -> Beyond:
    size = magnitude(kva)
    lagging = abs(kva.real) / size if size > 0.0 else 1.0
    pf = 2.0 - lagging if kva.imag < 0.0 else lagging
    kvar, low = own.bank_kvar * LEAST_KVAR_SHARE, pf < own.on
    return low and kva.imag > kvar, pf > own.off, low and kva.imag > kvar / own.n_steps


@njit(**RULE)
def _beyond_time(own: Capacitor, hour: float) -> Beyond:
    if own.off > own.on:
        on = own.on <= hour < own.off
        return on, not on, on
    on = hour >= own.on  # the off time is the next day's
    return on, hour >= own.off and not on, on


@njit(**RULE)
def _beyond(
    own: Capacitor,
    rules: CapacitorRules,
    v_pu: Complex,
    v_base_v: Floats,
    at: Standing,
    r: int,
    hour: float,
) -> Beyond:
    """Beyond the setting for closing the first step, for opening, for closing more."""
    if own.kind == VOLTAGE:
        volts = _voltage(own, v_pu, v_base_v)
        return volts < own.on, volts > own.off, volts < own.on
    if own.kind == TIME:
        return _beyond_time(own, hour)
    if own.kind == CURRENT:
        amps = _current_a(own, rules, v_pu, v_base_v, at, r)
        return amps > own.on, amps < own.off, amps > own.on
    kva = _power_kva(own, rules, v_pu, v_base_v, at, r)
    if own.kind == KVAR:
        return kva.imag > own.on, kva.imag < own.off, kva.imag > own.on
    return _beyond_power_factor(own, kva)


@njit(**RULE)
def wants(
    own: Capacitor,
    rules: CapacitorRules,
    v_pu: Complex,
    v_base_v: Floats,
    at: Standing,
    r: int,
    hour: float,
    before: int,
) -> tuple[int, bool]:
    """What a control wants in row r, and whether it has just asked for it.

    Args:
        own: The control.
        rules: What all of them measure.
        v_pu: (node,) voltages of the row, dead conductors beside live ones floating.
        v_base_v: (node,).
        at: Where devices stand.
        r: The row.
        hour: Hour of the day.
        before: What it wanted last.
    """
    step = at.steps[r, own.column]
    closed, full = step > 0, step == own.n_steps
    first, off, more = _beyond(own, rules, v_pu, v_base_v, at, r, hour)
    opens = closed and off
    closes = (more and not full and not off) if closed else first
    keeps = closed and not (full or opens or closes) and own.kind != VOLTAGE
    if own.kind != VOLTAGE and (own.v_min > 0.0 or own.v_max < math.inf):
        volts = _voltage(own, v_pu, v_base_v)
        if closed and volts > own.v_max:
            opens, keeps = True, False
        elif not closed and volts < own.v_min:
            closes = True
    if keeps:
        return before, False
    if opens:
        return OPEN, True
    return (CLOSE, True) if closes else (NOTHING, False)


@njit(**RULE)
def delay_of(own: Capacitor, wanted: int, was_opened: bool) -> float:
    """Seconds from asking to acting; closing waits for the dead time."""
    if wanted != CLOSE:
        return own.delay_off_s
    return own.delay_s + (own.dead_time_s if was_opened else 0.0)


@njit(**COMPILED)
def stepped(
    rules: CapacitorRules,
    v_pu: Complex,
    v_base_v: Floats,
    at: Standing,
    hour: Floats,
    out: Steps,
) -> None:
    """Steps at which every bank would stand if its control acted now.

    `out` is (row, capacitor) and starts at the steps of `at`.
    """
    for r in range(v_pu.shape[0]):
        for k in range(rules.each.shape[0]):
            own = rules.each[k]
            wanted, _ = wants(own, rules, v_pu[r], v_base_v, at, r, hour[r], NOTHING)
            out[r, own.column] += wanted
