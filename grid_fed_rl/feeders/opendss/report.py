"""What an import read, took for something else, refused and passed over."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, fields

from grid_fed_rl.feeders.feeder import Feeder

__all__ = ["ImportReport", "Imported", "Note"]


@dataclass(frozen=True, slots=True)
class Note:
    """One element, and what is to be said of it."""

    element: str  # class.name
    what: str

    def __str__(self) -> str:
        return f"{self.element}: {self.what}"


@dataclass
class ImportReport:
    """What became of every element of a script.

    Attributes:
        script: Where it was read from.
        read: Elements in the feeder, by OpenDSS's class.
        approximated: Elements that the feeder holds in another form, and how.
        renamed: By ``class.name``, the names of elements whose own names have letters
            that a feeder's may not have.
        refused: Elements that the feeder does not hold, and why not.
        ignored: Elements that have no say in a voltage, by class.
        load_kw: Sum over the feeder's loads.
        load_kvar: Sum over the feeder's loads.
        script_load_kw: Sum over the script's enabled loads, as OpenDSS has them.
        script_load_kvar: The same in kvar.
        compared: Elements whose admittance OpenDSS built from the script and from
            the feeder.
        largest_difference: Largest difference between the two, as a share.
    """

    script: str
    read: Counter[str] = field(default_factory=Counter)
    approximated: list[Note] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    refused: list[Note] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    load_kw: float = 0.0
    load_kvar: float = 0.0
    script_load_kw: float = 0.0
    script_load_kvar: float = 0.0
    compared: int = 0
    largest_difference: float = 0.0

    def to_json(self) -> str:
        """The report as one JSON object."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("approximated", "refused"):
            values[name] = [asdict(note) for note in values[name]]
        return json.dumps(values, indent=2)

    def __str__(self) -> str:
        classes = sorted({*self.read, *self.ignored, *(_kind(n) for n in self.refused)})
        refused = Counter(map(_kind, self.refused))
        approximated = Counter(map(_kind, self.approximated))
        width = max((len(name) for name in classes), default=5)
        counts = (self.read, approximated, refused, self.ignored)
        lines = [
            f"{self.script}",
            f"{'class':<{width}}  {'read':>6}  {'approx.':>7}  {'refused':>7}  {'ignored':>7}",
        ]
        lines += [
            f"{name:<{width}}  {counts[0][name]:>6}  {counts[1][name]:>7}  "
            f"{counts[2][name]:>7}  {counts[3][name]:>7}"
            for name in classes
        ]
        lines += [
            f"loads  {self.load_kw:.3f} kW  {self.load_kvar:.3f} kvar  (in the script "
            f"{self.script_load_kw:.3f} kW  {self.script_load_kvar:.3f} kvar)",
            f"admittance of {self.compared} element(s) within {self.largest_difference:.1e} of "
            f"the script's",
        ]
        lines += [f"approximated  {note}" for note in self.approximated]
        lines += [f"renamed  {old}: {new!r}" for old, new in self.renamed.items()]
        lines += [f"refused  {note}" for note in self.refused]
        return "\n".join(lines)


def _kind(note: Note) -> str:
    return note.element.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Imported:
    """A feeder, and what its import had to say."""

    feeder: Feeder
    report: ImportReport
