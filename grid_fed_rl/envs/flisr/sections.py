"""Sections: what no switch divides. They are what a fault takes out, and what is restored.

A section has up to three phases, and a one-phase tie brings back one of them alone.
A *vertex* is a phase of a section, number ``3 * section + phase - 1``; conductors of
switches are edges between vertices of one phase.
"""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from grid_fed_rl.envs.flisr.joining_kernels import joined
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import SwitchKind, Terminal
from grid_fed_rl.powerflow import Network

__all__ = ["PHASES", "Sections", "Standing", "sections_of"]

PHASES = 3
PROTECTIVE = (SwitchKind.BREAKER, SwitchKind.RECLOSER)

Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Standing:
    """How switches in some states join the sections.

    Attributes:
        label: (lane, vertex) lowest vertex that each hangs together with.
        live: (lane, vertex) whether the source feeds it.
    """

    label: Index
    live: Flags


@dataclass(frozen=True, eq=False)
class Sections:
    """The sections of a feeder and the switches between them.

    Attributes:
        names: (section,) the bus behind the switch that normally feeds it; the first is
            the substation's own.
        switches: (switch,) names, as the network orders them.
        ends: (switch, 2) sections that it joins.
        edge_switch: (edge,) switch that a conductor belongs to.
        edge_from: (edge,) vertex.
        edge_to: (edge,) vertex.
        protective: (switch,) whether it trips by itself.
        normal: (switch,) whether it is closed when nothing is wrong.
        exists: (vertex,) whether the section has that phase.
        length_km: (section,) of line in it.
        load_section: (load,) where it stands.
        load_vertex: (load, 3) what must be live for it to be served; repeats fill up.
        node_section: (node,) where it stands.
        node_vertex: (node, 3) what must be live for it to be; repeats fill up.
    """

    names: tuple[str, ...]
    switches: tuple[str, ...]
    ends: Index
    edge_switch: Index
    edge_from: Index
    edge_to: Index
    protective: Flags
    normal: Flags
    exists: Flags
    length_km: NDArray[np.float64]
    load_section: Index
    load_vertex: Index
    node_section: Index
    node_vertex: Index

    def standing(self, closed: Flags) -> Standing:
        """How switch states (lane, switch) join the sections, phase by phase."""
        n = PHASES * len(self.names)
        label = joined(closed, self.edge_switch, self.edge_from, self.edge_to, n)
        source = label[:, np.arange(n) % PHASES]  # the substation is section 0
        return Standing(label, (label == source) & self.exists)

    def areas(self, closed: Flags) -> Index:
        """(lane, section) lowest section each hangs together with, by any phase."""
        every = np.arange(len(self.switches))
        return joined(closed, every, self.ends[:, 0], self.ends[:, 1], len(self.names))

    def loops(self, closed: Flags, label: Index) -> Index:
        """(lane,) independent closed loops, of the phase that has most of them."""
        on = closed[:, self.edge_switch]
        root = label == np.arange(label.shape[1])
        phase = self.edge_from % PHASES
        per_phase = [
            on[:, phase == k].sum(axis=1) - (len(self.names) - root[:, k::PHASES].sum(axis=1))
            for k in range(PHASES)
        ]
        return np.max(per_phase, axis=0)

    def any_phase(self, vertices: Flags) -> Flags:
        """(lane, section) whether a flag stands on any of its phases."""
        return np.asarray(vertices.reshape(len(vertices), -1, PHASES).any(axis=2))

    def serves(self, live: Flags) -> Flags:
        """(lane, load) whether a load has all its phases, where vertices are live."""
        return np.asarray(live[:, self.load_vertex].all(axis=2))

    def energises(self, live: Flags) -> Flags:
        """(lane, node) whether a node has all that feeds it."""
        return np.asarray(live[:, self.node_vertex].all(axis=2))

    def by_switch(self, edges: Flags) -> Flags:
        """(lane, switch) whether a flag of (lane, edge) stands on any conductor of it."""
        return np.logical_or.reduceat(edges, self._first_edge, axis=1)

    @cached_property
    def _first_edge(self) -> Index:
        return np.flatnonzero(np.diff(self.edge_switch, prepend=-1))


def sections_of(network: Network) -> Sections:
    """Sections of a compiled feeder.

    Raises:
        TaskError: the feeder has no switch, joins unlike phases by one, is not radial as
            it normally stands, leaves a section dead, or has no protective switch between
            the substation and a section.
    """
    feeder = network.feeder
    if not feeder.switches:
        raise TaskError(f"feeder {feeder.name!r} has no switch; nothing can be restored")
    zone, bus_section = _zones_and_sections(network)
    names, order = _names(network, bus_section)
    section_of = {bus: order[at] for bus, at in bus_section.items() if at in order}
    edges = _edges(network, section_of)
    at_zone, node_section = _zone_vertices(network, zone, section_of, len(names))
    node_vertex = _filled([at_zone[z] for z in zone])
    loads = list(feeder.loads.values())
    length_km = np.zeros(len(names))
    for line in feeder.lines.values():
        length_km[section_of[line.from_.bus]] += line.length_m / 1000.0
    exists = np.zeros(PHASES * len(names), dtype=bool)
    exists[:PHASES] = exists[edges[1]] = exists[edges[2]] = True
    switches = list(feeder.switches.values())
    made = Sections(
        names=names,
        switches=network.switches,
        ends=np.array([[section_of[one.from_.bus], section_of[one.to.bus]] for one in switches]),
        edge_switch=edges[0],
        edge_from=edges[1],
        edge_to=edges[2],
        protective=np.array([one.kind in PROTECTIVE for one in switches]),
        normal=np.array([one.closed for one in switches]),
        exists=exists,
        length_km=length_km,
        load_section=np.array([section_of[one.terminal.bus] for one in loads], dtype=np.int64),
        load_vertex=_filled([_needed(network, one.terminal, node_vertex) for one in loads]),
        node_section=node_section,
        node_vertex=node_vertex,
    )
    _check(made, feeder.name)
    return made


def _zones_and_sections(network: Network) -> tuple[Index, dict[str, int]]:
    """(node,) what hangs together without switches; section of each bus, any number."""
    zone = np.empty(len(network.node_names), dtype=np.int64)
    zone[network.elimination.order] = network.zones.of
    buses = {bus: k for k, bus in enumerate(network.feeder.buses)}
    of_node = [buses[name.rpartition(".")[0]] for name in network.node_names]
    n = len(buses) + int(zone.max()) + 1
    pairs = (np.ones(len(zone)), (of_node, len(buses) + zone))
    _, component = connected_components(coo_matrix(pairs, shape=(n, n)), directed=False)
    return zone, {bus: int(component[k]) for bus, k in buses.items()}


def _names(network: Network, bus_section: dict[str, int]) -> tuple[tuple[str, ...], dict[int, int]]:
    """Names of the sections from the substation outward, and number of each component."""
    feeder = network.feeder
    order = {bus_section[feeder.source.bus]: 0}
    names, queue = [feeder.source.bus], deque(order)
    while queue:
        here = queue.popleft()
        for switch in feeder.switches.values():
            for near, far in ((switch.from_, switch.to), (switch.to, switch.from_)):
                beyond = bus_section[far.bus]
                if switch.closed and bus_section[near.bus] == here and beyond not in order:
                    order[beyond] = len(names)
                    names.append(far.bus)
                    queue.append(beyond)
    for bus, at in bus_section.items():
        if at not in order:
            raise TaskError(
                f"feeder {feeder.name!r}: bus {bus!r} is dead while every switch stands as it "
                f"normally does; close a switch towards it"
            )
    return tuple(names), order


def _edges(network: Network, section_of: dict[str, int]) -> tuple[Index, Index, Index]:
    edges = []
    for k, switch in enumerate(network.feeder.switches.values()):
        if switch.from_.phases != switch.to.phases or max(switch.from_.phases) > PHASES:
            raise TaskError(
                f"switch {switch.name!r} joins {switch.from_} and {switch.to}; expected like phases"
            )
        one, other = (PHASES * section_of[end.bus] - 1 for end in (switch.from_, switch.to))
        edges += [(k, one + phase, other + phase) for phase in switch.from_.phases]
    columns = np.array(edges, dtype=np.int64).T
    return columns[0].copy(), columns[1].copy(), columns[2].copy()


def _zone_vertices(
    network: Network, zone: Index, section_of: dict[str, int], n_sections: int
) -> tuple[list[list[int]], Index]:
    """Vertices of each zone, and section of each node.

    A zone is one phase of a section mostly; behind a transformer of three phases it is
    all of them. One that no switch ends in, a neutral say, is taken as its whole section.
    """
    at: list[set[int]] = [set() for _ in range(int(zone.max()) + 1)]
    ends = [end for one in network.feeder.switches.values() for end in (one.from_, one.to)]
    for bus, phases in (*ends, Terminal(network.feeder.source.bus, (1, 2, 3))):
        for phase in phases:
            node = network.node_index[f"{bus}.{phase}"]
            at[zone[node]].add(PHASES * section_of[bus] + phase - 1)
    whole: list[set[int]] = [set() for _ in range(n_sections)]
    for vertex in (v for vertices in at for v in vertices):
        whole[vertex // PHASES].add(vertex)
    node_section = np.array([section_of[name.rpartition(".")[0]] for name in network.node_names])
    for node, z in enumerate(zone):
        at[z] = at[z] or whole[node_section[node]]
    return [sorted(vertices) for vertices in at], node_section


def _needed(network: Network, terminal: Terminal, node_vertex: Index) -> list[int]:
    phases = [phase for phase in terminal.phases if 0 < phase <= PHASES]
    nodes = [network.node_index[f"{terminal.bus}.{phase}"] for phase in phases]
    return sorted({int(v) for v in node_vertex[nodes].ravel()})


def _filled(vertices: list[list[int]]) -> Index:
    """(item, 3): shorter lists repeat their last."""
    return np.array(
        [[*some, *some[-1:] * (PHASES - len(some))] for some in vertices], dtype=np.int64
    ).reshape(-1, PHASES)


def _check(sections: Sections, feeder: str) -> None:
    normal = sections.normal[None]
    if sections.loops(normal, sections.standing(normal).label)[0]:
        raise TaskError(f"feeder {feeder!r} is not radial as its switches normally stand")
    unguarded = sections.areas(~sections.protective[None])[0]
    for section in range(1, len(sections.names)):
        if unguarded[section] == unguarded[0]:
            raise TaskError(
                f"feeder {feeder!r}: no breaker or recloser stands on some way from the "
                f"substation to section {sections.names[section]!r}; make one of its switches so"
            )
