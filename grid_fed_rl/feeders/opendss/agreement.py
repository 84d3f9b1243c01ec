"""Does a feeder say what its script says? OpenDSS builds both; admittances are compared."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.opendss.circuit import Circuit, new_context
from grid_fed_rl.feeders.opendss.commands import commands

__all__ = ["admittance_differences"]

_BRANCHES = ("vsource", "line", "transformer", "reactor", "capacitor", "load")


def admittance_differences(circuit: Circuit, feeder: Feeder) -> dict[str, float]:
    """Compare every element of the feeder with that of the script it was read from.

    Args:
        circuit: The compiled script.
        feeder: What was read from it, with the script's own names.

    Returns:
        By ``class.name``, the largest difference between the two admittance
        matrices over the nodes that the element stands on, as a share of the
        larger one's largest entry. Elements that only one of them has are left out.
    """
    ours = new_context()
    for command in commands(feeder):
        ours.Text.Command(command)
    circuit.number_nodes(ours)
    names = {
        str(name).lower()
        for name in circuit.dss.Circuit.AllElementNames()
        if str(name).lower().partition(".")[0] in _BRANCHES
    }
    there = {str(name).lower() for name in ours.Circuit.AllElementNames()}
    return {
        name: _difference(circuit.dss, ours, name) for name in sorted(names & there - circuit.apart)
    }


def _difference(first: Any, second: Any, name: str) -> float:
    (nodes_a, a), (nodes_b, b) = (_nodal(dss, name) for dss in (first, second))
    nodes = sorted({*nodes_a, *nodes_b})
    at = {node: k for k, node in enumerate(nodes)}
    difference = np.zeros((len(nodes), len(nodes)), dtype=np.complex128)
    for sign, own, y in ((1.0, nodes_a, a), (-1.0, nodes_b, b)):
        columns = [at[node] for node in own]
        np.add.at(difference, np.ix_(columns, columns), sign * y)
    keep = [k for k, node in enumerate(nodes) if not node.endswith(".0")]
    scale = max(float(np.abs(y).max(initial=0.0)) for y in (a, b))
    largest = float(np.abs(difference[np.ix_(keep, keep)]).max(initial=0.0))
    return largest / scale if scale else 0.0


def _nodal(dss: Any, name: str) -> tuple[list[str], NDArray[np.complex128]]:
    """Node of every conductor of an element, and its primitive admittance."""
    dss.Circuit.SetActiveElement(name)
    at = dss.CktElement
    n = int(at.NumConductors())
    buses = [str(bus).lower().partition(".")[0] for bus in at.BusNames()]
    nodes = [f"{buses[k // n]}.{node}" for k, node in enumerate(at.NodeOrder())]
    y = np.asarray(at.YPrim(), dtype=np.float64).view(np.complex128)
    return nodes, y.reshape(len(nodes), len(nodes))
