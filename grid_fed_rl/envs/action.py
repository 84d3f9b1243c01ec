"""The check that every action passes before a feeder moves."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import ActionError

__all__ = ["checked_action", "checked_choice"]

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
    numbers = _numbers(action, shape, names)
    wrong = ~(np.abs(numbers) <= 1.0 + ROUNDING)  # NaN is wrong, too
    if wrong.any():
        raise ActionError(f"{_first(wrong, numbers, names)}; expected a number from -1 to 1")
    return np.clip(numbers, -1.0, 1.0)


def checked_choice(
    action: ArrayLike,
    lead: tuple[int, ...],
    n_choices: NDArray[np.int64],
    names: tuple[str, ...],
) -> NDArray[np.int64]:
    """An action as whole numbers, each one of the choices of its device.

    Args:
        action: What the policy gave.
        lead: Shape before the devices: ``()`` or ``(n_lanes,)``.
        n_choices: (device,) choices are 0 to one less.
        names: (device,) what its last axis stands for.

    Raises:
        ActionError: it is not numbers, has another shape or holds what is no choice;
            the message names lane and device.
    """
    numbers = _numbers(action, (*lead, len(names)), names)
    choices = np.rint(np.where(np.isfinite(numbers), numbers, -1.0)).astype(np.int64)
    wrong = (choices != numbers) | (choices < 0) | (choices >= n_choices)
    if wrong.any():
        most = n_choices[np.argwhere(wrong)[0][-1]] - 1
        raise ActionError(
            f"{_first(wrong, numbers, names)}; expected a whole number from 0 to {most}"
        )
    return choices


def _numbers(
    action: ArrayLike, shape: tuple[int, ...], names: tuple[str, ...]
) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ActionError(f"action is not an array of numbers: {error}") from error
    if numbers.shape != shape:
        raise ActionError(
            f"action has shape {numbers.shape}; expected {shape}: one entry for each of "
            f"{', '.join(names)}"
        )
    return numbers


def _first(wrong: NDArray[np.bool_], numbers: NDArray[np.float64], names: tuple[str, ...]) -> str:
    """The first entry that is wrong, by lane and device, in words."""
    *lane, device = np.argwhere(wrong)[0]
    whose = f" of lane {lane[0]}" if lane else ""
    return f"action{whose} for {names[device]!r} is {numbers[(*lane, device)]}"
