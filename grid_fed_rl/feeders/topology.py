"""What hangs on what: distance and regulation zone of every node.

One walk from the source outward, phase by phase, over closed branches. On a
meshed feeder the first way to a node in order of hops counts.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import Terminal

__all__ = ["HEAD_ZONE", "Place", "places"]

HEAD_ZONE = "head"

Node = tuple[str, int]  # bus, phase


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


@dataclass(frozen=True, slots=True)
class _Edge:
    to: Node
    length_km: float
    zone: str | None  # the zone beyond it, where it begins one


def _edges(feeder: Feeder) -> dict[Node, list[_Edge]]:
    edges: dict[Node, list[_Edge]] = defaultdict(list)

    def join(pairs: Iterable[tuple[Node, Node]], length_km: float, zone: str | None) -> None:
        for a, b in pairs:
            edges[a].append(_Edge(b, length_km, zone))
            edges[b].append(_Edge(a, length_km, None))

    for line in feeder.lines.values():
        join(_conductors(line.from_, line.to), line.length_m / 1000.0, None)
    for switch in feeder.switches.values():
        if switch.closed:
            join(_conductors(switch.from_, switch.to), 0.0, None)
    regulated = {r.transformer: r.name for r in feeder.regulators.values()}
    for transformer in feeder.transformers.values():
        first, second = (winding.terminal for winding in transformer.windings[:2])
        # A coil between two phases brings both of them to the other side.
        across = _conductors if len(first.phases) == len(second.phases) else _all_pairs
        join(across(first, second), 0.0, regulated.get(transformer.name))
    return edges


def _nodes(terminal: Terminal) -> list[Node]:
    return [(terminal.bus, phase) for phase in terminal.phases]


def _conductors(a: Terminal, b: Terminal) -> Iterable[tuple[Node, Node]]:
    return zip(_nodes(a), _nodes(b), strict=True)


def _all_pairs(a: Terminal, b: Terminal) -> Iterable[tuple[Node, Node]]:
    return product(_nodes(a), _nodes(b))


def places(feeder: Feeder) -> dict[Node, Place]:
    """Place of every node that the source reaches."""
    edges = _edges(feeder)
    found = {(feeder.source.bus, phase): Place(0.0, HEAD_ZONE, None) for phase in (1, 2, 3)}
    queue = deque(found)
    while queue:
        node = queue.popleft()
        here = found[node]
        for edge in edges[node]:
            if edge.to not in found:
                zone = edge.zone or here.zone
                found[edge.to] = Place(here.distance_km + edge.length_km, zone, node)
                queue.append(edge.to)
    return found
