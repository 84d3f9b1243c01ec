"""Does a feeder say what its script says? OpenDSS builds both; admittances are compared."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.opendss.circuit import Circuit, new_context
from grid_fed_rl.feeders.opendss.commands import commands

__all__ = ["admittance_differences"]

Nodal = tuple[list[str], NDArray[np.complex128]]  # nodes, admittance between them

_BRANCHES = ("vsource", "line", "transformer", "reactor", "capacitor")
_SNAPSHOT = 0  # of OpenDSS's modes; in others the admittance of a load is of some hour


def admittance_differences(circuit: Circuit, feeder: Feeder) -> dict[str, float]:
    """Compare every element of the feeder with that of the script it was read from.

    Args:
        circuit: The compiled script.
        feeder: What was read from it.

    Returns:
        By ``class.name``, the largest difference between the two admittance
        matrices over the nodes that the element stands on, as a share of the
        larger one's largest entry. Elements that only one of them has are left out.
    """
    from opendssdirect import DSSException

    ours, renamed = new_context(), circuit.report.renamed
    try:
        for command in commands(feeder):
            ours.Text.Command(command)
        circuit.number_nodes(ours)
    except DSSException as error:
        raise FeederError(f"OpenDSS refuses what was read from the script: {error}") from error
    kinds = _BRANCHES
    if int(circuit.dss.Solution.Mode()) == _SNAPSHOT:
        kinds = (*_BRANCHES, "load")
    there = set(_enabled(ours))
    differences = {}
    for name in _enabled(circuit.dss):
        kind = name.partition(".")[0]
        here = f"{kind}.{renamed[name]}" if name in renamed else name
        if kind in kinds and here in there and name not in circuit.apart:
            first, second = _nodal(circuit.dss, name, renamed), _nodal(ours, here, {})
            differences[name] = _difference(first, second)
    return differences


def _enabled(dss: Any) -> list[str]:
    """Names of the elements that take part; the others have no nodes."""
    names = []
    for name in dss.Circuit.AllElementNames():
        dss.Circuit.SetActiveElement(name)
        if dss.CktElement.Enabled():
            names.append(str(name).lower())
    return sorted(names)


def _difference(first: Nodal, second: Nodal) -> float:
    nodes = sorted({*first[0], *second[0]})
    at = {node: k for k, node in enumerate(nodes)}
    difference = np.zeros((len(nodes), len(nodes)), dtype=np.complex128)
    for sign, (own, y) in ((1.0, first), (-1.0, second)):
        columns = [at[node] for node in own]
        np.add.at(difference, np.ix_(columns, columns), sign * y)
    keep = [k for k, node in enumerate(nodes) if not node.endswith(".0")]
    scale = max(float(np.abs(y).max(initial=0.0)) for _, y in (first, second))
    largest = float(np.abs(difference[np.ix_(keep, keep)]).max(initial=0.0))
    return largest / scale if scale else 0.0


def _nodal(dss: Any, name: str, renamed: Mapping[str, str]) -> Nodal:
    """Node of every conductor of an element, and its primitive admittance."""
    dss.Circuit.SetActiveElement(name)
    at = dss.CktElement
    n = int(at.NumConductors())
    buses = [str(bus).lower().partition(".")[0] for bus in at.BusNames()]
    buses = [renamed.get(f"bus.{bus}", bus) for bus in buses]
    nodes = [f"{buses[k // n]}.{node}" for k, node in enumerate(at.NodeOrder())]
    y = np.asarray(at.YPrim(), dtype=np.float64).view(np.complex128)
    return nodes, y.reshape(len(nodes), len(nodes))
