"""The corridor: how a shield with exact foresight keeps the backup within reach."""

import numpy as np
import pytest

from grid_fed_rl.envs import guard as guard_module
from grid_fed_rl.envs.corridor import REACH, Corridor
from grid_fed_rl.envs.costs import VoltageCost
from grid_fed_rl.envs.der import der_case
from grid_fed_rl.envs.shield import Reason, ShieldVector
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.powerflow import solve
from tests.envs.shielded import holds, spread

# Feeders and utilities in which a policy that looks one step ahead is caught out.
HARD = [("ieee37", "northern"), ("ieee37", "desert"), ("ieee34", "desert")]


def corridor_of(shield: ShieldVector) -> Corridor:
    corridor = shield._guard._corridor
    assert corridor is not None
    return corridor


def backup_day(case, days):
    """(step, lane) whether the backup alone holds the limits, and its taps, (step, lane, tap)."""
    lanes = GridVectorEnv(case, len(days))
    shield = ShieldVector(lanes)
    lanes.reset(options={"day": days})
    held, taps = [], []
    for _ in range(case.horizon):
        held.append(lanes.step(shield.backup_action())[4]["cost"] == 0.0)
        taps.append(lanes.snapshot.setpoint.tap_position)
    return np.array(held), np.array(taps)


def random_day(case, days, actions):
    """(step, lane) whether a shielded random policy leaves the limits, and the reasons."""
    shield = ShieldVector(GridVectorEnv(case, len(days)))
    shield.reset(options={"day": days})
    infos = [shield.step(action)[4] for action in actions(case.horizon, len(days), case)]
    violated = np.array([info["cost"] > 0.0 for info in infos])
    return violated, np.array([info["shield"]["reason"] for info in infos])


@pytest.mark.parametrize(("feeder", "utility"), HARD)
def test_a_random_policy_never_leaves_limits_that_the_backup_holds(feeder, utility, actions):
    """On every test day, the evenings before which it would have lowered taps among them."""
    case = vvo_case(feeder, utility, split="test")
    held, _ = backup_day(case, case.days)
    violated, _ = random_day(case, case.days, actions)
    assert held.mean() > 0.98
    assert not violated[held].any()


@pytest.mark.parametrize(("feeder", "utility"), [*HARD, ("ieee123", "coastal")])
def test_it_needs_no_projection_for_that(feeder, utility, actions, monkeypatch):
    """With nothing but backups to choose from the limits hold in the same steps."""
    monkeypatch.setattr(guard_module, "AIMS", ())
    monkeypatch.setattr(guard_module.Guard, "_search_neighbours", lambda *_: None)
    case = vvo_case(feeder, utility, split="test")
    held, _ = backup_day(case, case.days)
    violated, reasons = random_day(case, case.days, actions)
    assert (reasons == Reason.LOCAL_CONTROLS).mean() > 0.1
    assert not violated[held].any()


@pytest.mark.parametrize(("feeder", "utility"), [("ieee13", "northern"), ("ieee34", "desert")])
def test_it_holds_the_backup_and_is_in_reach_of_the_next(feeder, utility):
    case = vvo_case(feeder, utility, split="test")
    days = spread(case, 12)
    lanes = GridVectorEnv(case, 12)
    shield = ShieldVector(lanes)
    corridor = corridor_of(shield)
    lanes.reset(options={"day": days})
    corridor.ends(lanes.snapshot, np.arange(12))  # meets the days
    held, taps = backup_day(case, days)
    position = taps.swapaxes(0, 1) / shield._guard.levers.full[corridor.taps]
    least, most = corridor._least[days], corridor._most[days]
    assert ((least[:, :-1] <= position) & (position <= most[:, :-1])).all()
    assert (least[:, :-1] >= least[:, 1:] - REACH).all()
    assert (most[:, :-1] <= most[:, 1:] + REACH).all()
    wide = (most - least)[:, :-1].mean(axis=2)[held.T]
    assert 0.2 < np.median(wide) < 4.0


@pytest.mark.parametrize(
    ("feeder", "utility"), [("ieee13", "coastal"), ("ieee37", "northern"), ("ieee34", "desert")]
)
def test_its_corners_hold_the_limits_by_power_flow(feeder, utility):
    """What slopes say of taps, up or down together, is true; all else as the backup sets it."""
    case = vvo_case(feeder, utility, split="test")
    days = spread(case, 12)
    lanes = GridVectorEnv(case, 12)
    shield = ShieldVector(lanes)
    corridor = corridor_of(shield)
    full = shield._guard.levers.full[corridor.taps]
    (voltage,) = case.costs
    assert isinstance(voltage, VoltageCost)
    nodes = slice(None) if voltage.nodes is None else list(voltage.nodes)
    lanes.reset(options={"day": days})
    corridor.ends(lanes.snapshot, np.arange(12))
    seen = 0
    for step in range(case.horizon):
        held = lanes.step(shield.backup_action())[4]["cost"] == 0.0
        for end in (corridor._least, corridor._most):
            tap = np.clip(np.rint(end[days, step] * full), -16, 16).astype(np.int32)
            flow = solve(case.network, lanes.snapshot.setpoint.with_(tap_position=tap))
            v_pu = case.service_pu(flow.v_pu)[held][:, nodes]
            assert not voltage.limits.excursion_pu(v_pu).any()
            seen += (tap != lanes.snapshot.setpoint.tap_position)[held].any(axis=1).sum()
    assert seen > 200


def test_there_is_none_where_taps_follow_their_own_controls_or_the_next_step_is_not_known():
    case = vvo_case("ieee13")
    assert ShieldVector(GridVectorEnv(case), foresight="forecast")._guard._corridor is None
    assert ShieldVector(GridVectorEnv(der_case("ieee13")))._guard._corridor is None


def test_what_is_proposed_outside_is_brought_inside():
    """Limits that a proposal holds are no reason to let taps go where the next step is lost."""
    case = vvo_case("ieee34", "desert", split="test")
    n = len(case.days)
    lanes = GridVectorEnv(case, n)
    shield = ShieldVector(lanes)
    corridor = corridor_of(shield)
    full = shield._guard.levers.full[corridor.taps]
    shield.reset(options={"day": case.days})
    still, safe_outside = np.zeros((n, len(case.action_names)), dtype=np.float32), 0
    for _ in range(case.horizon):
        least, most = corridor.ends(lanes.snapshot, np.arange(n))
        held = holds(case, lanes.snapshot, still.astype(np.float64))
        inside = within(lanes.snapshot.setpoint.tap_position / full, least, most)
        log = shield.step(still)[4]["shield"]
        np.testing.assert_array_equal(log["intervened"], ~(held & inside))
        assert within(lanes.snapshot.setpoint.tap_position / full, least, most).all()
        safe_outside += (held & ~inside).sum()
    assert safe_outside > 50


def within(position, least, most):
    """(lane,) whether taps are."""
    return ((least - 1e-9 <= position) & (position <= most + 1e-9)).all(axis=1)
