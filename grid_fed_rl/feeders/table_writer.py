"""Writing a feeder as a folder of tables; see `table_columns` for the format."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import LineCode
from grid_fed_rl.feeders.table_columns import METRES_PER, TABLES, CodeEntry, WindingRow
from grid_fed_rl.feeders.table_head import FILE, head_text
from grid_fed_rl.feeders.table_reader import read_tables

__all__ = ["write_tables"]


def _entries(codes: Iterable[LineCode]) -> Iterator[CodeEntry]:
    for code in codes:
        z, c = code.z_ohm_per_km, code.c_nf_per_km
        for i in range(len(z)):
            for j in range(i + 1):
                if z[i][j] != z[j][i] or c[i][j] != c[j][i]:
                    raise FeederError(
                        f"line code {code.name!r}: entries ({i + 1}, {j + 1}) and "
                        f"({j + 1}, {i + 1}) differ; a table holds symmetric codes only"
                    )
                yield CodeEntry(code.name, METRES_PER["km"], i + 1, j + 1, z[i][j], c[i][j])


def _rows(feeder: Feeder, kind: str) -> Iterable[object]:
    if kind == "line_codes":
        return _entries(feeder.line_codes.values())
    if kind == "windings":
        return (
            WindingRow(transformer.name, number, winding)
            for transformer in feeder.transformers.values()
            for number, winding in enumerate(transformer.windings, start=1)
        )
    return getattr(feeder, kind).values()


def _table(feeder: Feeder, kind: str) -> str:
    """Return the text of a table, without columns that say nothing but their default."""
    rows = list(_rows(feeder, kind))
    columns: dict[str, list[str]] = {}
    for part in TABLES[kind]:
        values = [part.split(getattr(row, part.field)) for row in rows]
        for n, column in enumerate(part.columns):
            texts = [column.show(cells[n]) for cells in values]
            if not column.is_optional or any(
                text and cells[n] != column.default
                for text, cells in zip(texts, values, strict=True)
            ):
                columns[column.name] = texts
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return file.getvalue()


def write_tables(feeder: Feeder, folder: Path, *, extends: str | None = None) -> None:
    """Write a feeder as a folder of tables, in metres and kilometres.

    The folder is created; tables already there are replaced, and those that
    would say nothing are removed.

    Args:
        feeder: What to write.
        folder: Where to.
        extends: Name of a sibling folder that holds a feeder; tables equal to its
            own are left out.

    Raises:
        FeederError: the tables cannot hold what the feeder has.
    """
    base = read_tables(folder.parent / extends) if extends else Feeder("", feeder.source, {})
    texts = {kind: _table(feeder, kind) for kind in TABLES}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(head_text(feeder, extends), encoding="utf-8")
    for kind, text in texts.items():
        path = folder / f"{kind}.csv"
        if text == _table(base, kind):
            path.unlink(missing_ok=True)
        else:
            path.write_text(text, encoding="utf-8", newline="")
