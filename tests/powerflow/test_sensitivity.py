"""Sensitivities against central differences of the solver, and their laws."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import (
    Connection,
    Feeder,
    Generator,
    Load,
    LoadModel,
    Pv,
    Storage,
    Terminal,
    load,
)
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    Setpoint,
    compile_network,
    measures,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.sensitivity import Response, sensitivity
from tests.powerflow.contacts import with_contacts

WYE, WYE_N, DELTA = Connection.WYE, Connection.WYE_N, Connection.DELTA
ABC = (1, 2, 3)

# A volt's last digit times the ten million siemens of a closed switch: what the
# currents of two solutions differ by for no reason.
SWITCH_NOISE_A = 1e-5

# A controlled step is 1/4096 of a regulator's own, so that taps can be differentiated.
FINE = 4096

BRANCHES = {
    "ieee13": ("line.650632", "line.632645", "switch.671692", "transformer.reg1", "capacitor.cap1"),
    "ieee123": ("line.l115", "switch.sw2", "transformer.reg4a", "line.l31"),
}


def solved(network: Network, setpoint: Setpoint, tolerance_pu: float = 1e-13) -> PowerFlow:
    flow = solve(network, setpoint, tolerance_pu=tolerance_pu, max_iterations=1000)
    assert flow.converged.all()
    return flow


def differences(
    network: Network,
    setpoint: Setpoint,
    field: str,
    column: int,
    step: float,
    branches: tuple[str, ...],
    tolerance_pu: float = 1e-13,
) -> dict[str, NDArray]:
    """Central differences of fourth order by one column, in the words of `Response`.

    The step is long, so that the last digits of a closed switch's current count little.
    """
    total: dict[str, NDArray] = {}
    for steps, weight in ((1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0)):
        moved = getattr(setpoint, field).copy()
        moved[:, column] += np.array(steps * step, dtype=moved.dtype)
        flow = solved(network, setpoint.with_(**{field: moved}), tolerance_pu)
        current_a = measures.branch_flows(network, flow, branches).current_a
        found = {
            "v_pu": flow.v_pu,
            "v_magnitude_pu": np.abs(flow.v_pu),
            "current_a": current_a,
            "current_magnitude_a": np.abs(current_a),
        }
        for name, value in found.items():
            total[name] = total.get(name, 0.0) + weight * value / (12.0 * step)
    total["noise_a"] = np.array(SWITCH_NOISE_A / step)
    return total


def assert_agrees(
    response: Response, name: str, expected: dict[str, NDArray], sign: float = 1.0
) -> None:
    column = response.index(name)
    noise_a = float(expected.pop("noise_a"))
    for field, value in expected.items():
        ours = sign * getattr(response, field)[:, :, column]
        within = 1e-5 * np.abs(value).max(initial=0.0) + (
            noise_a if field.startswith("current") else 0.0
        )
        assert np.abs(ours - value).max(initial=0.0) <= within, (name, field)


@pytest.fixture(scope="module", params=["ieee13", "ieee123"])
def equipped(request: pytest.FixtureRequest) -> Network:
    """A shipped feeder with DER on it and regulators of fine steps."""
    feeder = load(request.param)
    bus = {"ieee13": "680", "ieee123": "76"}[request.param]
    fine = {
        name: replace(r, n_steps=FINE * r.n_steps, tap_position=FINE * (k % 5 - 2), control=None)
        for k, (name, r) in enumerate(feeder.regulators.items())
    }
    at = Terminal(bus, ABC)
    feeder = replace(feeder, regulators=fine).with_(
        pvs=[Pv("roof", at, WYE, 4.16, 500.0, 500.0, p_kw=120.0, q_kvar=-20.0)],
        storages=[Storage("cell", at, DELTA, 4.16, 200.0, 800.0, 250.0, p_kw=-60.0)],
    )
    return compile_network(feeder)


@pytest.fixture(scope="module")
def setpoint(equipped: Network) -> Setpoint:
    """Two rows; the second with a switch open and capacitors off."""
    nominal = nominal_setpoint(equipped, 2)
    rng = np.random.default_rng(11)
    share = rng.uniform(0.3, 0.7, nominal.load_kw.shape)
    closed = nominal.switch_closed.copy()
    closed[1, {"ieee13": 0, "ieee123": 4}[equipped.feeder.name]] = False
    return nominal.with_(
        load_kw=nominal.load_kw * share,
        load_kvar=nominal.load_kvar * share,
        switch_closed=closed,
        capacitor_step=[[1] * len(equipped.capacitors), [0] * len(equipped.capacitors)],
    )


def test_powers_and_taps_agree_with_central_differences(
    equipped: Network, setpoint: Setpoint
) -> None:
    branches = BRANCHES[equipped.feeder.name]
    s = sensitivity(equipped, solved(equipped, setpoint), currents=branches)
    for j in range(0, len(equipped.loads), 1 + len(equipped.loads) // 8):
        name = f"load.{equipped.loads[j]}"
        for response, field in ((s.p, "load_kw"), (s.q, "load_kvar")):
            expected = differences(equipped, setpoint, field, j, 4.0, branches)
            assert_agrees(response, name, expected, sign=-1.0)  # a load is no injection
    for j, name in enumerate(("pv.roof", "storage.cell")):
        for response, field in ((s.p, "der_kw"), (s.q, "der_kvar")):
            expected = differences(equipped, setpoint, field, j, 4.0, branches)
            assert_agrees(response, name, expected)
    for j, name in enumerate(equipped.regulators):
        assert_agrees(
            s.taps, name, differences(equipped, setpoint, "tap_position", j, FINE // 4, branches)
        )


@pytest.mark.parametrize("name", ["ieee34", "ieee37", "ieee4_dy", "ieee4_oyod", "european_lv"])
def test_other_feeders_agree_with_central_differences(name: str) -> None:
    """Autotransformers, delta systems, an open delta bank, a mesh of cables."""
    network = compile_network(load(name))
    nominal = nominal_setpoint(network)
    setpoint = nominal.with_(load_kw=nominal.load_kw * 0.9, load_kvar=nominal.load_kvar * 0.9)
    # Without a load to ground a delta side rests on a millionth of a transformer's rating.
    flow = solved(network, setpoint, tolerance_pu=1e-11)
    j = len(network.loads) // 2
    names = [f"load.{network.loads[j]}"]
    s = sensitivity(network, flow, p=names, q=names, taps=[])
    step = 0.02 * nominal.load_kw[0, j]
    for response, field in ((s.p, "load_kw"), (s.q, "load_kvar")):
        expected = differences(network, setpoint, field, j, step, (), tolerance_pu=1e-11)
        assert_agrees(response, names[0], expected, sign=-1.0)


@pytest.mark.parametrize("v_pu", [1.0, 1.15, 0.85, 0.45])
@pytest.mark.parametrize("connection", [WYE, DELTA])
@pytest.mark.parametrize("model", LoadModel)
def test_every_load_model_in_every_part_of_its_window(
    two_bus: Callable[..., Feeder], model: LoadModel, connection: Connection, v_pu: float
) -> None:
    at_b = Terminal("b", ABC)
    one = Load("one", at_b, connection, model, 300.0, 90.0, 4.16, cvr=(0.8, 2.3))
    one = replace(one, zipv=(0.3, 0.3, 0.4, 0.5, 0.2, 0.3, 0.4))
    network = compile_network(two_bus(loads=[one], v_pu=v_pu))
    setpoint = nominal_setpoint(network)
    s = sensitivity(network, solved(network, setpoint), currents=["line.ab"])
    for response, field in ((s.p, "load_kw"), (s.q, "load_kvar")):
        expected = differences(network, setpoint, field, 0, 0.5, ("line.ab",))
        assert_agrees(response, "load.one", expected, sign=-1.0)


def test_a_node_answers_as_a_generator_that_stands_there() -> None:
    feeder = load("ieee13")
    generators = {
        "none": Generator(
            "none", Terminal("675", (2,)), WYE, 2.4, 100.0, v_min_pu=0.1, v_max_pu=2.0
        )
    }
    network = compile_network(replace(feeder, generators=generators))
    flow = solved(network, nominal_setpoint(network))
    names = ["generator.none", "675.2"]
    s = sensitivity(network, flow, p=names, q=names, taps=[])
    for response in (s.p, s.q):
        np.testing.assert_allclose(
            response.v_pu[:, :, 0], response.v_pu[:, :, 1], rtol=1e-12, atol=1e-12
        )
    assert s.taps.v_pu.shape == (1, network.n_nodes, 0)
    assert s.p.current_a.shape == (1, 0, 2)


def test_dead_nodes_do_not_move(equipped: Network, setpoint: Setpoint) -> None:
    flow = solved(equipped, setpoint)
    dead = flow.v_pu[1] == 0.0
    assert dead.any()
    s = sensitivity(equipped, flow)
    for response in (s.p, s.q, s.taps):
        assert (response.v_pu[1, dead] == 0.0).all()
        assert (response.v_magnitude_pu[1, dead] == 0.0).all()
    assert (np.abs(s.p.v_pu[1, ~dead]).max(axis=1) > 0.0).all()


def test_a_dead_conductor_floats_and_its_loads_move_nothing() -> None:
    """Two phases of a section open: an earth wire beside it would answer to each load."""
    feeder = with_contacts(load("ieee13"), ["632670", "692675"])
    network = compile_network(feeder)
    closed = [
        [name != "contact_632670_2" for name in network.switches],
        [name != "contact_692675_1" for name in network.switches],
    ]
    setpoint = nominal_setpoint(network, 2).with_(switch_closed=closed)
    # No voltage is at an end of its load's window, where a difference sees both laws.
    setpoint = setpoint.with_(load_kw=0.5 * setpoint.load_kw, load_kvar=0.5 * setpoint.load_kvar)
    branches = ("line.632670", "line.670671", "line.692675", "line.650632")
    flow = solved(network, setpoint, 1e-12)
    s = sensitivity(network, flow, currents=branches)
    n_open = 0
    for j, name in enumerate(network.loads):
        expected = differences(network, setpoint, "load_kw", j, 4.0, branches, 1e-12)
        assert_agrees(s.p, f"load.{name}", expected, sign=-1.0)
        nothing = measures.load_kw(network, flow)[:, j] == 0.0
        assert (s.p.v_pu[nothing, :, s.p.index(f"load.{name}")] == 0.0).all()
        n_open += nothing.sum()
    assert n_open >= 2


def test_a_row_that_did_not_converge_is_nan_and_disturbs_no_other(network_13: Network) -> None:
    nominal = nominal_setpoint(network_13)
    setpoint = nominal_setpoint(network_13, 3).with_(
        load_kw=nominal.load_kw * np.array([[1.0], [40.0], [0.5]])
    )
    flow = solve(network_13, setpoint, tolerance_pu=1e-12)
    assert flow.converged.tolist() == [True, False, True]
    s = sensitivity(network_13, flow, p=["load.671"], q=[], currents=["line.650632"])
    for values in (s.p.v_pu, s.p.v_magnitude_pu, s.p.current_a, s.p.current_magnitude_a):
        assert np.isnan(values[1]).all()
    alone = sensitivity(
        network_13, flow.rows(slice(2, 3)), p=["load.671"], q=[], currents=["line.650632"]
    )
    np.testing.assert_array_equal(s.p.v_pu[2], alone.p.v_pu[0])
    np.testing.assert_array_equal(s.taps.current_a[2], alone.taps.current_a[0])


def test_unknown_names_are_refused(network_13: Network) -> None:
    flow = solve(network_13, nominal_setpoint(network_13))
    with pytest.raises(PowerFlowError, match=r"no load, DER or node 'load\.1'"):
        sensitivity(network_13, flow, p=["load.1"])
    with pytest.raises(PowerFlowError, match="no regulator 'reg9'; there are reg1, reg2, reg3"):
        sensitivity(network_13, flow, taps=["reg9"])
    with pytest.raises(PowerFlowError, match=r"no branch 'line\.1'"):
        sensitivity(network_13, flow, currents=["line.1"])
    with pytest.raises(PowerFlowError, match=r"no sensitivity to 'load\.671'; there are 671\.1"):
        sensitivity(network_13, flow, p=["671.1"]).p.index("load.671")
