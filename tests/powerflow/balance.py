"""Kirchhoff's first law by measured currents, and the balance of all powers."""

import numpy as np

from grid_fed_rl.powerflow import Network, PowerFlow, answers, measures
from grid_fed_rl.powerflow.assembly import S_BASE_KVA
from grid_fed_rl.powerflow.batched import injections_pu

__all__ = ["assert_currents_add_up"]


def assert_currents_add_up(
    network: Network, flow: PowerFlow, within_a: float, within_kva: float = 0.0
) -> None:
    """At every node, dead ones included; and what the source gives is what is taken."""
    flows, table = measures.branch_flows(network, flow), network.branches
    n, base_a = network.n_nodes, 1e6 / network.v_base_v
    into = np.zeros((len(flow.v_pu), n + 1), dtype=np.complex128)
    np.add.at(into.T, table.node, flows.current_a.T)
    legs, at = network.legs, np.append(network.leg_nodes, n)
    injected = np.zeros_like(into)
    by_leg = np.empty((len(flow.v_pu), len(legs.start)), dtype=np.complex128)
    answers.leg_currents(legs, network.leg_nodes, *injections_pu(flow.setpoint), flow.v_pu, by_leg)
    np.add.at(injected.T, at[legs.start], by_leg.T)
    np.subtract.at(injected.T, at[legs.stop], by_leg.T)
    nodes = network.source_nodes
    norton = network.source_current_pu[nodes] - flow.v_pu[:, nodes] @ network.source_admittance_pu.T
    injected[:, nodes] += norton
    imbalance_a = np.abs(into[:, :n] - injected[:, :n] * base_a).max()
    assert imbalance_a < within_a

    # What the source gives by its own impedance, against what all elements take.
    y, nodes = network.source_admittance_pu, network.source_nodes
    v = flow.v_pu[:, nodes]
    behind = np.linalg.solve(y, network.source_current_pu[nodes])
    given = (v * ((behind - v) @ y.T).conj()).sum(axis=1) * S_BASE_KVA
    told = measures.source_kw(network, flow) + 1j * measures.source_kvar(network, flow)
    np.testing.assert_allclose(told, given, rtol=1e-7, atol=within_kva)
