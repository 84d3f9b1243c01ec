"""A study of another program against our solution, bus by bus and phase by phase.

A study is a CSV file with a row a bus or device. Which column says what is a `ColumnMap`;
its defaults are the tag names of CYME's reports.
"""

import csv
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import Feeder, Line, Switch, Transformer
from grid_fed_rl.powerflow import Network, PowerFlow, measures

__all__ = [
    "QUANTITIES",
    "ColumnMap",
    "Deviation",
    "Quantity",
    "StudyComparison",
    "StudyRow",
    "Tolerances",
    "compare_study",
    "read_columns",
    "read_study",
]

Three = tuple[float, float, float]
_MISSING = {"", "-", "--", "n/a", "na", "nan", "null"}
_PHASES = "ABC"
_UNNUMBERED = ("_a", "_b", "_c", "_1", "_2")  # what an import puts after a device's number
_NAN3: Three = (math.nan, math.nan, math.nan)

QUANTITIES = {
    "v_pu": "voltage, per unit",
    "angle_deg": "voltage angle, degrees",
    "current_a": "current, A",
    "current_angle_deg": "current angle, degrees",
    "loading_percent": "loading, %",
}
"""What is compared, in words."""


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Names of a study's columns; those by phase in the order A, B, C."""

    id: str = "EqId"
    v_pu: tuple[str, str, str] = ("VpuA", "VpuB", "VpuC")
    angle_deg: tuple[str, str, str] = ("VAngleA", "VAngleB", "VAngleC")
    current_a: tuple[str, str, str] = ("IA", "IB", "IC")
    current_angle_deg: tuple[str, str, str] = ("IAngleA", "IAngleB", "IAngleC")
    loading_percent: str = "LOADING"


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far each quantity may be off; of currents the larger of both counts."""

    v_pu: float = 0.002
    angle_deg: float = 0.2
    current_a: float = 0.5
    current_percent: float = 1.0
    current_angle_deg: float = 1.0
    loading_percent: float = 1.0

    def of(self, quantity: str, theirs: float) -> float:
        """What a deviation of a value of theirs is held to."""
        if quantity == "current_a":
            return max(self.current_a, abs(theirs) * self.current_percent / 100.0)
        return float(getattr(self, quantity))


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One row: a bus or device, NaN where a cell says nothing."""

    id: str
    line: int
    v_pu: Three = _NAN3
    angle_deg: Three = _NAN3
    current_a: Three = _NAN3
    current_angle_deg: Three = _NAN3
    loading_percent: float = math.nan


@dataclass(frozen=True, slots=True)
class Deviation:
    """One figure of theirs and ours.

    Attributes:
        quantity: One of `QUANTITIES`.
        id: As the study has it.
        bus: The bus that is, of a branch its far end.
        phase: A, B or C, or nothing.
        theirs: The study's figure.
        ours: Our own.
        share: The deviation as a share of what the tolerance allows.
    """

    quantity: str
    id: str
    bus: str
    phase: str
    theirs: float
    ours: float
    share: float

    @property
    def deviation(self) -> float:
        """Ours less theirs; of angles the shorter way round."""
        off = self.ours - self.theirs
        return (off + 180.0) % 360.0 - 180.0 if self.quantity.endswith("angle_deg") else off


@dataclass(frozen=True, slots=True)
class Quantity:
    """All figures of one quantity together."""

    name: str
    n: int
    rmse: float
    largest: Deviation
    within: bool


@dataclass(frozen=True)
class StudyComparison:
    """A study beside our solution.

    Attributes:
        feeder: Name of the feeder.
        study: Where the study is from.
        tolerances: What it is held to.
        deviations: Every figure that both have, in the study's order.
        unmatched: Ids of the study that name nothing of the feeder.
        converged: Whether our power flow found a solution.
    """

    feeder: str
    study: str
    tolerances: Tolerances
    deviations: tuple[Deviation, ...]
    unmatched: tuple[str, ...] = ()
    converged: bool = True

    @property
    def within(self) -> bool:
        """Whether anything was compared, and everything is within the tolerances."""
        return self.converged and bool(self.deviations) and all(q.within for q in self.quantities())

    def quantities(self) -> list[Quantity]:
        """Root mean square and largest deviation of each quantity."""
        found = []
        for name in QUANTITIES:
            own = [d for d in self.deviations if d.quantity == name]
            if not own:
                continue
            off = np.array([d.deviation for d in own])
            largest = max(own, key=lambda d: abs(d.deviation))
            rmse = float(np.sqrt((off**2).mean()))
            found.append(Quantity(name, len(own), rmse, largest, all(d.share <= 1.0 for d in own)))
        return found

    def worst(self, n: int = 10) -> list[Deviation]:
        """The largest deviations by their share of what the tolerance allows."""
        return sorted(self.deviations, key=lambda d: -d.share)[:n]


def read_columns(path: str | Path) -> ColumnMap:
    """Read a column map of a TOML file; what it leaves out keeps its default.

    ::

        id = "Section"
        v_pu = ["Va", "Vb", "Vc"]

    Raises:
        FeederError: it is no TOML, or has an entry that is none of a map's.
    """
    path = Path(path)
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FeederError(f"{path.name}: not valid TOML: {error}") from None
    columns, known = ColumnMap(), {f.name for f in fields(ColumnMap)}
    for key, value in entries.items():
        if key not in known:
            raise FeederError(
                f"{path.name}: unknown entry {key!r}; expected {', '.join(sorted(known))}"
            )
        by_phase = isinstance(getattr(columns, key), tuple)
        right = isinstance(value, list) and len(value) == 3 if by_phase else isinstance(value, str)
        if not right:
            expected = "three names, of phases A, B and C" if by_phase else "a name"
            raise FeederError(f"{path.name}: {key} is {value!r}; expected {expected}")
        columns = replace(columns, **{key: tuple(value) if by_phase else value})
    return columns


def read_study(path: str | Path, columns: ColumnMap | None = None) -> list[StudyRow]:
    """Read a study's rows; comma, semicolon or tab between cells.

    Raises:
        FeederError: it has no column for ids or nothing to compare, or a cell is no number.
    """
    path, columns = Path(path), columns or ColumnMap()
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FeederError(f"{path.name}: not UTF-8: {error}") from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    header = [name.strip() for name in next(reader, [])]
    at = {name.lower(): k for k, name in reversed(list(enumerate(header)))}
    wanted = [name for f in fields(ColumnMap) if f.name != "id" for name in _names(columns, f.name)]
    if columns.id.lower() not in at or not any(name.lower() in at for name in wanted):
        raise FeederError(
            f"{path.name} line 1: columns are {', '.join(header) or 'none'}; expected {columns.id} "
            f"and any of {', '.join(wanted)} (a column map says other names)"
        )
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path.name} line {reader.line_num}"

        def number(name: str, cells: list[str] = cells, where: str = where) -> float:
            k = at.get(name.lower())
            cell = cells[k].strip() if k is not None and k < len(cells) else ""
            if cell.lower() in _MISSING:
                return math.nan
            try:
                return float(cell)
            except ValueError:
                raise FeederError(
                    f"{where}: column {name!r} is {cell!r}; expected a number"
                ) from None

        def three(names: tuple[str, str, str]) -> Three:
            a, b, c = (number(name) for name in names)
            return a, b, c

        k = at[columns.id.lower()]
        rows.append(
            StudyRow(
                cells[k].strip() if k < len(cells) else "",
                reader.line_num,
                three(columns.v_pu),
                three(columns.angle_deg),
                three(columns.current_a),
                three(columns.current_angle_deg),
                number(columns.loading_percent),
            )
        )
    return rows


def _names(columns: ColumnMap, field_name: str) -> tuple[str, ...]:
    value = getattr(columns, field_name)
    return value if isinstance(value, tuple) else (value,)


class _Finder:
    """Finds buses and branches by the ids of a study, whatever their case."""

    def __init__(self, network: Network, flow: PowerFlow, aliases: Mapping[str, str]) -> None:
        feeder = network.feeder
        self._network, self._flow = network, flow
        self._buses = {name.lower(): name for name in feeder.buses}
        self._aliases = {old.lower(): new for old, new in aliases.items()}
        self._branches = _branches(feeder)
        self._flows = measures.branch_flows(network, flow)
        loading = measures.loading(network, flow)
        self._loading = dict(zip(loading.elements, loading.share[0].tolist(), strict=True))

    def bus(self, name: str) -> str | None:
        """The bus of an id, or that of the far end of the branch it names."""
        lower = name.lower()
        if lower in self._buses:
            return self._buses[lower]
        alias = self._aliases.get(lower)
        if alias is not None and alias.lower() in self._buses:
            return self._buses[alias.lower()]
        branches = self.branches(name)
        return branches[-1][1] if branches else None

    def branches(self, name: str) -> list[tuple[str, str]]:
        """Branches of an id, such as ``line.a``, with the bus at the far end of each."""
        return self._branches.get(name.lower(), [])

    def voltage(self, bus: str, phase: int) -> complex | None:
        """Per unit, where the bus has the phase."""
        k = self._network.node_index.get(f"{bus}.{phase}")
        return None if k is None else complex(self._flow.v_pu[0, k])

    def current(self, name: str, phase: int) -> complex | None:
        """Ampere into the near end of the first branch with the phase."""
        conductors = self._flows.conductors
        for element, _ in self.branches(name):
            for k in conductors.indices(element, end=1):
                if conductors.phases[k] == phase:
                    return complex(self._flows.current_a[0, k])
        return None

    def loading(self, name: str) -> float | None:
        """Percent of the rating, of the branch most loaded."""
        shares = [self._loading[e] for e, _ in self.branches(name) if e in self._loading]
        return 100.0 * max(shares) if shares else None


def _branches(feeder: Feeder) -> dict[str, list[tuple[str, str]]]:
    """Branches by lower-case name, and by the device number they were made of."""
    found: dict[str, list[tuple[str, str]]] = {}
    groups: tuple[tuple[str, Mapping[str, Line | Switch | Transformer]], ...] = (
        ("line", feeder.lines),
        ("switch", feeder.switches),
        ("transformer", feeder.transformers),
    )
    for kind, group in groups:
        for name, branch in group.items():
            far = (
                branch.windings[-1].terminal.bus
                if isinstance(branch, Transformer)
                else branch.to.bus
            )
            one = (f"{kind}.{name}", far)
            found.setdefault(name.lower(), []).insert(0, one)
            if name.lower().endswith(_UNNUMBERED):
                found.setdefault(name.lower()[:-2], []).append(one)
    return found


def compare_study(
    network: Network,
    flow: PowerFlow,
    rows: list[StudyRow],
    *,
    study: str = "",
    tolerances: Tolerances | None = None,
    aliases: Mapping[str, str] | None = None,
) -> StudyComparison:
    """Compare a study with the first row of a power flow.

    An id is the name of a bus, or of a line, switch, transformer or regulator, whatever the
    case of its letters. Voltages of a branch are those at its far end, its currents flow into
    its near end. Names that an import makes of a device number (``L1_a``, ``L1_2``) are found
    by the number.

    Args:
        network: The compiled feeder.
        flow: Its power flow.
        rows: Of the study.
        study: What it is called.
        tolerances: What deviations are held to.
        aliases: Names of nodes that are one bus with another, and that bus.
    """
    tolerances, aliases = tolerances or Tolerances(), aliases or {}
    finder = _Finder(network, flow, aliases)
    found: list[Deviation] = []
    unmatched = []
    for row in rows:
        bus = finder.bus(row.id)
        if bus is None:
            unmatched.append(row.id)
            continue
        for quantity, phase, theirs, ours in _pairs(finder, row, bus):
            one = Deviation(quantity, row.id, bus, phase, theirs, ours, 0.0)
            share = abs(one.deviation) / tolerances.of(quantity, theirs)
            found.append(replace(one, share=share))
    return StudyComparison(
        network.feeder.name,
        study,
        tolerances,
        tuple(found),
        tuple(unmatched),
        bool(flow.converged[0]),
    )


def _pairs(finder: _Finder, row: StudyRow, bus: str) -> Iterator[tuple[str, str, float, float]]:
    """Quantity, phase, theirs and ours, wherever both have one."""
    for k, letter in enumerate(_PHASES):
        v = finder.voltage(bus, k + 1)
        i = finder.current(row.id, k + 1)
        for quantity, theirs, phasor, degrees in (
            ("v_pu", row.v_pu[k], v, False),
            ("angle_deg", row.angle_deg[k], v, True),
            ("current_a", row.current_a[k], i, False),
            ("current_angle_deg", row.current_angle_deg[k], i, True),
        ):
            if math.isnan(theirs) or phasor is None:
                continue
            ours = float(np.angle(phasor, deg=True)) if degrees else abs(phasor)
            yield quantity, letter, theirs, ours
    percent = finder.loading(row.id)
    if not math.isnan(row.loading_percent) and percent is not None:
        yield "loading_percent", "", row.loading_percent, percent
