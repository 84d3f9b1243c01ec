"""Loops of closed branches, for those who need a tree."""

from collections import defaultdict, deque
from collections.abc import Iterator

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import Transformer
from grid_fed_rl.feeders.topology import Node, conductors, winding_nodes

__all__ = ["loops"]

_Pairs = list[tuple[Node, Node]]


class _Forest:
    """Trees of nodes that grow together as branches are added."""

    def __init__(self) -> None:
        self._root: dict[Node, Node] = {}
        self._next: dict[Node, list[tuple[Node, str]]] = defaultdict(list)

    def root(self, node: Node) -> Node:
        """Return what stands for the tree of a node."""
        while (above := self._root.get(node, node)) != node:
            self._root[node] = self._root.get(above, above)
            node = above
        return node

    def join(self, a: Node, b: Node, branch: str) -> None:
        """Join two trees by a branch."""
        self._root[self.root(a)] = self.root(b)
        self._next[a].append((b, branch))
        self._next[b].append((a, branch))

    def way(self, a: Node, b: Node) -> list[str]:
        """Return the branches between two nodes of one tree, in order."""
        came: dict[Node, tuple[Node, str]] = {a: (a, "")}
        queue = deque([a])
        while b not in came:
            node = queue.popleft()
            for to, branch in self._next[node]:
                if to not in came:
                    came[to] = (node, branch)
                    queue.append(to)
        found = list[str]()
        while b != a:
            b, branch = came[b]
            found.append(branch)
        return found[::-1]


def _banks(feeder: Feeder) -> Iterator[list[tuple[str, _Pairs]]]:
    """Branches with the pairs of nodes they join; transformers by bank.

    Transformers between the same buses, and the jumper of an open delta beside
    them, make one bank: its coils close no loop among themselves.
    """
    closed = [s for s in feeder.switches.values() if s.closed]
    sections = [(f"line {line.name!r}", line.from_, line.to) for line in feeder.lines.values()]
    sections += [(f"switch {switch.name!r}", switch.from_, switch.to) for switch in closed]
    for reactor in feeder.reactors.values():
        if reactor.to is not None:
            sections.append((f"reactor {reactor.name!r}", reactor.from_, reactor.to))
    banks: dict[frozenset[str], list[tuple[str, _Pairs]]] = defaultdict(list)
    for transformer in feeder.transformers.values():
        buses = frozenset(winding.terminal.bus for winding in transformer.windings)
        banks[buses].append((f"transformer {transformer.name!r}", _coils(transformer)))
    for name, near, far in sections:
        buses, branch = frozenset({near.bus, far.bus}), (name, conductors(near, far))
        if buses in banks:
            banks[buses].append(branch)
        else:
            yield [branch]
    yield from banks.values()


def _coils(transformer: Transformer) -> _Pairs:
    """Pairs of nodes between the windings; none that ties the phases of one side together."""
    near, *others = (winding_nodes(winding)[0] for winding in transformer.windings)
    return [
        pair
        for far in others
        for pair in (
            zip(near, far, strict=True) if len(near) == len(far) else ((near[0], b) for b in far)
        )
    ]


def loops(feeder: Feeder) -> list[tuple[str, ...]]:
    """Find the loops of closed branches, each as the branches it is made of.

    Of loops that share branches, as many are named as branches would have to go
    to leave a tree. A loop counts once, not once a phase.
    """
    forest, found = _Forest(), dict[frozenset[str], tuple[str, ...]]()
    for bank in _banks(feeder):
        own = _Forest()
        for branch, pairs in bank:
            for a, b in pairs:
                if own.root(a) == own.root(b):
                    continue
                own.join(a, b, branch)
                if forest.root(a) == forest.root(b):
                    loop = (*dict.fromkeys(forest.way(a, b)), branch)
                    found.setdefault(frozenset(loop), loop)
                else:
                    forest.join(a, b, branch)
    return list(found.values())
