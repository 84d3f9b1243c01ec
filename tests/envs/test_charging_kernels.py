"""Compiled charging is what a plain reading of its rules says, car by car, on random stays."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.groups import EvStations, Moment
from grid_fed_rl.feeders import Connection, Load, LoadModel, Terminal, load
from grid_fed_rl.powerflow import Network, compile_network
from grid_fed_rl.scenarios import EvStation, Sessions, session_table

STATIONS = (EvStation("a", "home-l2", 3), EvStation("b", "dcfc", 1), EvStation("c", "home-l2", 4))
STEP_H, N_STEPS, N_DAYS = 0.5, 48, 3
DAYS = np.arange(N_DAYS)


@pytest.fixture(scope="module")
def network() -> Network:
    feeder, place = load("ieee13"), Terminal("671", (1, 2, 3))
    loads = {
        one.name: Load(one.name, place, Connection.WYE, LoadModel.PQ, kw=0.0, kvar=0.0, kv=4.16)
        for one in STATIONS
    }
    return compile_network(replace(feeder, loads={**feeder.loads, **loads}))


def drawn_sessions(rng: np.random.Generator) -> Sessions:
    """Stays of 1 to 70 steps, every other car right after the last, every fifth for nothing."""
    rows = []
    plug_station = np.repeat(np.arange(3), [one.plugs for one in STATIONS])
    for plug in range(len(plug_station)):
        step = int(rng.integers(0, 20))
        while step < N_STEPS * N_DAYS:
            stay = int(rng.choice([1, 2, 5, 12, 30, 70]))
            max_kw = rng.uniform(3.0, 11.0)
            energy_kwh = rng.uniform(0.0, 1.0) * max_kw * stay * STEP_H * (rng.random() > 0.2)
            rows.append((plug, step * STEP_H, (step + stay) * STEP_H, energy_kwh, max_kw))
            step += stay + int(rng.integers(0, 2) * rng.integers(1, 15))
    plug, *others = (
        np.array(column) for column in zip(*sorted(rows, key=lambda row: row[1]), strict=True)
    )
    return Sessions(STATIONS, N_DAYS, plug_station, plug.astype(np.int64), *others)


@pytest.fixture(scope="module", params=range(4))
def group(request: pytest.FixtureRequest, network: Network) -> EvStations:
    sessions = drawn_sessions(np.random.default_rng(request.param))
    table = session_table(sessions, STEP_H)
    assert (table.departure_step > N_STEPS).any(), "cars stay beyond midnight"
    assert (table.energy_kwh == 0.0).any(), "a car asks for nothing"
    next_one = (table.plug[1:] == table.plug[:-1]) & (
        table.arrival_step[1:] == table.departure_step[:-1]
    )
    assert next_one.any(), "cars come as others leave"
    return EvStations(network, STATIONS, ("a", "b", "c"), table)


def plain_day(group: EvStations, day: int, share: np.ndarray) -> dict[str, np.ndarray]:
    """What the rules say, car by car: (step, station) of each sum, for shares of that shape."""
    table, left_kwh = group.table, dict[int, float]()
    sums = defaultdict(lambda: np.zeros(share.shape))
    for step in range(N_STEPS):
        for car in range(table.first_session[day], table.first_session[day + 1]):
            end = min(int(table.departure_step[car]), N_STEPS)
            if not table.arrival_step[car] <= step < end:
                continue
            if step == table.arrival_step[car]:
                left_kwh[car] = float(table.energy_kwh[car])
            at = step, table.plug_station[table.plug[car]]
            later_kwh = float(table.energy_kwh[car]) - float(table.due_kwh[car])
            fastest_kw = min(float(table.max_kw[car]), left_kwh[car] / STEP_H)
            due_kwh = max(left_kwh[car] - later_kwh, 0.0)
            sums["cars"][at] += 1
            sums["fastest_kw"][at] += fastest_kw
            sums["needed_kw"][at] += due_kwh / ((end - step) * STEP_H)
            if due_kwh > 0.0:
                hurry = due_kwh / (fastest_kw * (end - step) * STEP_H)
                sums["hurry"][at] = max(sums["hurry"][at], hurry)
            left_kwh[car] -= share[at] * fastest_kw * STEP_H
            sums["drawn_kw"][at] += share[at] * fastest_kw
            sums["wanted_kwh"][at] += left_kwh[car]
            if step == end - 1:
                sums["unserved_kwh"][at] += max(left_kwh[car] - later_kwh, 0.0)
    return sums


def moment_of(row: np.ndarray) -> Moment:
    """What stations look at in a moment."""
    return Moment(row, STEP_H, *[np.zeros((len(row), 0))] * 3)


def test_a_day_is_what_the_rules_say_car_by_car(group: EvStations):
    share = np.random.default_rng(9).uniform(0.0, 1.0, (N_DAYS, N_STEPS, 3))
    share[:, ::7] = np.random.default_rng(8).integers(0, 2, share[:, ::7].shape)
    plain = [plain_day(group, day, share[day]) for day in range(N_DAYS)]
    state = group.rest(moment_of(N_STEPS * DAYS))
    assert sum(day["unserved_kwh"].sum() for day in plain) > 10.0
    for step in range(N_STEPS):
        moment = moment_of(N_STEPS * DAYS + step)
        expected = {key: np.stack([day[key][step] for day in plain]) for key in plain[0]}
        demand = group.demand(state, moment.row, STEP_H)
        state, move = group.step(state, share[:, step] - 1.0, moment)
        wanted_kwh, unserved_kwh, drawn_kw = np.split(state[:, -9:], 3, axis=1)
        seen = demand._asdict() | {
            "wanted_kwh": wanted_kwh,
            "unserved_kwh": unserved_kwh,
            "drawn_kw": drawn_kw,
        }
        assert seen.keys() == expected.keys()
        for key, values in seen.items():
            np.testing.assert_allclose(values, expected[key], atol=1e-9, err_msg=f"{key}, {step}")
        np.testing.assert_allclose(move.executed, share[:, step] - 1.0, atol=1e-15)


def test_what_each_car_wants_is_in_the_order_of_the_table(group: EvStations):
    """Of cars that ask at once and are not served, all that they asked for."""
    state = group.rest(moment_of(N_STEPS * DAYS))
    for step in range(N_STEPS):
        row = N_STEPS * DAYS + step
        wanted_kwh = group.wanted_kwh(state, row)
        for lane in DAYS:
            first, last = group.table.first_there[row[lane] : row[lane] + 2]
            asked_kwh = group.table.energy_kwh[group.table.there[first:last]]
            np.testing.assert_array_equal(wanted_kwh[lane, : last - first], asked_kwh)
            assert not wanted_kwh[lane, last - first :].any()
        state, _ = group.step(state, -np.ones((N_DAYS, 3)), moment_of(row))


def test_a_lane_alone_is_the_lane_in_any_company_bit_for_bit(group: EvStations):
    """Lanes on all days, each at another step."""
    rng = np.random.default_rng(3)
    day, step = np.repeat(DAYS, 5), rng.integers(0, N_STEPS - 20, 5 * N_DAYS)
    together = group.rest(moment_of(N_STEPS * day + step))
    alone = [together[k : k + 1] for k in range(len(day))]
    for after in range(20):
        row, action = N_STEPS * day + step + after, rng.uniform(-1.0, 1.0, (len(day), 3))
        seen = np.stack(group.demand(together, row, STEP_H))
        together, _ = group.step(together, action, moment_of(row))
        for k in range(len(day)):
            lane = slice(k, k + 1)
            by_itself = np.stack(group.demand(alone[k], row[lane], STEP_H))
            np.testing.assert_array_equal(by_itself, seen[:, lane])
            alone[k], _ = group.step(alone[k], action[lane], moment_of(row[lane]))
            np.testing.assert_array_equal(alone[k], together[lane])


def test_after_the_last_day_comes_the_first(group: EvStations):
    row = np.arange(N_STEPS)
    state = group.rest(moment_of(row))
    first = np.stack(group.demand(state, row, STEP_H))
    assert first.any()
    beyond = np.stack(group.demand(state, row + N_DAYS * N_STEPS, STEP_H))
    np.testing.assert_array_equal(first, beyond)
