"""Reading a feeder from a folder of tables; see `table_columns` for the format."""

import math
import tomllib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import (
    Bus,
    Connection,
    Line,
    LineCode,
    LineDropControl,
    Regulator,
    Source,
    Switch,
    SwitchKind,
    Transformer,
    Winding,
)
from grid_fed_rl.feeders.shunts import (
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    Load,
    LoadModel,
    Pv,
    Storage,
)
from grid_fed_rl.feeders.table_rows import Row, rows

__all__ = ["read_tables"]

_Record = TypeVar("_Record")


def _by_name(folder: Path, kind: str, read: Callable[[Row], _Record]) -> dict[str, _Record]:
    records: dict[str, _Record] = {}
    for row in rows(folder, kind):
        name = row.text("name")
        if name in records:
            raise FeederError(f"{row.where}: {kind} already has {name!r}; names are unique")
        records[name] = read(row)
    return records


def _line_codes(folder: Path) -> dict[str, LineCode]:
    """Line codes are stored an entry of the lower triangle a row."""
    entries: dict[str, dict[tuple[int, int], tuple[complex, float]]] = defaultdict(dict)
    for row in rows(folder, "line_codes"):
        triangle, (i, j) = entries[row.text("name")], (row.integer("row"), row.integer("column"))
        if not 1 <= j <= i:
            raise FeederError(
                f"{row.where}: entry ({i}, {j}); expected one of the lower triangle, "
                f"1 <= column <= row"
            )
        if (i, j) in triangle:
            raise FeederError(f"{row.where}: entry ({i}, {j}) of this code is there twice")
        per_km = 1000.0 / row.metres_per_unit()
        z_ohm_per_km = complex(row.number("r_ohm"), row.number("x_ohm")) * per_km
        triangle[i, j] = (z_ohm_per_km, row.number("c_nf") * per_km)
    return {name: _line_code(name, triangle, folder) for name, triangle in entries.items()}


def _line_code(
    name: str, triangle: dict[tuple[int, int], tuple[complex, float]], folder: Path
) -> LineCode:
    span = range(1, 1 + max(i for i, _ in triangle))
    for place in ((i, j) for i in span for j in range(1, i + 1)):
        if place not in triangle:
            raise FeederError(
                f"{folder.name}/line_codes.csv: code {name!r} lacks entry {place}; "
                f"give the whole lower triangle"
            )
    full = [[triangle[max(i, j), min(i, j)] for j in span] for i in span]
    return LineCode(
        name,
        tuple(tuple(z for z, _ in row) for row in full),
        tuple(tuple(c for _, c in row) for row in full),
    )


def _bus(row: Row) -> Bus:
    x, y = row.number("x", math.nan), row.number("y", math.nan)
    return Bus(row.text("name"), row.number("kv_ll"), x, y)


def _line(row: Row) -> Line:
    return Line(
        name=row.text("name"),
        from_=row.terminal("from"),
        to=row.terminal("to"),
        code=row.text("code"),
        length_m=row.number("length") * row.metres_per_unit(),
    )


def _switch(row: Row) -> Switch:
    return Switch(
        name=row.text("name"),
        from_=row.terminal("from"),
        to=row.terminal("to"),
        code=row.text("code"),
        length_m=row.number("length") * row.metres_per_unit(),
        kind=row.choice("kind", SwitchKind, SwitchKind),
        closed=row.flag("closed"),
    )


def _transformer(row: Row) -> Transformer:
    def winding(n: int) -> Winding:
        return Winding(
            terminal=row.terminal(f"terminal_{n}"),
            connection=row.choice(f"connection_{n}", Connection, Connection),
            kv=row.number(f"kv_{n}"),
            kva=row.number("kva"),
            r_percent=row.number(f"r_percent_{n}"),
            tap_pu=row.number(f"tap_{n}", 1.0),
        )

    return Transformer(
        name=row.text("name"),
        windings=(winding(1), winding(2)),
        x_percent=(row.number("x_percent"),),
        antifloat_ppm=row.number("antifloat_ppm"),
    )


def _regulator(row: Row) -> Regulator:
    control = row.settings("v_reg", "band_v", "pt_ratio", "ct_primary_a", "r_v", "x_v")
    return Regulator(
        name=row.text("name"),
        transformer=row.text("transformer"),
        tap_min_pu=row.number("tap_min_pu"),
        tap_max_pu=row.number("tap_max_pu"),
        n_steps=row.integer("n_steps"),
        control=LineDropControl(*control) if control else None,
    )


def _capacitor(row: Row) -> Capacitor:
    control = row.settings("on", "off", "pt_ratio")
    return Capacitor(
        name=row.text("name"),
        terminal=row.terminal(),
        connection=row.connection(),
        kvar=row.number("kvar"),
        kv=row.number("kv"),
        steps_closed=int(row.flag("closed")),
        control=CapacitorControl(CapacitorControlKind.VOLTAGE, *control) if control else None,
    )


def _load(row: Row) -> Load:
    return Load(
        name=row.text("name"),
        terminal=row.terminal(),
        connection=row.connection(),
        model=row.choice("model", LoadModel, LoadModel),
        kw=row.number("kw"),
        kvar=row.number("kvar"),
        kv=row.number("kv"),
        v_min_pu=row.number("v_min_pu", 0.95),
        v_max_pu=row.number("v_max_pu", 1.05),
        v_low_pu=row.number("v_low_pu", 0.5),
    )


def _pv(row: Row) -> Pv:
    return Pv(
        name=row.text("name"),
        terminal=row.terminal(),
        connection=row.connection(),
        kv=row.number("kv"),
        kw_dc=row.number("kw_dc"),
        kva=row.number("kva"),
    )


def _storage(row: Row) -> Storage:
    return Storage(
        name=row.text("name"),
        terminal=row.terminal(),
        connection=row.connection(),
        kv=row.number("kv"),
        kw=row.number("kw"),
        kwh=row.number("kwh"),
        kva=row.number("kva"),
        efficiency_charge=row.number("efficiency_charge"),
        efficiency_discharge=row.number("efficiency_discharge"),
        soc_min=row.number("soc_min"),
        soc_max=row.number("soc_max"),
    )


class _Head:
    """``feeder.toml``, or a table of it, that knows where it stands."""

    def __init__(self, entries: dict[str, Any], where: str) -> None:
        self._entries = entries
        self._where = where

    def _entry(self, key: str, expected: str, *kinds: type) -> Any:  # TOML holds any type
        if key not in self._entries:
            raise FeederError(f"{self._where} has no entry {key!r}; expected {expected}")
        value = self._entries[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise FeederError(f"{self._where}: {key} is {value!r}; expected {expected}")
        return value

    def text(self, key: str) -> str:
        return self._entry(key, "a text", str).strip()

    def number(self, key: str) -> float:
        return float(self._entry(key, "a number", int, float))

    def table(self, key: str) -> "_Head":
        return _Head(self._entry(key, "a table", dict), f"{self._where} [{key}]")


def _head(folder: Path) -> _Head:
    path = folder / "feeder.toml"
    where = f"{folder.name}/feeder.toml"
    if not path.exists():
        raise FeederError(f"{folder}: no feeder.toml; a feeder folder holds one beside its tables")
    try:
        return _Head(tomllib.loads(path.read_text(encoding="utf-8")), where)
    except tomllib.TOMLDecodeError as error:
        raise FeederError(f"{where}: not valid TOML: {error}") from None


def _source(head: _Head) -> Source:
    return Source(
        name=head.text("name"),
        bus=head.text("bus"),
        kv_ll=head.number("kv_ll"),
        v_pu=head.number("v_pu"),
        angle_deg=head.number("angle_deg"),
        z1_ohm=complex(head.number("r1_ohm"), head.number("x1_ohm")),
        z0_ohm=complex(head.number("r0_ohm"), head.number("x0_ohm")),
    )


def read_tables(folder: Path) -> Feeder:
    """Read a feeder from a folder of tables.

    Raises:
        FeederError: a table, row or entry is missing or malformed; the message
            names file, line and column.
    """
    head = _head(folder)
    return Feeder(
        name=head.text("name"),
        title=head.text("title"),
        provenance=head.text("provenance"),
        frequency_hz=head.number("frequency_hz"),
        source=_source(head.table("source")),
        buses=_by_name(folder, "buses", _bus),
        line_codes=_line_codes(folder),
        lines=_by_name(folder, "lines", _line),
        switches=_by_name(folder, "switches", _switch),
        transformers=_by_name(folder, "transformers", _transformer),
        regulators=_by_name(folder, "regulators", _regulator),
        capacitors=_by_name(folder, "capacitors", _capacitor),
        loads=_by_name(folder, "loads", _load),
        pvs=_by_name(folder, "pvs", _pv),
        storages=_by_name(folder, "storages", _storage),
    )
