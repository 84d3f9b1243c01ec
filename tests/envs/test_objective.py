"""Reward and cost: every term by hand, and what adds up to what."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.costs import VoltageCost
from grid_fed_rl.envs.dynamics import advance, rest
from grid_fed_rl.envs.groups import Batteries, Move
from grid_fed_rl.envs.objective import BorrowedEnergy, EnergyLoss, Wear
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import VVOConfig, vvo_case
from grid_fed_rl.safety import VoltageLimits


@pytest.fixture
def snapshot(case13) -> Snapshot:
    """Two lanes after a step."""
    start = rest(case13, np.array([0, 1]))
    return advance(case13, start, np.zeros((2, len(case13.action_names))))


def test_energy_loss_is_power_times_hours_times_price(snapshot):
    lossy = replace(snapshot, loss_kw=np.array([100.0, 0.0]))
    np.testing.assert_allclose(EnergyLoss(0.12)(lossy), [-12.0, 0.0])
    np.testing.assert_allclose(EnergyLoss(0.12)(replace(lossy, step_h=0.25)), [-3.0, 0.0])


def test_wear_adds_up_every_group(snapshot):
    def move(*wear_usd):
        return replace(Move.nothing(2, 1), wear_usd=np.array(wear_usd))

    worn = replace(snapshot, moves={"a": move(0.3, 0.0), "b": move(1.0, 0.5), "c": move(3.0, 0.0)})
    np.testing.assert_allclose(Wear()(worn), [-4.3, -0.5])
    np.testing.assert_array_equal(Wear()(replace(snapshot, moves={})), [0.0, 0.0])


def test_borrowed_energy_counts_what_is_missing_at_the_end_only(snapshot, case13):
    term = BorrowedEnergy(Batteries(case13.network, 0.02), usd_per_kwh=0.12)
    charge = np.array([[0.4], [0.6]])
    going = replace(snapshot, states={"soc": charge}, ends=np.array([False, False]))
    np.testing.assert_array_equal(term(going), [0.0, 0.0])
    over = replace(going, ends=np.array([True, True]))
    # 0.1 x 600 kWh at 0.12; what is left over earns nothing.
    np.testing.assert_allclose(term(over), [-7.2, 0.0])


def test_voltage_cost_adds_up_excursions_and_counts_nodes(snapshot):
    v_pu = np.array([[0.94, 1.0, 1.07, 1.05], [0.95, 1.05, 1.0, 0.0]])
    cost, count = VoltageCost(VoltageLimits())(replace(snapshot, v_pu=v_pu))
    np.testing.assert_allclose(cost, [0.03, 0.95])
    np.testing.assert_array_equal(count, [2, 1])


def test_reward_is_money_and_can_be_worked_out_from_info(case123, actions):
    """0.12 $ a kWh lost, 0.05 a tap step, 0.50 a switching, 0.02 a kWh through a battery."""
    env = GridVectorEnv(case123, 3)
    env.reset(seed=0)
    closed, borrowed = np.zeros((3, 4)), np.zeros(3)
    for action in actions(24, 3, case123):
        _, reward, _, _, info = env.step(action)
        executed = info["action_executed"].astype(float)
        taps = np.abs(executed[:, :7] * 4.0).sum(axis=1)
        now = (executed[:, 7:11] + 1.0) / 2.0
        switchings = np.abs(now - closed).sum(axis=1)
        closed = now
        through_kwh = np.abs(executed[:, 11:] * 150.0).sum(axis=1)
        wear = 0.05 * taps + 0.50 * switchings + 0.02 * through_kwh
        short = np.maximum(0.5 - env.snapshot.states["soc"], 0.0).sum(axis=1) * 600.0
        borrowed = 0.12 * short * env.snapshot.ends
        np.testing.assert_array_equal(info["operations"], np.rint(taps + switchings))
        np.testing.assert_allclose(info["reward_terms"]["wear"], -wear, rtol=1e-6)
        np.testing.assert_allclose(info["reward_terms"]["loss"], -0.12 * info["loss_kwh"])
        np.testing.assert_allclose(info["reward_terms"]["borrowed_energy"], -borrowed)
        np.testing.assert_allclose(reward, -(0.12 * info["loss_kwh"] + wear + borrowed), rtol=1e-6)
        terms = [value for key, value in info["reward_terms"].items() if key[0] != "_"]
        np.testing.assert_array_equal(reward, sum(terms))
    assert borrowed.any(), "some lane ends the day short of energy"


def test_cost_stands_apart_from_the_reward(actions):
    """Limits that all nodes break change the cost of a step and nothing else."""
    loose = vvo_case("ieee13")
    tight = vvo_case("ieee13", config=VVOConfig(limits=VoltageLimits(1.2, 1.3)))
    moves = actions(24, 2, loose)
    envs = [GridVectorEnv(case, 2) for case in (loose, tight)]
    for env in envs:
        env.reset(seed=0)
    for action in moves:
        (seen, reward, _, _, info), (seen_too, reward_too, _, _, strict) = (
            env.step(action) for env in envs
        )
        np.testing.assert_array_equal(reward, reward_too)
        np.testing.assert_array_equal(seen, seen_too)
        np.testing.assert_array_equal(strict["violations"]["voltage"], loose.network.n_nodes)
        assert (strict["cost"] > info["cost"]).all()
        np.testing.assert_array_equal(strict["cost"], strict["costs"]["voltage"])


def test_nothing_is_charged_for_a_reset():
    """Not even where the feeder at rest stands outside all limits."""
    env = GridVectorEnv(vvo_case("ieee13", config=VVOConfig(limits=VoltageLimits(1.2, 1.3))), 2)
    _, info = env.reset(seed=0)
    assert (env.snapshot.loss_kw > 0.0).all()
    for entry in ("cost", "loss_kwh", "operations", "action_executed"):
        np.testing.assert_array_equal(info[entry], np.zeros_like(info[entry]))
    for entry in ("costs", "violations", "reward_terms"):
        for name, value in info[entry].items():
            if not name.startswith("_"):
                np.testing.assert_array_equal(value, [0.0, 0.0])
    assert info["converged"].all()


def test_cost_is_the_sum_of_its_channels(case13):
    limits = (VoltageLimits(1.1, 1.2), VoltageLimits(0.5, 0.6))
    channels = tuple(VoltageCost(one, name) for one, name in zip(limits, "ab", strict=True))
    env = GridVectorEnv(replace(case13, costs=channels), 2)
    env.reset(seed=0)
    info = env.step(np.zeros((2, 6)))[4]
    costs = info["costs"]
    assert (costs["a"] > 0).all()
    assert (costs["b"] > 0).all()
    np.testing.assert_array_equal(info["cost"], costs["a"] + costs["b"])


def test_energy_of_a_battery_is_conserved_over_a_day(case123, actions):
    """What went in is still there, came out, or was lost: to a millionth of a kWh."""
    env = GridVectorEnv(case123, 4)
    env.reset(seed=2)
    stored_kwh = 600.0 * env.snapshot.states["soc"].sum(axis=1)
    for action in actions(24, 4, case123):
        env.step(action)
        move = env.snapshot.moves["soc"]
        stored_kwh -= (150.0 * move.executed).sum(axis=1) + move.loss_kw
        assert (move.loss_kw > 0.0).all()
        left_kwh = 600.0 * env.snapshot.states["soc"].sum(axis=1)
        np.testing.assert_allclose(left_kwh, stored_kwh, atol=1e-6)


def test_loss_counts_network_and_converters(case123):
    """The same voltages, but for converters: idle batteries lose nothing."""
    env = GridVectorEnv(case123, 2)
    env.reset(options={"day": 5})
    action = np.zeros((2, 15))
    action[1, 11:] = [1.0, -1.0, 0.0, 0.0]
    env.step(action)
    in_devices = env.snapshot.moves["soc"].loss_kw
    np.testing.assert_allclose(in_devices, [0.0, 6.25 + 6.0], atol=1e-9)
    network_kw = env.snapshot.loss_kw - in_devices
    assert (network_kw > 1.0).all()
