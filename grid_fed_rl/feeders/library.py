"""The feeders that come with the package, by name."""

import difflib
from functools import cache
from pathlib import Path

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.table_reader import read_tables
from grid_fed_rl.feeders.validate import check

__all__ = ["load", "names"]

_DATA = Path(__file__).parent / "data"


def names() -> tuple[str, ...]:
    """Names that `load` knows, sorted."""
    return tuple(sorted(path.parent.name for path in _DATA.glob("*/feeder.toml")))


@cache
def load(name: str) -> Feeder:
    """Load a shipped feeder.

    Args:
        name: One of `names`, in any case: ``"ieee13"``, ``"ieee123"``.

    Raises:
        FeederError: no feeder of that name is shipped.
    """
    if name.lower() not in names():
        close = difflib.get_close_matches(name.lower(), names(), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise FeederError(f"no feeder {name!r}; known: {', '.join(names())}{hint}")
    feeder = read_tables(_DATA / name.lower())
    check(feeder)
    return feeder
