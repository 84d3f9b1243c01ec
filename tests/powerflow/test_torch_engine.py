"""The torch engine gives the compiled engine's answers, on the processor and on a GPU if any."""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import (
    Bus,
    Connection,
    Feeder,
    Line,
    LineCode,
    Load,
    LoadModel,
    Pv,
    Storage,
    Switch,
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
)
from grid_fed_rl.powerflow.batched import solve_batched
from grid_fed_rl.powerflow.torch_engine import TorchEngine, solve_torch

TwoBus = Callable[..., Feeder]

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
ROWS = {
    "baran_wu_33": 40,
    "european_lv": 5,
    "ieee123": 100,
    "ieee13": 100,
    "ieee34": 60,
    "ieee34_mid": 30,
    "ieee37": 60,
    "ieee4_dy": 20,
    "ieee4_gyd": 20,
    "ieee4_oyod": 20,
    "ieee4_yd": 20,
    "ieee4_yy": 20,
}
EQUAL_PU = 1e-9
SAME_PU = 1e-12


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small arrays: more threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def network_of(name: str) -> Network:
    return compile_network(load(name))


@cache
def engine_of(name: str, device: str = "cpu") -> TorchEngine:
    return TorchEngine(network_of(name), device)


def rows_of(network: Network, n_rows: int, seed: int = 5) -> Setpoint:
    """Rows that differ in all there is: taps, capacitors, switches, loads, DER."""
    rng = np.random.default_rng(seed)
    nominal = nominal_setpoint(network)
    load_share = rng.uniform(0.0, 1.5, (2, n_rows, len(network.loads)))
    der_share = rng.uniform(-1.0, 1.0, (2, n_rows, len(network.ders)))
    steps = network.capacitor_steps
    return nominal.with_(
        tap_position=rng.integers(
            network.tap_lowest, network.tap_highest + 1, (n_rows, len(network.regulators))
        ),
        capacitor_step=rng.integers(0, steps + 1, (n_rows, len(network.capacitors))),
        switch_closed=rng.random((n_rows, len(network.switches))) < 0.75,
        load_kw=nominal.load_kw * load_share[0],
        load_kvar=nominal.load_kvar * load_share[1],
        der_kw=200.0 * der_share[0],
        der_kvar=100.0 * der_share[1],
    )


def assert_equal(ours: PowerFlow, other: PowerFlow) -> None:
    np.testing.assert_array_equal(ours.status, other.status)
    met = other.converged
    assert np.abs(ours.v_pu - other.v_pu)[met].max(initial=0.0) < EQUAL_PU
    assert np.abs(ours.iterations - other.iterations)[met].max(initial=0) <= 1
    np.testing.assert_array_equal(ours.v_pu[met] == 0.0, other.v_pu[met] == 0.0)  # dead nodes


# ---- Equal to the compiled engine ---------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ROWS)
def test_equals_the_compiled_engine(name: str, device: str):
    network = network_of(name)
    rows = rows_of(network, ROWS[name])
    ours, other = engine_of(name, device).solve(rows), solve_batched(network, rows)
    assert other.converged.all()
    assert_equal(ours, other)
    assert ours.settled.all()
    assert (ours.residual_pu <= 1e-8).all()
    if name in {"ieee13", "ieee123"}:
        assert (other.v_pu == 0.0).any(axis=1).sum() > 10  # islands are among the rows


@pytest.mark.parametrize("name", ["ieee8500", "ieee8500_unbalanced"])
def test_equals_the_compiled_engine_on_a_large_feeder(name: str):
    network = network_of(name)
    rows = rows_of(network, 3)
    assert_equal(engine_of(name).solve(rows), solve_batched(network, rows))


def loads_of(model: LoadModel) -> list[Load]:
    """Loads of one model and every connection."""
    wye, wye_n, delta = Connection.WYE, Connection.WYE_N, Connection.DELTA
    places = [
        (wye, (1, 2, 3), 4.16),
        (delta, (1, 2, 3), 4.16),
        (wye, (2,), 2.4),
        (delta, (3, 1), 4.16),
        (wye_n, (1, 2), 4.16),
    ]
    return [
        Load(
            *(f"l{k}", Terminal("b", phases), connection, model, 90.0, 40.0, kv),
            cvr=(0.8, 2.6),
            zipv=(0.2, 0.3, 0.5, 0.4, 0.4, 0.2, 0.7) if model is LoadModel.ZIP else (),
        )
        for k, (connection, phases, kv) in enumerate(places)
    ]


@pytest.mark.parametrize("model", LoadModel)
def test_every_load_model_at_every_voltage(model: LoadModel, two_bus: TwoBus):
    at = Terminal("b", (1, 2, 3))
    pvs = [Pv("roof", at, Connection.WYE, 4.16, 300.0, 300.0)]
    storages = [Storage("cell", at, Connection.DELTA, 4.16, 200.0, 800.0, 200.0)]
    loads = loads_of(model)
    for v_pu in (0.05, 0.3, 0.6, 0.8, 0.93, 1.0, 1.08, 1.3):
        network = compile_network(two_bus(loads=loads, pvs=pvs, storages=storages, v_pu=v_pu))
        rows = rows_of(network, 20)
        other = solve_batched(network, rows)
        assert other.converged.any()
        assert_equal(TorchEngine(network, "cpu").solve(rows), other)


def test_a_dead_conductor_beside_live_ones_is_at_0_v(two_bus: TwoBus):
    # Beyond one switch a phase, a line whose phases induce voltages in each other.
    phases = [Terminal("b", (k,)) for k in (1, 2, 3)]
    beyond = Load("l", Terminal("d", (1, 2, 3)), Connection.WYE, LoadModel.PQ, 300.0, 100.0, 4.16)
    feeder = two_bus(loads=[beyond])
    ends = [Terminal(bus, (1, 2, 3)) for bus in "cd"]
    feeder = replace(
        feeder,
        buses={**feeder.buses, **{bus: Bus(bus, 4.16) for bus in "cd"}},
        line_codes={**feeder.line_codes, "one": LineCode("one", ((0.1 + 0.2j,),), ((0.0,),))},
        lines={**feeder.lines, "cd": Line("cd", ends[0], ends[1], "open", 800.0)},
        switches={
            f"s{k}": Switch(f"s{k}", at, Terminal("c", at.phases), "one", 1.0)
            for k, at in enumerate(phases)
        },
    )
    network = compile_network(feeder)
    states = np.array([[bool(k >> j & 1) for j in range(3)] for k in range(8)])
    rows = nominal_setpoint(network, 8).with_(switch_closed=states)
    flow = TorchEngine(network, "cpu").solve(rows)
    assert_equal(flow, solve_batched(network, rows))
    for bus in "cd":
        columns = [network.node_index[f"{bus}.{k}"] for k in (1, 2, 3)]
        np.testing.assert_array_equal(flow.v_pu[:, columns] != 0.0, states)


def test_starts_where_it_is_told():
    network, engine = network_of("ieee34"), engine_of("ieee34")
    rows = rows_of(network, 20)
    cold = engine.solve(rows)
    warm = engine.solve(rows, start_pu=cold.v_pu)
    assert warm.iterations.max() <= 2 < cold.iterations.min()
    one = cold.v_pu[:1]
    assert_equal(engine.solve(rows, start_pu=one), solve_batched(network, rows, start_pu=one))


def test_a_feeder_without_loads_is_solved_at_once(two_bus: TwoBus):
    network = compile_network(two_bus())
    flow = TorchEngine(network, "cpu").solve(nominal_setpoint(network, 3))
    assert_equal(flow, solve_batched(network, nominal_setpoint(network, 3)))
    np.testing.assert_array_equal(flow.iterations, 1)


# ---- Rows do not know of each other -------------------------------------------------


@pytest.mark.parametrize("name", ["ieee13", "ieee34", "ieee37", "ieee123"])
def test_neither_order_nor_batch_nor_chunk_changes_a_row(name: str):
    network = network_of(name)
    rows = rows_of(network, 150)
    whole = engine_of(name).solve(rows)
    turned = np.random.default_rng(3).permutation(150)
    several = [
        (engine_of(name).solve(rows.rows(turned)), turned),
        (TorchEngine(network, "cpu", chunk_rows=37).solve(rows), np.arange(150)),
        (engine_of(name).solve(rows.rows(np.array([7]))), np.array([7])),
    ]
    for some, index in several:
        assert np.abs(some.v_pu - whole.v_pu[index]).max() < SAME_PU
        np.testing.assert_array_equal(some.iterations, whole.iterations[index])
        np.testing.assert_array_equal(some.status, whole.status[index])


def test_no_row_is_no_answer():
    rows = nominal_setpoint(network_of("ieee13")).rows(np.array([], dtype=np.int64))
    assert engine_of("ieee13").solve(rows).v_pu.shape == (0, 41)
    assert engine_of("ieee13").solve_on_device(rows).v_pu.shape == (0, 41)


def test_a_row_without_a_solution_says_so_and_disturbs_no_other(two_bus: TwoBus):
    # Of constant power down to no voltage at all, so that it cannot give way.
    at = Terminal("b", (1, 2, 3))
    place = "l", at, Connection.WYE, LoadModel.PQ
    one = Load(*place, 300.0, 100.0, 4.16, v_min_pu=0.01, v_low_pu=0.0)
    network = compile_network(two_bus(loads=[one], length_m=5000.0))
    share = np.where(np.arange(64) % 8 == 3, 100.0, np.linspace(0.2, 1.0, 64))[:, None]
    nominal = nominal_setpoint(network)
    rows = nominal.with_(load_kw=nominal.load_kw * share, load_kvar=nominal.load_kvar * share)
    flow = TorchEngine(network, "cpu").solve(rows)
    lost = share[:, 0] > 1.0
    assert set(flow.status[lost]) <= {Status.NOT_CONVERGED, Status.DIVERGED}
    np.testing.assert_array_equal(flow.status[~lost], Status.CONVERGED)
    np.testing.assert_array_equal(flow.settled, ~lost)
    without = TorchEngine(network, "cpu").solve(rows.rows(~lost))
    assert np.abs(flow.v_pu[~lost] - without.v_pu).max() < SAME_PU
    assert_equal(flow.rows(~lost), solve_batched(network, rows.rows(~lost)))


def test_iterations_are_counted_and_bounded():
    network, engine = network_of("ieee34"), engine_of("ieee34")
    rows = rows_of(network, 10)
    flow = engine.solve(rows, max_iterations=3)
    np.testing.assert_array_equal(flow.status, Status.NOT_CONVERGED)
    np.testing.assert_array_equal(flow.iterations, 3)
    other = solve_batched(network, rows, max_iterations=3)
    np.testing.assert_allclose(flow.residual_pu, other.residual_pu, rtol=1e-6)


# ---- Where it runs ------------------------------------------------------------------


def test_the_answer_may_stay_on_the_device():
    network, engine = network_of("ieee13"), engine_of("ieee13")
    rows = rows_of(network, 20)
    on_device, flow = engine.solve_on_device(rows), engine.solve(rows)
    assert on_device.v_pu.device == engine.device
    assert not on_device.v_pu.is_inference()  # what learns from it may need gradients
    np.testing.assert_array_equal(on_device.v_pu.numpy(), flow.v_pu)
    np.testing.assert_array_equal(on_device.iterations.numpy(), flow.iterations)


def test_a_network_keeps_its_engine_but_no_pickle_does():
    network = compile_network(load("ieee13"))
    rows = rows_of(network, 5)
    first, again = (solve_torch(network, rows, device="cpu") for _ in range(2))
    np.testing.assert_array_equal(first.v_pu, again.v_pu)
    copy = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(solve_torch(copy, rows, device="cpu").v_pu, first.v_pu)


@pytest.mark.parametrize("device", ["gpu", "mps", "cuda:99", "meta"])
def test_an_unknown_device_is_named(device: str):
    with pytest.raises(PowerFlowError, match=f"device is '{device}'; "):
        TorchEngine(network_of("ieee13"), device)


def test_a_missing_gpu_or_torch_says_what_to_install():
    code = (
        "import os, sys; os.environ['CUDA_VISIBLE_DEVICES'] = ''\n"
        "from grid_fed_rl.powerflow.torch_engine.devices import device_of\n"
        "def said():\n"
        "    try:\n"
        "        return device_of('cuda')\n"
        "    except ValueError as error:\n"
        "        return error\n"
        "assert 'torch' not in sys.modules\n"
        "kept = dict(sys.modules); sys.modules['torch'] = None; print(said())\n"
        "sys.modules.pop('torch'); print(said())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    no_torch, no_gpu = done.stdout.splitlines()
    assert no_torch.startswith("device is 'cuda'; torch is not found: install the extra `train`")
    assert no_gpu.startswith("device is 'cuda'; no CUDA device was found by torch ")
    assert "install the extra `train`" in no_gpu


def test_faults_of_the_input_are_those_of_the_compiled_engine():
    network, engine = network_of("ieee13"), engine_of("ieee13")
    rows = nominal_setpoint(network, 2)
    with pytest.raises(PowerFlowError, match="start_pu has shape"):
        engine.solve(rows, start_pu=np.ones((3, network.n_nodes), dtype=np.complex128))
    with pytest.raises(PowerFlowError, match="tap_position of regulator"):
        engine.solve(rows.with_(tap_position=17))
    with pytest.raises(PowerFlowError, match="chunk_rows is 0"):
        TorchEngine(network, "cpu", chunk_rows=0)


def test_the_benchmark_measures_both_engines():
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "torch_engine.py"
    command = [sys.executable, "-W", "error", str(script), "--device=cpu", "--feeder=ieee34"]
    command += ["--batch=32", "--repeats=1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["max_dv_pu"] < EQUAL_PU
    assert found["same_status_share"] == found["converged_share"] == 1.0
    assert found["solves_per_s"] > 0.0 < found["compiled_solves_per_s"]
    # Nothing is done row by row: a solve takes some hundred steps, whatever the rows.
    assert found["operations_per_iteration"] < 300
