"""Capacitor controls of every kind ask for what OpenDSS's CapControl asks for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import (
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    Load,
    LoadModel,
    Terminal,
    load,
)
from grid_fed_rl.powerflow import compile_network, nominal_setpoint
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.powerflow.opendss import OpenDSS
from tests.powerflow.contacts import by_legs, with_contacts

ABC = (1, 2, 3)
Kind = CapacitorControlKind
WATCHES: list[tuple[str, dict[str, Any]]] = [
    ("voltage at the bank", {"kind": Kind.VOLTAGE, "on": 118.0, "off": 122.5}),
    ("voltage of phase 2", {"kind": Kind.VOLTAGE, "on": 119.5, "off": 122.5, "phase": 2}),
    (
        "voltage at the far end",
        {"kind": Kind.VOLTAGE, "on": 118.0, "off": 122.0, "element": "ab", "end": 2},
    ),
    ("kvar of the line", {"kind": Kind.KVAR, "on": 260.0, "off": -120.0, "element": "ab"}),
    (
        "kvar, voltage first",
        {
            "kind": Kind.KVAR,
            "on": 260.0,
            "off": -900.0,
            "element": "ab",
            "v_min": 114.0,
            "v_max": 121.0,
        },
    ),
    (
        "kvar into the far end",
        {"kind": Kind.KVAR, "on": -240.0, "off": -700.0, "element": "ab", "end": 2},
    ),
    (
        "current",
        {"kind": Kind.CURRENT, "on": 95.0, "off": 55.0, "ct_ratio": 1.0, "element": "ab"},
    ),
    (
        "current named at the far end",
        {
            "kind": Kind.CURRENT,
            "on": 9.5,
            "off": 5.5,
            "ct_ratio": 10.0,
            "element": "ab",
            "end": 2,
            "phase": 3,
        },
    ),
    ("power factor", {"kind": Kind.PF, "on": 0.93, "off": 1.02, "element": "ab"}),
    ("clock", {"kind": Kind.TIME, "on": 8.0, "off": 20.0}),
    ("clock through midnight", {"kind": Kind.TIME, "on": 20.0, "off": 8.0}),
]
DELAYS = {"delay_s": 10.0, "delay_off_s": 40.0, "dead_time_s": 300.0}


@pytest.fixture
def far(two_bus: Callable[..., Feeder]) -> Callable[..., Feeder]:
    """Make a bank at the end of four kilometres, with a control, beside a load."""

    def make(n_steps: int, connection: Connection = Connection.WYE, **settings: Any) -> Feeder:
        at_b = Terminal("b", ABC)
        control = CapacitorControl(pt_ratio=20.0, **{**DELAYS, **settings})
        bank = Capacitor("c", at_b, connection, 500.0, 4.16, n_steps, 0, control)
        return two_bus(
            length_m=4000.0,
            loads=[Load("one", at_b, Connection.WYE, LoadModel.PQ, 600.0, 300.0, 4.16)],
            capacitors=[bank],
        )

    return make


def assert_same_rest(feeder: Feeder, n_rows: int, hour: Any = 0.0, opened: str = "") -> set[int]:
    """Both engines come to rest on the same steps, or hunt alike; return the steps.

    A switch may be open in every row.
    """
    network = compile_network(feeder)
    level = np.linspace(0.05, 1.6, n_rows)[:, None]
    nominal = nominal_setpoint(network)
    setpoint = nominal.with_(
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
        capacitor_step=np.arange(n_rows)[:, None] % (network.capacitor_steps + 1),
        switch_closed=[[name != opened for name in network.switches]],
    )
    controls = LocalControls(network, hour=hour)
    ours, theirs = controls.settle(setpoint), OpenDSS(network).solve(setpoint, controls=controls)
    np.testing.assert_array_equal(ours.settled, theirs.settled)
    rest = ours.settled
    np.testing.assert_array_equal(
        ours.setpoint.capacitor_step[rest], theirs.setpoint.capacitor_step[rest]
    )
    assert np.abs(ours.v_pu - theirs.v_pu)[rest].max() < 1e-6
    return set(np.unique(ours.setpoint.capacitor_step[rest]).tolist())


@pytest.mark.parametrize("n_steps", [1, 3])
@pytest.mark.parametrize(("what", "settings"), WATCHES, ids=[what for what, _ in WATCHES])
def test_every_kind(
    far: Callable[..., Feeder], what: str, settings: dict[str, Any], n_steps: int
) -> None:
    hour = np.linspace(0.0, 23.75, 24) if settings["kind"] is Kind.TIME else 0.0
    steps = assert_same_rest(far(n_steps, **settings), 24, hour)
    assert {0, n_steps} <= steps, "some open, some close"


def test_a_delta_bank_watches_the_voltage_between_conductors(far: Callable[..., Feeder]) -> None:
    feeder = far(1, Connection.DELTA, kind=Kind.VOLTAGE, on=203.0, off=211.5, phase=3)
    assert assert_same_rest(feeder, 24) == {0, 1}


@pytest.mark.parametrize("element", ["671692", "xfm1", "reg1"])
def test_a_switch_or_a_transformer_may_be_watched(element: str) -> None:
    """A switch that opens, a transformer, and one whose taps move meanwhile."""
    feeder = load("ieee13")
    bank = feeder.capacitors["cap2"]
    control = CapacitorControl(
        Kind.KVAR, on=60.0, off=-30.0, element=element, end=2 if element == "xfm1" else 1
    )
    if element == "xfm1":  # its second side sees the load as negative
        control = replace(control, on=-150.0, off=-330.0)
    capacitors = {**feeder.capacitors, "cap2": replace(bank, control=control)}
    network = compile_network(replace(feeder, capacitors=capacitors))
    level = np.linspace(0.1, 1.3, 12)[:, None]
    nominal = nominal_setpoint(network)
    setpoint = nominal.with_(
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
        switch_closed=np.arange(12)[:, None] % 4 > 0,
        capacitor_step=[1, 0],
    )
    ours = LocalControls(network).settle(setpoint)
    theirs = OpenDSS(network).solve(setpoint, controls=True)
    assert ours.settled.all()
    np.testing.assert_array_equal(ours.setpoint.capacitor_step, theirs.setpoint.capacitor_step)
    np.testing.assert_array_equal(ours.setpoint.tap_position, theirs.setpoint.tap_position)
    assert set(ours.setpoint.capacitor_step[:, 1].tolist()) == {0, 1}


def test_the_hour_is_one_for_all_or_one_a_row(far: Callable[..., Feeder]) -> None:
    network = compile_network(far(1, kind=Kind.TIME, on=8.0, off=20.0))
    setpoint = nominal_setpoint(network, 3)
    controls = LocalControls(network, hour=12.0)
    assert controls.settle(setpoint).setpoint.capacitor_step.tolist() == [[1], [1], [1]]
    by_row = replace(controls, hour=np.array([7.9, 8.0, 20.0]))
    assert by_row.plan is controls.plan
    assert by_row.settle(setpoint).setpoint.capacitor_step.tolist() == [[0], [1], [0]]
    with pytest.raises(PowerFlowError, match=r"hour has shape \(2,\); expected one number or \(3"):
        replace(controls, hour=np.zeros(2)).settle(setpoint)
    with pytest.raises(PowerFlowError, match=r"hour is 24.5; expected an hour of the day, 0 to 24"):
        replace(controls, hour=24.5).settle(setpoint)


@pytest.mark.parametrize(
    ("connection", "n_steps", "settings", "why"),
    [
        (Connection.DELTA, 2, {"kind": Kind.VOLTAGE, "on": 203.0, "off": 211.5}, "draws too much"),
        (
            Connection.WYE,
            1,
            {"kind": Kind.TIME, "on": 8.0, "off": 20.0, "element": "ab", "v_min": 110.0},
            "writes past its memory",
        ),
    ],
)
def test_what_opendss_gets_wrong_it_is_not_asked(
    far: Callable[..., Feeder],
    connection: Connection,
    n_steps: int,
    settings: dict[str, Any],
    why: str,
) -> None:
    network = compile_network(far(n_steps, connection, **settings))
    setpoint = nominal_setpoint(network)
    assert LocalControls(network).settle(setpoint).settled.all()
    with pytest.raises(PowerFlowError, match=f"capacitor 'c': OpenDSS {why}"):
        OpenDSS(network).solve(setpoint, controls=True)


@pytest.mark.parametrize(
    "watch",
    [
        {"kind": Kind.CURRENT, "on": 20.0, "off": 10.0, "ct_ratio": 1.0, "phase": 3},
        {"kind": Kind.CURRENT, "on": 90.0, "off": 60.0, "ct_ratio": 1.0, "phase": 1},
        {"kind": Kind.KVAR, "on": 150.0, "off": -200.0},
    ],
)
def test_a_dead_conductor_that_is_watched_floats(
    far: Callable[..., Feeder], watch: dict[str, Any]
) -> None:
    """Earthed at both ends, phase 3 would carry half of what flows beside it."""
    feeder = with_contacts(by_legs(far(2, element="ab", **watch)), ["ab"])
    loads = {name: one for name, one in feeder.loads.items() if one.terminal.phases != (3,)}
    steps = assert_same_rest(replace(feeder, loads=loads), 21, opened="contact_ab_3")
    assert steps == ({0} if watch.get("phase") == 3 else {0, 1, 2})
