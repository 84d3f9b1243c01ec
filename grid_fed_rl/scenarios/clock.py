"""The clock of a year: steps of equal length in local solar time.

A year has 365 days and begins at midnight of a Monday, 1 January. There is no
daylight saving, no leap day and no equation of time: noon is when the sun
culminates. Quantities of a step are those at its middle.
"""

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError

__all__ = ["DAYS_PER_YEAR", "HOURS_PER_DAY", "is_weekend", "mid_step_h", "steps_per_day"]

DAYS_PER_YEAR = 365
HOURS_PER_DAY = 24.0


def steps_per_day(step_h: float) -> int:
    """Whole number of steps of `step_h` hours in a day.

    Raises:
        ScenarioError: the step does not divide a day.
    """
    steps = round(HOURS_PER_DAY / step_h) if step_h > 0.0 else 0
    if steps < 1 or abs(steps * step_h - HOURS_PER_DAY) > 1e-9 * HOURS_PER_DAY:
        raise ScenarioError(
            f"step_h = {step_h:g}: must divide a day of 24 h into whole steps, such as 1 or 0.25"
        )
    return steps


def mid_step_h(n_days: int, step_h: float) -> npt.NDArray[np.float64]:
    """Middle of every step, (step,), in hours since the start of the year."""
    return (np.arange(n_days * steps_per_day(step_h), dtype=np.float64) + 0.5) * step_h


def is_weekend(time_h: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether each time, in hours since the start of the year, is on Saturday or Sunday."""
    return (time_h // HOURS_PER_DAY) % 7 >= 5
