"""Series of one's own from CSV and Parquet files.

A file has a row a step and these columns, in any order; others are not read:

| column | unit |
|---|---|
| `time` | beginning of the step, ISO 8601, with or without UTC offsets |
| `load_kw:<load>` | consumption, one column a load |
| `load_kvar:<load>` | reactive consumption, of all loads or of none |
| `pv_kw:<load>` | available power of the PV beside that load |
| `temperature_c` | air, C |
| `sun_pu` | horizontal irradiance over 1000 W/m2 |

Files with other names and units are read with `columns` and `units`. Nothing is
filled: an empty or odd cell, a gap, a stamp that comes twice and an hour of
daylight saving are errors that name file, column, row and value.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import steps_per_day
from grid_fed_rl.scenarios.stamps import parse_stamp, step_of_stamps
from grid_fed_rl.scenarios.year import Year, year_from_arrays

__all__ = ["year_from_csv", "year_from_parquet"]

Floats = npt.NDArray[np.float64]

UNITS: Mapping[str, Mapping[str, float]] = {
    "load": {"W": 1e-3, "kW": 1.0, "MW": 1e3},
    "pv": {"W": 1e-3, "kW": 1.0, "MW": 1e3},
    "sun": {"pu": 1.0, "W/m2": 1e-3, "kW/m2": 1.0},
}
"""Factor from a unit of the file to ours."""

_OURS = {"load": "kW", "pv": "kW", "sun": "pu"}


def year_from_csv(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    power_factor: float | None = None,
    temperature_c: float | None = None,
    sun_pu: float | None = None,
    time_format: str | None = None,
    delimiter: str = ",",
    from_monday: bool = False,
) -> Year:
    """Read a year, or some days, from a CSV file with a header.

    Args:
        path: the file, UTF-8. Its name without ending is the year's name.
        columns: names of the file for names of the module's table, such as
            `{"load_kw:mill": "P_mill", "time": "Datum"}`. With it, only columns
            in it are read; without it, all that bear our names.
        units: unit of the `load` (W, kW or MW; var in the same steps), `pv` and
            `sun` (pu, W/m2 or kW/m2) columns where they are not ours.
        power_factor: of all loads, lagging, (0, 1], where there are no
            `load_kvar` columns.
        temperature_c: of every step, where there is no such column.
        sun_pu: of every step, where there is no such column.
        time_format: of `datetime.strptime`, where stamps are not ISO 8601.
        delimiter: between cells.
        from_monday: leave out the days before the first Monday, so that the
            weekdays are those of the clock, whose day 0 is a Monday.

    Raises:
        ScenarioError: a column is missing, a cell is not a finite number, or the
            stamps are not whole days of equal steps from a midnight on.
    """
    where = Path(path)
    try:
        with where.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, delimiter=delimiter))
    except OSError as error:
        raise ScenarioError(f"{where}: cannot be read: {error.strerror}") from error
    if not rows:
        raise ScenarioError(f"{where}: is empty: must begin with a header")
    header = rows[0]
    lines = [k for k in range(1, len(rows)) if rows[k]]  # csv gives [] for an empty line
    for k in lines:
        if len(rows[k]) != len(header):
            raise ScenarioError(
                f"{where}: row {k + 1} has {len(rows[k])} cells: must have {len(header)}, as the "
                "header has"
            )
    wanted = _wanted(where, header, columns)
    at = {name: header.index(name) for name in wanted.values()}
    labels = [str(k + 1) for k in lines]
    cells = {name: [rows[k][at[name]] for k in lines] for name in wanted.values()}
    places = [f"{where}: column '{wanted['time']}', row {label}" for label in labels]
    stamps = [
        parse_stamp(text, time_format, place)
        for text, place in zip(cells[wanted["time"]], places, strict=True)
    ]
    series = {
        ours: _numbers(where, theirs, cells[theirs], labels)
        for ours, theirs in wanted.items()
        if ours != "time"
    }
    record = _Record(where, stamps, places, series, _factors(where, units or {}))
    return _year(record, power_factor, temperature_c, sun_pu, from_monday)


def year_from_parquet(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    power_factor: float | None = None,
    temperature_c: float | None = None,
    sun_pu: float | None = None,
    time_format: str | None = None,
    from_monday: bool = False,
) -> Year:
    """Read a year, or some days, from a Parquet file.

    As `year_from_csv`; stamps may be Parquet's own, with or without a time zone,
    or text. Rows in errors count from 0. Needs the extra `timeseries` (pyarrow).

    Raises:
        ScenarioError: as in `year_from_csv`, or pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ScenarioError(
            "year_from_parquet needs pyarrow: pip install 'grid-fed-rl[timeseries]'"
        ) from error
    where = Path(path)
    try:
        header = pq.read_schema(where).names
        wanted = _wanted(where, header, columns)
        table = pq.read_table(where, columns=list(wanted.values()))
    except (OSError, pa.ArrowInvalid) as error:
        raise ScenarioError(f"{where}: cannot be read: {error}") from error
    labels = [str(k) for k in range(table.num_rows)]
    places = [f"{where}: column '{wanted['time']}', row {label}" for label in labels]
    stamps = []
    for value, place in zip(table[wanted["time"]].to_pylist(), places, strict=True):
        if isinstance(value, str):
            stamps.append(parse_stamp(value, time_format, place))
        elif isinstance(value, datetime):
            stamps.append(value)
        else:
            raise ScenarioError(f"{place} = {value!r}: must be a time stamp")
    series = {
        ours: _numbers(where, theirs, table[theirs].to_pylist(), labels)
        for ours, theirs in wanted.items()
        if ours != "time"
    }
    record = _Record(where, stamps, places, series, _factors(where, units or {}))
    return _year(record, power_factor, temperature_c, sun_pu, from_monday)


@dataclass(frozen=True, eq=False)
class _Record:
    """What a file holds: stamps, and series by our names, in the file's units."""

    where: Path
    stamps: Sequence[datetime]
    places: Sequence[str]  # of each stamp, in words
    series: Mapping[str, Floats]
    factors: Mapping[str, float]  # from the file's units to ours

    def names(self, prefix: str) -> list[str]:
        """Loads that have a column of this kind."""
        begin = f"{prefix}:"
        return [name.removeprefix(begin) for name in self.series if name.startswith(begin)]

    def table(self, prefix: str, names: Sequence[str]) -> Floats:
        """(step, name) in our units."""
        found = [self.series[f"{prefix}:{name}"] for name in names]
        found_kw = np.stack(found, axis=1) if found else np.empty((len(self.stamps), 0))
        return found_kw * self.factors[prefix.partition("_")[0]]


def _wanted(
    where: Path, header: Sequence[str], columns: Mapping[str, str] | None
) -> dict[str, str]:
    """The file's column for each of our names that it has."""
    twice = sorted({name for name in header if list(header).count(name) > 1})
    if twice:
        raise ScenarioError(f"{where}: column '{twice[0]}' stands there twice: must be once")
    wanted = {name: name for name in header if _is_ours(name)} if columns is None else dict(columns)
    for ours, theirs in wanted.items():
        if not _is_ours(ours):
            raise ScenarioError(
                f"{where}: columns name '{ours}': must be time, load_kw:<load>, "
                "load_kvar:<load>, pv_kw:<load>, temperature_c or sun_pu"
            )
        if theirs not in header:
            raise ScenarioError(
                f"{where}: there is no column '{theirs}' for {ours}: the header has "
                f"{', '.join(header)}"
            )
    missing = [] if "time" in wanted else ["time"]
    if not any(name.startswith("load_kw:") for name in wanted):
        missing.append("load_kw:<load>")
    if missing:
        raise ScenarioError(
            f"{where}: there is no column {' and no column '.join(missing)}: the header has "
            f"{', '.join(header)}"
        )
    return wanted


def _is_ours(name: str) -> bool:
    kind, colon, load = name.partition(":")
    if colon:
        return kind in ("load_kw", "load_kvar", "pv_kw") and bool(load)
    return name in ("time", "temperature_c", "sun_pu")


def _numbers(where: Path, column: str, cells: Sequence[Any], labels: Sequence[str]) -> Floats:
    try:
        values = np.array([float(cell) for cell in cells])
    except (TypeError, ValueError):
        values = np.array([_number(cell) for cell in cells])
    kept = np.isfinite(values)
    if not kept.all():
        k = int(np.argmin(kept))
        raise ScenarioError(
            f"{where}: column '{column}', row {labels[k]} = {cells[k]!r}: must be a finite number"
        )
    return values


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


def _year(
    record: _Record,
    power_factor: float | None,
    temperature_c: float | None,
    sun_pu: float | None,
    from_monday: bool,
) -> Year:
    where, n_steps = record.where, len(record.stamps)
    step_h, first = step_of_stamps(record.stamps, record.places)
    a_day = steps_per_day(step_h)
    if n_steps % a_day:
        raise ScenarioError(
            f"{where}: {n_steps} rows of {step_h:g} h end within a day: must be whole days of "
            f"{a_day} rows"
        )
    skip = (-first.weekday()) % 7 * a_day if from_monday else 0
    if skip >= n_steps:
        raise ScenarioError(f"{where}: holds no Monday: from_monday would leave nothing")
    loads, beside = record.names("load_kw"), record.names("pv_kw")
    for kind in ("load_kvar", "pv_kw"):
        for name in record.names(kind):
            if name not in loads:
                raise ScenarioError(
                    f"{where}: column {kind}:{name} is of no load: there are {', '.join(loads)}"
                )
    load_kw = record.table("load_kw", loads)
    return year_from_arrays(
        where.stem,
        load_kw[skip:],
        _load_kvar(record, loads, load_kw, power_factor)[skip:],
        record.table("pv_kw", beside)[skip:],
        _common(record, "temperature_c", temperature_c)[skip:],
        _common(record, "sun_pu", sun_pu)[skip:],
        step_h=step_h,
        pv_load_index=[loads.index(name) for name in beside],
    )


def _load_kvar(
    record: _Record, loads: Sequence[str], load_kw: Floats, power_factor: float | None
) -> Floats:
    given = record.names("load_kvar")
    if given:
        for name in loads:
            if name not in given:
                raise ScenarioError(
                    f"{record.where}: there is no column load_kvar:{name}: all loads have one, "
                    "or none"
                )
        return record.table("load_kvar", loads)
    if power_factor is None or not 0.0 < power_factor <= 1.0:
        raise ScenarioError(
            f"{record.where}: there are no load_kvar columns and power_factor = {power_factor}: "
            "must be in (0, 1]"
        )
    return load_kw * np.sqrt(1.0 / power_factor**2 - 1.0)


def _common(record: _Record, name: str, constant: float | None) -> Floats:
    """A series of the whole site, or its constant, (step,)."""
    if name in record.series:
        return record.series[name] * (record.factors["sun"] if name == "sun_pu" else 1.0)
    if constant is None:
        raise ScenarioError(f"{record.where}: there is no column {name} and no {name} is given")
    return np.full(len(record.stamps), float(constant))


def _factors(where: Path, units: Mapping[str, str]) -> dict[str, float]:
    for kind, unit in units.items():
        if kind not in UNITS:
            raise ScenarioError(f"{where}: units name '{kind}': must be {', '.join(UNITS)}")
        if unit not in UNITS[kind]:
            raise ScenarioError(
                f"{where}: unit of {kind} = '{unit}': must be one of {', '.join(UNITS[kind])}"
            )
    return {kind: factors[units.get(kind, _OURS[kind])] for kind, factors in UNITS.items()}
