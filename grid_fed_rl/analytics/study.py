"""A study of another program against our solution, bus by bus and phase by phase.

`study_rows` reads a study: a CSV file with a row a bus or device.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from grid_fed_rl.analytics.study_rows import StudyRow
from grid_fed_rl.feeders import Feeder, Line, Switch, Transformer
from grid_fed_rl.powerflow import Network, PowerFlow, measures

__all__ = [
    "QUANTITIES",
    "Deviation",
    "Quantity",
    "StudyComparison",
    "Tolerances",
    "compare_study",
]

_PHASES = "ABC"
_UNNUMBERED = ("_a", "_b", "_c", "_1", "_2")  # what an import puts after a device's number

QUANTITIES = {
    "v_pu": "voltage, per unit",
    "angle_deg": "voltage angle, degrees",
    "current_a": "current, A",
    "current_angle_deg": "current angle, degrees",
    "loading_percent": "loading, %",
}
"""What is compared, in words."""


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
