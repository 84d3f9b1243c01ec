"""Where faults strike, how long they last, and what trips."""

import numpy as np
import pytest

from grid_fed_rl.envs.flisr import FLISRConfig, flisr_case
from grid_fed_rl.envs.flisr.faults import area_of, draw_faults, tripped
from grid_fed_rl.scenarios import lane_keys


@pytest.fixture(scope="module")
def sections():
    return flisr_case("ieee123").sections


def trips(sections, section: str, changed: dict[str, bool] | None = None) -> set[str]:
    closed = sections.normal.copy()[None]
    for name, on in (changed or {}).items():
        closed[0, sections.switches.index(name)] = on
    at = np.array([sections.names.index(section)])
    live = sections.any_phase(sections.standing(closed).live)[:, at[0]]
    opened = tripped(sections, closed, at, live)[0]
    return {name for name, on in zip(sections.switches, opened, strict=True) if on}


@pytest.mark.parametrize(
    ("section", "first_upstream"),
    [
        ("149", "sw1"),
        ("152", "sw1"),
        ("135", "sw1"),
        ("61s", "sw1"),
        ("160", "sw4"),
        ("197", "sw4"),
    ],
)
def test_first_protective_switch_upstream_trips(sections, section, first_upstream):
    assert trips(sections, section) == {first_upstream}


def test_protection_follows_the_way_power_comes(sections):
    through_the_neighbour = {"sw4": False, "sw11": True}
    assert trips(sections, "160", through_the_neighbour) == {"sw11"}
    assert trips(sections, "152", through_the_neighbour) == {"sw1"}
    assert trips(sections, "197", {"sw5": False, "sw7": True}) == {"sw1"}


def test_every_way_that_feeds_a_fault_in_a_loop_trips(sections):
    assert trips(sections, "197", {"sw11": True}) == {"sw4", "sw11"}


def test_nothing_trips_for_a_fault_in_the_dark(sections):
    assert trips(sections, "160", {"sw4": False}) == set()


def test_area_is_what_lies_behind_the_same_protection(sections):
    at = np.array([sections.names.index("197"), sections.names.index("152")])
    closed = np.repeat(sections.normal[None], 2, axis=0)
    areas = [
        {sections.names[k] for k in np.flatnonzero(row)} for row in area_of(sections, closed, at)
    ]
    assert areas == [{"160", "197"}, {"149", "152", "135", "61s"}]


def test_sections_fault_as_often_as_their_line_is_long():
    case = flisr_case("ieee123", config=FLISRConfig(second_fault=0.5))
    n = 20_000
    faults = draw_faults(case, lane_keys(5, n), None)
    km = case.sections.length_km.copy()
    km[0] = 0.0  # the substation's own
    expected = n * km / km.sum()
    seen = np.bincount(faults.section[:, 0], minlength=len(km))
    assert (np.abs(seen - expected) <= 4.5 * np.sqrt(expected) + 1e-9).all()
    second = faults.strikes[:, 1] <= case.config.horizon
    assert abs(second.mean() - 0.5) < 0.02
    assert (faults.section[second, 0] != faults.section[second, 1]).all()
    strikes = faults.strikes[second, 1]
    assert strikes.min() == 1
    assert strikes.max() == case.config.horizon - 1
    steps = faults.repaired - faults.strikes
    assert steps.min() == 12  # 1 h of 5 minutes
    assert steps.max() == 36


def test_rates_of_sections_count():
    rates = (("152", 0.0), ("135", 10.0))
    case = flisr_case("ieee123", config=FLISRConfig(failure_rates=rates))
    names = np.array(case.sections.names)
    drawn = names[draw_faults(case, lane_keys(0, 5000), None).section[:, 0]]
    assert "152" not in drawn
    assert (drawn == "135").mean() > 0.5
