"""Inverters and flexible loads: literals worked out by hand, and what they do to a feeder."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.dynamics import advance, moment_at, moved, rest, setpoint_of
from grid_fed_rl.envs.groups import FlexibleLoads, Inverters, Moment
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import Connection, Pv, Terminal, load
from grid_fed_rl.powerflow import compile_network

PHASES = (1, 2, 3)
ZEROS = np.zeros((2, 0))


@pytest.fixture(scope="module")
def network():
    """IEEE 13 with two PV of 100 and 200 kVA."""
    pvs = [
        Pv(f"pv{kva}", Terminal(bus, PHASES), Connection.WYE, 4.16, float(kva), float(kva))
        for bus, kva in (("671", 100), ("680", 200))
    ]
    return compile_network(load("ieee13").with_(pvs=pvs))


def sun(*pv_kw: list[float], step_h: float = 1.0) -> Moment:
    row = np.zeros(len(pv_kw), dtype=np.int64)
    return Moment(row, step_h, ZEROS, ZEROS, np.array(pv_kw))


def test_inverters_give_what_the_sun_offers_and_reactive_power_within_category_b(network):
    group = Inverters(network)
    moment = sun([60.0, 100.0], [120.0, 0.0])
    after, move = group.step(group.rest(moment), np.array([[1.0, -0.5], [1.0, -1.0]]), moment)
    # 0.44 x 100 and -0.5 x 0.44 x 200 kvar; an inverter full of sun has no room, 100 of 120.
    np.testing.assert_allclose(after, [[60.0, 100.0, 44.0, -44.0], [100.0, 0.0, 0.0, -88.0]])
    np.testing.assert_array_equal(move.executed, [[1.0, -0.5], [1.0, -1.0]])
    assert group.names == ("pv100.kvar", "pv200.kvar")
    assert group.choices == (11, 11)


def test_reactive_power_takes_what_the_circle_leaves(network):
    group = Inverters(network, q_limit_pu=1.0)
    moment = sun([60.0, 0.0])
    after, _ = group.step(group.rest(moment), np.array([[1.0, 1.0]]), moment)
    np.testing.assert_allclose(after, [[60.0, 0.0, 80.0, 200.0]])  # 60, 80, 100


def test_curtailment_cuts_a_share_and_nothing_at_zero_or_above(network):
    group = Inverters(network, curtails=True)
    assert group.names == ("pv100.kvar", "pv200.kvar", "pv100.kw", "pv200.kw")
    moment = sun([80.0, 150.0], [80.0, 150.0])
    action = np.array([[0.0, 0.0, -0.25, 0.7], [0.0, 0.0, -1.0, 0.0]])
    after, move = group.step(group.rest(moment), action, moment)
    np.testing.assert_allclose(after[:, :2], [[60.0, 150.0], [0.0, 150.0]])
    np.testing.assert_array_equal(move.executed[:, 2:], [[-0.25, 0.0], [-1.0, 0.0]])


def test_inverters_at_rest_let_the_sun_through_and_are_seen_within_their_bounds(network):
    group = Inverters(network)
    state = group.rest(sun([60.0, 300.0]))
    np.testing.assert_array_equal(state, [[60.0, 200.0, 0.0, 0.0]])
    np.testing.assert_allclose(group.observe(state), [[0.2, 1.0, 0.0, 0.0]])
    arrays = {"der_kw": np.zeros((1, 2)), "der_kvar": np.zeros((1, 2))}
    group.write(arrays, np.array([[60.0, 150.0, 5.0, -7.0]]), None)  # type: ignore[arg-type]
    np.testing.assert_array_equal(arrays["der_kw"], [[60.0, 150.0]])
    np.testing.assert_array_equal(arrays["der_kvar"], [[5.0, -7.0]])


def test_a_limit_of_reactive_power_is_a_share(network):
    with pytest.raises(TaskError, match=r"q_limit_pu is 1.2; expected 0 to 1"):
        Inverters(network, q_limit_pu=1.2)


@pytest.fixture(scope="module")
def flexible(network) -> FlexibleLoads:
    """Loads 645 (170 kW) and 646 (230 kW): a fifth of them, for two hours."""
    return FlexibleLoads(network, ("645", "646"))


def drawing(network, *kw: tuple[float, float], step_h: float = 1.0) -> Moment:
    load_kw = np.zeros((len(kw), len(network.loads)))
    load_kw[:, [network.loads.index("645"), network.loads.index("646")]] = kw
    return Moment(np.zeros(len(kw), dtype=np.int64), step_h, load_kw, load_kw / 2, ZEROS)


def test_flexible_loads_put_off_a_share_and_owe_it(network, flexible):
    moment = drawing(network, (100.0, 200.0), (100.0, 200.0), step_h=0.5)
    action = np.array([[1.0, -1.0], [0.5, 0.0]])
    after, move = flexible.step(flexible.rest(moment), action, moment)
    np.testing.assert_allclose(after, [[10.0, -20.0], [5.0, 0.0]])  # kWh: a fifth for half an hour
    arrays = {"load_kw": moment.load_kw, "load_kvar": moment.load_kvar}
    flexible.write(arrays, after, move)
    columns = flexible.columns
    np.testing.assert_allclose(arrays["load_kw"][:, columns], [[80.0, 240.0], [90.0, 200.0]])
    np.testing.assert_allclose(arrays["load_kvar"][:, columns], [[40.0, 120.0], [45.0, 100.0]])
    np.testing.assert_array_equal(moment.load_kw[:, columns], [[100.0, 200.0]] * 2)  # untouched
    np.testing.assert_allclose(flexible.owed_kwh(after), [10.0, 5.0])


def test_a_debt_has_an_end_and_the_action_is_cut_to_it(network, flexible):
    most = [2 * 0.2 * 170.0, 2 * 0.2 * 230.0]
    np.testing.assert_allclose(flexible.most_kwh, most)
    moment = drawing(network, (170.0, 230.0))
    state = np.array([[most[0] - 17.0, -most[1]]])
    after, move = flexible.step(state, np.array([[1.0, -1.0]]), moment)
    np.testing.assert_allclose(after, [[most[0], -most[1]]])
    np.testing.assert_allclose(move.executed, [[0.5, 0.0]])
    np.testing.assert_allclose(flexible.observe(after), [[1.0, -1.0]])


def test_what_is_put_off_and_drawn_later_adds_up_to_what_would_have_been(network, flexible):
    rng = np.random.default_rng(3)
    state, drawn, wanted = flexible.rest(drawing(network, (1.0, 1.0))), 0.0, 0.0
    for _ in range(40):
        moment = drawing(network, tuple(rng.uniform(0.0, 200.0, 2)))
        state, move = flexible.step(state, rng.uniform(-1, 1, (1, 2)), moment)
        arrays = {"load_kw": moment.load_kw, "load_kvar": moment.load_kvar}
        flexible.write(arrays, state, move)
        drawn, wanted = drawn + arrays["load_kw"].sum(), wanted + moment.load_kw.sum()
    np.testing.assert_allclose(drawn + state.sum(), wanted)


def test_flexible_loads_are_named(network):
    with pytest.raises(TaskError, match=r"no load '999'; known: "):
        FlexibleLoads(network, ("999",))
    with pytest.raises(TaskError, match=r"share is 0\.0; expected above 0"):
        FlexibleLoads(network, ("645",), share=0.0)


def test_reactive_power_of_inverters_reaches_the_feeder(case13):
    """Injecting raises the voltage where the PV stand, absorbing lowers it."""
    inverters = Inverters(case13.network, curtails=True)
    case = replace(case13, groups=(inverters,), observation=case13.observation[:1], reward=())
    n = len(inverters.kva)
    noon = rest(case, np.array([150, 150, 150]))
    noon = replace(noon, next_row=noon.row + 12)
    action = np.zeros((3, 2 * n))
    action[:, :n] = [[0.0], [1.0], [-1.0]]
    after = advance(case, noon, action)
    v = after.v_pu.mean(axis=1)
    assert v[2] < v[0] - 0.005 < v[0] + 0.005 < v[1]
    moment = moment_at(case, noon.next_row)
    states, moves = moved(case, noon.states, action, moment)
    np.testing.assert_array_equal(
        setpoint_of(case, moment, states, moves).der_kvar, after.setpoint.der_kvar
    )
    np.testing.assert_array_equal(after.setpoint.der_kw[:, :n], states["inverter"][:, :n])
