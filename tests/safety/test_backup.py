"""Backup controllers: local controls, and the volt-var curve of category B."""

from dataclasses import replace

import numpy as np

from grid_fed_rl.devices import volt_var_q_pu
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.feeders import InverterControl
from grid_fed_rl.powerflow import compile_network, solve
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.powerflow.primitives import legs_of, rated_leg_kv
from grid_fed_rl.safety.backup import CATEGORY_B, BackupControls


def peak():
    """The network of a utility, and its set-points at noon of some days."""
    case = vvo_case("ieee13", "desert")
    rows = np.array([12, 24 * 30 + 12, 24 * 180 + 12, 24 * 180 + 18])
    one = case.nominal
    der = np.zeros((len(rows), one.der_kw.shape[1]))
    der[:, : case.year.pv_kw.shape[1]] = case.year.pv_kw[rows]
    return case.network, one.with_(
        load_kw=case.year.load_kw[rows].astype(float),
        load_kvar=case.year.load_kvar[rows].astype(float),
        der_kw=der,
        der_kvar=np.zeros_like(der),
    )


def test_without_volt_var_it_is_the_feeders_own_controls():
    network, setpoint = peak()
    settled = BackupControls(network).settle(setpoint, 12.0).setpoint
    own = LocalControls(network, hour=12.0).settle(setpoint).setpoint
    np.testing.assert_array_equal(settled.tap_position, own.tap_position)
    np.testing.assert_array_equal(settled.capacitor_step, own.capacitor_step)
    np.testing.assert_array_equal(settled.der_kvar, 0.0)


def test_inverters_come_to_rest_on_the_curve_of_category_b():
    network, setpoint = peak()
    settled = BackupControls(network, volt_var=True).settle(setpoint, 12.0).setpoint
    flow = solve(network, settled)
    volts = np.hstack([flow.v_pu * network.v_base_v, np.zeros((len(flow.v_pu), 1))])
    for k, pv in enumerate(network.feeder.pvs.values()):
        nodes = network.nodes_of(pv.terminal)
        legs = legs_of(pv.connection, len(nodes))
        ends = [(nodes[a], -1 if b is None else nodes[b]) for a, b in legs]
        across = np.mean([np.abs(volts[:, a] - volts[:, b]) for a, b in ends], axis=0)
        v_pu = across / (1000.0 * rated_leg_kv(pv.connection, len(nodes), pv.kv))
        np.testing.assert_allclose(settled.der_kvar[:, k] / pv.kva, volt_var_q_pu(v_pu), atol=1e-5)
    assert np.abs(settled.der_kvar).max() > 1.0


def test_a_feeders_own_curve_is_left_to_it():
    network, _ = peak()
    feeder = network.feeder
    first, *rest = feeder.pvs.values()
    own = BackupControls(network, volt_var=True).controls.network.feeder
    assert own.pvs[first.name].control == CATEGORY_B
    curve = InverterControl(volt_var=((0.9, 0.1), (1.1, -0.1)))
    pvs = {first.name: replace(first, control=curve), **{pv.name: pv for pv in rest}}
    changed = replace(feeder, pvs=pvs)
    kept = BackupControls(compile_network(changed), volt_var=True).controls.network.feeder
    assert kept.pvs[first.name].control == curve
    assert kept.pvs[rest[0].name].control == own.pvs[rest[0].name].control
