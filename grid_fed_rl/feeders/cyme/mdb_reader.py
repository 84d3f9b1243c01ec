"""Access databases of CYME (.mdb), read without a driver of the system.

Tables ``CYM...`` hold networks, ``CYMEQ...`` the catalogue, in SI units.
"""

from collections.abc import Sequence
from pathlib import Path

from grid_fed_rl.feeders.cyme.assemble import assemble
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.mdb_join import join
from grid_fed_rl.feeders.cyme.mdb_tables import ROW, Row, read_tables
from grid_fed_rl.feeders.cyme.places import raise_all
from grid_fed_rl.feeders.cyme.raw import RawTable

__all__ = ["read_mdb"]

_NEEDS = "a database with networks: its CYMSECTION table has rows"


def read_mdb(path: str | Path) -> CymeDataset:
    """Read a database of CYME, with all its load years.

    Raises:
        CymeError: the file cannot be read or is no CYME database, or has faults; lists them all.
        FeederError: the package that reads databases is not installed.
    """
    path = Path(path)
    tables, faults = read_tables(path)
    raise_all(faults)
    joined = join(tables)
    version = " ".join(row.get("Info", "") for row in tables.get("CYMSCHEMAVERSION", []))
    return assemble(
        [_raw(path.name, name, rows) for name, rows in joined.items() if rows],
        faults=[],
        files=(path.name,),
        version=version.removeprefix("Cymdist Version: ").partition(" ")[0],
        units="SI",
        needs=_NEEDS,
    )


def _raw(file: str, name: str, rows: Sequence[Row]) -> RawTable:
    columns = tuple(dict.fromkeys(column for row in rows for column in row if column != ROW))
    cells = [[row.get(column, "") for column in columns] for row in rows]
    return RawTable("database", file, name, columns, cells, [int(row[ROW]) for row in rows])
