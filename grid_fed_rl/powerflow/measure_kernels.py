"""The compiled kernels of `measures`: rows one after the other, terms of `branches`.

Each takes the rows [first_row, last_row), so that rows can be spread over threads.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.branches import CurrentTerms, LossTerms

__all__ = ["active_losses", "branch_currents", "element_losses"]

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

COMPILED = {"nogil": True, "cache": True, "error_model": "numpy"}


@njit(**COMPILED)
def branch_currents(
    first_row: int, last_row: int, terms: CurrentTerms, factors: Real, v: Complex, out: Complex
) -> None:
    """Current of every conductor: (row, conductor), A."""
    n = v.shape[1]
    local = np.zeros(n + 1, np.complex128)
    for r in range(first_row, last_row):
        local[:n] = v[r]
        for k in range(terms.first.shape[0] - 1):
            re = 0.0
            im = 0.0
            for t in range(terms.first[k], terms.first[k + 1]):
                d = local[terms.start[t]] - local[terms.stop[t]]
                f = factors[r, terms.factor[t]]
                re += f * (terms.re[t] * d.real - terms.im[t] * d.imag)
                im += f * (terms.re[t] * d.imag + terms.im[t] * d.real)
            out[r, k] = complex(re, im)


@njit(**COMPILED)
def element_losses(
    first_row: int, last_row: int, terms: LossTerms, factors: Real, v: Complex, out: Complex
) -> None:
    """What every element takes: (row, element), kVA."""
    n = v.shape[1]
    local = np.zeros(n + 1, np.complex128)
    for r in range(first_row, last_row):
        local[:n] = v[r]
        for k in range(terms.first.shape[0] - 1):
            kw = 0.0
            kvar = 0.0
            for t in range(terms.first[k], terms.first[k + 1]):
                d = local[terms.start_1[t]] - local[terms.stop_1[t]]
                e = local[terms.start_2[t]] - local[terms.stop_2[t]]
                product = factors[r, terms.factor[t]] * (d.real * e.real + d.imag * e.imag)
                kw += terms.kw[t] * product
                kvar += terms.kvar[t] * product
            out[r, k] = complex(kw, kvar)


@njit(**COMPILED)
def active_losses(
    first_row: int, last_row: int, terms: LossTerms, factors: Real, v: Complex, out: Real
) -> None:
    """Active power that all elements together take: (row,), kW."""
    n = v.shape[1]
    local = np.zeros(n + 1, np.complex128)
    for r in range(first_row, last_row):
        local[:n] = v[r]
        total = 0.0
        for t in range(terms.kw.shape[0]):
            d = local[terms.start_1[t]] - local[terms.stop_1[t]]
            e = local[terms.start_2[t]] - local[terms.stop_2[t]]
            product = d.real * e.real + d.imag * e.imag
            total += factors[r, terms.factor[t]] * terms.kw[t] * product
        out[r] = total
