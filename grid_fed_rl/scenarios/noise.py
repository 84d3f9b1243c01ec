"""Stationary first-order autoregressive noise, many series at once."""

import math

import numpy as np
import numpy.typing as npt

__all__ = ["draw_ar1"]

_NEGLIGIBLE = 1e-12


def draw_ar1(
    n_steps: int,
    n_series: int,
    time_constant_h: float,
    step_h: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Draw independent AR(1) series of mean 0 and variance 1.

    `y[t] = r * y[t - 1] + sqrt(1 - r**2) * e[t]` with `r = exp(-step_h /
    time_constant_h)` and standard normal `e`; `y[0]` is drawn from the
    stationary law, so no step is special. The correlation over a span of time
    does not depend on the step.

    The recursion is summed in doubling strides, `y += r**k * shift(y, k)` for
    k = 1, 2, 4, ..., until `r**k` is below 1e-12: no loop over steps.

    Returns:
        (step, series).
    """
    correlation = math.exp(-step_h / time_constant_h)
    y = rng.standard_normal((n_steps, n_series))
    y[1:] *= math.sqrt(1.0 - correlation**2)
    stride, weight = 1, correlation
    while stride < n_steps and weight > _NEGLIGIBLE:
        y[stride:] += weight * y[:-stride]
        stride, weight = 2 * stride, weight * weight
    return y
