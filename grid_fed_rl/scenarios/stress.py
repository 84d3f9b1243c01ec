"""Hard days: heat waves, more sun, more cars, an element out of service.

Each turns a year, or what stands beside it, into a harder one and leaves the given
one as it is. `stress_days` says on which days it is judged: test days only, fixed
by hash, the hardest half of them where days differ.

| split | days | what happens |
|---|---|---|
| `stress-heat-wave` | the warmest by mean temperature | `heat_wave` |
| `stress-high-pv` | the most PV energy for their load | `high_pv` |
| `stress-high-ev` | by hash | `more_plugs`, `with_charging` |
| `stress-n-1` | by hash | `outage_on` names what is out |
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import HOURS_PER_DAY
from grid_fed_rl.scenarios.ev import Sessions
from grid_fed_rl.scenarios.ev_stations import EvStation
from grid_fed_rl.scenarios.ev_table import uncontrolled_kw
from grid_fed_rl.scenarios.load import temperature_response_pu
from grid_fed_rl.scenarios.splits import days_in_split, pick
from grid_fed_rl.scenarios.sun import pv_output_pu
from grid_fed_rl.scenarios.utilities import UtilityConfig
from grid_fed_rl.scenarios.year import Year

__all__ = ["heat_wave", "high_pv", "more_plugs", "outage_on", "stress_days", "with_charging"]

HEAT_WAVE_RISE_C = 8.0
"""Assumed. In the heat wave of June 2021 the Pacific Northwest was 30 to 50 F (17
to 28 C) above normal; the days it comes on top of here are warm already."""

EASING_H = 12.0
"""Hours over which a heat wave comes and goes beside its days (assumed)."""


def stress_days(split: str, year: Year, key: str) -> npt.NDArray[np.int64]:
    """Days of a year on which a stress is judged, rising.

    Args:
        split: one of `grid_fed_rl.scenarios.STRESS_SPLITS`, or any other split.
        year: whose days they are.
        key: names the split, as in `split_days`.

    Raises:
        ScenarioError: the split is unknown.
    """

    def by_day(series: npt.NDArray) -> npt.NDArray[np.float64]:
        return series.reshape(year.n_days, -1).mean(axis=1, dtype=np.float64)

    severity = None
    if split == "stress-heat-wave":
        severity = by_day(year.temperature_c)
    elif split == "stress-high-pv":
        load_kw = by_day(year.load_kw)
        severity = by_day(year.pv_kw) / np.where(load_kw > 0.0, load_kw, np.inf)
    return days_in_split(split, year.n_days, key, severity)


def heat_wave(
    year: Year,
    days: npt.ArrayLike,
    config: UtilityConfig,
    rise_c: float = HEAT_WAVE_RISE_C,
) -> Year:
    """A year with hotter air on some days, and the load and PV that follow from it.

    The air is `rise_c` warmer on these days and eases on straight lines over the
    12 h before and after. Load is scaled by the temperature response of the
    utility's mix of customers in the new air over that in the old; PV by what
    warmer cells give. The sun is the same.

    Args:
        year: the given one, of any origin.
        days: day indices of the heat wave.
        config: the utility: its mix, its cooling and heating.
        rise_c: degrees, 0 or more.

    Raises:
        ScenarioError: a day is not of the year, or the rise is negative.
    """
    if not 0.0 <= rise_c < math.inf:
        raise ScenarioError(f"heat_wave: rise_c = {rise_c:g}: must be at least 0")
    begin_h = _checked_days("heat_wave", year, days) * HOURS_PER_DAY
    time_h = (np.arange(len(year.temperature_c)) + 0.5) * year.step_h
    away_h = np.full(len(time_h), np.inf)
    for begin in begin_h:  # of each step from the nearest of the days
        outside = np.maximum(begin - time_h, time_h - begin - HOURS_PER_DAY)
        away_h = np.minimum(away_h, np.maximum(outside, 0.0))
    before_c = year.temperature_c.astype(np.float64)
    after_c = before_c + rise_c * np.clip(1.0 - away_h / EASING_H, 0.0, 1.0)

    def response(air_c: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        by_class = temperature_response_pu(air_c, config.cooling_share, config.heating_share)
        return by_class @ np.array(config.class_shares)

    load = (response(after_c) / response(before_c))[:, None]
    sun_pu = year.sun_pu.astype(np.float64)
    was_pu, is_pu = pv_output_pu(sun_pu, before_c), pv_output_pu(sun_pu, after_c)
    pv = np.divide(is_pu, was_pu, out=np.ones_like(was_pu), where=was_pu > 0.0)[:, None]
    return replace(
        year,
        load_kw=(year.load_kw * load).astype(np.float32),
        load_kvar=(year.load_kvar * load).astype(np.float32),
        pv_kw=(year.pv_kw * pv).astype(np.float32),
        temperature_c=after_c.astype(np.float32),
    )


def high_pv(year: Year, factor: float = 2.0) -> Year:
    """A year with `factor` times the PV, 1 or more, at the same places.

    Raises:
        ScenarioError: the factor is below 1 or not finite.
    """
    if not 1.0 <= factor < math.inf:
        raise ScenarioError(f"high_pv: factor = {factor:g}: must be at least 1")
    return replace(year, pv_kw=(year.pv_kw * np.float32(factor)).astype(np.float32))


def more_plugs(stations: Sequence[EvStation], factor: float = 2.0) -> tuple[EvStation, ...]:
    """The stations with `factor` times the plugs, rounded up.

    Raises:
        ScenarioError: the factor is below 1 or not finite.
    """
    if not 1.0 <= factor < math.inf:
        raise ScenarioError(f"more_plugs: factor = {factor:g}: must be at least 1")
    return tuple(replace(s, plugs=math.ceil(factor * s.plugs - 1e-9)) for s in stations)


def with_charging(year: Year, sessions: Sessions, load_index: npt.ArrayLike) -> Year:
    """A year with cars that charge at once and at full power, at unity power factor.

    Args:
        year: the given one.
        sessions: of as many days.
        load_index: (station,) the load that each station stands beside.

    Raises:
        ScenarioError: the days differ, or an index is not of a load.
    """
    index = np.asarray(load_index)
    n_loads = year.load_kw.shape[1]
    if sessions.n_days != year.n_days:
        raise ScenarioError(
            f"with_charging: sessions have {sessions.n_days} days: must have {year.n_days}, "
            f"as year '{year.name}' has"
        )
    if index.shape != (len(sessions.stations),) or ((index < 0) | (index >= n_loads)).any():
        raise ScenarioError(
            f"with_charging: load_index = {index.tolist()}: must be {len(sessions.stations)} load "
            f"indices, one a station, in 0..{n_loads - 1}"
        )
    load_kw = year.load_kw.copy()
    charging_kw = uncontrolled_kw(sessions, year.step_h)
    for station, load in enumerate(index):
        load_kw[:, load] += charging_kw[:, station]
    return replace(year, load_kw=load_kw)


def outage_on(day: int, elements: Sequence[str], key: str) -> str:
    """Name of the one element that is out of service on a day (N-1).

    Args:
        day: day index.
        elements: names of what may fail, in any order; which of them a feeder can
            lose and still be one, its owner knows.
        key: names the study; another key gives other outages.

    Raises:
        ScenarioError: there is no element.
    """
    return pick(elements, f"{key}:stress-n-1:{day}:out")


def _checked_days(what: str, year: Year, days: npt.ArrayLike) -> npt.NDArray[np.int64]:
    index = np.atleast_1d(np.asarray(days, dtype=np.int64))
    wrong = (index < 0) | (index >= year.n_days)
    if index.ndim != 1 or wrong.any():
        raise ScenarioError(
            f"{what}: days = {index.tolist()}: must be day indices in 0..{year.n_days - 1}"
        )
    return index
