"""A circuit as OpenDSS compiled it: elements with all their properties, nodes, states."""

import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.opendss.probe import check_survival
from grid_fed_rl.feeders.opendss.report import ImportReport, Note
from grid_fed_rl.feeders.opendss.staging import Staged, stage

__all__ = [
    "Circuit",
    "Element",
    "RefusedError",
    "compile_script",
    "digits",
    "distinct",
    "new_context",
]

T = TypeVar("T")

_FULL, _SET = 1, 0  # OpenDSS's JSON with every property, or with those that were set

_WHOLE, _NO_VECTORS = 1, 0

# A solution that fails is none of the import's business: the circuit is there.
_SOLUTION_FAILED = range(480, 490)


class RefusedError(Exception):
    """An element cannot be held in a feeder; says why."""


def digits(value: float) -> float:
    """Round to 15 significant digits.

    OpenDSS keeps some properties in other units, which costs the last bit; what
    has 15 digits comes back as it was.
    """
    return float(f"{value:.15g}")


@dataclass(frozen=True)
class Element:
    """One element: its class and name in lower case, and its properties."""

    kind: str
    name: str
    of: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}"

    def __getitem__(self, key: str) -> Any:
        return self.of[key]

    def number(self, key: str) -> float:
        """A property that must be a finite number."""
        value = self.of[key]
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise RefusedError(f"{key} is {value!r}; expected a number")
        return float(value)

    def text(self, key: str) -> str:
        """A property in lower case; empty where there is none."""
        return str(self.of.get(key) or "").lower()

    def must(self, key: str, value: object, why: str) -> None:
        """Refuse the element unless a property has this value."""
        found = self.of.get(key)
        found = found.lower() if isinstance(found, str) else found
        if (found or None) != (value or None):
            raise RefusedError(f"{key} is {found!r}: {why}")


@dataclass
class Circuit:
    """The compiled circuit, and the report that reading it fills."""

    dss: Any
    report: ImportReport
    apart: set[str] = field(default_factory=set)  # not to be compared with its own record
    _elements: dict[str, list[Element]] = field(default_factory=dict)

    @staticmethod
    def number_nodes(dss: Any) -> None:
        """Make OpenDSS number the nodes of every element, without solving."""
        dss.Text.Command("makebuslist")
        dss.YMatrix.BuildYMatrixD(_WHOLE, _NO_VECTORS)

    @cached_property
    def name(self) -> str:
        """Name of the circuit."""
        return str(self.dss.Circuit.Name()).lower()

    @cached_property
    def frequency_hz(self) -> float:
        """Frequency at which OpenDSS solves."""
        return float(self.dss.Solution.Frequency())

    @cached_property
    def classes(self) -> list[str]:
        """Every class of OpenDSS, in lower case."""
        return [str(name).lower() for name in self.dss.Basic.Classes()]

    def _json(self, kind: str, flags: int) -> list[dict[str, Any]]:
        self.dss.Circuit.SetActiveClass(kind)
        if not self.dss.ActiveClass.NumElements():
            return []
        text = str(self.dss.ActiveClass.ToJSON(flags) or "[]")
        # Matrices that were never set hold whatever was in memory.
        text = re.sub(r"[+-]?\b(nan|inf)\b", "0", text, flags=re.IGNORECASE)
        return [{key.lower(): value for key, value in e.items()} for e in json.loads(text)]

    def elements(self, kind: str) -> list[Element]:
        """Elements of a class, disabled ones too."""
        if kind not in self._elements:
            found = [Element(kind, str(e["name"]).lower(), e) for e in self._json(kind, _FULL)]
            self._elements[kind] = found
        return self._elements[kind]

    def enabled(self, kind: str) -> list[Element]:
        """Elements of a class that take part."""
        return [e for e in self.elements(kind) if e.of.get("enabled", True)]

    def was_set(self, kind: str) -> dict[str, list[str]]:
        """By name, the properties that the script set, in its order."""
        return {str(e["name"]).lower(): list(e) for e in self._json(kind, _SET)}

    def count(self, kind: str) -> int:
        """Number of elements of a class."""
        self.dss.Circuit.SetActiveClass(kind)
        return int(self.dss.ActiveClass.NumElements())

    def read_each(self, kind: str, read: Callable[[Element], T]) -> Iterator[T]:
        """Yield what `read` makes of each enabled element; refusals go to the report."""
        for element in self.enabled(kind):
            try:
                if "basefreq" in element.of and element["basefreq"] != self.frequency_hz:
                    raise RefusedError(
                        f"basefreq is {element['basefreq']:g} Hz in a circuit of "
                        f"{self.frequency_hz:g} Hz"
                    )
                result = read(element)
            except RefusedError as refusal:
                self.refuse(element, str(refusal))
            else:
                self.report.read[kind] += 1
                yield result

    def refuse(self, element: Element | str, why: str) -> None:
        """Put a refusal into the report."""
        self.report.refused.append(Note(str(element), why))

    def approximated(self, element: Element | str, what: str) -> None:
        """Put an approximation into the report."""
        self.report.approximated.append(Note(str(element), what))

    def stands_apart(self, element: Element, what: str) -> None:
        """Put into the report that others stand for part of an element, or all of it."""
        self.approximated(element, what)
        self.apart.add(str(element))

    def terminals(self, element: Element) -> list[tuple[str, tuple[int, ...]]]:
        """Bus and nodes of each terminal, in the order of its conductors."""
        self.dss.Circuit.SetActiveElement(str(element))
        at = self.dss.CktElement
        n, nodes = int(at.NumConductors()), [int(node) for node in at.NodeOrder()]
        buses = [str(bus).lower().partition(".")[0] for bus in at.BusNames()]
        return [(bus, tuple(nodes[n * k : n * (k + 1)])) for k, bus in enumerate(buses)]

    def opened(self, element: Element) -> list[list[bool]]:
        """Whether each conductor of each terminal was opened."""
        self.dss.Circuit.SetActiveElement(str(element))
        at = self.dss.CktElement
        n_conductors, n_terminals = int(at.NumConductors()), int(at.NumTerminals())
        return [
            [bool(at.IsOpen(t, c)) for c in range(1, n_conductors + 1)]
            if at.IsOpen(t, 0)
            else [False] * n_conductors
            for t in range(1, n_terminals + 1)
        ]


def distinct(bus: str, nodes: tuple[int, ...]) -> tuple[int, ...]:
    """The nodes, refused if two conductors land on one that is not ground."""
    live = [node for node in nodes if node]
    if len(set(live)) < len(live):
        where = ".".join((bus, *map(str, nodes)))
        raise RefusedError(f"it stands on {where}; expected every node but ground once")
    return nodes


def compile_script(path: Path, *, probe: bool = False) -> Circuit:
    """Let OpenDSS compile a script, in a context of its own.

    The working directory stays, and nothing is written beside the script.

    Args:
        path: The script.
        probe: Let another process try it first.

    Raises:
        FeederError: the script is not there, does not compile, or builds no
            circuit or several.
    """
    report = ImportReport(str(path))
    with tempfile.TemporaryDirectory(prefix="opendss-") as folder:
        for without_solve in (False, True):
            copies = Path(folder) / ("parsed" if without_solve else "whole")
            copies.mkdir()
            staged = stage(path, copies, without_solve=without_solve)
            if probe and not without_solve:
                check_survival(path, staged)
            dss, failed = _compiled(staged)
            if failed is None:
                break
            report.approximated.append(
                Note("circuit.solve", f"left out, since it fails in OpenDSS: {failed}")
            )
        circuits = int(dss.Basic.NumCircuits())
        if circuits != 1:
            raise FeederError(
                f"script {path}: builds {circuits} circuits; expected one "
                f"('clear' first, then one 'new circuit.name')"
            )
        Circuit.number_nodes(dss)
    return Circuit(dss, report)


def new_context() -> Any:
    """An OpenDSS of its own, which opens no window and leaves the working directory alone."""
    import opendssdirect  # slow, and only imports need it

    dss = opendssdirect.NewContext()
    dss.Basic.AllowForms(False)
    dss.Basic.AllowEditor(False)
    dss.Basic.AllowChangeDir(False)
    return dss


def _compiled(staged: Staged) -> tuple[Any, str | None]:
    """A context with the script compiled, or why its own solution failed."""
    from opendssdirect import DSSException

    dss = new_context()
    try:
        dss.Text.Command(f'set datapath="{staged.folder}"')
        dss.Text.Command(f'redirect "{staged.master}"')
    except DSSException as error:
        number, message = int(error.args[0]), staged.explain(str(error.args[-1]))
        if number in _SOLUTION_FAILED and not staged.without_solve:
            return dss, message.partition("\n")[0]
        raise FeederError(f"OpenDSS cannot read it (error {number}): {message}") from error
    return dss, None
