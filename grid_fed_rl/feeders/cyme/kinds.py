"""What a kind of record is made of: its fields, and the names its columns have in every format.

A column is known by its name without spaces, signs and case, so that ``GMDPh-Ph`` and
``NeutralConductorId`` are `gmdphph` and `neutralconductorid`. Text exports, databases and XML
files share these tables; their readers only cut files into tables.
"""

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache

from grid_fed_rl.feeders.cyme.code_tables import (
    BYPASSED,
    CONNECTED,
    FLAG,
    LOCATION,
    Dialect,
)
from grid_fed_rl.feeders.cyme.places import Record
from grid_fed_rl.feeders.cyme.quantities import NAME, NUMBER, PER_KM, Code, Quantity

__all__ = [
    "AMPS",
    "DEVICE",
    "FAILURES",
    "FAILURES_PER_KM",
    "KVA",
    "Field",
    "Kind",
    "Values",
    "by_phase",
    "column",
    "flag",
    "need",
    "section_name",
    "simplify",
]

Values = dict[str, typing.Any]
"""Fields of one record by name, before it is made."""

Finish = Callable[[Values, Dialect], Values]
"""Last touch on a row's fields, where a column's meaning depends on others."""


@lru_cache(maxsize=10_000)
def simplify(name: str) -> str:
    """Return a column's or section's name without spaces, signs and case."""
    return "".join(filter(str.isalnum, name)).lower()


def section_name(name: str) -> str:
    """Return a section's name without spaces and signs, and in the singular of SETTINGS."""
    simple = simplify(name)
    return simple.removesuffix("s") if simple.endswith("settings") else simple


@dataclass(frozen=True, slots=True)
class Field:
    """A field, a group's field (``tap.a``), or a raw figure for the kind's `finish` (``~kvar``).

    Where none of `columns` is there but one of `all_phases` is, its figure is each phase's.
    """

    name: str
    quantity: Quantity
    columns: tuple[str, ...]
    needed: bool = False


def column(name: str, quantity: Quantity, names: str) -> Field:
    """Return a field that may be empty; `names` are its columns' names, with spaces between."""
    return Field(name, quantity, tuple(map(simplify, names.split())))


def need(name: str, quantity: Quantity, names: str) -> Field:
    """Return a field that every record has."""
    return Field(name, quantity, tuple(map(simplify, names.split())), needed=True)


def flag(name: str, names: str) -> Field:
    """Return a field that is true or false."""
    return column(name, Code(FLAG, "a flag"), names)


def by_phase(name: str, quantity: Quantity, names: str, together: str = "") -> tuple[Field, ...]:
    """Return a figure for each phase: ``{}`` in `names` stands for A, B, C.

    `together` names columns with one figure for all phases, which count where no phase has its
    own.
    """
    return tuple(
        column(f"{name}.{phase.lower()}", quantity, f"{names.format(*[phase] * 20)} {together}")
        for phase in "ABC"
    )


def _ratings(group: str, nominal: str, others: str, first: str = "") -> tuple[Field, ...]:
    words = ("First", "Second", "Third", "Fourth")
    return (
        column(f"{group}.nominal", NUMBER, nominal),
        *(
            column(
                f"{group}.{word.lower()}",
                NUMBER,
                f"{others.format(i=i, word=word)} {first if i == 1 else ''}",
            )
            for i, word in enumerate(words, start=1)
        ),
    )


AMPS = _ratings(
    "amps",
    "Amps NominalRating RatedCurrent RatedAmps",
    "Amps_{i} {word}Rating {word}RatedCurrent {word}RatedAmps",
)
KVA = _ratings(
    "loading_kva",
    "KVA NominalRatingKVA RatedKVA",
    "KVA_{i} SelfCooledKVA_{i} {word}LoadingLimitKVA {word}RatedKVA",
    first="SelfCooledKVA",
)


@dataclass(frozen=True)
class Kind:
    """A kind of record and where it stands.

    Attributes:
        attribute: Its place in a `CymeDataset`.
        record: What is made of a row.
        sections: Names of sections of text exports.
        tables: Names of tables of databases.
        elements: Names of elements of XML files.
        fields: What a row holds.
        constants: Fields that are the same for all.
        finish: Last touch on a row.
        key: Fields that no two records share; empty where rows may repeat.
        mapped: Whether the dataset holds it by key.
        what: What one of them is called.
        device_types: CYME's numbers of the device type, for databases to join by.
        repeatable: Whether a row may stand twice (in two networks of one file, say) if it says
            the same both times.
    """

    attribute: str
    record: type[Record]
    fields: tuple[Field, ...]
    sections: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    constants: Mapping[str, object] = field(default_factory=dict)
    finish: Finish | None = None
    key: tuple[str, ...] = ("id",)
    mapped: bool = True
    what: str = ""
    device_types: tuple[str, ...] = ()
    repeatable: bool = False

    @cached_property
    def groups(self) -> dict[str, tuple[type, tuple[str, ...]]]:
        """The record's groups that columns fill: their class and its fields, in order."""
        hints = typing.get_type_hints(self.record)
        found: dict[str, tuple[type, tuple[str, ...]]] = {}
        for name in dict.fromkeys(f.name.split(".")[0] for f in self.fields if "." in f.name):
            group = hints[name]
            members = getattr(group, "_fields", None) or tuple(f.name for f in fields(group))
            found[name] = group, members
        return found

    @cached_property
    def columns(self) -> frozenset[str]:
        """Simplified names of all columns that a field takes."""
        return frozenset(name for f in self.fields for name in f.columns)


DEVICE = (
    need("section", NAME, "SectionID"),
    need("number", NAME, "DeviceNumber EqNumber"),
    column("location", Code(LOCATION, "a place on the section"), "Location"),
    column("connected", Code(CONNECTED, "a connection status"), "ConnectionStatus Status EqState"),
    column("bypassed", Code(BYPASSED, "a connection status"), "ConnectionStatus Status EqState"),
    column("x", NUMBER, "CoordX X"),
    column("y", NUMBER, "CoordY Y"),
)

_TIMES = (
    column("reliability.major_repair_h", NUMBER, "MajorRepairTime"),
    column("reliability.minor_repair_h", NUMBER, "MinorRepairTime"),
    column("reliability.major_share_percent", NUMBER, "MajorFailureProportion"),
    column("reliability.stuck_percent", NUMBER, "StuckProbability"),
    column("reliability.switch_h", NUMBER, "SwitchTime SwitchingTime"),
)


def _failures(quantity: Quantity) -> tuple[Field, ...]:
    return (
        column("reliability.failure_rate", quantity, "FailRate FailureRate"),
        column("reliability.temporary_failure_rate", quantity, "TmpFailRate TemporaryFailureRate"),
        *_TIMES,
    )


FAILURES = _failures(NUMBER)
FAILURES_PER_KM = _failures(PER_KM)
