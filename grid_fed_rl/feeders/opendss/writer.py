"""OpenDSS scripts out: a master script and a file a class."""

import json
import math
from pathlib import Path

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.opendss.commands import sections
from grid_fed_rl.feeders.opendss.reader import MARK

__all__ = ["write_opendss"]

_COORDINATES = "buscoords.csv"


def write_opendss(feeder: Feeder, folder: str | Path) -> Path:
    """Write scripts that OpenDSS solves to the feeder's voltages.

    The master script redirects to a file a class. ``solve`` is left to whoever
    compiles it. `read_opendss` gives the same feeder back, but for what OpenDSS
    has no place for: a battery's highest state of charge, steps of a delta
    capacitor bank, and the values of profiles, whose names are kept on flat shapes.

    Args:
        feeder: What to write.
        folder: Where to; it is made if it is not there, and files of the same
            names in it are written over.

    Returns:
        The master script.

    Raises:
        FeederError: two elements would have one name in OpenDSS.
    """
    classes = dict(sections(feeder))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    master = [f"{MARK} {json.dumps({k: getattr(feeder, k)})}" for k in ("title", "provenance")]
    master += [*classes.pop("circuit"), "set maxiterations=100 maxcontroliter=100"]
    classes = {"loadshapes": _shapes(feeder), **classes}
    classes["loads"] = [
        _with_shape(line, load.profile)
        for line, load in zip(classes["loads"], feeder.loads.values(), strict=True)
    ]
    for name, lines in classes.items():
        if lines:
            _write(folder / f"{name}.dss", lines)
            master.append(f"redirect {name}.dss")
    rows = [
        f"{bus.name}, {bus.x!r}, {bus.y!r}"
        for bus in feeder.buses.values()
        if not (math.isnan(bus.x) or math.isnan(bus.y))
    ]
    if rows:
        _write(folder / _COORDINATES, rows)
        master.append(f"buscoords {_COORDINATES}")
    _write(folder / "master.dss", master)
    return folder / "master.dss"


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _shapes(feeder: Feeder) -> list[str]:
    profiles = dict.fromkeys(load.profile for load in feeder.loads.values() if load.profile)
    return [f"new loadshape.{name} npts=1 interval=1 mult=[1.0]" for name in profiles]


def _with_shape(line: str, profile: str) -> str:
    return f"{line} yearly={profile} daily={profile}" if profile else line
