"""PV inverter output: what the sun gives, within the capability circle.

Active power has priority: it is cut only by the rating, and reactive power
takes what the circle leaves beside it.
"""

import numpy as np
import numpy.typing as npt

from grid_fed_rl.devices.inverter import reactive_limit_kvar

__all__ = ["pv_output", "pv_output_at_power_factor"]

Floats = npt.NDArray[np.float64]


def pv_output(
    available_kw: Floats | float, s_kva: Floats | float, q_request_kvar: Floats | float
) -> tuple[Floats, Floats]:
    """Power of PV inverters that are asked for a reactive power.

    Args:
        available_kw: (lane, pv) power available behind the inverter, >= 0.
        s_kva: (pv,) apparent-power rating, or one number.
        q_request_kvar: (lane, pv) wanted reactive injection; negative absorbs.

    Returns:
        p_kw: (lane, pv) active injection, `min(available_kw, s_kva)`.
        q_kvar: (lane, pv) reactive injection, cut to `sqrt(s_kva**2 - p_kw**2)`.
    """
    p_kw = np.minimum(np.asarray(available_kw, dtype=np.float64), s_kva)
    limit_kvar = reactive_limit_kvar(s_kva, p_kw)
    return p_kw, np.clip(np.asarray(q_request_kvar, dtype=np.float64), -limit_kvar, limit_kvar)


def pv_output_at_power_factor(
    available_kw: Floats | float, s_kva: Floats | float, power_factor: Floats | float = 1.0
) -> tuple[Floats, Floats]:
    """Power of PV inverters that hold a power factor.

    Active power is cut so that the power factor is kept within the rating. A
    positive power factor injects reactive power, a negative one absorbs it.

    Args:
        available_kw: (lane, pv) power available behind the inverter, >= 0.
        s_kva: (pv,) apparent-power rating, or one number.
        power_factor: (pv,) or one number; magnitude in (0, 1].

    Returns:
        p_kw: (lane, pv) active injection, `min(available_kw, s_kva * |power_factor|)`.
        q_kvar: (lane, pv) reactive injection.
    """
    pf = np.asarray(power_factor, dtype=np.float64)
    magnitude = np.abs(pf)
    p_kw = np.minimum(np.asarray(available_kw, dtype=np.float64), s_kva * magnitude)
    q_kvar = np.sign(pf) * p_kw * np.sqrt(1.0 - magnitude**2) / magnitude
    return p_kw, q_kvar
