"""Costs in the tuple and in the reward: the same numbers as in info, and nothing else changed."""

import pickle
from dataclasses import replace

import gymnasium
import numpy as np
import pytest

import grid_fed_rl  # noqa: F401 - registers the ids
from grid_fed_rl.envs.costs import OperationsCost, VoltageCost
from grid_fed_rl.envs.single import GridEnv
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.wrappers import (
    PenaltyReward,
    SafetyVectorWrapper,
    SafetyWrapper,
    VectorPenaltyReward,
)
from grid_fed_rl.errors import TaskError
from grid_fed_rl.safety import VoltageLimits

ENV_ID = "GridFedRL/IEEE13-VVO-v0"
N_LANES, N_STEPS = 6, 60
WEIGHTS = {"voltage": 100.0, "operations": 0.25}


@pytest.fixture(scope="module")
def two_channels(stormy):
    """Days that collapse early, with a second cost: operations beyond ten a day."""
    costs = (VoltageCost(VoltageLimits()), OperationsCost(stormy.groups[:2], 10))
    return replace(stormy, costs=costs)


def of_the_step(info: dict, *keys: str) -> np.ndarray:
    """(lane,) a cost lane by lane: of the episode that ended in the step, where one did."""
    costs = []
    for lane in range(N_LANES):
        ended = "final_info" in info and info["_final_info"][lane]
        entry = info["final_info"] if ended else info
        for key in keys:
            assert entry[f"_{key}"][lane]
            entry = entry[key]
        costs.append(entry[lane])
    return np.array(costs)


# ---- six entries ------------------------------------------------------------


def test_six_entries_are_the_five_and_the_cost_of_info(two_channels, actions, rollout, same):
    moves = actions(N_STEPS, 1, two_channels)[:, 0]
    five = rollout(GridEnv(two_channels), moves, seed=2)
    env = SafetyWrapper(GridEnv(two_channels))
    assert env.observation_space == env.unwrapped.observation_space
    assert env.action_space == env.unwrapped.action_space
    same(env.reset(seed=2), (five[0][0], five[0][-1]))
    costs = []
    for action, (observation, reward, terminated, truncated, info) in zip(
        moves, five[1:], strict=True
    ):
        six = env.step(action)
        same(six, (observation, reward, info["cost"], terminated, truncated, info))
        costs.append(six[2])
        if terminated or truncated:
            break
    assert min(costs) >= 0.0
    assert max(costs) > 0.0


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_cost_of_a_lane_is_that_of_its_step_also_where_it_ended(
    two_channels, actions, rollout, same, mode
):
    moves = actions(N_STEPS, N_LANES, two_channels)
    five = rollout(GridVectorEnv(two_channels, N_LANES, mode), moves, seed=3)
    envs = SafetyVectorWrapper(GridVectorEnv(two_channels, N_LANES, mode))
    assert envs.single_observation_space == envs.unwrapped.single_observation_space
    assert envs.num_envs == N_LANES
    envs.reset(seed=3)
    n_ends = 0
    for action, (observation, reward, terminated, truncated, info) in zip(
        moves, five[1:], strict=True
    ):
        six = envs.step(action)
        same(six, (observation, reward, of_the_step(info, "cost"), terminated, truncated, info))
        # A collapse leaves every node at 0 V, which no reset does.
        assert (six[2][terminated] > 30.0).all()
        n_ends += np.count_nonzero(terminated)
    assert n_ends > 3


# ---- in the reward ----------------------------------------------------------


def test_one_price_takes_the_sum_and_prices_by_channel_take_each(two_channels, actions, rollout):
    moves = actions(30, 1, two_channels)[:, 0]
    plain = rollout(GridEnv(two_channels), moves, seed=2)[1:]
    one = rollout(PenaltyReward(GridEnv(two_channels), 7.0), moves, seed=2)[1:]
    each = rollout(PenaltyReward(GridEnv(two_channels), WEIGHTS), moves, seed=2)[1:]
    costs = [result[-1]["costs"] for result in plain]
    rewards = np.array([result[1] for result in plain])
    by_channel = np.array([[cost["voltage"], cost["operations"]] for cost in costs])
    assert (by_channel.max(axis=0) > 0.0).all(), "both channels cost something"
    np.testing.assert_allclose(
        [result[1] for result in one], rewards - 7.0 * by_channel.sum(axis=1), rtol=1e-12
    )
    np.testing.assert_allclose(
        [result[1] for result in each], rewards - by_channel @ [100.0, 0.25], rtol=1e-12
    )
    assert all(type(result[1]) is float for result in [*one, *each])


@pytest.mark.parametrize("weights", [0, {}, {"voltage": 0.0}])
def test_without_a_price_nothing_changes(two_channels, actions, rollout, same, weights):
    moves = actions(30, N_LANES, two_channels)
    plain = rollout(GridVectorEnv(two_channels, N_LANES), moves, seed=1)
    wrapped = VectorPenaltyReward(GridVectorEnv(two_channels, N_LANES), weights)
    same(rollout(wrapped, moves, seed=1), plain)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_lanes_pay_for_their_own_step_also_where_they_ended(two_channels, actions, rollout, mode):
    moves = actions(N_STEPS, N_LANES, two_channels)
    plain = rollout(GridVectorEnv(two_channels, N_LANES, mode), moves, seed=3)[1:]
    wrapped = VectorPenaltyReward(GridVectorEnv(two_channels, N_LANES, mode), WEIGHTS)
    paid = rollout(wrapped, moves, seed=3)[1:]
    for (_, reward, *_, info), (_, less, *_) in zip(plain, paid, strict=True):
        price = 100.0 * of_the_step(info, "costs", "voltage")
        price += 0.25 * of_the_step(info, "costs", "operations")
        np.testing.assert_allclose(less, reward - price, rtol=1e-12)


def test_lane_of_the_vector_environment_pays_what_the_single_one_pays(
    two_channels, actions, rollout
):
    moves = actions(N_STEPS, N_LANES, two_channels)
    wrapped = VectorPenaltyReward(GridVectorEnv(two_channels, N_LANES), WEIGHTS)
    together = rollout(wrapped, moves, seed=3)
    for lane in (0, N_LANES - 1):
        single = PenaltyReward(GridEnv(two_channels), WEIGHTS)
        alone = rollout(single, moves[:, lane], seed=3 + lane)
        assert [result[1] for result in alone[1:]] == [result[1][lane] for result in together[1:]]


# ---- around what Gymnasium makes, and across processes ------------------------


@pytest.mark.parametrize(
    "wrap", [SafetyWrapper, lambda env: PenaltyReward(env, WEIGHTS)], ids=["safety", "penalty"]
)
def test_pickled_single_environment_goes_on_where_it_was(two_channels, same, wrap):
    env = wrap(GridEnv(two_channels))
    env.reset(seed=5)
    env.step(np.zeros(6))
    other = pickle.loads(pickle.dumps(env))
    same(other.step(np.ones(6)), env.step(np.ones(6)))


@pytest.mark.parametrize(
    "wrap",
    [SafetyVectorWrapper, lambda envs: VectorPenaltyReward(envs, WEIGHTS)],
    ids=["safety", "penalty"],
)
def test_pickled_vector_environment_goes_on_where_it_was(two_channels, same, wrap):
    envs = wrap(GridVectorEnv(two_channels, 2))
    envs.reset(seed=5)
    other = pickle.loads(pickle.dumps(envs))
    same(other.step(np.ones((2, 6))), envs.step(np.ones((2, 6))))


def test_they_stand_around_what_gymnasium_makes_and_in_its_record_of_it():
    env = SafetyWrapper(PenaltyReward(gymnasium.make(ENV_ID), {"voltage": 20.0}))
    env.reset(seed=1)
    _, reward, cost, *_, info = env.step(np.zeros(6))
    assert reward == sum(info["reward_terms"].values()) - 20.0 * cost
    assert env.spec is not None
    again = gymnasium.make(env.spec)
    again.reset(seed=1)
    assert again.step(np.zeros(6))[1:3] == (reward, cost)


# ---- what cannot be ----------------------------------------------------------


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), "much"])
@pytest.mark.parametrize("make", [lambda w: w, lambda w: {"voltage": w}], ids=["one", "each"])
def test_weight_that_is_none_is_refused(stormy, make, weight):
    with pytest.raises(TaskError, match=r"weight of '(cost|voltage)' is .*; expected a finite"):
        PenaltyReward(GridEnv(stormy), make(weight))


def test_channel_that_is_not_there_is_named_with_those_that_are(stormy):
    env = PenaltyReward(GridEnv(stormy), {"thermal": 1.0})
    env.reset(seed=0)
    with pytest.raises(TaskError, match=r"no cost 'thermal' in its info; it has: voltage"):
        env.step(np.zeros(6))


def test_environment_without_costs_is_refused():
    env = SafetyWrapper(gymnasium.make("CartPole-v1"))
    env.reset(seed=0)
    with pytest.raises(TaskError, match=r"no cost 'cost' in its info; it has: none"):
        env.step(0)
