"""The shield: laws of what it may do, and what it keeps."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import RescaleAction

from grid_fed_rl.envs import guard as guard_module
from grid_fed_rl.envs.baselines import Behaviour, BehaviourConfig, Hold
from grid_fed_rl.envs.costs import channels_of, limits_of
from grid_fed_rl.envs.dynamics import moment_at
from grid_fed_rl.envs.groups import FlexibleLoads, Inverters
from grid_fed_rl.envs.levers import Levers
from grid_fed_rl.envs.shield import Reason, Shield, ShieldVector
from grid_fed_rl.envs.single import GridEnv
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import VVOConfig, vvo_case
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import solve
from grid_fed_rl.safety import Limits, VoltageLimits
from grid_fed_rl.scenarios import year_from_arrays

ANYTHING_GOES = Limits(voltage=VoltageLimits(0.5, 1.5))
ANYWHERE = VVOConfig(most_tap_steps=32)


def without_log(result):
    *front, info = result
    return (*front, {key: value for key, value in info.items() if "shield" not in key})


def test_a_shield_with_nothing_to_do_changes_no_bit(case13, actions, rollout, same):
    moves = actions(30, 5, case13)
    plain = rollout(GridVectorEnv(case13, 5), moves, seed=3)
    shield = ShieldVector(GridVectorEnv(case13, 5), ANYTHING_GOES)
    for one, other in zip(plain, rollout(shield, moves, seed=3), strict=True):
        same(one, without_log(other))
        assert not other[-1]["shield"]["intervened"].any()
    assert shield.intervention_rate == 0.0


@pytest.mark.parametrize("case", ["case13", "case123"])
def test_what_it_executes_is_what_the_environment_does(case, actions, rollout, same, request):
    """The executed actions, replayed unshielded, give the same steps to the last bit.

    So they are actions of the space, and what the shield hands over to the environment
    is what the environment would have worked out.
    """
    case = request.getfixturevalue(case)
    shielded = rollout(ShieldVector(GridVectorEnv(case, 6)), actions(30, 6, case), seed=1)
    executed = [result[-1]["shield"]["executed"] for result in shielded[1:]]
    plain = GridVectorEnv(case, 6)
    assert all(action in plain.action_space for action in executed)
    for one, other in zip(rollout(plain, executed, seed=1), shielded, strict=True):
        same(one, without_log(other))


@pytest.mark.parametrize(
    ("feeder", "utility", "n_days"),
    [("ieee13", "coastal", 84), ("ieee13", "northern", 30), ("ieee123", "northern", 30)],
)
def test_a_random_policy_holds_the_limits_wherever_the_backup_does(
    feeder, utility, n_days, actions
):
    """Test days, a day a lane."""
    case = vvo_case(feeder, utility, split="test")
    days, n = case.days[:n_days], len(case.days[:n_days])
    backup = ShieldVector(GridVectorEnv(case, n), ANYTHING_GOES)
    shield, plain = ShieldVector(GridVectorEnv(case, n)), GridVectorEnv(case, n)
    for env in (backup, shield, plain):
        env.reset(options={"day": days})
    held, violated, unshielded = [], [], []
    for action in actions(24, n, case):
        held.append(backup.step(backup.backup_action())[4]["cost"] == 0.0)
        info = shield.step(action)[4]
        np.testing.assert_array_equal(info["shield"]["safe"], info["cost"] == 0.0)
        violated.append(info["cost"] > 0.0)
        unshielded.append(plain.step(action)[4]["cost"] > 0.0)
    held, violated = np.array(held), np.array(violated)
    assert held.mean() > 0.7
    assert np.mean(unshielded) > 0.7
    assert not violated[held].any()
    assert violated.mean() <= (~held).mean()


def test_a_good_policy_keeps_its_return():
    case = vvo_case("ieee123", "coastal", split="test")
    n = 20
    rules = BehaviourConfig(v_shift_spread=0.0, exploration=0.0, battery_rules=(1.0, 0.0, 0.0))
    returns = []
    for shielded in (False, True):
        lanes = GridVectorEnv(case, n)
        env = ShieldVector(lanes) if shielded else lanes
        policy = Behaviour(lanes, rules, np.random.default_rng(0))
        observation, _ = env.reset(options={"day": case.days[:n]})
        total = np.zeros(n)
        for _ in range(24):
            observation, reward, *_ = env.step(policy(observation))
            total += reward
        returns.append(total.mean())
    assert returns[1] >= returns[0] - 0.02 * abs(returns[0])


def test_safe_proposals_are_left_alone_and_the_log_is_true(actions):
    """Where taps reach anywhere in a step, so that none need stay near the backup's."""
    case123, n = vvo_case("ieee123", config=ANYWHERE), 8
    lanes = GridVectorEnv(case123, n)
    env = ShieldVector(lanes)
    env.reset(seed=0)
    interventions = np.zeros(n)
    for k, action in enumerate(actions(20, n, case123), start=1):
        twin = GridVectorEnv(case123, n)
        twin.reset(seed=0)
        twin._snapshot = lanes.snapshot
        proposed_is_safe = twin.step(action)[4]["cost"] == 0.0
        log = env.step(action)[4]["shield"]
        np.testing.assert_array_equal(log["intervened"], ~proposed_is_safe)
        np.testing.assert_array_equal(log["proposed"], action)
        np.testing.assert_array_equal(log["reason"] == Reason.AS_PROPOSED, ~log["intervened"])
        calm = ~log["intervened"]
        np.testing.assert_array_equal(log["executed"][calm], action[calm])
        interventions += log["intervened"]
        np.testing.assert_allclose(log["rate"], interventions / k)
    assert env.intervention_rate == pytest.approx(interventions.sum() / (n * 20))


def test_one_lane_is_the_single_shield(case13, actions, rollout, same):
    moves = actions(24, 4, case13)
    vector = rollout(ShieldVector(GridVectorEnv(case13, 4)), moves, seed=5)
    single = rollout(Shield(GridEnv(case13)), moves[:, 2], seed=5 + 2)
    for one, other in zip(vector, single, strict=True):
        np.testing.assert_array_equal(one[0][2], other[0])
        assert np.broadcast_to(one[1], 4)[2] == other[1]
        log, alone = one[4]["shield"], other[4]["shield"]
        for key in ("intervened", "reason", "safe", "rate"):
            assert log[key][2] == alone[key]
        np.testing.assert_array_equal(log["executed"][2], alone["executed"])


def test_under_make_and_outside_other_wrappers():
    env = gymnasium.make("GridFedRL/IEEE13-VVO-v0")
    shield = gymnasium.wrappers.RecordEpisodeStatistics(Shield(env))
    shield.reset(seed=0)
    shield.action_space.seed(0)
    info, done = {}, False
    while not done:
        _, _, terminated, truncated, info = shield.step(shield.action_space.sample())
        assert info["shield"]["safe"] == (info["cost"] == 0.0)
        done = terminated or truncated
    assert info["episode"]["l"] == 24
    with pytest.raises(TaskError, match="episode is over"):
        shield.step(shield.action_space.sample())


def test_lanes_that_begin_anew_are_logged_once(case13, actions, rollout):
    """Both ways of beginning anew: the same decisions, each in the step it was taken in."""
    moves = actions(27, 3, case13)
    logs = {}
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
        results = rollout(ShieldVector(GridVectorEnv(case13, 3, mode)), moves, seed=2)
        logs[mode] = [result[4] for result in results]
    nexts, sames = logs[AutoresetMode.NEXT_STEP], logs[AutoresetMode.SAME_STEP]
    last = sames[24]["final_info"]["shield"]
    np.testing.assert_array_equal(last["executed"], nexts[24]["shield"]["executed"])
    np.testing.assert_array_equal(last["rate"], nexts[24]["shield"]["rate"])
    assert not sames[24]["shield"]["executed"].any()
    assert not nexts[25]["shield"]["intervened"].any()
    assert not nexts[25]["shield"]["rate"].any()
    assert set(np.unique(nexts[26]["shield"]["rate"])) <= {0.0, 1.0}  # a new episode's first


def test_discrete_actions_stay_choices(case13):
    lanes = GridVectorEnv(case13, 10, action_mode="multidiscrete")
    env = ShieldVector(lanes)
    env.reset(seed=0)
    env.action_space.seed(0)
    safe = []
    for _ in range(20):
        info = env.step(env.action_space.sample())[4]
        assert info["shield"]["executed"] in env.action_space
        np.testing.assert_array_equal(info["shield"]["safe"], info["cost"] == 0.0)
        safe.append(info["shield"]["safe"])
    assert np.mean(safe) > 0.95
    assert env.intervention_rate > 0.2


def test_devices_and_limits_of_every_kind(case13, actions):
    """Inverters and flexible loads, and a limit of the substation: `safe` tells the truth."""
    network = case13.network
    groups = (
        *case13.groups,
        Inverters(network, curtails=True),
        FlexibleLoads(network, network.loads[:4]),
    )
    limits = Limits(import_kw=3500.0, export_kw=0.0, soc=(0.2, 0.9))
    case = replace(case13, groups=groups, costs=channels_of(limits, network, groups))
    assert limits_of(case.costs) == limits
    env = ShieldVector(GridVectorEnv(case, 12))
    env.reset(options={"day": np.arange(0, 360, 30)})
    safe = []
    for action in actions(24, 12, case):
        info = env.step(action)[4]
        np.testing.assert_array_equal(info["shield"]["safe"], info["cost"] == 0.0)
        safe.append(info["shield"]["safe"])
    assert np.mean(safe) > 0.8


def test_a_flow_that_does_not_converge_is_never_safe(stormy, actions):
    env = ShieldVector(GridVectorEnv(stormy, 6))
    env.reset(options={"day": np.arange(6)})
    collapsed = 0
    for action in actions(20, 6, stormy):
        _, _, terminated, _, info = env.step(action)
        assert not (terminated & info["shield"]["safe"]).any()
        collapsed += terminated.sum()
    assert collapsed >= 3


def test_what_was_handed_over_is_forgotten_by_another_action_or_a_reset(case13, actions, same):
    """Somebody steps the environment beneath the shield, or resets it, in between."""
    proposed, other = actions(2, 3, case13)
    for again in (False, True):
        lanes, plain = GridVectorEnv(case13, 3), GridVectorEnv(case13, 3)
        for env in (lanes, plain):
            env.reset(seed=0)
        shield = ShieldVector(lanes, ANYTHING_GOES)
        shield._decide(proposed, lanes.checked(proposed, (3,)))
        if again:
            same(lanes.reset(seed=9), plain.reset(seed=9))
            same(lanes.step(proposed), plain.step(proposed))
        same(lanes.step(other), plain.step(other))
        same(lanes.step(proposed), plain.step(proposed))


# ---- when projecting is of no use -------------------------------------------------


@pytest.fixture
def unprojected(monkeypatch):
    monkeypatch.setattr(guard_module, "AIMS", ())
    monkeypatch.setattr(guard_module.Guard, "_search_neighbours", lambda *_: None)


def test_local_controls_the_last_safe_setting_or_holding_take_over(unprojected, actions):
    case = vvo_case("ieee123", "coastal", split="test")
    env = ShieldVector(GridVectorEnv(case, 40))
    env.reset(options={"day": case.days[:40]})
    reasons, safe = [], []
    for action in actions(24, 40, case):
        info = env.step(action)[4]
        reasons.append(info["shield"]["reason"])
        safe.append(info["shield"]["safe"])
    seen = set(np.unique(reasons).tolist())
    assert {Reason.AS_PROPOSED, Reason.LOCAL_CONTROLS, Reason.LAST_SAFE} <= seen
    assert not seen & {Reason.PROJECTED, Reason.NEIGHBOUR}
    assert np.mean(safe) > 0.95


def backup_of(shield, before):
    """What the backup sets in the step to come, had it had the day to itself."""
    guard = shield._guard
    position = guard._corridor.backup(before, np.arange(len(before.day)))
    reach = guard.levers.reach(before.states, moment_at(guard.case, before.next_row))
    return reach.action(np.clip(position, reach.least, reach.most)).astype(np.float32)


def test_where_nothing_is_safe_the_least_violation_is_executed(unprojected, case13, actions):
    """Limits that nothing can hold: no candidate leaves them by less than what is done."""
    narrow, lanes = VoltageLimits(0.999, 1.001), GridVectorEnv(case13, 5)
    shield = ShieldVector(lanes, Limits(voltage=narrow))
    shield.reset(seed=0)
    for action in actions(6, 5, case13):
        before = lanes.snapshot
        backup = backup_of(shield, before)
        info = shield.step(action)[4]
        assert not info["shield"]["safe"].any()
        done = narrow.excursion_pu(lanes.snapshot.v_pu).sum(axis=1)
        for candidate in (action, backup, Hold(6)(np.zeros((5, 1), dtype=np.float32))):
            twin = GridVectorEnv(case13, 5)
            twin.reset(seed=0)
            twin._snapshot = before
            twin.step(candidate)
            left = narrow.excursion_pu(twin.snapshot.v_pu).sum(axis=1)
            assert (done <= left + 1e-12).all()


# ---- what is foreseen ---------------------------------------------------------------


def test_persistence_is_exact_where_nothing_changes(actions, same):
    """And taps reach anywhere in a step: else exact foresight sees further than one."""
    case13 = vvo_case("ieee13", config=ANYWHERE)
    year = case13.year
    hours = np.full(72, 18)
    constant = year_from_arrays(
        "constant",
        year.load_kw[hours],
        year.load_kvar[hours],
        year.pv_kw[hours],
        year.temperature_c[hours],
        year.sun_pu[hours],
    )
    case = replace(case13, year=constant, days=np.arange(3))
    exact = ShieldVector(GridVectorEnv(case, 4))
    persistent = ShieldVector(GridVectorEnv(case, 4), foresight="persistence")
    same(exact.reset(seed=0), persistent.reset(seed=0))
    for action in actions(20, 4, case):
        same(exact.step(action), persistent.step(action))
    assert exact.intervention_rate > 0.3


def test_persistence_judges_by_the_last_load_and_a_margin_helps(actions):
    case = vvo_case("ieee123", "coastal", split="test")
    violated = []
    for margin_pu in (0.0, 0.01):
        env = ShieldVector(GridVectorEnv(case, 40), margin_pu=margin_pu, foresight="persistence")
        env.reset(options={"day": case.days[:40]})
        violated.append(
            np.mean([env.step(action)[4]["cost"] > 0.0 for action in actions(24, 40, case)])
        )
    assert violated[0] > 0.02  # load changed within the hour
    assert violated[1] < 0.3 * violated[0]


# ---- errors -------------------------------------------------------------------------


def test_errors_name_what_is_wrong(case13):
    lanes = GridVectorEnv(case13, 2)
    with pytest.raises(TaskError, match="foresight is 'clairvoyant'; known: 'exact'"):
        ShieldVector(lanes, foresight="clairvoyant")  # type: ignore[arg-type]
    with pytest.raises(TaskError, match=r"margin_pu is 0\.06; it leaves nothing"):
        ShieldVector(lanes, margin_pu=0.06)
    with pytest.raises(TaskError, match="margin_pu is -1; expected 0 or more"):
        ShieldVector(lanes, margin_pu=-1)
    with pytest.raises(TaskError, match="wraps a GridEnv; this is a CartPoleEnv"):
        Shield(gymnasium.make("CartPole-v1"))
    with pytest.raises(TaskError, match="a wrapper below makes them"):
        Shield(RescaleAction(GridEnv(case13), np.float32(0.0), np.float32(1.0)))
    with pytest.raises(TaskError, match="call reset"):
        ShieldVector(lanes).step(np.zeros((2, 6), dtype=np.float32))


def test_the_shield_measures_what_the_case_does_between_phases_of_a_delta_feeder():
    """On IEEE 37 customers stand between phases, and only where there are loads."""
    case = vvo_case("ieee37", split="test")
    envs = ShieldVector(GridVectorEnv(case, 6))
    envs.reset(seed=0)
    rng, intervened = np.random.default_rng(0), False
    for _ in range(12):
        *_, info = envs.step(rng.uniform(-1.0, 1.0, (6, len(case.action_names))))
        np.testing.assert_array_equal(info["shield"]["safe"], info["cost"] == 0.0)
        intervened |= bool(info["shield"]["intervened"].any())
    assert intervened


def test_levers_move_the_voltage_between_phases_of_a_delta_feeder():
    """A battery's: between phases it moves otherwise than to ground."""
    case = vvo_case("ieee37")
    levers = Levers(case)
    nudged = levers.nudged()
    (battery, *_) = levers.of("der_kw")
    usual, lever = nudged.flow.setpoint.rows(slice(1)), levers.each[battery]
    kw = np.repeat(usual.der_kw, 2, axis=0)
    kw[1, lever.column] += 0.1
    solved = solve(case.network, usual.with_(der_kw=kw), tolerance_pu=1e-12)
    before, after = case.service_pu(solved.v_pu)
    slopes = nudged.slopes(lambda flow: case.service_pu(flow.v_pu))
    predicted = 0.1 * slopes[:, battery] / lever.full
    assert predicted.max() > 1e-6
    np.testing.assert_allclose(after - before, predicted, atol=1e-3 * predicted.max())
