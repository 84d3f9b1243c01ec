"""What an import made of a CYME export: read, assumed, approximated, refused, passed over."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from grid_fed_rl.feeders.cyme.places import Place

__all__ = ["NO_SAY", "Connectivity", "CymeNote", "CymeReport", "Totals"]

NO_SAY = "no say in a power flow"
"""Why drawing, protection and the catalogues of what no row uses are passed over."""

_MOST = 40  # notes that a table lists before it counts the rest


@dataclass(frozen=True, slots=True)
class CymeNote:
    """One element of the export, where it stands, and what is to be said of it.

    `amount` says how far an approximation is off, in words with a figure.
    """

    kind: str
    name: str
    place: str
    what: str
    amount: str = ""

    @property
    def element(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.name!r}"

    def __str__(self) -> str:
        amount = f" ({self.amount})" if self.amount else ""
        place = f" [{self.place}]" if self.place else ""
        return f"{self.element}{place}: {self.what}{amount}"


@dataclass
class Totals:
    """Sums over the file's own rows, and over what the feeder holds of them.

    `file` sums are of the rows of the year and load model that was taken, converted to kW and
    kvar row by row; `feeder` sums are of the feeder's loads. `connected_kva` is as the file
    says; capacitors count at rated voltage.
    """

    file_kw: float = 0.0
    file_kvar: float = 0.0
    feeder_kw: float = 0.0
    feeder_kvar: float = 0.0
    connected_kva: float = 0.0
    customers: float = 0.0
    capacitor_kvar: float = 0.0
    generation_kw: float = 0.0


@dataclass
class Connectivity:
    """How the feeder hangs together.

    Attributes:
        buses: Buses of the feeder.
        lines_km: Length of line and cable.
        islands: Parts of the export that nothing joins to the source, by their first nodes;
            they are not in the feeder.
        loops: Loops of closed branches, as the branches in each.
        dangling: Buses on which one branch ends and nothing stands.
    """

    buses: int = 0
    lines_km: float = 0.0
    islands: list[str] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)


@dataclass
class CymeReport:
    """What became of every row of an export.

    Attributes:
        path: Where it was read from.
        files: Its files.
        version: CYME's version, as the files say.
        units: SI or IMPERIAL, as the files say.
        networks: All networks in it.
        network: The network that was taken, empty for all.
        year: Load year that was asked for, or the latest there is.
        load_model: Load model that was taken, by name.
        load_models: All that the export has.
        read: Records that are in the feeder or its equipment library, by kind.
        assumed: What holds for the whole import: which equations, which defaults.
        approximated: What the feeder holds in another form, how, and by how much.
        refused: What it cannot hold.
        ignored: Records without a say in the feeder, by kind and reason.
        renamed: Names with letters that a feeder's may not have, and what became of them.
        merged: Nodes that are one bus with another, since nothing lies between them.
        unknown_columns: By section, columns that nobody has met, with the rows that use them.
        unknown_sections: Sections that no record is made of, with their number of rows.
        totals: Sums of the file and of the feeder.
        connectivity: Islands, loops, ends.
        sanity: What looks wrong in the figures, each with the figure.
    """

    path: str
    files: tuple[str, ...] = ()
    version: str = ""
    units: str = ""
    networks: tuple[str, ...] = ()
    network: str = ""
    year: int | None = None
    load_model: str = ""
    load_models: tuple[str, ...] = ()
    read: Counter[str] = field(default_factory=Counter)
    assumed: list[str] = field(default_factory=list)
    approximated: list[CymeNote] = field(default_factory=list)
    refused: list[CymeNote] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    unknown_columns: dict[str, dict[str, int]] = field(default_factory=dict)
    unknown_sections: dict[str, int] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    connectivity: Connectivity = field(default_factory=Connectivity)
    sanity: list[str] = field(default_factory=list)

    def approximate(self, kind: str, name: str, place: Place, what: str, amount: str = "") -> None:
        """Note an element that the feeder holds in another form."""
        self.approximated.append(CymeNote(kind, name, str(place), what, amount))

    def refuse(self, kind: str, name: str, place: Place, what: str) -> None:
        """Note an element that the feeder cannot hold."""
        self.refused.append(CymeNote(kind, name, str(place), what))

    def assume(self, what: str) -> None:
        """Note once what holds for many elements."""
        if what not in self.assumed:
            self.assumed.append(what)

    def values(self) -> dict[str, Any]:
        """All of it, as what JSON can hold."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("approximated", "refused"):
            found[name] = [asdict(note) for note in found[name]]
        return found | {
            "totals": asdict(self.totals),
            "connectivity": asdict(self.connectivity),
        }

    def to_json(self) -> str:
        """The report as one JSON object."""
        return json.dumps(self.values(), indent=2)

    def counts(self) -> list[tuple[str, int, int, int, int]]:
        """By kind: read, approximated, refused, ignored."""
        approximated = Counter(note.kind for note in self.approximated)
        refused = Counter(note.kind for note in self.refused)
        ignored = Counter[str]()
        for reason, n in self.ignored.items():
            ignored[reason.partition(":")[0]] += n
        kinds = sorted({*self.read, *approximated, *refused, *ignored})
        return [(k, self.read[k], approximated[k], refused[k], ignored[k]) for k in kinds]

    def _silent(self) -> set[str]:
        """Kinds that have no say in a power flow."""
        return {key.partition(": ")[0] for key in self.ignored if key.endswith(NO_SAY)}

    def facts(self) -> list[tuple[str, str]]:
        """What can be said in a line each, as pairs of what and how much."""
        t, c = self.totals, self.connectivity
        chosen = self.network or "all"
        return [
            ("export", f"version {self.version or 'not said'}, {self.units or 'units not said'}"),
            ("networks", f"{', '.join(self.networks) or 'none'}; taken: {chosen}"),
            (
                "load model",
                f"{self.load_model or 'none'} of {', '.join(self.load_models) or 'none'}; "
                f"loads up to {self.year if self.year is not None else 'any year'}",
            ),
            (
                "loads",
                f"{t.feeder_kw:,.3f} kW, {t.feeder_kvar:,.3f} kvar (file: {t.file_kw:,.3f} kW, "
                f"{t.file_kvar:,.3f} kvar, {t.connected_kva:,.1f} kVA connected, "
                f"{t.customers:,.0f} customers)",
            ),
            (
                "others",
                f"capacitors {t.capacitor_kvar:,.1f} kvar; generation as found "
                f"{t.generation_kw:,.1f} kW",
            ),
            (
                "connectivity",
                f"{c.buses:,} buses, {c.lines_km:,.3f} km of line; {len(c.islands)} island(s), "
                f"{len(c.loops)} loop(s), {len(c.dangling)} dangling end(s); "
                f"{len(self.merged)} node(s) merged",
            ),
        ]

    def remarks(self) -> list[tuple[str, str]]:
        """Everything worth a line of its own, as pairs of a heading and a text."""
        lines = [("assumed", what) for what in self.assumed]
        for heading in ("approximated", "refused"):
            notes = getattr(self, heading)
            lines += [(heading, str(note)) for note in notes[:_MOST]]
            if len(notes) > _MOST:
                lines.append((heading, f"and {len(notes) - _MOST} more (all are in the JSON)"))
        by_reason: dict[str, list[str]] = {}
        for key, n in sorted(self.ignored.items()):
            kind, _, reason = key.partition(": ")
            by_reason.setdefault(reason, []).append(f"{kind} ({n})")
        lines += [
            ("ignored", f"{reason}: {', '.join(kinds)}") for reason, kinds in by_reason.items()
        ]
        lines += [("island", what) for what in self.connectivity.islands]
        lines += [("loop", what) for what in self.connectivity.loops]
        if self.connectivity.dangling:
            lines.append(("dangling", ", ".join(self.connectivity.dangling[:_MOST])))
        if self.renamed:
            some = [f"{old!r} is {new!r}" for old, new in self.renamed.items()]
            lines.append(("renamed", "; ".join(some[:_MOST])))
        for section, columns in self.unknown_columns.items():
            lines.append(("unknown columns", f"{section}: {', '.join(columns)}"))
        if self.unknown_sections:
            some = [f"{name} ({n} rows)" for name, n in self.unknown_sections.items()]
            lines.append(("unknown sections", ", ".join(some)))
        return lines + [("sanity", what) for what in self.sanity]

    def __str__(self) -> str:
        rows = [row for row in self.counts() if any(row[1:4]) or row[0] not in self._silent()]
        width = max((len(row[0]) for row in rows), default=5)
        heads = ("read", "approx.", "refused", "ignored")
        lines = [self.path, *(f"{name:<13} {text}" for name, text in self.facts()), ""]
        lines.append(f"{'record':<{width}}  " + "  ".join(f"{head:>7}" for head in heads))
        lines += [f"{kind:<{width}}  " + "  ".join(f"{n:>7,}" for n in n4) for kind, *n4 in rows]
        lines += ["", *(f"{heading}  {text}" for heading, text in self.remarks())]
        return "\n".join(lines).rstrip()

    def to_html(self) -> str:
        """The report as one page without anything outside it."""
        from grid_fed_rl.feeders.cyme.report_html import page

        return page(self)
