"""Node voltages, and how unbalanced they are at three-phase buses.

The three measures of unbalance are those that P. Pillay and M. Manyage compare in
"Definitions of voltage unbalance", IEEE Power Engineering Review 21(5), 2001,
pp. 49-51, doi:10.1109/39.920965.
"""

import cmath
import math

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import Network

__all__ = [
    "line_unbalance_percent",
    "negative_over_positive",
    "phase_unbalance_percent",
    "sequence_unbalance_percent",
    "three_phase_buses",
    "v_angle_deg",
    "v_magnitude_pu",
]

Real = NDArray[np.float64]
TURN = cmath.rect(1.0, 2.0 * math.pi / 3.0)


def v_magnitude_pu(flow: PowerFlow) -> Real:
    """Voltage magnitude of every node: (batch, node)."""
    return np.abs(flow.v_pu)


def v_angle_deg(flow: PowerFlow) -> Real:
    """Voltage angle of every node, in (-180, 180]: (batch, node)."""
    return np.angle(flow.v_pu, deg=True)


def three_phase_buses(network: Network) -> tuple[str, ...]:
    """Buses with the nodes 1, 2 and 3: columns of the measures of unbalance."""
    return tuple(
        bus
        for bus in network.feeder.buses
        if all(f"{bus}.{phase}" in network.node_index for phase in (1, 2, 3))
    )


def _phases(network: Network, flow: PowerFlow) -> NDArray[np.complex128]:
    """Phase voltages of the three-phase buses: (batch, bus, phase)."""
    buses = three_phase_buses(network)
    columns = [[network.node_index[f"{bus}.{k}"] for k in (1, 2, 3)] for bus in buses]
    return flow.v_pu[:, np.array(columns, dtype=np.int64).reshape(-1, 3)]


def _deviation_percent(size: Real) -> Real:
    mean = size.mean(axis=-1)
    with np.errstate(invalid="ignore", over="ignore"):
        return 100.0 * np.abs(size - mean[..., None]).max(axis=-1) / mean


def phase_unbalance_percent(network: Network, flow: PowerFlow) -> Real:
    """Largest deviation of a phase voltage from the mean of the three: (batch, bus).

    The phase voltage unbalance rate of IEEE Std 112, on magnitudes to ground. NaN
    where a bus is dead.
    """
    return _deviation_percent(np.abs(_phases(network, flow)))


def line_unbalance_percent(network: Network, flow: PowerFlow) -> Real:
    """Largest deviation of a line-to-line voltage from their mean: (batch, bus).

    The line voltage unbalance rate of NEMA MG 1. NaN where a bus is dead.
    """
    v = _phases(network, flow)
    return _deviation_percent(np.abs(v - np.roll(v, -1, axis=-1)))


def sequence_unbalance_percent(network: Network, flow: PowerFlow) -> Real:
    """Voltage unbalance factor, negative over positive sequence: (batch, bus).

    ``100 |V2| / |V1|`` with Fortescue's components (IEC 61000-4-30, 5.7). NaN where
    a bus is dead.
    """
    positive, negative = _sequences(network, flow)
    with np.errstate(invalid="ignore"):
        return 100.0 * np.abs(negative) / np.abs(positive)


def negative_over_positive(network: Network, flow: PowerFlow) -> NDArray[np.complex128]:
    """The ratio whose size is the voltage unbalance factor: (batch, bus), complex.

    NaN where a bus is dead.
    """
    positive, negative = _sequences(network, flow)
    with np.errstate(invalid="ignore"):
        return negative / positive


def _sequences(
    network: Network, flow: PowerFlow
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Three times the positive and the negative sequence voltage: (batch, bus) each."""
    a, b, c = np.moveaxis(_phases(network, flow), -1, 0)
    return a + TURN * b + TURN**2 * c, a + TURN**2 * b + TURN * c
