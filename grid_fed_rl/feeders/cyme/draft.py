"""A feeder while it is put together: names, buses, branches, and what is said of them."""

import math
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.cyme.codes import Phases
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.places import Place, Record
from grid_fed_rl.feeders.cyme.report import CymeReport
from grid_fed_rl.feeders.line_constants import Earth, EarthModel, LineConstants
from grid_fed_rl.feeders.records import (
    Bus,
    Line,
    LineCode,
    Reactor,
    Regulator,
    Switch,
    Terminal,
    Transformer,
)
from grid_fed_rl.feeders.shunts import Capacitor, Generator, Load, Pv, Storage

__all__ = [
    "JOINT_OHM",
    "NODE",
    "Draft",
    "Names",
    "Options",
    "RefusedError",
    "check_nominal",
    "label",
    "nodes_of",
]

NODE = {"A": 1, "B": 2, "C": 3}
JOINT_OHM = 1e-6  # what stands for no impedance at all: a millivolt at a kiloampere
_JOINT_M = 1.0
_OTHER = re.compile(r"""[\s"'`,=()\[\]{}|!]""")
_OTHER_IN_BUS = re.compile(r"""[\s"'`,=()\[\]{}|!.]""")
_FIRST_NEUTRAL = 4
_NOMINAL_KV = 0.01, 2000.0


class RefusedError(Exception):
    """A record that the feeder cannot hold; the message says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an export is converted; see `read_cyme`."""

    network: str | None = None
    year: int | None = None
    load_model: str | None = None
    earth_model: EarthModel = EarthModel.MODIFIED
    distributed: str = "location"
    source_impedance: bool = False
    frequency_hz: float | None = None


def nodes_of(phases: Iterable[str]) -> tuple[int, ...]:
    """Nodes of phase letters, in order."""
    return tuple(sorted(NODE[phase] for phase in phases))


def label(phases: Iterable[str]) -> str:
    """Phase letters in lower case, for names."""
    return "".join(phases).lower()


def check_nominal(what: str, kv_ll: float) -> None:
    """Hold a nominal voltage to what distribution and its substations have.

    Raises:
        FeederError: it is far from any.
    """
    low, high = _NOMINAL_KV
    if not low <= kv_ll <= high:
        raise FeederError(
            f"{what}: a nominal voltage of {kv_ll:g} kV; expected {low:g} to {high:g} kV"
        )


class Names:
    """Names that tables and other engines can carry, each once whatever its case."""

    def __init__(self, report: CymeReport) -> None:
        self._report = report
        self._taken: dict[str, set[str]] = defaultdict(set)

    def of(self, kind: str, wish: str, *, quiet: bool = False) -> str:
        """A name as near to a wish as can be; a change stands in the report unless `quiet`."""
        pattern = _OTHER_IN_BUS if kind == "bus" else _OTHER
        base = name = pattern.sub("-", wish) or "-"
        taken, n = self._taken[kind], 1
        while name.lower() in taken:
            n += 1
            name = f"{base}-{n}"
        taken.add(name.lower())
        if name != wish and not quiet:
            self._report.renamed[f"{kind} {wish}"] = name
        return name


@dataclass
class Draft:
    """What the converters of each kind add to.

    `joins` and `sides` say how nominal voltages go from bus to bus: the same on both ends of
    a section, one a winding on a transformer's.
    """

    data: CymeDataset
    options: Options
    report: CymeReport
    frequency_hz: float = 60.0
    buses: dict[str, Bus] = field(default_factory=dict)
    line_codes: dict[str, LineCode] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    switches: dict[str, Switch] = field(default_factory=dict)
    transformers: dict[str, Transformer] = field(default_factory=dict)
    reactors: dict[str, Reactor] = field(default_factory=dict)
    regulators: dict[str, Regulator] = field(default_factory=dict)
    capacitors: dict[str, Capacitor] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    pvs: dict[str, Pv] = field(default_factory=dict)
    storages: dict[str, Storage] = field(default_factory=dict)
    generators: dict[str, Generator] = field(default_factory=dict)
    joins: list[tuple[str, str]] = field(default_factory=list)
    sides: list[tuple[tuple[str, float], ...]] = field(default_factory=list)
    uses: list[tuple[str, str, str, str]] = field(default_factory=list)
    kv_ll: dict[str, float] = field(default_factory=dict)
    _bus_of_node: dict[str, str] = field(default_factory=dict)
    _codes: dict[object, tuple[str, float]] = field(default_factory=dict)
    _neutrals: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = Names(self.report)
        self.timings = {t.number: t for t in self.data.tap_timings}

    def earth(self, resistivity_ohm_m: float | None) -> Earth:
        """Earth under a line; 100 ohm metre where the export has 0 or nothing."""
        if not resistivity_ohm_m:
            self.report.assume("earth of 100 ohm metre where the export says nothing")
        return Earth(resistivity_ohm_m or 100.0, self.frequency_hz, self.options.earth_model)

    def merge(self, kept: str, node: str) -> None:
        """One bus for two nodes; `kept` gives the name."""
        if kept != node:
            self.report.merged[node] = kept

    def root(self, node: str) -> str:
        """The node whose bus a node is on."""
        merged = self.report.merged
        while node in merged:
            node = merged[node]
        return node

    def bus(self, node: str) -> str:
        """Name of a node's bus, made when first asked for."""
        root = self.root(node)
        name = self._bus_of_node.get(root)
        if name is None:
            name = self._bus_of_node[root] = self.names.of("bus", root)
            at = self.data.nodes.get(root)
            x, y = (math.nan, math.nan) if at is None else (at.x, at.y)
            self.buses[name] = Bus(name, math.nan, _or_nan(x), _or_nan(y))
        return name

    def node_buses(self) -> set[str]:
        """Buses that stand for nodes of the export."""
        return set(self._bus_of_node.values())

    def inner_bus(self, wish: str, near: str, far: str) -> str:
        """A bus of no node, half way between two others."""
        name = self.names.of("bus", wish, quiet=True)
        a, b = self.buses[near], self.buses[far]
        self.buses[name] = Bus(name, math.nan, (a.x + b.x) / 2.0, (a.y + b.y) / 2.0)
        return name

    def neutral(self, bus: str) -> int:
        """A conductor of a bus that nothing else lands on: 4, 5 and so on."""
        n = self._neutrals.get(bus, _FIRST_NEUTRAL)
        self._neutrals[bus] = n + 1
        return n

    def code(self, key: object, wish: str, constants: LineConstants, amps: float) -> str:
        """Name of the line code of a key, made when first met."""
        if key not in self._codes:
            name = self.names.of("line code", wish, quiet=True)
            self.line_codes[name] = constants.code(name)
            self._codes[key] = name, amps
        return self._codes[key][0]

    def known_code(self, key: object) -> tuple[str, float] | None:
        """Name and rating of the line code of a key, if it was met."""
        return self._codes.get(key)

    def joint_code(self, n: int) -> str:
        """Line code of `n` conductors without impedance."""
        name = f"joint{n}"
        if name not in self.line_codes:
            self.names.of("line code", name, quiet=True)
            z = tuple(
                tuple(complex(JOINT_OHM * 1000.0 / _JOINT_M if i == j else 0.0) for j in range(n))
                for i in range(n)
            )
            self.line_codes[name] = LineCode(name, z, ((0.0,) * n,) * n)
            self.report.assume(
                f"closed switchgear and what has no impedance is {JOINT_OHM:g} ohm a phase"
            )
        return name

    def joint(self, wish: str, near: str, far: str, phases: tuple[int, ...]) -> None:
        """A line without impedance."""
        name = self.names.of("line", wish, quiet=True)
        code = self.joint_code(len(phases))
        self.add_line(Line(name, Terminal(near, phases), Terminal(far, phases), code, _JOINT_M))

    def add_line(self, line: Line | Switch) -> None:
        """A section of line or a switch."""
        group = self.switches if isinstance(line, Switch) else self.lines
        group[line.name] = line  # type: ignore[assignment]
        self.joins.append((line.from_.bus, line.to.bus))

    def add_transformer(self, transformer: Transformer, kv_ll: tuple[float, ...] | None) -> None:
        """A transformer, and the nominal voltage at each of its windings; None: all the same."""
        self.transformers[transformer.name] = transformer
        ends = [w.terminal.bus for w in transformer.windings]
        if kv_ll is None:
            self.joins += [(ends[0], end) for end in ends[1:]]
        else:
            self.sides.append(tuple(zip(ends, kv_ll, strict=True)))

    def add_reactor(self, reactor: Reactor) -> None:
        """A reactor."""
        self.reactors[reactor.name] = reactor
        if reactor.to is not None:
            self.joins.append((reactor.from_.bus, reactor.to.bus))

    def use(self, element: str, name: str, kind: str, equipment: str | None) -> None:
        """Remember which equipment of the library an element is."""
        if equipment is not None:
            self.uses.append((element, name, kind, equipment))

    @contextmanager
    def holding(self, kind: str, number: str, place: Place) -> Iterator[None]:
        """Count the record that the block converts, or refuse it by name."""
        try:
            yield
        except RefusedError as refusal:
            self.report.refuse(kind, number, place, str(refusal))
        except ArithmeticError as error:
            why = f"no arithmetic holds its figures ({error}); expected ones that a feeder has"
            self.report.refuse(kind, number, place, why)
        else:
            self.count(kind)

    def count(self, kind: str, n: int = 1) -> None:
        """Count records that are in the feeder."""
        self.report.read[kind] += n

    def spread_voltages(self, start: str, kv_ll: float) -> None:
        """Nominal voltage of every bus that branches join to the first.

        Raises:
            FeederError: one is no voltage that a feeder has.
        """
        near: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
        for a, b in self.joins:
            near[a].append((b, None))
            near[b].append((a, None))
        for sides in self.sides:
            for a, _ in sides:
                near[a] += [(b, kv) for b, kv in sides if b != a]
        own = {
            self._bus_of_node[self.root(node.id)]: node.base_kv
            for node in self.data.nodes.values()
            if node.base_kv and self.root(node.id) in self._bus_of_node
        }
        self.kv_ll = {start: own.get(start) or kv_ll}
        waiting = deque(self.kv_ll)
        while waiting:
            here = waiting.popleft()
            for there, kv in near[here]:
                if there not in self.kv_ll:
                    self.kv_ll[there] = own.get(there) or (self.kv_ll[here] if kv is None else kv)
                    waiting.append(there)
        for bus, kv_ll in self.kv_ll.items():
            check_nominal(f"bus {bus!r}", kv_ll)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def devices(records: Iterable[Record]) -> Iterator[Record]:
    """Records of devices that are connected."""
    return (record for record in records if getattr(record, "connected", True))


def phases_of(phases: Phases | None, otherwise: Phases) -> Phases:
    """A device's phases, or its section's where the file does not say."""
    return phases if phases else otherwise
