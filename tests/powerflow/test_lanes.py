"""Arithmetic of lanes: numpy's, lane by lane; a fused product is rounded once."""

import numpy as np
import pytest
from numba import njit

from grid_fed_rl.powerflow.lanes import LANES, fused, load, root, splat, store, where

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 4, LANES))


@njit
def compute(a, b, c, out):
    x, y, z = load(a, 1), load(b, 2), load(c, 3)
    store(out, 0, x + y)
    store(out, 1, x - y)
    store(out, 2, x * y)
    store(out, 3, x / y)
    store(out, 4, -x)
    store(out, 5, fused(x, y, z))
    store(out, 6, root(x * x))
    store(out, 7, splat(2.5))
    store(out, 8, where(x <= y, x, y))
    store(out, 9, where(x > y, x, y))


def test_every_operation_is_numpys_lane_by_lane() -> None:
    out = np.full((11, LANES), np.nan)
    compute(A, B, C, out)
    x, y, z = A[1], B[2], C[3]
    expected = [x + y, x - y, x * y, x / y, -x, None, np.abs(x), np.full(LANES, 2.5)]
    for k, row in enumerate([*expected, np.minimum(x, y), np.maximum(x, y)]):
        if row is not None:
            np.testing.assert_array_equal(out[k], row)
    np.testing.assert_allclose(out[5], x * y + z, rtol=1e-13)
    assert np.isnan(out[10]).all()  # a row that nothing was written to


@njit
def residue(a, out):
    """The part of a square that a product rounded on its own leaves out."""
    x = load(a, 0)
    store(out, 0, fused(x, x, -(x * x)))


def test_a_fused_product_is_rounded_once() -> None:
    a = np.full((1, LANES), 1.0 + 2.0**-30)
    out = np.empty((1, LANES))
    residue(a, out)
    np.testing.assert_array_equal(out, 2.0**-60)


@njit
def choose(a, out):
    nothing = root(load(a, 0))
    store(out, 0, where(nothing <= splat(1.0), splat(1.0), splat(2.0)))
    store(out, 1, where(nothing > splat(1.0), splat(1.0), splat(2.0)))


def test_nothing_compares_to_what_is_not_a_number() -> None:
    out = np.empty((2, LANES))
    choose(np.full((1, LANES), -1.0), out)
    np.testing.assert_array_equal(out, 2.0)


@njit
def misuse(a, out):
    store(out, 0, load(a, 0) + 1.0)


def test_a_plain_number_must_be_spread_first() -> None:
    with pytest.raises(Exception, match="No implementation of function"):
        misuse(A, np.empty((1, LANES)))
