"""Measures: magnitudes, losses against a second sum and against OpenDSS, loads."""

from collections.abc import Callable

import numpy as np
import pytest

from grid_fed_rl.feeders import Connection, Feeder, Load, LoadModel, Pv, Terminal
from grid_fed_rl.powerflow import (
    Network,
    Setpoint,
    compile_network,
    measures,
    nominal_setpoint,
    primitives,
    solve,
)

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


BASE_LOSSES_KW = {"ieee13": 112.588363, "ieee123": 96.731347}


def test_base_losses(network: Network) -> None:
    """Taps at neutral, capacitors closed, nominal loads."""
    setpoint = nominal_setpoint(network)
    losses_kw = measures.losses_kw(network, solve(network, setpoint))
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
