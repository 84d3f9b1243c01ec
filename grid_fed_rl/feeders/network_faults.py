"""Faults between records: names, places and voltages that do not belong together."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.issues import KINDS, Issue
from grid_fed_rl.feeders.loops import loops
from grid_fed_rl.feeders.records import (
    Connection,
    Line,
    Reactor,
    Regulator,
    Switch,
    Terminal,
    Transformer,
)
from grid_fed_rl.feeders.shunts import Capacitor, CapacitorControl, Generator, Load, Pv, Storage
from grid_fed_rl.feeders.topology import FIRST_NEUTRAL, reachable

__all__ = ["island_faults", "loop_faults", "name_faults", "reference_faults", "voltage_faults"]

# What neither a table nor a script of another engine can carry in a name.
_NAME = re.compile(r"""[^\s"'`,=()\[\]{}|!]+""")
_EXPECTED_NAME = "a name without blanks, quotes, brackets, ',', '=', '|' or '!'"
# A rating may be this far from the voltage of its bus. A nameplate of 240 V on a
# 120/208 V bus is fine (1.15), a phase voltage for a line voltage (1.73) is not.
_LOWEST_RATIO, _HIGHEST_RATIO = 0.62, 1.6
# Kinds whose records other engines, or the set-point, hold under one roof.
_ONE_ROOF = (("lines", "switches"), ("pvs", "storages", "generators"))

_Shunt = Capacitor | Load | Pv | Storage | Generator


def _shunts(feeder: Feeder) -> Iterator[tuple[str, _Shunt]]:
    for kind in ("capacitors", "loads", "pvs", "storages", "generators"):
        for shunt in getattr(feeder, kind).values():
            yield f"{KINDS[kind]} {shunt.name!r}", shunt


def _sections(feeder: Feeder) -> Iterator[tuple[str, Line | Switch]]:
    for kind in ("lines", "switches"):
        for section in getattr(feeder, kind).values():
            yield f"{KINDS[kind]} {section.name!r}", section


def _terminals(feeder: Feeder) -> Iterator[tuple[str, str, Terminal]]:
    """Yield (element, field, terminal) of everything that stands on a bus."""
    for element, section in _sections(feeder):
        yield element, "from", section.from_
        yield element, "to", section.to
    for reactor in feeder.reactors.values():
        yield f"reactor {reactor.name!r}", "from", reactor.from_
        if reactor.to is not None:
            yield f"reactor {reactor.name!r}", "to", reactor.to
    for transformer in feeder.transformers.values():
        for n, winding in enumerate(transformer.windings, start=1):
            yield f"transformer {transformer.name!r} winding {n}", "terminal", winding.terminal
    for element, shunt in _shunts(feeder):
        yield element, "terminal", shunt.terminal


def _legs(feeder: Feeder) -> Iterator[tuple[str, str, Terminal, Connection, float | None]]:
    """Yield what has legs: element, field, place and rated kV (a reactor has none)."""
    for transformer in feeder.transformers.values():
        for n, w in enumerate(transformer.windings, start=1):
            element = f"transformer {transformer.name!r} winding {n}"
            yield element, "terminal", w.terminal, w.connection, w.kv
    for reactor in feeder.reactors.values():
        if reactor.to is None:
            yield f"reactor {reactor.name!r}", "from", reactor.from_, reactor.connection, None
    for element, shunt in _shunts(feeder):
        yield element, "terminal", shunt.terminal, shunt.connection, shunt.kv


def name_faults(feeder: Feeder) -> Iterator[Issue]:
    """Yield names that files and other engines cannot carry: those do not tell A from a."""
    for kind, singular in KINDS.items():
        seen: dict[str, str] = {}
        for key, record in getattr(feeder, kind).items():
            name = record.name
            element = f"{singular} {name!r}"
            if not _NAME.fullmatch(name):
                yield Issue(element, "name", name, _EXPECTED_NAME)
            elif kind == "buses" and "." in name:
                yield Issue(element, "name", name, "a name without '.', which parts it from nodes")
            if key != name:
                yield Issue(element, f"key in {kind}", key, "the record's own name")
            other = seen.setdefault(name.lower(), key)
            if other != key:
                yield Issue(element, "name", name, f"more than case to differ from {other}")
    for roof in _ONE_ROOF:
        taken: dict[str, str] = {}
        for kind in roof:
            own = {name.lower(): name for name in getattr(feeder, kind)}
            for lower, name in own.items():
                if lower in taken:
                    expected = f"a name that no {taken[lower]} has"
                    yield Issue(f"{KINDS[kind]} {name!r}", "name", name, expected)
            taken |= dict.fromkeys(own, KINDS[kind])


def reference_faults(feeder: Feeder) -> Iterator[Issue]:
    """Yield names that point nowhere, and terminals that no such element can have."""
    if feeder.source.bus not in feeder.buses:
        yield Issue("source", "bus", feeder.source.bus, "a bus of buses")
    for element, field, terminal in _terminals(feeder):
        if terminal.bus not in feeder.buses:
            yield Issue(element, field, str(terminal), "a bus of buses")
        live = [node for node in terminal.phases if node != 0]
        if not live or len(set(live)) != len(live) or min(live) < 0:
            yield Issue(
                element, field, str(terminal), "at least one node besides ground, each once"
            )
    for element, field, terminal, connection, _ in _legs(feeder):
        n = len(terminal.phases)
        if connection is Connection.DELTA and n not in (2, 3):
            yield Issue(element, field, str(terminal), "2 or 3 conductors for a delta")
        elif connection is Connection.WYE_N and n < 2:
            yield Issue(element, field, str(terminal), "2 or more conductors, the last the neutral")
        elif connection is Connection.WYE and 0 in terminal.phases:
            yield Issue(
                element, field, str(terminal), "a node besides ground for each leg of a wye"
            )
    yield from _section_references(feeder)
    for transformer in feeder.transformers.values():
        coils = tuple(winding.n_coils for winding in transformer.windings)
        if len(set(coils)) > 1:
            element = f"transformer {transformer.name!r}"
            yield Issue(element, "coils of its windings", coils, "equal numbers")
    yield from _regulator_references(feeder)
    for element, capacitor in _shunts(feeder):
        if isinstance(capacitor, Capacitor) and capacitor.control is not None:
            yield from _watched(feeder, element, capacitor, capacitor.control)


def _section_references(feeder: Feeder) -> Iterator[Issue]:
    for element, section in _sections(feeder):
        n = len(section.from_.phases)
        code = feeder.line_codes.get(section.code)
        if code is None:
            yield Issue(element, "code", section.code, "one of " + ", ".join(feeder.line_codes))
        elif len(code.z_ohm_per_km) != n:
            expected = f"a code of {n} conductor(s), as its terminal has"
            yield Issue(element, "code", section.code, expected)
        yield from _far_end(element, section.from_, section.to)
    for reactor in feeder.reactors.values():
        if reactor.to is not None:
            yield from _far_end(f"reactor {reactor.name!r}", reactor.from_, reactor.to)


def _far_end(element: str, near: Terminal, far: Terminal) -> Iterator[Issue]:
    if len(near.phases) != len(far.phases):
        yield Issue(element, "to", str(far), f"{len(near.phases)} node(s), as at from")
    elif near == far:
        yield Issue(element, "to", str(far), "another place than from")


def _regulator_references(feeder: Feeder) -> Iterator[Issue]:
    moved_by: dict[str, str] = {}
    for regulator in feeder.regulators.values():
        element, name = f"regulator {regulator.name!r}", regulator.transformer
        transformer = feeder.transformers.get(name)
        if transformer is None:
            yield Issue(element, "transformer", name, "a transformer of transformers")
        elif not 1 <= regulator.winding <= len(transformer.windings):
            expected = f"a winding of {name!r}, 1 to {len(transformer.windings)}"
            yield Issue(element, "winding", regulator.winding, expected)
        other = moved_by.setdefault(name, regulator.name)
        if other != regulator.name:
            yield Issue(element, "transformer", name, f"one that {other!r} does not move already")
        yield from _monitored(feeder, element, regulator)


def _monitored(feeder: Feeder, element: str, regulator: Regulator) -> Iterator[Issue]:
    control = regulator.control
    if control is not None and control.monitored is not None:
        monitored = control.monitored
        if monitored.bus not in feeder.buses:
            yield Issue(element, "control.monitored", str(monitored), "a bus of buses")
        elif not set(monitored.phases) <= set(feeder.phases_of(monitored.bus)):
            expected = f"nodes at that bus: {_listed(feeder.phases_of(monitored.bus))}"
            yield Issue(element, "control.monitored", str(monitored), expected)


def _ends(branch: Line | Switch | Reactor | Transformer) -> list[Terminal]:
    if isinstance(branch, Transformer):
        return [winding.terminal for winding in branch.windings]
    return [end for end in (branch.from_, branch.to) if end is not None]


def _watched(
    feeder: Feeder, element: str, capacitor: Capacitor, control: CapacitorControl
) -> Iterator[Issue]:
    """The branch that a capacitor control watches must be there, and its terminal too."""
    ends = [capacitor.terminal]
    if control.element:
        groups = (feeder.lines, feeder.switches, feeder.reactors, feeder.transformers)
        found = [group[control.element] for group in groups if control.element in group]
        if len(found) != 1:
            expected = "the name of one line, switch, reactor or transformer"
            yield Issue(element, "control.element", control.element, expected)
            return
        ends = _ends(found[0])
    if not 1 <= control.end <= len(ends):
        expected = f"a terminal of what it watches, 1 to {len(ends)}"
        yield Issue(element, "control.end", control.end, expected)
    elif not 1 <= control.phase <= len(ends[control.end - 1].phases):
        expected = f"a conductor of {ends[control.end - 1]}, counted from 1"
        yield Issue(element, "control.phase", control.phase, expected)


def _listed(nodes: tuple[int, ...]) -> str:
    return ", ".join(map(str, nodes)) or "none"


def voltage_faults(feeder: Feeder) -> Iterator[Issue]:
    """Yield ratings that do not fit their bus; references must hold."""
    source_kv = feeder.buses[feeder.source.bus].kv_ll
    if not _fits(feeder.source.kv_ll, source_kv):
        expected = f"about {source_kv:.3g}, as its bus has"
        yield Issue("source", "kv_ll", feeder.source.kv_ll, expected)
    joined = chain(
        ((e, s.from_, s.to) for e, s in _sections(feeder)),
        ((f"reactor {r.name!r}", r.from_, r.to) for r in feeder.reactors.values()),
    )
    for element, near, far in joined:
        if far is not None:
            kvs = (feeder.buses[near.bus].kv_ll, feeder.buses[far.bus].kv_ll)
            if not math.isclose(*kvs, rel_tol=0.05):
                yield Issue(element, "kv_ll of its buses", kvs, "equal voltages")
    for element, _, terminal, connection, kv in _legs(feeder):
        if kv is not None:
            kv_ll = feeder.buses[terminal.bus].kv_ll
            expected_kv = _rated_kv(connection, terminal, kv_ll)
            if not _fits(kv, expected_kv):
                yield Issue(element, "kv", kv, f"about {expected_kv:.3g}, as its bus has")


def _rated_kv(connection: Connection, terminal: Terminal, kv_ll: float) -> float:
    """What a nameplate says at a bus: the voltage of its leg if it has only one."""
    one_leg = connection.n_legs(len(terminal.phases)) == 1
    n_phases = sum(0 < node < FIRST_NEUTRAL for node in terminal.phases)
    return kv_ll / math.sqrt(3) if one_leg and n_phases == 1 else kv_ll


def _fits(kv: float, expected: float) -> bool:
    return _LOWEST_RATIO * expected < kv < _HIGHEST_RATIO * expected


def island_faults(feeder: Feeder) -> Iterator[Issue]:
    """Yield buses and nodes that nothing brings or no switch can ever reach.

    Behind an open switch there may be an island: it is de-energised. References
    must hold.
    """
    for element, shunt in _shunts(feeder):
        brought = feeder.phases_of(shunt.terminal.bus)
        if not set(shunt.terminal.phases) <= {0, *brought}:
            expected = f"nodes at that bus: {_listed(brought)}"
            yield Issue(element, "terminal", str(shunt.terminal), expected)
    occupied = Counter(terminal.bus for _, _, terminal in _terminals(feeder))
    reached = reachable(feeder)
    for bus in feeder.buses:
        if bus not in occupied and bus != feeder.source.bus:
            yield Issue(f"bus {bus!r}", "elements", 0, "something that stands on it")
        cut_off = [node for node in feeder.phases_of(bus) if (bus, node) not in reached]
        if cut_off:
            nodes = str(Terminal(bus, tuple(cut_off)))
            yield Issue(
                f"bus {bus!r}", "nodes", nodes, "a path to the source, if over open switches"
            )


def loop_faults(feeder: Feeder) -> Iterator[Issue]:
    """Yield the loops of closed branches; references must hold."""
    for loop in loops(feeder):
        expected = "a tree: one of them open, or away"
        yield Issue("feeder", "loop", ", ".join(loop), expected)
