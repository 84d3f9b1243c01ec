"""Writes a `CymeDataset` as XML, in the structure of CYME's version 9 studies.

The fixtures ``ieee13.sxst`` and ``every_device.sxst`` are this writer's, from the text exports of
the same feeders; ``python tests/feeders/cyme/xml_writer.py [folder of IEEE 13]`` writes them anew.
The names in ``xml_names.toml`` repeat on purpose what the package knows: they are what programs
that read CYME's files look for, and the reader must find them.
"""

import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from grid_fed_rl.feeders.cyme.codes import (
    Connection,
    DeviceType,
    GeneratorKind,
    ImpedanceUnit,
    LoadKind,
    Location,
    MotorKind,
    NetworkKind,
    Phases,
    RegulatorMode,
    SwitchgearKind,
    ValueType,
)
from grid_fed_rl.feeders.cyme.dataset import CymeDataset

FIXTURES = Path(__file__).parent / "fixtures"

SWITCHGEAR = {
    SwitchgearKind.SWITCH: "Switch",
    SwitchgearKind.BREAKER: "Breaker",
    SwitchgearKind.RECLOSER: "Recloser",
    SwitchgearKind.FUSE: "Fuse",
    SwitchgearKind.SECTIONALISER: "Sectionalizer",
    SwitchgearKind.NETWORK_PROTECTOR: "NetworkProtector",
    SwitchgearKind.LVCB: "LVCB",
    SwitchgearKind.MISCELLANEOUS: "Miscellaneous",
}
GENERATORS = {
    GeneratorKind.SYNCHRONOUS: "SynchronousGenerator",
    GeneratorKind.INDUCTION: "InductionGenerator",
    GeneratorKind.CONVERTER: "ElectronicConverterGenerator",
    GeneratorKind.WIND: "Wecs",
    GeneratorKind.MICRO_TURBINE: "MicroTurbine",
    GeneratorKind.FUEL_CELL: "Sofc",
}
MOTORS = {MotorKind.INDUCTION: "InductionMotor", MotorKind.SYNCHRONOUS: "SynchronousMotor"}
TYPES = {
    DeviceType.PHOTOVOLTAIC: "Photovoltaic",
    DeviceType.STORAGE: "BESS",
    DeviceType.REGULATOR: "Regulator",
    DeviceType.SYNCHRONOUS_GENERATOR: "SynchronousGenerator",
    DeviceType.INDUCTION_GENERATOR: "InductionGenerator",
    DeviceType.CONVERTER_GENERATOR: "ElectronicConverterGenerator",
    DeviceType.WIND: "Wecs",
    DeviceType.MICRO_TURBINE: "MicroTurbine",
    DeviceType.FUEL_CELL: "Sofc",
}
LOADS = {LoadKind.SPOT: "SpotLoad", LoadKind.DISTRIBUTED: "DistributedLoad"}
WORDS: Sequence[tuple[Enum, str]] = (
    *((phases, phases.value or "None") for phases in Phases),
    *((location, location.value.capitalize()) for location in Location),
    (ImpedanceUnit.OHM, "Ohms"),
    (ImpedanceUnit.PER_UNIT, "PU"),
    (ImpedanceUnit.PERCENT, "Percent"),
    (NetworkKind.FEEDER, "Feeder"),
    (NetworkKind.SUBSTATION, "Substation"),
    (Connection.OPEN_DELTA, "OpenDelta"),
    (Connection.CLOSED_DELTA, "ClosedDelta"),
    (RegulatorMode.FIXED, "FixedTap"),
    (RegulatorMode.TERMINAL, "Terminal"),
    (RegulatorMode.LOAD_CENTRE, "LoadCenter"),
)
"""CYME's words where they are not the codes' own values."""


def _names(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of a table's fields and of those in its blocks, stars put into phases."""
    listed: dict[str, str] = {}
    for block in table.get("blocks", []):
        listed |= NAMES["blocks"][block]
    listed |= {k: v for k, v in table.items() if k not in ("element", "blocks")}
    found: dict[str, str] = {}
    for field, name in listed.items():
        phases = "abc" if "*" in field else " "
        found |= {field.replace("*", p): name.format(p.upper()) for p in phases}
    return found


NAMES = tomllib.loads((Path(__file__).parent / "xml_names.toml").read_text(encoding="utf-8"))
DEVICES = {k: (table.get("element", ""), _names(table)) for k, table in NAMES["device"].items()}
CATALOGUE = {
    k: (table.get("element", ""), _names(table)) for k, table in NAMES["catalogue"].items()
}
CLASSES = _names(NAMES["customer_class"])
SEQUENCE = _names({"blocks": ["sequence", "negative"]})


def by_phase(field: str, name: str) -> dict[str, str]:
    return _names({f"{field}.*": name})


class Writer:
    """Elements, line by line, indented."""

    def __init__(self) -> None:
        self.lines = ['<?xml version="1.0" encoding="utf-8"?>']
        self.depth = 0

    def open(self, tag: str, attributes: str = "") -> None:
        self.lines.append(f"{' ' * self.depth}<{tag}{attributes}>")
        self.depth += 1

    def close(self, tag: str) -> None:
        self.depth -= 1
        self.lines.append(f"{' ' * self.depth}</{tag}>")

    def leaf(self, tag: str, value: object) -> None:
        if value is not None:
            self.lines.append(f"{' ' * self.depth}<{tag}>{escape(word(value))}</{tag}>")

    def leaves(self, record: object, names: Mapping[str, str], only: str = "") -> None:
        """Write a record's fields; those of one path (``ForwardSettings/``) in one element."""
        holders: dict[str, list[tuple[str, object]]] = {}
        for field, path in names.items():
            value: Any = record
            for part in field.split("."):
                value = getattr(value, part)
            holder, _, name = path.rpartition("/")
            if value is not None and path:
                holders.setdefault(holder, []).append((name, value))
        for holder, leaves in holders.items():
            if holder:
                self.open(holder)
            for name, value in leaves:
                self.leaf(name, value)
            if holder:
                self.close(holder)


def word(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Enum):
        # Members of two enumerations may be equal, as strings are.
        return next((w for member, w in WORDS if member is value), str(value.value))
    return repr(value) if isinstance(value, float) else str(value)


def write(dataset: CymeDataset) -> str:
    """Return the text of a study with all that the dataset holds."""
    out = Writer()
    out.open("Cyme", ' Version="9.0"')
    out.open("Networks")
    out.open("Network")
    topos(out, dataset)
    nodes(out, dataset)
    sections(out, dataset)
    out.close("Network")
    out.close("Networks")
    equipment(out, dataset)
    out.open("ConsumerClasses")
    for one in dataset.customer_classes.values():
        out.open("ConsumerClass")
        out.leaves(one, CLASSES)
        out.close("ConsumerClass")
    out.close("ConsumerClasses")
    out.open("LoadModels")
    for model in dataset.load_models.values():
        out.open("LoadModel")
        out.leaves(model, {"id": "LoadModelID", "name": "LoadModelName"})
        out.close("LoadModel")
    out.close("LoadModels")
    out.close("Cyme")
    return "\n".join(out.lines) + "\n"


def topos(out: Writer, dataset: CymeDataset) -> None:
    out.open("Topos")
    for network in dataset.networks.values():
        out.open("Topo")
        out.leaves(
            network,
            {
                "id": "NetworkID",
                "kind": "NetworkType",
                "description": "Description",
                "load_factor": "LoadFactor",
                "year": "CreationTime",
            },
        )
        out.open("HeadNodes")
        for head in dataset.headnodes:
            if head.network == network.id:
                out.open("HeadNode")
                out.leaf("NodeID", head.node)
                out.close("HeadNode")
        out.close("HeadNodes")
        out.open("Sources")
        for source in dataset.sources:
            if source.network == network.id:
                source_of(out, dataset, source)
        out.close("Sources")
        out.close("Topo")
    out.close("Topos")


def source_of(out: Writer, dataset: CymeDataset, source: Any) -> None:
    out.open("Source")
    out.leaf("SourceNodeID", source.node)
    out.open("SourceSettings")
    out.leaves(
        source,
        {
            "equipment": "SourceID",
            "number": "DeviceNumber",
            "desired_kv": "DesiredVoltage",
            **by_phase("operating_kv", "OperatingVoltage{}"),
        },
    )
    out.close("SourceSettings")
    out.open("EquivalentSourceModels")
    for equivalent in dataset.source_equivalents:
        if equivalent.node != source.node:
            continue
        out.open("EquivalentSourceModel")
        out.leaf("LoadModelName", equivalent.load_model)
        out.open("EquivalentSource")
        out.leaves(
            equivalent,
            {
                "kv": "KVLL",
                **{f"angle_deg.{p}": f"OperatingAngle{i}" for i, p in enumerate("abc", 1)},
                **{f"operating_kv.{p}": f"OperatingVoltage{i}" for i, p in enumerate("abc", 1)},
                **SEQUENCE,
                "unit": "ImpedanceUnit",
                "base_mva": "BaseMVA",
                "connection": "SourceConfiguration",
            },
        )
        out.close("EquivalentSource")
        for load in dataset.load_equivalents:
            if (load.node, load.load_model) == (equivalent.node, equivalent.load_model):
                out.open("EquivalentLoad")
                out.leaf("LoadValueType", load.format)
                out.leaves(load, by_phase("value1", "LoadValue{}1"))
                out.leaves(load, by_phase("value2", "LoadValue{}2"))
                out.close("EquivalentLoad")
        out.close("EquivalentSourceModel")
    out.close("EquivalentSourceModels")
    out.close("Source")


def nodes(out: Writer, dataset: CymeDataset) -> None:
    out.open("Nodes")
    for node in dataset.nodes.values():
        out.open("Node")
        out.leaf("NodeID", node.id)
        if node.x2 is None:
            out.open("Connectors")
            out.open("Point")
            out.leaves(node, {"x": "X", "y": "Y"})
            out.close("Point")
            out.close("Connectors")
        else:
            out.open("BusDisplay")
            out.leaves(node, {"x": "X1", "y": "Y1", "x2": "X2", "y2": "Y2"})
            out.close("BusDisplay")
        out.leaf("UserDefinedBaseVoltage", node.base_kv if node.base_kv is not None else 0.0)
        out.leaf("ZoneID", node.zone)
        out.close("Node")
    out.close("Nodes")


def sections(out: Writer, dataset: CymeDataset) -> None:
    devices: dict[str, list[tuple[str, Mapping[str, str], Any]]] = {}
    for attribute, (tag, names) in DEVICES.items():
        for device in getattr(dataset, attribute):
            devices.setdefault(device.section, []).append((tag or element(device), names, device))
    out.open("Sections")
    for section in dataset.sections.values():
        out.open("Section")
        out.leaves(
            section,
            {
                "id": "SectionID",
                "network": "OwnerID",
                "from_node": "FromNodeID",
                "from_index": "FromNodeConnectorIndex",
                "to_node": "ToNodeID",
                "to_index": "ToNodeConnectorIndex",
                "phases": "Phase",
                "zone": "ZoneID",
            },
        )
        points = [point for point in dataset.points if point.section == section.id]
        if points:
            out.open("IntermediatePoints")
            for point in points:
                out.open("IntermediatePoint")
                out.leaves(point, {"index": "PointIndex", "x": "X", "y": "Y"})
                out.close("IntermediatePoint")
            out.close("IntermediatePoints")
        out.open("Devices")
        for tag, names, device in devices.get(section.id, []):
            device_of(out, dataset, tag, names, device)
        out.close("Devices")
        out.close("Section")
    out.close("Sections")


def element(record: Any) -> str:
    """Return the element of a device or type whose kind is one of its fields."""
    kind = getattr(record, "kind", None)
    for named in (SWITCHGEAR, GENERATORS, MOTORS, LOADS):
        if any(kind is member for member in named):
            return named[kind]
    if hasattr(record, "capacitor"):
        return "SeriesCapacitor" if record.capacitor else "SeriesReactor"
    return "ThreeWindingAutoTransformer" if record.auto else "ThreeWindingTransformer"


def device_of(
    out: Writer, dataset: CymeDataset, tag: str, names: Mapping[str, str], device: Any
) -> None:
    units = getattr(device, "equipment_by_phase", None)
    if units is not None:
        tag = "RegulatorByPhase"
        names = {k: v for k, v in names.items() if k != "equipment"}
    out.open(tag)
    status = "Bypassed" if device.bypassed else "Connected" if device.connected else "Disconnected"
    out.leaf("ConnectionStatus", status)
    out.leaves(device, names)
    for i, unit in enumerate(units or (), start=1):
        out.leaf(f"PhaseRegulatorID{i}", unit)
    closed = getattr(device, "normally_closed", None)
    if closed is not None:
        out.leaf("NormalStatus", "Closed" if closed else "Open")
    switched = getattr(device, "switched_closed", None)
    if switched is not None:
        out.leaf("SwitchedCapacitorStatus", "InitiallyOn" if switched else "InitiallyOff")
    belongings(out, dataset, tag, device)
    if tag in LOADS.values():
        customers(out, dataset, device)
    out.close(tag)


def belongings(out: Writer, dataset: CymeDataset, tag: str, device: Any) -> None:
    """Write what text exports have in tables by a device's number and type."""

    def mine(rows: Iterable[Any]) -> list[Any]:
        return [r for r in rows if r.number == device.number and TYPES.get(r.device_type) == tag]

    for timing in mine(dataset.tap_timings):
        out.open("AutoTapChangingExtSt")
        out.leaf("ActivationDelayFirstTap", timing.first_s)
        out.leaf("ActivationDelaySubTap", timing.next_s)
        out.leaf("MechanismDelay", timing.mechanism_s)
        out.close("AutoTapChangingExtSt")
    for converter in mine(dataset.converters):
        out.open("Converter")
        out.leaf("ConverterRating", converter.rating_kva)
        out.leaf("ActivePowerRating", converter.active_kw)
        out.leaf("ReactivePowerRating", converter.reactive_kvar)
        out.leaf("MinimumPowerFactor", converter.min_power_factor_percent)
        out.close("Converter")
    controls = mine(dataset.converter_controls)
    if controls:
        out.open("ConverterControlSettings")
        for control in controls:
            out.open("ConverterControlSetting")
            out.leaf("ControlIndex", control.index)
            out.leaf("ControlType", control.control)
            out.leaf("FixedVarInjection", control.fixed_kvar)
            out.leaf("InjectionReference", control.reference)
            out.leaf("ConverterControlID", control.curve)
            out.leaf("PowerReference", control.power_reference)
            out.leaf("PowerFactor", control.power_factor_percent)
            out.close("ConverterControlSetting")
        out.close("ConverterControlSettings")
    models = mine(dataset.generation_models)
    if models:
        out.open("GenerationModels")
        for model in models:
            out.open("DGGenerationModel")
            out.leaf("LoadModelName", model.load_model)
            out.leaf("ActiveGeneration", model.active_kw)
            out.leaf("PowerFactor", model.power_factor_percent)
            out.close("DGGenerationModel")
        out.close("GenerationModels")


def customers(out: Writer, dataset: CymeDataset, load: Any) -> None:
    rows = [
        row
        for row in dataset.customer_loads
        if (row.kind, row.number, row.section) == (load.kind, load.number, load.section)
    ]
    out.open("CustomerLoads")
    for row in rows:
        out.open("CustomerLoad")
        out.leaf("CustomerNumber", row.customer)
        out.leaf("CustomerType", row.customer_class)
        out.leaf("ConnectionStatus", "Connected" if row.connected else "Disconnected")
        out.leaf("Year", row.year)
        out.open("CustomerLoadModels")
        out.open("CustomerLoadModel")
        out.leaf("LoadModelID", row.load_model)
        out.open("CustomerLoadValues")
        out.open("CustomerLoadValue")
        out.leaf("Phase", row.phases)
        names = {
            ValueType.KW_KVAR: ("KW", "KVAR"),
            ValueType.KVA_PF: ("KVA", "PF"),
            ValueType.KW_PF: ("KW", "PF"),
            ValueType.AMP_PF: ("AMP", "PF"),
        }[row.value_type]
        out.open("LoadValue", f' Type="LoadValue{row.value_type.upper()}"')
        out.leaf(names[0], row.value1)
        out.leaf(names[1], row.value2)
        out.close("LoadValue")
        out.leaf("ConnectedKVA", row.connected_kva)
        out.leaf("KWH", row.kwh)
        out.leaf("NumberOfCustomer", row.n_customers)
        out.leaf("CenterTapPercent", row.centre_tap_percent)
        out.close("CustomerLoadValue")
        out.close("CustomerLoadValues")
        out.close("CustomerLoadModel")
        out.close("CustomerLoadModels")
        out.close("CustomerLoad")
    out.close("CustomerLoads")


def equipment(out: Writer, dataset: CymeDataset) -> None:
    out.open("Equipments")
    out.open("Equipments")
    out.open("EquipmentDBs")
    for attribute, (tag, names) in CATALOGUE.items():
        for record in getattr(dataset, attribute).values():
            name = tag or f"{element(record)}DB"
            out.open(name)
            out.leaves(record, names)
            in_smaller_units(out, dataset, attribute, record)
            out.close(name)
    for spacing in dataset.spacings.values():
        spacing_of(out, spacing)
    out.close("EquipmentDBs")
    out.close("Equipments")
    out.close("Equipments")


def per(value: float | None, factor: float) -> float | None:
    """Return a length in centimetres or millimetres, with no digits that division made."""
    return None if value is None else float(f"{value * factor:.12g}")


def in_smaller_units(out: Writer, dataset: CymeDataset, attribute: str, record: Any) -> None:
    if attribute == "conductors":
        out.leaf("OutsideDiameter", per(record.diameter_m, 100.0))
        out.leaf("GMR", per(record.gmr_m, 100.0))
    if attribute == "transformer_types" and record.line_to_neutral is not None:
        out.leaf("TransfoVoltageUnit", "KVLN" if record.line_to_neutral else "KVLL")
    if attribute == "autotransformer_types" and record.line_to_neutral is not None:
        out.leaf("TransfoVoltageUnit", "KVLN" if record.line_to_neutral else "KVLL")
    if attribute == "transformer_types" and record.single_phase is not None:
        out.leaf("TransfoType", "SinglePhase" if record.single_phase else "ThreePhaseShell")
    if attribute != "cable_types":
        return
    out.leaf("InsulationDiameter", per(record.insulation_diameter_m, 1000.0))
    out.leaf("InsulationThickness", per(record.insulation_thickness_m, 1000.0))
    out.leaf("OverallDiameter", per(record.overall_diameter_m, 1000.0))
    out.leaf("InnerSheathRadius", per(record.sheath_inner_m, 1000.0))
    out.leaf("OuterSheathRadius", per(record.sheath_outer_m, 1000.0))
    out.leaf("DistanceBetweenABPhases", per(record.d_ab_m, 100.0))
    out.leaf("DistanceBetweenBCPhases", per(record.d_bc_m, 100.0))
    out.leaf("DistanceBetweenACPhases", per(record.d_ac_m, 100.0))
    conductor = dataset.cable_conductors.get(record.id)
    if conductor is not None:
        out.open("CableConductor")
        out.leaf("Diameter", per(conductor.diameter_m, 1000.0))
        out.leaf("Size_mm2", conductor.size_mm2)
        out.leaf("MaterialID", conductor.material)
        out.leaf("NumberOfStrands", conductor.n_strands)
        out.close("CableConductor")
    insulation = dataset.cable_insulations.get(record.id)
    if insulation is not None:
        out.open("CableInsulation")
        out.leaf("Thickness", per(insulation.thickness_m, 1000.0))
        out.leaf("InsulationMaterialID", insulation.material)
        out.close("CableInsulation")
    neutral = dataset.cable_neutrals.get(record.id)
    if neutral is not None:
        out.open("CableConcentricNeutral")
        out.leaf("NumberOfWires", neutral.n_wires)
        out.leaf("Thickness", per(neutral.thickness_m, 1000.0))
        out.leaf("StrapWidth", per(neutral.strap_width_m, 1000.0))
        out.leaf("LayLength", per(neutral.lay_m, 1000.0))
        out.leaf("MaterialID", neutral.material)
        out.leaf("ConcentricNeutralsType", neutral.kind)
        out.close("CableConcentricNeutral")


def spacing_of(out: Writer, spacing: Any) -> None:
    out.open("OverheadSpacingOfConductorDB")
    out.leaf("EquipmentID", spacing.id)
    if spacing.gmd_phase_m is not None:
        out.open("AverageGeometricalArrangement")
        out.leaf("GMDPhaseToPhase", spacing.gmd_phase_m)
        out.leaf("GMDPhaseToNeutral", spacing.gmd_neutral_m)
        out.leaf("AveragePhaseConductorHeight", spacing.phase_height_m)
        out.leaf("AverageNeutralConductorHeight", spacing.neutral_height_m)
        out.close("AverageGeometricalArrangement")
    if spacing.n_phases is not None:
        out.open("GeometricalArrangement")
        out.leaf("NbPhasesPerCircuit", spacing.n_phases)
        out.leaf("NbConductorsPerPhase", spacing.n_bundle)
        out.leaf("NbNeutrals", spacing.n_neutrals)
        out.leaf("BundleDistance", spacing.bundle_m)
        places = {f"PositionOfConductor{i}_C1": p for i, p in enumerate(spacing.positions, 1)}
        places |= {
            "PositionOfConductorN1": spacing.neutral_1,
            "PositionOfConductorN2": spacing.neutral_2,
        }
        for name, point in places.items():
            out.open(name)
            out.leaf("X", 0.0 if point is None else point.x_m)
            out.leaf("Y", 0.0 if point is None else point.y_m)
            out.close(name)
        out.close("GeometricalArrangement")
    out.close("OverheadSpacingOfConductorDB")


if __name__ == "__main__":
    from grid_fed_rl.feeders.cyme.read import read_dataset

    sources = {"every_device.sxst": FIXTURES / "every_device"}
    sources |= dict(zip(["ieee13.sxst"], map(Path, sys.argv[1:]), strict=False))
    for target, source in sources.items():
        (FIXTURES / target).write_text(write(read_dataset(source)), encoding="utf-8")
