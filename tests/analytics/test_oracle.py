"""Laws of the oracle: what it plans is legal, holds, pays, and comes out as predicted."""

from functools import cache

import gymnasium
import numpy as np
import pytest
from numpy.testing import assert_allclose

import grid_fed_rl  # noqa: F401 - registers the ids
from grid_fed_rl.analytics.oracle import Follow, Plan, Yardstick, plan_day, run
from grid_fed_rl.analytics.oracle.blocks import Day
from grid_fed_rl.analytics.oracle.charging import ChargingBlock
from grid_fed_rl.analytics.oracle.curvature import curvature
from grid_fed_rl.analytics.oracle.horizon import MARGINS
from grid_fed_rl.analytics.oracle.plan import OracleConfig, blocks_of, horizon_at
from grid_fed_rl.analytics.oracle.positions import cheapest_shifts
from grid_fed_rl.analytics.oracle.powers import PvBlock
from grid_fed_rl.analytics.oracle.programme import Programme
from grid_fed_rl.envs.costs import served_nodes
from grid_fed_rl.envs.der import DERConfig
from grid_fed_rl.envs.ev import EVConfig
from grid_fed_rl.envs.groups import Batteries, EvStations, Inverters
from grid_fed_rl.envs.rules import LocalRules
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import measures, sensitivity, solve

DAYS = {"VVO": 4, "DER": 259, "EV": 4}  # test days; on VVO's and DER's no control violates
# A regulator's step, which a plan under local controls cannot see, and the curvature.
LINEARISED_WITHIN_PU = {"VVO": 0.002, "DER": 0.01, "EV": 0.01}


# Half as many plugs as the task has, so that one round of the programme comes to rest.
FEWER_CARS = EVConfig(plug_share=2.0, import_share=1.05)


def env_of(task: str, **options) -> GridVectorEnv:
    if task == "EV":
        options = {"config": FEWER_CARS, **options}
    made = gymnasium.make_vec(f"GridFedRL/IEEE13-{task}-v0", num_envs=1, split="test", **options)
    assert isinstance(made.unwrapped, GridVectorEnv)
    return made.unwrapped


@cache
def planned(task: str) -> Plan:
    rounds, passes = (1, 1) if task == "EV" else (3, 2)
    return plan_day(env_of(task).case, DAYS[task], OracleConfig(rounds=rounds, passes=passes))


def nothing(task: str, **options):
    case = env_of(task, **options).case
    (idle,) = run(case, DAYS[task], np.zeros((1, case.horizon, len(case.action_names))))
    return idle


@pytest.mark.parametrize("task", DAYS)
def test_plan_in_the_environment_is_the_simulated_day(task):
    env, plan = env_of(task), planned(task)
    policy = Follow(env, {plan.day: plan.trajectory.actions})
    observation, _ = env.reset(options={"day": plan.day})
    rewards, executed = [], []
    for _ in range(env.case.horizon):
        observation, reward, _, _, info = env.step(policy(observation))
        rewards.append(reward[0])
        executed.append(info["action_executed"][0])
        assert info["cost"][0] == pytest.approx(0.0, abs=0.0)
    assert_allclose(rewards, plan.trajectory.reward_usd, rtol=1e-12)
    assert np.abs(executed).max() <= 1.0


@pytest.mark.parametrize("task", DAYS)
def test_oracle_holds_limits_and_beats_no_control_and_rules(task):
    plan, idle = planned(task), nothing(task)
    assert plan.trajectory.holds
    assert plan.trajectory.return_usd > idle.return_usd
    if task == "VVO":
        rules = nothing(task, local_controls=True)
        assert rules.holds
        assert plan.trajectory.return_usd > rules.return_usd
    else:
        env = env_of(task)
        (rules,) = run(env.case, DAYS[task], ruled(env)[None])
        assert rules.holds
        assert plan.trajectory.return_usd > rules.return_usd
    assert not idle.holds


def ruled(env: GridVectorEnv):
    policy, actions = LocalRules(env), []
    observation, _ = env.reset(options={"day": DAYS["DER" if env.case.horizon == 24 else "EV"]})
    for _ in range(env.case.horizon):
        actions.append(policy(observation)[0])
        observation, *_ = env.step(actions[-1][None])
    return np.array(actions)


@pytest.mark.parametrize("task", DAYS)
def test_voltages_come_out_as_predicted(task):
    assert 0.0 < planned(task).error_pu < LINEARISED_WITHIN_PU[task]


def test_batteries_do_what_is_asked_of_them():
    case, plan = env_of("DER").case, planned("DER")
    batteries = next(group for group in case.groups if isinstance(group, Batteries))
    first = 0
    for group in case.groups:
        if group is batteries:
            break
        first += len(group.names)
    asked = plan.trajectory.actions[:, first : first + len(batteries.names)]
    # Cut by no more than float32 and the last rounding of the energy account.
    assert_allclose(plan.trajectory.executed("soc"), asked, atol=1e-4)
    assert np.abs(asked).max() > 0.1


def test_slopes_are_the_derivatives_of_the_power_flow():
    case, plan = env_of("DER").case, planned("DER")
    problem = horizon_at(Yardstick(case), blocks_of(Day(case, plan.day)), plan.trajectory)
    flow = solve(case.network, plan.trajectory.flow.setpoint, tolerance_pu=1e-11)
    pvs = [f"pv.{name}" for name in case.network.feeder.pvs]
    exact = sensitivity(case.network, flow.rows(slice(12, 13)), p=pvs, q=pvs, taps=())
    found = problem.slopes.by_limited[0][12]
    n, served = len(pvs), list(served_nodes(case.network))
    assert_allclose(found[:, :n], exact.q.v_magnitude_pu[0, served], atol=1.5e-7)
    assert_allclose(found[:, n : 2 * n], exact.p.v_magnitude_pu[0, served], atol=1.5e-7)


def test_losses_bend_as_their_second_derivative_says():
    case, plan = env_of("DER").case, planned("DER")
    network, flow = case.network, plan.trajectory.flow.rows(slice(12, 13))
    pvs = [f"pv.{name}" for name in network.feeder.pvs]
    slope = sensitivity(network, flow, p=(), q=pvs, taps=()).q.v_pu
    bends = curvature(network, flow, slope)[0]
    assert_allclose(bends, bends.T)

    def losses(kvar: float) -> float:
        moved = flow.setpoint.der_kvar.copy()
        moved[:, : len(pvs)] += kvar
        there = solve(network, flow.setpoint.with_(der_kvar=moved), tolerance_pu=1e-11)
        return float(measures.losses_kw(network, there)[0])

    by = 20.0
    second = (losses(by) - 2.0 * losses(0.0) + losses(-by)) / by**2
    # Loads of constant power draw more current where the voltage is less: a bend of its own.
    assert bends.sum() == pytest.approx(second, rel=0.15)


def test_the_horizon_problem_keeps_limits_that_bind():
    case = env_of("DER", config=DERConfig(import_share=0.6)).case
    (idle,) = run(case, DAYS["DER"], np.zeros((1, 24, len(case.action_names))))
    problem = horizon_at(Yardstick(case), blocks_of(Day(case, DAYS["DER"])), idle)
    margins = [np.full(case.horizon, MARGINS[one.name]) for one in problem.slopes.limited]
    (there,) = run(case, DAYS["DER"], problem.actions(1.0, margins, [1.0]))
    assert idle.costs["head"].sum() > 1000.0  # kWh
    assert there.costs["head"].sum() < 0.05 * idle.costs["head"].sum()


def test_cars_get_what_they_were_promised_by_a_plan_of_nothing():
    case = env_of("EV").case
    (group,) = case.groups
    assert isinstance(group, EvStations)
    block = ChargingBlock(Day(case, DAYS["EV"]), group)
    promised = block.of_cohort(block.due_kwh)
    idle = np.zeros((case.horizon, len(group.stations)))
    for share, expected_kwh in ((1.0, 0.0), (0.0, block.due_kwh.sum())):
        (day,) = run(case, DAYS["EV"], block.actions(idle, share * promised)[None])
        unserved_kwh = group.unserved_kwh(day.state("charging")).sum()
        assert unserved_kwh == pytest.approx(expected_kwh, rel=1e-4, abs=1e-3)


def test_cars_of_a_cohort_share_station_stay_and_all_that_it_is_given():
    case = env_of("EV").case
    (group,) = case.groups
    assert isinstance(group, EvStations)
    block = ChargingBlock(Day(case, DAYS["EV"]), group)
    table, here, cohort = group.table, block.sessions, block.cohort
    assert len(np.unique(cohort)) < len(cohort) / 2
    comes, leaves = table.arrival_step[here], np.minimum(table.departure_step[here], case.horizon)
    for one in np.unique(cohort):
        its = cohort == one
        assert len(np.unique(table.station[here][its])) == 1
        assert np.ptp(comes[its]) < 4
        assert np.ptp(leaves[its]) < 4
    due, energy = block.of_cohort(block.due_kwh), block.of_cohort(block.energy_kwh)
    for given in (0.3 * due, due, 0.5 * (due + energy), energy):
        promised = block._promised_kwh(given)
        assert (promised <= block.energy_kwh + 1e-9).all()
        assert_allclose(block.of_cohort(promised), given, atol=1e-9)


def test_a_plan_keeps_inverters_within_their_rating():
    case, plan = env_of("DER").case, planned("DER")
    group = next(one for one in case.groups if isinstance(one, Inverters))
    low, high = PvBlock(Day(case, plan.day), group).bounds()
    n = len(group.kva)
    state = plan.trajectory.state("inverter")
    p_kw, q_kvar = state[:, :n], state[:, n:]
    assert (np.hypot(p_kw, q_kvar) <= group.kva * (1.0 + 1e-6)).all()
    assert (q_kvar <= high[:, :n] + 1e-6).all()
    assert (q_kvar >= low[:, :n] - 1e-6).all()


def test_cheapest_shifts_are_the_best_of_all():
    rng = np.random.default_rng(3)
    positions = np.arange(-2, 3)
    usd = rng.random((4, 5))

    def price(path) -> float:
        moves = np.abs(np.diff([0, *path]))
        if moves.max() > 2:
            return np.inf
        return usd[np.arange(4), np.array(path) + 2].sum() + 0.3 * moves.sum()

    every = np.array(np.meshgrid(*[positions] * 4)).reshape(4, -1).T
    best = min(price(path) for path in every)
    shifts = np.broadcast_to(positions[None, :, None], (4, 5, 1))
    assert price(cheapest_shifts(usd, shifts, 0.3, 2)[:, 0]) == pytest.approx(best)


def test_devices_shifted_together_each_wear_and_none_moves_too_far():
    positions = np.array([[[0, 1], [2, 3]], [[1, 1], [3, 3]]])  # (step, shift, device)
    free = np.zeros((2, 2))
    assert cheapest_shifts(free, positions, 1.0, 3).tolist() == [[0, 1], [1, 1]]
    dear = np.array([[0.0, 0.0], [100.0, 0.0]])
    assert cheapest_shifts(dear, positions, 1.0, 3).tolist() == [[0, 1], [3, 3]]
    # From 0 to 3 in one step is too far: it has to begin in the step before.
    assert cheapest_shifts(dear, positions[:, :, :1], 1.0, 2).tolist() == [[2], [3]]


def test_programme_finds_the_corner():
    programme = Programme()
    x = programme.variables(0.0, 3.0, -1.0, (2,))
    programme.tie(-np.inf, 4.0, (np.array([1.0, 2.0]), x), over=1)
    assert_allclose(programme.solve(), [3.0, 0.5])


def test_unknown_parts_are_refused():
    case = env_of("VVO", local_controls=True).case
    with pytest.raises(TaskError, match="tap_position is in the action and left to local"):
        plan_day(case, 4)
    with pytest.raises(TaskError, match="rounds is 0"):
        OracleConfig(rounds=0)
    env = env_of("EV")
    env.reset(options={"day": 5})
    policy = Follow(env, {4: np.zeros((96, 5))})
    with pytest.raises(TaskError, match="no plan for day 5"):
        policy(np.zeros((1, 1), dtype=np.float32))
