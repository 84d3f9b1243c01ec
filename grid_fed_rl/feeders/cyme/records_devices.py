"""Transformers, regulators, switchgear, capacitors and reactors on sections."""

from dataclasses import dataclass, field

from grid_fed_rl.feeders.cyme.codes import (
    UNSAID,
    ByPhase,
    Connection,
    DeviceType,
    Phases,
    RegulatorMode,
    SwitchgearKind,
    TransformerConnection,
)
from grid_fed_rl.feeders.cyme.places import Record
from grid_fed_rl.feeders.cyme.records_lines import Device

__all__ = [
    "Autotransformer",
    "GroundingTransformer",
    "LoadTapChanger",
    "Regulator",
    "SeriesDevice",
    "ShuntCapacitor",
    "ShuntReactor",
    "Switchgear",
    "TapTiming",
    "ThreeWindingTransformer",
    "Transformer",
    "TransformerByPhase",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTapChanger:
    """A transformer's tap changer under load; bands in percent or volt, as `control` says."""

    setting: str | None = None  # as written
    set_point: float | None = None
    control: str | None = None  # as written
    lower_band: float | None = None
    upper_band: float | None = None
    tap_location: str | None = None  # as written
    tap: float | None = None
    initial_tap: float | None = None
    initial_tap_mode: str | None = None
    max_buck_percent: float | None = None
    max_boost_percent: float | None = None
    ct_a: float | None = None
    pt_ratio: float | None = None
    r_set: float | None = None
    x_set: float | None = None
    at_section: str | None = None


NO_LTC = LoadTapChanger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformer(Device):
    """A two-winding transformer of the catalogue (`TransformerType`).

    `connection` counts before the catalogue's; None where the file leaves it to the catalogue.
    Taps are in percent of rated voltage; `from_node` is on the primary side.
    """

    equipment: str
    connection: TransformerConnection | None = None
    primary_tap_percent: float | None = None
    secondary_tap_percent: float | None = None
    primary_rg_ohm: float | None = None
    primary_xg_ohm: float | None = None
    secondary_rg_ohm: float | None = None
    secondary_xg_ohm: float | None = None
    primary_base_kv: float | None = None  # line to line; None or 0 where the rating counts
    secondary_base_kv: float | None = None
    open_delta_phase: Phases | None = None  # which is open, or NONE
    centre_tap_phase: str | None = None
    primary_corner_phase: str | None = None  # which corner of a delta is grounded
    secondary_corner_phase: str | None = None
    from_node: str | None = None
    phase_shift: str | None = None  # as written
    gamma_phase_shift_deg: float | None = None
    ltc: LoadTapChanger = NO_LTC


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerByPhase(Device):
    """A bank of single-phase transformers of the catalogue."""

    equipment_a: str | None = None
    equipment_b: str | None = None
    equipment_c: str | None = None
    connection: TransformerConnection | None = None
    primary_tap_percent: ByPhase = UNSAID
    secondary_tap_percent: ByPhase = UNSAID
    primary_rg_ohm: float | None = None
    primary_xg_ohm: float | None = None
    secondary_rg_ohm: float | None = None
    secondary_xg_ohm: float | None = None
    primary_base_kv: float | None = None
    secondary_base_kv: float | None = None
    centre_tap_phase: str | None = None
    from_node: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Autotransformer(Device):
    """A two-winding autotransformer of the catalogue (`AutotransformerType`)."""

    equipment: str
    connection: Connection | None = None
    primary_tap_percent: float | None = None
    secondary_tap_percent: float | None = None
    primary_base_kv: float | None = None
    secondary_base_kv: float | None = None
    from_node: str | None = None
    ltc: LoadTapChanger = NO_LTC


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreeWindingTransformer(Device):
    """A three-winding transformer of the catalogue; the third winding ends at `tertiary_node`."""

    equipment: str
    primary_tap_percent: float | None = None
    secondary_tap_percent: float | None = None
    tertiary_tap_percent: float | None = None
    primary_base_kv: float | None = None
    secondary_base_kv: float | None = None
    tertiary_base_kv: float | None = None
    tertiary_node: str | None = None
    from_node: str | None = None
    auto: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingTransformer(Device):
    """A grounding transformer of the catalogue (`GroundingTransformerType`)."""

    equipment: str
    connection: Connection | None = None
    rg_ohm: float | None = None
    xg_ohm: float | None = None
    phases: Phases | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Regulator(Device):
    """A step-voltage regulator of the catalogue (`RegulatorType`).

    Voltages are on the secondary of the potential transformer (120 V base, `pt_ratio`); `r_set`
    and `x_set` are in volts. `equipment_by_phase` is set where each phase has a unit of its own,
    and then `equipment` is that of the first. Taps are steps from neutral.
    """

    equipment: str
    equipment_by_phase: tuple[str | None, str | None, str | None] | None = None
    phases: Phases | None = None
    connection: Connection | None = None
    mode: RegulatorMode | None = None
    setting: str | None = field(default=None, compare=False)  # as written
    max_buck_percent: ByPhase = UNSAID
    max_boost_percent: ByPhase = UNSAID
    band_v: ByPhase = UNSAID
    ct_a: ByPhase = UNSAID
    pt_ratio: ByPhase = UNSAID
    v_set: ByPhase = UNSAID
    r_set: ByPhase = UNSAID
    x_set: ByPhase = UNSAID
    tap: ByPhase = UNSAID
    at_section: str | None = None
    leading_unit: str | None = None  # as written; of an open delta
    from_node: str | None = None
    reversible: bool | None = None
    reverse_mode: str | None = None  # as written
    reverse_threshold: float | None = None
    reverse_v_set: ByPhase = UNSAID
    reverse_r_set: ByPhase = UNSAID
    reverse_x_set: ByPhase = UNSAID
    first_house_low_v: float | None = None
    first_house_high_v: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TapTiming(Record):
    """How long a regulator or tap changer waits, by its number and type: s."""

    number: str
    device_type: DeviceType | None = None
    first_s: float | None = None
    next_s: float | None = None
    mechanism_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchgear(Device):
    """Anything that opens a section (`SwitchgearType` by kind and equipment).

    `closed_phases` are those closed now; `normally_closed` is its normal status.
    """

    kind: SwitchgearKind
    equipment: str
    closed_phases: Phases | None = None
    normally_closed: bool | None = None
    locked: bool | None = None
    remote_controlled: bool | None = None
    automated: bool | None = None
    from_node: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuntCapacitor(Device):
    """A shunt bank: fixed and switched kvar by phase at `kv` line to neutral.

    `kvar_three_phase` is the bank's total where the file gives only that. `control` is as
    written ("0" is manual); on and off values are in the control's own unit.
    """

    equipment: str | None = None
    connection: Connection | None = None
    phases: Phases | None = None
    fixed_kvar: ByPhase = UNSAID
    switched_kvar: ByPhase = UNSAID
    kvar_three_phase: float | None = None
    fixed_losses_kw: ByPhase = UNSAID
    switched_losses_kw: ByPhase = UNSAID
    losses_three_phase_kw: float | None = None
    kv: float | None = None
    control: str | None = None
    on_value: ByPhase = UNSAID
    off_value: ByPhase = UNSAID
    controlling_phase: str | None = None
    controlled_node: str | None = None
    closed_phases: Phases | None = None  # of the switched part; None where the file says less
    switched_closed: bool | None = None
    voltage_override: bool | None = None
    voltage_override_on: float | None = None
    voltage_override_off: float | None = None
    voltage_override_deadband: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuntReactor(Device):
    """A shunt reactor: kvar by phase at `kv` line to neutral."""

    equipment: str | None = None
    connection: Connection | None = None
    phases: Phases | None = None
    kvar: ByPhase = UNSAID
    kvar_three_phase: float | None = None
    losses_kw: ByPhase = UNSAID
    losses_three_phase_kw: float | None = None
    kv: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesDevice(Device):
    """A series reactor or capacitor of the catalogue (`SeriesType`)."""

    equipment: str
    capacitor: bool
