"""Series from files: what is read is what was written, and each fault has its place."""

import csv
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios import Year, year_from_csv, year_from_parquet

Row = dict[str, Any]
HEADER = ["time", "load_kw:mill", "load_kvar:mill", "load_kw:home", "load_kvar:home",
          "pv_kw:home", "temperature_c", "sun_pu"]  # fmt: skip


def rows(n: int = 48, first: datetime = datetime(2024, 1, 1), step_h: float = 1.0) -> list[Row]:
    rng = np.random.default_rng(0)
    table = []
    for k in range(n):
        values = rng.uniform(0.0, 9.0, size=len(HEADER) - 1).round(3).tolist()
        stamp = (first + timedelta(hours=k * step_h)).isoformat()
        table.append(dict(zip(HEADER, [stamp, *values], strict=True)))
    return table


def write_csv(path: Path, table: list[Row], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(table)
    return path


def write_parquet(path: Path, table: list[Row]) -> Path:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({name: [row[name] for row in table] for name in table[0]}), path)
    return path


Write = Callable[[Path, list[Row]], Path]
Read = Callable[..., Year]
both = pytest.mark.parametrize(
    ("write", "read"), [(write_csv, year_from_csv), (write_parquet, year_from_parquet)]
)


@both
def test_what_is_read_is_what_was_written(write: Write, read: Read, tmp_path: Path):
    table = rows()
    year = read(write(tmp_path / "site.data", table))
    assert (year.name, year.step_h, year.n_days) == ("site", 1.0, 2)
    np.testing.assert_allclose(year.load_kw[:, 0], [row["load_kw:mill"] for row in table], 1e-6)
    np.testing.assert_allclose(year.load_kvar[:, 1], [row["load_kvar:home"] for row in table], 1e-6)
    np.testing.assert_allclose(year.pv_kw[:, 0], [row["pv_kw:home"] for row in table], 1e-6)
    np.testing.assert_allclose(year.temperature_c, [row["temperature_c"] for row in table], 1e-6)
    np.testing.assert_allclose(year.sun_pu, [row["sun_pu"] for row in table], 1e-6)
    assert year.pv_load_index.tolist() == [1]  # beside the load of its name


@both
def test_other_names_and_units(write: Write, read: Read, tmp_path: Path):
    table = [
        {"Zeit": row["time"], "P": 2000.0, "Q": 500.0, "PV": 0.003, "G": 800.0, "note": "x"}
        for row in rows(24)
    ]
    year = read(
        write(tmp_path / "a.data", table),
        columns={
            "time": "Zeit", "load_kw:m": "P", "load_kvar:m": "Q", "pv_kw:m": "PV", "sun_pu": "G",
        },
        units={"load": "W", "pv": "MW", "sun": "W/m2"},
        temperature_c=12.0,
    )  # fmt: skip
    found = [year.load_kw, year.load_kvar, year.pv_kw, year.sun_pu, year.temperature_c]
    np.testing.assert_allclose([a.mean() for a in found], [2.0, 0.5, 3.0, 0.8, 12.0], rtol=1e-6)


def test_power_factor_and_constants_stand_in_only_when_given(tmp_path: Path):
    table = [{"time": row["time"], "load_kw:a": 3.0} for row in rows(24)]
    path = write_csv(tmp_path / "a.csv", table)
    year = year_from_csv(path, power_factor=0.6, temperature_c=5.0, sun_pu=0.0)
    np.testing.assert_allclose(year.load_kvar, 4.0, rtol=1e-6)
    assert year.pv_kw.shape == (24, 0)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"temperature_c": 5.0, "sun_pu": 0.0}, r"power_factor = None: must be in \(0, 1\]"),
        ({"power_factor": 1.5, "temperature_c": 5.0, "sun_pu": 0.0}, "power_factor = 1.5"),
        ({"power_factor": 1.0, "sun_pu": 0.0}, "no column temperature_c and no temperature_c"),
        ({"power_factor": 1.0, "temperature_c": 5.0}, "no column sun_pu"),
    ]
    for given, message in cases:
        with pytest.raises(ScenarioError, match=message):
            year_from_csv(path, **given)


def test_formats_delimiters_quarter_hours_and_empty_lines(tmp_path: Path):
    table = rows(96, step_h=0.25)
    for row in table:
        row["time"] = datetime.fromisoformat(row["time"]).strftime("%d.%m.%Y %H:%M")
    path = write_csv(tmp_path / "a.csv", table, ";")
    path.write_text("\ufeff" + path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    year = year_from_csv(path, delimiter=";", time_format="%d.%m.%Y %H:%M")
    assert (year.step_h, year.n_days) == (0.25, 1)


def test_from_monday_leaves_out_what_comes_before(tmp_path: Path):
    table = rows(24 * 5, datetime(2023, 12, 29))  # a Friday
    path = write_csv(tmp_path / "a.csv", table)
    whole, cut = year_from_csv(path), year_from_csv(path, from_monday=True)
    assert (whole.n_days, cut.n_days) == (5, 2)
    for name in ("load_kw", "load_kvar", "pv_kw", "temperature_c", "sun_pu"):
        np.testing.assert_array_equal(getattr(whole, name)[72:], getattr(cut, name))
    short = write_csv(tmp_path / "b.csv", table[:48])
    with pytest.raises(ScenarioError, match="holds no Monday"):
        year_from_csv(short, from_monday=True)


def local_year(zone: str) -> list[Row]:
    """A year of hours in local time, from its first midnight in standard time."""
    first = datetime(2023, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    table = rows(8760)
    for k, row in enumerate(table):
        row["time"] = (first + timedelta(hours=k)).astimezone(ZoneInfo(zone))
    return table


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/Berlin"])
@both
def test_stamps_with_offsets_come_to_standard_time(
    write: Write, read: Read, zone: str, tmp_path: Path
):
    table = local_year(zone)
    if write is write_csv:
        for row in table:
            row["time"] = row["time"].isoformat()
    year = read(write(tmp_path / "a.data", table))
    assert year.n_days == 365
    np.testing.assert_allclose(year.load_kw[:, 0], [row["load_kw:mill"] for row in table], 1e-6)


def test_local_time_without_offsets_is_refused_where_clocks_change(tmp_path: Path):
    table = local_year("America/Los_Angeles")
    for row in table:
        row["time"] = row["time"].replace(tzinfo=None).isoformat()
    path = write_csv(tmp_path / "a.csv", table)
    message = (
        r"a.csv: column 'time', row 1684 = '2023-03-12T03:00:00': leaves a gap of 1:00:00 before "
        r"it, after '2023-03-12T01:00:00'; where clocks change"
    )
    with pytest.raises(ScenarioError, match=message):
        year_from_csv(path)
    autumn = [row for row in table if row["time"] >= "2023-11-05"]
    with pytest.raises(ScenarioError, match=r"T01:00:00': comes twice or is out of order.*clocks"):
        year_from_csv(write_csv(tmp_path / "b.csv", autumn))


def drop(k: int) -> Callable[[list[Row]], Any]:
    return lambda table: table.pop(k)


def put(k: int, name: str, value: Any) -> Callable[[list[Row]], Any]:
    return lambda table: table[k].__setitem__(name, value)


@both
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop(7), "leaves a gap of 1:00:00 before it, after '2024-01-01T06:00:00'"),
        (lambda t: t.insert(7, t[7]), "'2024-01-01T07:00:00': comes twice or is out of order"),
        (put(3, "time", "2024-01-01T03:30:00"), "leaves a gap of 0:30:00"),
        (put(3, "time", "2024-01-01T02:30:00"), "comes 0:30:00 after the one before, not 1:00:00"),
        (put(3, "time", "noon"), "= 'noon': must be an ISO 8601 time"),
        (put(3, "time", "2024-01-01T03:00:00+01:00"), "must have no UTC offset"),
        (drop(0), "'2024-01-01T01:00:00': must be midnight"),
        (drop(-1), "47 rows of 1 h end within a day: must be whole days of 24"),
        (lambda t: t.__delitem__(slice(1, None)), "1 time stamps: must be two at least"),
        (put(9, "load_kw:home", float("nan")), r"column 'load_kw:home', row \d+ = .*finite number"),
        (put(9, "pv_kw:home", -1.0), "pv_kw at row 9, column 0 = -1: must be at least 0"),
    ],
)
def test_a_fault_has_its_place(
    write: Write, read: Read, spoil: Callable[[list[Row]], Any], message: str, tmp_path: Path
):
    table = rows()
    spoil(table)
    with pytest.raises(ScenarioError, match=message):
        read(write(tmp_path / "site.data", table))


def test_cells_of_a_csv_are_not_filled(tmp_path: Path):
    for value in ("", "1,5", "n/a", "inf"):
        table = rows()
        table[9]["temperature_c"] = value
        path = write_csv(tmp_path / "a.csv", table)
        with pytest.raises(ScenarioError, match=rf"'temperature_c', row 11 = '{value}': must be"):
            year_from_csv(path)


def test_nulls_of_a_parquet_file_are_not_filled(tmp_path: Path):
    for name in ("time", "sun_pu"):
        table = rows()
        table[9][name] = None
        with pytest.raises(ScenarioError, match=f"column '{name}', row 9 = None: must be"):
            year_from_parquet(write_parquet(tmp_path / "a.parquet", table))


@both
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"time": "when"}}, "there is no column 'when' for time: the header has time"),
        ({"columns": {"load": "time"}}, "columns name 'load': must be time, load_kw:<load>"),
        ({"columns": {"time": "time"}}, "there is no column load_kw:<load>"),
        ({"units": {"load": "kWh"}}, "unit of load = 'kWh': must be one of W, kW, MW"),
        ({"units": {"wind": "kW"}}, "units name 'wind': must be load, pv, sun"),
        (
            {"columns": {"time": "time", "load_kw:a": "load_kw:mill", "pv_kw:b": "pv_kw:home"}},
            "column pv_kw:b is of no load: there are a",
        ),
        (
            {"columns": {"time": "time", "load_kw:a": "load_kw:mill", "load_kw:b": "load_kw:home",
                         "load_kvar:a": "load_kvar:mill"}},
            "there is no column load_kvar:b: all loads have one",
        ),
    ],
)  # fmt: skip
def test_a_wrong_option_is_named(
    write: Write, read: Read, options: dict[str, Any], message: str, tmp_path: Path
):
    with pytest.raises(ScenarioError, match=message):
        read(write(tmp_path / "a.data", rows(24)), **options)


def test_a_broken_file_is_named(tmp_path: Path):
    with pytest.raises(ScenarioError, match=r"none.csv: cannot be read: No such file"):
        year_from_csv(tmp_path / "none.csv")
    for text, message in (
        ("", "is empty: must begin with a header"),
        ("time,load_kw:a\n2024-01-01\n", "row 2 has 1 cells: must have 2"),
        ("time,load_kw:a,load_kw:a\n", "column 'load_kw:a' stands there twice"),
        ("when,load_kw:a\n", "there is no column time: the header has when, load_kw:a"),
        ("time,load_kw:a\n", "0 time stamps"),
    ):
        path = tmp_path / "a.csv"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ScenarioError, match=message):
            year_from_csv(path)
    pytest.importorskip("pyarrow")
    with pytest.raises(ScenarioError, match=r"a.csv: cannot be read"):
        year_from_parquet(tmp_path / "a.csv")


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ScenarioError, match=r"pip install 'grid-fed-rl\[timeseries\]'"):
        year_from_parquet(tmp_path / "a.parquet")


def test_a_step_must_divide_a_day(tmp_path: Path):
    path = write_csv(tmp_path / "a.csv", rows(48, step_h=0.7))
    with pytest.raises(ScenarioError, match=r"row 3 = .*step_h = 0.7: must divide a day"):
        year_from_csv(path)
    assert math.isclose(year_from_csv(write_csv(tmp_path / "b.csv", rows(2, step_h=12))).step_h, 12)
