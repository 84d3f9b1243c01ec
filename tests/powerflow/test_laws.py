"""What any solution must obey, whoever solved it."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import Connection, Feeder, Load, LoadModel, Pv, Storage, Terminal, load
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    Setpoint,
    Status,
    compile_network,
    measures,
    nominal_setpoint,
    primitives,
    solve,
)

Complex = NDArray[np.complex128]
RandomSetpoint = Callable[[Network, int], Setpoint]
WYE, DELTA = Connection.WYE, Connection.DELTA
TIGHT_PU = 1e-13


def assert_identical(ours: PowerFlow, other: PowerFlow) -> None:
    for name in ("v_pu", "status", "iterations", "residual_pu"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(other, name), err_msg=name)


def with_everything(name: str) -> Feeder:
    """A shipped feeder with a PV system, a battery, and a load of every model."""
    feeder = load(name)
    bus = {"ieee13": "675", "ieee123": "83"}[name]
    at = Terminal(bus, (1, 2, 3))
    zipv = (0.2, 0.3, 0.5, 0.6, 0.1, 0.3, 0.7)
    loads = [
        Load(f"new_{model}", at, WYE, model, 20.0, 9.0, 4.16, cvr=(0.8, 3.0), zipv=zipv)
        for model in LoadModel
    ]
    feeder = replace(feeder, loads={**feeder.loads, **{one.name: one for one in loads}})
    return feeder.with_(
        pvs=[Pv("roof", at, WYE, 4.16, 300.0, 300.0)],
        storages=[Storage("cell", at, DELTA, 4.16, 200.0, 800.0, 200.0)],
    )


@pytest.fixture(scope="module", params=["ieee13", "ieee123"])
def equipped(request: pytest.FixtureRequest) -> Network:
    return compile_network(with_everything(request.param))


@pytest.fixture(scope="module")
def rows(equipped: Network, random_setpoint: RandomSetpoint) -> Setpoint:
    """Rows that differ in everything, DER and switches included."""
    setpoint = random_setpoint(equipped, 70)
    rng = np.random.default_rng(7)
    return setpoint.with_(
        switch_closed=rng.random(setpoint.switch_closed.shape) < 0.8,
        der_kw=rng.uniform(-200, 300, setpoint.der_kw.shape),
        der_kvar=rng.uniform(-100, 100, setpoint.der_kw.shape),
    )


def source_current(network: Network, v_v: Complex) -> Complex:
    """Amperes that the substation feeds into every node."""
    source = network.feeder.source
    injected = np.zeros(network.n_nodes, dtype=np.complex128)
    nodes = network.nodes_of(Terminal(source.bus, (1, 2, 3)))
    behind = primitives.source_voltage(source) - v_v[nodes]
    injected[nodes] = primitives.source_admittance(source) @ behind
    return injected


def test_power_balances(equipped: Network, rows: Setpoint) -> None:
    """What the substation delivers is lost, or drawn by loads less what DER inject."""
    flow = solve(equipped, rows, tolerance_pu=TIGHT_PU)
    losses_kw = measures.losses_kw(equipped, flow)
    load_kw = measures.load_kw(equipped, flow).sum(axis=1)
    der_kw = measures.der_kw(equipped, flow).sum(axis=1)
    told_kw = measures.source_kw(equipped, flow)
    for row in range(rows.n_rows):
        v_v = flow.v_pu[row] * equipped.v_base_v
        from_source_kw = (v_v @ source_current(equipped, v_v).conj()).real / 1000.0
        into_grid_kw = losses_kw[row] + load_kw[row] - der_kw[row]
        assert from_source_kw == pytest.approx(into_grid_kw, rel=1e-7, abs=1e-4)
        assert from_source_kw == pytest.approx(told_kw[row], rel=1e-7, abs=1e-4)


def test_a_batch_is_its_rows_bit_for_bit(equipped: Network, rows: Setpoint) -> None:
    batch = solve(equipped, rows)
    for row in range(rows.n_rows):
        assert_identical(
            solve(equipped, rows.rows(slice(row, row + 1))), batch.rows(slice(row, row + 1))
        )


def test_permuting_rows_permutes_answers(equipped: Network, rows: Setpoint) -> None:
    permutation = np.random.default_rng(3).permutation(rows.n_rows)
    batch = solve(equipped, rows)
    assert_identical(solve(equipped, rows.rows(permutation)), batch.rows(permutation))


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_change_nothing(equipped: Network, rows: Setpoint, threads: int) -> None:
    many = rows.rows(np.arange(300) % rows.n_rows)
    assert_identical(solve(equipped, many, threads=threads), solve(equipped, many))


def test_an_empty_batch_has_an_empty_answer(equipped: Network) -> None:
    for threads in (None, 1):
        flow = solve(equipped, nominal_setpoint(equipped, 0), threads=threads)
        assert flow.v_pu.shape == (0, equipped.n_nodes)
        assert flow.converged.shape == (0,)


def test_a_warm_start_gives_the_same_answer_sooner(equipped: Network, rows: Setpoint) -> None:
    cold = solve(equipped, rows, tolerance_pu=1e-12)
    warm = solve(equipped, rows, tolerance_pu=1e-12, start_pu=cold.v_pu)
    np.testing.assert_allclose(warm.v_pu, cold.v_pu, rtol=0, atol=1e-11)
    assert (warm.iterations <= 2).all()
    fed = (cold.v_pu == 0.0).mean(axis=1) < 0.5  # an open head leaves nothing to iterate
    assert (cold.iterations[fed] > 4).all()
    assert fed.mean() > 0.3
    near = solve(equipped, rows, tolerance_pu=1e-12, start_pu=cold.v_pu[:1] * 0.95)
    np.testing.assert_allclose(near.v_pu, cold.v_pu, rtol=0, atol=1e-11)


def test_a_start_in_the_dark_finds_the_same_answer(equipped: Network, rows: Setpoint) -> None:
    """Zero volts everywhere divides by zero; not a number never gets better, and is refused."""
    dark = solve(equipped, rows, start_pu=np.zeros((1, equipped.n_nodes), dtype=complex))
    np.testing.assert_allclose(dark.v_pu, solve(equipped, rows).v_pu, rtol=0, atol=1e-6)
    with pytest.raises(PowerFlowError, match=r"start_pu holds .*nan.*; expected finite numbers"):
        solve(equipped, rows, start_pu=np.full((1, equipped.n_nodes), np.nan + 0j))


@pytest.mark.parametrize("sick", [0, 31, 32, 50])
def test_rows_that_fail_leave_the_others_alone(two_bus: Callable[..., Feeder], sick: int) -> None:
    """More power than the line can carry, in a few rows of an otherwise fine batch."""
    at_b, window = Terminal("b", (1, 2, 3)), (0.02, 5.0, 0.01)
    stubborn = Load("one", at_b, WYE, LoadModel.PQ, 500.0, 100.0, 4.16, *window)
    network = compile_network(two_bus(loads=[stubborn], length_m=5000.0))
    rng = np.random.default_rng(11)
    load_kw = rng.uniform(0.0, 700.0, (80, 1))
    healthy = nominal_setpoint(network).with_(load_kw=load_kw)
    expected = solve(network, healthy)
    assert expected.converged.all()
    load_kw[[sick, 79]] *= 30.0
    load_kw[[sick, 79]] += 30000.0
    flow = solve(network, healthy.with_(load_kw=load_kw))
    well = np.ones(80, dtype=bool)
    well[[sick, 79]] = False
    np.testing.assert_array_equal(flow.converged, well)
    assert set(flow.status[~well]) <= {Status.NOT_CONVERGED, Status.DIVERGED}
    assert (flow.residual_pu[~well] > 1e-8).all()
    assert_identical(flow.rows(well), expected.rows(well))


def test_thirty_times_the_load_is_a_status_or_a_solution(network: Network) -> None:
    """Loads fall back to impedances below their window, so even this may have an answer."""
    nominal = nominal_setpoint(network, 40)
    factor = np.ones((40, 1))
    factor[17] = 30.0
    flow = solve(
        network,
        nominal.with_(load_kw=nominal.load_kw * factor, load_kvar=nominal.load_kvar * factor),
    )
    others = np.arange(40) != 17
    assert flow.converged[others].all()
    assert_identical(flow.rows(others), solve(network, nominal).rows(others))
    assert flow.converged[17] == (flow.residual_pu[17] <= 1e-8)
    if flow.converged[17]:
        assert np.abs(flow.v_pu[17]).min() < 0.8


def test_too_few_iterations_are_a_status(network: Network) -> None:
    flow = solve(network, nominal_setpoint(network, 2), max_iterations=3)
    assert flow.status.tolist() == [Status.NOT_CONVERGED] * 2
    assert flow.iterations.tolist() == [3, 3]
    assert (flow.residual_pu > 1e-8).all()


def test_the_residual_is_below_the_tolerance(network: Network) -> None:
    for tolerance_pu in (1e-4, 1e-8, 1e-12):
        flow = solve(network, nominal_setpoint(network), tolerance_pu=tolerance_pu)
        assert flow.converged.all()
        assert flow.residual_pu.max() <= tolerance_pu


def test_turning_the_phases_turns_the_answer(two_bus: Callable[..., Feeder]) -> None:
    """A transposed line with a balanced load does not know which phase is which."""
    feeder = two_bus()
    code = feeder.line_codes["open"]
    one, other = 0.3 + 0.7j, 0.1 + 0.3j
    z = tuple(tuple(one if i == j else other for j in range(3)) for i in range(3))
    feeder = replace(
        feeder,
        line_codes={"open": replace(code, z_ohm_per_km=z, c_nf_per_km=((0.0,) * 3,) * 3)},
        loads={"one": Load("one", Terminal("b", (1, 2, 3)), DELTA, LoadModel.I, 600, 200, 4.16)},
    )
    network = compile_network(feeder)
    v = solve(network, nominal_setpoint(network)).v_pu[
        0, network.nodes_of(Terminal("b", (1, 2, 3)))
    ]
    turn = np.exp(-2j * np.pi / 3)
    np.testing.assert_allclose(v[[1, 2, 0]], v * turn, rtol=0, atol=1e-9)


@cache
def small() -> Network:
    """IEEE 13, where hypothesis can reach it."""
    return compile_network(load("ieee13"))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(-16, 16), min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=2, max_size=2),
    st.floats(0.0, 1.5),
    st.floats(0.0, 1.5),
)
def test_losses_are_positive_and_balance(
    taps: list[int], closed: list[bool], active: float, reactive: float
) -> None:
    network = small()
    nominal = nominal_setpoint(network)
    setpoint = nominal.with_(
        tap_position=taps,
        capacitor_step=np.array(closed, dtype=float),
        load_kw=nominal.load_kw * active,
        load_kvar=nominal.load_kvar * reactive,
    )
    flow = solve(network, setpoint, tolerance_pu=1e-12)
    assert flow.converged.all()
    losses_kw = measures.losses_kw(network, flow)[0]
    assert losses_kw > 0.0
    v_v = flow.v_pu[0] * network.v_base_v
    from_source_kw = (v_v @ source_current(network, v_v).conj()).real / 1000.0
    assert from_source_kw == pytest.approx(
        losses_kw + measures.load_kw(network, flow).sum(), rel=1e-7, abs=1e-4
    )
