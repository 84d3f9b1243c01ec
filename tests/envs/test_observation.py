"""What is seen: every block by hand, its scale, its names."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.dynamics import advance, rest
from grid_fed_rl.envs.observation import (
    Clock,
    DeviceStates,
    Forecast,
    NodeVoltages,
    ZoneVoltages,
)
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.scenarios import year_from_arrays


@pytest.fixture
def snapshot(case13):
    start = rest(case13, np.array([0, 40]))
    return advance(case13, start, np.zeros((2, len(case13.action_names))))


def test_voltage_of_every_node_0_9_to_1_1_per_unit(snapshot, case13):
    v_pu = np.ones_like(snapshot.v_pu)
    v_pu[0, :5] = [0.9, 0.95, 1.0, 1.05, 1.1]
    v_pu[1, :3] = [0.0, 0.85, 1.3]
    part = NodeVoltages(case13.network)
    seen = part(replace(snapshot, v_pu=v_pu))
    np.testing.assert_allclose(seen[0, :5], [-1.0, -0.5, 0.0, 0.5, 1.0])
    np.testing.assert_array_equal(seen[1, :3], [-1.0, -1.0, 1.0])
    assert part.names[:2] == ("v:sourcebus.1", "v:sourcebus.2")
    assert len(part.names) == 41


def test_lowest_and_highest_voltage_of_every_zone_and_phase(snapshot, case13):
    network = case13.network
    v_pu = np.full_like(snapshot.v_pu, 1.0)
    v_pu[0, network.node_index["680.1"]] = 0.94
    v_pu[0, network.node_index["634.1"]] = 1.06
    v_pu[0, network.node_index["611.3"]] = 0.97
    part = ZoneVoltages(network)
    seen = dict(zip(part.names, part(replace(snapshot, v_pu=v_pu))[0], strict=True))
    zones = ("head.1", "head.2", "head.3", "reg1.1", "reg2.2", "reg3.3")
    assert part.names == (*(f"v_min:{z}" for z in zones), *(f"v_max:{z}" for z in zones))
    assert seen["v_min:reg1.1"] == pytest.approx(-0.6)
    assert seen["v_max:reg1.1"] == pytest.approx(0.6)
    assert seen["v_min:reg3.3"] == pytest.approx(-0.3)
    others = {"v_min:reg1.1", "v_max:reg1.1", "v_min:reg3.3"}
    assert all(value == 0.0 for name, value in seen.items() if name not in others)


def test_zones_of_ieee123_hold_every_node_once(case123):
    part = ZoneVoltages(case123.network)
    assert len(part.names) == 2 * 12  # head and creg1a of three phases, six of one
    for name in ("v_min:creg3c.3", "v_min:creg4b.2", "v_max:creg2a.1"):
        assert name in part.names
    network, start = case123.network, rest(case123, np.array([0]))
    for node, zone in {"83.1": "creg4a.1", "10.1": "creg2a.1", "450.3": "creg4c.3"}.items():
        v_pu = np.ones((1, network.n_nodes))
        v_pu[0, network.node_index[node]] = 0.93
        seen = part(replace(start, v_pu=v_pu))[0]
        assert [name for name, value in zip(part.names, seen, strict=True) if value] == [
            f"v_min:{zone}"
        ]


def test_states_of_every_device(snapshot, case13):
    states = {
        "tap_position": np.array([[-16, 0, 8]]),
        "capacitor_closed": np.array([[1, 0]]),
        "soc": np.array([[0.75]]),
    }
    part = DeviceStates(case13.groups)
    seen = part(replace(snapshot, states=states))
    np.testing.assert_allclose(seen, [[-1.0, 0.0, 0.5, 1.0, -1.0, 0.5]])
    assert part.names[0] == "tap_position:reg1"
    assert part.names[3:] == (
        "capacitor_closed:cap1",
        "capacitor_closed:cap2",
        "soc:battery_680",
    )


def test_forecast_is_the_load_and_sun_of_the_step_to_come(case13):
    feeder = case13.network.feeder
    connected_kw = sum(load.kw for load in feeder.loads.values())
    rated_kw = sum(pv.kw_dc for pv in feeder.pvs.values())
    start = rest(case13, np.array([180]))
    part = Forecast(case13.network, case13.year)
    for hour in range(24):
        row = 180 * 24 + hour
        load = case13.year.load_kw[row].sum() / (2.0 * connected_kw)
        sun = case13.year.pv_kw[row].sum() / rated_kw
        np.testing.assert_allclose(
            part(start), [[2.0 * load - 1.0, 2.0 * sun - 1.0]], rtol=1e-5, atol=1e-6
        )
        start = advance(case13, start, np.zeros((1, 6)))


def test_forecast_of_a_feeder_without_pv_sees_none(case13):
    year = case13.year
    dark = year_from_arrays(
        "dark", year.load_kw, year.load_kvar, 0 * year.pv_kw, year.temperature_c, year.sun_pu
    )
    assert Forecast(case13.network, dark)(rest(case13, np.array([100])))[0, 1] == -1.0


def test_clock_of_the_step_to_come(case13, snapshot):
    part = Clock(case13.year)

    def at(day, hour):
        return part(replace(snapshot, next_row=np.array([day * 24 + hour])))[0]

    np.testing.assert_allclose(at(0, 0), [0.0, 1.0, 0.0, 1.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(at(0, 6)[:2], [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(at(0, 12)[:2], [0.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(at(73, 0)[2:4], np.sin([0.4 * np.pi, 0.9 * np.pi]), atol=1e-12)
    # The year begins on a Monday: days 5 and 6 are its first weekend.
    assert [at(day, 23)[4] for day in range(8)] == [-1, -1, -1, -1, -1, 1, 1, -1]
    assert part.names == ("sin_hour", "cos_hour", "sin_day", "cos_day", "weekend")


@pytest.mark.parametrize("observe", ["nodes", "zones"])
def test_blocks_follow_each_other_in_the_order_of_their_names(observe):
    case = vvo_case("ieee123", observe=observe)
    env = GridVectorEnv(case, 2)
    seen, _ = env.reset(seed=0)
    seen = env.step(np.ones((2, 15)))[0]
    assert seen.shape == (2, len(case.observation_names))
    first = 0
    for part in case.observation:
        block = part(env.snapshot)
        last = first + len(part.names)
        assert block.shape == (2, len(part.names))
        np.testing.assert_array_equal(seen[:, first:last], block.astype(np.float32))
        first = last
    taps = [k for k, name in enumerate(case.observation_names) if name.startswith("tap_position")]
    np.testing.assert_array_equal(seen[:, taps], 0.25)  # 4 of 16 steps up


def test_observation_after_a_reset_shows_the_hour_to_act_on(case13):
    env = GridVectorEnv(case13, 1)
    first, _ = env.reset(options={"day": 200})
    names = case13.observation_names
    clock = [names.index("sin_hour"), names.index("cos_hour")]
    np.testing.assert_allclose(first[0, clock], [0.0, 1.0], atol=1e-7)
    hour = 2 * np.pi / 24
    second = env.step(np.zeros((1, 6)))[0]
    np.testing.assert_allclose(second[0, clock], [np.sin(hour), np.cos(hour)], rtol=1e-6)
