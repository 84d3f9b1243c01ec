"""What a time series can record of every step.

A quantity is one number a step, or one an element a step. Steps that did not
converge are NaN in quantities of voltage and power.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow import measures
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import Network

__all__ = ["ALWAYS", "DEFAULT", "QUANTITIES", "Quantity", "measure", "quantities_of"]

_ROWS_AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something a time series can record.

    Attributes:
        text: What it is, for people.
        columns: Names of its elements; None where it is one number a step.
        measure: (batch,) or (batch, element) of a flow.
        needs_solution: Whether it means nothing where a step did not converge.
    """

    text: str
    columns: Callable[[Network], tuple[str, ...]] | None
    measure: Callable[[Network, PowerFlow], NDArray]
    needs_solution: bool = True


def _of_flow(measure: Callable[[PowerFlow], NDArray]) -> Callable[[Network, PowerFlow], NDArray]:
    """A measure that needs no network."""
    return lambda _, flow: measure(flow)


def _phases(network: Network) -> slice | NDArray[np.int64]:
    """Columns of nodes that are phases: a neutral near 0 V is no low voltage."""
    is_phase = [name[-2:] in {".1", ".2", ".3"} for name in network.node_names]
    return slice(None) if all(is_phase) else np.flatnonzero(is_phase)


def _extreme(
    network: Network, flow: PowerFlow, reduce: Callable[[NDArray], NDArray]
) -> NDArray[np.float64]:
    """(batch,) a magnitude of the row, found among squares, which cost a fifth of roots."""
    out, phases = np.empty(len(flow.v_pu)), _phases(network)
    for first in range(0, len(out), _ROWS_AT_ONCE):  # so that they stay in the cache
        v = flow.v_pu[first : first + _ROWS_AT_ONCE, phases]
        out[first : first + _ROWS_AT_ONCE] = reduce(v.real * v.real + v.imag * v.imag)
    return np.sqrt(out)


def _without_dead(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    return squares if squares.all() else np.where(squares > 0.0, squares, np.inf)


def _v_min_pu(network: Network, flow: PowerFlow) -> NDArray[np.float64]:
    low = _extreme(network, flow, lambda squares: _without_dead(squares).min(axis=1))
    return np.where(np.isfinite(low), low, np.nan)


def _v_max_pu(network: Network, flow: PowerFlow) -> NDArray[np.float64]:
    return _extreme(network, flow, lambda squares: squares.max(axis=1))


def _v_min_node(network: Network, flow: PowerFlow) -> NDArray[np.int32]:
    phases = np.arange(network.n_nodes, dtype=np.int32)[_phases(network)]
    return phases[_without_dead(np.abs(flow.v_pu[:, phases])).argmin(axis=1)]


def _v_max_node(network: Network, flow: PowerFlow) -> NDArray[np.int32]:
    phases = np.arange(network.n_nodes, dtype=np.int32)[_phases(network)]
    return phases[np.abs(flow.v_pu[:, phases]).argmax(axis=1)]


def _loading(network: Network, flow: PowerFlow) -> NDArray[np.float64]:
    return measures.loading(network, flow).share


def _nodes(network: Network) -> tuple[str, ...]:
    return network.node_names


def _loads(network: Network) -> tuple[str, ...]:
    return network.loads


def _ders(network: Network) -> tuple[str, ...]:
    return network.ders


def _regulators(network: Network) -> tuple[str, ...]:
    return network.regulators


def _capacitors(network: Network) -> tuple[str, ...]:
    return network.capacitors


QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "converged": Quantity(
            "whether the step was solved", None, _of_flow(lambda f: f.converged), False
        ),
        "settled": Quantity(
            "whether its controls came to rest", None, _of_flow(lambda f: f.settled), False
        ),
        "iterations": Quantity("iterations it took", None, _of_flow(lambda f: f.iterations), False),
        "v_min_pu": Quantity("lowest voltage of a live phase", None, _v_min_pu),
        "v_max_pu": Quantity("highest voltage of a phase", None, _v_max_pu),
        "v_min_node": Quantity("column of the node with the lowest", None, _v_min_node, False),
        "v_max_node": Quantity("column of the node with the highest", None, _v_max_node, False),
        "v_pu": Quantity(
            "voltage magnitude, 0 where dead", _nodes, _of_flow(lambda f: np.abs(f.v_pu))
        ),
        "v_deg": Quantity("voltage angle", _nodes, _of_flow(lambda f: np.angle(f.v_pu, deg=True))),
        "losses_kw": Quantity("active losses", None, measures.losses_kw),
        "losses_kvar": Quantity("reactive losses", None, measures.losses_kvar),
        "source_kw": Quantity("active power from the substation", None, measures.source_kw),
        "source_kvar": Quantity("reactive power from the substation", None, measures.source_kvar),
        "load_kw": Quantity("active power each load draws", _loads, measures.load_kw),
        "load_kvar": Quantity("reactive power each load draws", _loads, measures.load_kvar),
        "der_kw": Quantity("active power each DER injects", _ders, measures.der_kw),
        "der_kvar": Quantity("reactive power each DER injects", _ders, measures.der_kvar),
        "loading": Quantity("share of its rating, 1 is rated", measures.rated_branches, _loading),
        "taps": Quantity(
            "tap position, steps from neutral",
            _regulators,
            _of_flow(lambda f: f.setpoint.tap_position),
            False,
        ),
        "capacitors": Quantity(
            "steps closed", _capacitors, _of_flow(lambda f: f.setpoint.capacitor_step), False
        ),
    }
)

ALWAYS = ("converged", "settled", "iterations")
DEFAULT = ("v_min_pu", "v_max_pu", "losses_kw", "source_kw", "source_kvar", "taps", "capacitors")


def quantities_of(record: Sequence[str]) -> dict[str, Quantity]:
    """Quantities by name, those that are always recorded first.

    Raises:
        PowerFlowError: there is no quantity of a name.
    """
    for name in record:
        if name not in QUANTITIES:
            raise PowerFlowError(f"record: no quantity {name!r}; known: {', '.join(QUANTITIES)}")
    return {name: QUANTITIES[name] for name in dict.fromkeys((*ALWAYS, *record))}


def measure(
    network: Network, flow: PowerFlow, quantities: Mapping[str, Quantity]
) -> dict[str, NDArray]:
    """Every quantity of every row."""
    lost = ~flow.converged
    values: dict[str, NDArray] = {}
    for name, quantity in quantities.items():
        array = quantity.measure(network, flow)
        if quantity.needs_solution and lost.any():
            array = array.astype(np.float64)
            array[lost] = np.nan
        values[name] = array
    return values
