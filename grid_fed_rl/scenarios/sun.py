"""Sunlight on a horizontal plane and what a PV array makes of it.

The methods are pvlib's (W. F. Holmgren, C. W. Hansen and M. A. Mikofski, J. Open
Source Software 3(29), 2018, doi:10.21105/joss.00884), without pvlib:

- declination after P. I. Cooper (Solar Energy 12, 1969), as
  `pvlib.solarposition.declination_cooper69`; hour angle of 15 degrees an hour from
  solar noon (J. A. Duffie and W. A. Beckman, Solar Engineering of Thermal
  Processes). There is no equation of time and no refraction;
- clear sky after B. Haurwitz (Journal of Meteorology 2, 1945), as
  `pvlib.clearsky.haurwitz`: it needs the zenith angle only. Against
  `pvlib.clearsky.ineichen` with a Linke turbidity of 3 and pvlib's own sun, a year
  of hours at 33 to 56 degrees differs by 15 to 20 W/m2 root mean square and has 2
  to 5 % more energy; with a turbidity of 2.5 the energy is within 2 %;
- clouds dim it linearly in their cover, as pvlib's
  `ForecastModel.cloud_cover_to_ghi_linear` (up to 0.9) does (D. P. Larson,
  L. Nonnenmacher and C. F. M. Coimbra, Renewable Energy 91, 2016, pages 11 to 20).

The cloud cover itself is this project's own stylised process; its numbers are
chosen to look like daily weather and stand for no measured site.
"""

import numpy as np
import numpy.typing as npt

from grid_fed_rl.scenarios.clock import DAYS_PER_YEAR, HOURS_PER_DAY
from grid_fed_rl.scenarios.noise import draw_ar1

__all__ = [
    "clear_sky_ghi_w_m2",
    "cos_zenith",
    "declination_deg",
    "draw_cloud_cover",
    "draw_cloud_state",
    "pv_output_pu",
    "transmittance",
]

Floats = npt.NDArray[np.float64]

STANDARD_SUN_W_M2 = 1000.0
"""Irradiance at which a PV array gives its rating (standard test conditions)."""

CLOUD_PERSISTENCE = 0.4
"""Chance that a day keeps the sky of the day before instead of drawing anew."""

COVER_MEAN = (0.05, 0.62, 1.0)
"""Mean share of the sky under cloud on clear, partly cloudy, overcast days: at most
one eighth, three to seven eighths (scattered to broken), and eight eighths, as
observers call them."""

COVER_SD = (0.03, 0.31, 0.08)
"""Its standard deviation within such a day, before it is bounded by 0 and 1."""

OVERCAST_TRANSMITTANCE = 0.35
"""Share of the clear-sky irradiance that passes a wholly covered sky: pvlib's offset."""

CLOUD_TIME_CONSTANT_H = 1.5


def declination_deg(day_of_year: Floats) -> Floats:
    """Declination of the sun in degrees: `23.45 sin(360 (284 + n) / 365)`.

    Args:
        day_of_year: n, 1 on 1 January.
    """
    return 23.45 * np.sin(2.0 * np.pi * (284.0 + day_of_year) / DAYS_PER_YEAR)


def cos_zenith(time_h: Floats, latitude_deg: float) -> Floats:
    """Cosine of the sun's zenith angle; negative when the sun is down.

    `sin(lat) sin(dec) + cos(lat) cos(dec) cos(hour angle)`.

    Args:
        time_h: (step,) hours since the start of the year, solar time.
        latitude_deg: positive north.
    """
    latitude = np.radians(latitude_deg)
    declination = np.radians(declination_deg(time_h // HOURS_PER_DAY + 1.0))
    hour_angle = np.radians(15.0 * (time_h % HOURS_PER_DAY - 12.0))
    return np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(
        hour_angle
    )


def clear_sky_ghi_w_m2(cos_zenith: Floats) -> Floats:
    """Global horizontal irradiance under a clear sky, in W/m2.

    `1098 c exp(-0.059 / c)` for the cosine c of the zenith angle, zero when the
    sun is down (Haurwitz, in the form of Sandia report SAND2012-2389 and pvlib).
    """
    up = np.maximum(cos_zenith, 1e-3)
    return np.where(cos_zenith > 0.0, 1098.0 * up * np.exp(-0.059 / up), 0.0)


def draw_cloud_state(
    n_days: int, clear_share: float, overcast_share: float, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw the sky of each day: 0 clear, 1 partly cloudy, 2 overcast.

    A Markov chain that keeps the state of the day before with probability
    `CLOUD_PERSISTENCE` and otherwise draws it from the long-run shares, which
    are therefore its stationary law.

    Returns:
        (day,).
    """
    fresh = np.searchsorted([clear_share, 1.0 - overcast_share], rng.random(n_days), side="right")
    renewed = rng.random(n_days) >= CLOUD_PERSISTENCE
    renewed[:1] = True
    drawn_on = np.maximum.accumulate(np.where(renewed, np.arange(n_days), 0))
    return fresh[drawn_on]


def draw_cloud_cover(
    cloud_state: npt.NDArray[np.int64], steps_a_day: int, rng: np.random.Generator
) -> Floats:
    """Draw the share of the sky that is under cloud.

    Mean and spread are those of the day's sky; within the day the deviation is
    AR(1) with a time constant of 1.5 h.

    Args:
        cloud_state: (day,) from `draw_cloud_state`.
        steps_a_day: steps in a day.
        rng: source of all randomness.

    Returns:
        (step,) in [0, 1].
    """
    state = np.repeat(cloud_state, steps_a_day)
    step_h = HOURS_PER_DAY / steps_a_day
    brighter = draw_ar1(len(state), 1, CLOUD_TIME_CONSTANT_H, step_h, rng)[:, 0]
    cover = np.take(COVER_MEAN, state) - np.take(COVER_SD, state) * brighter
    return np.clip(cover, 0.0, 1.0)


def transmittance(cloud_cover: Floats) -> Floats:
    """Share of the clear-sky irradiance that passes clouds: `0.35 + 0.65 (1 - cover)`.

    Args:
        cloud_cover: (step,) in [0, 1].

    Returns:
        (step,) in [0.35, 1].
    """
    return OVERCAST_TRANSMITTANCE + (1.0 - OVERCAST_TRANSMITTANCE) * (1.0 - cloud_cover)


def pv_output_pu(
    sun_pu: Floats,
    temperature_c: Floats,
    gamma_per_c: float = -0.0035,
    noct_c: float = 45.0,
    losses: float = 0.14,
) -> Floats:
    """Power available from a PV array, per unit of its DC rating.

    `sun_pu (1 + gamma (T_cell - 25)) (1 - losses)` as in PVWatts (A. P. Dobos,
    PVWatts Version 5 Manual, NREL/TP-6A20-62641, 2014; its 14 % system losses;
    gamma as for its premium modules), with the cell warmed above the air in
    proportion to irradiance, `T_cell = T_air + (NOCT - 20) G / 800`. The array
    lies flat: the irradiance on it is the horizontal one.

    Args:
        sun_pu: (step,) horizontal irradiance over 1000 W/m2.
        temperature_c: (step,) air temperature.
        gamma_per_c: change of power a degree of cell temperature.
        noct_c: nominal operating cell temperature (at 800 W/m2 and 20 C air).
        losses: share lost to soiling, wiring, mismatch and availability.

    Returns:
        (step,) zero or more.
    """
    cell_c = temperature_c + (noct_c - 20.0) / 0.8 * sun_pu
    return np.maximum(sun_pu * (1.0 + gamma_per_c * (cell_c - 25.0)) * (1.0 - losses), 0.0)
