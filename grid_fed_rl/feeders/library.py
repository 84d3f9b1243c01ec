"""The feeders that come with the package, by name, and those of anybody else, by path."""

import difflib
from functools import cache
from pathlib import Path

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.opendss import read_opendss
from grid_fed_rl.feeders.table_head import chain
from grid_fed_rl.feeders.table_reader import read_tables
from grid_fed_rl.feeders.time_profiles import Profiles, read_profiles
from grid_fed_rl.feeders.validate import check

__all__ = ["load", "names", "open_feeder", "profiles"]

_DATA = Path(__file__).parent / "data"


def names() -> tuple[str, ...]:
    """Names that `load` knows, sorted."""
    return tuple(sorted(path.parent.name for path in _DATA.glob("*/feeder.toml")))


def load(name: str) -> Feeder:
    """Load a shipped feeder.

    Args:
        name: One of `names`, in any case: ``"ieee13"``, ``"ieee123"``.

    Raises:
        FeederError: no feeder of that name is shipped.
    """
    return _load(_known(name))


@cache
def _load(name: str) -> Feeder:
    feeder = read_tables(_DATA / name)
    check(feeder)
    return feeder


def _known(name: str) -> str:
    if name.lower() in names():
        return name.lower()
    close = difflib.get_close_matches(name.lower(), names(), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise FeederError(f"no feeder {name!r}; known: {', '.join(names())}{hint}")


def profiles(name_or_path: str | Path) -> Profiles | None:
    """Load the time profiles that a feeder brings; None if it has none.

    Args:
        name_or_path: A name that `names` lists, or a folder of tables. One that
            extends another has the other's profiles, unless it brings its own.

    Raises:
        FeederError: there is no such feeder, or its file is malformed.
    """
    path = Path(name_or_path)
    folder = path if _is_folder(path) else _DATA / _known(str(name_or_path))
    return next(filter(None, map(read_profiles, chain(folder)[1])), None)


def _is_folder(path: Path) -> bool:
    """Whether it says a folder of tables; a shipped name beside one wins."""
    return path.is_dir() and str(path).lower() not in names()


def open_feeder(name_or_path: str | Path) -> Feeder:
    """Open a feeder, whatever says which: the commands take this.

    Args:
        name_or_path: A name that `names` lists, a folder of tables, or an OpenDSS
            script (``.dss``).

    A script is taken as OpenDSS takes it: what solves there solves here, faults
    and all. `validate` tells them.

    Raises:
        FeederError: there is no such feeder, what is there is malformed, or tables
            have faults.
    """
    path = Path(name_or_path)
    if path.suffix.lower() == ".dss":
        return read_opendss(path, probe=True).feeder
    if _is_folder(path):
        feeder = read_tables(path)
        check(feeder)
        return feeder
    if len(path.parts) > 1:
        raise FeederError(
            f"{path}: no such folder; expected a folder of tables, an OpenDSS script (.dss) "
            f"or one of {', '.join(names())}"
        )
    return load(str(name_or_path))
