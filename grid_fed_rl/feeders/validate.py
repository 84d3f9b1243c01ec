"""Every fault of a feeder at once, as a list.

`validate` looks at what a solver would stumble over: names that point nowhere,
phases that no conductor brings, impossible lengths and ratings, buses that the
source cannot reach. `check` raises one error that carries them all.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Connection, Feeder, Terminal

__all__ = ["Issue", "check", "validate"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault: where it is, what was found, what would be right."""

    element: str
    field: str
    value: object
    expected: str

    def __str__(self) -> str:
        return f"{self.element}: {self.field} is {self.value!r}; expected {self.expected}"


def validate(feeder: Feeder) -> list[Issue]:
    """Return every fault of a feeder; an empty list means it can be solved."""
    issues = list(_dangling(feeder))
    if not issues:
        issues += [*_values(feeder), *_phases(feeder), *_islands(feeder)]
    return issues


def check(feeder: Feeder) -> None:
    """Raise one `FeederError` that lists every fault, if there is any."""
    issues = validate(feeder)
    if issues:
        lines = "\n  ".join(map(str, issues))
        raise FeederError(f"feeder {feeder.name!r} has {len(issues)} fault(s):\n  {lines}")


def _terminals(feeder: Feeder) -> Iterator[tuple[str, str, Terminal]]:
    """Yield (element, field, terminal) of everything that stands on a bus."""
    for kind, branches in (("line", feeder.lines), ("switch", feeder.switches)):
        for branch in branches.values():
            yield f"{kind} {branch.name!r}", "from", branch.from_
            yield f"{kind} {branch.name!r}", "to", branch.to
    for transformer in feeder.transformers.values():
        for n, winding in enumerate(transformer.windings, start=1):
            yield f"transformer {transformer.name!r}", f"terminal_{n}", winding.terminal
    for kind, shunts in (
        ("capacitor", feeder.capacitors),
        ("load", feeder.loads),
        ("pv", feeder.pvs),
        ("storage", feeder.storages),
    ):
        for shunt in shunts.values():
            yield f"{kind} {shunt.name!r}", "terminal", shunt.terminal


def _dangling(feeder: Feeder) -> Iterator[Issue]:
    known_buses = "a bus of buses"
    if feeder.source.bus not in feeder.buses:
        yield Issue("source", "bus", feeder.source.bus, known_buses)
    for element, where, terminal in _terminals(feeder):
        if terminal.bus not in feeder.buses:
            yield Issue(element, where, str(terminal), known_buses)
        if len(set(terminal.phases)) != len(terminal.phases):
            yield Issue(element, where, str(terminal), "each phase once")
    for line in feeder.lines.values():
        code = feeder.line_codes.get(line.code)
        n = len(line.from_.phases)
        if code is None:
            known = ", ".join(feeder.line_codes)
            yield Issue(f"line {line.name!r}", "code", line.code, f"one of {known}")
        elif len(code.z_ohm_per_km) != n:
            expected = f"a code of {n} conductor(s), as its terminal has"
            yield Issue(f"line {line.name!r}", "code", line.code, expected)
        if n != len(line.to.phases):
            yield Issue(f"line {line.name!r}", "to", str(line.to), f"{n} phase(s), as at from")
    for switch in feeder.switches.values():
        n = len(switch.from_.phases)
        if n != len(switch.to.phases):
            yield Issue(f"switch {switch.name!r}", "to", str(switch.to), f"{n} phase(s)")
    for regulator in feeder.regulators.values():
        if regulator.transformer not in feeder.transformers:
            yield Issue(
                f"regulator {regulator.name!r}",
                "transformer",
                regulator.transformer,
                "a transformer of transformers",
            )


def _values(feeder: Feeder) -> Iterator[Issue]:
    positive = "a number above 0"
    for bus in feeder.buses.values():
        if not bus.kv_ll > 0:
            yield Issue(f"bus {bus.name!r}", "kv_ll", bus.kv_ll, positive)
    for line in feeder.lines.values():
        if not line.length_m > 0:
            yield Issue(f"line {line.name!r}", "length_m", line.length_m, positive)
    for switch in feeder.switches.values():
        if not switch.r_ohm > 0:
            yield Issue(f"switch {switch.name!r}", "r_ohm", switch.r_ohm, positive)
    for transformer in feeder.transformers.values():
        name = f"transformer {transformer.name!r}"
        if not transformer.x_percent > 0:
            yield Issue(name, "x_percent", transformer.x_percent, positive)
        for n, winding in enumerate(transformer.windings, start=1):
            if not winding.kv > 0:
                yield Issue(name, f"kv_{n}", winding.kv, positive)
            if not winding.kva > 0:
                yield Issue(name, "kva", winding.kva, positive)
    for regulator in feeder.regulators.values():
        if not regulator.tap_min_pu < regulator.tap_max_pu or regulator.n_steps < 1:
            yield Issue(
                f"regulator {regulator.name!r}",
                "tap_min_pu, tap_max_pu, n_steps",
                (regulator.tap_min_pu, regulator.tap_max_pu, regulator.n_steps),
                "a range above 0 in at least one step",
            )
    yield from _shunt_values(feeder)


def _shunt_values(feeder: Feeder) -> Iterator[Issue]:
    for kind, shunts in (
        ("capacitor", feeder.capacitors),
        ("load", feeder.loads),
        ("pv", feeder.pvs),
        ("storage", feeder.storages),
    ):
        for shunt in shunts.values():
            n = len(shunt.terminal.phases)
            kv_ll = feeder.buses[shunt.terminal.bus].kv_ll
            line_to_line = n == 3 or shunt.connection is Connection.DELTA
            expected = kv_ll if line_to_line else kv_ll / 3**0.5
            if not 0.8 * expected < shunt.kv < 1.25 * expected:
                yield Issue(f"{kind} {shunt.name!r}", "kv", shunt.kv, f"about {expected:.3g}")
            if shunt.connection is Connection.DELTA and n == 1:
                yield Issue(f"{kind} {shunt.name!r}", "terminal", str(shunt.terminal), "2 phases")


def _phases(feeder: Feeder) -> Iterator[Issue]:
    brought: dict[str, set[int]] = defaultdict(set)
    brought[feeder.source.bus] |= {1, 2, 3}
    shunts = ("capacitor ", "load ", "pv ", "storage ")
    for element, _, terminal in _terminals(feeder):
        if not element.startswith(shunts):
            brought[terminal.bus] |= set(terminal.phases)
    for element, where, terminal in _terminals(feeder):
        if element.startswith(shunts) and not set(terminal.phases) <= brought[terminal.bus]:
            there = ", ".join(map(str, sorted(brought[terminal.bus]))) or "none"
            yield Issue(element, where, str(terminal), f"phases at that bus: {there}")


def _islands(feeder: Feeder) -> Iterator[Issue]:
    """Nodes that no chain of closed branches joins to the source."""
    neighbours: dict[tuple[str, int], set[tuple[str, int]]] = defaultdict(set)

    def join(a: Terminal, b: Terminal, *, all_to_all: bool) -> None:
        for i, p in enumerate(a.phases):
            for j, q in enumerate(b.phases):
                if all_to_all or i == j:
                    neighbours[a.bus, p].add((b.bus, q))
                    neighbours[b.bus, q].add((a.bus, p))

    for line in feeder.lines.values():
        join(line.from_, line.to, all_to_all=False)
    for switch in feeder.switches.values():
        if switch.closed:
            join(switch.from_, switch.to, all_to_all=False)
        for terminal in (switch.from_, switch.to):
            for phase in terminal.phases:
                neighbours[terminal.bus, phase]
    for transformer in feeder.transformers.values():
        first, second = (winding.terminal for winding in transformer.windings)
        join(first, second, all_to_all=True)
    frontier = [(feeder.source.bus, phase) for phase in (1, 2, 3)]
    reached = set(frontier)
    while frontier:
        for node in neighbours[frontier.pop()]:
            if node not in reached:
                reached.add(node)
                frontier.append(node)
    for bus, phase in sorted(set(neighbours) - reached):
        yield Issue(f"bus {bus!r}", "phase", phase, "a path of closed branches to the source")
