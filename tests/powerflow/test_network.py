"""Compiling a feeder: nodes, bases, flat start, and what is refused."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.errors import FeederError, PowerFlowError
from grid_fed_rl.feeders import Terminal, load
from grid_fed_rl.powerflow import Network, compile_network, kernels, nominal_setpoint, solve


def test_a_feeder_with_faults_is_refused_with_all_of_them() -> None:
    feeder = load("ieee13")
    loads = {**feeder.loads, "645": replace(feeder.loads["645"], kw=float("nan"))}
    with pytest.raises(FeederError) as caught:
        compile_network(replace(feeder, switches={}, loads=loads))
    assert "bus '675'" in str(caught.value)
    assert "load '645': kw is nan" in str(caught.value)


def test_an_odd_rating_is_the_feeders_own_affair() -> None:
    """It draws what it draws: EPRI's own scripts hold a few."""
    feeder = load("ieee13")
    odd = {**feeder.loads, "645": replace(feeder.loads["645"], kv=4.16)}
    network = compile_network(replace(feeder, loads=odd))
    assert solve(network, nominal_setpoint(network)).converged.all()


def test_nodes_follow_the_buses_phase_by_phase(network: Network) -> None:
    feeder = network.feeder
    expected = [f"{bus}.{phase}" for bus in feeder.buses for phase in feeder.phases_of(bus)]
    assert list(network.node_names) == expected
    assert network.n_nodes == {"ieee13": 41, "ieee123": 278}[feeder.name]
    assert [network.node_names[k] for k in network.node_index.values()] == expected


def test_bases_are_nominal_line_to_neutral_volts(network_13: Network) -> None:
    base_v = {name: network_13.v_base_v[network_13.node_index[name]] for name in ("671.2", "634.1")}
    assert base_v == pytest.approx({"671.2": 2401.7771, "634.1": 277.1281}, abs=1e-4)


def test_a_terminal_keeps_the_order_of_its_conductors(network_13: Network) -> None:
    nodes = network_13.nodes_of(Terminal("632", (3, 2)))
    assert [network_13.node_names[k] for k in nodes] == ["632.3", "632.2"]


def test_columns_are_the_feeders_names(network: Network) -> None:
    feeder = network.feeder
    assert network.regulators == tuple(feeder.regulators)
    assert network.capacitors == tuple(feeder.capacitors)
    assert network.loads == tuple(feeder.loads)
    assert network.ders == ()
    assert set(network.tap_lowest) == {-16}
    assert set(network.tap_highest) == {16}
    np.testing.assert_allclose(network.tap_step_pu, 0.00625, rtol=1e-12)


def test_without_load_every_voltage_is_near_its_nominal(network: Network) -> None:
    magnitude = np.abs(network.v_flat_pu)
    assert magnitude.min() > 0.99
    assert magnitude.max() < 1.02


def test_a_network_travels_to_another_process(network: Network) -> None:
    again = pickle.loads(pickle.dumps(network))
    assert again.feeder == network.feeder
    setpoint = nominal_setpoint(network, 3)
    np.testing.assert_array_equal(solve(again, setpoint).v_pu, solve(network, setpoint).v_pu)


def test_every_mix_of_arrays_meets_the_same_machine_code(network: Network) -> None:
    """Locked or not, contiguous or not: compiling once more would take seconds."""
    setpoint = nominal_setpoint(network, 4)
    locked = setpoint.with_(load_kw=setpoint.load_kw[0])
    apart = replace(locked, load_kvar=np.repeat(setpoint.load_kvar, 2, axis=1)[:, ::2])
    flow = solve(network, setpoint)
    solve(network, setpoint.rows(slice(0, 1)))
    known = len(kernels.solve_rows.signatures), len(kernels.solve_row.signatures)
    for one in (locked, apart, setpoint.rows(np.arange(4)), setpoint.rows(slice(0, 4))):
        start = np.tile(network.v_flat_pu, (4, 1))
        np.testing.assert_array_equal(solve(network, one, start_pu=start).v_pu, flow.v_pu)
        start.flags.writeable = False
        row = solve(network, one.rows(slice(2, 3)), start_pu=start[::2][:1])
        np.testing.assert_array_equal(row.v_pu[0], flow.v_pu[2])
    assert known == (len(kernels.solve_rows.signatures), len(kernels.solve_row.signatures))


def test_solve_goes_to_the_device_it_is_told(network: Network) -> None:
    setpoint = nominal_setpoint(network, 3)
    flow = solve(network, setpoint, device="cpu")
    np.testing.assert_allclose(flow.v_pu, solve(network, setpoint).v_pu, rtol=0, atol=1e-7)
    with pytest.raises(PowerFlowError, match="start_pu holds"):
        solve(network, setpoint, device="cpu", start_pu=np.full((1, network.n_nodes), np.nan + 0j))
    with pytest.raises(PowerFlowError, match="leave device out"):
        solve(network, setpoint, device="cpu", controls=True)
    with pytest.raises(PowerFlowError, match="leave device out"):
        solve(network, setpoint, device="cpu", engine="opendss")
