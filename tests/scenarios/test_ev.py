"""Charging sessions: laws of plugs and energy, published means, the view by step."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios import (
    EvConfig,
    EvStation,
    Sessions,
    SessionTable,
    draw_sessions,
    draw_year,
    five_utilities,
    session_table,
    temperature_factor,
    uncontrolled_kw,
)
from grid_fed_rl.scenarios.ev_stations import KINDS

STATIONS = tuple(EvStation(kind, kind, 40) for kind in KINDS)
ARRAYS = ("plug", "arrival_h", "departure_h", "energy_kwh", "max_kw")
N_DAYS = 364


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    return draw_sessions(EvConfig(), STATIONS, N_DAYS, np.random.default_rng(5))


def of_kind(sessions: Sessions, kind: str) -> npt.NDArray[np.bool_]:
    return sessions.station == [station.kind for station in sessions.stations].index(kind)


def weekend(time_h: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return (time_h // 24.0) % 7.0 >= 5.0


def test_energy_fits_into_the_stay(sessions: Sessions):
    dwell_h = sessions.departure_h - sessions.arrival_h
    assert (dwell_h > 0.0).all()
    assert (sessions.energy_kwh > 0.0).all()
    assert (sessions.energy_kwh <= sessions.max_kw * dwell_h * (1.0 + 1e-12)).all()
    assert sessions.energy_kwh.max() <= EvConfig().battery_kwh
    station_kw = np.array([station.max_kw for station in STATIONS])
    assert (sessions.max_kw <= station_kw[sessions.station]).all()


def test_no_two_cars_at_one_plug(sessions: Sessions):
    order = np.lexsort((sessions.arrival_h, sessions.plug))
    plug, arrival_h = sessions.plug[order], sessions.arrival_h[order]
    same = plug[1:] == plug[:-1]
    assert same.sum() > 10_000
    assert (arrival_h[1:] >= sessions.departure_h[order][:-1])[same].all()


def test_sessions_are_sorted_within_the_record_and_read_only(sessions: Sessions):
    assert (np.diff(sessions.arrival_h) >= 0.0).all()
    assert sessions.arrival_h[0] >= 0.0
    assert sessions.arrival_h[-1] < N_DAYS * 24.0
    assert len(sessions) == len(sessions.plug)
    for name in (*ARRAYS, "plug_station"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(sessions, name)[0] = 1


def test_same_generator_same_sessions_another_seed_others():
    one, same, other = (
        draw_sessions(EvConfig(), STATIONS, 14, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    assert not np.array_equal(one.arrival_h, other.arrival_h)


def test_a_station_more_changes_none_before_it():
    few = draw_sessions(EvConfig(), STATIONS[:2], 14, np.random.default_rng(1))
    more = draw_sessions(EvConfig(), STATIONS[:3], 14, np.random.default_rng(1))
    before = more.station < 2
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(few, name), getattr(more, name)[before])


def test_a_home_plugs_in_twelve_times_a_month_and_takes_200_to_250_kwh(sessions: Sessions):
    # Sagewell: 12 to 13 sessions and 200 to 250 kWh a month.
    home = of_kind(sessions, "home-l2")
    months = 40 * N_DAYS / 30.4
    assert 12.0 < home.sum() / months < 13.0
    assert 200.0 < sessions.energy_kwh[home].sum() / months < 250.0


def test_fast_charging_has_the_published_means(sessions: Sessions):
    # U.S. DOE 2023: 42 min and 22 kWh on average; medians of 28 to 36 min at 50 to
    # 350 kW (Mahlberg et al. 2023). Cars that accept less take 5 % off the energy.
    fast = of_kind(sessions, "dcfc")
    dwell_min = 60.0 * (sessions.departure_h - sessions.arrival_h)[fast]
    np.testing.assert_allclose(dwell_min.mean(), 42.0, rtol=0.02)
    np.testing.assert_allclose(np.median(dwell_min), 36.0, rtol=0.02)
    np.testing.assert_allclose(sessions.energy_kwh[fast].mean(), 22.0, rtol=0.07)
    assert 3.0 < fast.sum() / (40 * N_DAYS) < 4.3  # sought 4 to 5 times, some find it taken


@pytest.mark.parametrize("max_kw", [50.0, 350.0])
def test_fast_chargers_of_another_power(max_kw: float):
    station = EvStation("a", "dcfc", 40, max_kw)
    drawn = draw_sessions(EvConfig(), [station], 364, np.random.default_rng(0))
    assert drawn.max_kw.max() == pytest.approx(min(max_kw, 250.0), rel=0.01)
    assert drawn.max_kw.min() >= 50.0


def test_cars_come_when_people_do(sessions: Sessions):
    hour, off = sessions.arrival_h % 24.0, weekend(sessions.arrival_h)
    home = of_kind(sessions, "home-l2")
    np.testing.assert_allclose(np.median(hour[home & ~off]), 18.0, atol=0.2)
    np.testing.assert_allclose(np.median(hour[home & off]), 16.5, atol=0.3)
    work = of_kind(sessions, "workplace-l2")
    morning = hour[work & ~off & (hour < 11.0)]
    np.testing.assert_allclose(np.median(morning), 8.0, atol=0.25)  # the earliest find a plug
    stay_h = (sessions.departure_h - sessions.arrival_h)[work & ~off & (hour < 11.0)]
    assert np.mean((stay_h > 8.0) & (stay_h < 10.0)) > 0.5  # Hecht et al. 2020: a high share
    a_weekday = (work & ~off).sum() / 5.0
    assert (work & off).sum() / 2.0 < 0.15 * a_weekday


def test_every_home_is_left_before_noon(sessions: Sessions):
    overnight = of_kind(sessions, "home-l1") | of_kind(sessions, "home-l2")
    came_h = sessions.arrival_h[overnight]
    left_h = sessions.departure_h[overnight]
    assert (came_h % 24.0 >= 12.0).all()
    assert (left_h <= (came_h // 24.0 + 1.0) * 24.0 + 12.0).all()
    weekend_morning = weekend(left_h)
    np.testing.assert_allclose((left_h % 24.0)[~weekend_morning].mean(), 7.5, atol=0.1)
    np.testing.assert_allclose((left_h % 24.0)[weekend_morning].mean(), 10.0, atol=0.2)


def test_consumption_of_published_range_losses():
    # AAA 2019, climate control on: 41 % less range at 20 F, 17 % less at 95 F.
    factor = temperature_factor([21.0, -6.7, 35.0, 15.0])
    np.testing.assert_allclose(factor[1:3] / factor[0], [1.0 / 0.59, 1.0 / 0.83], rtol=1e-9)
    assert factor[3] == 1.0
    assert factor[0] == temperature_factor(np.linspace(-30.0, 50.0, 161)).min()


def test_a_continental_climate_takes_about_15_percent_more():
    # Yuksel and Michalek 2015: 15 % more a year in the Upper Midwest than on the
    # Pacific Coast.
    utilities = {utility.name: utility for utility in five_utilities()}
    mean = {}
    for name in ("coastal", "prairie"):
        year = draw_year(
            utilities[name], np.ones(1), np.zeros(1), np.empty(0), np.random.default_rng(0)
        )
        mean[name] = temperature_factor(year.temperature_c).mean()
    assert 1.10 < mean["prairie"] / mean["coastal"] < 1.25


def test_cold_days_ask_for_more():
    cold = np.where(np.arange(N_DAYS) < 182, -6.7, 21.0)
    drawn = draw_sessions(
        EvConfig(), [EvStation("a", "home-l2", 60)], N_DAYS, np.random.default_rng(0), cold
    )
    day = drawn.arrival_h // 24.0
    ratio = drawn.energy_kwh[day < 182].mean() / drawn.energy_kwh[day >= 182].mean()
    assert 1.45 < ratio < 1.0 / 0.59  # the battery's size holds a little back


def test_steps_of_temperature_count_by_their_daily_mean():
    station, air_c = [EvStation("a", "home-l2", 5)], np.linspace(-5.0, 20.0, 14)
    by_day = draw_sessions(EvConfig(), station, 14, np.random.default_rng(0), air_c)
    swing = np.repeat(air_c, 24) + np.tile(np.sin(np.arange(24) * np.pi / 12.0), 14)
    by_step = draw_sessions(EvConfig(), station, 14, np.random.default_rng(0), swing)
    np.testing.assert_allclose(by_step.energy_kwh, by_day.energy_kwh)


def test_traffic_fills_public_plugs():
    station = [EvStation("a", "public-l2", 40)]
    few, many = (
        draw_sessions(EvConfig(traffic=traffic), station, 364, np.random.default_rng(0))
        for traffic in (0.5, 1.0)
    )
    assert 1.7 < len(many) / len(few) < 2.0  # cars that find no plug go on
    assert len(draw_sessions(EvConfig(traffic=0.0), station, 7, np.random.default_rng(0))) == 0


def test_the_first_day_is_like_any_other():
    # A session on the first day knows of the days since the plug's last one.
    station = [EvStation("a", "home-l2", 4000)]
    drawn = draw_sessions(EvConfig(), station, 7, np.random.default_rng(0))
    first = drawn.arrival_h < 24.0
    np.testing.assert_allclose(
        drawn.energy_kwh[first].mean(), drawn.energy_kwh[~first].mean(), rtol=0.05
    )


@pytest.fixture(scope="module", params=[(0.25, 0.0), (0.25, 12.0), (1.0, 0.0)])
def table(request: pytest.FixtureRequest, sessions: Sessions) -> SessionTable:
    return session_table(sessions, *request.param)


def cars_there(table: SessionTable, row: int) -> npt.NDArray[np.int32]:
    """Sessions whose cars are there in a row."""
    return table.there[slice(*table.first_there[row : row + 2])]


def test_who_is_there_are_those_that_came_and_did_not_leave(table: SessionTable):
    n_days, n_steps = len(table.first_session) - 1, round(24.0 / table.step_h)
    assert table.n_steps == n_steps
    assert len(table.first_there) == n_days * n_steps + 1
    for day in range(0, n_days, 37):
        of_day = np.arange(*table.first_session[day : day + 2])
        came, left = table.arrival_step[of_day], table.departure_step[of_day]
        for step in range(n_steps):
            there = cars_there(table, n_steps * day + step)
            np.testing.assert_array_equal(there, of_day[(came <= step) & (step < left)])
            assert (np.diff(table.plug[there]) > 0).all()  # one car a plug


def test_sessions_are_in_order_of_day_plug_and_arrival(table: SessionTable):
    day = np.repeat(np.arange(len(table.first_session) - 1), np.diff(table.first_session))
    assert len(day) == len(table.plug)
    order = np.lexsort((table.arrival_step, table.plug, day))
    np.testing.assert_array_equal(order, np.arange(len(day)))
    np.testing.assert_array_equal(table.station, table.plug_station[table.plug])


def test_what_a_table_asks_for_fits_its_steps(table: SessionTable):
    steps = table.departure_step - table.arrival_step
    within = np.minimum(table.departure_step, table.n_steps) - table.arrival_step
    assert steps.min() > 0
    assert (table.energy_kwh <= table.max_kw * steps * table.step_h * (1 + 1e-5)).all()
    assert (table.due_kwh <= table.max_kw * within * table.step_h * (1 + 1e-5) + 1e-4).all()
    assert (table.due_kwh <= table.energy_kwh).all()
    stays = table.departure_step > table.n_steps
    np.testing.assert_array_equal(table.due_kwh[~stays], table.energy_kwh[~stays])
    np.testing.assert_allclose(table.later_kwh, table.energy_kwh - table.due_kwh, atol=1e-5)


def test_homes_seen_from_noon_begin_and_end_within_the_day(sessions: Sessions):
    homes = draw_sessions(EvConfig(), STATIONS[:2], N_DAYS, np.random.default_rng(5))
    table = session_table(homes, 0.25, 12.0)
    assert table.departure_step.max() <= 96
    came = homes.arrival_h < (N_DAYS - 1) * 24.0
    np.testing.assert_allclose(
        table.energy_kwh.sum(dtype=float) + table.left_out_kwh,
        homes.energy_kwh[came].sum(),
        rtol=1e-4,
    )
    assert table.left_out_kwh < 1e-3 * homes.energy_kwh.sum()


def by_hand(**changes: Any) -> Sessions:
    one = EvStation("a", "home-l2", 2)
    given = {
        "plug": [0, 1, 0],
        "arrival_h": [2.0, 20.0, 22.0],
        "departure_h": [6.5, 31.0, 25.0],
        "energy_kwh": [9.0, 35.0, 7.0],
        "max_kw": [7.0, 7.0, 7.0],
    }
    return Sessions((one,), 2, np.zeros(2, int), **{k: np.array(v) for k, v in given.items()})


def test_a_car_over_midnight_by_hand():
    table = session_table(by_hand(), 1.0)
    # The first plug's two cars and the second one's; on the next day both that stayed.
    assert table.first_session.tolist() == [0, 3, 5]
    assert table.plug.tolist() == [0, 0, 1, 0, 1]
    assert table.arrival_step.tolist() == [2, 22, 20, 0, 0]
    assert table.departure_step.tolist() == [6, 25, 31, 1, 7]
    there = [cars_there(table, row).tolist() for row in range(48)]
    assert there[:8] == [[], [], [0], [0], [0], [0], [], []]
    assert there[19:25] == [[], [2], [2], [1, 2], [1, 2], [3, 4]]
    assert there[25:] == [[4]] * 6 + [[]] * 17
    # 35 kWh, of which the 7 h after midnight could still give 49: nothing is due.
    assert (table.energy_kwh[2], table.due_kwh[2]) == (35.0, 0.0)
    # Charged at once it had 4 h * 7 kW by midnight: 7 kWh are left.
    assert table.energy_kwh[4] == table.due_kwh[4] == 7.0
    assert table.energy_kwh[3] == 0.0  # had its 7 kWh by then


def test_sessions_shorter_than_a_step_are_left_out_and_counted():
    one = EvStation("a", "dcfc", 1)
    short = Sessions(
        (one,), 1, np.zeros(1, int), np.zeros(1, int), np.array([3.1]), np.array([3.4]),
        np.array([12.0]), np.array([50.0]),
    )  # fmt: skip
    coarse, fine = session_table(short, 1.0), session_table(short, 0.1)
    assert coarse.left_out_kwh == 12.0
    assert len(coarse.there) == coarse.first_there[-1] == len(coarse.plug) == 0
    assert fine.left_out_kwh == 0.0
    assert fine.energy_kwh.sum() == 12.0


@pytest.mark.parametrize("step_h", [0.25, 1.0])
def test_uncontrolled_charging_by_hand_and_in_all(sessions: Sessions, step_h: float):
    power_kw = uncontrolled_kw(by_hand(), step_h)
    np.testing.assert_allclose(power_kw.sum() * step_h, 51.0, rtol=1e-6)
    hourly = power_kw[:, 0].reshape(48, -1).mean(axis=1)
    expected = np.zeros(48)
    expected[[2, 20, 21, 22, 23, 24]] = [7.0, 7.0, 7.0, 14.0, 7.0, 7.0]
    expected[3] = 2.0
    np.testing.assert_allclose(hourly, expected, atol=1e-5)
    whole_kw = uncontrolled_kw(sessions, step_h)
    assert whole_kw.shape == (round(N_DAYS * 24 / step_h), len(STATIONS))
    ends = (sessions.arrival_h + sessions.energy_kwh / sessions.max_kw) <= N_DAYS * 24.0
    found_kwh = whole_kw.sum(dtype=float) * step_h
    assert sessions.energy_kwh[ends].sum() <= found_kwh * (1 + 1e-6)
    assert found_kwh <= sessions.energy_kwh.sum() * (1 + 1e-6)
    plugs_kw = np.array([station.plugs * station.max_kw for station in STATIONS])
    assert (whole_kw <= plugs_kw * (1 + 1e-6)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "home"), "'a': kind = 'home': must be one of home-l1, home-l2"),
        (("a", "home-l2", 0), "plugs = 0: must be at least 1"),
        (("a", "home-l1", 1, 7.2), r"max_kw = 7.2: Level 1 must be in \[1, 1.9\]"),
        (("a", "dcfc", 1, 400.0), r"max_kw = 400: fast charging must be in \[50, 350\]"),
    ],
)
def test_a_wrong_station_is_named(arguments: tuple[Any, ...], message: str):
    with pytest.raises(ScenarioError, match=message):
        EvStation(*arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distance_median_km": 60.0}, r"distance_median_km = 60: must be in \[1e-09, 48.8\]"),
        ({"kwh_per_km": 18.0}, r"kwh_per_km = 18: must be in \[0.05, 1\]"),
        ({"battery_kwh": float("nan")}, "battery_kwh = nan"),
        ({"onboard_kw": ()}, "onboard_kw"),
        ({"fast_kw": (90.0, 50.0)}, "two rising powers"),
    ],
)
def test_a_wrong_car_is_named(changes: dict[str, Any], message: str):
    with pytest.raises(ScenarioError, match=message):
        EvConfig(**changes)


@pytest.mark.parametrize(
    ("stations", "n_days", "air_c", "message"),
    [
        ((), 7, None, "0 stations and n_days = 7"),
        (STATIONS, 0, None, "n_days = 0"),
        (STATIONS, 7, np.ones(8), r"shape \(8,\): must be one axis of 7 days"),
        (STATIONS, 2, np.array([1.0, np.nan]), r"temperature_c\[1\] = nan"),
    ],
)
def test_wrong_arguments_are_named(stations: Any, n_days: int, air_c: Any, message: str):
    with pytest.raises(ScenarioError, match=message):
        draw_sessions(EvConfig(), stations, n_days, np.random.default_rng(0), air_c)


@pytest.mark.parametrize("first_hour", [-1.0, 24.0, 0.5])
def test_an_episode_begins_on_a_step(sessions: Sessions, first_hour: float):
    with pytest.raises(ScenarioError, match="must be whole steps of 1 h"):
        session_table(sessions, 1.0, first_hour)
