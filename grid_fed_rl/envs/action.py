"""How a policy's action becomes numbers from -1 to 1, and the check it passes.

Two modes: ``continuous``, an entry from -1 to 1 each; ``multidiscrete``, a choice each,
evenly spaced from -1 to 1: of n choices, choice k is ``2 k / (n - 1) - 1``.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import ActionError, TaskError

__all__ = ["ActionMode", "Actions", "Choices", "Continuous", "actions_of", "checked_action"]

ActionMode = Literal["continuous", "multidiscrete"]
ROUNDING = 1e-6  # beyond 1 that an action computed in float32 may lie

Floats = NDArray[np.float64]


class Actions(Protocol):
    """A way to state an action."""

    @property
    def space(self) -> spaces.Space:
        """What a policy of one lane gives."""
        ...

    @property
    def step(self) -> Floats:
        """(action,) distance of the choices, from -1 to 1; 0 where any number will do."""
        ...

    def numbers(self, action: ArrayLike, shape: tuple[int, ...]) -> Floats:
        """The action as numbers from -1 to 1.

        Args:
            action: What the policy gave.
            shape: (action,) or (lane, action).

        Raises:
            ActionError: it is none of the space; the message names lane and device.
        """
        ...

    def stated(self, numbers: Floats) -> NDArray[Any]:
        """The action of the space that is nearest to numbers from -1 to 1: (lane, action)."""
        ...


class Continuous:
    """A number from -1 to 1 for each entry."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.space = spaces.Box(-1.0, 1.0, (len(self.names),), np.float32)
        self.step = np.zeros(len(self.names))

    def numbers(self, action: ArrayLike, shape: tuple[int, ...]) -> Floats:
        """See `Actions`."""
        return checked_action(action, shape, self.names)

    def stated(self, numbers: Floats) -> NDArray[np.float32]:
        """See `Actions`."""
        return np.clip(numbers, -1.0, 1.0).astype(np.float32)


class Choices:
    """One of some choices for each entry.

    Args:
        names: (action,) what each entry is.
        choices: (action,) how many choices it has, 2 or more.
    """

    def __init__(self, names: Sequence[str], choices: Sequence[int]) -> None:
        self.names = tuple(names)
        self._choices = np.array(choices, dtype=np.int64)
        self.space = spaces.MultiDiscrete(self._choices)
        self.step = 2.0 / (self._choices - 1)

    def numbers(self, action: ArrayLike, shape: tuple[int, ...]) -> Floats:
        """See `Actions`."""
        given = np.asarray(action)
        _refuse_shape(given, shape, self.names)
        if given.dtype.kind not in "iu":
            raise ActionError(f"action is of type {given.dtype}; expected whole numbers")
        wrong = (given < 0) | (given >= self._choices)
        if wrong.any():
            *lane, k = np.argwhere(wrong)[0]
            raise ActionError(
                f"action{_whose(lane)} for {self.names[k]!r} is {given[(*lane, k)]}; expected "
                f"0 to {self._choices[k] - 1}"
            )
        return 2.0 * given / (self._choices - 1) - 1.0

    def stated(self, numbers: Floats) -> NDArray[np.int64]:
        """See `Actions`."""
        last = self._choices - 1
        choice = np.rint((np.clip(numbers, -1.0, 1.0) + 1.0) / 2.0 * last)
        return choice.astype(np.int64)


def actions_of(mode: ActionMode, names: Sequence[str], choices: Sequence[int]) -> Actions:
    """The actions of a mode.

    Raises:
        TaskError: there is no such mode.
    """
    if mode == "continuous":
        return Continuous(names)
    if mode == "multidiscrete":
        return Choices(names, choices)
    raise TaskError(f"action_mode is {mode!r}; known: 'continuous', 'multidiscrete'")


def checked_action(action: ArrayLike, shape: tuple[int, ...], names: tuple[str, ...]) -> Floats:
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
    _refuse_shape(numbers, shape, names)
    wrong = ~(np.abs(numbers) <= 1.0 + ROUNDING)  # NaN is wrong, too
    if wrong.any():
        *lane, device = np.argwhere(wrong)[0]
        raise ActionError(
            f"action{_whose(lane)} for {names[device]!r} is {numbers[(*lane, device)]}; "
            f"expected a number from -1 to 1"
        )
    return np.clip(numbers, -1.0, 1.0)


def _refuse_shape(given: NDArray, shape: tuple[int, ...], names: tuple[str, ...]) -> None:
    if given.shape != shape:
        raise ActionError(
            f"action has shape {given.shape}; expected {shape}: one entry for each of "
            f"{', '.join(names)}"
        )


def _whose(lane: Sequence[int]) -> str:
    return f" of lane {lane[0]}" if lane else ""
