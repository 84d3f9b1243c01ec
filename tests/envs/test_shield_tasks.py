"""The shield on every task: what it keeps, what it takes, and what it has to know."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from grid_fed_rl import ENV_IDS
from grid_fed_rl.envs.baselines import Behaviour, BehaviourConfig
from grid_fed_rl.envs.der import der_case
from grid_fed_rl.envs.ev import EVConfig, ev_case
from grid_fed_rl.envs.shield import ShieldVector
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import VVOConfig, vvo_case
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import measures
from grid_fed_rl.safety import Limits
from grid_fed_rl.scenarios import year_from_arrays
from tests.envs.shielded import holds, run, spread

# A day of DER or EV on 8,531 nodes takes as long as all else: those are the benchmark's.
QUICK = [env_id for env_id in ENV_IDS if "8500" not in env_id or "VVO" in env_id]
GOOD = BehaviourConfig(v_shift_spread=0.0, exploration=0.0, battery_rules=(1.0, 0.0, 0.0))


@pytest.mark.parametrize("env_id", QUICK)
def test_a_random_policy_holds_the_limits_of_every_task_wherever_the_backup_does(env_id):
    """On test days of the id's own utility; the target is one step in a thousand."""
    n = 1 if "8500" in env_id else {"VVO": 12, "DER": 8, "EV": 2}[ENV_IDS[env_id][0]]
    plain, inner = (
        gymnasium.make_vec(env_id, num_envs=n, split="test").unwrapped for _ in range(2)
    )
    assert isinstance(inner, GridVectorEnv)
    backup, shield, rng = ShieldVector(plain), ShieldVector(inner), np.random.default_rng(0)
    days = spread(inner.case, n)
    for env in (plain, shield):
        env.reset(options={"day": days})
    held, violated = [], []
    for _ in range(inner.case.horizon):
        held.append(plain.step(backup.backup_action())[4]["cost"] == 0.0)
        action = rng.uniform(-1.0, 1.0, (n, len(inner.case.action_names)))
        info = shield.step(action.astype(np.float32))[4]
        np.testing.assert_array_equal(info["shield"]["safe"], info["cost"] == 0.0)
        violated.append(info["cost"] > 0.0)
    held, violated = np.array(held), np.array(violated)
    assert held.mean() > 0.6
    assert violated[held].mean() < 1e-3
    assert violated.mean() <= (~held).mean()


# ---- what it takes -------------------------------------------------------------------


def of_operators(feeder: str, utility: str):
    """Shielded steps of operators' rules on test days, where a battery was moved and limits held.

    Yields the case, the lanes before the step, and the actions carried out.
    """
    case = vvo_case(feeder, utility=utility, split="test")
    n_stores = len(case.network.feeder.storages)
    lanes = GridVectorEnv(case, len(case.days))
    shield, rules = ShieldVector(lanes), Behaviour(lanes, GOOD, np.random.default_rng(0))
    observation, _ = shield.reset(options={"day": case.days})
    for _ in range(24):
        before = lanes.snapshot
        observation, *_, info = shield.step(rules(observation))
        done = info["action_executed"].astype(np.float64)
        moved = np.abs(done[:, -n_stores:]).max(axis=1) > 0.02
        at = np.flatnonzero(moved & (info["cost"] == 0.0))
        if len(at):
            yield case, before.lanes(at), done[at]


def test_batteries_are_moved_only_where_no_taps_hold_the_limits_and_no_more_than_twice_enough():
    steps = np.linspace(-1.0, 1.0, 9)
    taps = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    idle, spent = np.concatenate([taps, np.zeros((len(taps), 2))], axis=1), 0
    for case, before, done in of_operators("ieee37", "northern"):
        half = done * np.array([1.0, 1.0, 0.5, 0.5])
        assert not holds(case, before, half).any()
        for lane in range(len(done)):
            one = before.lanes(np.repeat(lane, len(idle)))
            assert not holds(case, one, idle).any()
            spent += 1
    assert 3 < spent < 40


def test_a_battery_seldom_moves_where_taps_and_banks_do():
    """Of some four hundred interventions; where both are projected together it moves in 32."""
    moved = (of_operators("ieee13", utility) for utility in ("prairie", "northern"))
    assert sum(len(done) for steps in moved for *_, done in steps) < 25


# ---- foresight and margins -----------------------------------------------------------


def test_a_forecast_of_totals_is_exact_where_shares_stay():
    """All loads rise and fall together, and so does the sun: the shield foresees the step.

    Taps reach anywhere in one: else exact foresight sees further.
    """
    case = vvo_case("ieee13", inverters=True, config=VVOConfig(most_tap_steps=32))
    year, hours = case.year, np.arange(24 * 40)
    day = 1.0 + 0.3 * np.sin(hours / 24.0 * 2.0 * np.pi)[:, None]
    alike = year_from_arrays(
        "alike",
        year.load_kw[18] * day,
        year.load_kvar[18] * day,
        year.pv_kw[12] * np.maximum(day - 1.0, 0.0),
        year.temperature_c[hours],
        year.sun_pu[hours],
    )
    case = replace(case, year=alike, days=np.arange(40))
    exact = run(case, np.arange(10))
    forecast = run(case, np.arange(10), foresight="forecast")
    assert exact[0].mean() > 0.5
    np.testing.assert_array_equal(forecast[2] == 0, exact[2] == 0)
    assert forecast[1].mean() <= exact[1].mean() + 0.01


def test_a_forecast_with_margins_keeps_limits_that_persistence_does_not():
    case = der_case("ieee13", split="test")
    days, violated = spread(case, 12), {}
    for foresight, margin in (("persistence", 0.0), ("forecast", 0.0), ("forecast", 0.01)):
        _, after, _ = run(
            case, days, foresight=foresight, margin_pu=0.2 * margin, margin_share=margin
        )
        violated[foresight, margin] = after.mean()
    assert violated["forecast", 0.0] < 0.8 * violated["persistence", 0.0]
    assert violated["forecast", 0.01] < 0.7 * violated["forecast", 0.0]


def test_margins_are_kept_from_the_substation_and_from_ratings():
    case = ev_case("ieee13", split="test", config=EVConfig(step_h=1.0))
    nominal_kw = sum(one.kw for one in case.network.feeder.loads.values())
    limits = Limits(voltage=None, import_kw=2600.0, loading=0.6)
    lanes = GridVectorEnv(case, 12)
    shield = ShieldVector(lanes, limits, margin_share=0.05)
    shield.reset(options={"day": spread(case, 12)})
    rng, seen = np.random.default_rng(0), 0
    for _ in range(24):
        action = rng.uniform(-1.0, 1.0, (12, len(case.action_names))).astype(np.float32)
        safe = shield.step(action)[4]["shield"]["safe"]
        flow = lanes.snapshot.flow
        kw = measures.source_kw(case.network, flow)
        share = measures.loading(case.network, flow).share.max(axis=1)
        held = (kw <= 2600.0 - 0.05 * nominal_kw) & (share <= 0.55)
        np.testing.assert_array_equal(safe, held)
        seen += safe.sum()
    assert 20 < seen < 12 * 24
    with pytest.raises(TaskError, match="margin_share is -1; expected 0 or more"):
        ShieldVector(GridVectorEnv(case, 1), margin_share=-1)
