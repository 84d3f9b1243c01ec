"""How an imported feeder hangs together, and what looks wrong in its figures."""

import math
from collections import Counter, defaultdict

from grid_fed_rl.feeders.cyme.draft import Draft
from grid_fed_rl.feeders.cyme.report import Connectivity
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.loops import loops
from grid_fed_rl.feeders.topology import Node, Place, places

__all__ = ["connectivity", "cut_islands", "sanity"]

_SHOWN = 4  # nodes of an island, by name
_LOW_PU = 0.85  # an estimate below it is worth a word
_OHM_PER_KM = (1e-3, 20.0)  # self impedances of overhead lines and cables lie within these


def cut_islands(draft: Draft) -> list[str]:
    """Take out of the draft what nothing joins to the source; say what that is."""
    lost = [name for name in draft.buses if name not in draft.kv_ll]
    if not lost:
        return []
    near: dict[str, set[str]] = defaultdict(set)
    for a, b in (*draft.joins, *((x, y) for side in draft.sides for x, _ in side for y, _ in side)):
        near[a].add(b)
        near[b].add(a)
    islands, seen = [], set[str]()
    for start in lost:
        if start in seen:
            continue
        group, waiting = [], [start]
        seen.add(start)
        while waiting:
            here = waiting.pop()
            group.append(here)
            waiting += [b for b in near[here] if b not in seen and not seen.add(b)]
        names = sorted(group)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        islands.append(f"{', '.join(names[:_SHOWN])}{more} ({len(names)} bus(es))")
    gone = set(lost)
    for group in (draft.lines, draft.switches, draft.reactors):
        for name in [n for n, e in group.items() if e.from_.bus in gone]:
            del group[name]
    for name in [
        n for n, t in draft.transformers.items() if {w.terminal.bus for w in t.windings} & gone
    ]:
        del draft.transformers[name]
    for name in [n for n, r in draft.regulators.items() if r.transformer not in draft.transformers]:
        del draft.regulators[name]
    for name in lost:
        del draft.buses[name]
    return islands


def connectivity(feeder: Feeder, islands: list[str], nodes: set[str]) -> Connectivity:
    """Counts, islands, loops, and dangling ends among the buses that are nodes."""
    ends = Counter[str]()
    for branch in (*feeder.lines.values(), *feeder.switches.values()):
        ends.update((branch.from_.bus, branch.to.bus))
    for reactor in feeder.reactors.values():
        ends.update(end.bus for end in (reactor.from_, reactor.to) if end is not None)
    for transformer in feeder.transformers.values():
        ends.update({w.terminal.bus for w in transformer.windings})
    occupied = {feeder.source.bus}
    for kind in ("loads", "capacitors", "pvs", "storages", "generators"):
        occupied |= {shunt.terminal.bus for shunt in getattr(feeder, kind).values()}
    return Connectivity(
        buses=len(feeder.buses),
        lines_km=sum(line.length_m for line in feeder.lines.values()) / 1000.0,
        islands=islands,
        loops=[", ".join(loop) for loop in loops(feeder)],
        dangling=sorted(b for b in nodes - occupied if ends[b] == 1),
    )


def sanity(feeder: Feeder) -> list[str]:
    """What looks wrong in impedances, loading and voltages, each with its figure."""
    return [*_impedances(feeder), *_drops_and_loading(feeder)]


def _impedances(feeder: Feeder) -> list[str]:
    used = {line.code for line in feeder.lines.values()}
    found = []
    low, high = _OHM_PER_KM
    for code in feeder.line_codes.values():
        if code.name not in used or code.name.startswith("joint"):
            continue
        sizes = [abs(row[k]) for k, row in enumerate(code.z_ohm_per_km)]
        if not low <= min(sizes) <= max(sizes) <= high:
            found.append(
                f"line code {code.name!r}: self impedances from {min(sizes):.4g} to "
                f"{max(sizes):.4g} ohm/km; lines have {low:g} to {high:g}"
            )
        if any(row[k].real < 0.0 for k, row in enumerate(code.z_ohm_per_km)):
            found.append(f"line code {code.name!r}: a self resistance below 0")
    return found


def _branch_pu(feeder: Feeder) -> dict[tuple[Node, Node], complex]:
    """Impedance between two nodes in per unit of 1 kVA and the phase voltage; both ways."""
    z: dict[tuple[Node, Node], complex] = {}

    def put(a: Node, b: Node, value: complex) -> None:
        z[a, b] = z[b, a] = value

    for section in (*feeder.lines.values(), *feeder.switches.values()):
        base = feeder.buses[section.from_.bus].kv_ll ** 2 / 3.0 * 1000.0
        code = feeder.line_codes[section.code].z_ohm_per_km
        pairs = zip(section.from_.phases, section.to.phases, strict=True)
        for k, (i, j) in enumerate(pairs):
            put(
                (section.from_.bus, i), (section.to.bus, j),
                code[k][k] * section.length_m / 1000.0 / base,
            )  # fmt: skip
    for transformer in feeder.transformers.values():
        first, *others = transformer.windings
        for winding in others:
            percent = complex(first.r_percent + winding.r_percent, transformer.x_percent[0])
            value = percent / 100.0 / (first.kva / transformer.n_phases)
            for i in first.terminal.phases:
                for j in winding.terminal.phases:
                    put((first.terminal.bus, i), (winding.terminal.bus, j), value)
    return z


def _raised(feeder: Feeder) -> dict[tuple[Node, Node], float]:
    """What the taps of regulators make of a voltage, from node to node."""
    found = {}
    for regulator in feeder.regulators.values():
        first, second = feeder.transformers[regulator.transformer].windings[:2]
        ratio = 1.0 + regulator.tap_position * regulator.step_pu
        for i, j in zip(first.terminal.phases, second.terminal.phases, strict=False):
            found[(first.terminal.bus, i), (second.terminal.bus, j)] = ratio
    return found


def _drops_and_loading(feeder: Feeder) -> list[str]:
    """Voltages by the linear DistFlow equations, and loads below transformers.

    M. E. Baran and F. F. Wu, 1989, without losses and coupling, regulators at their taps: an
    estimate that tells a wrong unit, not a third digit.
    """
    where = places(feeder)
    below: dict[Node, complex] = defaultdict(complex)
    for load in feeder.loads.values():
        nodes = [(load.terminal.bus, p) for p in load.terminal.phases if p]
        for node in nodes:
            below[node] += complex(load.kw, load.kvar) / len(nodes)
    for bank in feeder.capacitors.values():
        nodes = [(bank.terminal.bus, p) for p in bank.terminal.phases if p]
        for node in nodes:
            below[node] -= 1j * bank.kvar * bank.steps_closed / bank.n_steps / len(nodes)
    order = list(where)
    for node in reversed(order):
        parent = where[node].parent
        if parent is not None:
            below[parent] += below[node]
    found = _loading(feeder, where, below)
    z, volts, raised = _branch_pu(feeder), dict[Node, float](), _raised(feeder)
    for node in order:
        parent = where[node].parent
        if parent is None:
            volts[node] = feeder.source.v_pu
            continue
        drop = (z.get((parent, node), 0j) * below[node].conjugate()).real
        volts[node] = (volts[parent] - drop) * raised.get((parent, node), 1.0)
    if volts:
        node, low = min(volts.items(), key=lambda item: item[1])
        if low < _LOW_PU:
            found.append(
                f"voltage by the linear DistFlow equations: lowest {low:.3f} per "
                f"unit at {node[0]}.{node[1]}"
            )
    return found


def _loading(feeder: Feeder, where: dict[Node, Place], below: dict[Node, complex]) -> list[str]:
    found = []
    regulated = {r.transformer for r in feeder.regulators.values()}
    for transformer in feeder.transformers.values():
        fed = {
            node
            for w in transformer.windings[1:]
            for node in ((w.terminal.bus, p) for p in w.terminal.phases if p)
            if (at := where.get(node)) is not None
            and at.parent is not None
            and at.parent[0] == transformer.windings[0].terminal.bus
        }
        kva = abs(sum(below[node] for node in fed))
        rated = transformer.windings[0].kva
        if transformer.name not in regulated and kva > rated and math.isfinite(kva):
            found.append(
                f"transformer {transformer.name!r}: {kva:,.0f} kVA of loads below it, rated "
                f"{rated:,.0f} kVA"
            )
    return found
