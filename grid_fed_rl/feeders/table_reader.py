"""Reading a feeder from a folder of tables; see `table_columns` for the format."""

import difflib
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import (
    Bus,
    Line,
    LineCode,
    Reactor,
    Regulator,
    Switch,
    Transformer,
    Winding,
)
from grid_fed_rl.feeders.shunts import Capacitor, Generator, Load, Pv, Storage
from grid_fed_rl.feeders.table_columns import TABLES, CodeEntry, WindingRow
from grid_fed_rl.feeders.table_head import chain
from grid_fed_rl.feeders.table_rows import Table, open_table

__all__ = ["read_tables"]

_Triangle = dict[tuple[int, int], tuple[complex, float]]


def _tables(folders: Sequence[Path]) -> dict[str, Table]:
    """Tables by kind, each of the first folder that has it."""
    for path in (path for folder in folders for path in sorted(folder.glob("*.[cC][sS][vV]"))):
        kind = difflib.get_close_matches(path.stem.lower(), TABLES, n=1, cutoff=0.75)
        if path.name != f"{path.stem}.csv" or (kind and path.stem not in TABLES):
            meant = f"{kind[0] if kind else path.stem}.csv"
            raise FeederError(
                f"{path.parent.name}/{path.name} is no table; did you mean {meant!r}?"
            )
    found = ((kind, (folder / f"{kind}.csv" for folder in folders)) for kind in TABLES)
    first = ((kind, next((path for path in paths if path.exists()), None)) for kind, paths in found)
    return {kind: open_table(path) for kind, path in first if path is not None}


def _line_codes(table: Table) -> dict[str, LineCode]:
    triangles: dict[str, _Triangle] = defaultdict(dict)
    for row, entry in enumerate(table.records(CodeEntry)):
        triangle, place = triangles[entry.name], (entry.row, entry.column)
        if not 1 <= entry.column <= entry.row:
            raise FeederError(
                f"{table.at(row)}: entry {place}; expected one of the lower triangle, "
                f"1 <= column <= row"
            )
        if place in triangle:
            raise FeederError(f"{table.at(row)}: entry {place} of this code is there twice")
        per_km = 1000.0 / entry.unit
        triangle[place] = (entry.z_ohm * per_km, entry.c_nf * per_km)
    return {name: _line_code(name, triangle, table) for name, triangle in triangles.items()}


def _line_code(name: str, triangle: _Triangle, table: Table) -> LineCode:
    span = range(1, 1 + max(i for i, _ in triangle))
    for place in ((i, j) for i in span for j in range(1, i + 1)):
        if place not in triangle:
            raise FeederError(
                f"{table.where}: code {name!r} lacks entry {place}; give the whole lower triangle"
            )
    full = [[triangle[max(i, j), min(i, j)] for j in span] for i in span]
    return LineCode(
        name,
        tuple(tuple(z for z, _ in row) for row in full),
        tuple(tuple(c for _, c in row) for row in full),
    )


def _windings(table: Table) -> dict[str, tuple[Winding, ...]]:
    by_number: dict[str, dict[int, Winding]] = defaultdict(dict)
    for row, (transformer, number, winding) in enumerate(
        (one.transformer, one.winding, one.record) for one in table.records(WindingRow)
    ):
        if number in by_number[transformer]:
            raise FeederError(
                f"{table.at(row)}: winding {number} of {transformer!r} is there twice"
            )
        by_number[transformer][number] = winding
    for transformer, found in by_number.items():
        if set(found) != set(range(1, len(found) + 1)):
            raise FeederError(
                f"{table.where}: transformer {transformer!r} has windings "
                f"{', '.join(map(str, sorted(found)))}; expected 1, 2 and so on"
            )
    return {name: tuple(found[n] for n in sorted(found)) for name, found in by_number.items()}


def _transformers(tables: dict[str, Table]) -> dict[str, Transformer]:
    windings = _windings(tables["windings"]) if "windings" in tables else {}

    def make(name: str, *rest: Any) -> Transformer:
        return Transformer(name, windings.pop(name, ()), *rest)

    found = tables["transformers"].named(make) if "transformers" in tables else {}
    if windings:
        raise FeederError(
            f"{tables['windings'].where}: transformer {next(iter(windings))!r} has windings, "
            f"but transformers has no row of that name"
        )
    return found


_READERS: dict[str, Callable[[Table], dict[str, Any]]] = {
    "line_codes": _line_codes,
    **{
        kind: partial(Table.named, make=record)
        for kind, record in {
            "buses": Bus,
            "lines": Line,
            "switches": Switch,
            "reactors": Reactor,
            "regulators": Regulator,
            "capacitors": Capacitor,
            "loads": Load,
            "pvs": Pv,
            "storages": Storage,
            "generators": Generator,
        }.items()
    },
}


def read_tables(folder: Path) -> Feeder:
    """Read a feeder from a folder of tables.

    Raises:
        FeederError: a table, row or entry is missing or malformed, or a file is named
            almost as a table; the message names file, line and column.
    """
    head, folders = chain(folder)
    tables = _tables(folders)
    kinds = {kind: read(tables[kind]) for kind, read in _READERS.items() if kind in tables}
    return Feeder(
        name=head.text("name"),
        title=head.text("title"),
        provenance=head.text("provenance"),
        frequency_hz=head.number("frequency_hz"),
        source=head.source(),
        transformers=_transformers(tables),
        **{"buses": {}, **kinds},
    )
