"""Records from raw tables: whole columns at once, all faults collected."""

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from grid_fed_rl.feeders.cyme.all_kinds import kind_of
from grid_fed_rl.feeders.cyme.dataset import Coverage, Table, Use
from grid_fed_rl.feeders.cyme.ignored import is_ignored_column, is_ignored_section
from grid_fed_rl.feeders.cyme.kinds import Field, Kind, Values, simplify
from grid_fed_rl.feeders.cyme.places import CymeFault, Extra, Place, Record
from grid_fed_rl.feeders.cyme.quantities import Context, is_empty
from grid_fed_rl.feeders.cyme.raw import RawTable

__all__ = ["Built", "build"]


@dataclass(slots=True)
class Built:
    """Records by kind, in the order of the files, and what was not made into any."""

    records: dict[int, list[Record]] = field(default_factory=dict)  # by the kind's identity
    kinds: list[Kind] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    others: list[Table] = field(default_factory=list)
    faults: list[CymeFault] = field(default_factory=list)


def build(tables: Iterable[RawTable]) -> Built:
    """Make records of all tables of which the kinds are known, and keep the others."""
    built = Built()
    for table in tables:
        kind = kind_of(table.section, table.dialect)
        if kind is None:
            _keep(table, built)
            continue
        if id(kind) not in built.records:
            built.records[id(kind)] = []
            built.kinds.append(kind)
        built.records[id(kind)] += _records(kind, table, built)
    return built


def _keep(table: RawTable, built: Built) -> None:
    use = Use.IGNORED if is_ignored_section(table.section) else Use.UNKNOWN
    built.coverage.append(Coverage(table.file, table.section, len(table.rows), use=use))
    rows = tuple(map(tuple, table.rows))
    built.others.append(Table(table.file, table.section, table.columns, rows))


def _records(kind: Kind, table: RawTable, built: Built) -> list[Record]:
    index: dict[str, int] = {}
    for i, name in enumerate(map(simplify, table.columns)):
        index.setdefault(name, i)
    extra = tuple(i for name, i in index.items() if name not in kind.columns)
    columns: list[tuple[str, ...]] = (
        list(zip(*table.rows, strict=True)) if table.rows else [() for _ in table.columns]
    )
    _cover(table, index, kind, columns, built)
    bad: set[int] = set()
    values: dict[str, list[Any]] = {}
    for wanted in kind.fields:
        cells = _cells(wanted, index, columns)
        if cells is None:
            if wanted.needed and table.rows:
                built.faults.append(_absent(table, wanted))
                bad.update(range(len(table.rows)))
            continue
        values[wanted.name] = _convert(wanted, cells, table, bad, built.faults)
    if not values:
        return []
    return _assemble(kind, table, values, extra, columns, bad, built.faults)


def _cells(
    wanted: Field, index: dict[str, int], columns: Sequence[Sequence[str]]
) -> Sequence[str] | None:
    """Return the cells of the first column that the table has; later ones fill its gaps."""
    there = [columns[index[name]] for name in dict.fromkeys(wanted.columns) if name in index]
    if not there:
        return None
    if len(there) == 1:
        return there[0]
    return [
        next((cell for cell in cells if not is_empty(cell)), "")
        for cells in zip(*there, strict=True)
    ]


def _convert(
    wanted: Field,
    cells: Sequence[str],
    table: RawTable,
    bad: set[int],
    faults: list[CymeFault],
) -> list[object]:
    label = wanted.name.lstrip("~")

    def complain(row: int, value: str, expected: str) -> None:
        faults.append(CymeFault(table.place(row), label, value, expected))
        bad.add(row)

    found = wanted.quantity.convert(cells, Context(table.dialect, table.imperial, complain))
    if wanted.needed:
        for row, value in enumerate(found):
            if value is None and row not in bad:
                complain(row, cells[row], f"a value: every {table.section} row has one")
    return found


def _absent(table: RawTable, wanted: Field) -> CymeFault:
    return CymeFault(
        Place(table.file, table.section, table.line),
        "columns",
        ", ".join(table.columns[:8]) + (", ..." if len(table.columns) > 8 else ""),
        f"a column for {wanted.name.lstrip('~')}, under one of the names "
        f"{', '.join(dict.fromkeys(wanted.columns))}",
    )


def _cover(
    table: RawTable,
    index: dict[str, int],
    kind: Kind,
    columns: Sequence[Sequence[str]],
    built: Built,
) -> None:
    names = {i: name for name, i in index.items()}
    read = tuple(c for i, c in enumerate(table.columns) if names.get(i) in kind.columns)
    rest = {i: name for i, name in names.items() if name not in kind.columns}
    ignored = tuple(table.columns[i] for i, name in rest.items() if is_ignored_column(name))
    unknown = {
        table.columns[i]: sum(not is_empty(cell) for cell in columns[i])
        for i, name in rest.items()
        if not is_ignored_column(name)
    }
    built.coverage.append(
        Coverage(table.file, table.section, len(table.rows), read, ignored, unknown)
    )


def _assemble(
    kind: Kind,
    table: RawTable,
    values: dict[str, list[Any]],
    extra: tuple[int, ...],
    columns: Sequence[Sequence[str]],
    bad: set[int],
    faults: list[CymeFault],
) -> list[Record]:
    """Zip converted columns into records, groups first."""
    size = len(table.rows)
    defaults = {f.name: f.default for f in fields(kind.record)}
    needed = [f.name for f in fields(kind.record) if f.default is MISSING]
    flat: dict[str, Sequence[Any]] = {}
    for name, column in values.items():
        if "." in name:
            continue
        default = defaults.get(name)
        # A figure that is not there is None, or what the record says it is by default.
        if isinstance(default, bool | str):
            column = [default if value is None else value for value in column]
        flat[name] = column
    for name, (group, members) in kind.groups.items():
        parts = {m: values[f"{name}.{m}"] for m in members if f"{name}.{m}" in values}
        if parts:
            flat[name] = [
                group(**dict(zip(parts, row, strict=True)))
                for row in zip(*parts.values(), strict=True)
            ]
    names = tuple(table.columns[i] for i in extra)
    extras = (
        [Extra(names, row) for row in zip(*(columns[i] for i in extra), strict=True)]
        if extra
        else [Extra() for _ in range(size)]
    )
    places = map(table.place, range(size))
    made: list[Record] = []
    keys = tuple(flat)
    raw = [name for name in keys if name.startswith("~")]
    cells = zip(*flat.values(), strict=True)
    for row, (place, left, found) in enumerate(zip(places, extras, cells, strict=True)):
        if row in bad:
            continue
        record: Values = dict(zip(keys, found, strict=True))
        record.update(kind.constants)
        if kind.finish is not None:
            record = kind.finish(record, table.dialect)
        for name in raw:
            record.pop(name, None)
        absent = next((name for name in needed if record.get(name) is None), None)
        if absent is not None:
            faults.append(CymeFault(place, absent, None, f"a value: every {kind.what} has one"))
            continue
        made.append(kind.record(place=place, extra=left, **record))
    return made
