"""A year of load and sun on a feeder, drawn or brought by the user."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import steps_per_day

__all__ = ["Year", "net_load_kw", "year_from_arrays"]

Series = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Year:
    """Time series of one site; any whole number of days.

    Series are kept as read-only float32: half the memory on large feeders, with
    a rounding of 6e-8 that no meter sees. Row 0 begins at midnight.

    Raises:
        ScenarioError: a shape does not fit the others, the rows are not whole
            days, a value is not finite, or PV or sun is negative; the message
            names the field, the row, the column and the value.
    """

    name: str
    step_h: float  # length of a step
    load_kw: Series  # (step, load) consumption
    load_kvar: Series  # (step, load) consumption
    pv_kw: Series  # (step, pv) power available behind the inverter, >= 0
    temperature_c: Series  # (step,) air temperature
    sun_pu: Series  # (step,) horizontal irradiance over 1000 W/m2, >= 0
    pv_load_index: npt.NDArray[np.int64]  # (pv,) the load that each PV stands beside

    def __post_init__(self) -> None:
        steps_a_day = self.steps_per_day
        for field, n_axes in _AXES.items():
            # A row is what a step takes: its columns lie side by side.
            series = np.array(getattr(self, field), dtype=np.float32, order="C")
            if series.ndim != n_axes:
                axes = "(step, column)" if n_axes == 2 else "(step,)"
                raise self._error(field, f"has shape {series.shape}: must be {axes}")
            series.flags.writeable = False
            object.__setattr__(self, field, series)
        n_steps, n_loads = self.load_kw.shape
        if n_steps == 0 or n_steps % steps_a_day:
            raise self._error(
                "load_kw",
                f"has {n_steps} rows: must be whole days of {steps_a_day} steps of "
                f"{self.step_h:g} h",
            )
        for field in _AXES:
            series = getattr(self, field)
            if len(series) != n_steps:
                raise self._error(
                    field, f"has {len(series)} rows: must have {n_steps}, as load_kw has"
                )
            self._check(field, np.isfinite(series), "finite")
        if self.load_kvar.shape != self.load_kw.shape:
            raise self._error(
                "load_kvar",
                f"has {self.load_kvar.shape[1]} columns: must have {n_loads}, as load_kw has",
            )
        self._check("pv_kw", self.pv_kw >= 0.0, "at least 0")
        self._check("sun_pu", self.sun_pu >= 0.0, "at least 0")
        index = np.array(self.pv_load_index, dtype=np.int64)
        n_pv = self.pv_kw.shape[1]
        if index.shape != (n_pv,) or ((index < 0) | (index >= n_loads)).any():
            raise self._error(
                "pv_load_index",
                f"= {index.tolist()}: must be {n_pv} load indices, one a PV, in 0..{n_loads - 1}",
            )
        index.flags.writeable = False
        object.__setattr__(self, "pv_load_index", index)

    @property
    def steps_per_day(self) -> int:
        """Steps in a day."""
        return steps_per_day(self.step_h)

    @property
    def n_days(self) -> int:
        """Days held."""
        return len(self.load_kw) // self.steps_per_day

    def _check(self, field: str, kept: npt.NDArray[np.bool_], rule: str) -> None:
        if kept.all():
            return
        at = np.unravel_index(int(np.argmin(kept)), kept.shape)
        place = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), at, strict=False))
        value = getattr(self, field)[at]
        raise self._error(field, f"at {place} = {value:g}: must be {rule}")

    def _error(self, field: str, fault: str) -> ScenarioError:
        return ScenarioError(f"year '{self.name}': {field} {fault}")


_AXES = {"load_kw": 2, "load_kvar": 2, "pv_kw": 2, "temperature_c": 1, "sun_pu": 1}


def year_from_arrays(
    name: str,
    load_kw: npt.ArrayLike,
    load_kvar: npt.ArrayLike,
    pv_kw: npt.ArrayLike,
    temperature_c: npt.ArrayLike,
    sun_pu: npt.ArrayLike,
    step_h: float = 1.0,
    pv_load_index: npt.ArrayLike | None = None,
) -> Year:
    """Make a year of one's own series, measured ones for instance.

    Args:
        name: what to call the site.
        load_kw: (step, load) consumption.
        load_kvar: (step, load) consumption.
        pv_kw: (step, pv) available power.
        temperature_c: (step,) air temperature.
        sun_pu: (step,) horizontal irradiance over 1000 W/m2.
        step_h: length of a step; must divide a day.
        pv_load_index: (pv,) load beside each PV; by default PV k beside load k.

    Raises:
        ScenarioError: see `Year`; also when a series is not numeric.
    """
    given = {
        "load_kw": load_kw,
        "load_kvar": load_kvar,
        "pv_kw": pv_kw,
        "temperature_c": temperature_c,
        "sun_pu": sun_pu,
    }
    series: dict[str, Series] = {}
    for field, values in given.items():
        try:
            series[field] = np.asarray(values, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise ScenarioError(
                f"year '{name}': {field} is not a numeric array with rows of one length: {error}"
            ) from error
    n_pv = series["pv_kw"].shape[-1] if series["pv_kw"].ndim else 0
    index = np.arange(n_pv) if pv_load_index is None else np.asarray(pv_load_index)
    return Year(name=name, step_h=step_h, pv_load_index=index, **series)


def net_load_kw(year: Year) -> Series:
    """Load of each customer less the PV beside it, (step, load); negative feeds back."""
    net_kw = year.load_kw.copy()
    for k, load in enumerate(year.pv_load_index):
        net_kw[:, load] -= year.pv_kw[:, k]
    return net_kw
