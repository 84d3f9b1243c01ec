"""Capacitor controls, compiled: what one sees, wants and when it acts, a row at a time.

The rules are OpenDSS's CapControl; `capacitors` tells them.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.controls.regulator_kernels import volts_at
from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = [
    "CLOSE",
    "CURRENT",
    "KVAR",
    "NOTHING",
    "OPEN",
    "PF",
    "TIME",
    "VOLTAGE",
    "CapacitorRules",
    "Standing",
    "delay_of",
    "wants",
    "wanted_steps_of_banks",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Steps = NDArray[np.int32]
Complex = NDArray[np.complex128]

OPEN, NOTHING, CLOSE = -1, 0, 1  # the change of step that a control wants
VOLTAGE, KVAR, CURRENT, TIME, PF = range(5)  # what a control looks at

LEAST_KVAR_SHARE = 0.5  # of the bank: a power-factor control closes for no less


class CapacitorRules(NamedTuple):
    """Capacitors that have a control, as arrays over them; volts, amperes and siemens.

    A conductor is a column of the network's nodes, or -1 for ground. What a control
    measures flows into some conductors of the element that it watches: one for a
    current, those of a terminal for a power.
    """

    column: Ints  # column of the capacitor steps
    n_steps: Ints
    bank_kvar: Floats
    kind: Ints  # VOLTAGE to PF
    on: Floats
    off: Floats
    delay_s: Floats
    delay_off_s: Floats
    dead_time_s: Floats
    pt_ratio: Floats
    ct_ratio: Floats
    v_min: Floats  # 0 where no voltage overrides
    v_max: Floats  # infinite where none does
    seen: Ints  # (capacitor, 2) conductors whose difference its voltage is
    into: Ints  # (capacitor, measured) conductors
    around: Ints  # (capacitor, conductor) of the whole element
    y: Complex  # (capacitor, 3, measured, conductor): fixed, and scaled by 1/t and 1/t^2
    regulator: Ints  # column of the regulator that moves the element, or -1
    regulator_step_pu: Floats
    switch: Ints  # column of the switch that it is, or -1
    bank: Ints  # column of the capacitor that it is, or -1
    bank_steps: Ints


class Standing(NamedTuple):
    """Where devices stand, a row each."""

    taps: Steps  # (row, regulator)
    steps: Steps  # (row, capacitor)
    closed: NDArray[np.bool_]  # (row, switch)


@njit(**COMPILED)
def _voltage(rules: CapacitorRules, k: int, v_base_v: Floats, v_pu: Complex) -> float:
    """At the secondary of the potential transformer."""
    start, stop = rules.seen[k, 0], rules.seen[k, 1]
    volts = volts_at(v_pu, v_base_v, start) - volts_at(v_pu, v_base_v, stop)
    return abs(volts) / rules.pt_ratio[k]


@njit(**COMPILED)
def _current_a(
    rules: CapacitorRules, k: int, m: int, v_base_v: Floats, v_pu: Complex, at: Standing, r: int
) -> complex:
    """Into the m-th measured conductor."""
    fixed = crossing = second = 0j
    for c in range(rules.around.shape[1]):
        volts = volts_at(v_pu, v_base_v, rules.around[k, c])
        fixed += volts * rules.y[k, 0, m, c]
        crossing += volts * rules.y[k, 1, m, c]
        second += volts * rules.y[k, 2, m, c]
    if rules.regulator[k] >= 0:
        t = 1.0 + at.taps[r, rules.regulator[k]] * rules.regulator_step_pu[k]
        fixed += crossing * (1.0 / t) + second * (1.0 / t**2)
    if rules.switch[k] >= 0 and not at.closed[r, rules.switch[k]]:
        return 0j
    if rules.bank[k] >= 0:
        return fixed * (at.steps[r, rules.bank[k]] / rules.bank_steps[k])
    return fixed


@njit(**COMPILED)
def _power_kva(
    rules: CapacitorRules, k: int, v_base_v: Floats, v_pu: Complex, at: Standing, r: int
) -> complex:
    """Into the watched terminal, all its conductors."""
    va = 0j
    for m in range(rules.into.shape[1]):
        current = _current_a(rules, k, m, v_base_v, v_pu, at, r)
        va += volts_at(v_pu, v_base_v, rules.into[k, m]) * current.conjugate()
    return va * (1.0 / 1000.0)


@njit(**COMPILED)
def _beyond_power_factor(rules: CapacitorRules, k: int, kva: complex) -> tuple[bool, bool, bool]:
    size = abs(kva)
    lagging = abs(kva.real) / size if size > 0.0 else 1.0
    pf = 2.0 - lagging if kva.imag < 0.0 else lagging
    kvar = rules.bank_kvar[k] * LEAST_KVAR_SHARE
    low, off = pf < rules.on[k], pf > rules.off[k]
    return low and kva.imag > kvar, off, low and kva.imag > kvar / rules.n_steps[k]


@njit(**COMPILED)
def _beyond_time(rules: CapacitorRules, k: int, hour: float) -> tuple[bool, bool, bool]:
    if rules.off[k] > rules.on[k]:
        on = rules.on[k] <= hour < rules.off[k]
        return on, not on, on
    on = hour >= rules.on[k]  # the off time is the next day's
    return on, hour >= rules.off[k] and not on, on


@njit(**COMPILED)
def _beyond(
    rules: CapacitorRules,
    k: int,
    v_base_v: Floats,
    v_pu: Complex,
    at: Standing,
    r: int,
    hour: float,
) -> tuple[bool, bool, bool]:
    """Beyond the setting for closing the first step, for opening, for closing more."""
    kind, on, off = rules.kind[k], rules.on[k], rules.off[k]
    if kind == VOLTAGE:
        volts = _voltage(rules, k, v_base_v, v_pu)
        return volts < on, volts > off, volts < on
    if kind == TIME:
        return _beyond_time(rules, k, hour)
    if kind == CURRENT:
        amps = abs(_current_a(rules, k, 0, v_base_v, v_pu, at, r)) / rules.ct_ratio[k]
        return amps > on, amps < off, amps > on
    kva = _power_kva(rules, k, v_base_v, v_pu, at, r)
    if kind == KVAR:
        return kva.imag > on, kva.imag < off, kva.imag > on
    return _beyond_power_factor(rules, k, kva)


@njit(**COMPILED)
def wants(
    rules: CapacitorRules,
    k: int,
    v_base_v: Floats,
    v_pu: Complex,
    at: Standing,
    r: int,
    hour: float,
    before: int,
) -> tuple[int, bool]:
    """What control k wants in row r, and whether it has just asked for it.

    Args:
        rules: The controls.
        k: Which of them.
        v_base_v: (node,).
        v_pu: (node,) voltages of the row, dead conductors beside live ones floating.
        at: Where devices stand.
        r: The row.
        hour: Hour of the day.
        before: What it wanted last.
    """
    step = at.steps[r, rules.column[k]]
    closed, full = step > 0, step == rules.n_steps[k]
    first, off, more = _beyond(rules, k, v_base_v, v_pu, at, r, hour)
    opens = closed and off
    closes = (more and not full and not off) if closed else first
    keeps = closed and not full and not opens and not closes and rules.kind[k] != VOLTAGE
    overridden = rules.v_min[k] > 0.0 or rules.v_max[k] < math.inf
    if rules.kind[k] != VOLTAGE and overridden:
        volts = _voltage(rules, k, v_base_v, v_pu)
        if closed and volts > rules.v_max[k]:
            opens, keeps = True, False
        elif not closed and volts < rules.v_min[k]:
            closes = True
    if keeps:
        return before, False
    if opens:
        return OPEN, True
    return (CLOSE, True) if closes else (NOTHING, False)


@njit(**COMPILED)
def delay_of(rules: CapacitorRules, k: int, wanted: int, was_opened: bool) -> float:
    """Seconds from asking to acting; closing waits for the dead time."""
    if wanted != CLOSE:
        return rules.delay_off_s[k]
    return rules.delay_s[k] + (rules.dead_time_s[k] if was_opened else 0.0)


@njit(**COMPILED)
def wanted_steps_of_banks(
    rules: CapacitorRules,
    v_base_v: Floats,
    v_pu: Complex,
    at: Standing,
    hour: Floats,
    out: Steps,
) -> None:
    """Steps at which every bank would stand if its control acted now; `out` starts at `at`'s."""
    for r in range(v_pu.shape[0]):
        for k in range(rules.column.shape[0]):
            wanted, _ = wants(rules, k, v_base_v, v_pu[r], at, r, hour[r], NOTHING)
            out[r, rules.column[k]] += wanted
