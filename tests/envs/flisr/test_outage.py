"""An outage of the IEEE 123 feeder, worked out by hand.

Every load draws its nominal power. Section 152 (buses 52 to 66) faults: breaker sw1
trips and all 3,490 kW are dark. Opening sw2 and sw4 isolates it; sw1 brings back 149
(760 kW) and 135 (755 kW), and sw10 from the neighbour 160 (1,105 kW) and 197 (320 kW).
The 14 loads of 152, 550 kW of 139 customers, stay dark until the repair.
"""

import numpy as np
import pytest

from grid_fed_rl.envs.flisr import FLISREnv, FLISRVectorEnv, Refusal
from grid_fed_rl.errors import ActionError, TaskError

LOADS_152 = [
    *("s52a", "s53a", "s55a", "s56b", "s58b", "s59b", "s60a"),
    *("s62c", "s63a", "s64b", "s65a", "s65b", "s65c", "s66c"),
]
FEEDER_KW, CUSTOMERS = 3490.0, 875


@pytest.fixture
def outage(flat):
    envs = FLISRVectorEnv(flat(repair_h=(1.0, 1.0)))
    envs.reset(seed=0, options={"section": "152", "hour": 10})
    return envs


def dark_loads(envs) -> set[str]:
    served = envs.snapshot.served[0]
    return {name for name, on in zip(envs.case.network.loads, served, strict=True) if not on}


def refusal(envs, name: str) -> Refusal:
    return Refusal(envs.snapshot.refusals[0, envs.case.action_names.index(name)])


def test_breaker_trips_and_all_is_dark(outage):
    snapshot = outage.snapshot
    tripped = np.flatnonzero(snapshot.tripped[0])
    assert [outage.case.sections.switches[k] for k in tripped] == ["sw1"]
    assert len(dark_loads(outage)) == 91


def test_a_step_in_the_dark_costs_what_all_customers_miss(outage, do):
    _, reward, *_, info = do(outage, "nothing")
    assert info["not_served_kwh"][0] == pytest.approx(FEEDER_KW / 12.0)
    assert reward[0] == pytest.approx(-10.0 * FEEDER_KW / 12.0)
    assert info["customers_interrupted"][0] == CUSTOMERS
    assert info["customer_minutes"][0] == 5.0 * CUSTOMERS
    assert info["saidi_minutes"][0] == pytest.approx(5.0)
    assert info["cost"][0] == 0.0  # a dark node has no voltage to be outside of limits


def test_nothing_near_the_fault_closes_until_it_is_located(outage, do):
    assert refusal(outage, "close sw1") is Refusal.FAULT
    assert refusal(outage, "close sw10") is Refusal.FAULT  # through sw4 into 152
    assert refusal(outage, "close sw7") is Refusal.LOOP  # a ring, though it is dark
    do(outage, "open sw4")
    assert refusal(outage, "close sw7") is Refusal.NONE  # dark on both sides, and no ring
    assert refusal(outage, "close sw10") is Refusal.NONE
    do(outage, "open sw2")
    # Two steps have passed: it is known to be 152, no longer perhaps 149 or 135.
    assert refusal(outage, "close sw1") is Refusal.NONE
    assert refusal(outage, "close sw2") is Refusal.NONE  # dark on both sides
    assert refusal(outage, "close sw4") is Refusal.NONE


def test_opening_a_switch_does_not_tell_where_the_fault_is(flat, do):
    envs = FLISRVectorEnv(flat())
    envs.reset(seed=0, options={"section": "135"})
    do(envs, "open sw3")
    assert refusal(envs, "close sw1") is Refusal.FAULT
    do(envs, "nothing")
    assert refusal(envs, "close sw1") is Refusal.NONE


def test_isolated_and_restored_only_152_stays_dark(outage, do):
    _, reward, *_, info = do(outage, "open sw4", "close sw10", "open sw2", "close sw1")
    assert dark_loads(outage) == set(LOADS_152)
    assert info["not_served_kwh"][0] == pytest.approx(550.0 / 12.0)
    assert info["served_kwh"][0] == pytest.approx((FEEDER_KW - 550.0) / 12.0)
    assert info["customers_interrupted"][0] == 139
    assert info["saidi_minutes"][0] == pytest.approx(5.0 * 139 / 875)
    assert reward[0] == pytest.approx(-10.0 * 550.0 / 12.0 - 5.0)
    assert info["reward_terms"]["switching"][0] == -5.0
    assert info["costs"]["switching"][0] == 1.0
    assert refusal(outage, "close sw4") is Refusal.FAULT
    assert refusal(outage, "close sw2") is Refusal.FAULT
    assert refusal(outage, "close sw11") is Refusal.LOOP  # two ways from the substation
    assert refusal(outage, "close sw7") is Refusal.LOOP
    assert refusal(outage, "open sw4") is Refusal.ALREADY


def test_steps_while_energy_comes_back(outage, do):
    moves = ("open sw4", "close sw10", "open sw2", "close sw1")
    missing_kw = [12.0 * do(outage, name)[-1]["not_served_kwh"][0] for name in moves]
    assert missing_kw == pytest.approx([3490.0, 2065.0, 2065.0, 550.0])


def test_repair_ends_the_outage(outage, do):
    do(outage, "open sw4", "close sw10", "open sw2", "close sw1")
    *_, info = do(outage, *["nothing"] * 8)
    assert info["customers_interrupted"][0] == 139  # the twelfth step of the hour it takes
    *_, info = do(outage, "nothing")
    assert info["customers_interrupted"][0] == 0
    assert info["crew_operations"][0] == 3  # sw2 and sw4 closed, sw10 opened
    assert (outage.snapshot.closed[0] == outage.case.sections.normal).all()
    assert not outage.snapshot.suspected.any()


def test_without_the_crew_going_back_is_the_agents(flat, do):
    envs = FLISRVectorEnv(flat(repair_h=(1.0, 1.0), crew_restores=False))
    envs.reset(seed=0, options={"section": "152"})
    do(envs, "open sw4", "open sw2", "close sw1", *["nothing"] * 9)
    assert refusal(envs, "close sw2") is Refusal.FAULT
    *_, info = do(envs, "nothing")
    assert info["crew_operations"][0] == 0
    *_, info = do(envs, "close sw2", "close sw4")
    assert info["customers_interrupted"][0] == 0


def test_closing_on_a_fault_trips_again_where_masks_are_off(flat, do):
    envs = FLISRVectorEnv(flat(guard_faults=False))
    envs.reset(seed=0, options={"section": "152"})
    *_, info = do(envs, "close sw1")
    assert info["tripped"][0] == 1
    assert info["customers_interrupted"][0] == CUSTOMERS
    do(envs, "open sw2", "open sw4", "close sw1")
    *_, info = do(envs, "close sw2")
    assert info["tripped"][0] == 1  # sw1 again, and with it 149 and 135
    assert info["customers_interrupted"][0] == CUSTOMERS


def test_loops_are_a_cost_where_masks_are_off(flat, do):
    envs = FLISRVectorEnv(flat(radial=False, repair_h=(9.0, 9.0)))
    envs.reset(seed=0, options={"section": "61s"})
    *_, info = do(envs, "open sw6", "nothing", "close sw1", "close sw7")
    assert info["costs"]["radiality"][0] == 1.0
    assert info["violations"]["radiality"][0] == 1
    assert info["costs"]["radiality"][0] + info["costs"]["switching"][0] <= info["cost"][0]
    *_, info = do(envs, "close sw10")
    assert info["costs"]["radiality"][0] == 2.0


def test_a_refused_action_does_nothing_and_says_so(outage, do):
    *_, info = do(outage, "close sw1")
    assert info["refused"][0] == Refusal.FAULT
    assert info["action_executed"][0] == 0
    assert info["operations"][0] == 0
    assert info["reward_terms"]["switching"][0] == 0.0
    assert not outage.snapshot.closed[0, 0]


def test_a_strict_case_refuses_by_name(flat):
    case = flat(strict=True)
    env = FLISREnv(case)
    env.reset(seed=0, options={"section": "152"})
    with pytest.raises(ActionError, match="'close sw1': switch 'sw1' would energise a section"):
        env.step(case.action_names.index("close sw1"))
    envs = FLISRVectorEnv(case, 2)
    envs.reset(seed=0, options={"section": "152"})
    with pytest.raises(ActionError, match="lane 1, 'open sw1': switch 'sw1' stands like that"):
        envs.step([0, case.action_names.index("open sw1")])


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ([23], "of lane 0 is 23; expected 0 to 22"),
        ([-1], "of lane 0 is -1"),
        ([0.5], "type float64; expected whole numbers"),
        ([0, 0], r"shape \(2,\); expected \(1,\)"),
    ],
)
def test_what_is_no_action_is_refused(outage, action, words):
    with pytest.raises(ActionError, match=words):
        outage.step(action)


@pytest.mark.parametrize("section", ["999", "150", ["152", "135"]])
def test_what_is_no_section_is_refused(outage, section):
    with pytest.raises(TaskError, match="'section' is"):
        outage.reset(options={"section": section})


def test_cold_load_is_drawn_on_top_and_fades(flat, do):
    draws = {}
    for excess in (0.0, 1.0):
        envs = FLISRVectorEnv(flat(cold_load_excess=excess, cold_load_decay_h=0.5))
        envs.reset(seed=0, options={"section": "61s"})
        do(envs, "open sw6", "nothing")
        *_, info = do(envs, "close sw1")
        first = envs.snapshot.flow.setpoint.load_kw[0].sum()
        do(envs, *["nothing"] * 6)
        draws[excess] = (first, envs.snapshot.flow.setpoint.load_kw[0].sum())
        assert info["served_kwh"][0] == pytest.approx(FEEDER_KW / 12.0)  # demand alone counts
    assert draws[0.0] == pytest.approx((FEEDER_KW, FEEDER_KW))
    # Dark for two steps after the reset and one before: 1 - exp(-3/12), one time constant 1 h.
    built = 1.0 - np.exp(-3.0 / 12.0)
    assert draws[1.0][0] == pytest.approx(FEEDER_KW * (1.0 + built))
    assert draws[1.0][1] == pytest.approx(FEEDER_KW * (1.0 + built * np.exp(-1.0)))


def test_a_collapse_ends_the_episode_and_is_not_cheap(flat, do):
    envs = FLISRVectorEnv(flat(factor=60.0))
    envs.reset(seed=0, options={"section": "61s"})
    do(envs, "open sw6", "nothing")
    _, reward, terminated, truncated, info = do(envs, "close sw1")
    assert terminated[0]
    assert not truncated[0]
    assert not info["converged"][0]
    steps_missed = 48 - 3 + 1  # this one, and all that were left
    assert reward[0] == pytest.approx(-10.0 * 60.0 * FEEDER_KW * steps_missed / 12.0 - 5.0)


def test_a_regulator_fed_from_behind_stands_at_neutral(outage, do):
    do(outage, "open sw4", "close sw10", "open sw2", "close sw1")
    names, taps = outage.case.network.regulators, outage.snapshot.flow.setpoint.tap_position[0]
    at = dict(zip(names, taps.tolist(), strict=True))
    assert [at[name] for name in ("creg4a", "creg4b", "creg4c")] == [0, 0, 0]
    assert at["creg1a"] > 0


def test_second_fault_strikes_later_and_is_located_in_its_turn(flat):
    envs = FLISRVectorEnv(flat(second_fault=1.0), 64)
    envs.reset(seed=2, options={"section": "61s"})
    for step in range(1, 49):
        envs.step(np.zeros(64, dtype=int))
        snapshot = envs.snapshot
        strikes, repaired = snapshot.faults.strikes[:, 1], snapshot.faults.repaired[:, 1]
        there = (strikes < step) & (step <= repaired)
        np.testing.assert_array_equal(snapshot.active[:, 1], there)
        np.testing.assert_array_equal(snapshot.located[:, 1], there & (step >= strikes + 1 + 2))
