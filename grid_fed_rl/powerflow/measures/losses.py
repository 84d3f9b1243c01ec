"""Losses, element by element and in all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow import measure_kernels
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.measures.rows import by_rows
from grid_fed_rl.powerflow.network import Network

__all__ = ["ElementLosses", "element_losses", "losses_kvar", "losses_kw"]


@dataclass(frozen=True, slots=True)
class ElementLosses:
    """What every element takes from the grid and does not pass on.

    Attributes:
        elements: (element,) such as ``line.650632``: lines, switches, transformers
            with their core, reactors, capacitors.
        kva: (batch, element) complex, kW and kvar; a capacitor's kvar are negative.
    """

    elements: tuple[str, ...]
    kva: NDArray[np.complex128]

    def index(self, element: str) -> int:
        """Column of an element.

        Raises:
            PowerFlowError: there is no such element.
        """
        if element not in self.elements:
            raise PowerFlowError(
                f"no branch {element!r}; names are such as {', '.join(self.elements[:3])}"
            )
        return self.elements.index(element)


def element_losses(network: Network, flow: PowerFlow) -> ElementLosses:
    """Losses of every element: ``sum(d conj(Y d))`` over its voltage drops.

    Of a line, those are the drops along its conductors, and so its losses are exact
    where the difference of the powers at its ends would not be.
    """
    table = network.branches
    out = np.empty((len(flow.v_pu), len(table.elements)), dtype=np.complex128)
    by_rows(measure_kernels.element_losses, network, flow, table.loss, out)
    return ElementLosses(table.elements, out)


def losses_kw(network: Network, flow: PowerFlow, threads: int | None = 1) -> NDArray[np.float64]:
    """Active losses of lines, switches, transformers and series reactors: (batch,).

    As OpenDSS's total, without what stands on one bus: shunt reactors have their
    place in `element_losses`.

    Args:
        network: The compiled feeder.
        flow: Its power flow.
        threads: Threads to spread the rows over; None for all processors.
    """
    out, terms = np.empty(len(flow.v_pu)), network.branches.active
    by_rows(measure_kernels.active_losses, network, flow, terms, out, threads=threads)
    return out


def losses_kvar(network: Network, flow: PowerFlow) -> NDArray[np.float64]:
    """Reactive losses of the same elements, their charging deducted: (batch,).

    Capacitors and shunt reactors are none of them.
    """
    is_shunt = network.branches.is_shunt
    return element_losses(network, flow).kva[:, ~is_shunt].imag.sum(axis=1)
