"""Elements of an XML study, and the names and words that CYME writes in them.

The names in ``xml_names.toml`` repeat on purpose what the package knows: they are what programs
that read CYME's files look for, and the reader must find them.
"""

import tomllib
from collections.abc import Mapping, Sequence
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
)

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


def names_of(table: Mapping[str, Any]) -> dict[str, str]:
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


def by_phase(field: str, name: str) -> dict[str, str]:
    return names_of({f"{field}.*": name})


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


def element(record: Any) -> str:
    """Return the element of a device or type whose kind is one of its fields."""
    kind = getattr(record, "kind", None)
    for named in (SWITCHGEAR, GENERATORS, MOTORS, LOADS):
        for member, name in named.items():
            if kind is member:
                return name
    if hasattr(record, "capacitor"):
        return "SeriesCapacitor" if record.capacitor else "SeriesReactor"
    return "ThreeWindingAutoTransformer" if record.auto else "ThreeWindingTransformer"
