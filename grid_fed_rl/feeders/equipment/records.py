"""What equipment is called and rated, apart from where it stands: frozen records, SI units.

None is a figure that the catalogue does not say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = [
    "KINDS",
    "CableType",
    "CapacitorSetting",
    "CapacitorType",
    "ConductorType",
    "EquipmentLibrary",
    "LineType",
    "RegulatorSetting",
    "RegulatorType",
    "SpacingType",
    "SwitchgearType",
    "TransformerType",
    "Use",
]


@dataclass(frozen=True, slots=True)
class ConductorType:
    """A bare conductor: AC resistance at 25 and 50 degrees Celsius, radii, rating."""

    name: str
    r25_ohm_per_km: float | None = None
    r50_ohm_per_km: float | None = None
    gmr_m: float | None = None
    diameter_m: float | None = None
    amps: float | None = None
    size_mm2: float | None = None
    failures_per_km_year: float | None = None
    repair_h: float | None = None


@dataclass(frozen=True, slots=True)
class LineType:
    """An overhead line by sequence values, and what it is made of."""

    name: str
    r1_ohm_per_km: float | None = None
    x1_ohm_per_km: float | None = None
    r0_ohm_per_km: float | None = None
    x0_ohm_per_km: float | None = None
    b1_us_per_km: float | None = None
    b0_us_per_km: float | None = None
    amps: float | None = None
    conductor: str = ""
    neutral: str = ""
    spacing: str = ""
    failures_per_km_year: float | None = None
    repair_h: float | None = None


@dataclass(frozen=True, slots=True)
class CableType:
    """A cable by sequence values, and its rating."""

    name: str
    r1_ohm_per_km: float | None = None
    x1_ohm_per_km: float | None = None
    r0_ohm_per_km: float | None = None
    x0_ohm_per_km: float | None = None
    b1_us_per_km: float | None = None
    b0_us_per_km: float | None = None
    amps: float | None = None
    kv: float | None = None
    conductor: str = ""
    failures_per_km_year: float | None = None
    repair_h: float | None = None


@dataclass(frozen=True, slots=True)
class SpacingType:
    """Where conductors hang, metres sideways and above ground, or their mean distances."""

    name: str
    x1_m: float | None = None
    y1_m: float | None = None
    x2_m: float | None = None
    y2_m: float | None = None
    x3_m: float | None = None
    y3_m: float | None = None
    neutral_x_m: float | None = None
    neutral_y_m: float | None = None
    neutral2_x_m: float | None = None
    neutral2_y_m: float | None = None
    gmd_phases_m: float | None = None
    gmd_neutral_m: float | None = None
    height_m: float | None = None
    neutral_height_m: float | None = None


@dataclass(frozen=True, slots=True)
class TransformerType:
    """A two-winding transformer: rating, voltages line to line, impedances, losses, taps."""

    name: str
    kva: float | None = None
    primary_kv: float | None = None
    secondary_kv: float | None = None
    z1_percent: float | None = None
    xr1: float | None = None
    z0_percent: float | None = None
    xr0: float | None = None
    no_load_kw: float | None = None
    magnetising_percent: float | None = None
    connection: str = ""
    n_phases: int | None = None
    n_taps: int | None = None
    min_tap_percent: float | None = None
    max_tap_percent: float | None = None
    failures_per_year: float | None = None
    repair_h: float | None = None


@dataclass(frozen=True, slots=True)
class RegulatorType:
    """A step-voltage regulator; `kv` is line to neutral, bands are volts on 120."""

    name: str
    kva: float | None = None
    kv: float | None = None
    n_taps: int | None = None
    max_buck_percent: float | None = None
    max_boost_percent: float | None = None
    band_v: float | None = None
    pt_ratio: float | None = None
    ct_a: float | None = None
    failures_per_year: float | None = None
    repair_h: float | None = None


@dataclass(frozen=True, slots=True)
class RegulatorSetting:
    """How one regulator of the feeder is set, whether it follows that or stands fixed."""

    name: str
    mode: str = ""
    v_set: float | None = None
    band_v: float | None = None
    pt_ratio: float | None = None
    ct_a: float | None = None
    r_v: float | None = None
    x_v: float | None = None


@dataclass(frozen=True, slots=True)
class CapacitorType:
    """A capacitor unit: kvar at its rated voltage line to neutral."""

    name: str
    kvar: float | None = None
    kv: float | None = None


@dataclass(frozen=True, slots=True)
class CapacitorSetting:
    """How one bank of the feeder is controlled, as the source writes it."""

    name: str
    control: str = ""
    on: float | None = None
    off: float | None = None


@dataclass(frozen=True, slots=True)
class SwitchgearType:
    """Switchgear, with what reliability is computed from.

    Rates are failures a year, shares are percent, times hours, as catalogues have them.
    """

    name: str
    kind: str
    amps: float | None = None
    kv: float | None = None
    interrupting_a: float | None = None
    failures_per_year: float | None = None
    temporary_failures_per_year: float | None = None
    major_repair_h: float | None = None
    minor_repair_h: float | None = None
    major_share_percent: float | None = None
    stuck_percent: float | None = None
    switch_h: float | None = None
    remote_controlled: bool | None = None
    automated: bool | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """Which equipment an element of the feeder is: switch ``s1`` a breaker ``DEFAULT``."""

    element: str  # switch, transformer, regulator or capacitor
    name: str
    kind: str  # of equipment: transformer, regulator, capacitor, or a kind of switchgear
    equipment: str


@dataclass(frozen=True)
class EquipmentLibrary:
    """Equipment by kind, and which of it each element of a feeder is.

    Every attribute is a tuple of records, in the order of the source.
    """

    conductors: tuple[ConductorType, ...] = ()
    line_types: tuple[LineType, ...] = ()
    cables: tuple[CableType, ...] = ()
    spacings: tuple[SpacingType, ...] = ()
    transformers: tuple[TransformerType, ...] = ()
    regulators: tuple[RegulatorType, ...] = ()
    regulator_settings: tuple[RegulatorSetting, ...] = ()
    capacitors: tuple[CapacitorType, ...] = ()
    capacitor_settings: tuple[CapacitorSetting, ...] = ()
    switchgear: tuple[SwitchgearType, ...] = ()
    uses: tuple[Use, ...] = ()

    def kinds(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Kinds with their records, those without left out."""
        for kind in KINDS:
            records = getattr(self, kind)
            if records:
                yield kind, records

    def switchgear_of(self, switch: str) -> SwitchgearType | None:
        """The equipment that a switch of the feeder is, if the library knows it."""
        use = next((u for u in self.uses if u.element == "switch" and u.name == switch), None)
        if use is None:
            return None
        return next(
            (s for s in self.switchgear if (s.kind, s.name) == (use.kind, use.equipment)), None
        )


KINDS: dict[str, type] = {
    "conductors": ConductorType,
    "line_types": LineType,
    "cables": CableType,
    "spacings": SpacingType,
    "transformers": TransformerType,
    "regulators": RegulatorType,
    "regulator_settings": RegulatorSetting,
    "capacitors": CapacitorType,
    "capacitor_settings": CapacitorSetting,
    "switchgear": SwitchgearType,
    "uses": Use,
}
"""The record of each kind of the library."""
