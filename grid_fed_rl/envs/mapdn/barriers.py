"""MAPDN's five voltage barriers: what a voltage costs, elementwise, per unit in.

All are 0 or more and lowest about 1 per unit; they differ in how they treat what is
within 0.95 to 1.05.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = ["BARRIERS", "bowl", "bump", "courant_beltrami", "l1", "l2"]

Floats = NDArray[np.float64]
V_REF_PU, V_MIN_PU, V_MAX_PU = 1.0, 0.95, 1.05
BOWL_WIDTH_PU = 0.1  # standard deviation of the bottom of the bowl


def l1(v_pu: Floats) -> Floats:
    """``|v - 1|``."""
    return np.abs(v_pu - V_REF_PU)


def l2(v_pu: Floats) -> Floats:
    """``2 (v - 1)^2``."""
    return 2.0 * np.square(v_pu - V_REF_PU)


def courant_beltrami(v_pu: Floats) -> Floats:
    """``max(0, v - 1.05)^2 + max(0, 0.95 - v)^2``: nothing within the limits."""
    above = np.maximum(v_pu - V_MAX_PU, 0.0)
    below = np.maximum(V_MIN_PU - v_pu, 0.0)
    return np.square(above) + np.square(below)


def bowl(v_pu: Floats) -> Floats:
    """Steep sides, round bottom: ``2 |v - 1| - 0.095`` further than 0.05 from 1.

    Nearer, ``0.04 - 0.01 N(v; 1, 0.1)``, N being the normal density. Where they meet
    the side lies 0.00021 above the bottom.
    """
    away = np.abs(v_pu - V_REF_PU)
    peak = 1.0 / (BOWL_WIDTH_PU * np.sqrt(2.0 * np.pi))
    density = peak * np.exp(-0.5 * np.square(away / BOWL_WIDTH_PU))
    return np.where(away > 0.05, 2.0 * away - 0.095, 0.04 - 0.01 * density)


def bump(v_pu: Floats) -> Floats:
    """``exp(-1 / (1 - v^4))`` below 1 and ``exp(-1 / (1 - (v - 2)^4))`` from 1 to 3.

    At 1 and at 3, and beyond, 0. Smooth, with all its derivatives 0 at 1 per unit.
    """
    about = np.where(np.abs(v_pu) < 1.0, v_pu, v_pu - 2.0)
    room = 1.0 - about**4
    inside = room > 0.0
    return np.where(inside, np.exp(-1.0 / np.where(inside, room, 1.0)), 0.0)


BARRIERS: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {"l1": l1, "l2": l2, "courant_beltrami": courant_beltrami, "bowl": bowl, "bump": bump}
)
"""By the names that MAPDN has for them."""
