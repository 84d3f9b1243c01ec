"""Which days train, validate and test: fixed by hash, never by order."""

import hashlib
import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError

__all__ = ["SPLIT_FRACTIONS", "split_days"]

SPLIT_FRACTIONS: Mapping[str, float] = MappingProxyType(
    {"train": 0.6, "validation": 0.2, "test": 0.2}
)
"""Expected share of the days in each split."""


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


def _unit_point(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2.0**64
