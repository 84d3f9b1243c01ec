"""Columns of nodes, sections, networks and sources."""

from grid_fed_rl.feeders.cyme import records_network as records
from grid_fed_rl.feeders.cyme.code_tables import CONNECTION, IMPEDANCE_UNIT, PHASES, Dialect
from grid_fed_rl.feeders.cyme.codes import ImpedanceUnit, NetworkKind
from grid_fed_rl.feeders.cyme.kinds import Kind, Values, by_phase, column, need
from grid_fed_rl.feeders.cyme.quantities import INTEGER, NAME, NUMBER, Code

__all__ = ["NEGATIVE_SEQUENCE", "NETWORK_KINDS", "SEQUENCE", "UNIT", "default_ohm"]

UNIT = column("unit", Code(IMPEDANCE_UNIT, "an impedance unit"), "ImpedanceUnit")
SEQUENCE = (
    column("r1", NUMBER, "R1 PositiveSequenceResistance FirstLevelR1"),
    column("x1", NUMBER, "X1 PositiveSequenceReactance FirstLevelX1"),
    column("r0", NUMBER, "R0 ZeroSequenceResistance FirstLevelR0"),
    column("x0", NUMBER, "X0 ZeroSequenceReactance FirstLevelX0"),
)
NEGATIVE_SEQUENCE = (
    column("r2", NUMBER, "R2 NegativeSequenceResistance FirstLevelR2"),
    column("x2", NUMBER, "X2 NegativeSequenceReactance FirstLevelX2"),
)


def _network(kind: NetworkKind, sections: tuple[str, ...]) -> Kind:
    return Kind(
        attribute="networks",
        record=records.Network,
        sections=sections,
        fields=(
            need("id", NAME, "NetworkID"),
            column("head_node", NAME, "HeadNodeID"),
            column("description", NAME, "Description"),
            column("load_factor", NUMBER, "LoadFactor"),
            column("year", INTEGER, "Year CreationTime"),
        ),
        constants={"kind": kind},
        what=kind.value,
        repeatable=True,
    )


def _typed_network(values: Values, _dialect: Dialect) -> Values:
    """Take the kind of network from its own column, as databases and XML write it."""
    word = str(values.pop("~kind", None) or "0").lower()
    substations = ("1", "substation")
    values["kind"] = NetworkKind.SUBSTATION if word in substations else NetworkKind.FEEDER
    return values


def _user_base(values: Values, _dialect: Dialect) -> Values:
    """Take a base voltage of 0 for what it means: none is set."""
    if values.get("base_kv") == 0.0:
        values["base_kv"] = None
    return values


def default_ohm(values: Values, _dialect: Dialect) -> Values:
    """Take impedances for ohm where no unit is given."""
    if values.get("unit") is None:
        values["unit"] = ImpedanceUnit.OHM
    return values


_TYPED = _network(NetworkKind.FEEDER, ())

NETWORK_KINDS = (
    Kind(
        attribute="nodes",
        record=records.Node,
        sections=("NODE",),
        tables=("CYMNODE",),
        elements=("Node",),
        fields=(
            need("id", NAME, "NodeID"),
            column("x", NUMBER, "CoordX CoordX1 X X1 ConnectorsPointX BusDisplayX1"),
            column("y", NUMBER, "CoordY CoordY1 Y Y1 ConnectorsPointY BusDisplayY1"),
            column("x2", NUMBER, "CoordX2 X2 BusDisplayX2"),
            column("y2", NUMBER, "CoordY2 Y2 BusDisplayY2"),
            column("base_kv", NUMBER, "UserDefinedBaseVoltage"),
            column("zone", NAME, "ZoneID"),
        ),
        finish=_user_base,
        what="node",
        repeatable=True,
    ),
    Kind(
        attribute="sections",
        record=records.Section,
        sections=("SECTION",),
        tables=("CYMSECTION",),
        elements=("Section",),
        fields=(
            need("id", NAME, "SectionID"),
            need("from_node", NAME, "FromNodeID"),
            need("to_node", NAME, "ToNodeID"),
            need("phases", Code(PHASES, "phases"), "Phase"),
            column("network", NAME, "NetworkID OwnerID"),
            column("zone", NAME, "ZoneID"),
            column("from_index", INTEGER, "FromNodeIndex FromNodeConnectorIndex"),
            column("to_index", INTEGER, "ToNodeIndex ToNodeConnectorIndex"),
        ),
        what="section",
    ),
    Kind(
        attribute="points",
        record=records.IntermediatePoint,
        sections=("INTERMEDIATE NODES", "INTERMEDIATE NODE"),
        tables=("CYMINTERMEDIATEPOINT", "CYMSECTIONPOINT"),
        elements=("IntermediatePoint",),
        fields=(
            need("section", NAME, "SectionID"),
            need("index", INTEGER, "SeqNumber PointIndex"),
            need("x", NUMBER, "CoordX X"),
            need("y", NUMBER, "CoordY Y"),
        ),
        key=(),
        mapped=False,
        what="intermediate point",
    ),
    _network(NetworkKind.FEEDER, ("FEEDER",)),
    _network(NetworkKind.SUBSTATION, ("NETWORK SUBSTATION",)),
    _network(NetworkKind.GENERAL, ("GENERAL NETWORK",)),
    Kind(
        attribute="networks",
        record=records.Network,
        tables=("CYMNETWORK",),
        elements=("Topo",),
        fields=(*_TYPED.fields, column("~kind", NAME, "NetworkType")),
        finish=_typed_network,
        what="network",
        repeatable=True,
    ),
    Kind(
        attribute="headnodes",
        record=records.Headnode,
        sections=("HEADNODES", "HEADNODE"),
        tables=("CYMHEADNODE",),
        elements=("HeadNode",),
        fields=(need("node", NAME, "NodeID"), need("network", NAME, "NetworkID")),
        key=("network",),
        mapped=False,
        what="head node",
        repeatable=True,
    ),
    Kind(
        attribute="sources",
        record=records.Source,
        sections=("SOURCE",),
        tables=("CYMSOURCE",),
        elements=("Source",),
        fields=(
            need("node", NAME, "NodeID SourceNodeID"),
            column("number", NAME, "DeviceNumber"),
            column("equipment", NAME, "SourceID EquipmentID"),
            column("network", NAME, "NetworkID"),
            column("desired_kv", NUMBER, "DesiredVoltage"),
            *by_phase("operating_kv", NUMBER, "OperatingVoltage{}"),
        ),
        key=("node",),
        mapped=False,
        what="source",
    ),
    Kind(
        attribute="source_equivalents",
        record=records.SourceEquivalent,
        sections=("SOURCE EQUIVALENT",),
        tables=("CYMEQUIVALENTSOURCE",),
        elements=("EquivalentSource",),
        fields=(
            need("node", NAME, "NodeID"),
            column("load_model", NAME, "LoadModelName LoadModelID"),
            column("kv", NUMBER, "Voltage KVLL"),
            column("angle_deg.a", NUMBER, "OperatingAngle1"),
            column("angle_deg.b", NUMBER, "OperatingAngle2"),
            column("angle_deg.c", NUMBER, "OperatingAngle3"),
            column("operating_kv.a", NUMBER, "OperatingVoltage1"),
            column("operating_kv.b", NUMBER, "OperatingVoltage2"),
            column("operating_kv.c", NUMBER, "OperatingVoltage3"),
            *SEQUENCE,
            *NEGATIVE_SEQUENCE,
            UNIT,
            column("base_mva", NUMBER, "BaseMVA"),
            column(
                "connection",
                Code(CONNECTION, "a connection"),
                "Configuration SourceConfiguration",
            ),
        ),
        finish=default_ohm,
        key=("node", "load_model"),
        mapped=False,
        what="equivalent source",
    ),
    Kind(
        attribute="load_equivalents",
        record=records.LoadEquivalent,
        sections=("LOAD EQUIVALENT",),
        tables=("CYMEQUIVALENTLOAD",),
        elements=("EquivalentLoad",),
        fields=(
            need("node", NAME, "NodeID"),
            column("load_model", NAME, "LoadModelName LoadModelID"),
            column("format", NAME, "Format LoadValueType"),
            *by_phase("value1", NUMBER, "Value1{} LoadValue{}1"),
            *by_phase("value2", NUMBER, "Value2{} LoadValue{}2"),
        ),
        key=("node", "load_model"),
        mapped=False,
        what="equivalent load",
    ),
    Kind(
        attribute="load_models",
        record=records.LoadModel,
        sections=("LOAD MODEL INFORMATION",),
        tables=("CYMLOADMODEL",),
        elements=("LoadModel",),
        fields=(need("id", NAME, "ID LoadModelID"), need("name", NAME, "Name LoadModelName")),
        what="load model",
        repeatable=True,
    ),
)
