"""What the column of readings beside a feeder shows."""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["MINUS", "Reading", "Section", "signed"]

MINUS = "\N{MINUS SIGN}"  # as wide as a plus, which a hyphen is not


def signed(tap: int) -> str:
    """A tap position as it is read out: with its sign, and 0 without."""
    return f"{tap:+d}".replace("-", MINUS) if tap else "0"


class Reading(NamedTuple):
    """What one row shows.

    Attributes:
        words: At the right end.
        share: How far its gauge is filled, 0 to 1; None has no gauge.
        alarm: Whether it is something that should not be.
    """

    words: str
    share: float | None = None
    alarm: bool = False


class Section(NamedTuple):
    """A heading and the rows below it.

    Attributes:
        title: The heading.
        names: Of the rows.
        readings: One a row.
        origin: Where its gauges are filled from, 0 to 1.
    """

    title: str
    names: tuple[str, ...]
    readings: Sequence[Reading]
    origin: float = 0.0
