"""XML files of CYME studies (.sxst), by the structure of version 9.

What stands where::

    Cyme Version="9.0"
        Networks / Network
            Topos / Topo                NetworkID, NetworkType, HeadNodes, Sources
                Sources / Source        SourceNodeID, SourceSettings, EquivalentSourceModels
            Nodes / Node                NodeID, Connectors / Point or BusDisplay
            Sections / Section          SectionID, FromNodeID, ToNodeID, Phase, OwnerID
                Devices / Switch ...    DeviceNumber, DeviceID, Location, ConnectionStatus
        Equipments / Equipments / EquipmentDBs / ConductorDB ...
        ConsumerClasses / ConsumerClass
        LoadModels / LoadModel

Figures are in SI units whatever a user sees on the screen. Names are known from programs that
read such files (no file with an open licence was found): a name that is not known is counted in
the dataset's coverage and kept, never guessed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grid_fed_rl.feeders.cyme.assemble import assemble
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.places import CymeFault, Place, raise_all
from grid_fed_rl.feeders.cyme.raw import RawTable
from grid_fed_rl.feeders.cyme.xml_tree import Element, parse_xml

__all__ = ["read_xml", "read_xml_data"]

_LOADS = ("SpotLoad", "DistributedLoad")
_NEEDS = "Networks / Network / Sections / Section in a study that was saved with its networks"
_PAIRS = {
    "KW_KVAR": ("KW", "KVAR"),
    "KVA_PF": ("KVA", "PF"),
    "KW_PF": ("KW", "PF"),
    "AMP_PF": ("AMP", "PF"),
}
# Elements with many children of one name; these are rows of tables of their own.
_LISTS = frozenset(
    {
        "Devices",
        "Sources",
        "HeadNodes",
        "EquivalentSourceModels",
        "CustomerLoads",
        "GenerationModels",
        "ConverterControlSettings",
        "IntermediatePoints",
        "Converter",
        "AutoTapChangingExtSt",
        "CableConductor",
        "CableInsulation",
        "CableConcentricNeutral",
    }
)
# Elements that only hold what is their parent's own.
_TRANSPARENT = frozenset(
    {"SourceSettings", "GeometricalArrangement", "AverageGeometricalArrangement"}
)


@dataclass(slots=True)
class _Rows:
    """Rows of one kind of element, that have not all the same columns."""

    path: str
    columns: dict[str, None] = field(default_factory=dict)
    rows: list[Mapping[str, str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, row: Mapping[str, str], line: int) -> None:
        self.columns.update(dict.fromkeys(row))
        self.rows.append(row)
        self.lines.append(line)


def read_xml(path: str | Path) -> CymeDataset:
    """Read a study of CYME as XML (.sxst), structure of version 9.

    Raises:
        CymeError: the file cannot be read or is no CYME study, or has faults; lists them all.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise_all([CymeFault(Place(str(path)), "", None, f"a file to read: {error}")])
        raise
    return read_xml_data(path.name, data)


def read_xml_data(name: str, data: bytes) -> CymeDataset:
    """Read a study from a name and contents.

    Raises:
        CymeError: as `read_xml`.
    """
    root = parse_xml(name, data)
    if root.tag.lower() != "cyme":
        place = Place(name, "", root.line)
        raise_all([CymeFault(place, "root", root.tag, "a study of CYME: a Cyme element")])
    tables = _Tables(name)
    tables.study(root)
    return assemble(
        tables.all(),
        files=(name,),
        version=root.attributes.get("Version", ""),
        units="SI",
        needs=_NEEDS,
    )


class _Tables:
    """The rows of a file, by kind of element."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: dict[str, _Rows] = {}

    def all(self) -> list[RawTable]:
        return [
            RawTable(
                "xml",
                self.name,
                tag,
                tuple(rows.columns),
                [[row.get(column, "") for column in rows.columns] for row in rows.rows],
                rows.lines,
                line=rows.lines[0],
            )
            for tag, rows in self.found.items()
        ]

    def add(self, element: Element, given: Mapping[str, str], tag: str = "") -> dict[str, str]:
        row = {**dict(_leaves(element)), **given}
        rows = self.found.setdefault(tag or element.tag, _Rows(tag or element.tag))
        rows.add(row, element.line)
        return row

    def study(self, root: Element) -> None:
        read = {"Networks", "Equipments", "ConsumerClasses", "LoadModels"}
        for model in root.all("LoadModels", "LoadModel"):
            self.add(model, {})
        for network in root.all("Networks", "Network"):
            self.network(network)
        for group in (*root.all("Equipments", "Equipments"), *root.all("Equipments")):
            for holder in group.all("EquipmentDBs"):
                for equipment in holder.children:
                    self.equipment(equipment)
        for one in root.all("ConsumerClasses", "ConsumerClass"):
            self.add(one, {})
        for other in root.children:
            if other.tag not in read:
                self.add(other, {})

    def network(self, network: Element) -> None:
        for topo in network.all("Topos", "Topo"):
            self.topo(topo)
        for node in network.all("Nodes", "Node"):
            self.add(node, {})
        for section in network.all("Sections", "Section"):
            name = {"SectionID": section.say("SectionID")}
            self.add(section, {})
            for point in section.all("IntermediatePoints", "IntermediatePoint"):
                self.add(point, name)
            for holder in section.all("Devices"):
                for device in holder.children:
                    self.device(device, name)

    def topo(self, topo: Element) -> None:
        network = {"NetworkID": topo.say("NetworkID")}
        heads = topo.all("HeadNodes", "HeadNode")
        first = {"HeadNodeID": heads[0].say("NodeID")} if heads else {}
        self.add(topo, first)
        for head in heads:
            self.add(head, network)
        for source in topo.all("Sources", "Source"):
            self.add(source, network)
            node = {"NodeID": source.say("SourceNodeID")}
            for model in source.all("EquivalentSourceModels", "EquivalentSourceModel"):
                of = {**node, "LoadModelName": model.say("LoadModelName")}
                for equivalent in model.children:
                    if equivalent.tag in ("EquivalentSource", "EquivalentLoad"):
                        self.add(equivalent, of)

    def device(self, device: Element, section: Mapping[str, str]) -> None:
        number = device.say("DeviceNumber")
        kind = {"LoadType": device.tag} if device.tag in _LOADS else {}
        self.add(device, {**section, **kind})
        of = {"DeviceNumber": number, "DeviceType": device.tag}
        for converter in device.all("Converter"):
            self.add(converter, of)
        for model in device.all("GenerationModels", "DGGenerationModel"):
            self.add(model, of)
        for control in device.all("ConverterControlSettings", "ConverterControlSetting"):
            self.add(control, of)
        for timing in device.all("AutoTapChangingExtSt"):
            self.add(timing, of)
        if device.tag in _LOADS:
            self.customers(device, {**section, "DeviceNumber": number, "LoadType": device.tag})

    def customers(self, device: Element, of: Mapping[str, str]) -> None:
        for customer in device.all("CustomerLoads", "CustomerLoad"):
            who = _own(customer)
            for model in customer.all("CustomerLoadModels", "CustomerLoadModel"):
                which = _own(model)
                for value in model.all("CustomerLoadValues", "CustomerLoadValue"):
                    row = {**who, **which, **_own(value), **of, **_pair(value, which)}
                    self.found.setdefault(value.tag, _Rows(value.tag)).add(row, value.line)

    def equipment(self, equipment: Element) -> None:
        of = {"EquipmentID": equipment.say("EquipmentID")}
        self.add(equipment, {})
        for part in ("CableConductor", "CableInsulation", "CableConcentricNeutral"):
            for layer in equipment.all(part):
                self.add(layer, of)


def _own(element: Element) -> dict[str, str]:
    """Return an element's own leaves, none of what is deeper."""
    return {child.tag: child.text for child in element.children if not child.children}


def _pair(value: Element, model: Mapping[str, str]) -> dict[str, str]:
    """Return what a load is given in, and its two figures."""
    found = value.all("LoadValue")
    kind = found[0].attributes.get("Type", "") if found else ""
    kind = kind.removeprefix("LoadValue") or model.get("LoadValueType", "")
    names = _PAIRS.get(kind.upper())
    if not found or names is None:
        return {"LoadValueType": kind}
    first, second = (found[0].say(name) for name in names)
    return {"LoadValueType": kind, "LoadValue1": first, "LoadValue2": second}


def _leaves(element: Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of an element by their paths; lists are tables of their own."""
    seen: dict[str, int] = {}
    for child in element.children:
        if child.tag in _LISTS:
            continue
        name = f"{path}{child.tag}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name = f"{name}/{seen[name]}"
        yield from ((f"{name}@{key}", text) for key, text in child.attributes.items())
        if child.tag in _TRANSPARENT:
            yield from _leaves(child, path)
        elif child.children:
            yield from _leaves(child, f"{name}/")
        else:
            yield name, child.text
