"""Limits that a feeder must be run within."""

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import TaskError

__all__ = ["RANGE_B", "Limits", "VoltageLimits"]


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


RANGE_B = VoltageLimits(110.0 / 120.0, 127.0 / 120.0)
"""Service voltage of ANSI C84.1-2020, range B: what a system comes to of necessity."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that may be limited; None where it is not.

    Attributes:
        voltage: Of every node.
        served_only: Whether voltage is limited where loads stand only, as the service
            voltage is; else at every node.
        loading: Of lines, switches and transformers that have a rating, as a share of it.
        unbalance_percent: Negative over positive sequence voltage of every three-phase
            bus; ANSI C84.1 (annex) and NEMA MG 1 have 3 %.
        import_kw: Most that the substation may deliver.
        export_kw: Most that may flow back into the substation; 0 forbids reverse power.
        ramp_kw_per_h: Most that a DER's active power may change in an hour.
        operations_per_day: Most operations of a regulator or capacitor in an episode of
            a day.
        soc: Least and largest state of charge of batteries, beyond what they can do.

    Raises:
        TaskError: a limit makes no sense; the message says which.
    """

    voltage: VoltageLimits | None = field(default_factory=VoltageLimits)
    loading: float | None = None
    unbalance_percent: float | None = None
    import_kw: float | None = None
    export_kw: float | None = None
    ramp_kw_per_h: float | None = None
    operations_per_day: int | None = None
    soc: tuple[float, float] | None = None
    served_only: bool = False

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self)):
            value = getattr(self, name)
            if isinstance(value, int | float) and not value >= 0:
                raise TaskError(f"limits: {name} is {value}; expected 0 or more, or None")
        if self.soc is not None and not 0.0 <= self.soc[0] < self.soc[1] <= 1.0:
            raise TaskError(f"limits: soc is {self.soc}; expected 0 <= least < largest <= 1")
