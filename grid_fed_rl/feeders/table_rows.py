"""Rows of a table that know where they stand; see `table_columns` for the format."""

import csv
import difflib
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.records import Connection, Terminal
from grid_fed_rl.feeders.table_columns import COLUMNS, METRES_PER, OPTIONAL

__all__ = ["Row", "rows"]

_Value = TypeVar("_Value")


class Row:
    """One row of a table that knows where it stands, for its error messages."""

    def __init__(self, values: dict[str, str], where: str) -> None:
        self._values = values
        self.where = where

    def _fault(self, column: str, expected: str) -> FeederError:
        found = self._values.get(column, "")
        return FeederError(f"{self.where}: column {column!r} is {found!r}; expected {expected}")

    def text(self, column: str) -> str:
        """A cell that is not blank."""
        if not self._values[column]:
            raise self._fault(column, "something")
        return self._values[column]

    def number(self, column: str, default: float | None = None) -> float:
        """A finite number, or the default where the cell is blank or absent."""
        text = self._values.get(column, "")
        if not text and default is not None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self._fault(column, "a finite number")
        return value

    def integer(self, column: str) -> int:
        """A whole number."""
        try:
            return int(self._values.get(column, ""))
        except ValueError:
            raise self._fault(column, "a whole number") from None

    def flag(self, column: str) -> bool:
        """0 or 1."""
        return self.choice(column, {"0": False, "1": True}.__getitem__, ("0", "1"))

    def choice(self, column: str, kind: Callable[[str], _Value], known: Iterable[str]) -> _Value:
        """What `kind` makes of a cell; `known` names what it takes."""
        try:
            return kind(self.text(column))
        except (KeyError, ValueError):
            raise self._fault(column, "one of " + ", ".join(known)) from None

    def connection(self) -> Connection:
        """The connection, from the column of that name."""
        return self.choice("connection", Connection, Connection)

    def terminal(self, column: str = "terminal") -> Terminal:
        """A terminal, ``bus.phase.phase``."""
        try:
            return Terminal.parse(self.text(column))
        except FeederError as error:
            raise FeederError(f"{self.where}: column {column!r}: {error}") from None

    def metres_per_unit(self) -> float:
        """Metres of one unit of length, from the column ``unit``."""
        return self.choice("unit", METRES_PER.__getitem__, METRES_PER)

    def settings(self, *columns: str) -> tuple[float, ...] | None:
        """The numbers of a control, or None where all of its columns are blank."""
        if not any(self._values.get(column) for column in columns):
            return None
        return tuple(self.number(column) for column in columns)


def _check_header(header: list[str], kind: str, where: str) -> None:
    known = COLUMNS[kind]
    for column in header:
        if column not in known:
            close = difflib.get_close_matches(column, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise FeederError(
                f"{where}: unknown column {column!r}; {kind} takes {', '.join(known)}{hint}"
            )
        if header.count(column) > 1:
            raise FeederError(f"{where}: column {column!r} is there twice")
    for column in known:
        if column not in header and column not in OPTIONAL.get(kind, ()):
            raise FeederError(f"{where}: no column {column!r}; the table has {', '.join(header)}")


def rows(folder: Path, kind: str) -> Iterator[Row]:
    """Yield the rows of a table; a kind without records has no file.

    Raises:
        FeederError: the header or the shape of a row is wrong.
    """
    path = folder / f"{kind}.csv"
    if not path.exists():
        return
    where = f"{folder.name}/{kind}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(header, kind, f"{where} line 1")
        for cells in reader:
            if not cells:
                continue
            here = f"{where} line {reader.line_num}"
            if len(cells) != len(header):
                raise FeederError(
                    f"{here}: {len(cells)} cells; the table has {len(header)} columns"
                )
            yield Row({c: cell.strip() for c, cell in zip(header, cells, strict=True)}, here)
