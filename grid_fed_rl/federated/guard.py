"""What the server refuses to add up.

Every check uses public facts alone: who takes part, which round it is, the
names, shapes and types of the parameters, and how far the optimiser can move
any number in the steps that were asked for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import FederationError
from grid_fed_rl.federated.update import Update

__all__ = ["ADAM_REACH", "Expected", "check_update"]

# No step of Adam with betas 0.9 and 0.999 moves a number by more than this many
# learning rates, whatever the gradients were: by Cauchy and Schwarz
# |m| <= (1 - b1) / sqrt((1 - b2) (1 - b1^2 / b2)) sqrt(v) = 7.27 sqrt(v), and the
# bias corrections only shrink the step. Rounding gets the rest.
ADAM_REACH = 7.4


@dataclass(frozen=True)
class Expected:
    """What an answer of this round has to look like.

    Attributes:
        sites: names of those who take part.
        run: name of the run.
        round_number: the round that was asked for.
        n_steps: local steps that were asked for.
        shapes: shape of every parameter, by name; all are float32.
        largest: bound on the absolute value of any entry of an honest update.
    """

    sites: frozenset[str]
    run: str
    round_number: int
    n_steps: int
    shapes: Mapping[str, tuple[int, ...]]
    largest: float


def check_update(update: Update, expected: Expected, answered: Collection[str] = ()) -> None:
    """Refuse an update that does not fit; say nothing of one that does.

    Args:
        update: what a site sent.
        expected: what was asked for.
        answered: sites whose update of this round was accepted already.

    Raises:
        FederationError: names the site, the tensor or field, the value and what would be right.
    """
    site = f"site '{update.site}'"
    if update.site not in expected.sites:
        raise FederationError(f"{site}: takes no part in this run; {_listed(expected.sites)} do")
    if update.site in answered:
        raise FederationError(
            f"{site}: a second answer to round {expected.round_number}; one is taken"
        )
    for field, value, right in (
        ("run", update.run, expected.run),
        ("round", update.round_number, expected.round_number),
        ("n_steps", update.n_steps, expected.n_steps),
    ):
        if value != right:
            raise FederationError(f"{site}: {field} is {value!r}; {right!r} was asked for")
    missing, unknown = expected.shapes.keys() - update.delta, update.delta - expected.shapes.keys()
    if missing or unknown:
        raise FederationError(
            f"{site}: tensors missing: {_listed(missing)}; not asked for: {_listed(unknown)}"
        )
    for name, shape in expected.shapes.items():
        _check_tensor(f"{site}, tensor '{name}'", update.delta[name], shape, expected.largest)


def _check_tensor(
    where: str, array: NDArray[np.float32], shape: tuple[int, ...], largest: float
) -> None:
    if array.dtype != np.float32:
        raise FederationError(f"{where}: type {array.dtype}; float32 is needed")
    if array.shape != shape:
        raise FederationError(f"{where}: shape {array.shape}; {shape} is needed")
    wrong = np.argwhere(~(np.abs(array) <= largest))  # NaN compares false
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        right = f"at most {largest:.3g}, as far as the steps asked for can move it"
        raise FederationError(
            f"{where}: {float(array[place]):g} at {list(place)}, and {len(wrong)} such values of "
            f"{array.size}; a finite number is needed, {right}"
        )


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names)) or "none"
