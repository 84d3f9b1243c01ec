"""Regulators of every make come to rest where OpenDSS's RegControl does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.feeders import (
    Bus,
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
from grid_fed_rl.powerflow import PowerFlow, compile_network, nominal_setpoint
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.powerflow.opendss import OpenDSS

ABC = (1, 2, 3)
WYE, DELTA = Connection.WYE, Connection.DELTA
CONTROL = LineDropControl(121.0, 2.0, 20.0, 300.0, 1.0, 2.0)


def assert_same_rest(feeder: Feeder, n_rows: int = 24) -> PowerFlow:
    """Both engines come to rest on the same taps, or hunt alike."""
    network = compile_network(feeder)
    level = np.linspace(0.05, 1.5, n_rows)[:, None]
    nominal = nominal_setpoint(network)
    setpoint = nominal.with_(
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
        tap_position=np.random.default_rng(1).integers(
            network.tap_lowest, network.tap_highest + 1, (n_rows, len(network.regulators))
        ),
    )
    ours = LocalControls(network).settle(setpoint)
    theirs = OpenDSS(network).solve(setpoint, controls=True)
    np.testing.assert_array_equal(ours.settled, theirs.settled)
    rest = ours.settled
    assert rest.mean() > 0.7
    np.testing.assert_array_equal(
        ours.setpoint.tap_position[rest], theirs.setpoint.tap_position[rest]
    )
    assert np.abs(ours.v_pu - theirs.v_pu)[rest].max() < 1e-6
    assert len(np.unique(ours.setpoint.tap_position[rest], axis=0)) > 3
    return ours


@pytest.fixture
def behind(two_bus: Callable[..., Feeder]) -> Callable[..., Feeder]:
    """Make a regulating transformer at the end of a long line, and a load behind it."""

    def make(
        first: Connection = WYE, second: Connection = WYE, winding: int = 2, **control: Any
    ) -> Feeder:
        windings = tuple(
            Winding(Terminal(bus, ABC), connection, 4.16, 5000.0, 0.01)
            for bus, connection in (("b", first), ("c", second))
        )
        feeder = two_bus(length_m=3000.0)
        demand = Load("one", Terminal("c", ABC), DELTA, LoadModel.PQ, 900.0, 300.0, 4.16)
        return replace(
            feeder,
            buses={**feeder.buses, "c": Bus("c", 4.16)},
            transformers={"t": Transformer("t", windings, (0.5,), antifloat_ppm=1000.0)},
            regulators={"r": Regulator("r", "t", winding, control=replace(CONTROL, **control))},
            loads={"one": demand},
        )

    return make


@pytest.mark.parametrize("second", [WYE, DELTA])
@pytest.mark.parametrize("first", [WYE, DELTA])
def test_a_ganged_regulator_of_any_connection(
    behind: Callable[..., Feeder], first: Connection, second: Connection
) -> None:
    """A delta winding is held by the voltage between conductors."""
    settings = {"v_reg": 121.0 * 3**0.5} if second is DELTA else {}
    assert_same_rest(behind(first, second, **settings))


def test_the_compensator_leads_to_a_higher_voltage_under_load(
    behind: Callable[..., Feeder],
) -> None:
    rest = assert_same_rest(behind(r_v=4.0, x_v=2.0))
    network = compile_network(behind())
    v = np.abs(rest.v_pu[:, network.node_index["c.1"]])
    last = np.flatnonzero(rest.setpoint.tap_position[:, 0] < 16)[-1]  # with room to act
    assert v[last] > v[0] + 0.01


def test_one_step_at_a_time_takes_more_rounds_to_a_rest_in_the_band(
    behind: Callable[..., Feeder],
) -> None:
    slow = behind(max_steps=1)
    assert_same_rest(slow)
    network = compile_network(slow)
    far = nominal_setpoint(network).with_(tap_position=[-16])
    controls = LocalControls(network)
    rest = controls.settle(far)
    rounds = int(rest.setpoint.tap_position[0, 0]) + 16
    assert controls.settle(far, max_rounds=rounds).settled.all()
    assert not controls.settle(far, max_rounds=rounds - 1).settled.any()
    assert abs(controls.compensated_v(rest)[0, 0] - 121.0) <= 1.0


def test_a_remote_bus_is_held_without_line_drop(behind: Callable[..., Feeder]) -> None:
    feeder = behind(monitored=Terminal("d", (2,)), r_v=9.0, x_v=9.0)
    onward = replace(feeder.lines["ab"], name="cd", from_=Terminal("c", ABC), to=Terminal("d", ABC))
    demand = replace(feeder.loads["one"], name="far", terminal=Terminal("d", ABC))
    feeder = replace(
        feeder,
        buses={**feeder.buses, "d": Bus("d", 4.16)},
        lines={**feeder.lines, "cd": onward},
        loads={**feeder.loads, "far": demand},
    )
    rest = assert_same_rest(feeder)
    network = compile_network(feeder)
    inside = np.abs(rest.setpoint.tap_position[:, 0]) < 16
    held_v = np.abs(rest.v_pu[inside, network.node_index["d.2"]]) * 4160.0 / 3**0.5 / 20.0
    assert np.abs(held_v - 121.0).max() <= 1.0
    assert inside.sum() >= 10


def test_the_limit_of_the_windings_own_voltage_comes_first(behind: Callable[..., Feeder]) -> None:
    limited = behind(v_limit=121.5, r_v=4.0, x_v=4.0)
    rest = assert_same_rest(limited)
    network = compile_network(limited)
    own_v = np.abs(rest.v_pu[rest.settled, network.node_index["c.1"]]) * 4160.0 / 3**0.5 / 20.0
    half_a_step = 0.00625 * 2400.0 / 20.0 / 2.0
    assert own_v.max() <= 121.5 + half_a_step
    free = LocalControls(compile_network(behind(r_v=4.0, x_v=4.0))).settle(rest.setpoint)
    assert np.abs(free.v_pu[:, network.node_index["c.1"]]).max() * 4160.0 / 3**0.5 / 20.0 > 122.5


@pytest.mark.parametrize("name", ["ieee13", "ieee123"])
def test_regulators_of_different_makes_and_delays(name: str) -> None:
    """Who is due first acts alone, and the others look again."""
    feeder, regulators = load(name), {}
    for k, (key, one) in enumerate(feeder.regulators.items()):
        assert one.control is not None
        control = replace(
            one.control, delay_s=(15.0, 30.0, 20.0)[k % 3], max_steps=(1, 16, 3)[k % 3]
        )
        regulators[key] = replace(one, control=control)
    assert_same_rest(replace(feeder, regulators=regulators), 40)


def test_a_regulator_that_is_told_to_stay_stays(behind: Callable[..., Feeder]) -> None:
    feeder = behind()
    stays = replace(feeder.regulators["r"], control=None, tap_position=-5)
    network = compile_network(replace(feeder, regulators={"r": stays}))
    rest = LocalControls(network).settle(nominal_setpoint(network))
    assert rest.settled.all()
    assert rest.setpoint.tap_position.tolist() == [[-5]]
