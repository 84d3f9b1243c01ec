"""A feeder as points and segments: what every picture of it is drawn from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.drawing.layout import Edge, FeederLayout, feeder_edges, feeder_layout
from grid_fed_rl.feeders import Feeder
from grid_fed_rl.powerflow import Network

__all__ = ["FeederShape", "bus_nodes", "farthest_pu"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FeederShape:
    """Where a feeder's buses and branches are.

    Attributes:
        feeder: What is drawn.
        layout: Where its buses are.
        edges: Its branches.
        column: Of each bus, in the order of the layout.
    """

    feeder: Feeder
    layout: FeederLayout
    edges: list[Edge]
    column: dict[str, int]

    @classmethod
    def of(cls, feeder: Feeder) -> Self:
        """The shape of a feeder, its switches as its records have them."""
        column = {name: k for k, name in enumerate(feeder.buses)}
        return cls(feeder, feeder_layout(feeder), feeder_edges(feeder), column)

    def at(self, bus: str) -> tuple[float, float]:
        """Where a bus is."""
        k = self.column[bus]
        return float(self.layout.x[k]), float(self.layout.y[k])

    def middle(self, edge: Edge) -> tuple[float, float]:
        """The middle of an edge."""
        (x_1, y_1), (x_2, y_2) = self.at(edge.from_), self.at(edge.to)
        return (x_1 + x_2) / 2.0, (y_1 + y_2) / 2.0

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """(edge, 2) columns of the buses that each edge joins."""
        ends = [[self.column[e.from_], self.column[e.to]] for e in self.edges]
        return np.array(ends, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def segments(self) -> Floats:
        """(edge, end, xy) both ends of each edge."""
        return np.stack([self.layout.x[self.ends], self.layout.y[self.ends]], axis=-1)

    @cached_property
    def regulated(self) -> dict[str, Edge]:
        """The edge that each regulator stands in, by the regulator's name."""
        edges: dict[str, Edge] = {}
        for edge in self.edges:
            edges.setdefault(edge.element, edge)
        return {
            name: edges[f"transformer.{one.transformer}"]
            for name, one in self.feeder.regulators.items()
            if f"transformer.{one.transformer}" in edges
        }


def bus_nodes(network: Network) -> NDArray[np.int64]:
    """(bus, 3) node of each phase of a bus; -1 where the bus has no such phase."""
    feeder = network.feeder
    nodes = np.full((len(feeder.buses), 3), -1)
    for k, bus in enumerate(feeder.buses):
        for phase in feeder.phases_of(bus):
            if phase <= 3:
                nodes[k, phase - 1] = network.node_index[f"{bus}.{phase}"]
    return nodes


def farthest_pu(nodes: NDArray[np.int64], v_pu: Floats) -> Floats:
    """Magnitude at each bus of the live phase farthest from nominal.

    Args:
        nodes: (bus, 3) as of `bus_nodes`.
        v_pu: (node,) magnitudes, 0 where dead.

    Returns:
        (bus,) per unit; 0 where no phase is live.
    """
    here = np.where(nodes >= 0, v_pu[nodes], 0.0)
    away = np.where(here > 0.0, np.abs(here - 1.0), -1.0)
    return np.take_along_axis(here, away.argmax(axis=1)[:, None], axis=1)[:, 0]
