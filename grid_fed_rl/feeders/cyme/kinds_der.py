"""Columns of generators, motors, photovoltaics, storage and converters."""

from grid_fed_rl.feeders.cyme import records_der as records
from grid_fed_rl.feeders.cyme.code_tables import CONNECTION, DEVICE_TYPE, PHASES
from grid_fed_rl.feeders.cyme.codes import GeneratorKind, MotorKind
from grid_fed_rl.feeders.cyme.kinds import DEVICE, Kind, column, need
from grid_fed_rl.feeders.cyme.kinds_network import SEQUENCE, UNIT
from grid_fed_rl.feeders.cyme.quantities import INTEGER, MOTOR_KW, NAME, NUMBER, REFERENCE, Code

__all__ = ["DER_KINDS"]

_ID = need("id", NAME, "ID EquipmentID")
_EQUIPMENT = column("equipment", REFERENCE, "EquipmentID EqID DeviceID")
_PHASES = column("phases", Code(PHASES, "phases"), "Phase EqPhase")
_CONNECTION = column(
    "connection", Code(CONNECTION, "a connection"), "ConnectionConfiguration Connection Conn"
)
_COUNT = column("n_generators", INTEGER, "NumberOfGenerators")
_FACTOR = column("power_factor_percent", NUMBER, "PowerFactor PF PowerFactor_Percent PFPercent")
_ACTIVE = column(
    "active_kw", NUMBER, "ActiveGeneration KWSet ActiveGeneration_KW ActiveGenerationKW"
)
_NUMBER = need("number", NAME, "DeviceNumber")
_TYPE = column("device_type", Code(DEVICE_TYPE, "a device type", open_ended=True), "DeviceType")

_GENERATORS = {
    GeneratorKind.SYNCHRONOUS: ("SYNCHRONOUS GENERATOR", "SynchronousGenerator", "36"),
    GeneratorKind.INDUCTION: ("INDUCTION GENERATOR", "InductionGenerator", "35"),
    GeneratorKind.CONVERTER: (
        "ELECTRONIC CONVERTER GENERATOR",
        "ElectronicConverterGenerator",
        "37",
    ),
    GeneratorKind.WIND: ("WECS", "Wecs", "41"),
    GeneratorKind.MICRO_TURBINE: ("MICRO TURBINE", "MicroTurbine", "43"),
    GeneratorKind.FUEL_CELL: ("SOFC", "Sofc", "44"),
}
_MOTORS = {
    MotorKind.INDUCTION: ("INDUCTION MOTOR", "InductionMotor", "33"),
    MotorKind.SYNCHRONOUS: ("SYNCHRONOUS MOTOR", "SynchronousMotor", "34"),
}


def _tables(section: str, prefix: str) -> tuple[str, ...]:
    name = section.replace(" ", "")
    return (f"{prefix}{name}", f"{prefix}{name.replace('ELECTRONIC', 'ELEC')}")


_DEVICES = (
    Kind(
        attribute="photovoltaics",
        record=records.Photovoltaic,
        sections=("PHOTOVOLTAIC SETTING",),
        tables=("CYMPHOTOVOLTAIC",),
        elements=("Photovoltaic",),
        device_types=("45",),
        fields=(
            *DEVICE,
            _EQUIPMENT,
            _PHASES,
            _CONNECTION,
            _COUNT,
            column("n_series", INTEGER, "NS"),
            column("n_parallel", INTEGER, "NP"),
            column("ambient_c", NUMBER, "AmbientTemperature"),
            column("insolation_w_m2", NUMBER, "ConstantInsolation"),
            _ACTIVE,
            _FACTOR,
        ),
        key=("number",),
        mapped=False,
        what="photovoltaic system",
    ),
    Kind(
        attribute="storages",
        record=records.Storage,
        sections=("BESS SETTING",),
        tables=("CYMBESS",),
        elements=("BESS",),
        device_types=("80",),
        fields=(
            *DEVICE,
            _EQUIPMENT,
            _PHASES,
            _CONNECTION,
            column("soc_max_percent", NUMBER, "MaximumSOC"),
            column("soc_min_percent", NUMBER, "MinimumSOC"),
            column("soc_initial_percent", NUMBER, "InitialSOC"),
            column("grid_output", NAME, "GridOutput"),
        ),
        key=("number",),
        mapped=False,
        what="battery",
    ),
    *(
        Kind(
            attribute="generators",
            record=records.Generator,
            sections=(f"{section} SETTING",),
            tables=_tables(section, "CYM"),
            elements=(element,),
            device_types=(number,),
            fields=(
                *DEVICE,
                _EQUIPMENT,
                _PHASES,
                _CONNECTION,
                _COUNT,
                _ACTIVE,
                _FACTOR,
                column("voltage_set_kv", NUMBER, "KVSet DesiredVoltage"),
                column("voltage_control", NAME, "VoltageControlType"),
                column("max_kvar", NUMBER, "QMax MaxKVAR"),
                column("min_kvar", NUMBER, "QMin MinKVAR"),
            ),
            constants={"kind": kind},
            key=("kind", "number"),
            mapped=False,
            what=f"{kind.value.replace('_', ' ')} generator",
        )
        for kind, (section, element, number) in _GENERATORS.items()
    ),
    *(
        Kind(
            attribute="motors",
            record=records.Motor,
            sections=(f"{section} SETTING",),
            tables=_tables(section, "CYM"),
            elements=(element,),
            device_types=(number,),
            fields=(
                *DEVICE,
                _EQUIPMENT,
                _PHASES,
                column("load_factor_percent", NUMBER, "LoadFactor"),
                column("power_factor_percent", NUMBER, "LoadPowerFactor"),
                column("running", NAME, "MotorStatus"),
            ),
            constants={"kind": kind},
            key=("kind", "number"),
            mapped=False,
            what=f"{kind.value} motor",
        )
        for kind, (section, element, number) in _MOTORS.items()
    ),
    Kind(
        attribute="converters",
        record=records.Converter,
        sections=("CONVERTER",),
        tables=("CYMCONVERTER",),
        elements=("Converter",),
        fields=(
            _NUMBER,
            _TYPE,
            column("rating_kva", NUMBER, "ConverterRating"),
            column("active_kw", NUMBER, "ActivePowerRating"),
            column("reactive_kvar", NUMBER, "ReactivePowerRating"),
            column("min_power_factor_percent", NUMBER, "MinimumPowerFactor"),
        ),
        key=("device_type", "number"),
        mapped=False,
        what="converter",
    ),
    Kind(
        attribute="converter_controls",
        record=records.ConverterControl,
        sections=("CONVERTER CONTROL SETTING",),
        tables=("CYMCONVERTERCONTROLSETTING",),
        elements=("ConverterControlSetting",),
        fields=(
            _NUMBER,
            _TYPE,
            column("index", INTEGER, "ControlIndex"),
            column("control", NAME, "ControlType"),
            column("fixed_kvar", NUMBER, "FixedVarInjection"),
            column("reference", NAME, "InjectionReference"),
            column("curve", NAME, "ConverterControlID"),
            column("power_reference", NUMBER, "PowerReference"),
            column("power_factor_percent", NUMBER, "PowerFactor"),
        ),
        key=(),
        mapped=False,
        what="converter control",
    ),
    Kind(
        attribute="generation_models",
        record=records.GenerationModel,
        sections=("DGGENERATIONMODEL",),
        tables=("CYMDGGENERATIONMODEL",),
        elements=("DGGenerationModel",),
        fields=(
            _NUMBER,
            _TYPE,
            column("load_model", NAME, "LoadModelName LoadModelID"),
            column("active_kw", NUMBER, "ActiveGeneration"),
            column("power_factor_percent", NUMBER, "PowerFactor"),
        ),
        key=("device_type", "number", "load_model"),
        mapped=False,
        what="generation model",
    ),
)

_CATALOGUE = (
    Kind(
        attribute="photovoltaic_types",
        record=records.PhotovoltaicType,
        sections=("PHOTOVOLTAIC",),
        tables=("CYMEQPHOTOVOLTAIC",),
        elements=("PhotovoltaicDB",),
        fields=(
            _ID,
            column("mpp_a", NUMBER, "MPPCurrent"),
            column("mpp_v", NUMBER, "MPPVoltage"),
            column("short_circuit_a", NUMBER, "SCCurrent"),
            column("open_circuit_v", NUMBER, "OCVoltage"),
        ),
        what="photovoltaic module of the catalogue",
    ),
    Kind(
        attribute="storage_types",
        record=records.StorageType,
        sections=("BESS",),
        tables=("CYMEQBESS",),
        elements=("BESSDB",),
        fields=(
            _ID,
            column("energy_kwh", NUMBER, "RatedStorageEnergy"),
            column("charge_kw", NUMBER, "MaxChargingPower"),
            column("discharge_kw", NUMBER, "MaxDischargingPower"),
            column("charge_efficiency_percent", NUMBER, "ChargeEfficiency ChargingEfficiency"),
            column(
                "discharge_efficiency_percent", NUMBER, "DischargeEfficiency DischargingEfficiency"
            ),
        ),
        what="battery of the catalogue",
    ),
    *(
        Kind(
            attribute="generator_types",
            record=records.GeneratorType,
            sections=(section,),
            tables=_tables(section, "CYMEQ"),
            elements=(f"{element}DB",),
            fields=(
                _ID,
                column(
                    "rated_kva", NUMBER, "KVA RatedKVA GeneratorRatedCapacity_KVA RatedCapacity"
                ),
                column("rated_kv", NUMBER, "KVLL RatedKVLL GeneratorRatedVoltage_KV RatedVoltage"),
                column(
                    "active_kw",
                    NUMBER,
                    "ActiveGeneration ActiveGenerationKW GeneratorRatedPower_KW RatedPower_KW "
                    "RatedPower",
                ),
                column(
                    "power_factor_percent",
                    NUMBER,
                    "PF PFPercent GeneratorPowerFactor_Percent PowerFactor",
                ),
                column("max_kvar", NUMBER, "MaxKVAR MaximumReactiveKVAR"),
                column("min_kvar", NUMBER, "MinKVAR MinimumReactiveKVAR"),
                _CONNECTION,
                *SEQUENCE,
                UNIT,
                column(
                    "fault_contribution_percent",
                    NUMBER,
                    "FaultContribution FaultContribution_Percent",
                ),
            ),
            constants={"kind": kind},
            key=("kind", "id"),
            what=f"{kind.value.replace('_', ' ')} generator of the catalogue",
        )
        for kind, (section, element, _) in _GENERATORS.items()
    ),
    *(
        Kind(
            attribute="motor_types",
            record=records.MotorType,
            sections=(section,),
            tables=_tables(section, "CYMEQ"),
            elements=(f"{element}DB",),
            fields=(
                _ID,
                column("rated_kw", MOTOR_KW, "RatedPower"),
                column("rated_kv", NUMBER, "RatedVoltageKVLL"),
                column("efficiency_percent", NUMBER, "Efficiency EfficiencyPercent"),
                column("power_factor_percent", NUMBER, "FullLoadPF"),
                column(
                    "locked_rotor_power_factor_percent",
                    NUMBER,
                    "LockedRotorPF LockedRotorPowerFactor",
                ),
                column("kva_per_hp", NUMBER, "KVA_HPRatio"),
                column("phase_kind", NAME, "Type PhaseType"),
            ),
            constants={"kind": kind},
            key=("kind", "id"),
            what=f"{kind.value} motor of the catalogue",
        )
        for kind, (section, element, _) in _MOTORS.items()
    ),
)

DER_KINDS = _DEVICES + _CATALOGUE
