"""The reference engine: the same interface, one context an instance, rows independent."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import (
    Capacitor,
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
    Status,
    compile_network,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.opendss import OpenDSS, script

ABC = (1, 2, 3)
WYE, DELTA = Connection.WYE, Connection.DELTA
SAME_PU = 1e-7


def random_rows(network: Network, n_rows: int, seed: int = 0) -> Setpoint:
    """Everything varies: loads, DER, taps, steps, switches."""
    rng, nominal = np.random.default_rng(seed), nominal_setpoint(network)
    level = rng.uniform(0.2, 1.2, (n_rows, len(network.loads)))
    return nominal.with_(
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
        der_kw=rng.uniform(-60.0, 60.0, (n_rows, len(network.ders))),
        der_kvar=rng.uniform(-40.0, 40.0, (n_rows, len(network.ders))),
        tap_position=rng.integers(-8, 9, (n_rows, len(network.regulators))),
        capacitor_step=rng.integers(
            0, network.capacitor_steps + 1, (n_rows, len(network.capacitors))
        ),
        switch_closed=rng.random((n_rows, len(network.switches))) < 0.7,
    )


@pytest.fixture(scope="module")
def network() -> Network:
    """IEEE 123 with a PV system, a battery and a generator."""
    feeder = load("ieee123")
    three = Terminal("47", ABC)
    return compile_network(
        replace(
            feeder,
            pvs={"roof": Pv("roof", Terminal("1", (1,)), WYE, 2.402, 60.0, 60.0)},
            storages={"cell": Storage("cell", three, WYE, 4.16, 60.0, 200.0, 60.0)},
            generators={"set": Generator("set", three, DELTA, 4.16, 80.0)},
        )
    )


def worst(ours: PowerFlow, theirs: PowerFlow) -> float:
    return float(np.abs(ours.v_pu - theirs.v_pu).max())


def test_every_row_of_everything_that_varies(network: Network) -> None:
    setpoint = random_rows(network, 40)
    ours, theirs = solve(network, setpoint), OpenDSS(network).solve(setpoint)
    assert theirs.converged.all()
    assert theirs.settled.all()
    assert worst(ours, theirs) < SAME_PU
    assert np.isnan(theirs.residual_pu).all()
    np.testing.assert_array_equal(theirs.setpoint.tap_position, setpoint.tap_position)
    np.testing.assert_array_equal(theirs.setpoint.der_kw, setpoint.der_kw)
    dead = theirs.v_pu == 0.0
    assert dead.any()
    np.testing.assert_array_equal(dead, ours.v_pu == 0.0)


def test_rows_do_not_hang_on_the_row_before(network: Network) -> None:
    """Only what differs is set from row to row; nothing must be left behind."""
    setpoint, engine = random_rows(network, 12), OpenDSS(network)
    whole = engine.solve(setpoint)
    back = engine.solve(setpoint.rows(np.arange(11, -1, -1)))
    np.testing.assert_allclose(back.v_pu[::-1], whole.v_pu, rtol=0, atol=1e-9)
    engine.solve(setpoint, controls=True)
    np.testing.assert_allclose(engine.solve(setpoint).v_pu, whole.v_pu, rtol=0, atol=1e-9)


def test_a_row_without_a_solution_does_not_disturb_the_next(
    two_bus: Callable[..., Feeder],
) -> None:
    stubborn = Load("one", Terminal("b", ABC), WYE, LoadModel.PQ, 500.0, 0.0, 4.16, 0.02, 5.0, 0.01)
    network = compile_network(two_bus(loads=[stubborn], length_m=5000.0))
    setpoint = nominal_setpoint(network, 3).with_(load_kw=[[500.0], [50000.0], [500.0]])
    flow = OpenDSS(network).solve(setpoint)
    assert flow.status.tolist() == [Status.CONVERGED, Status.NOT_CONVERGED, Status.CONVERGED]
    np.testing.assert_allclose(flow.v_pu[2], flow.v_pu[0], rtol=0, atol=1e-9)
    assert flow.settled.tolist() == [True, False, True]


def test_steps_of_a_delta_bank(two_bus: Callable[..., Feeder]) -> None:
    """OpenDSS draws too much for such a bank; the engine asks it for one step of the sum."""
    bank = Capacitor("c", Terminal("b", ABC), DELTA, 600.0, 4.16, n_steps=3)
    network = compile_network(two_bus(capacitors=[bank]))
    setpoint = nominal_setpoint(network, 5).with_(capacitor_step=[[3], [0], [1], [2], [1]])
    assert worst(solve(network, setpoint), OpenDSS(network).solve(setpoint)) < SAME_PU


def test_whole_numbers_of_any_kind_will_do(two_bus: Callable[..., Feeder]) -> None:
    one = Load("one", Terminal("b", ABC), WYE, LoadModel.PQ, 300, 100, 4.16)
    network = compile_network(two_bus(loads=[one]))
    setpoint = nominal_setpoint(network)
    assert worst(solve(network, setpoint), OpenDSS(network).solve(setpoint)) < SAME_PU


def test_it_pickles_and_builds_its_circuit_anew(network: Network) -> None:
    engine = OpenDSS(network, tolerance_pu=1e-9)
    copy = pickle.loads(pickle.dumps(engine))
    setpoint = random_rows(network, 3)
    assert copy.tolerance_pu == 1e-9
    np.testing.assert_allclose(
        copy.solve(setpoint).v_pu, engine.solve(setpoint).v_pu, rtol=0, atol=1e-9
    )


THREADS = """
import os

os.environ["A_VARIABLE"] = "set before"
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve
from grid_fed_rl.powerflow.opendss import OpenDSS

for k in range(50):
    os.environ[f"VARIABLE_{k}"] = "set after"
network = compile_network(load("ieee123"))
nominal = nominal_setpoint(network, 8)
level = np.random.default_rng(0).uniform(0.2, 1.2, (6, 8, 1))
parts = [nominal.with_(load_kw=nominal.load_kw * one) for one in level]
shared = OpenDSS(network)
with ThreadPoolExecutor(3) as pool:
    own = list(pool.map(lambda part: OpenDSS(network).solve(part).v_pu, parts))
    together = list(pool.map(lambda part: shared.solve(part).v_pu, parts))
expected = [solve(network, part).v_pu for part in parts]
assert np.abs(np.array(own) - expected).max() < 1e-7
assert np.abs(np.array(together) - expected).max() < 1e-7
assert os.getenv("VARIABLE_49") == "set after"
print("all threads agree")
"""


def test_an_instance_a_thread_and_one_shared_by_all() -> None:
    """In a process of its own: one that changes its environment before and after.

    OpenDSS's library, loaded plainly, ends such a process in its first new thread.
    """
    done = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=False
    )
    assert done.stdout == "all threads agree\n", done.stderr


def _solved(engine: OpenDSS, setpoint: Setpoint) -> np.ndarray:
    return engine.solve(setpoint).v_pu


def test_engines_travel_to_processes(network: Network) -> None:
    setpoint, engine = random_rows(network, 4), OpenDSS(network)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        answers = list(pool.map(partial(_solved, engine), [setpoint, setpoint]))
    for answer in answers:
        np.testing.assert_allclose(answer, engine.solve(setpoint).v_pu, rtol=0, atol=1e-9)


def test_solve_takes_it_by_name(network: Network) -> None:
    setpoint = nominal_setpoint(network)
    for controls in (False, True):
        ours = solve(network, setpoint, controls=controls)
        theirs = solve(network, setpoint, controls=controls, engine="opendss")
        assert worst(ours, theirs) < SAME_PU
        np.testing.assert_array_equal(ours.setpoint.tap_position, theirs.setpoint.tap_position)
    assert np.any(ours.setpoint.tap_position != setpoint.tap_position)


def test_script_has_der_as_generators_and_switches_as_lines() -> None:
    feeder = load("ieee13").with_(pvs=[Pv("roof", Terminal("671", ABC), WYE, 4.16, 90.0, 99.0)])
    text = "\n".join(script(feeder))
    assert "new generator.der_roof phases=3 bus1=671.1.2.3.0 conn=wye kv=4.16" in text
    assert "pvsystem" not in text
    assert "new line.671692 phases=3" in text
    assert "switch" not in text.replace("linecode=switch3", "").replace("linecode.switch3", "")


def test_nodes_that_only_opendss_has_are_named(network: Network) -> None:
    """A network whose nodes are not the feeder's own, as a bug would make it."""
    fewer = replace(network, node_names=network.node_names[:-1])
    with pytest.raises(
        PowerFlowError, match=f"lacks nodes that OpenDSS has: {network.node_names[-1]}"
    ):
        OpenDSS(fewer)
    more = replace(network, node_names=(*network.node_names, "nowhere.1"))
    with pytest.raises(PowerFlowError, match=r"OpenDSS lacks nodes .* has: nowhere\.1"):
        OpenDSS(more)


def test_losses_of_the_row_solved_last(network: Network) -> None:
    engine = OpenDSS(network)
    engine.solve(nominal_setpoint(network))
    heavy = engine.losses_kw()
    setpoint = nominal_setpoint(network)
    engine.solve(setpoint.with_(load_kw=setpoint.load_kw / 2, load_kvar=setpoint.load_kvar / 2))
    assert 0.2 < engine.losses_kw() / heavy < 0.3
