"""The benchmark's battery: 33 powers, no losses, energy in whole kWh.

It is a generator to OpenDSS, so what it delivers is decided by its voltage, too:
beyond its window it is a constant impedance.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["SETTINGS", "energy_after", "feasible_setting", "power_kw"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SETTINGS = 33
_IDLE = SETTINGS // 2
_SLACK = 1e-8  # share of a setting that the benchmark forgives
_NOISE = 6  # decimals of a kWh; what lies beyond is rounding of the power flow


def power_kw(setting: Integers, max_kw: Floats) -> Floats:
    """Power that a setting asks for; discharging is positive.

    Args:
        setting: 0 (charge at `max_kw`) to 32 (discharge at it), 16 idle.
        max_kw: (battery,) rating.
    """
    return (setting - _IDLE) * (max_kw / _IDLE)


def feasible_setting(
    setting: Integers, energy_kwh: Floats, max_kw: Floats, max_kwh: Floats, dt_h: float = 1.0
) -> Integers:
    """The setting nearest to that asked for which energy, or room for it, lasts a step.

    Args:
        setting: (lane, battery) asked for.
        energy_kwh: (lane, battery) stored.
        max_kw: (battery,) rating.
        max_kwh: (battery,) energy when full.
        dt_h: Length of the step.
    """
    wanted_kw, one_kw = power_kw(setting, max_kw), max_kw / _IDLE
    beyond_kw = np.maximum(wanted_kw - energy_kwh / dt_h, 0.0)
    below_kw = np.maximum((energy_kwh - max_kwh) / dt_h - wanted_kw, 0.0)
    down = np.ceil(beyond_kw / one_kw - _SLACK).astype(np.int64)
    up = np.ceil(below_kw / one_kw - _SLACK).astype(np.int64)
    return np.where(setting > _IDLE, setting - down, setting + np.where(setting < _IDLE, up, 0))


def energy_after(
    energy_kwh: Floats, delivered_kw: Floats, max_kwh: Floats, dt_h: float = 1.0
) -> Floats:
    """Energy after a step: between empty and full, in whole kWh, halves to the even one.

    The benchmark rounds whatever power OpenDSS's last iteration left, so that a half,
    which its settings make often, goes up or down by chance. Here it is a half if it
    is one within a millionth of a kWh.

    Args:
        energy_kwh: (lane, battery) before.
        delivered_kw: (lane, battery) what the grid was given.
        max_kwh: (battery,) energy when full.
        dt_h: Length of the step.
    """
    after = np.clip(energy_kwh - delivered_kw * dt_h, 0.0, max_kwh)
    return np.rint(np.round(after, _NOISE))
