"""The score is 0 and 100 where it says so, and violations have their price."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.analytics.baselines import (
    BASELINES,
    NO_CONTROL,
    RANDOM,
    Baseline,
    DayResult,
    judged,
    penalised_usd,
    run_day,
    score,
)
from grid_fed_rl.envs.baselines import Hold
from grid_fed_rl.envs.ev import EVConfig, ev_case
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.powerflow import measures


def day(return_usd: float, voltage: float = 0.0, head: float = 0.0) -> DayResult:
    costs = {"voltage": voltage, "head": head}
    return DayResult(0, return_usd, costs, float(voltage + head > 0), False)


def test_violations_are_paid_for():
    assert penalised_usd([day(-10.0, voltage=0.5, head=3.0)]) == pytest.approx(-10.0 - 50.0 - 3.0)
    assert penalised_usd([day(-10.0), day(-20.0)]) == pytest.approx(-15.0)


def test_score_stands_between_no_control_and_the_oracle():
    nothing, oracle = [day(-100.0, voltage=1.0)], [day(-90.0)]
    assert score(nothing, nothing, oracle) == 0.0
    assert score(oracle, nothing, oracle) == 100.0
    assert score([day(-145.0)], nothing, oracle) == pytest.approx(50.0)
    assert score([day(-300.0)], nothing, oracle) == pytest.approx(-1000.0 / 11.0)
    assert score(nothing, nothing, nothing) is None


def test_every_task_has_both_ends_of_the_scale():
    for task, baselines in BASELINES.items():
        names = [one.name for one in baselines]
        assert {"no control", "oracle"} <= set(names), task
        assert len(set(names)) == len(names)


def test_a_day_is_the_same_again_and_random_differs_from_day_to_day():
    first = run_day("GridFedRL/IEEE13-VVO-v0", RANDOM, 4)
    assert run_day("GridFedRL/IEEE13-VVO-v0", RANDOM, 4) == first
    assert run_day("GridFedRL/IEEE13-VVO-v0", RANDOM, 20) != first


def test_magnitudes_are_times_hours():
    # A limit on import that every step leaves: of the energy of the day, what is above it.
    case = ev_case("ieee13", split="test", config=EVConfig(import_share=1e-9))
    env = GridVectorEnv(case)
    found = judged(env, Hold(len(case.action_names)), 4)
    env.reset(options={"day": 4})
    kwh = 0.0
    for _ in range(96):
        env.step(np.zeros((1, len(case.action_names))))
        kwh += 0.25 * float(measures.source_kw(case.network, env.snapshot.flow)[0])
    assert found.costs["head"] == pytest.approx(kwh, rel=1e-6)
    assert found.violated == 1.0


def test_a_collapse_counts_through_the_rest_of_the_day():
    case = vvo_case("ieee13", split="test")
    first = case.year.steps_per_day * 4
    load_kw = case.year.load_kw.copy()
    load_kw[first + 5] *= 50.0  # more than the feeder can carry in the sixth hour
    heavy = replace(case, year=replace(case.year, load_kw=load_kw))
    policy = Hold(len(case.action_names))
    found, calm = (judged(GridVectorEnv(one), policy, 4) for one in (heavy, case))
    assert found.collapsed
    assert found.return_usd > calm.return_usd  # nothing is lost in the dark
    dark_pu = 0.95 * case.network.n_nodes
    assert found.costs["voltage"] == pytest.approx(19 * dark_pu, rel=0.01)
    assert found.violated >= 19 / 24
    assert penalised_usd([found]) < penalised_usd([calm])


def test_a_baseline_of_ones_own_is_run_like_the_others():
    close = Baseline(
        "closed", "capacitors closed", lambda env, day: lambda _: np.full((1, 6), 0.5, np.float32)
    )
    mine = run_day("GridFedRL/IEEE13-VVO-v0", close, 4)
    nothing = run_day("GridFedRL/IEEE13-VVO-v0", NO_CONTROL, 4)
    assert mine.costs["voltage"] != nothing.costs["voltage"]
