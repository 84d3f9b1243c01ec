"""The interior on a device: the matrix products of `parts`.

Legs and sites are ordered by part, so that those of a part are a slice: `legs` and
`sites` tell the order. Borders are the boundary nodes that the parts touch, part by
part; one that several touch stands there several times.
"""

from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.torch_engine.devices import ToDevice
from grid_fed_rl.powerflow.torch_engine.levels import padded
from grid_fed_rl.powerflow.torch_engine.parts import Part

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["InteriorOnDevice"]

Index = NDArray[np.int64]


class _Block(NamedTuple):
    """What gives some voltages of a part."""

    rows: slice
    legs: slice
    borders: slice
    across: "Tensor"  # (voltage, leg)
    inward: "Tensor"  # (voltage, border)
    v_source: "Tensor"  # (voltage, 1)


class InteriorOnDevice:
    """The parts of a network on a device.

    Args:
        network: The network.
        parts: Its parts.
        order: (node,) boundary node at each position of the boundary's elimination.
        tensor: Puts an array on the device.

    Attributes:
        legs: (leg,) the network's legs in the order of the currents.
        sites: (site,) the network's sites in the order of their voltages.
    """

    def __init__(self, network: Network, parts: list[Part], order: Index, tensor: ToDevice) -> None:
        n_interior, at = network.elimination.n_interior, network.sites.position
        position = np.argsort(order)
        is_site = np.zeros(n_interior, dtype=np.bool_)
        is_site[at[at < n_interior]] = True
        site_at = np.zeros(network.n_nodes, dtype=np.int64)
        site_at[at] = np.arange(len(at))

        self.legs = _joined(part.legs for part in parts)
        inside = [is_site[part.nodes] for part in parts]
        within = _joined(p.nodes[one] for p, one in zip(parts, inside, strict=True))
        beyond = at[at >= n_interior]
        self.sites = site_at[np.concatenate([within, beyond])]
        self._n_within = len(within)
        self._beyond = tensor(position[beyond - n_interior])
        self._nodes = _blocks(parts, [np.ones_like(one) for one in inside], tensor)
        self._sites = _blocks(parts, inside, tensor)
        eliminated = _joined([*(part.nodes for part in parts), n_interior + order])
        self._columns = tensor(np.argsort(network.elimination.order[eliminated]))
        self._arriving = [
            (block.borders, block.legs, tensor(part.arriving))
            for block, part in zip(self._nodes, parts, strict=True)
        ]
        self._gather_borders(network, parts, position, tensor)

    def _gather_borders(
        self, network: Network, parts: list[Part], position: Index, tensor: ToDevice
    ) -> None:
        """Which boundary node a border is, and which borders a node has."""
        node = position[_joined(part.borders for part in parts)]
        of_node: list[list[int]] = [[] for _ in range(len(position) + 1)]
        for border, k in enumerate(node.tolist()):
            of_node[k].append(border)
        source = np.zeros((len(of_node), 1), dtype=np.complex128)
        np.add.at(source[:, 0], node, _joined((p.arriving_source for p in parts), np.complex128))
        n_interior, sites = network.elimination.n_interior, network.sites
        at = sites.source >= n_interior
        source_pu = sites.source_re[at] + 1j * sites.source_im[at]
        source[position[sites.source[at] - n_interior], 0] += source_pu
        borders = padded(of_node, len(node))
        self._node, self._source = tensor(node), tensor(source)
        self._borders, self._width = tensor(borders.ravel()), borders.shape[1]

    def arriving(self, currents: "Tensor") -> "Tensor":
        """(boundary node + 1, row) current left for the boundary; the last is 0."""
        import torch

        rows = currents.shape[1]
        at_border = currents.new_zeros((len(self._node) + 1, rows))
        for borders, legs, matrix in self._arriving:
            torch.mm(matrix, currents[legs], out=at_border[borders])
        if not self._width:
            return self._source.repeat(1, rows)
        gathered = at_border.index_select(0, self._borders).view(-1, self._width, rows)
        return gathered.sum(1) + self._source

    def at_sites(self, currents: "Tensor", boundary: "Tensor") -> "Tensor":
        """(site + 1, row) voltage; ground, the last, is 0.

        Args:
            currents: (leg, row) what each leg injects.
            boundary: (boundary node + 1, row) voltage of the boundary.
        """
        v = currents.new_empty((len(self.sites) + 1, currents.shape[1]))
        self._fill(self._sites, v, currents, boundary)
        v[self._n_within : -1] = boundary.index_select(0, self._beyond)
        v[-1] = 0.0
        return v

    def everywhere(self, currents: "Tensor", boundary: "Tensor") -> "Tensor":
        """(row, node) voltage, in the columns of the network."""
        v = currents.new_empty((len(self._columns), currents.shape[1]))
        self._fill(self._nodes, v, currents, boundary)
        v[len(v) - len(boundary) + 1 :] = boundary[:-1]
        return v.T.index_select(1, self._columns)

    def _fill(
        self, blocks: list[_Block], v: "Tensor", currents: "Tensor", boundary: "Tensor"
    ) -> None:
        import torch

        border = boundary.index_select(0, self._node)
        for block in blocks:
            some = v[block.rows]
            torch.addmm(block.v_source, block.across, currents[block.legs], out=some)
            some.addmm_(block.inward, border[block.borders])


def _joined(arrays: Iterable[np.ndarray], kind: DTypeLike = np.int64) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *arrays])


def _slices(counts: Iterable[int]) -> list[slice]:
    """Where each of several stands in the whole."""
    return [slice(a, b) for a, b in pairwise(accumulate(counts, initial=0))]


def _blocks(parts: list[Part], rows: list[NDArray[np.bool_]], tensor: ToDevice) -> list[_Block]:
    """The products that give some rows of each part."""
    wheres = zip(
        _slices(int(one.sum()) for one in rows),
        _slices(len(part.legs) for part in parts),
        _slices(len(part.borders) for part in parts),
        strict=True,
    )
    return [
        _Block(
            *where,
            across=tensor(part.across[one]),
            inward=tensor(part.inward[one]),
            v_source=tensor(part.v_source[one, None]),
        )
        for where, part, one in zip(wheres, parts, rows, strict=True)
    ]
