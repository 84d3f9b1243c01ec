"""A feeder as a folder of tables: what the shipped feeders are made of.

``feeder.toml`` holds the name, the source and where the figures are from; one
CSV file an element kind holds a row a record, and its columns are the fields of
that record. What does not fit one cell:

- a length stands in ``length`` and ``unit`` (``ft``, ``kft``, ``mi``, ``m`` or
  ``km``), as in the published figures, and becomes metres on reading;
- an impedance ``z_ohm`` stands in ``r_ohm`` and ``x_ohm``;
- the fields of a control have ``control_`` before their names, and an element all
  of whose control columns are blank has no control;
- numbers that belong together (the reactances of a transformer, the points of a
  curve, one after the other) stand in one cell with spaces between them, and
  ``none`` says that there are none;
- ``line_codes`` holds an entry of the lower triangle a row, per ``unit`` of length;
- ``windings`` holds a winding a row, by the name of its transformer.

Columns may stand in any order. One that has a default may be blank or absent. A
kind without records has no file. Reading what was written gives an equal feeder.

``extends = "<sibling folder>"`` in ``feeder.toml`` takes from that folder every
table and entry that this one lacks. A table that is here counts alone, so one
that is nothing but a header says that there are no records of that kind.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import StrEnum
from types import NoneType
from typing import Any, NamedTuple, get_args

from grid_fed_rl.feeders.records import (
    Bus,
    Line,
    Reactor,
    Regulator,
    Switch,
    Terminal,
    Transformer,
    Winding,
)
from grid_fed_rl.feeders.shunts import Capacitor, Curve, Generator, Load, Pv, Storage

__all__ = [
    "METRES_PER",
    "TABLES",
    "BlankError",
    "CodeEntry",
    "Column",
    "Part",
    "WindingRow",
    "parts_of",
]

METRES_PER = {"ft": 0.3048, "kft": 304.8, "mi": 1609.344, "m": 1.0, "km": 1000.0}

_UNIT_OF = {metres: unit for unit, metres in METRES_PER.items()}
_REQUIRED = object()  # the default of a column that has none
_BLANK = object()  # a cell of a control that is not there
_UNSAID = (math.inf, "", (), None)  # what a blank cell says better, where it is the default


class BlankError(ValueError):
    """A control is there, but not all that it needs; the argument is the column."""


@dataclass(frozen=True)
class CodeEntry:
    """One entry of a line code's lower triangle."""

    name: str
    unit: float  # metres
    row: int
    column: int
    z_ohm: complex
    c_nf: float


@dataclass(frozen=True)
class WindingRow:
    """One winding, by transformer and number, from 1."""

    transformer: str
    winding: int
    record: Winding


class _Cell(NamedTuple):
    """How a value is read from a cell and written into it."""

    parse: Callable[[str], Any]  # raises KeyError or ValueError
    show: Callable[[Any], str]
    expected: str


@dataclass(frozen=True)
class Column:
    """One column: its name, what its cells hold, and what a blank one means."""

    name: str
    cell: _Cell
    default: Any = _REQUIRED

    @property
    def is_optional(self) -> bool:
        """Whether it may be blank or absent."""
        return self.default is not _REQUIRED

    def show(self, value: object) -> str:
        """Return the text of a cell."""
        if value is _BLANK or (value == self.default and value in _UNSAID):
            return ""
        if value != value and self.default != self.default:  # not a number
            return ""
        return self.cell.show(value)


@dataclass(frozen=True)
class Part:
    """One field of a record and the columns it lies in.

    `join` makes the field of the values of its columns; `split` undoes it.
    """

    field: str
    columns: tuple[Column, ...]
    join: Callable[..., Any]
    split: Callable[[Any], tuple[Any, ...]]


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _unbounded(text: str) -> float:
    return math.inf if text == "inf" else _number(text)


def _numbers(text: str) -> tuple[float, ...]:
    return () if text == "none" else tuple(map(_number, text.split()))


def _pair(text: str) -> tuple[float, float]:
    first, second = _numbers(text)
    return first, second


def _curve(text: str) -> Curve:
    numbers = _numbers(text)
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _show_number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _show_numbers(values: tuple[float, ...]) -> str:
    return " ".join(map(_show_number, values)) or "none"


def _show_curve(points: Curve) -> str:
    return _show_numbers(tuple(number for point in points for number in point))


def _terminal_or_none(terminal: Terminal | None) -> str:
    return "" if terminal is None else str(terminal)


_NUMBER = _Cell(_number, _show_number, "a finite number")
_UNIT = _Cell(METRES_PER.__getitem__, _UNIT_OF.__getitem__, "one of " + ", ".join(METRES_PER))
_FLAG = _Cell({"0": False, "1": True}.__getitem__, lambda flag: "01"[flag], "one of 0, 1")
_CELLS: dict[Any, _Cell] = {
    str: _Cell(str, str, "something"),
    float: _NUMBER,
    int: _Cell(int, str, "a whole number"),
    float | None: _NUMBER,
    int | None: _Cell(int, str, "a whole number"),
    bool: _FLAG,
    bool | None: _FLAG,
    Terminal: _Cell(Terminal.parse, str, "a terminal"),
    Terminal | None: _Cell(Terminal.parse, _terminal_or_none, "a terminal"),
    tuple[float, ...]: _Cell(_numbers, _show_numbers, "numbers with spaces between them"),
    tuple[float, float]: _Cell(_pair, _show_numbers, "two numbers"),
    Curve: _Cell(_curve, _show_curve, "pairs of numbers, voltage before share"),
}


def _cell(kind: Any, default: object) -> _Cell:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _Cell(kind, str, "one of " + ", ".join(kind))
    if default == math.inf:
        return _Cell(_unbounded, _show_number, "a number, or inf")
    return _CELLS[kind]


def _itself(value: object) -> object:
    return value


def _alone(value: object) -> tuple[object]:
    return (value,)


def _halves(z_ohm: complex) -> tuple[float, float]:
    return z_ohm.real, z_ohm.imag


def _metres(length: float, metres_per: float) -> float:
    return length * metres_per


def _as_metres(length_m: float) -> tuple[float, float]:
    return length_m, 1.0


def _part(field: "Field[Any]", prefix: str) -> Part:
    kind: Any = field.type
    name = prefix + field.name.rstrip("_")
    record = next((one for one in (kind, *get_args(kind)) if is_dataclass(one)), None)
    if record is not None:
        return _nested(field.name, record, is_optional=record is not kind)
    if kind is complex:
        names = (name.replace("z_", "r_"), name.replace("z_", "x_"))
        return Part(field.name, tuple(Column(n, _NUMBER) for n in names), complex, _halves)
    if name == "length_m":
        columns = (Column("length", _NUMBER), Column("unit", _UNIT))
        return Part(field.name, columns, _metres, _as_metres)
    cell = _UNIT if name == "unit" else _cell(kind, field.default)
    default = field.default
    if default is MISSING:
        default = None if NoneType in get_args(kind) else _REQUIRED
    return Part(field.name, (Column(name, cell, default),), _itself, _alone)


def _nested(name: str, record: Any, *, is_optional: bool) -> Part:
    """A record in a record; an optional one is there if any of its columns is."""
    parts = tuple(_parts(record, f"{name}_" if is_optional else ""))
    own = tuple(column for part in parts for column in part.columns)

    def join(*values: Any) -> object:
        if all(value is _BLANK for value in values):
            return None
        for column, value in zip(own, values, strict=True):
            if value is _BLANK and not column.is_optional:
                raise BlankError(column.name)
        cells = iter(c.default if v is _BLANK else v for c, v in zip(own, values, strict=True))
        return record(*(part.join(*(next(cells) for _ in part.columns)) for part in parts))

    def split(value: Any) -> tuple[Any, ...]:
        if value is None:
            return (_BLANK,) * len(own)
        return tuple(cell for part in parts for cell in part.split(getattr(value, part.field)))

    columns = tuple(Column(c.name, c.cell, _BLANK) for c in own) if is_optional else own
    return Part(name, columns, join, split)


def _parts(record: Any, prefix: str = "", without: str = "") -> Iterator[Part]:
    return (_part(field, prefix) for field in fields(record) if field.name != without)


def parts_of(record: Any) -> tuple[Part, ...]:
    """Columns of a table whose rows are records of one dataclass."""
    return tuple(_parts(record))


TABLES: dict[str, tuple[Part, ...]] = {
    "buses": tuple(_parts(Bus)),
    "line_codes": tuple(_parts(CodeEntry)),
    "lines": tuple(_parts(Line)),
    "switches": tuple(_parts(Switch)),
    "transformers": tuple(_parts(Transformer, without="windings")),
    "windings": tuple(_parts(WindingRow)),
    "reactors": tuple(_parts(Reactor)),
    "regulators": tuple(_parts(Regulator)),
    "capacitors": tuple(_parts(Capacitor)),
    "loads": tuple(_parts(Load)),
    "pvs": tuple(_parts(Pv)),
    "storages": tuple(_parts(Storage)),
    "generators": tuple(_parts(Generator)),
}
"""Fields of each table's records, in the order they are written."""
