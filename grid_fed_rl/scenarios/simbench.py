"""Yearly profiles of SimBench: one measured-like year of quarter hours for many customers.

S. Meinecke et al., "SimBench: a benchmark dataset of electric power systems to
compare innovative solutions based on power flow analysis", Energies 13(12), 2020,
doi:10.3390/en13123290. The data are under the Open Database License.

The extra `simbench` installs the package they come in; a folder with its files
`LoadProfile.csv` and `RESProfile.csv`, from anywhere, does as well. SimBench
itself is not imported, nor pandapower.

The year is 2016 in Germany, 366 days. Its stamps follow daylight saving, its rows
do not: there are as many as quarter hours passed. They are read in their order,
as standard time.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import HOURS_PER_DAY, steps_per_day
from grid_fed_rl.scenarios.splits import pick
from grid_fed_rl.scenarios.year import Year, year_from_arrays

__all__ = ["simbench_folder", "simbench_year"]

Floats = npt.NDArray[np.float64]

N_DAYS = 366
FIRST_MONDAY = 3  # 4 January 2016
STEP_H = 0.25

CUSTOMERS = ("BL-", "G", "H0-", "L", "WB-")
"""How the profiles of single customers begin: band load, trade, households, farms,
bakeries. The others are of whole grids, charging points and heat pumps."""


def simbench_folder() -> Path:
    """Folder of the profiles in the installed SimBench package.

    Raises:
        ScenarioError: it is not installed.
    """
    spec = find_spec("simbench")
    if spec is None or spec.origin is None:
        raise ScenarioError(
            "SimBench is not installed: pip install 'grid-fed-rl[simbench]', or give the folder "
            "of its LoadProfile.csv and RESProfile.csv"
        )
    return Path(spec.origin).parent / "networks" / "1-complete_data-mixed-all-0-sw"


def simbench_year(
    load_kw_nominal: npt.ArrayLike,
    load_kvar_nominal: npt.ArrayLike,
    pv_kw_rated: npt.ArrayLike,
    *,
    key: str,
    temperature_c: npt.ArrayLike,
    folder: str | Path | None = None,
    load_names: Sequence[str] | None = None,
    profiles: Sequence[str] | None = None,
    step_h: float = STEP_H,
    from_monday: bool = True,
    pv_load_index: npt.ArrayLike | None = None,
) -> Year:
    """A year of SimBench's profiles on loads and PV of given sizes.

    A load follows the profile that the hash of key and load name fixes, PV one of
    the profiles PV1 to PV8 by key and number, so another load or another order
    moves no one else. Profiles are per unit of the nominal power. SimBench has no
    irradiance: `sun_pu` is the mean of its PV profiles, per unit of their rating.

    Args:
        load_kw_nominal: (load,).
        load_kvar_nominal: (load,).
        pv_kw_rated: (pv,).
        key: fixes who follows which profile.
        temperature_c: a number, or (step,) as the year comes out: SimBench has none.
        folder: of the two files; by default the installed package's.
        load_names: (load,) by default their numbers.
        profiles: which to choose from, such as `["H0-A", "G1-A"]`; by default all
            of single customers.
        step_h: 0.25, or a multiple of it that divides a day; means are taken.
        from_monday: begin on 4 January, a Monday as the clock's day 0 is, and end
            after 363 days; else all 366 from a Friday.
        pv_load_index: (pv,) load beside each PV; by default PV k beside load k.

    Raises:
        ScenarioError: the files or a profile are missing or broken, or an array
            does not fit the others.
    """
    where = simbench_folder() if folder is None else Path(folder)
    nominal_kw, nominal_kvar = np.asarray(load_kw_nominal, float), np.asarray(load_kvar_nominal)
    rated_kw = np.asarray(pv_kw_rated, float)
    names = [str(k) for k in range(len(nominal_kw))] if load_names is None else list(load_names)
    if nominal_kvar.shape != nominal_kw.shape or len(names) != len(nominal_kw):
        raise ScenarioError(
            f"simbench_year: load_kw_nominal, load_kvar_nominal and load_names have "
            f"{len(nominal_kw)}, {len(nominal_kvar)} and {len(names)} entries: must have as many"
        )
    load_header, pv_header = _header(where / "LoadProfile.csv"), _header(where / "RESProfile.csv")
    chosen = _customers(where, load_header, profiles)
    of_load = [pick(chosen, f"{key}:load:{name}") for name in names]
    pv_names = [name for name in pv_header if name.startswith("PV")]
    of_pv = [pick(pv_names, f"{key}:pv:{k}") for k in range(len(rated_kw))]
    used = sorted(set(of_load))
    wanted = [f"{name}_{kind}load" for kind in "pq" for name in used]
    active, reactive = np.split(_read(where / "LoadProfile.csv", load_header, wanted), 2, axis=1)
    pv = _read(where / "RESProfile.csv", pv_header, pv_names)

    several = round(step_h / STEP_H)
    if several < 1 or abs(several * STEP_H - step_h) > 1e-9:
        raise ScenarioError(f"simbench_year: step_h = {step_h:g}: must be a multiple of 0.25")
    skip = FIRST_MONDAY * steps_per_day(step_h) if from_monday else 0

    def steps(quarters: Floats) -> Floats:
        return quarters.reshape(-1, several, quarters.shape[1]).mean(axis=1)[skip:]

    column = [used.index(name) for name in of_load]
    by_load_kw = steps(active)[:, column] * nominal_kw
    by_pv = steps(pv)
    return year_from_arrays(
        f"simbench-{key}",
        by_load_kw,
        steps(reactive)[:, column] * nominal_kvar,
        by_pv[:, [pv_names.index(name) for name in of_pv]] * rated_kw,
        np.full(len(by_pv), temperature_c) if np.ndim(temperature_c) == 0 else temperature_c,
        by_pv.mean(axis=1),
        step_h=step_h,
        pv_load_index=pv_load_index,
    )


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            header = file.readline().rstrip("\r\n").split(";")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    if header[0] != "time":
        raise ScenarioError(f"{path}: first column is '{header[0]}': must be time, by ';'")
    return header


def _customers(where: Path, header: Sequence[str], profiles: Sequence[str] | None) -> list[str]:
    there = [name.removesuffix("_pload") for name in header if name.endswith("_pload")]
    if profiles is None:
        return [name for name in there if name.startswith(CUSTOMERS)]
    for name in profiles:
        if name not in there:
            raise ScenarioError(
                f"{where / 'LoadProfile.csv'}: there is no profile '{name}': there are "
                f"{', '.join(there)}"
            )
    return list(profiles)


def _read(path: Path, header: Sequence[str], names: Sequence[str]) -> Floats:
    """(quarter hour, name), in the order of names."""
    at = [header.index(name) for name in names]
    try:
        values = np.loadtxt(path, delimiter=";", skiprows=1, usecols=at, ndmin=2)
    except ValueError as error:
        raise ScenarioError(f"{path}: is not a table of numbers: {error}") from error
    n_steps = round(N_DAYS * HOURS_PER_DAY / STEP_H)
    if len(values) != n_steps:
        raise ScenarioError(
            f"{path}: has {len(values)} rows: must have {n_steps}, the quarter hours of 2016"
        )
    return values
