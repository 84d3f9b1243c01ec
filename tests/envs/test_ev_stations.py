"""Charging stations: literals worked out by hand from five sessions, and laws over drawn ones."""

import math
from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.costs import VoltageCost
from grid_fed_rl.envs.ev import EVConfig, ev_case
from grid_fed_rl.envs.groups import EvStations, Moment
from grid_fed_rl.envs.objective import UnservedEnergy
from grid_fed_rl.envs.observation import Charging
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import Connection, Load, LoadModel, Terminal, load
from grid_fed_rl.powerflow import compile_network
from grid_fed_rl.scenarios import EvConfig, EvStation, Sessions, draw_sessions, session_table

HOME, FAST = EvStation("home", "home-l2", 2, max_kw=8.0), EvStation("fast", "dcfc", 1, max_kw=50.0)
PLUG = [0, 1, 2, 1, 0]  # two at home, one fast
ARRIVES = [8.0, 10.0, 9.0, 11.0, 20.0]
LEAVES = [12.0, 11.0, 10.0, 13.0, 30.0]  # the last one at 6 h of the day after
ASKS_KWH = [10.0, 6.0, 40.0, 4.0, 56.0]
MOST_KW = [8.0, 6.0, 50.0, 8.0, 8.0]


@pytest.fixture(scope="module")
def network():
    """IEEE 13 with a load of no power of its own for each station."""
    feeder, place = load("ieee13"), Terminal("671", (1, 2, 3))
    loads = [
        Load(one.name, place, Connection.WYE, LoadModel.PQ, kw=0.0, kvar=0.0, kv=4.16)
        for one in (HOME, FAST)
    ]
    own = {one.name: replace(one, kw=0.0, kvar=0.0) for one in feeder.loads.values()}
    return compile_network(replace(feeder, loads=own | {one.name: one for one in loads}))


@pytest.fixture(scope="module")
def table():
    plugs = np.array([0, 0, 1])
    order = np.argsort(ARRIVES, kind="stable")
    columns = (np.array(x)[order] for x in (PLUG, ARRIVES, LEAVES, ASKS_KWH, MOST_KW))
    return session_table(Sessions((HOME, FAST), 2, plugs, *columns), step_h=1.0)


@pytest.fixture(scope="module")
def group(network, table) -> EvStations:
    return EvStations(network, (HOME, FAST), ("home", "fast"), table)


def at(row: int, n_loads: int = 0) -> Moment:
    zeros = np.zeros((1, n_loads))
    return Moment(np.array([row]), 1.0, zeros, zeros, np.zeros((1, 0)))


def day_of(group: EvStations, actions: dict[int, list[float]], day: int = 0):
    """States after each step of a day; full speed where no action is given."""
    state, states = group.rest(at(24 * day)), []
    for step in range(24):
        action = np.array([actions.get(step, [0.0, 0.0])])
        state, _ = group.step(state, action, at(24 * day + step))
        states.append(state)
    return states


def test_a_car_that_came_before_midnight_is_there_from_step_0_and_had_charged_at_once(group):
    """It came at 20 h for 56 kWh, could have 32 by midnight, and stays until 6 h."""
    drawn = [group.drawn_kw(state)[0, 0] for state in day_of(group, {}, day=1)]
    assert drawn[:7] == [8.0, 8.0, 8.0, 0.0, 0.0, 0.0, 0.0]
    at_0 = group.demand(group.rest(at(24)), np.array([24]), 1.0)
    assert (at_0.cars[0, 0], at_0.needed_kw[0, 0]) == (1.0, 24.0 / 6.0)


def test_at_full_speed_each_car_charges_as_fast_as_it_can(group):
    states = day_of(group, {})
    drawn = np.array([group.drawn_kw(state)[0] for state in states])
    assert drawn[8:13].tolist() == [[8, 0], [2, 40], [6, 0], [4, 0], [0, 0]]
    assert drawn[20:].tolist() == [[8, 0]] * 4
    assert drawn[:8].sum() == drawn[13:20].sum() == 0.0
    assert sum(group.unserved_kwh(state)[0] for state in states) == 0.0


def test_a_share_slows_all_plugs_of_a_station_and_no_other(group):
    states = day_of(group, {8: [-0.5, 0.0], 9: [-0.5, -0.25]})
    # 10 kWh less half of 8 kW, then half of min(8, 6) kW; 40 kWh less three quarters of them.
    # Of both cars that are ever there; then wanted, unserved and kW of the two stations.
    assert states[8][0].tolist() == [6, 0, 6, 0, 0, 0, 4, 0]
    assert states[9][0].tolist() == [3, 10, 3, 10, 0, 10, 3, 30]
    assert group.unserved_kwh(states[9]) == 10.0, "the fast car leaves with 30 of 40 kWh"
    assert group.unserved_kwh(states[10]) == 0.0, "and is counted once"


def test_a_station_at_no_share_draws_nothing_and_more_than_none_is_full_speed(group):
    off = day_of(group, {step: [-1.0, -1.0] for step in range(24)})
    assert all(group.drawn_kw(state).sum() == 0.0 for state in off)
    gone = [group.unserved_kwh(state)[0] for state in off]
    # 10 at 12 h, 6 at 11 h, 40 at 10 h, 4 at 13 h; and of 56 kWh, 8 must be in by midnight.
    assert {k: kwh for k, kwh in enumerate(gone) if kwh} == {9: 40, 10: 6, 11: 10, 12: 4, 23: 8}
    same, move = group.step(group.rest(at(8)), np.array([[0.7, 1.0]]), at(8))
    np.testing.assert_array_equal(same, day_of(group, {})[8])
    np.testing.assert_array_equal(move.executed, [[0.0, 0.0]])


def test_what_is_seen_before_a_step(group):
    """After 8 h at full speed, of 9 h: 2 of 16 kW, 40 of 50; even 2/3 kW and 40; 1 of 2 cars."""
    seen = group.demand(day_of(group, {})[8], np.array([9]), 1.0)
    np.testing.assert_allclose(seen.fastest_kw, [[2.0, 40.0]])
    np.testing.assert_allclose(seen.needed_kw, [[2.0 / 3.0, 40.0]])
    np.testing.assert_allclose(seen.hurry, [[1.0 / 3.0, 1.0]])
    np.testing.assert_array_equal(seen.cars, [[1.0, 1.0]])
    at_20 = group.demand(day_of(group, {})[19], np.array([20]), 1.0)
    np.testing.assert_allclose(at_20.fastest_kw, [[8.0, 0.0]])
    np.testing.assert_allclose(at_20.needed_kw, [[2.0, 0.0]])  # 56 less 48, over 4 h
    np.testing.assert_allclose(at_20.hurry, [[0.25, 0.0]])  # of 32 kWh
    # Energy wanted, gone without and power, each over what a station gives in an hour.
    seen = group.observe(day_of(group, {9: [0.0, -0.25]})[9])
    np.testing.assert_allclose(seen, [[-1.0, 10 / 25 - 1, -1.0, 10 / 25 - 1, 4 / 16 - 1, 0.2]])


def drawn_by(network, table, action, row=9, **options):
    group = EvStations(network, (HOME, FAST), ("home", "fast"), table, **options)
    moment = at(row, len(network.loads))
    state, move = group.step(group.rest(moment), np.array([action]), moment)
    arrays = {"load_kw": moment.load_kw, "load_kvar": moment.load_kvar}
    group.write(arrays, state, move)
    assert moment.load_kw.sum() == 0.0, "the moment is not written to"
    columns = [network.loads.index(name) for name in ("home", "fast")]
    elsewhere = np.delete(arrays["load_kw"], columns, axis=1)
    assert not elsewhere.any()
    return arrays["load_kw"][0, columns], arrays["load_kvar"][0, columns]


def test_chargers_draw_at_their_power_factor(network, table):
    kw, kvar = drawn_by(network, table, [0.0, 0.0], power_factor=0.8)
    np.testing.assert_allclose((kw, kvar), ([0.0, 40.0], [0.0, 30.0]))
    kw, kvar = drawn_by(network, table, [0.0, 0.0])
    np.testing.assert_allclose(kvar, [0.0, 40.0 * math.tan(math.acos(0.98))])


def test_reactive_power_takes_what_the_rating_leaves_and_injects_above_zero(network, table):
    """At 0.8 a plug of 50 kW has 62.5 kVA: beside 40 kW that leaves 48.02 kvar."""
    action = [0.0, 0.0, -1.0, 0.5]
    kw, kvar = drawn_by(network, table, action, reactive=True, power_factor=0.8)
    np.testing.assert_allclose(kw, [0.0, 40.0])
    np.testing.assert_allclose(kvar, [20.0, -0.5 * math.sqrt(62.5**2 - 40.0**2)])
    group = EvStations(network, (HOME, FAST), ("home", "fast"), table, reactive=True)
    assert group.names == ("home.kw", "fast.kw", "home.kvar", "fast.kvar")
    assert group.choices == (11,) * 4


@pytest.fixture(scope="module")
def crowd(network):
    """Eight plugs of both kinds through four days, in quarters of an hour."""
    stations = (EvStation("home", "home-l2", 6), EvStation("fast", "dcfc", 2))
    sessions = draw_sessions(EvConfig(traffic=2.0), stations, 4, np.random.default_rng(5))
    table = session_table(sessions, 0.25)
    return EvStations(network, stations, ("home", "fast"), table)


def moment_of(row: np.ndarray) -> Moment:
    """Steps of a quarter of an hour, of which stations look at the row alone."""
    return Moment(row, 0.25, *[np.zeros((len(row), 0))] * 3)


@pytest.mark.parametrize("seed", range(5))
def test_delivered_and_unserved_and_what_may_follow_add_up_to_what_was_asked(crowd, seed):
    days, table = np.arange(4), crowd.table
    rng = np.random.default_rng(seed)
    state = crowd.rest(moment_of(96 * days))
    delivered, unserved = np.zeros(4), np.zeros(4)
    for step in range(96):
        moment = moment_of(96 * days + step)
        most = crowd.demand(state, moment.row, 0.25).fastest_kw
        state, _ = crowd.step(state, rng.uniform(-1.5, 1.0, (4, 2)).clip(-1.0), moment)
        drawn = crowd.drawn_kw(state)
        assert (drawn >= 0.0).all()
        assert (drawn <= most + 1e-9).all()
        delivered += 0.25 * drawn.sum(axis=1)
        unserved += crowd.unserved_kwh(state)
    left = state[:, -6:-4].sum(axis=1) - crowd.unserved_kwh(state)  # which is wanted, too
    asked, later = (
        np.add.reduceat(kwh, table.first_session[:-1], dtype=np.float64)
        for kwh in (table.energy_kwh, table.later_kwh)
    )
    assert asked.min() > 50.0
    np.testing.assert_allclose(delivered + unserved + left, asked, rtol=1e-6)
    assert (left <= later + 1e-6).all()


def test_full_speed_serves_every_car_that_fits(crowd):
    days = np.arange(4)
    state, unserved = crowd.rest(moment_of(96 * days)), 0.0
    for step in range(96):
        state, _ = crowd.step(state, np.zeros((4, 2)), moment_of(96 * days + step))
        unserved += crowd.unserved_kwh(state).sum()
    assert unserved < 1e-3


@pytest.fixture(scope="module")
def case():
    return ev_case("ieee13", config=EVConfig(plug_share=0.5))


def test_an_episode_begins_with_nobody_served_whatever_the_last_one_left(case):
    env, fresh = GridVectorEnv(case, 1), GridVectorEnv(case, 1)
    env.reset(options={"day": 10})
    for _ in range(case.horizon):
        env.step(np.full((1, len(case.action_names)), -1.0))
    assert env.snapshot.states["charging"].any()
    first, _ = env.reset(options={"day": 11})
    expected, _ = fresh.reset(options={"day": 11})
    np.testing.assert_array_equal(first, expected)
    assert not env.snapshot.states["charging"].any()


def test_the_environment_sees_and_pays_for_what_the_group_says(case):
    env = GridVectorEnv(case, 3)
    seen, _ = env.reset(seed=0)
    group = next(one for one in case.groups if isinstance(one, EvStations))
    part = next(one for one in case.observation if isinstance(one, Charging))
    term = next(one for one in case.reward if isinstance(one, UnservedEnergy))
    first = case.observation_names.index(part.names[0])
    n, rng = len(group.stations), np.random.default_rng(0)
    for _ in range(60):
        snapshot = env.snapshot
        demand = group.demand(snapshot.states["charging"], snapshot.next_row, 0.25)
        block = seen[:, first : first + 3 * n]
        cars = demand.cars / [one.plugs for one in group.stations]
        kw = np.concatenate([demand.fastest_kw, demand.needed_kw], axis=1)
        expected = np.concatenate([kw / np.tile(group.rated_kw, 2), cars], axis=1)
        np.testing.assert_allclose(block, 2.0 * expected - 1.0, atol=1e-6)
        seen, _, _, _, info = env.step(rng.uniform(-1.0, 0.0, (3, n)))
        state = env.snapshot.states["charging"]
        columns = [case.network.loads.index(one) for one in group.loads]
        np.testing.assert_allclose(
            env.snapshot.setpoint.load_kw[:, columns], group.drawn_kw(state), atol=1e-9
        )
        paid = info["reward_terms"]["unserved"]
        np.testing.assert_allclose(paid, -term.usd_per_kwh * group.unserved_kwh(state))


def test_stations_that_do_not_fit_are_refused(network, table):
    with pytest.raises(TaskError, match=r"feeder 'ieee13' has no load 'away'"):
        EvStations(network, (HOME, FAST), ("home", "away"), table)
    with pytest.raises(TaskError, match=r"2 stations, 1 loads; expected one each"):
        EvStations(network, (HOME, FAST), ("home",), table)
    with pytest.raises(TaskError, match=r"power_factor is 1\.1; expected above 0, up to 1"):
        EvStations(network, (HOME, FAST), ("home", "fast"), table, power_factor=1.1)
    sessions = draw_sessions(EvConfig(), (HOME, FAST), 2, np.random.default_rng(0))
    noon = session_table(sessions, 1.0, first_hour=12.0)
    with pytest.raises(TaskError, match=r"days begin at 12 h; expected midnight"):
        EvStations(network, (HOME, FAST), ("home", "fast"), noon)


def test_what_ieee_8500_leaves_with_every_car_paused_is_no_policys():
    """Its own regulators leave range A by night and never range B's upper end."""
    case = ev_case("ieee8500", split="test")
    env = GridVectorEnv(case, 1)
    env.reset(options={"day": int(case.days[0])})
    paused, highest = -np.ones((1, len(case.action_names))), []
    (voltage,) = (one for one in case.costs if isinstance(one, VoltageCost))
    for _ in range(24):  # until six in the morning
        *_, info = env.step(paused)
        assert info["violations"]["voltage"] == 0
        highest.append(voltage.counted(env.snapshot.v_pu).max())
    assert 1.05 < max(highest) < 1.058
