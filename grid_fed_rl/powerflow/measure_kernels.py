"""The compiled kernels of `measures`: rows one after the other, terms of `branches`.

Each takes the rows [first_row, last_row), so that rows can be spread over threads.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.branches import CurrentTerms, LossTerms
from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = ["active_losses", "branch_flows", "element_losses"]

Index = NDArray[np.uint32]
Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@njit(**COMPILED)
def _load(v: Complex, row: int, re: Real, im: Real) -> None:
    """One row's voltages, and ground after them."""
    n = v.shape[1]
    for k in range(n):
        re[k] = v[row, k].real
        im[k] = v[row, k].imag
    re[n] = 0.0
    im[n] = 0.0


@njit(**COMPILED)
def branch_flows(
    first_row: int,
    last_row: int,
    factors: Real,
    v: Complex,
    terms: CurrentTerms,
    node: Index,
    base_kv: Real,
    current_a: Complex,
    power_kva: Complex,
) -> None:
    """Current and power into every conductor: (row, conductor).

    `node` is where a conductor lands, `base_kv` (conductor,) the base there.
    """
    first, start, stop, factor = terms.first, terms.start, terms.stop, terms.factor
    y_re, y_im = terms.re, terms.im
    v_re, v_im = np.empty(v.shape[1] + 1), np.empty(v.shape[1] + 1)
    for r in range(first_row, last_row):
        _load(v, r, v_re, v_im)
        t = 0
        for k in range(node.shape[0]):
            i_re = 0.0
            i_im = 0.0
            while t < first[k + 1]:
                d_re = v_re[start[t]] - v_re[stop[t]]
                d_im = v_im[start[t]] - v_im[stop[t]]
                g = factors[r, factor[t]] * y_re[t]
                b = factors[r, factor[t]] * y_im[t]
                i_re += g * d_re - b * d_im
                i_im += g * d_im + b * d_re
                t += 1
            current_a[r, k] = complex(i_re, i_im)
            kv_re = v_re[node[k]] * base_kv[k]
            kv_im = v_im[node[k]] * base_kv[k]
            power_kva[r, k] = complex(kv_re * i_re + kv_im * i_im, kv_im * i_re - kv_re * i_im)


@njit(**COMPILED)
def element_losses(
    first_row: int, last_row: int, factors: Real, v: Complex, terms: LossTerms, out: Complex
) -> None:
    """What every element takes: (row, element), kVA."""
    first, factor, kw, kvar = terms.first, terms.factor, terms.kw, terms.kvar
    start_1, stop_1, start_2, stop_2 = terms.start_1, terms.stop_1, terms.start_2, terms.stop_2
    v_re, v_im = np.empty(v.shape[1] + 1), np.empty(v.shape[1] + 1)
    for r in range(first_row, last_row):
        _load(v, r, v_re, v_im)
        t = 0
        for k in range(first.shape[0] - 1):
            p = 0.0
            q = 0.0
            while t < first[k + 1]:
                d_re = v_re[start_1[t]] - v_re[stop_1[t]]
                d_im = v_im[start_1[t]] - v_im[stop_1[t]]
                e_re = v_re[start_2[t]] - v_re[stop_2[t]]
                e_im = v_im[start_2[t]] - v_im[stop_2[t]]
                product = factors[r, factor[t]] * (d_re * e_re + d_im * e_im)
                p += kw[t] * product
                q += kvar[t] * product
                t += 1
            out[r, k] = complex(p, q)


@njit(**COMPILED)
def active_losses(
    first_row: int, last_row: int, factors: Real, v: Complex, terms: LossTerms, out: Real
) -> None:
    """Active power that all elements together take: (row,), kW."""
    factor, kw = terms.factor, terms.kw
    start_1, stop_1, start_2, stop_2 = terms.start_1, terms.stop_1, terms.start_2, terms.stop_2
    v_re, v_im = np.empty(v.shape[1] + 1), np.empty(v.shape[1] + 1)
    for r in range(first_row, last_row):
        _load(v, r, v_re, v_im)
        total = 0.0
        for t in range(kw.shape[0]):
            d_re = v_re[start_1[t]] - v_re[stop_1[t]]
            d_im = v_im[start_1[t]] - v_im[stop_1[t]]
            e_re = v_re[start_2[t]] - v_re[stop_2[t]]
            e_im = v_im[start_2[t]] - v_im[stop_2[t]]
            total += factors[r, factor[t]] * kw[t] * (d_re * e_re + d_im * e_im)
        out[r] = total
