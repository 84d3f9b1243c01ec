"""Currents and powers of every conductor of every branch, and loading."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow import measure_kernels
from grid_fed_rl.powerflow.branches import Conductors
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.measures.rows import by_rows
from grid_fed_rl.powerflow.network import Network

__all__ = [
    "BranchFlows",
    "Loading",
    "branch_flows",
    "loading",
    "loading_phasors",
    "rated_branches",
]

Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class BranchFlows:
    """Currents and powers that flow into branches, conductor by conductor.

    ``flows.current_a[:, flows.index("line.650632", end=1, phase=1)]``

    Attributes:
        conductors: What the columns are.
        current_a: (batch, conductor) into the element, A.
        power_kva: (batch, conductor) into the element, kW and kvar; 0 where a
            conductor lands on ground.
    """

    conductors: Conductors
    current_a: Complex
    power_kva: Complex

    def index(self, element: str, *, end: int = 1, phase: int) -> int:
        """Column of one conductor.

        Args:
            element: Such as ``line.650632``, ``switch.671692``, ``transformer.sub``.
            end: Terminal of the element, from 1; of a transformer, its winding.
            phase: Node of the bus the conductor lands on, 0 for ground.

        Raises:
            PowerFlowError: there is no such element, or it has no such conductor.
        """
        return self.conductors.index(element, end=end, phase=phase)

    def indices(self, element: str, *, end: int | None = None) -> list[int]:
        """Columns of all conductors of an element, or of one end of it.

        Raises:
            PowerFlowError: there is no such element.
        """
        return self.conductors.indices(element, end=end)


def branch_flows(
    network: Network, flow: PowerFlow, elements: Sequence[str] | None = None
) -> BranchFlows:
    """Currents and powers of all branches, or of those named.

    Args:
        network: The compiled feeder.
        flow: Its power flow.
        elements: Names such as ``line.650632``; all branches where not given.

    Raises:
        PowerFlowError: there is no such branch.
    """
    table = network.branches
    terms, node, conductors = table.current, table.node, table.conductors
    if elements is not None:
        columns = [k for element in elements for k in conductors.indices(element)]
        terms, node = terms.take(columns), node[columns]
        conductors = conductors.take(columns)
    base_kv = np.append(network.v_base_v, 0.0)[node] / 1000.0
    current_a = np.empty((len(flow.v_pu), len(node)), dtype=np.complex128)
    power_kva = np.empty_like(current_a)
    kernel = measure_kernels.branch_flows
    by_rows(kernel, network, flow, terms, node, base_kv, current_a, power_kva)
    return BranchFlows(conductors, current_a, power_kva)


@dataclass(frozen=True, slots=True)
class Loading:
    """How far branches are loaded.

    Attributes:
        elements: (element,) those that have a rating, such as ``line.650632``.
        share: (batch, element) of the rating; 1 is fully loaded.
    """

    elements: tuple[str, ...]
    share: NDArray[np.float64]


def rated_branches(network: Network) -> tuple[str, ...]:
    """Lines, switches and transformers with a rating: columns of `Loading.share`."""
    table = network.branches
    return tuple(table.elements[k] for k in np.flatnonzero(np.isfinite(table.rating)))


def loading(network: Network, flow: PowerFlow) -> Loading:
    """Loading of lines, switches and transformers against their ratings.

    Of a line or switch, the largest current of its conductors at either end over
    `amps`. Of a transformer, the apparent power into its first winding, all phases
    together, over that winding's kVA. Those without a rating are left out.
    """
    table, names = network.branches, rated_branches(network)
    rated = np.flatnonzero(np.isfinite(table.rating))
    share = np.empty((len(flow.v_pu), len(rated)))
    if not names:
        return Loading(names, share)
    flows = branch_flows(network, flow, names)
    first = np.cumsum([0, *(table.first[rated + 1] - table.first[rated])])[:-1]
    into_first = np.where(np.array(flows.conductors.ends) == 1, flows.power_kva, 0.0)
    kva = np.abs(np.add.reduceat(into_first, first, axis=1))
    amps = np.maximum.reduceat(np.abs(flows.current_a), first, axis=1)
    is_transformer = np.array([name.startswith("transformer.") for name in names])
    return Loading(names, np.where(is_transformer, kva, amps) / table.rating[rated])


def loading_phasors(network: Network, flow: PowerFlow) -> Complex:
    """What loading is the size of: (batch, thing), complex shares of ratings.

    The current into end 1 of each conductor of rated lines and switches, over `amps`, and
    then the power into winding 1 of rated transformers, over its kVA. Loading moves with
    injections as a size does, these as linearly as voltages.
    """
    table, names = network.branches, rated_branches(network)
    rated = np.flatnonzero(np.isfinite(table.rating))
    if not names:
        return np.empty((len(flow.v_pu), 0), dtype=np.complex128)
    flows = branch_flows(network, flow, names)
    n_conductors = table.first[rated + 1] - table.first[rated]
    is_transformer = np.array([name.startswith("transformer.") for name in names])
    enters = np.array(flows.conductors.ends) == 1
    of_line = enters & ~np.repeat(is_transformer, n_conductors)
    amps = np.repeat(table.rating[rated], n_conductors)[of_line]
    first = np.cumsum([0, *n_conductors])[:-1]
    kva: Complex = np.add.reduceat(flows.power_kva * enters, first, axis=1)
    powers = kva[:, is_transformer] / table.rating[rated][is_transformer]
    return np.concatenate([flows.current_a[:, of_line] / amps, powers], axis=1)
