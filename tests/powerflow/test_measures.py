"""Measures: definitions and laws; `test_measures_opendss` holds them to OpenDSS."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import Connection, Feeder, Load, LoadModel, Pv, Terminal, load
from grid_fed_rl.powerflow import (
    Network,
    Setpoint,
    compile_network,
    measures,
    nominal_setpoint,
    primitives,
    solve,
)
from tests.powerflow.balance import assert_currents_add_up

WYE, DELTA = Connection.WYE, Connection.DELTA


def burnt_kw(network: Network, setpoint: Setpoint, row: int) -> float:
    """Losses once more, element by element: R |I|^2 of lines and switches, V I* of the rest."""
    feeder = network.feeder
    flow = solve(network, setpoint.rows(slice(row, row + 1)), tolerance_pu=1e-13)
    v_v = (flow.v_pu[0] * network.v_base_v).astype(np.clongdouble)
    watts = 0.0
    closed = zip(feeder.switches.values(), setpoint.switch_closed[row], strict=True)
    for line in [*feeder.lines.values(), *(switch for switch, is_closed in closed if is_closed)]:
        code = feeder.line_codes[line.code]
        km = line.length_m / 1000.0
        z_ohm = np.array(code.z_ohm_per_km) * km
        drop_v = v_v[network.nodes_of(line.from_)] - v_v[network.nodes_of(line.to)]
        current_a = np.linalg.inv(z_ohm) @ drop_v  # of the series branch: charging burns nothing
        watts += float((current_a.conj() @ z_ohm.real @ current_a).real)
    taps = dict(zip(network.regulators, setpoint.tap_position[row], strict=True))
    tap_of = {
        regulator.transformer: 1.0 + regulator.step_pu * float(taps[name])
        for name, regulator in feeder.regulators.items()
    }
    for name, transformer in feeder.transformers.items():
        nodes = [n for w in transformer.windings for n in network.nodes_of(w.terminal)]
        y = primitives.transformer_admittance(transformer, (1.0, tap_of.get(name, 1.0)))
        watts += float((v_v[nodes] @ (y @ v_v[nodes]).conj()).real)
    return watts / 1000.0


def test_losses_are_the_sum_of_what_every_element_burns(
    network: Network, random_setpoint: Callable[[Network, int], Setpoint]
) -> None:
    setpoint = random_setpoint(network, 20)
    flow = solve(network, setpoint, tolerance_pu=1e-13)
    losses_kw = measures.losses_kw(network, flow)
    for row in range(20):
        assert losses_kw[row] == pytest.approx(burnt_kw(network, setpoint, row), rel=1e-8)


BASE_LOSSES_KW = {"ieee13": 112.588365, "ieee123": 96.731347}


def test_base_losses(network: Network) -> None:
    """Taps at neutral, capacitors closed, nominal loads."""
    setpoint = nominal_setpoint(network)
    losses_kw = measures.losses_kw(network, solve(network, setpoint, tolerance_pu=1e-12))
    assert losses_kw == pytest.approx(BASE_LOSSES_KW[network.feeder.name], abs=2e-6)


def test_losses_take_rows_of_any_layout(network: Network) -> None:
    setpoint = nominal_setpoint(network, 6).with_(load_kw=np.zeros(len(network.loads)))
    flow = solve(network, setpoint)
    every_other = flow.rows(slice(None, None, 2))
    np.testing.assert_array_equal(
        measures.losses_kw(network, every_other),
        measures.losses_kw(network, flow)[::2],
    )


def test_magnitudes(network: Network) -> None:
    flow = solve(network, nominal_setpoint(network))
    np.testing.assert_array_equal(measures.v_magnitude_pu(flow), np.abs(flow.v_pu))


# What a load of 90 kW + 40 kvar draws, as a share of nominal, at a voltage of its
# rating: window 0.9 to 1.1, impedance below 0.6 and above 1.1.
SHARES = {
    LoadModel.PQ: {
        0.5: 0.25,
        0.75: 0.75 * (0.6 + 0.5 * (1 / 0.9 - 0.6)),
        1.0: 1.0,
        1.05: 1.0,
        1.2: (1.2 / 1.1) ** 2,
    },
    LoadModel.I: {0.5: 0.25, 0.75: 0.75 * (0.6 + 0.5 * 0.4), 1.0: 1.0, 1.05: 1.05, 1.2: 1.44 / 1.1},
    LoadModel.Z: {0.5: 0.25, 0.75: 0.5625, 1.0: 1.0, 1.05: 1.1025, 1.2: 1.44},
}


@pytest.mark.parametrize("model", SHARES)
@pytest.mark.parametrize("connection", [WYE, DELTA])
def test_loads_draw_what_their_voltage_says(
    two_bus: Callable[..., Feeder], model: LoadModel, connection: Connection
) -> None:
    at_b = Terminal("b", (1, 2, 3))
    feeder = two_bus(loads=[Load("one", at_b, connection, model, 90.0, 40.0, 4.16, 0.9, 1.1, 0.6)])
    network = compile_network(feeder)
    shares = SHARES[model]
    setpoint = nominal_setpoint(network, len(shares))
    flow = solve(network, setpoint)
    a = np.exp(-2j * np.pi / 3)
    flow.v_pu[:, network.nodes_of(at_b)] = np.outer(list(shares), [1.0, a, a**2])
    drawn_kw = measures.load_kw(network, flow)[:, 0]
    np.testing.assert_allclose(drawn_kw, 90.0 * np.array(list(shares.values())), rtol=1e-12)


def test_der_inject_what_they_are_told_inside_their_window(two_bus: Callable[..., Feeder]) -> None:
    at_b = Terminal("b", (1, 2, 3))
    network = compile_network(two_bus(pvs=[Pv("roof", at_b, WYE, 4.16, 500.0, 500.0)]))
    setpoint = nominal_setpoint(network, 2).with_(der_kw=[[400.0], [-150.0]])
    flow = solve(network, setpoint)
    np.testing.assert_allclose(measures.der_kw(network, flow), setpoint.der_kw, rtol=1e-12)
    assert measures.load_kw(network, flow).shape == (2, 0)
    source_kw = measures.source_kw(network, flow)
    assert source_kw[0] < -390.0
    assert source_kw[1] > 150.0


def test_a_line_is_loaded_by_its_largest_current_and_a_transformer_by_its_power() -> None:
    feeder = load("ieee13")
    lines = {name: replace(line, amps=math.inf) for name, line in feeder.lines.items()}
    lines["650632"] = replace(lines["650632"], amps=600.0)
    network = compile_network(replace(feeder, lines=lines))
    flow = solve(network, nominal_setpoint(network))
    loading = measures.loading(network, flow)
    assert loading.elements == measures.rated_branches(network)
    assert "line.632633" not in loading.elements
    flows = measures.branch_flows(network, flow)
    line, sub = flows.indices("line.650632"), flows.indices("transformer.sub", end=1)
    share = dict(zip(loading.elements, loading.share[0], strict=True))
    assert share["line.650632"] == pytest.approx(np.abs(flows.current_a[0, line]).max() / 600.0)
    assert share["transformer.sub"] == pytest.approx(abs(flows.power_kva[0, sub].sum()) / 5000.0)


def test_loading_is_the_size_of_its_phasors() -> None:
    """Of lines the currents into end 1, then the powers of transformers; complex shares."""
    feeder = load("ieee13")
    lines = {name: replace(line, amps=600.0) for name, line in feeder.lines.items()}
    network = compile_network(replace(feeder, lines=lines))
    flow = solve(network, nominal_setpoint(network, 2).with_(tap_position=[[9, 6, 9], [0, 0, 0]]))
    loading, phasors = measures.loading(network, flow), measures.loading_phasors(network, flow)
    flows, column = measures.branch_flows(network, flow), 0
    is_transformer = np.array([name.startswith("transformer.") for name in loading.elements])
    assert 0 < is_transformer.sum() < len(is_transformer)
    for k in np.argsort(is_transformer, kind="stable"):
        at = flows.indices(loading.elements[k], end=1)
        if is_transformer[k]:
            kva = loading.share[:, k] / np.abs(flows.power_kva[:, at].sum(axis=1))
            expected = (flows.power_kva[:, at].sum(axis=1) * kva)[:, None]
        else:
            expected = flows.current_a[:, at] / 600.0
        found = phasors[:, column : column + expected.shape[1]]
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=loading.elements[k])
        column += expected.shape[1]
    assert column == phasors.shape[1]


def test_some_branches_are_the_same_as_among_all(network_13: Network) -> None:
    flow = solve(network_13, nominal_setpoint(network_13, 2))
    every = measures.branch_flows(network_13, flow)
    few = measures.branch_flows(network_13, flow, ["transformer.reg1", "line.650632"])
    for element, end, phase in (("transformer.reg1", 2, 1), ("line.650632", 1, 3)):
        a, b = every.index(element, end=end, phase=phase), few.index(element, end=end, phase=phase)
        np.testing.assert_array_equal(every.current_a[:, a], few.current_a[:, b])
        np.testing.assert_array_equal(every.power_kva[:, a], few.power_kva[:, b])


def test_an_unknown_conductor_is_named(network_13: Network) -> None:
    flows = measures.branch_flows(network_13, solve(network_13, nominal_setpoint(network_13)))
    with pytest.raises(PowerFlowError, match=r"no branch 'line\.1'; names are such as line\."):
        flows.index("line.1", end=1, phase=1)
    with pytest.raises(PowerFlowError, match=r"'line\.645646' has no conductor on end 1, phase 1"):
        flows.index("line.645646", end=1, phase=1)


def test_unbalance_by_its_three_definitions(two_bus: Callable[..., Feeder]) -> None:
    """The definitions worked out by hand for two dropped phases and one turned one."""
    network = compile_network(two_bus())
    flow = solve(network, nominal_setpoint(network))
    a = np.exp(-2j * np.pi / 3)
    at_b = network.nodes_of(Terminal("b", (1, 2, 3)))
    flow.v_pu[0, at_b] = [1.0, 0.97 * a, 0.94 * a**2]
    bus = measures.three_phase_buses(network).index("b")
    phase = measures.phase_unbalance_percent(network, flow)[0]
    assert phase[bus] == pytest.approx(100.0 * 0.03 / 0.97)
    sides = [math.sqrt(x * x + y * y + x * y) for x, y in ((1.0, 0.97), (0.97, 0.94), (0.94, 1.0))]
    mean = sum(sides) / 3.0
    line = measures.line_unbalance_percent(network, flow)[0]
    assert line[bus] == pytest.approx(100.0 * max(abs(side - mean) for side in sides) / mean)
    positive, negative = (1.0 + 0.97 + 0.94) / 3.0, abs(1.0 + 0.97 * a**2 + 0.94 * a**4) / 3.0
    sequence = measures.sequence_unbalance_percent(network, flow)[0]
    assert sequence[bus] == pytest.approx(100.0 * negative / positive)
    ratio = measures.negative_over_positive(network, flow)[0]
    assert ratio[bus] == pytest.approx((1.0 + 0.97 * a**2 + 0.94 * a**4) / 3.0 / positive)


def test_a_dead_bus_carries_nothing_and_has_no_unbalance(network_13: Network) -> None:
    setpoint = nominal_setpoint(network_13).with_(switch_closed=[[False]])
    flow = solve(network_13, setpoint)
    flows = measures.branch_flows(network_13, flow)
    assert (flows.current_a[0, flows.indices("switch.671692")] == 0.0).all()
    assert (flows.current_a[0, flows.indices("line.692675")] == 0.0).all()
    dead = measures.three_phase_buses(network_13).index("675")
    for unbalance in (
        measures.phase_unbalance_percent,
        measures.line_unbalance_percent,
        measures.sequence_unbalance_percent,
    ):
        assert np.isnan(unbalance(network_13, flow)[0, dead])
        assert np.isfinite(unbalance(network_13, flow)[0, 0])


def test_currents_of_a_batch_are_those_of_its_rows(
    network: Network, random_setpoint: Callable[[Network, int], Setpoint]
) -> None:
    flow = solve(network, random_setpoint(network, 9))
    batch = measures.branch_flows(network, flow)
    losses = measures.element_losses(network, flow)
    for row in range(9):
        one = flow.rows(slice(row, row + 1))
        np.testing.assert_array_equal(
            measures.branch_flows(network, one).power_kva[0], batch.power_kva[row]
        )
        np.testing.assert_array_equal(measures.element_losses(network, one).kva[0], losses.kva[row])
    np.testing.assert_allclose(
        measures.losses_kw(network, flow),
        losses.kva[:, [not e.startswith("capacitor.") for e in losses.elements]].real.sum(axis=1),
        rtol=1e-9,
    )


@pytest.mark.parametrize("name", ["ieee13", "ieee34", "ieee37", "ieee123", "european_lv"])
def test_currents_into_branches_are_what_source_and_loads_inject(
    name: str, random_setpoint: Callable[[Network, int], Setpoint]
) -> None:
    """Kirchhoff's first law, by the measured currents; and the balance of all powers."""
    network = compile_network(load(name))
    flow = solve(network, random_setpoint(network, 4), tolerance_pu=1e-12, max_iterations=1000)
    flow = flow.rows(flow.converged)
    assert len(flow.v_pu)
    # Ten million siemens of a closed switch times a last digit.
    assert_currents_add_up(network, flow, within_a=1e-4)
