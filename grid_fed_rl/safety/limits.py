"""Limits that a feeder must be run within."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import TaskError

__all__ = ["VoltageLimits"]


@dataclass(frozen=True, slots=True)
class VoltageLimits:
    """Service voltage, per unit: ANSI C84.1-2020 range A by default."""

    v_min_pu: float = 0.95
    v_max_pu: float = 1.05

    def __post_init__(self) -> None:
        if not 0.0 < self.v_min_pu < self.v_max_pu:
            raise TaskError(
                f"voltage limits: {self.v_min_pu} to {self.v_max_pu}; expected 0 < v_min_pu < "
                f"v_max_pu"
            )

    def excursion_pu(self, v_pu: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each magnitude lies outside the limits, per unit; 0 within."""
        excursion = self.v_min_pu - v_pu
        np.maximum(excursion, v_pu - self.v_max_pu, out=excursion)
        return np.maximum(excursion, 0.0, out=excursion)
