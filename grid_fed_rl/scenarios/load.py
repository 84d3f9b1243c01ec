"""Per-unit load of customers by class, season, weekday, hour and temperature.

The hourly tables and the coefficients are this project's own. They are stylised
after the familiar look of class load shapes (homes peak in the evening, offices
and shops in working hours, industry is flat by day and idles at weekends) and
reproduce no published or measured series.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from grid_fed_rl.scenarios.clock import HOURS_PER_DAY, is_weekend
from grid_fed_rl.scenarios.noise import draw_ar1

__all__ = [
    "CUSTOMER_CLASSES",
    "assign_classes",
    "class_load_pu",
    "class_shape_pu",
    "draw_diversity",
    "temperature_response_pu",
]

Floats = npt.NDArray[np.float64]

CUSTOMER_CLASSES: Final = ("residential", "commercial", "industrial")

# Per unit of the class's own weekday peak, hour 0 to 23: the mean of that hour.
# fmt: off
WEEKDAY_PU: Final = np.array([
    [.42, .38, .35, .34, .34, .38, .48, .58, .56, .49, .45, .44,
     .45, .44, .45, .50, .60, .77, .93, 1.0, .97, .87, .71, .54],
    [.36, .34, .33, .33, .34, .38, .50, .67, .83, .93, .98, 1.0,
     .99, 1.0, .99, .96, .91, .82, .71, .63, .57, .51, .44, .39],
    [.46, .44, .43, .43, .45, .53, .71, .87, .96, .99, 1.0, .98,
     .92, .97, .99, .96, .89, .79, .70, .64, .60, .56, .52, .48],
])
WEEKEND_PU: Final = np.array([
    [.47, .42, .38, .36, .35, .36, .42, .51, .61, .66, .67, .66,
     .66, .64, .62, .64, .71, .82, .92, .96, .92, .84, .72, .57],
    [.34, .32, .31, .31, .31, .32, .36, .42, .50, .58, .63, .66,
     .66, .65, .64, .62, .58, .54, .50, .47, .44, .41, .38, .36],
    [.36, .35, .34, .34, .34, .35, .37, .39, .41, .42, .43, .43,
     .42, .42, .42, .42, .41, .40, .39, .38, .38, .37, .37, .36],
])
# fmt: on

# One value a class, in the order of CUSTOMER_CLASSES.
WINTER_SWING: Final = np.array([0.08, 0.04, 0.02])  # longer lighting in winter
COOLING_PU_PER_C: Final = np.array([0.060, 0.038, 0.018])  # where every customer has cooling
HEATING_PU_PER_C: Final = np.array([0.040, 0.020, 0.008])  # where all heat with electricity
DIVERSITY_SD: Final = np.array([0.18, 0.10, 0.08])  # of the logarithm of a customer's noise
DIVERSITY_TIME_CONSTANT_H: Final = np.array([3.0, 6.0, 12.0])

COOLING_ABOVE_C = 19.0
HEATING_BELOW_C = 15.0


def class_shape_pu(time_h: Floats) -> Floats:
    """Load of each class from weekday and hour alone.

    A table holds the mean of an hour, taken at its middle; between two middles
    the line is straight, so steps of any length are served.

    Args:
        time_h: (step,) hours since the start of the year.

    Returns:
        (step, class) per unit of the class's weekday peak.
    """
    since_first_middle = time_h % HOURS_PER_DAY - 0.5
    before = np.floor(since_first_middle).astype(np.int64)
    share = (since_first_middle - before)[:, None]
    weekend = is_weekend(time_h)[:, None]
    low, high = before % 24, (before + 1) % 24
    weekday_pu = (1.0 - share) * WEEKDAY_PU.T[low] + share * WEEKDAY_PU.T[high]
    weekend_pu = (1.0 - share) * WEEKEND_PU.T[low] + share * WEEKEND_PU.T[high]
    return np.where(weekend, weekend_pu, weekday_pu)


def class_load_pu(
    time_h: Floats,
    winter_pu: Floats,
    temperature_c: Floats,
    cooling_share: float,
    heating_share: float,
) -> Floats:
    """Load of each class with season and temperature.

    The shape of the hour, times `1 + winter swing`, times `1 + cooling a degree
    above 19 C + heating a degree below 15 C`.

    Args:
        time_h: (step,) hours since the start of the year.
        winter_pu: (step,) season, 1 in midwinter and -1 in midsummer.
        temperature_c: (step,) air temperature.
        cooling_share: share of customers with electric cooling, [0, 1].
        heating_share: share of customers with electric heating, [0, 1].

    Returns:
        (step, class).
    """
    response = temperature_response_pu(temperature_c, cooling_share, heating_share)
    return class_shape_pu(time_h) * (1.0 + WINTER_SWING * winter_pu[:, None]) * response


def temperature_response_pu(
    temperature_c: Floats, cooling_share: float, heating_share: float
) -> Floats:
    """Load of each class over that in mild air, (step, class), 1 or more.

    Args:
        temperature_c: (step,) air temperature.
        cooling_share: share of customers with electric cooling, [0, 1].
        heating_share: share of customers with electric heating, [0, 1].
    """
    above_c = np.maximum(temperature_c - COOLING_ABOVE_C, 0.0)[:, None]
    below_c = np.maximum(HEATING_BELOW_C - temperature_c, 0.0)[:, None]
    return (
        1.0
        + cooling_share * COOLING_PU_PER_C * above_c
        + heating_share * HEATING_PU_PER_C * below_c
    )


def assign_classes(
    shares: tuple[float, float, float], n_loads: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Give each load a class, so that the mix holds to within one load.

    Args:
        shares: of each class, in the order of `CUSTOMER_CLASSES`; their sum is 1.
        n_loads: number of loads.
        rng: decides which loads get which class.

    Returns:
        (load,) index into `CUSTOMER_CLASSES`.
    """
    rank = (rng.permutation(n_loads) + 0.5) / n_loads
    return np.searchsorted(np.cumsum(shares)[:-1], rank, side="right")


def draw_diversity(
    customer_class: npt.NDArray[np.int64],
    n_steps: int,
    step_h: float,
    rng: np.random.Generator,
) -> Floats:
    """Draw what makes each customer differ from its class, as a factor of mean 1.

    The logarithm is AR(1), independent between customers, with the spread and
    time constant of the class.

    Args:
        customer_class: (load,) index into `CUSTOMER_CLASSES`.
        n_steps: number of steps.
        step_h: length of a step in hours.
        rng: source of all randomness.

    Returns:
        (step, load) above zero.
    """
    factor = np.empty((n_steps, len(customer_class)))
    for k, class_rng in enumerate(rng.spawn(len(CUSTOMER_CLASSES))):
        members = np.flatnonzero(customer_class == k)
        sd = DIVERSITY_SD[k]
        time_constant_h = float(DIVERSITY_TIME_CONSTANT_H[k])
        noise = draw_ar1(n_steps, len(members), time_constant_h, step_h, class_rng)
        factor[:, members] = np.exp(sd * noise - 0.5 * sd**2)
    return factor
