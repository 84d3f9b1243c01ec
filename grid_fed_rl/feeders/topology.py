"""What hangs on what: distance and regulation zone of every node.

One walk from the source outward, node by node, over branches. On a meshed
feeder the first way to a node in order of hops counts.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import Connection, Reactor, Terminal, Transformer, Winding

__all__ = [
    "FIRST_NEUTRAL",
    "HEAD_ZONE",
    "Node",
    "Place",
    "conductors",
    "places",
    "reachable",
    "winding_nodes",
]

HEAD_ZONE = "head"
FIRST_NEUTRAL = 4  # the first node that is no phase

Node = tuple[str, int]  # bus, node of it
_Pair = tuple[Node, Node]
_Edges = dict[Node, list[tuple[Node, float, str | None]]]  # to, km, the zone beyond


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands.

    Attributes:
        distance_km: Length of line between it and the source.
        zone: Regulator that feeds it, or `HEAD_ZONE`.
        parent: Node towards the source; None at the source.
    """

    distance_km: float
    zone: str
    parent: Node | None


def _edges(feeder: Feeder, *, over_open: bool) -> _Edges:
    edges: _Edges = defaultdict(list)

    def join(pairs: Iterable[_Pair], length_km: float, zone: str | None = None) -> None:
        for a, b in pairs:
            edges[a].append((b, length_km, zone))
            edges[b].append((a, length_km, zone))

    for line in feeder.lines.values():
        join(conductors(line.from_, line.to), line.length_m / 1000.0)
    for switch in feeder.switches.values():
        if switch.closed or over_open:
            join(conductors(switch.from_, switch.to), switch.length_m / 1000.0)
    for reactor in feeder.reactors.values():
        join(_reactor_pairs(reactor), 0.0)
    regulated = {r.transformer: r for r in feeder.regulators.values()}
    for transformer in feeder.transformers.values():
        regulator = regulated.get(transformer.name)
        for n, pairs in _winding_pairs(transformer):
            moved = regulator is not None and regulator.winding in (1, n)
            join(pairs, 0.0, regulator.name if regulator is not None and moved else None)
    return edges


def conductors(a: Terminal, b: Terminal) -> list[_Pair]:
    """Return the pairs of nodes that a section of line joins, ground left out."""
    pairs = zip(a.phases, b.phases, strict=True)
    return [((a.bus, i), (b.bus, j)) for i, j in pairs if i and j]


def _earthed(a: Terminal, b: Terminal) -> set[Node]:
    """Nodes that a section of line joins to ground."""
    pairs = zip(a.phases, b.phases, strict=True)
    ends = ((a.bus, i) if i else (b.bus, j) for i, j in pairs if not (i and j))
    return {node for node in ends if node[1]}


def _reactor_pairs(reactor: Reactor) -> list[_Pair]:
    if reactor.to is not None:
        return conductors(reactor.from_, reactor.to)
    if reactor.connection is Connection.WYE:
        return []
    nodes = _nodes(*reactor.from_)
    return [(nodes[0], other) for other in nodes[1:]]


def _winding_pairs(transformer: Transformer) -> Iterable[tuple[int, list[_Pair]]]:
    """Pairs of nodes from the first winding to each other one, by its number.

    Conductor goes to conductor where both have as many. Where they have not, a
    coil between two phases brings both of them to the other side. The neutral of
    a winding hangs on its phases.
    """
    first, *others = transformer.windings
    near, near_neutral = winding_nodes(first)
    for n, winding in enumerate(others, start=2):
        far, neutral = winding_nodes(winding)
        pairs = list(zip(near, far, strict=True) if len(near) == len(far) else product(near, far))
        yield n, [*pairs, *product(near, near_neutral if n == 2 else ()), *product(far, neutral)]


def winding_nodes(winding: Winding) -> tuple[list[Node], list[Node]]:
    """Return the nodes of a winding's phases, and that of its neutral if it is not ground."""
    bus, nodes = winding.terminal
    split = len(nodes) - 1 if winding.connection is Connection.WYE_N else len(nodes)
    phases, neutral = _nodes(bus, nodes[:split]), _nodes(bus, nodes[split:])
    # From ground to a phase: half of a centre-tapped coil, its polarity turned.
    return (phases, neutral) if phases else (neutral, [])


def _nodes(bus: str, nodes: Iterable[int]) -> list[Node]:
    return [(bus, node) for node in nodes if node]


def places(feeder: Feeder) -> dict[Node, Place]:
    """Place of every node that the source reaches over closed branches."""
    edges = _edges(feeder, over_open=False)
    found = {(feeder.source.bus, phase): Place(0.0, HEAD_ZONE, None) for phase in (1, 2, 3)}
    queue = deque(found)
    while queue:
        node = queue.popleft()
        here = found[node]
        for to, length_km, zone in edges.get(node, ()):
            if to not in found:
                found[to] = Place(here.distance_km + length_km, zone or here.zone, node)
                queue.append(to)
    return found


def reachable(feeder: Feeder) -> set[Node]:
    """Nodes that the source reaches if every switch is closed.

    A neutral conductor that is earthed through a reactor or a section of line counts
    too, and what hangs on it: it has a potential without any source.
    """
    edges = _edges(feeder, over_open=True)
    found = _walk(edges, {(feeder.source.bus, phase) for phase in (1, 2, 3)})
    earthed = {
        node
        for reactor in feeder.reactors.values()
        if reactor.to is None
        and (reactor.connection is not Connection.DELTA or 0 in reactor.from_.phases)
        for node in _nodes(*reactor.from_)
    }
    for branch in (*feeder.lines.values(), *feeder.switches.values(), *feeder.reactors.values()):
        if branch.to is not None:
            earthed |= _earthed(branch.from_, branch.to)
    neutrals = {
        node: [edge for edge in found_edges if edge[0][1] >= FIRST_NEUTRAL]
        for node, found_edges in edges.items()
        if node[1] >= FIRST_NEUTRAL
    }
    return found | _walk(neutrals, {node for node in earthed if node[1] >= FIRST_NEUTRAL})


def _walk(edges: _Edges, start: set[Node]) -> set[Node]:
    """Nodes that can be reached from some."""
    found, queue = set(start), deque(start)
    while queue:
        for to, _, _ in edges.get(queue.popleft(), ()):
            if to not in found:
                found.add(to)
                queue.append(to)
    return found
