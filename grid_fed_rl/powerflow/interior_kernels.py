"""The interior's factors, with twice the digits of a double; compiled.

A delta side that only an anti-float susceptance holds has 25 per unit to its
transformer and less than a millionth to ground. What is left of the one by
elimination is the other, and a double would keep nine digits of it. So the interior,
which is factorised once a feeder, is factorised in pairs of doubles: a number is the
sum of two, the second below the last digit of the first (T. J. Dekker, "A
floating-point technique for extending the available precision", Numerische Mathematik
18, 1971, doi:10.1007/BF01397083).
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.lanes import COMPILED
from grid_fed_rl.powerflow.ordering import Elimination

__all__ = ["factorise_interior"]

Complex = NDArray[np.complex128]
Number = Any  # complex; numba alone knows the type

SPLIT = 134217729.0  # 2**27 + 1: times this, a double falls into two halves


@njit(**COMPILED)
def _sum(a: float, b: float) -> tuple[float, float]:
    """A + b as a pair, exactly."""
    high = a + b
    of_b = high - a
    return high, (a - (high - of_b)) + (b - of_b)


@njit(**COMPILED)
def _product(a: float, b: float) -> tuple[float, float]:
    """A * b as a pair, exactly."""
    high = a * b
    a_high = SPLIT * a - (SPLIT * a - a)
    b_high = SPLIT * b - (SPLIT * b - b)
    a_low, b_low = a - a_high, b - b_high
    low = ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low
    return high, low


@njit(**COMPILED)
def _plus(a: Number, a_low: Number, b: Number, b_low: Number) -> tuple[Number, Number]:
    """Sum of two pairs."""
    re, re_low = _sum(a.real, b.real)
    im, im_low = _sum(a.imag, b.imag)
    re, re_low = _sum(re, re_low + (a_low.real + b_low.real))
    im, im_low = _sum(im, im_low + (a_low.imag + b_low.imag))
    return complex(re, im), complex(re_low, im_low)


@njit(**COMPILED)
def _times(a: Number, a_low: Number, b: Number, b_low: Number) -> tuple[Number, Number]:
    """Product of two pairs."""
    rr, rr_low = _product(a.real, b.real)
    ii, ii_low = _product(a.imag, b.imag)
    ri, ri_low = _product(a.real, b.imag)
    ir, ir_low = _product(a.imag, b.real)
    low = a * b_low + a_low * b
    return _plus(
        complex(rr, ri), complex(rr_low, ri_low) + low, complex(-ii, ir), complex(-ii_low, ir_low)
    )


@njit(**COMPILED)
def _inverse(a: Number, a_low: Number) -> tuple[Number, Number]:
    """1 over a pair: that of a double, and a step of Newton's."""
    first = 1.0 / a
    near, near_low = _times(a, a_low, first, 0j)
    error, _ = _plus(1.0 + 0j, 0j, -near, -near_low)
    return _plus(first, 0j, first * error, 0j)


@njit(**COMPILED)
def _add_to_rows(
    elimination: Elimination,
    first: int,
    sign: float,
    entry: Complex,
    entry_low: Complex,
    to: Complex,
    to_low: Complex,
) -> None:
    """Add to both its rows every entry from column `first` on, with a sign."""
    for k in range(first, to.shape[0]):
        for e in range(elimination.column[k], elimination.column[k + 1]):
            i, value, low = elimination.row[e], sign * entry[e], sign * entry_low[e]
            to[k], to_low[k] = _plus(to[k], to_low[k], value, low)
            to[i], to_low[i] = _plus(to[i], to_low[i], value, low)


@njit(**COMPILED)
def factorise_interior(
    elimination: Elimination, entry: Complex, sums: Complex, sums_low: Complex
) -> None:
    """LDL^T of the interior in place; the boundary keeps its Schur complement.

    Args:
        elimination: The order, its entries and updates.
        entry: (m,) admittance off the diagonal; becomes L in the interior.
        sums: (n,) sum of every row. Becomes 1 / D in the interior, and stays the sum
            of a row in the boundary.
        sums_low: (n,) what a double leaves out of it; is overwritten.
    """
    column, update = elimination.column, elimination.update
    left, right, target = elimination.left, elimination.right, elimination.target
    m, n_interior = entry.shape[0], elimination.n_interior
    entry_low = np.zeros_like(entry)
    scaled, scaled_low = np.zeros_like(sums), np.zeros_like(sums)  # one column
    diagonal, low = sums, sums_low
    _add_to_rows(elimination, 0, -1.0, entry, entry_low, diagonal, low)
    for k in range(n_interior):
        first = column[k]
        inverse, inverse_low = _inverse(diagonal[k], low[k])
        for e in range(first, column[k + 1]):
            a = e - first
            scaled[a], scaled_low[a] = _times(entry[e], entry_low[e], inverse, inverse_low)
        for t in range(update[k], update[k + 1]):
            a, b, c = left[t] - first, right[t], target[t]
            lost, lost_low = _times(-scaled[a], -scaled_low[a], entry[b], entry_low[b])
            if c < m:
                entry[c], entry_low[c] = _plus(entry[c], entry_low[c], lost, lost_low)
            else:
                c -= m
                diagonal[c], low[c] = _plus(diagonal[c], low[c], lost, lost_low)
        entry[first : column[k + 1]] = scaled[: column[k + 1] - first]
        diagonal[k] = inverse
    _add_to_rows(elimination, n_interior, 1.0, entry, entry_low, sums, low)
