"""Tap changers of step-voltage regulators and load tap changers.

A step-voltage regulator of the common 32-step type covers +-10 % in steps of
5/8 % (0.00625 per unit): 16 steps to raise, neutral, and 16 to lower (IEEE
Std C57.15; W. H. Kersting, Distribution System Modeling and Analysis, ch. 7).
"""

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ActionError

__all__ = ["TAP_LIMIT", "TAP_STEP_PU", "move_taps", "tap_ratio"]

Integers = npt.NDArray[np.integer]

TAP_LIMIT = 16
"""Highest position of a 32-step regulator; the lowest is its negative."""

TAP_STEP_PU = 0.00625
"""Change of ratio a step: 5/8 % of rated voltage."""


def tap_ratio(position: Integers, step_pu: float = TAP_STEP_PU) -> npt.NDArray[np.float64]:
    """Voltage ratio, output over input, of each tap position.

    `1 + position * step_pu`: position -16 is 0.9, 0 is 1.0 and 16 is 1.1 per
    unit with the default step.

    Args:
        position: (..., tap) whole steps from neutral; positive raises.
        step_pu: change of ratio a step.
    """
    return 1.0 + np.asarray(position, dtype=np.float64) * step_pu


def move_taps(
    position: Integers,
    change: Integers,
    minimum: int | Integers = -TAP_LIMIT,
    maximum: int | Integers = TAP_LIMIT,
) -> tuple[Integers, npt.NDArray[np.int64]]:
    """Move taps by whole steps and stop at the ends.

    Args:
        position: (lane, tap) positions before the move.
        change: (lane, tap) steps to move; positive raises.
        minimum: lowest position, one for all or (tap,).
        maximum: highest position, one for all or (tap,).

    Returns:
        position: (lane, tap) positions after the move, of the dtype of `position`.
        operations: (lane, tap) int64, steps really moved, zero or more.

    Raises:
        ActionError: `change` is not of an integer type.
    """
    change = np.asarray(change)
    if change.dtype.kind not in "iu":
        raise ActionError(f"tap change has dtype {change.dtype}: must be integer, whole steps")
    before = position.astype(np.int64)
    after = np.minimum(np.maximum(before + change.astype(np.int64), minimum), maximum)
    return after.astype(position.dtype), np.abs(after - before)
