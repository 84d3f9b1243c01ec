"""Where a record stands, and what is wrong there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from grid_fed_rl.errors import CymeError

__all__ = ["NOWHERE", "NO_EXTRA", "CymeFault", "Extra", "Place", "Record", "raise_all"]


class Place(NamedTuple):
    """A file, a section, table or element in it, and a line or row.

    `line` is a line of a text or XML file and a row of a database table; 0 where the whole file
    or section is meant.
    """

    file: str = ""
    section: str = ""
    line: int = 0

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        return ", ".join(filter(None, (self.file, line, self.section)))


class Extra(NamedTuple):
    """Columns that no field takes, with what this record had in them."""

    names: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


NOWHERE = Place()
NO_EXTRA = Extra()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row of a text export or database table, or an element of an XML file.

    Equality looks at neither `place` nor `extra`: the same thing in two formats is equal.
    """

    place: Place = field(default=NOWHERE, compare=False, repr=False)
    extra: Extra = field(default=NO_EXTRA, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CymeFault:
    """One fault of a file: where, in which field, what was found, what would be right."""

    place: Place
    field: str
    value: object
    expected: str

    def __str__(self) -> str:
        what = f"{self.field} is {self.value!r}; " if self.field else ""
        return f"{self.place}: {what}expected {self.expected}"


def raise_all(faults: Sequence[CymeFault]) -> None:
    """Raise one error with all faults, if there are any.

    Raises:
        CymeError: there are.
    """
    if faults:
        raise CymeError(tuple(faults))
