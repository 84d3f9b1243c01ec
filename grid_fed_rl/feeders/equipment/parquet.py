"""An equipment library as Parquet files, a kind each; needs pyarrow (extra ``timeseries``)."""

from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.equipment.records import KINDS, EquipmentLibrary

__all__ = ["read_equipment_parquet", "write_equipment_parquet"]


def _type_of(annotation: Any) -> Any:  # an Arrow type
    import pyarrow as pa

    kinds = [k for k in (get_args(annotation) or (annotation,)) if k is not NoneType]
    return {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}[kinds[0]]


def write_equipment_parquet(library: EquipmentLibrary, folder: str | Path) -> list[Path]:
    """Write a library as ``<kind>.parquet``, its columns those of the records.

    Args:
        library: What to write.
        folder: Where to; made if need be.

    Returns:
        The files written, none for kinds without records.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, records in library.kinds():
        columns = fields(KINDS[kind])
        schema = pa.schema([(f.name, _type_of(f.type)) for f in columns])
        data = {f.name: [getattr(r, f.name) for r in records] for f in columns}
        path = place / f"{kind}.parquet"
        pq.write_table(pa.Table.from_pydict(data, schema=schema), path)
        written.append(path)
    return written


def read_equipment_parquet(folder: str | Path) -> EquipmentLibrary:
    """Read what `write_equipment_parquet` wrote.

    Raises:
        FeederError: a file lacks a column of its kind.
        ModuleNotFoundError: pyarrow is not installed.
    """
    import pyarrow.parquet as pq

    found: dict[str, tuple[Any, ...]] = {}
    for kind, record in KINDS.items():
        path = Path(folder) / f"{kind}.parquet"
        if not path.exists():
            continue
        rows = pq.read_table(path).to_pylist()
        names = [f.name for f in fields(record)]
        for row in rows[:1]:
            missing = [name for name in names if name not in row]
            if missing:
                raise FeederError(
                    f"{path.name}: no column {', '.join(missing)}; {kind} have {', '.join(names)}"
                )
        found[kind] = tuple(record(**{name: row[name] for name in names}) for row in rows)
    return EquipmentLibrary(**found)
