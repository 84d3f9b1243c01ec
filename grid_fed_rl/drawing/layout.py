"""Where every bus of a feeder is drawn, and what joins it to which."""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Feeder

__all__ = ["Edge", "FeederLayout", "feeder_edges", "feeder_layout"]

_BESIDE = 0.012  # of the figure's diagonal, between a bus and one drawn beside it
_GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))  # never turns into the same direction twice


class Edge(NamedTuple):
    """A branch between two buses."""

    element: str  # such as ``line.650632``, as in `measures.branch_flows`
    from_: str  # bus
    to: str
    amps: float  # rating, infinite where unknown or not in amperes
    closed: bool


class FeederLayout(NamedTuple):
    """Where buses are drawn.

    Attributes:
        x: (bus,) in the order of the feeder's buses.
        y: (bus,)
        beside: Buses without coordinates that are drawn beside a neighbour.
        is_tree: No bus has coordinates; the feeder is drawn as a tree.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    beside: tuple[str, ...]
    is_tree: bool


def feeder_edges(feeder: Feeder) -> list[Edge]:
    """Every branch between two buses; a transformer from its first winding to each other."""
    edges = [
        Edge(f"line.{one.name}", one.from_.bus, one.to.bus, one.amps, True)
        for one in feeder.lines.values()
    ]
    edges += [
        Edge(f"switch.{one.name}", one.from_.bus, one.to.bus, one.amps, one.closed)
        for one in feeder.switches.values()
    ]
    for one in feeder.transformers.values():
        first, *others = (winding.terminal.bus for winding in one.windings)
        edges += [
            Edge(f"transformer.{one.name}", first, other, math.inf, True)
            for other in dict.fromkeys(others)
        ]
    edges += [
        Edge(f"reactor.{one.name}", one.from_.bus, one.to.bus, math.inf, True)
        for one in feeder.reactors.values()
        if one.to is not None
    ]
    return [edge for edge in edges if edge.from_ != edge.to]


def feeder_layout(feeder: Feeder) -> FeederLayout:
    """Lay out a feeder by its coordinates.

    A bus without coordinates goes between its neighbours, or beside the only one
    it has. A feeder without any is laid out as a tree from its source.
    """
    neighbours = _neighbours(feeder_edges(feeder))
    known = {
        name: (bus.x, bus.y)
        for name, bus in feeder.buses.items()
        if math.isfinite(bus.x) and math.isfinite(bus.y)
    }
    is_tree = not known
    if is_tree:
        places = _tree(feeder, neighbours)
    else:
        places = dict(known)
        x, y = np.array(list(known.values())).T
        step = _BESIDE * (math.hypot(np.ptp(x), np.ptp(y)) or 1.0)
        _fill(places, feeder.buses, neighbours, step)
    coordinates = np.array([places[name] for name in feeder.buses])
    beside = () if is_tree else tuple(name for name in feeder.buses if name not in known)
    return FeederLayout(coordinates[:, 0], coordinates[:, 1], beside, is_tree)


def _neighbours(edges: Iterable[Edge]) -> Mapping[str, list[str]]:
    neighbours = defaultdict[str, list[str]](list)
    for edge in edges:
        neighbours[edge.from_].append(edge.to)
        neighbours[edge.to].append(edge.from_)
    return neighbours


def _fill(
    places: dict[str, tuple[float, float]],
    buses: Iterable[str],
    neighbours: Mapping[str, Sequence[str]],
    step: float,
) -> None:
    """Place every bus that has no place, nearest to placed ones first."""
    missing = {name for name in buses if name not in places}
    queue = deque(name for name in places if not missing.isdisjoint(neighbours[name]))
    turns = defaultdict[str, int](int)
    while missing:
        if not queue:  # a part that nothing joins to the rest
            lonely = min(missing)
            left, bottom = np.array(list(places.values())).min(axis=0)
            places[lonely] = (float(left) - step * (1 + turns[""]), float(bottom) - step)
            turns[""] += 1
            missing.discard(lonely)
            queue.append(lonely)
        here = queue.popleft()
        for name in neighbours[here]:
            if name not in missing:
                continue
            around = [places[other] for other in dict.fromkeys(neighbours[name]) if other in places]
            if len(set(around)) > 1:
                x, y = np.mean(around, axis=0)
            else:
                angle = _GOLDEN_ANGLE * turns[here] + math.pi / 4
                turns[here] += 1
                x = places[here][0] + step * math.cos(angle)
                y = places[here][1] + step * math.sin(angle)
            places[name] = (float(x), float(y))
            missing.discard(name)
            queue.append(name)


def _tree(
    feeder: Feeder, neighbours: Mapping[str, Sequence[str]]
) -> dict[str, tuple[float, float]]:
    """Branches from the source to the right, leaves one below the other."""
    depth, children, order = {}, defaultdict[str, list[str]](list), []
    for root in (feeder.source.bus, *feeder.buses):
        if root in depth:
            continue
        depth[root] = 0
        queue = deque([root])
        while queue:
            here = queue.popleft()
            order.append(here)
            for name in neighbours[here]:
                if name not in depth:
                    depth[name] = depth[here] + 1
                    children[here].append(name)
                    queue.append(name)
    n_leaves = {}
    for name in reversed(order):
        n_leaves[name] = sum(n_leaves[child] for child in children[name]) or 1
    places, top = {}, {}
    free = 0
    for name in order:
        if depth[name] == 0:
            top[name] = free
            free += n_leaves[name]
        places[name] = (float(depth[name]), -float(top[name]))
        below = top[name]
        # The longest way goes straight on.
        for child in sorted(children[name], key=lambda child: -n_leaves[child]):
            top[child] = below
            below += n_leaves[child]
    return places
