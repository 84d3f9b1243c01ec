"""Generators, motors, photovoltaics, storage and their converters, with their catalogue."""

from dataclasses import dataclass

from grid_fed_rl.feeders.cyme.codes import (
    Connection,
    DeviceType,
    GeneratorKind,
    ImpedanceUnit,
    MotorKind,
    Phases,
)
from grid_fed_rl.feeders.cyme.places import Record
from grid_fed_rl.feeders.cyme.records_lines import Device

__all__ = [
    "Converter",
    "ConverterControl",
    "GenerationModel",
    "Generator",
    "GeneratorType",
    "Motor",
    "MotorType",
    "Photovoltaic",
    "PhotovoltaicType",
    "Storage",
    "StorageType",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Photovoltaic(Device):
    """Panels behind a converter: `n_series` by `n_parallel` modules of `PhotovoltaicType`."""

    equipment: str | None = None
    phases: Phases | None = None
    connection: Connection | None = None
    n_generators: int | None = None
    n_series: int | None = None
    n_parallel: int | None = None
    ambient_c: float | None = None
    insolation_w_m2: float | None = None
    active_kw: float | None = None
    power_factor_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(Device):
    """A battery of the catalogue (`StorageType`); states of charge in percent."""

    equipment: str | None = None
    phases: Phases | None = None
    connection: Connection | None = None
    soc_max_percent: float | None = None
    soc_min_percent: float | None = None
    soc_initial_percent: float | None = None
    grid_output: str | None = None  # as written


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator(Device):
    """A generator of the catalogue (`GeneratorType` by kind and equipment)."""

    kind: GeneratorKind
    equipment: str | None = None
    phases: Phases | None = None
    connection: Connection | None = None
    n_generators: int | None = None
    active_kw: float | None = None
    power_factor_percent: float | None = None
    voltage_set_kv: float | None = None
    voltage_control: str | None = None  # as written
    max_kvar: float | None = None
    min_kvar: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Motor(Device):
    """A motor of the catalogue (`MotorType` by kind and equipment)."""

    kind: MotorKind
    equipment: str | None = None
    phases: Phases | None = None
    load_factor_percent: float | None = None
    power_factor_percent: float | None = None
    running: str | None = None  # as written


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter(Record):
    """The inverter of a device (version 8 and later), by the device's number and type."""

    number: str
    device_type: DeviceType | None = None
    rating_kva: float | None = None
    active_kw: float | None = None
    reactive_kvar: float | None = None
    min_power_factor_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConverterControl(Record):
    """How an inverter is controlled; `control` is CYME's code, as written."""

    number: str
    device_type: DeviceType | None = None
    index: int | None = None
    control: str | None = None
    fixed_kvar: float | None = None
    reference: str | None = None
    curve: str | None = None
    power_reference: float | None = None
    power_factor_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationModel(Record):
    """What a generator produces in one load model."""

    number: str
    device_type: DeviceType | None = None
    load_model: str | None = None
    active_kw: float | None = None
    power_factor_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotovoltaicType(Record):
    """A module: figures at its maximum power point and under standard conditions."""

    id: str
    mpp_a: float | None = None
    mpp_v: float | None = None
    short_circuit_a: float | None = None
    open_circuit_v: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageType(Record):
    """A battery: energy, power and efficiency each way."""

    id: str
    energy_kwh: float | None = None
    charge_kw: float | None = None
    discharge_kw: float | None = None
    charge_efficiency_percent: float | None = None
    discharge_efficiency_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorType(Record):
    """A generator's nameplate; impedances in `unit`."""

    id: str
    kind: GeneratorKind
    rated_kva: float | None = None
    rated_kv: float | None = None  # line to line
    active_kw: float | None = None
    power_factor_percent: float | None = None
    max_kvar: float | None = None
    min_kvar: float | None = None
    connection: Connection | None = None
    r1: float | None = None
    x1: float | None = None
    r0: float | None = None
    x0: float | None = None
    unit: ImpedanceUnit | None = None
    fault_contribution_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MotorType(Record):
    """A motor's nameplate."""

    id: str
    kind: MotorKind
    rated_kw: float | None = None
    rated_kv: float | None = None  # line to line
    efficiency_percent: float | None = None
    power_factor_percent: float | None = None
    locked_rotor_power_factor_percent: float | None = None
    kva_per_hp: float | None = None
    phase_kind: str | None = None  # as written
