"""How voltages and currents answer to small changes of powers and taps.

The power flow solves ``Y v = i_source + i(v, s)``, where the legs of loads and DER
inject ``i = (p g_p(|u|) - j q g_q(|u|)) u`` at their voltage u. A current depends on
u and on its conjugate, so that a small change ds of an injection or a tap moves the
voltages by the dv that solves

    (Y - di/dv) dv - di/dconj(v) conj(dv) = (di/ds - dY/ds v) ds

a linear system in the real and imaginary parts of dv, solved exactly, row by row.
With ``h = p g_p - j q g_q`` and ``h' = dh/d|u|`` a leg contributes
``di/du = h + |u| h' / 2`` and ``di/dconj(u) = u^2 h' / (2 |u|)``.

For constant power this is the system of K. Christakou, J.-Y. Le Boudec, M. Paolone
and D.-C. Tomozei, "Efficient computation of sensitivity coefficients of node voltages
and line currents in unbalanced radial electrical distribution networks", IEEE
Transactions on Smart Grid 4(2), 2013, pp. 741-750, doi:10.1109/TSG.2012.2221751;
here for every load model, delta connections, meshes and any transformer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow.branches import Conductors
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.linearised import Inputs, linearised
from grid_fed_rl.powerflow.network import Network

__all__ = ["Response", "Sensitivity", "sensitivity"]

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Response:
    """Derivatives by one kind of input, at every row's operating point.

    Attributes:
        inputs: What is moved: names of the last axis.
        v_pu: (batch, node, input) of the complex voltage.
        v_magnitude_pu: (batch, node, input) of its magnitude.
        current_a: (batch, conductor, input) of the complex current into a branch, A.
        current_magnitude_a: (batch, conductor, input) of its magnitude.
    """

    inputs: tuple[str, ...]
    v_pu: Complex
    v_magnitude_pu: Real
    current_a: Complex
    current_magnitude_a: Real

    def index(self, name: str) -> int:
        """Column of an input.

        Raises:
            PowerFlowError: no derivative by it was asked for.
        """
        if name not in self.inputs:
            raise PowerFlowError(f"no sensitivity to {name!r}; there are {', '.join(self.inputs)}")
        return self.inputs.index(name)


@dataclass(frozen=True)
class Sensitivity:
    """How voltages and branch currents answer to injections and taps.

    ``s.p.v_magnitude_pu[:, network.node_index["671.1"], s.p.index("load.671")]``

    Attributes:
        p: By active injection, per kW.
        q: By reactive injection, per kvar.
        taps: By tap position, per step.
        conductors: What the columns of currents are.
    """

    p: Response
    q: Response
    taps: Response
    conductors: Conductors


def _elements(network: Network) -> tuple[str, ...]:
    """Loads and DER by kind and name, in the order of the injections' columns."""
    feeder = network.feeder
    return (
        *(f"load.{name}" for name in feeder.loads),
        *(f"pv.{name}" for name in feeder.pvs),
        *(f"storage.{name}" for name in feeder.storages),
        *(f"generator.{name}" for name in feeder.generators),
    )


def _injections(network: Network, names: Sequence[str] | None) -> tuple[tuple[str, ...], Inputs]:
    """Columns of loads, DER and nodes by name."""
    elements = _elements(network)
    names = elements if names is None else tuple(names)
    column_of = {name: k for k, name in enumerate(elements)}
    element = np.full(len(names), -1)
    node = np.full(len(names), -1)
    for k, name in enumerate(names):
        if name in column_of:
            element[k] = column_of[name]
        elif name in network.node_index:
            node[k] = network.node_index[name]
        else:
            raise PowerFlowError(
                f"no load, DER or node {name!r}; names are such as 'load.671', 'pv.roof' or, "
                f"of a node, {network.node_names[0]!r}"
            )
    return names, Inputs(element, node)


def _regulators(network: Network, names: Sequence[str] | None) -> tuple[tuple[str, ...], list[int]]:
    names = network.regulators if names is None else tuple(names)
    for name in names:
        if name not in network.regulators:
            known = ", ".join(network.regulators) or "none"
            raise PowerFlowError(f"no regulator {name!r}; there are {known}")
    return names, [network.regulators.index(name) for name in names]


def sensitivity(
    network: Network,
    flow: PowerFlow,
    *,
    p: Sequence[str] | None = None,
    q: Sequence[str] | None = None,
    taps: Sequence[str] | None = None,
    currents: Sequence[str] = (),
) -> Sensitivity:
    """Derivatives of voltages and branch currents at every row's operating point.

    An injection into the grid is positive: moving a load by one kilowatt more of
    *nominal* consumption is minus its column. A load or DER is moved by its nominal
    power, which it answers to by its own law of voltage, all its legs alike; a node
    by constant power between it and ground. Rows that did not converge are NaN, dead
    nodes 0. Where a load stands at an end of its window, the derivative is that from
    below. On a large feeder name the inputs you need: an answer has 16 bytes a row,
    node and input.

    Args:
        network: The compiled feeder.
        flow: Its power flow, solved to a tolerance well below the accuracy wanted.
        p: What to move by active power: loads and DER such as ``load.671``,
            ``pv.roof``, ``storage.one``, ``generator.two``, or nodes such as
            ``671.1``; every load and DER where not given.
        q: The same by reactive power.
        taps: Regulators; all where not given.
        currents: Branches whose currents to differentiate, such as ``line.650632``.

    Raises:
        PowerFlowError: there is no such load, DER, node, regulator or branch.
    """
    p_names, p_inputs = _injections(network, p)
    q_names, q_inputs = _injections(network, q)
    tap_names, tap_columns = _regulators(network, taps)
    table = network.branches
    chosen = [k for element in currents for k in table.conductors.indices(element)]
    edges = np.cumsum([0, len(p_names), len(q_names), len(tap_names)])
    answer = linearised(network, flow, p_inputs, q_inputs, tap_columns, chosen)
    responses = [
        Response(names, *(getattr(answer, f.name)[:, :, first:last] for f in fields(answer)))
        for names, first, last in zip(
            (p_names, q_names, tap_names), edges[:-1], edges[1:], strict=True
        )
    ]
    return Sensitivity(*responses, conductors=table.conductors.take(chosen))
