"""Charging sessions of electric vehicles at some stations, through a year.

`ev_stations` says how cars come to each kind of station and where its figures
are from. What a session asks for is

`energy = distance * share of it that this place serves * consumption`

at homes, with the distance since the car was last plugged in, and at workplaces,
with that of a day; and mean power times dwell at public stations. Both are times
`temperature_factor` of the day, as a cold battery takes longer to charge, too
(E. Figenbaum, World Electr. Veh. J. 11(2), 2020, doi:10.3390/wevj11020038). Then
it is no more than the battery holds, nor than the plug can give while the car
stays. What does not fit is charged elsewhere. A plug that is taken turns the next
car away.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import HOURS_PER_DAY, is_weekend
from grid_fed_rl.scenarios.ev_stations import KINDS, EvStation, StationKind

__all__ = ["EvConfig", "Sessions", "draw_sessions", "temperature_factor"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COMFORT_C: Final = 21.0
COLD_PU_PER_C: Final = (1.0 / (1.0 - 0.41) - 1.0) / (COMFORT_C + 6.7)
HEAT_PU_PER_C: Final = (1.0 / (1.0 - 0.17) - 1.0) / (35.0 - COMFORT_C)
REFERENCE_C: Final = 15.0
"""Air at which the published means are taken to hold: about a mild day (assumed)."""

BURN_IN_DAYS: Final = 28
"""Whole weeks drawn before day 0 and dropped, so that no day is special."""


@dataclass(frozen=True)
class EvConfig:
    """The cars. Defaults are the figures in `ev_stations` but where marked.

    Raises:
        ScenarioError: a value is out of the bounds given beside it.
    """

    distance_km: float = 48.8  # driven a day, mean, (0, 500]
    distance_median_km: float = 43.1  # (0, distance_km]
    kwh_per_km: float = 0.18  # at the meter, [0.05, 1]; EPA: 0.149 Model 3, 0.170 Model Y
    battery_kwh: float = 65.0  # usable, [5, 250]; assumed
    onboard_kw: tuple[float, ...] = (7.2, 11.5)  # AC chargers, drawn evenly; assumed
    fast_kw: tuple[float, float] = (50.0, 250.0)  # DC acceptance, uniform; assumed
    traffic: float = 1.0  # times the sessions sought at every plug, [0, 10]

    def __post_init__(self) -> None:
        bounds = {
            "distance_km": (1e-9, 500.0),
            "distance_median_km": (1e-9, self.distance_km),
            "kwh_per_km": (0.05, 1.0),
            "battery_kwh": (5.0, 250.0),
            "traffic": (0.0, 10.0),
        }
        for field, (low, high) in bounds.items():
            value = getattr(self, field)
            if not low <= value <= high:
                raise ScenarioError(
                    f"EvConfig: {field} = {value:g}: must be in [{low:g}, {high:g}]"
                )
        if not self.onboard_kw or min(self.onboard_kw) <= 0.0:
            raise ScenarioError(
                f"EvConfig: onboard_kw = {self.onboard_kw}: must be some powers above 0"
            )
        if not 0.0 < self.fast_kw[0] <= self.fast_kw[1]:
            raise ScenarioError(
                f"EvConfig: fast_kw = {self.fast_kw}: must be two rising powers above 0"
            )


@dataclass(frozen=True, eq=False)
class Sessions:
    """Charging sessions, sorted by arrival. All arrays are read-only.

    Times are hours since the start of the record, a midnight; a car that stays
    over the end of the record leaves after it. No two sessions at one plug
    overlap, and `energy_kwh <= max_kw * (departure_h - arrival_h)`.
    """

    stations: tuple[EvStation, ...]
    n_days: int
    plug_station: Ints  # (plug,) index of its station; plugs of a station are neighbours
    plug: Ints  # (session,) index into plugs
    arrival_h: Floats  # (session,)
    departure_h: Floats  # (session,)
    energy_kwh: Floats  # (session,) asked for
    max_kw: Floats  # (session,) least of plug and car

    def __post_init__(self) -> None:
        for field in _ARRAYS:
            array = np.array(getattr(self, field))
            array.flags.writeable = False
            object.__setattr__(self, field, array)

    @property
    def station(self) -> Ints:
        """(session,) index into `stations`."""
        return self.plug_station[self.plug]

    def __len__(self) -> int:
        return len(self.plug)


_ARRAYS = ("plug_station", "plug", "arrival_h", "departure_h", "energy_kwh", "max_kw")


def temperature_factor(temperature_c: npt.ArrayLike) -> Floats:
    """Consumption of driving over that at `REFERENCE_C`, of the same shape.

    Straight lines from 21 C down and up through what the American Automobile
    Association measured with climate control on (AAA, Electric Vehicle Range
    Testing, 2019): 41 % less range at 20 F (-6.7 C), 17 % less at 95 F (35 C),
    that is 1.69 and 1.20 times the consumption. Least is used at about 70 F
    (21 C): T. Yuksel and J. J. Michalek, Environ. Sci. Technol. 49, 2015,
    doi:10.1021/es505621s. Below -20 C and above 45 C it stays as it is there.
    """

    def factor(air_c: npt.ArrayLike) -> Floats:
        air = np.clip(np.asarray(air_c, dtype=np.float64), -20.0, 45.0)
        cold, heat = np.maximum(COMFORT_C - air, 0.0), np.maximum(air - COMFORT_C, 0.0)
        return 1.0 + COLD_PU_PER_C * cold + HEAT_PU_PER_C * heat

    return factor(temperature_c) / factor(REFERENCE_C)


def draw_sessions(
    config: EvConfig,
    stations: Sequence[EvStation],
    n_days: int,
    rng: np.random.Generator,
    temperature_c: npt.ArrayLike | None = None,
) -> Sessions:
    """Draw the sessions of some days. Day 0 is a Monday, as everywhere in the clock.

    Stations draw from children of `rng` of their own: another one at the end of
    the list changes none before it.

    Args:
        config: the cars.
        stations: where they charge; one at least.
        n_days: days, 1 or more.
        rng: source of all randomness.
        temperature_c: (day,) air, or (step,) with a whole number of equal steps a
            day, of which the mean of the day is taken; by default `REFERENCE_C`
            throughout.

    Raises:
        ScenarioError: no station, no day, or temperatures that are not finite or
            not whole days.
    """
    if not stations or n_days < 1:
        raise ScenarioError(
            f"draw_sessions: {len(stations)} stations and n_days = {n_days}: "
            "there must be at least one of both"
        )
    # What came before the record is weather like its first day's.
    air_c = _by_day(temperature_c, n_days)
    factor = temperature_factor(np.concatenate([np.repeat(air_c[:1], BURN_IN_DAYS), air_c]))
    drawn, plug_station = [], np.repeat(np.arange(len(stations)), [s.plugs for s in stations])
    first_plug = 0
    for station, station_rng in zip(stations, rng.spawn(len(stations)), strict=True):
        drawn.append(_draw_station(config, station, first_plug, factor, station_rng))
        first_plug += station.plugs
    plug, arrival_h, departure_h, energy_kwh, max_kw = map(np.concatenate, zip(*drawn, strict=True))
    arrival_h, departure_h = (t - BURN_IN_DAYS * HOURS_PER_DAY for t in (arrival_h, departure_h))
    order = np.lexsort((plug, arrival_h))
    order = order[arrival_h[order] >= 0.0]
    return Sessions(
        tuple(stations),
        n_days,
        plug_station,
        plug[order],
        arrival_h[order],
        departure_h[order],
        energy_kwh[order],
        max_kw[order],
    )


def _draw_station(
    config: EvConfig,
    station: EvStation,
    first_plug: int,
    factor: Floats,
    rng: np.random.Generator,
) -> tuple[Ints, Floats, Floats, Floats, Floats]:
    """Plug, arrival, departure, energy and power of a station, burn-in included."""
    kind = KINDS[station.kind]
    time_rng, energy_rng, car_rng = rng.spawn(3)
    plug, day, arrival_h, departure_h = _draw_times(
        kind, station.plugs, config.traffic, factor, time_rng
    )
    kept = _first_come(plug, arrival_h, departure_h)
    plug, day, arrival_h, departure_h = plug[kept], day[kept], arrival_h[kept], departure_h[kept]
    dwell_h = departure_h - arrival_h
    if kind.by_distance:
        law = (config.distance_km, config.distance_median_km)
        if kind.overnight:
            driven_km = _lognormal(law, station.plugs * len(factor), energy_rng)
            km = _since_last(driven_km.reshape(station.plugs, len(factor)), plug, day)
        else:  # another car each time
            km = _lognormal(law, len(plug), energy_rng)
        asked_kwh = kind.by_distance * km * config.kwh_per_km * factor[day]
    else:  # cold has lengthened the dwell already
        asked_kwh = _lognormal(kind.power_kw, len(plug), energy_rng) * dwell_h
    if kind.power_range == "fast charging":
        car_kw = car_rng.uniform(*config.fast_kw, size=len(plug))
    else:
        car_kw = car_rng.choice(config.onboard_kw, size=len(plug))
    max_kw = np.minimum(car_kw, station.max_kw)
    energy_kwh = np.minimum(np.minimum(asked_kwh, config.battery_kwh), max_kw * dwell_h)
    return plug + first_plug, arrival_h, departure_h, energy_kwh, max_kw


def _draw_times(
    kind: StationKind, plugs: int, traffic: float, factor: Floats, rng: np.random.Generator
) -> tuple[Ints, Ints, Floats, Floats]:
    """Plug, day, arrival and departure of the cars that seek a plug, by plug and arrival."""
    n_days = len(factor)
    weekend = is_weekend(np.arange(n_days + 1, dtype=np.float64) * HOURS_PER_DAY)
    sought = traffic * np.take(kind.sessions_a_day, weekend[:-1].astype(int))
    if kind.overnight:  # a home has its own car: once a night at most
        count = (rng.random((plugs, n_days)) < sought).astype(np.int64)
    else:
        count = rng.poisson(sought, (plugs, n_days))
    plug = np.repeat(np.arange(plugs), count.sum(axis=1))
    day = np.repeat(np.tile(np.arange(n_days), plugs), count.ravel())
    hour = np.where(
        weekend[day],
        _mixture(kind.arrives_h[1], len(day), rng),
        _mixture(kind.arrives_h[0], len(day), rng),
    )
    low, high = (12.0, 23.9) if kind.overnight else (0.0, 23.0)
    arrival_h = day * HOURS_PER_DAY + _folded(hour, low, high)
    if kind.dwell_h is not None:
        dwell_h = _lognormal(kind.dwell_h, len(day), rng) * factor[day]
        departure_h = arrival_h + dwell_h
    else:
        assert kind.leaves_h is not None
        last = day + 1 if kind.overnight else day
        mean_h, sd_h = np.array(kind.leaves_h)[weekend[last].astype(int)].T
        leaves_h = mean_h + sd_h * rng.standard_normal(len(day))
        # A home is left before noon, when the next night's car may come.
        low, high = (4.0, 12.0) if kind.overnight else (0.0, 23.9)
        departure_h = last * HOURS_PER_DAY + _folded(leaves_h, low, high)
        departure_h = np.maximum(departure_h, arrival_h + 0.5)
    order = np.lexsort((arrival_h, plug))
    return plug[order], day[order], arrival_h[order], departure_h[order]


def _first_come(plug: Ints, arrival_h: Floats, departure_h: Floats) -> npt.NDArray[np.bool_]:
    """Which cars find their plug free; sorted by plug and arrival. All plugs go on at once."""
    first = np.searchsorted(plug, np.arange(plug[-1] + 1)) if len(plug) else np.empty(0, int)
    rank = np.arange(len(plug)) - first[plug]
    kept = np.zeros(len(plug), dtype=bool)
    free_h = np.full(len(first), -np.inf)
    by_rank = np.argsort(rank, kind="stable")
    for same in np.split(by_rank, np.cumsum(np.bincount(rank))[:-1]) if len(plug) else ():
        kept[same] = arrival_h[same] >= free_h[plug[same]]
        stays = same[kept[same]]
        free_h[plug[stays]] = departure_h[stays]
    return kept


def _since_last(driven: Floats, plug: Ints, day: Ints) -> Floats:
    """Sum of (plug, day) `driven` after each session's predecessor, its own day included."""
    total = np.cumsum(driven, axis=1)[plug, day]
    before = np.r_[0.0, total[:-1]] if len(total) else total
    first = np.r_[True, plug[1:] != plug[:-1]][: len(total)]
    return np.where(first, driven[plug, day], total - before)


def _lognormal(law: tuple[float, float], size: int, rng: np.random.Generator) -> Floats:
    """Draw from the lognormal law of a mean and a median."""
    mean, median = law
    return median * np.exp(math.sqrt(2.0 * math.log(mean / median)) * rng.standard_normal(size))


def _mixture(
    parts: Sequence[tuple[float, float, float]], size: int, rng: np.random.Generator
) -> Floats:
    weight, mean, sd = np.array(parts).T
    part = rng.choice(len(parts), size=size, p=weight)
    return mean[part] + sd[part] * rng.standard_normal(size)


def _folded(hour: Floats, low: float, high: float) -> Floats:
    """Hours with what is beyond the bounds folded back inside: no heap at either."""
    hour = low + np.abs(hour - low)
    return np.maximum(high - np.abs(high - hour), low)


def _by_day(temperature_c: npt.ArrayLike | None, n_days: int) -> Floats:
    if temperature_c is None:
        return np.full(n_days, REFERENCE_C)
    air_c = np.asarray(temperature_c, dtype=np.float64)
    if air_c.ndim != 1 or len(air_c) == 0 or len(air_c) % n_days:
        raise ScenarioError(
            f"draw_sessions: temperature_c has shape {air_c.shape}: must be one axis of "
            f"{n_days} days, or of equal steps of them"
        )
    if not np.isfinite(air_c).all():
        k = int(np.argmin(np.isfinite(air_c)))
        raise ScenarioError(f"draw_sessions: temperature_c[{k}] = {air_c[k]:g}: must be finite")
    return air_c.reshape(n_days, -1).mean(axis=1)
