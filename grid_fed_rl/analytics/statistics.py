"""How sure a mean over seeds is.

Student's t interval: with few seeds the normal quantile would be too narrow
(W. S. Gosset, "The probable error of a mean", Biometrika 6(1), 1908,
doi:10.1093/biomet/6.1.1).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from grid_fed_rl.errors import GridFedRLError

__all__ = ["Interval", "interval"]


class Interval(NamedTuple):
    """A mean and the bounds between which it may well lie; `_asdict` for JSON."""

    mean: float
    low: float
    high: float


def interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of independent values and its two-sided Student t interval.

    Half the width is ``t s / sqrt(n)``: t the quantile of Student's
    distribution with n - 1 degrees of freedom, s the sample standard deviation.

    Args:
        values: (seed,) one value a seed, in any unit.
        level: probability that such an interval covers the mean, in (0, 1).

    Raises:
        GridFedRLError: there are fewer than two values, one is not finite, or
            `level` is out of bounds.
    """
    x = np.asarray(values, dtype=np.float64)
    if not 0.0 < level < 1.0:
        raise GridFedRLError(f"interval: level is {level!r}; it must be between 0 and 1")
    if x.ndim != 1:
        raise GridFedRLError(f"interval: values have shape {x.shape}; one value a seed is needed")
    if x.size < 2:
        raise GridFedRLError(
            f"interval: {x.size} value(s); at least 2 seeds are needed, since the spread between "
            "seeds is what says how sure the mean is"
        )
    if not np.isfinite(x).all():
        where = int(np.flatnonzero(~np.isfinite(x))[0])
        raise GridFedRLError(
            f"interval: value {where} is {float(x[where])!r}; every seed needs a finite value"
        )
    mean = float(x.mean())
    t = float(stdtrit(x.size - 1, 0.5 + 0.5 * level))
    half_width = t * float(x.std(ddof=1)) / np.sqrt(x.size)
    return Interval(mean, float(mean - half_width), float(mean + half_width))
