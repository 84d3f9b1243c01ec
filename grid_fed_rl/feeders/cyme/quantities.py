"""How the cells of a column become figures, names and codes: whole columns at once.

Units. A text export says [SI] or [IMPERIAL]; databases and XML are in SI. In SI, lengths and
heights are in metres, diameters and geometric mean radii in centimetres, layers of cables in
millimetres, impedances in ohm and susceptances in microsiemens a kilometre. In imperial files
these are feet, inches, inches, ohm and microsiemens a mile: the units that DiTTo 2's CYME reader
takes, whose input is imperial, in the pairs of CYME's own unit types (``SmallLength_cm``,
``MediumLength_m``, ``LinearImpedance_ohmskm`` ...).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from grid_fed_rl.feeders.cyme.code_tables import Dialect, Words

__all__ = [
    "CENTIMETRES",
    "INTEGER",
    "METRES",
    "MILLIMETRES",
    "MOTOR_KW",
    "NAME",
    "NUMBER",
    "PER_KM",
    "REFERENCE",
    "Code",
    "Context",
    "Quantity",
    "is_empty",
]

Complain = Callable[[int, str, str], None]
"""Called with the row, what stands there, and what would be right."""

_MILE_KM = 1.609344
_EMPTY = frozenset({"", "null"})


class Context(NamedTuple):
    """What a column's cells are read with."""

    dialect: Dialect
    imperial: bool
    complain: Complain


class Quantity(Protocol):
    """What a column holds."""

    def convert(self, cells: Sequence[str], context: Context, /) -> list[object]:
        """Convert a column's cells; None where a cell is empty or, after a complaint, wrong."""
        ...


def is_empty(cell: str) -> bool:
    """Whether a cell says nothing."""
    return cell.strip().lower() in _EMPTY


@dataclass(frozen=True, slots=True)
class _Number:
    """A finite number, in the unit of the field once divided (SI) or multiplied (imperial)."""

    per: float = 1.0
    imperial: float = 1.0
    whole: bool = False

    def convert(self, cells: Sequence[str], context: Context, /) -> list[object]:
        """Convert a column of numbers."""
        found = _floats(cells)
        if found is None:
            found = [_float(cell, row, context.complain) for row, cell in enumerate(cells)]
        if self.whole:
            return [_whole(x, row, context.complain) for row, x in enumerate(found)]
        if context.imperial and self.imperial != 1.0:
            return [None if x is None else x * self.imperial for x in found]
        if not context.imperial and self.per != 1.0:
            return [None if x is None else x / self.per for x in found]
        return list(found)


def _floats(cells: Sequence[str]) -> list[float | None] | None:
    """Read all cells at once, or None where one of them needs a closer look."""
    try:
        found = [float(cell) if cell else None for cell in cells]
    except ValueError:
        return None
    # Python also reads 1_000 and nan.
    if "_" in "".join(cells) or not all(x is None or math.isfinite(x) for x in found):
        return None
    return found


def _float(cell: str, row: int, complain: Complain) -> float | None:
    if is_empty(cell):
        return None
    try:
        found = float(cell)
    except ValueError:
        found = math.nan
    if "_" in cell or not math.isfinite(found):
        complain(row, cell, "a number")
        return None
    return found


def _whole(value: float | None, row: int, complain: Complain) -> int | None:
    if value is None:
        return None
    if value != int(value) or abs(value) > 1e15:
        complain(row, repr(value), "a whole number")
        return None
    return int(value)


@dataclass(frozen=True, slots=True)
class _Name:
    """An id or free text; `none` also takes the word NONE for nothing."""

    none: bool = False

    def convert(self, cells: Sequence[str], _context: Context, /) -> list[object]:
        """Convert a column of names."""
        nothing = _EMPTY | {"none"} if self.none else _EMPTY
        names: dict[str, object] = {}
        for cell in set(cells):
            name = cell.strip()
            names[cell] = None if name.lower() in nothing else name
        return [names[cell] for cell in cells]


@dataclass(frozen=True, slots=True)
class Code:
    """One of CYME's codes. `open_ended` ones leave None where a word is in no table."""

    words: Words
    what: str
    open_ended: bool = False

    def convert(self, cells: Sequence[str], context: Context, /) -> list[object]:
        """Convert a column of codes."""
        table = self.words[context.dialect]
        known: dict[str, object] = {}
        wrong: set[str] = set()
        for cell in set(cells):
            word = _word(cell)
            if word in table:
                known[cell] = table[word]
                continue
            known[cell] = None
            if word not in _EMPTY and not self.open_ended:
                wrong.add(cell)
        if wrong:
            expected = f"{self.what}: one of {_listed(table)}"
            for row, cell in enumerate(cells):
                if cell in wrong:
                    context.complain(row, cell, expected)
        return [known[cell] for cell in cells]


def _word(cell: str) -> str:
    """Normalise a code: without spaces, in lower case, and 2.000000 as 2."""
    word = cell.strip().replace(" ", "").lower()
    head, dot, tail = word.partition(".")
    return head if dot and not tail.strip("0") and head.lstrip("-").isdigit() else word


def _listed(table: Mapping[str, object]) -> str:
    return ", ".join(word for word in table if word)


NUMBER = _Number()
INTEGER = _Number(whole=True)
METRES = _Number(1.0, 0.3048)
CENTIMETRES = _Number(100.0, 0.0254)
MILLIMETRES = _Number(1000.0, 0.0254)
PER_KM = _Number(1.0, 1.0 / _MILE_KM)
MOTOR_KW = _Number(1.0, 0.745699872)  # horsepower in imperial files
NAME = _Name()
REFERENCE = _Name(none=True)
