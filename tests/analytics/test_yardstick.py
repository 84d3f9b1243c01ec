"""The yardstick prices what the environment pays for, and refuses what it does not know."""

from dataclasses import dataclass, replace

import gymnasium
import numpy as np
import pytest
from numpy.testing import assert_allclose

import grid_fed_rl  # noqa: F401 - registers the ids
from grid_fed_rl.analytics.oracle import PRICES, OracleConfig, Yardstick, plan_day, run
from grid_fed_rl.envs.dynamics import advance, rest
from grid_fed_rl.envs.info import reward_terms
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import VVOConfig, vvo_case
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import PowerFlow
from grid_fed_rl.safety import VoltageLimits

# Voltages to ground at every node; at served nodes; from phase to phase; of a large feeder.
FEEDERS = ("IEEE13", "IEEE34", "IEEE37", "IEEE8500")


def one_lane(env_id: str) -> GridVectorEnv:
    made = gymnasium.make_vec(env_id, num_envs=1, split="test").unwrapped
    assert isinstance(made, GridVectorEnv)
    return made


def violated_usd(yardstick: Yardstick, flow: PowerFlow) -> float:
    usd = [yardstick.usd_per_unit(one.name) * one.excess.sum() for one in yardstick.limited(flow)]
    return float(np.sum(usd))


@pytest.mark.parametrize("env_id", [f"GridFedRL/{feeder}-VVO-v0" for feeder in FEEDERS])
def test_violations_cost_what_the_environment_says_they_are(env_id):
    env = one_lane(env_id)
    case, rng = env.case, np.random.default_rng(7)
    yardstick = Yardstick(case, heavier=1.0)
    env.reset(options={"day": int(case.days[0])})
    seen = 0.0
    for _ in range(4):
        action = rng.uniform(-1.0, 1.0, (1, len(case.action_names)))
        *_, info = env.step(action)
        paid = PRICES["voltage"] * info["costs"]["voltage"][0] * case.year.step_h
        assert violated_usd(yardstick, env.snapshot.flow) == pytest.approx(paid, rel=1e-12)
        seen += paid
    assert seen > 0.0


@pytest.mark.parametrize("task", ["DER", "EV"])
def test_every_channel_costs_what_the_environment_says(task):
    env = one_lane(f"GridFedRL/IEEE37-{task}-v0")
    case, rng = env.case, np.random.default_rng(7)
    yardstick = Yardstick(case, heavier=1.0)
    env.reset(options={"day": int(case.days[0])})
    for _ in range(12):
        *_, info = env.step(rng.uniform(-1.0, 1.0, (1, len(case.action_names))))
        paid = {
            name: PRICES[name] * info["costs"][name][0] * case.year.step_h
            for name in (one.name for one in case.costs)
        }
        priced = {
            one.name: yardstick.usd_per_unit(one.name) * one.excess.sum()
            for one in yardstick.limited(env.snapshot.flow)
        }
        assert priced == pytest.approx(paid, rel=1e-12)


@pytest.mark.parametrize("objective", ["loss", "cvr"])
def test_a_flow_costs_what_the_reward_takes(objective):
    limits = VoltageLimits(0.5, 1.5)  # nothing is violated
    case = vvo_case("ieee37", split="test", objective=objective, config=VVOConfig(limits=limits))
    idle = np.zeros((1, len(case.action_names)))
    there = advance(case, rest(case, case.days[:1]), idle)
    terms = reward_terms(case, there)
    term = terms[{"loss": "loss", "cvr": "conservation"}[objective]]
    assert_allclose(Yardstick(case).usd(there.flow, there.row), -term, rtol=1e-12)


def test_the_oracle_conserves_energy():
    # The voltage of IEEE 37 is between phases, its loads of all four models.
    case = vvo_case("ieee37", split="test", objective="cvr")
    ruled = vvo_case("ieee37", split="test", objective="cvr", local_controls=True)
    day = int(case.days[0])
    actions = np.zeros((1, case.horizon, len(case.action_names)))
    (idle,), (rules,) = run(case, day, actions), run(ruled, day, actions)
    plan = plan_day(case, day, OracleConfig(rounds=4, passes=1)).trajectory
    assert plan.holds
    for other in (idle, rules):
        assert plan.return_usd > other.return_usd - other.violated_usd
    lossless = vvo_case("ieee37", split="test")
    least_loss = plan_day(lossless, day, OracleConfig(rounds=4, passes=1)).trajectory
    (same,) = run(case, day, least_loss.actions[None])
    assert plan.return_usd > same.return_usd + 1.0


@dataclass(frozen=True)
class Praise:
    """A reward for nothing."""

    name: str = "praise"

    def __call__(self, snapshot: Snapshot) -> np.ndarray:
        return np.ones(len(snapshot.step))


def test_an_unknown_reward_is_refused_by_name():
    case = vvo_case("ieee13", split="test")
    with pytest.raises(TaskError, match="the oracle knows no reward term 'praise'; known: loss"):
        Yardstick(replace(case, reward=(*case.reward, Praise())))
