"""Local controls come to rest where OpenDSS's do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.feeders import (
    Bus,
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    LineDropControl,
    Load,
    LoadModel,
    Regulator,
    Terminal,
    Transformer,
    Winding,
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
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.powerflow.opendss import OpenDSS

ABC = (1, 2, 3)
WYE = Connection.WYE


def with_capacitor_controls(feeder: Feeder, **delays: Any) -> Feeder:
    kind = CapacitorControlKind.VOLTAGE
    control = CapacitorControl(kind, on=118.0, off=124.0, pt_ratio=20.0, **delays)
    capacitors = {k: replace(c, control=control) for k, c in feeder.capacitors.items()}
    return replace(feeder, capacitors=capacitors)


def random_levels(network: Network, n_rows: int) -> Setpoint:
    """Loads of 10 to 140 %, each a little its own; taps and capacitors anywhere sensible."""
    rng = np.random.default_rng(5)
    nominal = nominal_setpoint(network)
    level = rng.uniform(0.1, 1.4, (n_rows, 1)) * rng.uniform(0.8, 1.2, (n_rows, len(network.loads)))
    return nominal.with_(
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
        tap_position=rng.integers(-4, 9, (n_rows, len(network.regulators))),
        capacitor_step=rng.integers(0, 2, (n_rows, len(network.capacitors))),
    )


@pytest.fixture(scope="module", params=["ieee13", "ieee123"])
def feeder(request: pytest.FixtureRequest) -> Feeder:
    return load(request.param)


def assert_same_rest(network: Network, setpoint: Setpoint) -> tuple[PowerFlow, PowerFlow]:
    """Ours and OpenDSS's controls come to rest on the same taps and steps."""
    ours = LocalControls(network).settle(setpoint)
    theirs = OpenDSS(network).solve(setpoint, controls=True)
    assert theirs.converged.all()
    assert ours.settled.all()
    np.testing.assert_array_equal(ours.setpoint.tap_position, theirs.setpoint.tap_position)
    np.testing.assert_array_equal(ours.setpoint.capacitor_step, theirs.setpoint.capacitor_step)
    assert np.abs(ours.v_pu - theirs.v_pu).max() < 1e-6
    return ours, theirs


def test_regulators_settle_on_opendss_taps(feeder: Feeder) -> None:
    network = compile_network(feeder)
    setpoint = random_levels(network, 60)
    ours, _ = assert_same_rest(network, setpoint)
    np.testing.assert_array_equal(ours.setpoint.capacitor_step, setpoint.capacitor_step)
    assert len(np.unique(ours.setpoint.tap_position, axis=0)) > 20


@pytest.mark.parametrize("wild", [False, True])
@pytest.mark.parametrize(
    "delays",
    [{}, {"delay_s": 5.0, "delay_off_s": 30.0}, {"delay_s": 100.0, "dead_time_s": 0.0}],
    ids=["equal delays", "some sooner", "late, no dead time"],
)
def test_capacitors_and_regulators_settle_together(
    feeder: Feeder, delays: dict[str, Any], wild: bool
) -> None:
    network = compile_network(with_capacitor_controls(feeder, **delays))
    setpoint = random_levels(network, 60)
    if wild:
        taps = np.random.default_rng(6).integers(-16, 17, setpoint.tap_position.shape)
        setpoint = setpoint.with_(tap_position=taps)
    ours, _ = assert_same_rest(network, setpoint)
    closed = ours.setpoint.capacitor_step
    assert (closed != setpoint.capacitor_step).any()


def test_opendss_controls_forget_the_row_before(feeder: Feeder) -> None:
    """The first row of a second call, and any row after another, begin afresh."""
    setpoint = random_levels(compile_network(feeder), 2)
    reference = OpenDSS(compile_network(with_capacitor_controls(feeder)))
    both = reference.solve(setpoint, controls=True).v_pu
    for row in (1, 0):
        alone = reference.solve(setpoint.rows(slice(row, row + 1)), controls=True).v_pu
        np.testing.assert_allclose(alone[0], both[row], rtol=0, atol=1e-9)


def test_what_has_settled_stays(feeder: Feeder) -> None:
    controls = LocalControls(compile_network(with_capacitor_controls(feeder)))
    once = controls.settle(random_levels(controls.network, 20))
    again = controls.settle(once.setpoint, start_pu=once.v_pu, max_rounds=0)
    assert again.settled.all()
    np.testing.assert_array_equal(again.setpoint.tap_position, once.setpoint.tap_position)
    assert not controls.tap_moves(once).any()
    np.testing.assert_array_equal(controls.capacitor_steps(once), once.setpoint.capacitor_step)


def test_settled_regulators_see_their_band(feeder: Feeder) -> None:
    controls = LocalControls(compile_network(feeder))
    network = controls.network
    rest = controls.settle(random_levels(network, 20))
    seen_v = controls.compensated_v(rest)
    settings = [regulator.control for regulator in feeder.regulators.values()]
    inside = np.array(
        [
            np.abs(seen_v[:, k] - c.v_reg) <= c.band_v / 2.0
            for k, c in enumerate(settings)
            if c is not None
        ]
    ).T
    taps = rest.setpoint.tap_position
    at_an_end = (taps == network.tap_lowest) | (taps == network.tap_highest)
    assert (inside | at_an_end).all()
    assert inside.mean() > 0.9


def test_settling_a_batch_is_settling_its_rows(feeder: Feeder) -> None:
    controls = LocalControls(compile_network(with_capacitor_controls(feeder)))
    setpoint = random_levels(controls.network, 12)
    batch = controls.settle(setpoint)
    for row in range(12):
        alone = controls.settle(setpoint.rows(slice(row, row + 1)))
        np.testing.assert_array_equal(
            alone.setpoint.tap_position[0], batch.setpoint.tap_position[row]
        )
        np.testing.assert_array_equal(alone.v_pu[0], batch.v_pu[row])


def test_elements_without_a_control_keep_what_they_are_given(feeder: Feeder) -> None:
    regulators = {k: replace(r, control=None) for k, r in feeder.regulators.items()}
    network = compile_network(replace(feeder, regulators=regulators))
    setpoint = random_levels(network, 3)
    controls = LocalControls(network)
    rest = controls.settle(setpoint, max_rounds=0)
    assert rest.settled.all()
    np.testing.assert_array_equal(rest.setpoint.tap_position, setpoint.tap_position)
    assert controls.compensated_v(rest).shape == (3, 0)
    assert controls.regulator_columns.tolist() == controls.capacitor_columns.tolist() == []


def test_some_regulators_may_have_a_control_and_others_not() -> None:
    feeder = load("ieee13")
    kept = replace(feeder.regulators["reg2"], control=None)
    network = compile_network(replace(feeder, regulators={**feeder.regulators, "reg2": kept}))
    setpoint = nominal_setpoint(network).with_(tap_position=[0, 3, 0])
    ours = LocalControls(network).settle(setpoint)
    theirs = OpenDSS(network).solve(setpoint, controls=True)
    np.testing.assert_array_equal(ours.setpoint.tap_position, theirs.setpoint.tap_position)
    assert ours.setpoint.tap_position[0, 1] == 3


def test_an_empty_batch_settles(feeder: Feeder) -> None:
    controls = LocalControls(compile_network(feeder))
    rest = controls.settle(nominal_setpoint(controls.network, 0))
    assert rest.settled.shape == (0,)


def far_load(two_bus: Callable[..., Feeder], kvar: float, control: CapacitorControl) -> Network:
    """A capacitor at the end of five kilometres, which it lifts by several percent."""
    at_b = Terminal("b", ABC)
    return compile_network(
        two_bus(
            length_m=5000.0,
            loads=[Load("one", at_b, WYE, LoadModel.PQ, 600.0, 300.0, 4.16)],
            capacitors=[Capacitor("c", at_b, WYE, kvar, 4.16, control=control)],
        )
    )


def test_rows_that_hunt_are_not_settled(two_bus: Callable[..., Feeder]) -> None:
    """A band narrower than what the capacitor does to the voltage has no rest in it."""
    network = far_load(
        two_bus,
        600.0,
        CapacitorControl(CapacitorControlKind.VOLTAGE, on=118.0, off=119.0, pt_ratio=20.0),
    )
    setpoint = nominal_setpoint(network, 3).with_(
        load_kw=[[0.0], [400.0], [900.0]], load_kvar=[[0.0], [200.0], [500.0]]
    )
    controls = LocalControls(network)
    rest = controls.settle(setpoint)
    assert rest.settled.tolist() == [True, False, True]
    assert rest.setpoint.capacitor_step[[0, 2]].tolist() == [[0], [1]]
    theirs = OpenDSS(network).solve(setpoint, controls=True)
    assert theirs.converged.tolist() == [True, False, True]
    assert theirs.setpoint.capacitor_step[[0, 2]].tolist() == [[0], [1]]
    assert rest.converged.all()


def test_rounds_are_only_given_up_where_a_control_still_wants_to_act() -> None:
    controls = LocalControls(compile_network(load("ieee13")))
    setpoint = nominal_setpoint(controls.network)
    settled = [controls.settle(setpoint, max_rounds=n).settled[0] for n in range(6)]
    assert settled == sorted(settled)
    assert not any(settled[:2])
    assert settled[5]
    untouched = controls.settle(setpoint, max_rounds=0)
    assert not untouched.settled.any()
    np.testing.assert_array_equal(untouched.setpoint.tap_position, setpoint.tap_position)


def test_a_row_without_a_solution_is_not_settled(two_bus: Callable[..., Feeder]) -> None:
    network = far_load(
        two_bus,
        300.0,
        CapacitorControl(CapacitorControlKind.VOLTAGE, on=117.0, off=123.0, pt_ratio=20.0),
    )
    stubborn = replace(network.feeder.loads["one"], v_low_pu=0.01, v_min_pu=0.02, v_max_pu=5.0)
    network = compile_network(replace(network.feeder, loads={"one": stubborn}))
    setpoint = nominal_setpoint(network, 3).with_(load_kw=[[100.0], [50000.0], [600.0]])
    rest = LocalControls(network).settle(setpoint)
    assert rest.settled.tolist() == [True, False, True]
    assert rest.status[1] != Status.CONVERGED


def test_a_capacitor_watches_the_first_phase_of_its_bank(two_bus: Callable[..., Feeder]) -> None:
    network = far_load(
        two_bus,
        300.0,
        CapacitorControl(CapacitorControlKind.VOLTAGE, on=117.0, off=123.0, pt_ratio=20.0),
    )
    controls = LocalControls(network)
    v_pu = solve(network, nominal_setpoint(network)).v_pu.repeat(4, axis=0)
    first, *others = network.nodes_of(Terminal("b", ABC))
    v_pu[:, others] = 0.9
    base_v = 4160.0 / 3**0.5 / 20.0
    v_pu[:, first] = np.array([116.9, 117.1, 122.9, 123.1]) / base_v
    flow = replace(solve(network, nominal_setpoint(network, 4)), v_pu=v_pu)
    for closed, expected in ((0, [1, 0, 0, 0]), (1, [1, 1, 1, 0])):
        setpoint = nominal_setpoint(network, 4).with_(capacitor_step=[closed])
        seen = replace(flow, setpoint=setpoint)
        assert controls.capacitor_steps(seen)[:, 0].tolist() == expected


@pytest.fixture
def ganged(two_bus: Callable[..., Feeder]) -> Feeder:
    """A regulator that moves three phases at once, led by the first, behind a long line."""
    wye = Winding(Terminal("b", ABC), WYE, 4.16, 2000.0, 0.01)
    feeder = two_bus(length_m=3000.0)
    control = LineDropControl(122.0, 2.0, 20.0, 300.0, 1.0, 2.0)
    return replace(
        feeder,
        buses={**feeder.buses, "c": Bus("c", 4.16)},
        transformers={
            "t": Transformer("t", (wye, replace(wye, terminal=Terminal("c", ABC))), (0.05,))
        },
        regulators={"r": Regulator("r", "t", control=control)},
        loads={"one": Load("one", Terminal("c", ABC), WYE, LoadModel.PQ, 300, 100, 4.16)},
    )


def test_a_ganged_regulator_stops_at_the_end_of_its_range(ganged: Feeder) -> None:
    network = compile_network(ganged)
    setpoint = nominal_setpoint(network, 4).with_(load_kw=[[0.0], [300.0], [900.0], [2200.0]])
    ours = LocalControls(network).settle(setpoint)
    theirs = OpenDSS(network).solve(setpoint, controls=True)
    np.testing.assert_array_equal(ours.setpoint.tap_position, theirs.setpoint.tap_position)
    assert ours.setpoint.tap_position[3, 0] == 16


def test_a_capacitor_that_opened_lets_everyone_else_act_first(ganged: Feeder) -> None:
    """Its dead time: what opened it may have been a tap that is about to move."""
    control = CapacitorControl(CapacitorControlKind.VOLTAGE, on=120.0, off=123.5, pt_ratio=20.0)
    bank = Capacitor("c", Terminal("c", ABC), WYE, 300.0, 4.16, control=control)
    network = compile_network(replace(ganged, capacitors={"c": bank}))
    taps = np.arange(-16, 17)[:, None]
    setpoint = nominal_setpoint(network, 33).with_(tap_position=taps, load_kw=[700.0])
    assert_same_rest(network, setpoint)
