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

__all__ = [
    "ActionMode",
    "Actions",
    "Choices",
    "Continuous",
    "actions_of",
    "checked_action",
    "checked_choice",
]

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
        given = checked_choice(action, shape[:-1], self._choices, self.names)
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


def checked_action(
    action: ArrayLike, shape: tuple[int, ...], names: tuple[str, ...], most: float = 1.0
) -> Floats:
    """An action as numbers from -1 to 1, or from `-most` to `most`.

    Args:
        action: What the policy gave.
        shape: (device,) or (lane, device).
        names: (device,) what its last axis stands for.
        most: Of a number's size.

    Raises:
        ActionError: it is not numbers, has another shape, is not finite or lies
            outside [-most, most]; the message names lane and device.
    """
    numbers = _numbers(action, shape, names)
    wrong = ~(np.abs(numbers) <= most + ROUNDING)  # NaN is wrong, too
    if wrong.any():
        raise ActionError(
            f"{_first(wrong, numbers, names)}; expected a number from {-most:g} to {most:g}"
        )
    return np.minimum(np.maximum(numbers, -most), most)


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
