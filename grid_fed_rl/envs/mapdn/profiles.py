"""Load and PV of MAPDN's 33-bus case, every three minutes: read, or drawn.

MAPDN's own profiles are a download that its repository names; this package holds none
of them. Without that folder days are drawn by `scenarios`, to the same peaks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios import UtilityConfig, draw_year

__all__ = [
    "PEAK_LOAD_KW",
    "PEAK_PV_KW",
    "STEPS_PER_DAY",
    "Profiles",
    "drawn_profiles",
    "read_profiles",
]

STEP = timedelta(minutes=3)
STEPS_PER_DAY = 480
PEAK_LOAD_KW, PEAK_PV_KW = 3500.0, 8750.0  # of all loads, of all PV; as MAPDN states them
FILES = ("load_active.csv", "load_reactive.csv", "pv_active.csv")

Series = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Profiles:
    """Whole days of three-minute steps; row 0 begins at midnight. Arrays are read-only.

    Attributes:
        name: Whose they are; splits go by it.
        load_kw: (row, load) consumption.
        load_kvar: (row, load) consumption.
        pv_kw: (row, pv) power that the sun offers.
    """

    name: str
    load_kw: Series
    load_kvar: Series
    pv_kw: Series

    def __post_init__(self) -> None:
        for field in ("load_kw", "load_kvar", "pv_kw"):
            series = np.array(getattr(self, field), dtype=np.float32)
            if not np.isfinite(series).all():
                row, column = np.argwhere(~np.isfinite(series))[0]
                raise ScenarioError(
                    f"profiles {self.name!r}: {field} at row {row}, column {column} is "
                    f"{series[row, column]}; expected a number"
                )
            series.flags.writeable = False
            object.__setattr__(self, field, series)
        rows = len(self.load_kw)
        if not rows or rows % STEPS_PER_DAY or {len(self.load_kvar), len(self.pv_kw)} != {rows}:
            raise ScenarioError(
                f"profiles {self.name!r} have {rows}, {len(self.load_kvar)} and "
                f"{len(self.pv_kw)} rows; expected as many each, whole days of {STEPS_PER_DAY}"
            )

    @property
    def n_rows(self) -> int:
        """Rows held."""
        return len(self.load_kw)

    @property
    def n_days(self) -> int:
        """Days held."""
        return self.n_rows // STEPS_PER_DAY


# Homes, shops and some industry at the latitude of Brussels; our own, as MAPDN's loads
# and sun come from different countries.
CLIMATE = UtilityConfig(
    name="mapdn33",
    latitude_deg=50.8,
    residential_share=0.60,
    commercial_share=0.30,
    industrial_share=0.10,
    pv_share=2.5,
    peak_scale=1.0,
    temperature_mean_c=11.0,
    temperature_swing_c=7.0,
    diurnal_swing_c=4.0,
    clear_share=0.30,
    overcast_share=0.35,
    cooling_share=0.10,
    heating_share=0.20,
)


def drawn_profiles(nominal_kw: NDArray, nominal_kvar: NDArray, n_pv: int, seed: int) -> Profiles:
    """A year drawn by `scenarios.draw_year` in steps of three minutes.

    The largest total load of the year is 3.5 MW and that of PV 8.75 MW, as in MAPDN; all
    PV have the same peak and share one sky. Within the hour, class shapes are straight
    between the middles of hours, and clouds and what tells customers apart are
    first-order autoregressive with time constants of 1.5 h, and of 3 to 12 h.

    Args:
        nominal_kw: (load,) nominal load, which shares are in proportion to.
        nominal_kvar: (load,) which gives the power factors.
        n_pv: How many PV there are.
        seed: Of the year.
    """
    return _drawn(tuple(map(float, nominal_kw)), tuple(map(float, nominal_kvar)), n_pv, seed)


@lru_cache(maxsize=2)
def _drawn(kw: tuple[float, ...], kvar: tuple[float, ...], n_pv: int, seed: int) -> Profiles:
    year = draw_year(
        CLIMATE,
        np.array(kw),
        np.array(kvar),
        np.ones(n_pv),
        np.random.default_rng(seed),
        step_h=STEP / timedelta(hours=1),
        pv_load_index=np.zeros(n_pv, dtype=np.int64),
    )
    load = PEAK_LOAD_KW / year.load_kw.sum(axis=1).max()
    pv = PEAK_PV_KW / n_pv / year.pv_kw.max(axis=0)
    name = f"{CLIMATE.name}/{seed}"
    return Profiles(name, year.load_kw * load, year.load_kvar * load, year.pv_kw * pv)


@lru_cache(maxsize=2)
def read_profiles(folder: str | PathLike[str], n_loads: int, n_pv: int) -> Profiles:
    """Profiles in MAPDN's format: a folder such as ``case33_3min_final``.

    It holds ``load_active.csv``, ``load_reactive.csv`` and ``pv_active.csv``: a line of
    heads, then a line every three minutes, time first and then MW or Mvar, a column a
    load, by rising bus, or PV. What stands before the first midnight is left out, and
    the last day if it is not whole.

    Args:
        folder: Where they are.
        n_loads: Columns expected of the loads.
        n_pv: Columns expected of PV.

    Raises:
        ScenarioError: a file is missing, has other columns or another step, or the files
            do not begin together; the message names it.
    """
    paths = [Path(folder) / name for name in FILES]
    for path in paths:
        if not path.is_file():
            raise ScenarioError(f"MAPDN data: no file {path}; expected {', '.join(FILES)} there")
    begins = [_begin(path) for path in paths]
    if len(set(begins)) > 1:
        raise ScenarioError(
            f"MAPDN data in {folder}: files begin at {', '.join(map(str, begins))}; expected "
            f"one time"
        )
    midnight = begins[0].replace(hour=0, minute=0, second=0, microsecond=0)
    if midnight < begins[0]:
        midnight += timedelta(days=1)
    skip, odd = divmod(midnight - begins[0], STEP)
    if odd:
        raise ScenarioError(
            f"MAPDN data in {folder}: first time is {begins[0]}; expected a multiple of 3 minutes"
        )
    kw, kvar, pv = (
        _columns(path, n, skip) for path, n in zip(paths, (n_loads, n_loads, n_pv), strict=True)
    )
    rows = min(len(kw), len(kvar), len(pv)) // STEPS_PER_DAY * STEPS_PER_DAY
    return Profiles(Path(folder).name, *(1000.0 * series[:rows] for series in (kw, kvar, pv)))


def _begin(path: Path) -> datetime:
    """Time of the first line, once the second is seen to be three minutes later."""
    with path.open() as lines:
        next(lines, "")
        stamps = [next(lines, "").split(",")[0].strip() for _ in range(2)]
    try:
        first, second = (datetime.fromisoformat(stamp) for stamp in stamps)
    except ValueError as error:
        raise ScenarioError(
            f"MAPDN data: {path} begins with times {stamps}; expected such as '2012-01-01 00:00:00'"
        ) from error
    if second - first != STEP:
        raise ScenarioError(f"MAPDN data: {path} has steps of {second - first}; expected 3 minutes")
    return first


def _columns(path: Path, n: int, skip: int) -> Series:
    """Numbers of a file, without its column of times and its first `skip` rows."""
    with path.open() as lines:
        found = len(next(lines).split(",")) - 1
    if found != n:
        raise ScenarioError(f"MAPDN data: {path} has {found} columns beside time; expected {n}")
    try:
        return np.loadtxt(
            path, np.float32, delimiter=",", skiprows=1 + skip, usecols=range(1, n + 1), ndmin=2
        )
    except ValueError as error:
        raise ScenarioError(f"MAPDN data: {path}: {error}") from error
