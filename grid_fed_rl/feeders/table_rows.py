"""A table by columns that knows where each cell stands; see `table_columns`."""

import csv
import difflib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.table_columns import TABLES, BlankError, Column, Part

__all__ = ["Table", "open_table"]

_Record = TypeVar("_Record")


class Table:
    """One table; every fault that it raises names file, line, column and value."""

    def __init__(
        self,
        kind: str,
        where: str,
        columns: dict[str, Sequence[str]],
        lines: Sequence[int],
        parts: Sequence[Part],
    ) -> None:
        self.kind = kind
        self.where = where
        self._parts = parts
        self._columns = columns
        self._lines = lines

    def at(self, row: int) -> str:
        """Where a row stands."""
        return f"{self.where} line {self._lines[row]}"

    def fault(self, row: int, column: str, expected: str) -> FeederError:
        """The error that a cell is not what is expected there."""
        found = self._columns[column][row] if column in self._columns else ""
        return FeederError(f"{self.at(row)}: column {column!r} is {found!r}; expected {expected}")

    def records(self, make: Callable[..., _Record]) -> list[_Record]:
        """What `make` makes of the fields of each row, in the order of its parts.

        Raises:
            FeederError: a cell does not hold what belongs there.
        """
        return list(map(make, *(self._field(part) for part in self._parts)))

    def named(self, make: Callable[..., _Record]) -> dict[str, _Record]:
        """`records`, by the name in the first column.

        Raises:
            FeederError: also where a name is there twice.
        """
        names = self._columns["name"]
        records = dict(zip(names, self.records(make), strict=True))
        if len(records) < len(names):
            seen = set[str]()
            for row, name in enumerate(names):
                if name in seen:
                    raise FeederError(
                        f"{self.at(row)}: {self.kind} already has {name!r}; names are unique"
                    )
                seen.add(name)
        return records

    def _field(self, part: Part) -> Iterable[Any]:
        cells = [self._cells(column) for column in part.columns]
        if len(cells) == 1:
            return cells[0]
        try:
            return [part.join(*values) for values in zip(*cells, strict=True)]
        except ValueError:
            for row, values in enumerate(zip(*cells, strict=True)):
                try:
                    part.join(*values)
                except BlankError as blank:
                    column = next(c for c in part.columns if c.name == blank.args[0])
                    raise self.fault(row, column.name, column.cell.expected) from None
            raise

    def _cells(self, column: Column) -> list[Any]:
        """Return the values of one column; where one is wrong, look for it."""
        parse, default = column.cell.parse, column.default
        if column.name not in self._columns:
            return [default] * len(self._lines)
        texts = self._columns[column.name]
        try:
            if column.is_optional:
                return [parse(text) if text else default for text in texts]
            if "" in texts:
                raise ValueError
            return [parse(text) for text in texts]
        except (KeyError, ValueError):
            for row, text in enumerate(texts):
                if text or not column.is_optional:
                    self._try(row, column, text)
            raise

    def _try(self, row: int, column: Column, text: str) -> None:
        try:
            if not text:
                raise ValueError
            column.cell.parse(text)
        except FeederError as error:
            raise FeederError(f"{self.at(row)}: column {column.name!r}: {error}") from None
        except (KeyError, ValueError):
            raise self.fault(row, column.name, column.cell.expected) from None


def _check_header(header: list[str], kind: str, where: str, parts: Sequence[Part]) -> None:
    known = {column.name: column for part in parts for column in part.columns}
    for column in header:
        if column not in known:
            close = difflib.get_close_matches(column, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise FeederError(
                f"{where}: unknown column {column!r}; {kind} takes {', '.join(known)}{hint}"
            )
        if header.count(column) > 1:
            raise FeederError(f"{where}: column {column!r} is there twice")
    for name, column in known.items():
        if name not in header and not column.is_optional:
            raise FeederError(f"{where}: no column {name!r}; the table has {', '.join(header)}")


def open_table(path: Path, tables: Mapping[str, Sequence[Part]] = TABLES) -> Table:
    """Open a table; its kind, one of `tables`, is the name of the file.

    Raises:
        FeederError: the file is no text, or its header or the shape of a row is wrong.
    """
    kind, where = path.stem, f"{path.parent.name}/{path.name}"
    try:  # spreadsheets begin a file with a byte order mark
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FeederError(f"{where}: not UTF-8: {error}") from None
    rows, lines = list[list[str]](), list[int]()
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [cell.strip() for cell in next(reader, [])]
    _check_header(header, kind, f"{where} line 1", tables[kind])
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            raise FeederError(
                f"{where} line {reader.line_num}: {len(cells)} cells; "
                f"the table has {len(header)} columns"
            )
        rows.append(cells)
        lines.append(reader.line_num)
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    texts = ([cell.strip() for cell in column] for column in columns)
    return Table(kind, where, dict(zip(header, texts, strict=True)), lines, tables[kind])
