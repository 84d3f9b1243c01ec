"""An equipment library as a folder of CSV tables beside a feeder's: ``<feeder>/equipment``.

A kind a file, a record a row, its columns the record's fields; a blank cell is a figure that
the catalogue does not say. Reading what was written gives an equal library.
"""

import csv
import io
from pathlib import Path
from typing import Any

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.equipment.records import KINDS, EquipmentLibrary
from grid_fed_rl.feeders.table_columns import Part, parts_of
from grid_fed_rl.feeders.table_rows import open_table

__all__ = ["FOLDER", "read_equipment", "write_equipment"]

FOLDER = "equipment"
"""Folder of the library within that of the feeder."""

_TABLES: dict[str, tuple[Part, ...]] = {kind: parts_of(record) for kind, record in KINDS.items()}


def write_equipment(library: EquipmentLibrary, folder: str | Path) -> None:
    """Write a library into a feeder's folder.

    Tables of kinds that the library lacks are removed.

    Args:
        library: What to write.
        folder: Of the feeder; the tables go into ``equipment`` in it, which is made.
    """
    place = Path(folder) / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        records, path = getattr(library, kind), place / f"{kind}.csv"
        if not records:
            path.unlink(missing_ok=True)
            continue
        path.write_text(_text(kind, records), encoding="utf-8", newline="")


def _text(kind: str, records: tuple[Any, ...]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    columns = [(part.field, part.columns[0]) for part in _TABLES[kind]]
    writer.writerow([column.name for _, column in columns])
    for record in records:
        writer.writerow([column.show(getattr(record, name)) for name, column in columns])
    return file.getvalue()


def read_equipment(folder: str | Path) -> EquipmentLibrary:
    """Read the library of a feeder's folder; an empty one where it has none.

    Raises:
        FeederError: a table is malformed; names file, line and column.
    """
    place = Path(folder) / FOLDER
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(place.glob("*.csv")):
        kind = path.stem
        if kind not in KINDS:
            raise FeederError(
                f"{FOLDER}/{path.name} is no table of equipment; known: {', '.join(KINDS)}"
            )
        found[kind] = tuple(open_table(path, _TABLES).records(KINDS[kind]))
    return EquipmentLibrary(**found)
