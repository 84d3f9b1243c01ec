"""What controls see, compiled: volts and amperes of conductors in a row of voltages.

A conductor is a column of the network's nodes, or -1 for ground. Controls are records,
one each: numba hands on a record as a pointer, where arrays of every setting would take
longer to hand on than a rule takes.
"""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = ["RULE", "TERM", "across_v", "current_a", "magnitude", "volts_at"]

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

# A rule is a few operations: to call it takes longer than to do it.
RULE: dict[str, Any] = {**COMPILED, "inline": "always"}

TERM = np.dtype(
    [
        ("node", np.int64),  # conductor
        # Siemens from its voltage to a current: fixed, and beside a tap that stands at t
        # what is scaled by 1/t and by 1/t^2.
        ("fixed", np.complex128),
        ("crossing", np.complex128),
        ("second", np.complex128),
    ]
)

Terms = NDArray[Any]
"""Terms of currents, one after the other: records of `TERM`."""


@njit(**RULE)
def volts_at(v_pu: Complex, v_base_v: Floats, node: int) -> complex:
    """Volts to ground of a conductor."""
    return v_pu[node] * v_base_v[node] if node >= 0 else 0j


@njit(**RULE)
def across_v(v_pu: Complex, v_base_v: Floats, start: int, stop: int) -> complex:
    """Volts from a conductor to another."""
    return volts_at(v_pu, v_base_v, start) - volts_at(v_pu, v_base_v, stop)


@njit(**RULE)
def magnitude(x: complex) -> float:
    """The same as abs, six times as fast: of volts and amperes no square overflows."""
    return math.sqrt(x.real * x.real + x.imag * x.imag)


@njit(**RULE)
def current_a(
    terms: Terms, first: int, last: int, v_pu: Complex, v_base_v: Floats, t: float
) -> complex:
    """The current of the terms from first to last, at a tap of `t` per unit."""
    fixed = crossing = second = 0j
    for i in range(first, last):
        term = terms[i]
        volts = volts_at(v_pu, v_base_v, term.node)
        fixed += volts * term.fixed
        crossing += volts * term.crossing
        second += volts * term.second
    return fixed + crossing * (1.0 / t) + second * (1.0 / t**2)
