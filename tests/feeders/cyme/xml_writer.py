"""Writes a `CymeDataset` as XML, in the structure of CYME's version 9 studies.

The fixtures ``ieee13.sxst`` and ``every_device.sxst`` are this writer's, from the text exports of
the same feeders; ``python -m tests.feeders.cyme.xml_writer EXPORT STUDY`` writes one anew.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from grid_fed_rl.feeders.cyme.codes import ValueType
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from tests.feeders.cyme.xml_catalogue import equipment
from tests.feeders.cyme.xml_parts import LOADS, NAMES, TYPES, Writer, by_phase, element, names_of

DEVICES = {k: (table.get("element", ""), names_of(table)) for k, table in NAMES["device"].items()}
CLASSES = names_of(NAMES["customer_class"])
SEQUENCE = names_of({"blocks": ["sequence", "negative"]})


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


if __name__ == "__main__":
    from grid_fed_rl.feeders.cyme.read import read_dataset

    export, study = sys.argv[1:]
    Path(study).write_text(write(read_dataset(export)), encoding="utf-8")
