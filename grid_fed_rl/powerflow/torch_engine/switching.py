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
        self._of_border = tensor(zones.of[network.elimination.n_interior + order])
        self._of_site = tensor(zones.of[network.sites.position[sites]])

    def alive(self, factor: "Tensor") -> "tuple[Tensor, Tensor]":
        """1 where a closed path leads to the source: (boundary node, row), (site, row)."""
        closed = (factor.index_select(0, self._factor) != 0.0).to(factor.dtype)
        alive = self._alive.repeat(1, factor.shape[1])
        while True:
            # Whole numbers, so their order does not matter.
            reached = alive.index_add(0, self._to, closed * alive.index_select(0, self._from))
            reached.index_add_(0, self._from, closed * alive.index_select(0, self._to))
            reached.clamp_(max=1.0)
            if reached.equal(alive):
                break
            alive = reached
        return alive.index_select(0, self._of_border), alive.index_select(0, self._of_site)
