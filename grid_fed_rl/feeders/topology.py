"""What hangs on what: distance and regulation zone of every node.

One walk from the source outward, phase by phase, over closed branches. On a
meshed feeder the first way to a node in order of hops counts.
"""

from collections import defaultdict, deque
from dataclasses import dataclass

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import Connection, Terminal

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

    def join(a: Terminal, b: Terminal, length_km: float = 0.0, zone: str | None = None) -> None:
        for p, q in zip(a.phases, b.phases, strict=True):
            edges[a.bus, p].append(_Edge((b.bus, q), length_km, zone))
            edges[b.bus, q].append(_Edge((a.bus, p), length_km, None))

    for line in feeder.lines.values():
        join(line.from_, line.to, line.length_m / 1000.0)
    for switch in feeder.switches.values():
        if switch.closed:
            join(switch.from_, switch.to)
    regulated = {r.transformer: r.name for r in feeder.regulators.values()}
    for transformer in feeder.transformers.values():
        first, second = transformer.windings
        if len(first.terminal.phases) == len(second.terminal.phases):
            join(first.terminal, second.terminal, zone=regulated.get(transformer.name))
            continue
        delta_first = first.connection is Connection.DELTA
        wide, narrow = (first, second) if delta_first else (second, first)
        for phase in wide.terminal.phases:
            one = Terminal(wide.terminal.bus, (phase,))
            join(one, narrow.terminal) if delta_first else join(narrow.terminal, one)
    return edges


def places(feeder: Feeder) -> dict[Node, Place]:
    """Place of every node that the source reaches."""
    edges = _edges(feeder)
    found: dict[Node, Place] = {}
    queue: deque[Node] = deque()
    for phase in (1, 2, 3):
        node = (feeder.source.bus, phase)
        found[node] = Place(0.0, HEAD_ZONE, None)
        queue.append(node)
    while queue:
        node = queue.popleft()
        here = found[node]
        for edge in edges[node]:
            if edge.to not in found:
                zone = edge.zone or here.zone
                found[edge.to] = Place(here.distance_km + edge.length_km, zone, node)
                queue.append(edge.to)
    return found
