"""Battery storage: power, energy and efficiency limits over one step.

The state of charge moves by the power on the store's side of the converter:

    soc_next = soc - p_kw * dt_h / (efficiency_discharge * energy_kwh)    p_kw >= 0
    soc_next = soc - p_kw * dt_h * efficiency_charge / energy_kwh         p_kw < 0

with `p_kw` the injection into the grid at the terminals, positive when the
battery discharges. Standing losses are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import FeederError

__all__ = ["Battery", "battery_step"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Battery:
    """Ratings of the batteries of a feeder, one entry a battery.

    Every field but `names` accepts one number for all or one a battery and is
    kept as a read-only float64 array.

    Raises:
        FeederError: a rating is missing, not finite or out of its bounds; the
            message names the battery, the field, the value and the bound.
    """

    names: tuple[str, ...]
    p_max_kw: Floats  # (battery,) largest power either way, at the terminals; > 0
    energy_kwh: Floats  # (battery,) energy between empty and full; > 0
    efficiency_charge: Floats  # (battery,) stored energy over energy drawn; (0, 1]
    efficiency_discharge: Floats  # (battery,) energy delivered over energy released; (0, 1]
    soc_min: Floats  # (battery,) lowest state of charge; [0, soc_max)
    soc_max: Floats  # (battery,) highest state of charge; (soc_min, 1]
    s_kva: Floats  # (battery,) apparent-power rating of the inverter; >= p_max_kw

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise FeederError(f"batteries: names must be unique; given twice: {', '.join(twice)}")
        for field in fields(self)[1:]:
            values = _as_ratings(self.names, field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, values)
        bounds = (
            ("p_max_kw", self.p_max_kw > 0.0, "above 0"),
            ("energy_kwh", self.energy_kwh > 0.0, "above 0"),
            ("efficiency_charge", _is_efficiency(self.efficiency_charge), "in (0, 1]"),
            ("efficiency_discharge", _is_efficiency(self.efficiency_discharge), "in (0, 1]"),
            ("soc_max", self.soc_max <= 1.0, "at most 1"),
            ("soc_min", (self.soc_min >= 0.0) & (self.soc_min < self.soc_max), "in [0, soc_max)"),
            ("s_kva", self.s_kva >= self.p_max_kw, "at least p_max_kw"),
        )
        for name, kept, rule in bounds:
            if not kept.all():
                k = int(np.argmin(kept))
                value = getattr(self, name)[k]
                raise FeederError(f"battery '{self.names[k]}': {name} = {value:g}: must be {rule}")

    def __len__(self) -> int:
        return len(self.names)


def battery_step(
    battery: Battery, soc: Floats, p_request_kw: Floats, dt_h: float
) -> tuple[Floats, Floats]:
    """Run every battery of every lane for one step.

    The request is cut to the rated power and to what the stored energy, or the
    room left for it, can sustain over the whole step.

    Args:
        battery: ratings.
        soc: (lane, battery) state of charge at the start, within
            [soc_min, soc_max].
        p_request_kw: (lane, battery) wanted injection; positive discharges. NaN passes
            through: refuse it before.
        dt_h: length of the step in hours, above 0.

    Returns:
        soc_next: (lane, battery) state of charge at the end, never outside
            [soc_min, soc_max].
        p_kw: (lane, battery) injection carried out, constant over the step.
    """
    energy_out_kwh = np.maximum(soc - battery.soc_min, 0.0) * battery.energy_kwh
    energy_in_kwh = np.maximum(battery.soc_max - soc, 0.0) * battery.energy_kwh
    discharge_kw = np.minimum(
        battery.p_max_kw, energy_out_kwh * battery.efficiency_discharge / dt_h
    )
    charge_kw = np.minimum(battery.p_max_kw, energy_in_kwh / (battery.efficiency_charge * dt_h))
    p_kw = np.minimum(np.maximum(p_request_kw, -charge_kw), discharge_kw)
    store_kw = np.where(
        p_kw >= 0.0, p_kw / battery.efficiency_discharge, p_kw * battery.efficiency_charge
    )
    soc_next = soc - store_kw * dt_h / battery.energy_kwh
    # The limits above are exact up to rounding; this takes off the last bit only.
    return np.minimum(np.maximum(soc_next, battery.soc_min), battery.soc_max), p_kw


def _is_efficiency(values: Floats) -> npt.NDArray[np.bool_]:
    return (values > 0.0) & (values <= 1.0)


def _as_ratings(names: Sequence[str], field: str, given: npt.ArrayLike) -> Floats:
    """One finite, read-only float64 value a battery."""
    values = np.asarray(given, dtype=np.float64)
    if values.ndim > 1 or (values.ndim == 1 and len(values) != len(names)):
        raise FeederError(
            f"batteries: {field} has shape {values.shape}: must be one number "
            f"or ({len(names)},), one a battery"
        )
    values = np.broadcast_to(values, (len(names),)).copy()
    finite = np.isfinite(values)
    if not finite.all():
        k = int(np.argmin(finite))
        raise FeederError(f"battery '{names[k]}': {field} = {values[k]}: must be finite")
    values.flags.writeable = False
    return values
