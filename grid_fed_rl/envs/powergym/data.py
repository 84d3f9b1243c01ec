"""The benchmark's files, read from the user's own copy: script, batteries, load shapes.

Nothing is written beside them. The script includes ``loadshape.dss``, which the
benchmark writes anew for every profile; here a script of the same name stands in
for it in a temporary copy, with shapes that are level: profiles are applied to
the set-point.
"""

import csv
import re
import shutil
import tempfile
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.powergym.systems import HORIZON, WHERE, System
from grid_fed_rl.errors import FeederError, TaskError
from grid_fed_rl.feeders import Feeder

__all__ = ["Battery", "read_batteries", "read_feeder", "read_profiles", "system_folder"]

_SHAPES = "loadshape.dss"  # what the scripts include
_COPIED = {".dss", ".csv", ".txt"}
_DAILY = re.compile(r"\bdaily\s*=\s*(loadshape_[^\s,!]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery as the benchmark's table has it; `name` is that of a generator."""

    name: str
    max_kw: float
    pf: float
    max_kwh: float
    initial_kwh: float


def system_folder(env_id: str, system: System, data: str | PathLike[str] | None) -> Path:
    """The folder of a system: `data` itself, or the one of that name within it.

    Raises:
        TaskError: `data` is missing, or no folder that holds the system's script.
    """
    if data is None:
        raise TaskError(
            f"{env_id} needs the benchmark's data, which this package does not carry: "
            f'gymnasium.make("{env_id}", data=FOLDER) with a copy of {WHERE}'
        )
    given = Path(data)
    for folder in (given / system.folder, given):
        if (folder / system.script).is_file():
            return folder
    raise TaskError(
        f"{env_id}: no {system.folder}/{system.script} and no {system.script} in data "
        f"{str(given)!r}; expected a copy of {WHERE}, or its folder {system.folder}"
    )


def read_feeder(folder: Path, system: System) -> Feeder:
    """The feeder as OpenDSS compiles the system's script, loads at nominal power.

    Raises:
        TaskError: a file of the script is missing, or it cannot be read.
    """
    from grid_fed_rl.feeders.opendss import read_opendss  # slow, and brings OpenDSS

    with tempfile.TemporaryDirectory(prefix="powergym-") as name:
        copy = Path(name)
        for file in folder.iterdir():
            if file.is_file() and file.suffix.lower() in _COPIED:
                shutil.copyfile(file, copy / file.name)
        scripts = [path for path in copy.iterdir() if path.suffix.lower() == ".dss"]
        texts = [path.read_text(encoding="latin-1") for path in scripts]
        shapes = sorted({shape.lower() for text in texts for shape in _DAILY.findall(text)})
        commands = [f"new loadshape.{shape} npts=1 interval=1 mult=[1]\n" for shape in shapes]
        (copy / _SHAPES).write_text("".join(commands), encoding="latin-1")
        try:
            return read_opendss(copy / system.script).feeder
        except FeederError as error:
            message = str(error).replace(str(copy.resolve()), str(folder))
            message = message.replace(str(copy), str(folder))
            raise TaskError(f"{message}; expected the files of {WHERE}") from error


def read_batteries(folder: Path, feeder: Feeder) -> tuple[Battery, ...]:
    """Batteries of ``Battery.csv`` that the feeder has a generator for, in its order.

    Raises:
        TaskError: the table is missing or says what no battery can be.
    """
    path = folder / "Battery.csv"
    columns = [field.name for field in fields(Battery)]
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except OSError as error:
        raise TaskError(f"no {path.name} in {str(folder)!r}; expected that of {WHERE}") from error
    batteries = {}
    for row in rows:
        try:
            name, *numbers = (row[column] for column in columns)
            battery = Battery(name.lower(), *map(float, numbers))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TaskError(
                f"{path}: {row} is no battery; expected columns {', '.join(columns)}"
            ) from error
        _check(path, battery)
        batteries[battery.name] = battery
    return tuple(batteries[name] for name in feeder.generators if name in batteries)


def _check(path: Path, battery: Battery) -> None:
    for name in ("max_kw", "pf", "max_kwh"):
        value = getattr(battery, name)
        if not 0.0 < value < np.inf:
            raise TaskError(f"{path}: {name} of {battery.name!r} is {value}; expected above 0")
    if not 0.0 <= battery.initial_kwh <= battery.max_kwh:
        raise TaskError(
            f"{path}: initial_kwh of {battery.name!r} is {battery.initial_kwh}; expected 0 to "
            f"{battery.max_kwh}"
        )


def read_profiles(folder: Path, feeder: Feeder) -> NDArray[np.float64]:
    """Multiplier of every load in every hour of every profile: (profile, hour, load).

    All load shapes are put one after the other, files sorted by name; each load in
    turn, in the script's order, takes as many days of them as there are profiles.

    Raises:
        TaskError: there are no shapes, too few hours for a profile, or what is no
            number; or a load that has no shape.
    """
    for load in feeder.loads.values():
        if not load.profile:
            raise TaskError(
                f"load {load.name!r} of {feeder.name!r} has no daily load shape; expected the "
                f"scripts of {WHERE}"
            )
    shapes = folder / "loadshape"
    files = [
        path
        for path in sorted(shapes.iterdir() if shapes.is_dir() else [])
        if "loadshape" in path.name.lower() and path.suffix.lower() == ".csv" and path.is_file()
    ]
    if not files:
        raise TaskError(f"no *LoadShape*.csv in {str(shapes)!r}; expected those of {WHERE}")
    hours = np.concatenate([_read_shape(path) for path in files])
    n_loads = len(feeder.loads)
    n_profiles = len(hours) // (HORIZON * n_loads)
    if not n_profiles:
        raise TaskError(
            f"{str(shapes)!r} holds {len(hours)} hours; {n_loads} loads of {HORIZON} hours need "
            f"{HORIZON * n_loads}"
        )
    taken = hours[: n_loads * n_profiles * HORIZON].reshape(n_loads, n_profiles, HORIZON)
    return np.ascontiguousarray(taken.transpose(1, 2, 0))


def _read_shape(path: Path) -> NDArray[np.float64]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    first = [line.partition(",")[0] for line in lines if line.strip()]
    try:
        values = np.array([float(text) for text in first])
    except ValueError as error:
        raise TaskError(f"load shape {path}: {error}; expected a number a line") from error
    if not np.isfinite(values).all():
        raise TaskError(f"load shape {path} holds a number that is not finite")
    return values
