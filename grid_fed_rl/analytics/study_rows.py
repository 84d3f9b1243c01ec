"""The rows of another program's study: a CSV file, and which of its columns says what."""

import csv
import math
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path

from grid_fed_rl.errors import FeederError

__all__ = ["ColumnMap", "StudyRow", "read_columns", "read_study"]

Three = tuple[float, float, float]
_MISSING = {"", "-", "--", "n/a", "na", "nan", "null"}
_NAN3: Three = (math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Names of a study's columns; those by phase in the order A, B, C."""

    id: str = "EqId"
    v_pu: tuple[str, str, str] = ("VpuA", "VpuB", "VpuC")
    angle_deg: tuple[str, str, str] = ("VAngleA", "VAngleB", "VAngleC")
    current_a: tuple[str, str, str] = ("IA", "IB", "IC")
    current_angle_deg: tuple[str, str, str] = ("IAngleA", "IAngleB", "IAngleC")
    loading_percent: str = "LOADING"


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One row: a bus or device, NaN where a cell says nothing."""

    id: str
    line: int
    v_pu: Three = _NAN3
    angle_deg: Three = _NAN3
    current_a: Three = _NAN3
    current_angle_deg: Three = _NAN3
    loading_percent: float = math.nan


def read_columns(path: str | Path) -> ColumnMap:
    """Read a column map of a TOML file; what it leaves out keeps its default.

    ::

        id = "Section"
        v_pu = ["Va", "Vb", "Vc"]

    Raises:
        FeederError: it is no TOML, or has an entry that is none of a map's.
    """
    path = Path(path)
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FeederError(f"{path.name}: not valid TOML: {error}") from None
    columns, known = ColumnMap(), {f.name for f in fields(ColumnMap)}
    for key, value in entries.items():
        if key not in known:
            raise FeederError(
                f"{path.name}: unknown entry {key!r}; expected {', '.join(sorted(known))}"
            )
        by_phase = isinstance(getattr(columns, key), tuple)
        right = isinstance(value, list) and len(value) == 3 if by_phase else isinstance(value, str)
        if not right:
            expected = "three names, of phases A, B and C" if by_phase else "a name"
            raise FeederError(f"{path.name}: {key} is {value!r}; expected {expected}")
        columns = replace(columns, **{key: tuple(value) if by_phase else value})
    return columns


def read_study(path: str | Path, columns: ColumnMap | None = None) -> list[StudyRow]:
    """Read a study's rows; comma, semicolon or tab between cells.

    Raises:
        FeederError: it has no column for ids or nothing to compare, or a cell is no number.
    """
    path, columns = Path(path), columns or ColumnMap()
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FeederError(f"{path.name}: not UTF-8: {error}") from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    header = [name.strip() for name in next(reader, [])]
    at = {name.lower(): k for k, name in reversed(list(enumerate(header)))}
    wanted = [name for f in fields(ColumnMap) if f.name != "id" for name in _names(columns, f.name)]
    if columns.id.lower() not in at or not any(name.lower() in at for name in wanted):
        raise FeederError(
            f"{path.name} line 1: columns are {', '.join(header) or 'none'}; expected {columns.id} "
            f"and any of {', '.join(wanted)} (a column map says other names)"
        )
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path.name} line {reader.line_num}"

        def number(name: str, cells: list[str] = cells, where: str = where) -> float:
            k = at.get(name.lower())
            cell = cells[k].strip() if k is not None and k < len(cells) else ""
            if cell.lower() in _MISSING:
                return math.nan
            try:
                return float(cell)
            except ValueError:
                raise FeederError(
                    f"{where}: column {name!r} is {cell!r}; expected a number"
                ) from None

        def three(names: tuple[str, str, str]) -> Three:
            a, b, c = (number(name) for name in names)
            return a, b, c

        k = at[columns.id.lower()]
        rows.append(
            StudyRow(
                cells[k].strip() if k < len(cells) else "",
                reader.line_num,
                three(columns.v_pu),
                three(columns.angle_deg),
                three(columns.current_a),
                three(columns.current_angle_deg),
                number(columns.loading_percent),
            )
        )
    return rows


def _names(columns: ColumnMap, field_name: str) -> tuple[str, ...]:
    value = getattr(columns, field_name)
    return value if isinstance(value, tuple) else (value,)
