"""Air temperature of a year: season, time of day, and spells of odd days.

The shape (cosines, coldest on 20 January and warmest at 15 h; on the southern
half of the globe half a year later) and the spread of the spells are this
project's own stylised choice and stand for no measured site.
"""

import numpy as np
import numpy.typing as npt

from grid_fed_rl.scenarios.clock import DAYS_PER_YEAR, HOURS_PER_DAY
from grid_fed_rl.scenarios.noise import draw_ar1

__all__ = ["draw_temperature_c", "winter_pu"]

Floats = npt.NDArray[np.float64]

COLDEST_DAY = 19.5
"""Middle of 20 January in days since the start of the year, a month past the solstice."""

WARMEST_HOUR = 15.0
SPELL_SD_C = 3.5
SPELL_TIME_CONSTANT_H = 72.0


def winter_pu(time_h: Floats, latitude_deg: float) -> Floats:
    """Season on a scale from 1 in midwinter to -1 in midsummer, (step,).

    Args:
        time_h: (step,) hours since the start of the year.
        latitude_deg: positive north; south of the equator the seasons swap.
    """
    phase = 2.0 * np.pi * (time_h / HOURS_PER_DAY - COLDEST_DAY) / DAYS_PER_YEAR
    return np.cos(phase) if latitude_deg >= 0.0 else -np.cos(phase)


def draw_temperature_c(
    time_h: Floats,
    latitude_deg: float,
    mean_c: float,
    swing_c: float,
    diurnal_swing_c: float,
    rng: np.random.Generator,
) -> Floats:
    """Draw the air temperature of a year.

    `mean - swing * winter + diurnal_swing * cos(hour - 15 h) + spell`, where the
    spells are one AR(1) value a day (standard deviation 3.5 C, time constant
    3 days), joined by straight lines from noon to noon.

    Args:
        time_h: (step,) hours since the start of the year.
        latitude_deg: positive north.
        mean_c: mean of the year.
        swing_c: half the difference between midsummer and midwinter.
        diurnal_swing_c: half the difference between afternoon and night.
        rng: source of all randomness.

    Returns:
        (step,).
    """
    day = time_h / HOURS_PER_DAY
    n_days = int(np.ceil(day[-1]))
    spell = draw_ar1(n_days, 1, SPELL_TIME_CONSTANT_H, HOURS_PER_DAY, rng)[:, 0]
    return (
        mean_c
        - swing_c * winter_pu(time_h, latitude_deg)
        + diurnal_swing_c * np.cos(2.0 * np.pi * (time_h - WARMEST_HOUR) / HOURS_PER_DAY)
        + SPELL_SD_C * np.interp(day, np.arange(n_days) + 0.5, spell)
    )
