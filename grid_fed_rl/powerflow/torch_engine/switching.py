"""Which nodes a row's switches leave alive, all rows at once."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.torch_engine.devices import ToDevice

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Switching"]

Index = NDArray[np.int64]


class Switching:
    """The zones of a network on a device; see `islands`.

    Args:
        network: The network.
        order: (node,) boundary node at each position of the boundary's elimination.
        sites: (site,) the network's sites in the order they are asked for.
        tensor: Puts an array on the device.
    """

    def __init__(self, network: Network, order: Index, sites: Index, tensor: ToDevice) -> None:
        zones = network.zones
        self._alive = tensor(zones.alive[:, None])
        self._factor, self._from, self._to = (
            tensor(end) for end in (zones.edge_factor, zones.edge_from, zones.edge_to)
        )
        of, position = zones.of, network.elimination.position
        self._of_border = tensor(of[network.elimination.n_interior + order])
        self._of_site = tensor(of[network.sites.position[sites]])
        self._of_node = tensor(of[position])

    def zones(self, factor: "Tensor") -> "Tensor":
        """(zone, row) 1 where a closed path leads to the source, otherwise 0."""
        closed = (factor.index_select(0, self._factor) != 0.0).to(factor.dtype)
        alive = self._alive.repeat(1, factor.shape[1])
        while True:
            # Whole numbers, so their order does not matter.
            reached = alive.index_add(0, self._to, closed * alive.index_select(0, self._from))
            reached.clamp_(max=1.0)
            if reached.equal(alive):
                return alive
            alive = reached

    def borders(self, alive: "Tensor") -> "Tensor":
        """(boundary node, row) of its zone."""
        return alive.index_select(0, self._of_border)

    def sites(self, alive: "Tensor") -> "Tensor":
        """(site, row) of its zone."""
        return alive.index_select(0, self._of_site)

    def nodes(self, alive: "Tensor") -> "Tensor":
        """(row, node) of its zone."""
        return alive.T.index_select(1, self._of_node)
