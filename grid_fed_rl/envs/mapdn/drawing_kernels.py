"""Load and PV of a step, compiled: rows of the profiles, and what strays from them."""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.lanes import COMPILED
from grid_fed_rl.scenarios.streams import split_mix

__all__ = ["look_up", "stray"]

Floats = NDArray[np.float64]
Series = NDArray[np.float32]

_bits: Any = njit(**COMPILED)(split_mix)  # of one key and counter


@njit(**COMPILED)
def look_up(
    first: int, last: int, row: NDArray[np.int64], series: Series, begin: int, out: Floats
) -> None:
    """Copy a row of (row, column) for lanes [first, last), into columns from `begin` on."""
    for lane in range(first, last):
        for k in range(series.shape[1]):
            out[lane, begin + k] = series[row[lane], k]


@njit(**COMPILED)
def stray(
    first: int,
    last: int,
    key: NDArray[np.uint64],
    step: NDArray[np.int64],
    spread: Floats,
    out: Floats,
) -> None:
    """Add the absolute value of a normal number times `spread` to every column.

    Normal numbers come in pairs (G. E. P. Box and M. E. Muller, "A note on the generation
    of random normal deviates", Ann. Math. Statist. 29(2), 1958, doi:10.1214/aoms/1177706645);
    each step of a lane has its own stretch of the lane's stream.

    Args:
        first: The first lane.
        last: The lane after the last.
        key: (lane,) stream.
        step: (lane,) step of the episode.
        spread: (column,) standard deviation.
        out: (lane, column).
    """
    n = spread.shape[0]
    pairs = (n + 1) // 2
    for lane in range(first, last):
        at = step[lane] * 2 * pairs
        for k in range(pairs):
            one = _bits(key[lane], np.uint64(at + k)) >> np.uint64(11)
            other = _bits(key[lane], np.uint64(at + pairs + k)) >> np.uint64(11)
            radius = math.sqrt(-2.0 * math.log1p(-(one * 2.0**-53)))
            cosine = math.cos(2.0 * math.pi * (other * 2.0**-53))
            out[lane, k] += spread[k] * radius * abs(cosine)
            if pairs + k < n:
                sine = math.sqrt(1.0 - cosine * cosine)  # but for the sign, which does not count
                out[lane, pairs + k] += spread[pairs + k] * radius * sine
