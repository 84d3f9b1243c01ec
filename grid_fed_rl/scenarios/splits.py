"""Which days train, validate, test and stress: fixed by hash, never by order.

A stress split is a set of test days, so no stress test looks at a day that anyone
has trained on. `grid_fed_rl.scenarios.stress` says what happens on them.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError

__all__ = ["SPLITS", "SPLIT_FRACTIONS", "STRESS_SPLITS", "days_in_split", "pick", "split_days"]

SPLIT_FRACTIONS: Mapping[str, float] = MappingProxyType(
    {"train": 0.6, "validation": 0.2, "test": 0.2}
)
"""Expected share of the days in each split."""

STRESS_SPLITS = ("stress-heat-wave", "stress-high-pv", "stress-high-ev", "stress-n-1")
SPLITS = (*SPLIT_FRACTIONS, *STRESS_SPLITS)

STRESS_SHARE = 0.5
"""Share of the test days that a stress split holds: the most severe ones, or by hash."""


def split_days(
    n_days: int, key: str, fractions: Mapping[str, float] = SPLIT_FRACTIONS
) -> dict[str, npt.NDArray[np.int64]]:
    """Put every day into exactly one split.

    Day d falls at the point `sha256(f"{key}:{d}")`, its first eight bytes read
    big-endian over 2**64, of the unit interval, which the fractions divide in
    the order train, validation, test. A day keeps its split whatever the number
    of days; sizes match the fractions only on average, and on very few days a
    split may be empty.

    Args:
        n_days: number of days, above 0.
        key: names the split; another key gives another, unrelated one.
        fractions: share of "train", "validation" and "test"; their sum is 1.

    Returns:
        {"train", "validation", "test"}: rising day indices.

    Raises:
        ScenarioError: `n_days` or `fractions` is out of bounds.
    """
    if n_days < 1:
        raise ScenarioError(f"split '{key}': n_days = {n_days}: must be at least 1")
    names = tuple(SPLIT_FRACTIONS)
    if set(fractions) != set(names):
        raise ScenarioError(
            f"split '{key}': fractions name {', '.join(sorted(fractions))}: "
            f"must name {', '.join(names)}"
        )
    shares = [fractions[name] for name in names]
    if min(shares) < 0.0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-9):
        raise ScenarioError(
            f"split '{key}': fractions = {shares}: must each be at least 0 and sum to 1"
        )
    points = np.array([_unit_point(f"{key}:{day}") for day in range(n_days)])
    split = np.searchsorted(np.cumsum(shares)[:-1], points, side="right")
    return {name: np.flatnonzero(split == k) for k, name in enumerate(names)}


def days_in_split(
    split: str,
    n_days: int,
    key: str,
    severity: npt.ArrayLike | None = None,
    fractions: Mapping[str, float] = SPLIT_FRACTIONS,
) -> npt.NDArray[np.int64]:
    """Days of one split, stress splits included.

    A stress split holds half of the test days, rounded up: those of the greatest
    `severity`, the earlier of two equal ones; or, without it, those that fall
    lowest by the hash of key, split and day.

    Args:
        split: one of `SPLITS`.
        n_days: number of days, above 0.
        key: names the split, as in `split_days`.
        severity: (day,) how hard each day is; for stress splits only.
        fractions: as in `split_days`.

    Returns:
        Rising day indices.

    Raises:
        ScenarioError: the split is unknown, or an argument does not fit.
    """
    if split not in SPLITS:
        raise ScenarioError(f"split '{key}': '{split}' is no split: must be one of {SPLITS}")
    days = split_days(n_days, key, fractions)
    if split in days:
        return days[split]
    test = days["test"]
    if severity is None:
        order = np.array([_unit_point(f"{key}:{split}:{day}") for day in test])
    else:
        hardness = np.asarray(severity, dtype=np.float64)
        if hardness.shape != (n_days,):
            raise ScenarioError(
                f"split '{key}': severity has shape {hardness.shape}: must be ({n_days},)"
            )
        order = -hardness[test]
    count = math.ceil(STRESS_SHARE * len(test))
    return np.sort(test[np.argsort(order, kind="stable")[:count]])


def pick(names: Sequence[str], key: str) -> str:
    """The one of some names that a key fixes, whatever their order.

    Each name falls at the point `sha256(f"{key}:{name}")`, and the lowest is
    taken, so a name more or less moves no choice but those that it wins or held.

    Raises:
        ScenarioError: there is no name.
    """
    if not names:
        raise ScenarioError(f"pick '{key}': there is nothing to pick from")
    return min(names, key=lambda name: (_unit_point(f"{key}:{name}"), name))


def _unit_point(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2.0**64
