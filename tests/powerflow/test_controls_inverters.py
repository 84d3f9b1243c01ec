"""Inverters come to rest on their curves."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders import (
    Connection,
    Feeder,
    InverterControl,
    Load,
    LoadModel,
    Pv,
    Storage,
    Terminal,
    load,
)
from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.powerflow.opendss import OpenDSS

ABC = (1, 2, 3)
WYE, DELTA = Connection.WYE, Connection.DELTA
# IEEE 1547-2018, table 8 (category B) and table 10.
VOLT_VAR = ((0.92, 0.44), (0.98, 0.0), (1.02, 0.0), (1.08, -0.44))
VOLT_WATT = ((1.06, 1.0), (1.10, 0.2))
EARLY_VOLT_WATT = ((1.02, 1.0), (1.05, 0.2))
STEEP_VOLT_VAR = ((0.97, 0.6), (0.995, 0.0), (1.005, 0.0), (1.03, -0.6))
CONTROLS = [
    InverterControl(VOLT_VAR),
    InverterControl((), EARLY_VOLT_WATT),
    InverterControl(VOLT_VAR, EARLY_VOLT_WATT),
]
IDS = ["volt-var", "volt-watt", "both"]

RATED_KW, RATED_KVA = 2000.0, 2200.0
ON_CURVE = 1e-6  # of the rating
OPENDSS_PU = 1e-6  # InvControl's own tolerance is 1e-6 of the rating
OPENDSS_SHARE = 1e-5


@pytest.fixture
def sunny(two_bus: Callable[..., Feeder]) -> Callable[..., Feeder]:
    """Make a large inverter at the end of five kilometres, which it lifts by several percent."""

    def make(
        control: InverterControl, connection: Connection = WYE, kw: float = RATED_KW
    ) -> Feeder:
        at_b = Terminal("b", ABC)
        return two_bus(
            length_m=5000.0,
            loads=[Load("one", at_b, WYE, LoadModel.PQ, 300.0, 100.0, 4.16)],
            pvs=[Pv("sun", at_b, connection, 4.16, kw, RATED_KVA, control=control)],
        )

    return make


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_two_bus_feeder_as_opendss(sunny: Callable[..., Feeder], control: InverterControl) -> None:
    network = compile_network(sunny(control))
    setpoint = nominal_setpoint(network, 9).with_(der_kw=np.linspace(0.0, RATED_KW, 9)[:, None])
    ours = LocalControls(network).settle(setpoint, tolerance_pu=1e-10)
    theirs = OpenDSS(network).solve(setpoint, controls=True)
    assert ours.settled.all()
    assert theirs.settled.all()
    assert np.abs(ours.v_pu - theirs.v_pu).max() < OPENDSS_PU
    for name in ("der_kw", "der_kvar"):
        difference = getattr(ours.setpoint, name) - getattr(theirs.setpoint, name)
        assert np.abs(difference).max() < OPENDSS_SHARE * RATED_KVA
    changed = np.abs(ours.setpoint.der_kw - setpoint.der_kw) + np.abs(ours.setpoint.der_kvar)
    assert changed.max() > 100.0


def test_a_delta_inverter_sees_its_legs(sunny: Callable[..., Feeder]) -> None:
    """OpenDSS takes its conductors' voltages to ground: all but the same on this line."""
    network = compile_network(sunny(InverterControl(VOLT_VAR), DELTA))
    setpoint = nominal_setpoint(network, 5).with_(der_kw=np.linspace(0.0, RATED_KW, 5)[:, None])
    ours = LocalControls(network).settle(setpoint)
    theirs = OpenDSS(network).solve(setpoint, controls=True)
    assert 1e-6 < np.abs(ours.v_pu - theirs.v_pu).max() < 1e-4
    legs_v = np.abs(ours.v_pu[:, [3, 4, 5]] - ours.v_pu[:, [4, 5, 3]]).mean(axis=1) / 3**0.5
    x, y = zip(*VOLT_VAR, strict=True)
    on_curve = np.interp(legs_v, x, y) * RATED_KVA
    np.testing.assert_allclose(ours.setpoint.der_kvar[:, 0], on_curve, atol=ON_CURVE * RATED_KVA)


@pytest.mark.parametrize("control", [*CONTROLS, InverterControl(STEEP_VOLT_VAR)])
def test_rest_is_the_root_of_one_equation(
    sunny: Callable[..., Feeder], control: InverterControl
) -> None:
    """One unknown, the mean voltage: it is what the powers of the curves at it lead to."""
    network = compile_network(sunny(control))
    setpoint = nominal_setpoint(network).with_(der_kw=[RATED_KW])
    nodes = network.nodes_of(Terminal("b", ABC))

    def along(curve: tuple[tuple[float, float], ...], v_pu: float, off: float) -> float:
        if not curve:
            return off
        x, y = zip(*curve, strict=True)
        return float(np.interp(v_pu, x, y))

    def powers(v_pu: float) -> tuple[float, float]:
        p = min(RATED_KW, along(control.volt_watt, v_pu, 1.0) * RATED_KW)
        q = along(control.volt_var, v_pu, 0.0) * RATED_KVA
        return min(p, (RATED_KVA**2 - q**2) ** 0.5), q

    def miss(v_pu: float) -> float:
        p, q = powers(v_pu)
        flow = solve(network, setpoint.with_(der_kw=[p], der_kvar=[q]), tolerance_pu=1e-11)
        return float(np.abs(flow.v_pu[0, nodes]).mean() - v_pu)

    root = float(np.asarray(brentq(miss, 0.95, 1.1, xtol=1e-12)))
    ours = LocalControls(network).settle(setpoint, tolerance_pu=1e-11)
    assert float(np.abs(ours.v_pu[0, nodes]).mean()) == pytest.approx(root, abs=1e-7)
    p, q = powers(root)
    assert ours.setpoint.der_kw[0, 0] == pytest.approx(p, abs=ON_CURVE * RATED_KVA)
    assert ours.setpoint.der_kvar[0, 0] == pytest.approx(q, abs=ON_CURVE * RATED_KVA)


def test_reactive_power_comes_first(sunny: Callable[..., Feeder]) -> None:
    """Where both exceed the rating, active power gives way (category B)."""
    everywhere = InverterControl(((0.5, -0.6), (1.5, -0.6)))
    network = compile_network(sunny(everywhere))
    rest = LocalControls(network).settle(nominal_setpoint(network).with_(der_kw=[RATED_KW]))
    assert rest.setpoint.der_kvar[0, 0] == pytest.approx(-0.6 * RATED_KVA, rel=1e-6)
    assert rest.setpoint.der_kw[0, 0] == pytest.approx(0.8 * RATED_KVA, rel=1e-6)


def test_a_battery_that_charges_is_not_curtailed(two_bus: Callable[..., Feeder]) -> None:
    at_b = Terminal("b", ABC)
    control = InverterControl((), ((0.9, 0.5), (1.1, 0.0)))
    cell = Storage("cell", at_b, WYE, 4.16, 400.0, 1000.0, 500.0, control=control)
    network = compile_network(two_bus(storages=[cell]))
    setpoint = nominal_setpoint(network, 2).with_(der_kw=[[-400.0], [400.0]], der_kvar=[50.0])
    rest = LocalControls(network).settle(setpoint)
    assert rest.settled.all()
    assert rest.setpoint.der_kw[0, 0] == -400.0
    assert 80.0 < rest.setpoint.der_kw[1, 0] < 120.0
    np.testing.assert_array_equal(rest.setpoint.der_kvar, setpoint.der_kvar)


def with_inverters(feeder: Feeder) -> Feeder:
    """Inverters of half as much again as the load at every other wye load."""
    wye = [one for one in feeder.loads.values() if one.connection is WYE][::2]
    pvs = [
        Pv(
            f"pv_{one.name}",
            one.terminal,
            one.connection,
            one.kv,
            1.4 * one.kw,
            1.5 * one.kw,
            control=InverterControl(VOLT_VAR, VOLT_WATT if k % 2 else EARLY_VOLT_WATT),
        )
        for k, one in enumerate(wye)
    ]
    return replace(feeder, pvs={pv.name: pv for pv in pvs})


@pytest.mark.parametrize("name", ["ieee13", "ieee123"])
def test_inverters_beside_regulators_as_opendss(name: str) -> None:
    feeder = with_inverters(load(name))
    network = compile_network(feeder)
    rng = np.random.default_rng(3)
    nominal = nominal_setpoint(network)
    kva = np.array([pv.kva for pv in feeder.pvs.values()])
    setpoint = nominal.with_(
        load_kw=nominal.load_kw * rng.uniform(0.2, 1.1, (8, 1)),
        der_kw=kva * rng.uniform(0.0, 0.9, (8, 1)),
        tap_position=rng.integers(-8, 9, (8, len(network.regulators))),
    )
    controls = LocalControls(network)
    ours, theirs = controls.settle(setpoint), OpenDSS(network).solve(setpoint, controls=True)
    assert ours.settled.all()
    assert theirs.settled.all()
    np.testing.assert_array_equal(ours.setpoint.tap_position, theirs.setpoint.tap_position)
    assert np.abs(ours.v_pu - theirs.v_pu).max() < OPENDSS_PU
    for what in ("der_kw", "der_kvar"):
        difference = getattr(ours.setpoint, what) - getattr(theirs.setpoint, what)
        assert np.abs(difference / kva).max() < OPENDSS_SHARE
    assert np.abs(ours.setpoint.der_kvar / kva).max() > 0.03
    alone = controls.settle(setpoint.rows(slice(5, 6)))
    np.testing.assert_array_equal(alone.setpoint.tap_position[0], ours.setpoint.tap_position[5])
    assert np.abs(alone.v_pu[0] - ours.v_pu[5]).max() < 1e-7


def test_what_rests_on_its_curve_stays(sunny: Callable[..., Feeder]) -> None:
    network = compile_network(sunny(InverterControl(VOLT_VAR)))
    controls = LocalControls(network)
    once = controls.settle(nominal_setpoint(network).with_(der_kw=[RATED_KW]))
    again = controls.settle(once.setpoint, start_pu=once.v_pu)
    np.testing.assert_array_equal(again.setpoint.der_kvar, once.setpoint.der_kvar)
    plain = solve(network, once.setpoint)
    assert np.abs(plain.v_pu - once.v_pu).max() < 1e-7


def test_an_inverter_without_a_rating_has_no_curve_to_follow(sunny: Callable[..., Feeder]) -> None:
    feeder = sunny(InverterControl(VOLT_VAR))
    dead = replace(feeder.pvs["sun"], kva=0.0)
    network = compile_network(replace(feeder, pvs={"sun": dead}))
    with pytest.raises(PowerFlowError, match=r"inverter 'sun': kva is 0\.0; expected more than 0"):
        LocalControls(network)


def test_one_leg_between_conductors_is_ours_alone(two_bus: Callable[..., Feeder]) -> None:
    """OpenDSS holds one conductor's voltage to ground against the rating between two."""
    control = InverterControl(VOLT_VAR)
    leg = Pv("leg", Terminal("b", (1, 2)), DELTA, 4.16, 500.0, 500.0, control=control)
    network = compile_network(two_bus(pvs=[leg], v_pu=1.04))
    setpoint = nominal_setpoint(network)
    rest = LocalControls(network).settle(setpoint)
    assert -0.2 < rest.setpoint.der_kvar[0, 0] / 500.0 < -0.1
    with pytest.raises(PowerFlowError, match="inverter 'leg': OpenDSS holds the voltage of one"):
        OpenDSS(network).solve(setpoint, controls=True)
