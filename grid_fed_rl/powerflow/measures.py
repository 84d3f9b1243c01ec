"""What a solved power flow says: magnitudes, losses, loads, source power."""

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow import answers
from grid_fed_rl.powerflow.batched import injections_pu
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import S_BASE_KVA, Network

__all__ = ["der_kw", "load_kw", "losses_kw", "source_kw", "v_magnitude_pu"]

Real = NDArray[np.float64]


def v_magnitude_pu(flow: PowerFlow) -> Real:
    """Voltage magnitude of every node: (batch, node)."""
    return np.abs(flow.v_pu)


def losses_kw(network: Network, flow: PowerFlow) -> Real:
    """Active losses of all branches, transformers and capacitors: (batch,).

    ``Re(v^H Y v)`` over the admittances of the network without its source: what
    the branches burn, summed branch by branch and so exact where the difference
    of two large powers would not be.
    """
    nodes, y = network.source_nodes, network.source_admittance_pu
    v = flow.v_pu[:, nodes]
    current = network.source_current_pu[nodes] - v @ y.T
    delivered = (v * current.conj()).sum(axis=1).real * S_BASE_KVA
    return delivered + _element_kw(network, flow).sum(axis=1)


def _element_kw(network: Network, flow: PowerFlow) -> Real:
    p, q = injections_pu(flow.setpoint)
    p_out, q_out = np.zeros_like(p), np.zeros_like(q)
    v_pu = np.ascontiguousarray(flow.v_pu)
    answers.leg_powers(network.legs, network.elimination.order, p, q, v_pu, p_out, q_out)
    return p_out * S_BASE_KVA


def load_kw(network: Network, flow: PowerFlow) -> Real:
    """Active power that every load draws at its voltage: (batch, load)."""
    return -_element_kw(network, flow)[:, : len(network.loads)]


def der_kw(network: Network, flow: PowerFlow) -> Real:
    """Active power that every DER injects at its voltage: (batch, der)."""
    return _element_kw(network, flow)[:, len(network.loads) :]


def source_kw(network: Network, flow: PowerFlow) -> Real:
    """Active power that the substation delivers: (batch,).

    The balance of losses, loads and DER (KCL holds at every node).
    """
    elements = _element_kw(network, flow)
    return losses_kw(network, flow) - elements.sum(axis=1)
