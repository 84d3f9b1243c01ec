"""What inverters must do while voltage is abnormal: IEEE Std 1547-2018, clause 6.4.

The standard sorts equipment twice. Categories A and B are of normal operation (clause 5:
reactive power and its volt-var curve); categories I, II and III are of abnormal operation
(clause 6: how long to ride through, and when to trip). Equipment of category B, inverters
mostly, is commonly also of category II or III. So "category B" alone says nothing of
ride-through; both categories are named here.

Tables 14 to 16 say what must be ridden through and how long at least, tables 11 to 13 by
when equipment must have tripped, at their default settings. The ranges and times are also
those of EPRI's OpenDER model (report 3002025583, section 3.5.1.3). All voltages are per
unit of nominal, of the phase that is furthest off.
"""

import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import TaskError

__all__ = [
    "RideThroughCategory",
    "RideThroughMode",
    "least_ride_through_s",
    "must_trip",
    "ride_through_mode",
    "trip_after_s",
]

Floats = NDArray[np.float64]


class RideThroughCategory(StrEnum):
    """Abnormal operating performance category (clause 4.3)."""

    I = "I"  # noqa: E741 - the standard's own name
    II = "II"
    III = "III"


class RideThroughMode(IntEnum):
    """What is asked of equipment in a range of voltage (clause 6.4.2)."""

    CONTINUOUS = 0
    MANDATORY = 1
    PERMISSIVE = 2
    MOMENTARY_CESSATION = 3
    CEASE_TO_ENERGIZE = 4


@dataclass(frozen=True, slots=True)
class _Range:
    """Voltages above `above_pu` and up to that of the next range."""

    above_pu: float
    mode: RideThroughMode
    least_s: float  # at `above_pu`
    s_per_pu: float = 0.0  # more of it above


_CEASE, _PERMISSIVE = RideThroughMode.CEASE_TO_ENERGIZE, RideThroughMode.PERMISSIVE
_MANDATORY, _CONTINUOUS = RideThroughMode.MANDATORY, RideThroughMode.CONTINUOUS
_MOMENTARY = RideThroughMode.MOMENTARY_CESSATION

_HIGH_I_II = (
    _Range(1.10, _PERMISSIVE, 1.0),
    _Range(1.15, _PERMISSIVE, 0.5),
    _Range(1.175, _PERMISSIVE, 0.2),
    _Range(1.20, _CEASE, 0.0),
)

# Tables 14, 15 and 16, from the lowest voltage up.
_RANGES = {
    RideThroughCategory.I: (
        _Range(0.0, _CEASE, 0.0),
        _Range(0.50, _PERMISSIVE, 0.16),
        _Range(0.70, _MANDATORY, 0.7, 4.0),
        _Range(0.88, _CONTINUOUS, math.inf),
        *_HIGH_I_II,
    ),
    RideThroughCategory.II: (
        _Range(0.0, _CEASE, 0.0),
        _Range(0.30, _PERMISSIVE, 0.16),
        _Range(0.45, _PERMISSIVE, 0.32),
        _Range(0.65, _MANDATORY, 3.0, 8.7),
        _Range(0.88, _CONTINUOUS, math.inf),
        *_HIGH_I_II,
    ),
    RideThroughCategory.III: (
        _Range(0.0, _MOMENTARY, 1.0),
        _Range(0.50, _MANDATORY, 10.0),
        _Range(0.70, _MANDATORY, 20.0),
        _Range(0.88, _CONTINUOUS, math.inf),
        _Range(1.10, _MOMENTARY, 12.0),
        _Range(1.20, _CEASE, 0.0),
    ),
}

# Tables 11, 12 and 13, default settings: (voltage at or below which, clearing time) from
# the lowest up, and (voltage at or above which, clearing time) from the highest down.
_TRIPS_LOW = {
    RideThroughCategory.I: ((0.45, 0.16), (0.70, 2.0)),
    RideThroughCategory.II: ((0.45, 0.16), (0.70, 10.0)),
    RideThroughCategory.III: ((0.50, 2.0), (0.88, 21.0)),
}
_TRIPS_HIGH = {
    RideThroughCategory.I: ((1.20, 0.16), (1.10, 2.0)),
    RideThroughCategory.II: ((1.20, 0.16), (1.10, 2.0)),
    RideThroughCategory.III: ((1.20, 0.16), (1.10, 13.0)),
}


def ride_through_mode(
    v_pu: ArrayLike, category: RideThroughCategory | str = RideThroughCategory.III
) -> NDArray[np.int8]:
    """What is asked of equipment at these voltages (tables 14 to 16).

    Args:
        v_pu: (...,) voltage of the phase that is furthest off, per unit of nominal.
        category: Abnormal operating performance category.

    Returns:
        (...,) `RideThroughMode`.

    Raises:
        TaskError: there is no such category, or a voltage is negative or no number.
    """
    ranges, _, which = _place(v_pu, category)
    return np.array([one.mode for one in ranges], dtype=np.int8)[which]


def least_ride_through_s(
    v_pu: ArrayLike, category: RideThroughCategory | str = RideThroughCategory.III
) -> Floats:
    """How long these voltages must be ridden through at least (tables 14 to 16).

    Infinite in continuous operation, 0 where equipment ceases to energise.

    Args:
        v_pu: (...,) voltage of the phase that is furthest off, per unit of nominal.
        category: Abnormal operating performance category.

    Raises:
        TaskError: there is no such category, or a voltage is negative or no number.
    """
    ranges, v, which = _place(v_pu, category)
    least, slope, above = (
        np.array([getattr(one, name) for one in ranges])
        for name in ("least_s", "s_per_pu", "above_pu")
    )
    return least[which] + slope[which] * (v - above[which])


def trip_after_s(
    v_pu: ArrayLike, category: RideThroughCategory | str = RideThroughCategory.III
) -> Floats:
    """Time after which equipment must have tripped at these voltages (tables 11 to 13).

    The default settings of functions OV2, OV1, UV1 and UV2; infinite between them.

    Args:
        v_pu: (...,) voltage of the phase that is furthest off, per unit of nominal.
        category: Abnormal operating performance category.

    Raises:
        TaskError: there is no such category, or a voltage is negative or no number.
    """
    known, v = _known(category), _voltages(v_pu)
    after = np.full(v.shape, np.inf)
    for limit, seconds in reversed(_TRIPS_LOW[known]):
        after = np.where(v <= limit, seconds, after)
    for limit, seconds in reversed(_TRIPS_HIGH[known]):
        after = np.where(v >= limit, seconds, after)
    return after


def must_trip(
    v_pu: ArrayLike,
    duration_s: float,
    category: RideThroughCategory | str = RideThroughCategory.III,
) -> NDArray[np.bool_]:
    """Whether equipment has tripped once these voltages lasted so long.

    Args:
        v_pu: (...,) voltage of the phase that is furthest off, per unit of nominal.
        duration_s: How long they last; 3600 for a step of an hour.
        category: Abnormal operating performance category.

    Raises:
        TaskError: there is no such category, or a voltage is negative or no number.
    """
    return trip_after_s(v_pu, category) <= duration_s


def _known(category: RideThroughCategory | str) -> RideThroughCategory:
    try:
        return RideThroughCategory(category)
    except ValueError:
        hint = " (A and B are categories of normal operation)" if category in ("A", "B") else ""
        raise TaskError(
            f"ride-through category is {category!r}; expected 'I', 'II' or 'III'{hint}"
        ) from None


def _voltages(v_pu: ArrayLike) -> Floats:
    v = np.asarray(v_pu, dtype=np.float64)
    wrong = ~(v >= 0.0)
    if wrong.any():
        raise TaskError(f"ride-through: v_pu is {v[wrong].flat[0]}; expected 0 or more")
    return v


def _place(
    v_pu: ArrayLike, category: RideThroughCategory | str
) -> tuple[tuple[_Range, ...], Floats, NDArray[np.int64]]:
    """The ranges of a category, the voltages, and the range of each.

    A low range begins at its voltage (0.88 is continuous operation), a high one above
    its voltage (so is 1.10).
    """
    ranges, v = _RANGES[_known(category)], _voltages(v_pu)
    edges = np.array([one.above_pu for one in ranges])
    low, high = edges[edges < 1.0], edges[edges > 1.0]
    which = np.searchsorted(low, v, side="right") - 1 + np.searchsorted(high, v, side="left")
    return ranges, v, which
