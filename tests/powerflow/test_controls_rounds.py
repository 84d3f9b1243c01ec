"""Rounds of control, whatever the controls: rows in place, alone and in company."""

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.feeders import (
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    InverterControl,
    Load,
    LoadModel,
    Pv,
    Terminal,
    load,
)
from grid_fed_rl.powerflow import (
    LocalControls,
    Network,
    PowerFlow,
    Setpoint,
    compile_network,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.batched import solve_again
from grid_fed_rl.powerflow.controls import round_kernels

ABC = (1, 2, 3)
WYE = Connection.WYE


@pytest.fixture(scope="module")
def controlled() -> Network:
    """Regulators and capacitors with controls that want different things at different times."""
    feeder = load("ieee123")
    control = CapacitorControl(
        CapacitorControlKind.VOLTAGE, on=119.0, off=123.0, pt_ratio=20.0, delay_s=60.0
    )
    banks = {k: replace(c, control=control) for k, c in feeder.capacitors.items()}
    return compile_network(replace(feeder, capacitors=banks))


def levels(network: Network, n_rows: int) -> Setpoint:
    """Loads of 10 to 140 %; taps and capacitors anywhere sensible."""
    rng = np.random.default_rng(11)
    nominal, level = nominal_setpoint(network), rng.uniform(0.1, 1.4, (n_rows, 1))
    return nominal.with_(
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
        tap_position=rng.integers(-4, 9, (n_rows, len(network.regulators))),
        capacitor_step=rng.integers(0, 2, (n_rows, len(network.capacitors))),
    )


def assert_same_bits(one: PowerFlow, other: PowerFlow) -> None:
    for name in ("v_pu", "status", "iterations", "residual_pu", "settled"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for a, b in zip(one.setpoint.arrays, other.setpoint.arrays, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_row_settles_alike_in_any_company(controlled: Network) -> None:
    """Few rows are solved one by one, and many side by side, on one thread or several."""
    controls, setpoint = LocalControls(controlled), levels(controlled, 70)
    whole = controls.settle(setpoint, threads=1)
    assert whole.settled.all()
    assert len(np.unique(whole.iterations)) > 1
    assert_same_bits(controls.settle(setpoint, threads=3), whole)
    for index in (np.array([7]), np.array([69, 7, 3]), np.arange(69, 20, -3)):
        assert_same_bits(controls.settle(setpoint.rows(index)), whole.rows(index))


@pytest.mark.parametrize("n_rows", [0, 1, 3, 4, 40])
def test_solving_some_rows_again_is_solving_them(controlled: Network, n_rows: int) -> None:
    before = solve(controlled, levels(controlled, 50))
    index = np.random.default_rng(2).permutation(50)[:n_rows]
    taps = before.setpoint.tap_position.copy()
    taps[index] += 1
    now = before.setpoint.with_(tap_position=taps)
    expected = solve(controlled, now, start_pu=before.v_pu)
    flow = before.with_rows(np.arange(0), before.rows(np.arange(0)))  # a copy
    flow.setpoint.tap_position[index] += 1
    solve_again(controlled, flow, index, threads=2)
    assert_same_bits(flow.rows(index), expected.rows(index))
    others = np.setdiff1d(np.arange(50), index)
    assert_same_bits(flow.rows(others), before.rows(others))


def test_what_is_handed_in_is_not_written_to(two_bus: Callable[..., Feeder]) -> None:
    at_b = Terminal("b", ABC)
    control = CapacitorControl(CapacitorControlKind.VOLTAGE, on=121.0, off=126.0, pt_ratio=20.0)
    feeder = two_bus(
        length_m=5000.0,
        loads=[Load("one", at_b, WYE, LoadModel.PQ, 600.0, 300.0, 4.16)],
        capacitors=[Capacitor("c", at_b, WYE, 300.0, 4.16, control=control, steps_closed=0)],
        pvs=[
            Pv(
                *("sun", at_b, WYE, 4.16, 500.0, 600.0),
                control=InverterControl(volt_var=((0.9, 0.44), (1.1, -0.44))),
            )
        ],
    )
    network = compile_network(feeder)
    setpoint = nominal_setpoint(network, 2)
    start_pu = solve(network, setpoint).v_pu
    given = [array.copy() for array in (*setpoint.arrays, start_pu)]
    rest = LocalControls(network).settle(setpoint, start_pu=start_pu)
    assert (rest.setpoint.capacitor_step == 1).all()
    assert (rest.setpoint.der_kvar != setpoint.der_kvar).all()
    for array, copy in zip((*setpoint.arrays, start_pu), given, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_row_that_goes_in_circles_is_given_up_at_once(two_bus: Callable[..., Feeder]) -> None:
    """However many rounds it may take, even or odd, the capacitor stands at the same step."""
    at_b = Terminal("b", ABC)
    control = CapacitorControl(CapacitorControlKind.VOLTAGE, on=118.0, off=119.0, pt_ratio=20.0)
    network = compile_network(
        two_bus(
            length_m=5000.0,
            loads=[Load("one", at_b, WYE, LoadModel.PQ, 400.0, 200.0, 4.16)],
            capacitors=[Capacitor("c", at_b, WYE, 600.0, 4.16, control=control)],
        )
    )
    controls, setpoint = LocalControls(network), nominal_setpoint(network)
    rests = [controls.settle(setpoint, max_rounds=n) for n in range(30)]
    assert not any(rest.settled[0] for rest in rests)
    steps = [int(rest.setpoint.capacitor_step[0, 0]) for rest in rests]
    assert steps[:4] == [1, 0, 1, 0]  # one action a round
    assert len(set(steps[10:])) == 1


def test_controls_travel_to_another_process(controlled: Network) -> None:
    controls, setpoint = LocalControls(controlled), levels(controlled, 3)
    rest = controls.settle(setpoint)  # its kernels' rules are made
    assert_same_bits(pickle.loads(pickle.dumps(controls)).settle(setpoint), rest)


def test_every_mix_of_arrays_meets_the_same_machine_code(controlled: Network) -> None:
    """Locked or not, one row or many: compiling once more would take seconds."""
    controls, setpoint = LocalControls(controlled), levels(controlled, 4)
    rest = controls.settle(setpoint)
    known = len(round_kernels.play_round.signatures)
    locked = setpoint.with_(switch_closed=setpoint.switch_closed[0])
    for array in locked.arrays:
        array.flags.writeable = False
    assert_same_bits(controls.settle(locked), rest)
    assert_same_bits(replace(controls, hour=np.zeros(4)).settle(locked), rest)
    assert_same_bits(controls.settle(setpoint.rows(slice(2, 3))), rest.rows(slice(2, 3)))
    assert len(round_kernels.play_round.signatures) == known
