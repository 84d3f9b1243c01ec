"""The check that every action passes before a feeder moves."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import ActionError

__all__ = ["checked_action"]

ROUNDING = 1e-6  # beyond 1 that an action computed in float32 may lie


def checked_action(
    action: ArrayLike, shape: tuple[int, ...], names: tuple[str, ...]
) -> NDArray[np.float64]:
    """An action as numbers from -1 to 1.

    Args:
        action: What the policy gave.
        shape: (device,) or (lane, device).
        names: (device,) what its last axis stands for.

    Raises:
        ActionError: it is not numbers, has another shape, is not finite or lies
            outside [-1, 1]; the message names lane and device.
    """
    try:
        numbers = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ActionError(f"action is not an array of numbers: {error}") from error
    if numbers.shape != shape:
        raise ActionError(
            f"action has shape {numbers.shape}; expected {shape}: one entry for each of "
            f"{', '.join(names)}"
        )
    wrong = ~(np.abs(numbers) <= 1.0 + ROUNDING)  # NaN is wrong, too
    if wrong.any():
        *lane, device = np.argwhere(wrong)[0]
        whose = f" of lane {lane[0]}" if lane else ""
        raise ActionError(
            f"action{whose} for {names[device]!r} is {numbers[(*lane, device)]}; "
            f"expected a number from -1 to 1"
        )
    return np.clip(numbers, -1.0, 1.0)
