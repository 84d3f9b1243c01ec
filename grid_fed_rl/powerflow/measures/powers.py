"""What loads draw, DER inject and the substation delivers."""

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow import answers
from grid_fed_rl.powerflow.batched import injections_pu
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.measures.losses import element_losses
from grid_fed_rl.powerflow.network import S_BASE_KVA, Network

__all__ = ["der_kvar", "der_kw", "load_kvar", "load_kw", "source_kva", "source_kvar", "source_kw"]

Real = NDArray[np.float64]


def _injected(network: Network, flow: PowerFlow) -> tuple[Real, Real]:
    """Injection of loads, then DER, at their voltage: (batch, element) kW and kvar."""
    p, q = injections_pu(flow.setpoint)
    p_out, q_out = np.zeros_like(p), np.zeros_like(q)
    v_pu = np.ascontiguousarray(flow.v_pu)
    answers.leg_powers(network.legs, network.leg_nodes, p, q, v_pu, p_out, q_out)
    return p_out * S_BASE_KVA, q_out * S_BASE_KVA


def load_kw(network: Network, flow: PowerFlow) -> Real:
    """Active power that every load draws at its voltage: (batch, load)."""
    return -_injected(network, flow)[0][:, : len(network.loads)]


def load_kvar(network: Network, flow: PowerFlow) -> Real:
    """Reactive power that every load draws at its voltage: (batch, load)."""
    return -_injected(network, flow)[1][:, : len(network.loads)]


def der_kw(network: Network, flow: PowerFlow) -> Real:
    """Active power that every DER injects at its voltage: (batch, der)."""
    return _injected(network, flow)[0][:, len(network.loads) :]


def der_kvar(network: Network, flow: PowerFlow) -> Real:
    """Reactive power that every DER injects at its voltage: (batch, der)."""
    return _injected(network, flow)[1][:, len(network.loads) :]


def source_kva(network: Network, flow: PowerFlow) -> NDArray[np.complex128]:
    """Complex power that the substation delivers at its bus, what all elements take: (batch,).

    Kirchhoff has it equal to the source's own voltage drop over its impedance, of
    which a stiff source leaves few digits.
    """
    p_kw, q_kvar = _injected(network, flow)
    taken = element_losses(network, flow).kva.sum(axis=1)
    return taken - p_kw.sum(axis=1) - 1j * q_kvar.sum(axis=1)


def source_kw(network: Network, flow: PowerFlow) -> Real:
    """Active power that the substation delivers at its bus: (batch,)."""
    return source_kva(network, flow).real


def source_kvar(network: Network, flow: PowerFlow) -> Real:
    """Reactive power that the substation delivers at its bus: (batch,)."""
    return source_kva(network, flow).imag
