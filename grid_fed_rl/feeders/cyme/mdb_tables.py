"""Tables of an Access database, as text: read without a driver of the system."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.cyme.places import CymeFault, Place

__all__ = ["ROW", "Row", "read_tables"]

Row = dict[str, str]
ROW = ""
"""The name under which a row has its number: no column is called so."""

_UNDAMAGED = "an undamaged Access database"
_HARMLESS = ("memo", "OLE")  # long texts and pictures, of which CYME's columns have none


def read_tables(path: Path) -> tuple[dict[str, list[Row]], list[CymeFault]]:
    """Read all tables of CYME.

    Returns:
        The rows of each table, by its name in capitals, and what is wrong with the file.

    Raises:
        FeederError: the package that reads databases is not installed.
    """
    try:
        from access_parser import AccessParser
    except ImportError as error:
        raise FeederError(
            f"{path}: reading a database needs access-parser; pip install 'grid-fed-rl[cyme]'"
        ) from error
    faults: list[CymeFault] = []
    tables: dict[str, list[Row]] = {}
    try:
        with _heard(path.name, faults) as listener:
            database = AccessParser(str(path))
            for name in database.catalog:
                if name.upper().startswith("CYM"):
                    listener.table = name
                    tables[name.upper()] = _rows(database.parse_table(name))
    except OSError as error:
        return {}, [CymeFault(Place(str(path)), "", None, f"a file to read: {error}")]
    except Exception as error:
        # The parser checks nothing: a damaged file ends in whatever it trips over.
        found = f"{type(error).__name__}: {error}"[:100]
        return {}, [*faults, CymeFault(Place(path.name), "content", found, _UNDAMAGED)]
    if not any(name.startswith("CYMSECTION") for name in tables):
        found = ", ".join(sorted(database.catalog)[:6])
        return {}, [CymeFault(Place(path.name), "tables", found, "a table CYMSECTION, of CYME")]
    return tables, faults


class _Listener(logging.Handler):
    """Makes faults of what the parser only logs before it goes on without a row or a value."""

    def __init__(self, file: str, faults: list[CymeFault]) -> None:
        super().__init__(logging.WARNING)
        self.file, self.faults, self.table = file, faults, ""

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if not any(word in words for word in _HARMLESS):
            place = Place(self.file, self.table)
            fault = CymeFault(place, "content", words[:100], _UNDAMAGED)
            if fault not in self.faults[-1:]:
                self.faults.append(fault)


@contextmanager
def _heard(file: str, faults: list[CymeFault]) -> Iterator[_Listener]:
    logger = logging.getLogger("access_parser")
    listener = _Listener(file, faults)
    before, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        yield listener
    finally:
        logger.removeHandler(listener)
        logger.propagate = before


def _rows(table: Mapping[str, Sequence[Any]]) -> list[Row]:
    columns = {name: values for name, values in table.items() if not isinstance(values, str)}
    size = max(map(len, columns.values()), default=0)
    return [
        {name: _text(values[i]) if i < len(values) else "" for name, values in columns.items()}
        | {ROW: str(i + 1)}
        for i in range(size)
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return repr(value) if isinstance(value, float) else str(value).strip()
