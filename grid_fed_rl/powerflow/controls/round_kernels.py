"""A round of control, compiled: every control of a row looks, and what is due first acts.

Rows are worked on one by one and in place; `settle` tells the order of a round.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numba.core import types
from numba.experimental import structref
from numpy.typing import NDArray

from grid_fed_rl.powerflow.controls.capacitor_kernels import (
    NOTHING,
    OPEN,
    CapacitorRules,
    Standing,
    delay_of,
    wants,
)
from grid_fed_rl.powerflow.controls.regulator_kernels import (
    RegulatorRules,
    steps_taken,
    wanted_steps,
)
from grid_fed_rl.powerflow.controls.seen_kernels import RULE
from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = ["Memory", "Rules", "blank_memory", "play_round"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Complex = NDArray[np.complex128]
Mask = NDArray[np.bool_]


@structref.register
class _RulesType(types.StructRef):
    """What numba knows of `Rules`."""


class Rules(structref.StructRefProxy):
    """The controls of a network, handed to the kernels as one object (see `kernels.Plan`)."""

    regulators: RegulatorRules
    capacitors: CapacitorRules
    v_base_v: Floats  # (node,)


structref.define_proxy(Rules, _RulesType, list(Rules.__annotations__))


class Memory(NamedTuple):
    """What the controls of every row remember from round to round.

    Controls are the regulators with a control and then the capacitors with one.
    """

    wants: NDArray[np.int8]  # (row, capacitor) OPEN, NOTHING or CLOSE
    was_opened: Mask  # (row, capacitor)
    due_s: Floats  # (row, control); infinite where not armed
    mark: Floats  # (row, number) a state in which the row once was; NaN where there is none


@njit(**COMPILED)
def blank_memory(n_rows: int, n_regulators: int, n_capacitors: int) -> Memory:
    """What controls remember before they look for the first time."""
    return Memory(
        np.full((n_rows, n_capacitors), NOTHING, dtype=np.int8),
        np.zeros((n_rows, n_capacitors), dtype=np.bool_),
        np.full((n_rows, n_regulators + n_capacitors), np.inf),
        np.full((n_rows, 2 * n_regulators + 4 * n_capacitors), np.nan),
    )


@njit(**RULE)
def _state(
    regulators: RegulatorRules,
    capacitors: CapacitorRules,
    at: Standing,
    memory: Memory,
    r: int,
    out: Floats,
) -> None:
    """All that decides how row r goes on, its powers apart."""
    i = 0
    for k in range(regulators.each.shape[0]):
        out[i] = at.taps[r, regulators.each[k].column]
        i += 1
    for k in range(capacitors.each.shape[0]):
        out[i] = at.steps[r, capacitors.each[k].column]
        out[i + 1] = memory.wants[r, k]
        out[i + 2] = memory.was_opened[r, k]
        i += 3
    for k in range(memory.due_s.shape[1]):
        out[i + k] = memory.due_s[r, k]


@njit(**RULE)
def _same(a: Floats, b: Floats) -> bool:
    k = 0
    while k < a.shape[0] and a[k] == b[k]:
        k += 1
    return k == a.shape[0]


@njit(**RULE)
def _first_due_s(due_s: Floats) -> float:
    """When the first of a row's controls is due; infinite where none is armed."""
    first_s = np.inf
    for k in range(due_s.shape[0]):
        first_s = min(first_s, due_s[k])
    return first_s


@njit(**RULE)
def _look_regulators(
    rules: RegulatorRules,
    v_pu: Complex,
    v_base_v: Floats,
    at: Standing,
    memory: Memory,
    r: int,
    steps: Floats,
) -> None:
    """Every regulator of row r is armed, disarmed or changes its mind: its wanted `steps`."""
    for k in range(rules.each.shape[0]):
        own = rules.each[k]
        tap = at.taps[r, own.column]
        out, steps[k] = wanted_steps(own, rules.terms, v_pu, v_base_v, tap, 0.0)
        if not out:
            memory.due_s[r, k] = np.inf
        elif memory.due_s[r, k] == np.inf and steps_taken(own, tap, steps[k]) != 0:
            memory.due_s[r, k] = own.delay_s


@njit(**RULE)
def _look_capacitors(
    rules: CapacitorRules,
    v_pu: Complex,
    v_base_v: Floats,
    at: Standing,
    memory: Memory,
    r: int,
    hour: float,
) -> None:
    """Every capacitor of row r is armed, disarmed or changes its mind."""
    n_regulators = memory.due_s.shape[1] - rules.each.shape[0]
    for k in range(rules.each.shape[0]):
        own, i = rules.each[k], n_regulators + k
        wanted, asks = wants(own, rules, v_pu, v_base_v, at, r, hour, memory.wants[r, k])
        memory.wants[r, k] = wanted
        if wanted == NOTHING:
            memory.due_s[r, i] = np.inf
        elif asks and memory.due_s[r, i] == np.inf:
            memory.due_s[r, i] = delay_of(own, wanted, memory.was_opened[r, k])


@njit(**RULE)
def _act(
    regulators: RegulatorRules,
    capacitors: CapacitorRules,
    at: Standing,
    memory: Memory,
    r: int,
    first_s: float,
    steps: Floats,
) -> bool:
    """What is due first in row r acts and is disarmed; return whether anything moved."""
    moved, n_regulators = False, regulators.each.shape[0]
    for k in range(n_regulators):
        if memory.due_s[r, k] == first_s:
            memory.due_s[r, k] = np.inf
            own = regulators.each[k]
            change = steps_taken(own, at.taps[r, own.column], steps[k])
            at.taps[r, own.column] += change
            moved |= change != 0
    for k in range(capacitors.each.shape[0]):
        if memory.due_s[r, n_regulators + k] == first_s:
            memory.due_s[r, n_regulators + k] = np.inf
            own, wanted = capacitors.each[k], memory.wants[r, k]
            step = at.steps[r, own.column]
            after = min(max(step + wanted, 0), own.n_steps)
            if own.n_steps == 1 and wanted == OPEN and step == 1:
                memory.was_opened[r, k] = True  # OpenDSS's banks of several know no dead time
            at.steps[r, own.column] = after
            moved |= after != step
    return moved


@njit(**COMPILED)
def play_round(
    rules: Rules,
    memory: Memory,
    at: Standing,
    v_pu: Complex,
    v_afloat: Complex,
    hour: Floats,
    settled: Mask,
    on: Places,
    moved: Places,
    marks: bool,
    last: bool,
) -> tuple[int, int]:
    """Let the controls of some rows look and act once, in place.

    Args:
        rules: The controls.
        memory: What they remember.
        at: Where devices stand.
        v_pu: (row, node) what regulators see.
        v_afloat: (row, node) what capacitors see: dead conductors beside live ones float.
        hour: (row,) hour of the day.
        settled: (row,) where false the row is left alone; made false where it is found
            to go round in a circle, or still wants to act when it may not.
        on: Rows to look at; then, from its start, those that acted.
        moved: Room for as many; then those of them that have to be solved again.
        marks: Whether to mark this state as one that rows must not come back to.
        last: Whether none may act any more.

    Returns:
        How many rows acted, and how many moved.
    """
    regulators, capacitors, v_base_v = rules.regulators, rules.capacitors, rules.v_base_v
    steps, state = np.empty(regulators.each.shape[0]), np.empty(memory.mark.shape[1])
    n_on = n_moved = 0
    for i in range(on.shape[0]):
        r: int = on[i]
        if not settled[r]:
            continue
        _state(regulators, capacitors, at, memory, r, state)
        if _same(state, memory.mark[r]):
            settled[r] = False
            continue
        if marks:
            memory.mark[r] = state
        _look_regulators(regulators, v_pu[r], v_base_v, at, memory, r, steps)
        _look_capacitors(capacitors, v_afloat[r], v_base_v, at, memory, r, hour[r])
        first_s = _first_due_s(memory.due_s[r])
        if first_s == np.inf:
            continue
        if last:
            settled[r] = False
            continue
        if _act(regulators, capacitors, at, memory, r, first_s, steps):
            moved[n_moved] = r
            n_moved += 1
        on[n_on] = r
        n_on += 1
    return n_on, n_moved
