"""Arithmetic of lanes: numpy's, lane by lane; a fused product is rounded once.

Every kernel is held twice: on lanes, and on one row alone, where rows are numbers.
"""

import numpy as np
import pytest
from numba import njit

from grid_fed_rl.powerflow.lanes import (
    LANES,
    by_lane,
    fused,
    lanes_of,
    load,
    root,
    spread,
    store,
    where,
)

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 4, LANES))
SHAPES = [pytest.param((LANES,), id="lanes"), pytest.param((), id="one row")]


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
    store(out, 7, spread(2.5, a))
    store(out, 8, where(x <= y, x, y))
    store(out, 9, where(x > y, x, y))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_operation_is_numpys_lane_by_lane(shape: tuple[int, ...]) -> None:
    a, b, c = (np.ascontiguousarray(one if shape else one[:, 0]) for one in (A, B, C))
    out = np.full((11, *shape), np.nan)
    compute(a, b, c, out)
    x, y, z = a[1], b[2], c[3]
    expected = [x + y, x - y, x * y, x / y, -x, None, np.abs(x), np.full(shape, 2.5)]
    for k, row in enumerate([*expected, np.minimum(x, y), np.maximum(x, y)]):
        if row is not None:
            np.testing.assert_array_equal(out[k], row)
    np.testing.assert_allclose(out[5], x * y + z, rtol=1e-13)
    assert np.isnan(out[10]).all()  # a row that nothing was written to


@njit
def mingle(a, number, out):
    """Lanes, and a row of an array that is the same in all of them."""
    x, s = load(a, 0), load(number, 0)
    store(out, 0, x + s)
    store(out, 1, s - x)
    store(out, 2, x * 3.0)
    store(out, 3, 1.0 / x)
    store(out, 4, fused(s, x, 0.5))
    store(out, 5, fused(x, s, s))
    store(out, 6, where(x > 0.0, s, x))
    store(out, 7, where(s <= x, 1.0, 0.0))
    store(out, 8, s)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_number_meets_lanes_as_the_same_in_every_lane(shape: tuple[int, ...]) -> None:
    a, s = np.ascontiguousarray(A if shape else A[:, 0]), 0.25
    out = np.empty((9, *shape))
    mingle(a, np.array([s]), out)
    x = a[0]
    chosen = [np.where(x > 0.0, s, x), np.where(s <= x, 1.0, 0.0), np.full(shape, s)]
    expected = [x + s, s - x, x * 3.0, 1.0 / x, s * x + 0.5, x * s + s, *chosen]
    np.testing.assert_array_equal(out, expected)  # a quarter is exact, fused or not


@njit
def residue(a, out):
    """The part of a square that a product rounded on its own leaves out."""
    x = load(a, 0)
    store(out, 0, fused(x, x, -(x * x)))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_fused_product_is_rounded_once(shape: tuple[int, ...]) -> None:
    a = np.full((1, *shape), 1.0 + 2.0**-30)
    out = np.empty((1, *shape))
    residue(a, out)
    np.testing.assert_array_equal(out, 2.0**-60)


@njit
def apart(a, b, out):
    """A sum of products that nobody fused."""
    store(out, 0, load(a, 0) * load(a, 0) - load(b, 0))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_not_written_as_fused_is_rounded_twice(shape: tuple[int, ...]) -> None:
    a, b = np.full((1, *shape), 1.0 + 2.0**-30), np.full((1, *shape), 1.0 + 2.0**-29)
    out = np.empty((1, *shape))
    apart(a, b, out)
    np.testing.assert_array_equal(out, 0.0)


@njit
def choose(a, out):
    nothing = root(load(a, 0))
    store(out, 0, where(nothing <= 1.0, 1.0, 2.0))
    store(out, 1, where(nothing > 1.0, 1.0, 2.0))


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_compares_to_what_is_not_a_number(shape: tuple[int, ...]) -> None:
    out = np.empty((2, *shape))
    choose(np.full((1, *shape), -1.0), out)
    np.testing.assert_array_equal(out, 2.0)


@njit
def rooms(a):
    fresh = lanes_of(3, a)
    by_lane(fresh)[1, :] = 7.0
    return fresh


@pytest.mark.parametrize("shape", SHAPES)
def test_room_is_of_a_kernels_own_kind(shape: tuple[int, ...]) -> None:
    for made in (rooms(np.ones((2, *shape))), rooms.py_func(np.ones((2, *shape)))):
        assert made.shape == (3, *shape)
        np.testing.assert_array_equal(made[1], 7.0)
        np.testing.assert_array_equal(made[[0, 2]], 0.0)
