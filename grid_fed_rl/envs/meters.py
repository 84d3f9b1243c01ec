"""What meters see: some nodes only, and not exactly."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.observation import scaled_voltage
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network
from grid_fed_rl.scenarios import draw_uniform

__all__ = ["MeteredVoltages", "metered_nodes"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeteredVoltages:
    """Voltage magnitude of metered nodes, with the error of their meters.

    Errors are normal and independent from node to node and step to step; what a lane
    sees depends on its seed and episode and on no other lane. The default spread,
    0.2 % of the reading for two standard deviations, is that of ANSI C12.20 meters of
    class 0.2.

    Args:
        network: The compiled feeder.
        nodes: Such as ``("671.1", "671.2")``.
        spread: Standard deviation of a reading, as a share of it.

    Raises:
        TaskError: there is no such node, or the spread is negative.
    """

    network: Network
    nodes: tuple[str, ...]
    spread: float = 0.001

    def __post_init__(self) -> None:
        for node in self.nodes:
            if node not in self.network.node_index:
                raise TaskError(
                    f"meters: feeder {self.network.feeder.name!r} has no node {node!r}; nodes "
                    f"are such as {', '.join(self.network.node_names[:3])}"
                )
        if not self.spread >= 0.0:
            raise TaskError(f"meters: spread is {self.spread}; expected 0 or more")

    @property
    def names(self) -> tuple[str, ...]:
        """One entry a metered node."""
        return tuple(f"v:{node}" for node in self.nodes)

    @cached_property
    def _columns(self) -> NDArray[np.int64]:
        return np.array([self.network.node_index[node] for node in self.nodes], dtype=np.int64)

    def __call__(self, snapshot: Snapshot) -> Floats:
        """(v - 1) / 0.1 of the readings, clipped."""
        v_pu = snapshot.v_pu[:, self._columns]
        if self.spread:
            v_pu *= 1.0 + self.spread * self._error(snapshot)
        return scaled_voltage(v_pu)

    def _error(self, snapshot: Snapshot) -> Floats:
        """Standard normal, (lane, node), by G. E. P. Box and M. E. Muller (1958)."""
        n = len(self.nodes)
        first = snapshot.step.astype(np.uint64)[:, None] * np.uint64(2 * n)
        counter = first + np.arange(2 * n, dtype=np.uint64)
        uniform = draw_uniform(snapshot.chance[:, None], counter)
        radius = np.sqrt(-2.0 * np.log1p(-uniform[:, :n]))
        return radius * np.cos(2.0 * math.pi * uniform[:, n:])


def metered_nodes(network: Network) -> tuple[str, ...]:
    """Where a utility meters at least: the substation, and what its devices stand on.

    That is every node of a regulator, switched capacitor, storage or generator, in the
    order of the network.
    """
    feeder = network.feeder
    terminals = [one.terminal for one in feeder.capacitors.values()]
    terminals += [one.terminal for one in (*feeder.storages.values(), *feeder.generators.values())]
    for regulator in feeder.regulators.values():
        windings = feeder.transformers[regulator.transformer].windings
        terminals += [winding.terminal for winding in windings]
    columns = {k for terminal in terminals for k in network.nodes_of(terminal) if k >= 0}
    columns |= set(network.source_nodes.tolist())
    return tuple(network.node_names[k] for k in sorted(columns))
