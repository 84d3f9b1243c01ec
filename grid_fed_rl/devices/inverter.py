"""What a grid inverter can do with reactive power, of a battery or of PV alike."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["CATEGORY_B_Q_PU", "CATEGORY_B_V_PU", "reactive_limit_kvar", "volt_var_q_pu"]

Floats = npt.NDArray[np.float64]

CATEGORY_B_V_PU = (0.92, 0.98, 1.02, 1.08)
"""Voltages V1 to V4 of the default volt-var curve, per unit of nominal."""

CATEGORY_B_Q_PU = (0.44, 0.0, 0.0, -0.44)
"""Reactive powers Q1 to Q4 of that curve, per unit of the nameplate apparent power."""


def reactive_limit_kvar(s_kva: Floats | float, p_kw: Floats | float) -> Floats:
    """Reactive power left beside active power on the capability circle.

    `sqrt(s_kva**2 - p_kw**2)`, zero where the active power fills the rating.

    Args:
        s_kva: (..., inverter) apparent-power rating, or one number.
        p_kw: (..., inverter) active power, either sign.
    """
    s = np.asarray(s_kva, dtype=np.float64)
    p = np.asarray(p_kw, dtype=np.float64)
    return np.asarray(np.sqrt(np.maximum(s * s - p * p, 0.0)))


def volt_var_q_pu(
    v_pu: Floats | float,
    v_points_pu: Sequence[float] = CATEGORY_B_V_PU,
    q_points_pu: Sequence[float] = CATEGORY_B_Q_PU,
) -> Floats:
    """Reactive power asked for by a volt-var curve.

    Piecewise linear between the points and flat beyond them. The default is the
    one of IEEE Std 1547-2018, clause 5.3.3, for category B equipment with a
    reference voltage of 1 per unit: inject 0.44 at and below 0.92, nothing
    between 0.98 and 1.02, absorb 0.44 at and above 1.08.

    Args:
        v_pu: (...,) voltage magnitude at the terminals, per unit of nominal.
        v_points_pu: (point,) voltages of the curve, rising.
        q_points_pu: (point,) reactive power there.

    Returns:
        (...,) reactive power per unit of the apparent-power rating; positive is
        injection.
    """
    return np.interp(np.asarray(v_pu, dtype=np.float64), v_points_pu, q_points_pu)
