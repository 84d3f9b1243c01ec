"""N-1: what is out of service does nothing, and all else is as it was."""

import numpy as np
import pytest

from grid_fed_rl.envs.dynamics import advance, rest
from grid_fed_rl.envs.registration import case_of

FULL = {"tap_position": 4, "capacitor_closed": 1}  # after a first action of 1


@pytest.fixture(scope="module")
def lost():
    return case_of("VVO", "ieee123", {"split": "stress-n-1", "inverters": True})


@pytest.fixture(scope="module")
def whole():
    return case_of("VVO", "ieee123", {"split": "test", "inverters": True})


def out_by_day(**options) -> tuple[str, ...]:
    outages = case_of("VVO", "ieee123", {"split": "stress-n-1", **options}).outages
    assert outages is not None
    return outages.devices


def test_half_of_the_test_days_each_with_one_device_fixed_by_hash(lost, whole):
    assert set(lost.days) < set(whole.days)
    assert len(lost.days) == -(-len(whole.days) // 2)
    assert out_by_day(inverters=True) == lost.outages.devices
    assert out_by_day(inverters=True, year_seed=1) != lost.outages.devices


def test_kinds_are_out_as_often_as_each_other(lost):
    """Not as many as there are of each: of the devices nine in ten are PV."""
    feeder = lost.network.feeder
    kinds = [feeder.regulators, feeder.capacitors, feeder.storages, feeder.pvs]
    counts = [sum(one in kind for one in lost.outages.devices) for kind in kinds]
    assert sum(counts) == lost.year.n_days
    assert min(counts) > 60  # 91 expected, standard deviation 8


@pytest.mark.parametrize("kind", ["regulators", "capacitors", "storages"])
def test_a_device_that_is_out_stays_at_rest_and_the_others_move(lost, kind):
    devices = lost.outages.devices
    day = next(
        d for d in range(lost.year.n_days) if devices[d] in getattr(lost.network.feeder, kind)
    )
    before = rest(lost, np.array([day]))
    after = advance(lost, before, np.ones((1, len(lost.action_names))))
    for group in lost.groups:
        if group.state_name == "inverter":
            continue
        for k, name in enumerate(group.names):
            state = after.states[group.state_name][0, k]
            if name == devices[day]:
                assert state == before.states[group.state_name][0, k]
            elif group.state_name == "soc":
                assert state < 0.5
            else:
                assert state == FULL[group.state_name]


def test_a_pv_that_is_out_gives_neither_kw_nor_kvar_on_its_day_only(lost, whole):
    pvs, devices = list(lost.network.feeder.pvs), lost.outages.devices
    day = next(d for d in range(100, lost.year.n_days) if devices[d] in pvs)
    column = pvs.index(devices[day])
    noon = lost.year.steps_per_day // 2
    before = rest(lost, np.array([day]))
    for _ in range(noon):
        before = advance(lost, before, np.zeros((1, len(lost.action_names))))
    powers = advance(lost, before, np.ones((1, len(lost.action_names)))).setpoint
    assert powers.der_kw[0, column] == powers.der_kvar[0, column] == 0.0
    others = [k for k in range(len(pvs)) if k != column]
    assert (powers.der_kw[0, others] > 0.0).all()
    assert (powers.der_kvar[0, others] > 0.0).all()
    rows = np.arange(len(whole.year.pv_kw)) // whole.year.steps_per_day
    out = np.array([[device == pv for pv in pvs] for device in devices])[rows]
    np.testing.assert_array_equal(lost.year.pv_kw, np.where(out, 0.0, whole.year.pv_kw))


def test_what_local_controls_move_is_not_out():
    case = case_of("DER", "ieee123", {"split": "stress-n-1"})
    feeder = case.network.feeder
    assert case.outages is not None
    assert set(case.outages.devices) <= {*feeder.storages, *feeder.pvs}
