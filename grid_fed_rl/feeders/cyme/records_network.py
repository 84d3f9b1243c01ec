"""Nodes, sections, networks and sources of a CYME dataset. Missing figures are None."""

from dataclasses import dataclass

from grid_fed_rl.feeders.cyme.codes import (
    UNSAID,
    ByPhase,
    Connection,
    ImpedanceUnit,
    NetworkKind,
    Phases,
)
from grid_fed_rl.feeders.cyme.places import Record

__all__ = [
    "Headnode",
    "IntermediatePoint",
    "LoadEquivalent",
    "LoadModel",
    "Network",
    "Node",
    "Section",
    "Source",
    "SourceEquivalent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Record):
    """A place where sections meet; a bus drawn as a bar has a second end."""

    id: str
    x: float | None = None
    y: float | None = None
    x2: float | None = None
    y2: float | None = None
    base_kv: float | None = None  # line to line, of the user's choice; None where CYME computes it
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Record):
    """What joins two nodes. Its devices stand in series on it, loads and shunts at its ends."""

    id: str
    from_node: str
    to_node: str
    phases: Phases
    network: str | None = None
    zone: str | None = None
    from_index: int | None = None  # place on a bus bar
    to_index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntermediatePoint(Record):
    """A corner of a section's drawing."""

    section: str
    index: int
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Network(Record):
    """A feeder or substation: sections under one head node."""

    id: str
    kind: NetworkKind = NetworkKind.FEEDER
    head_node: str | None = None
    description: str | None = None
    load_factor: float | None = None
    year: int | None = None  # seconds since 1970 of its creation, in exports of version 5 and later


@dataclass(frozen=True, slots=True, kw_only=True)
class Headnode(Record):
    """The node that a network is fed from."""

    node: str
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Record):
    """A source of the catalogue (`SubstationType`) at a node.

    `desired_kv` is line to line; `operating_kv` is line to neutral (versions 8 and later).
    """

    node: str
    number: str | None = None
    equipment: str | None = None
    network: str | None = None
    desired_kv: float | None = None
    operating_kv: ByPhase = UNSAID


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEquivalent(Record):
    """A voltage behind sequence impedances at a node, one record a load model.

    `kv` is line to line, `operating_kv` line to neutral. Impedances are in `unit`; those per
    unit are on `base_mva` (100 MVA where it is None or 0).
    """

    node: str
    load_model: str | None = None
    kv: float | None = None
    angle_deg: ByPhase = UNSAID
    operating_kv: ByPhase = UNSAID
    r1: float | None = None
    x1: float | None = None
    r2: float | None = None
    x2: float | None = None
    r0: float | None = None
    x0: float | None = None
    unit: ImpedanceUnit = ImpedanceUnit.OHM
    base_mva: float | None = None
    connection: Connection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadEquivalent(Record):
    """A load at a node that stands for what is not in the file, one record a load model."""

    node: str
    load_model: str | None = None
    format: str | None = None  # as written: KW_PF, KW_KVAR, KVA_PF, AMP_PF
    value1: ByPhase = UNSAID
    value2: ByPhase = UNSAID


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadModel(Record):
    """A set of loads by name."""

    id: str
    name: str
