"""A feeder as a folder of tables: what the shipped feeders are made of.

``feeder.toml`` holds the name, the source and where the figures are from; one
CSV file an element kind holds a row a record. Lengths and line codes keep the
unit of the published figure in a ``unit`` column (``ft``, ``kft``, ``mi``,
``m``, ``km``) and become metres and kilometres on reading. A kind without
records has no file. Reading what was written gives an equal feeder.
"""

import csv
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import (
    Bus,
    Capacitor,
    CapacitorControl,
    Connection,
    Feeder,
    Line,
    LineCode,
    LineDropControl,
    Load,
    LoadModel,
    Pv,
    Regulator,
    Source,
    Storage,
    Switch,
    Terminal,
    Transformer,
    Winding,
)

__all__ = ["read_tables", "write_tables"]

METRES_PER = {"ft": 0.3048, "kft": 304.8, "mi": 1609.344, "m": 1.0, "km": 1000.0}

_Record = TypeVar("_Record")


class _Row:
    """One row of a table that knows where it stands, for its error messages."""

    def __init__(self, values: dict[str, str], where: str) -> None:
        self._values = values
        self.where = where

    def _fail(self, column: str, text: str, expected: str) -> FeederError:
        return FeederError(f"{self.where}: column {column!r} is {text!r}; expected {expected}")

    def text(self, column: str) -> str:
        if column not in self._values or self._values[column] is None:
            known = ", ".join(self._values)
            raise FeederError(f"{self.where}: no column {column!r}; the table has {known}")
        return self._values[column].strip()

    def number(self, column: str, default: float | None = None) -> float:
        text = self.text(column) if default is None else self._values.get(column) or ""
        if not text and default is not None:
            return default
        try:
            return float(text)
        except ValueError:
            raise self._fail(column, text, "a number") from None

    def flag(self, column: str) -> bool:
        text = self.text(column)
        if text not in {"0", "1"}:
            raise self._fail(column, text, "0 or 1")
        return text == "1"

    def choice(self, column: str, kind: Callable[[str], _Record], known: Iterable[str]) -> _Record:
        text = self.text(column)
        try:
            return kind(text)
        except ValueError:
            raise self._fail(column, text, "one of " + ", ".join(known)) from None

    def connection(self, column: str) -> Connection:
        return self.choice(column, Connection, Connection)

    def terminal(self, column: str) -> Terminal:
        try:
            return Terminal.parse(self.text(column))
        except FeederError as error:
            raise FeederError(f"{self.where}: column {column!r}: {error}") from None

    def metres_per_unit(self) -> float:
        unit = self.text("unit")
        if unit not in METRES_PER:
            raise self._fail("unit", unit, "one of " + ", ".join(METRES_PER))
        return METRES_PER[unit]


def _rows(folder: Path, kind: str) -> Iterator[_Row]:
    path = folder / f"{kind}.csv"
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as file:
        for number, values in enumerate(csv.DictReader(file), start=2):
            yield _Row(values, f"{folder.name}/{kind}.csv line {number}")


def _by_name(folder: Path, kind: str, read: Callable[[_Row], _Record]) -> dict[str, _Record]:
    records: dict[str, _Record] = {}
    for row in _rows(folder, kind):
        name = row.text("name")
        if name in records:
            raise FeederError(f"{row.where}: {kind} already has {name!r}; names are unique")
        records[name] = read(row)
    return records


def _line_codes(folder: Path) -> dict[str, LineCode]:
    """Line codes are stored an entry of the lower triangle a row."""
    entries: dict[str, dict[tuple[int, int], tuple[complex, float]]] = defaultdict(dict)
    for row in _rows(folder, "line_codes"):
        per_km = 1000.0 / row.metres_per_unit()
        place = (int(row.number("row")), int(row.number("column")))
        z = complex(row.number("r_ohm"), row.number("x_ohm")) * per_km
        entries[row.text("name")][place] = (z, row.number("c_nf") * per_km)
    codes = {}
    for name, triangle in entries.items():
        n = max(i for i, _ in triangle)
        missing = [(i, j) for i in range(1, n + 1) for j in range(1, i + 1) if (i, j) not in triangle]
        if missing:
            raise FeederError(
                f"{folder.name}/line_codes.csv: code {name!r} lacks entry {missing[0]}; "
                f"give the whole lower triangle"
            )
        full = [[triangle[max(i, j), min(i, j)] for j in range(1, n + 1)] for i in range(1, n + 1)]
        codes[name] = LineCode(
            name,
            tuple(tuple(z for z, _ in row) for row in full),
            tuple(tuple(c for _, c in row) for row in full),
        )
    return codes


def _transformer(row: _Row) -> Transformer:
    def winding(n: int) -> Winding:
        return Winding(
            terminal=row.terminal(f"terminal_{n}"),
            connection=row.connection(f"connection_{n}"),
            kv=row.number(f"kv_{n}"),
            kva=row.number("kva"),
            r_percent=row.number(f"r_percent_{n}"),
        )

    return Transformer(
        name=row.text("name"),
        windings=(winding(1), winding(2)),
        x_percent=row.number("x_percent"),
        antifloat_ppm=row.number("antifloat_ppm"),
    )


def _regulator(row: _Row) -> Regulator:
    control = None
    if row.text("v_reg"):
        names = ("v_reg", "band_v", "pt_ratio", "ct_primary_a", "r_v", "x_v")
        control = LineDropControl(*(row.number(name) for name in names))
    return Regulator(
        name=row.text("name"),
        transformer=row.text("transformer"),
        tap_min_pu=row.number("tap_min_pu"),
        tap_max_pu=row.number("tap_max_pu"),
        n_steps=int(row.number("n_steps")),
        control=control,
    )


def _capacitor(row: _Row) -> Capacitor:
    control = None
    if row.text("v_on"):
        names = ("v_on", "v_off", "pt_ratio")
        control = CapacitorControl(*(row.number(name) for name in names))
    return Capacitor(
        name=row.text("name"),
        terminal=row.terminal("terminal"),
        connection=row.connection("connection"),
        kvar=row.number("kvar"),
        kv=row.number("kv"),
        closed=row.flag("closed"),
        control=control,
    )


def _load(row: _Row) -> Load:
    return Load(
        name=row.text("name"),
        terminal=row.terminal("terminal"),
        connection=row.connection("connection"),
        model=row.choice("model", LoadModel, LoadModel),
        kw=row.number("kw"),
        kvar=row.number("kvar"),
        kv=row.number("kv"),
        v_min_pu=row.number("v_min_pu", 0.95),
        v_max_pu=row.number("v_max_pu", 1.05),
        v_low_pu=row.number("v_low_pu", 0.5),
    )


def _der_common(row: _Row) -> tuple[str, Terminal, Connection, float]:
    return row.text("name"), row.terminal("terminal"), row.connection("connection"), row.number("kv")


def _storage(row: _Row) -> Storage:
    ratings = ("kw", "kwh", "kva", "efficiency_charge", "efficiency_discharge")
    socs = ("soc_min", "soc_max")
    return Storage(*_der_common(row), *(row.number(name) for name in (*ratings, *socs)))


def _head(folder: Path) -> dict[str, Any]:
    path = folder / "feeder.toml"
    if not path.exists():
        raise FeederError(f"{folder}: no feeder.toml; a feeder folder holds one beside its tables")
    try:
        head = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise FeederError(f"{path}: not valid TOML: {error}") from None
    for key in ("name", "title", "provenance", "frequency_hz", "source"):
        if key not in head:
            raise FeederError(f"{path}: no entry {key!r}")
    return head


def read_tables(folder: Path) -> Feeder:
    """Read a feeder from a folder of tables.

    Raises:
        FeederError: a table, row or entry is missing or malformed; the message
            names file, line and column.
    """
    head = _head(folder)
    source = head["source"]
    try:
        record = Source(
            name=source["name"],
            bus=source["bus"],
            kv_ll=source["kv_ll"],
            v_pu=source["v_pu"],
            angle_deg=source["angle_deg"],
            z1_ohm=complex(source["r1_ohm"], source["x1_ohm"]),
            z0_ohm=complex(source["r0_ohm"], source["x0_ohm"]),
        )
    except KeyError as error:
        raise FeederError(f"{folder / 'feeder.toml'}: [source] has no entry {error}") from None
    nan = float("nan")
    return Feeder(
        name=head["name"],
        title=head["title"],
        provenance=head["provenance"].strip(),
        frequency_hz=head["frequency_hz"],
        source=record,
        buses=_by_name(
            folder,
            "buses",
            lambda r: Bus(r.text("name"), r.number("kv_ll"), r.number("x", nan), r.number("y", nan)),
        ),
        line_codes=_line_codes(folder),
        lines=_by_name(
            folder,
            "lines",
            lambda r: Line(
                r.text("name"),
                r.terminal("from"),
                r.terminal("to"),
                r.text("code"),
                r.number("length") * r.metres_per_unit(),
            ),
        ),
        switches=_by_name(
            folder,
            "switches",
            lambda r: Switch(
                r.text("name"),
                r.terminal("from"),
                r.terminal("to"),
                r.number("r_ohm"),
                r.flag("closed"),
            ),
        ),
        transformers=_by_name(folder, "transformers", _transformer),
        regulators=_by_name(folder, "regulators", _regulator),
        capacitors=_by_name(folder, "capacitors", _capacitor),
        loads=_by_name(folder, "loads", _load),
        pvs=_by_name(
            folder, "pvs", lambda r: Pv(*_der_common(r), r.number("kw_dc"), r.number("kva"))
        ),
        storages=_by_name(folder, "storages", _storage),
    )


def _write(folder: Path, kind: str, rows: Iterable[Mapping[str, object]]) -> None:
    rows = list(rows)
    if not rows:
        return
    with (folder / f"{kind}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _blank_if_nan(value: float) -> float | str:
    return "" if value != value else value


def write_tables(feeder: Feeder, folder: Path) -> None:
    """Write a feeder as a folder of tables, in metres and kilometres.

    The folder is created; tables already there are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = feeder.source
    text = [
        f"name = {_toml(feeder.name)}",
        f"title = {_toml(feeder.title)}",
        f"provenance = {_toml(feeder.provenance)}",
        f"frequency_hz = {feeder.frequency_hz!r}",
        "",
        "[source]",
        f"name = {_toml(source.name)}",
        f"bus = {_toml(source.bus)}",
        *(f"{key} = {getattr(source, key)!r}" for key in ("kv_ll", "v_pu", "angle_deg")),
        *(
            f"{part}{n}_ohm = {getattr(z, attribute)!r}"
            for n, z in (("1", source.z1_ohm), ("0", source.z0_ohm))
            for part, attribute in (("r", "real"), ("x", "imag"))
        ),
    ]
    (folder / "feeder.toml").write_text("\n".join(text) + "\n", encoding="utf-8")
    _write(
        folder,
        "buses",
        (
            {"name": b.name, "kv_ll": b.kv_ll, "x": _blank_if_nan(b.x), "y": _blank_if_nan(b.y)}
            for b in feeder.buses.values()
        ),
    )
    _write(
        folder,
        "line_codes",
        (
            {
                "name": code.name,
                "unit": "km",
                "row": i + 1,
                "column": j + 1,
                "r_ohm": code.z_ohm_per_km[i][j].real,
                "x_ohm": code.z_ohm_per_km[i][j].imag,
                "c_nf": code.c_nf_per_km[i][j],
            }
            for code in feeder.line_codes.values()
            for i in range(len(code.z_ohm_per_km))
            for j in range(i + 1)
        ),
    )
    _write(
        folder,
        "lines",
        (
            {
                "name": line.name,
                "from": line.from_,
                "to": line.to,
                "code": line.code,
                "length": line.length_m,
                "unit": "m",
            }
            for line in feeder.lines.values()
        ),
    )
    _write(
        folder,
        "switches",
        (
            {
                "name": s.name,
                "from": s.from_,
                "to": s.to,
                "r_ohm": s.r_ohm,
                "closed": int(s.closed),
            }
            for s in feeder.switches.values()
        ),
    )
    _write(
        folder,
        "transformers",
        (
            {
                "name": t.name,
                "terminal_1": t.windings[0].terminal,
                "terminal_2": t.windings[1].terminal,
                "connection_1": t.windings[0].connection,
                "connection_2": t.windings[1].connection,
                "kv_1": t.windings[0].kv,
                "kv_2": t.windings[1].kv,
                "kva": t.windings[0].kva,
                "r_percent_1": t.windings[0].r_percent,
                "r_percent_2": t.windings[1].r_percent,
                "x_percent": t.x_percent,
                "antifloat_ppm": t.antifloat_ppm,
            }
            for t in feeder.transformers.values()
        ),
    )
    controls = ("v_reg", "band_v", "pt_ratio", "ct_primary_a", "r_v", "x_v")
    _write(
        folder,
        "regulators",
        (
            {
                "name": r.name,
                "transformer": r.transformer,
                "tap_min_pu": r.tap_min_pu,
                "tap_max_pu": r.tap_max_pu,
                "n_steps": r.n_steps,
                **{key: getattr(r.control, key, "") for key in controls},
            }
            for r in feeder.regulators.values()
        ),
    )
    _write(
        folder,
        "capacitors",
        (
            {
                "name": c.name,
                "terminal": c.terminal,
                "connection": c.connection,
                "kvar": c.kvar,
                "kv": c.kv,
                "closed": int(c.closed),
                **{key: getattr(c.control, key, "") for key in ("v_on", "v_off", "pt_ratio")},
            }
            for c in feeder.capacitors.values()
        ),
    )
    for kind in ("loads", "pvs", "storages"):
        records = getattr(feeder, kind).values()
        _write(folder, kind, ({key: getattr(r, key) for key in r.__slots__} for r in records))


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
