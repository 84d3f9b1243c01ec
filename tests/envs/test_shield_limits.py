"""The shield on every kind of limit: held by projection, each by its own rows or bounds."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.der import der_case
from grid_fed_rl.envs.dynamics import attempt, moment_at, rest, start_of
from grid_fed_rl.envs.ev import EVConfig, ev_case
from grid_fed_rl.envs.groups import EvStations
from grid_fed_rl.envs.levers import Levers
from grid_fed_rl.envs.limited import Limited
from grid_fed_rl.envs.shield import Reason, ShieldVector
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.powerflow import measures
from grid_fed_rl.safety import Limits
from grid_fed_rl.scenarios import year_from_arrays
from tests.envs.shielded import limited, run, spread


@pytest.mark.parametrize(
    "limits",
    [
        Limits(voltage=None, import_kw=2400.0),
        Limits(voltage=None, loading=0.55),
        Limits(voltage=None, import_kw=2600.0, loading=0.6),
    ],
    ids=["import", "loading", "both"],
)
def test_charging_keeps_the_substation_and_ratings_by_charging_slower(limits):
    """Wherever the feeder keeps them without a car: not by pausing all cars, which would do."""
    case = limited(ev_case("ieee13", split="test", config=EVConfig(step_h=1.0)), limits)
    days, plain = spread(case, 12), GridVectorEnv(case, 12)
    before, after, reasons = run(case, days)
    plain.reset(options={"day": days})
    paused = np.full((12, len(case.action_names)), -1.0, dtype=np.float32)
    held = np.array([plain.step(paused)[4]["cost"] == 0.0 for _ in range(24)])
    asked = held & (reasons != Reason.AS_PROPOSED)
    assert asked.sum() > 10
    assert not after[held].any()
    assert (reasons[asked] == Reason.PROJECTED).mean() > 0.9
    assert (before & held).sum() > 10


def test_reverse_power_is_kept_from_the_substation():
    """Much sun, little load: PV is cut and batteries charge, and no more than that."""
    case = limited(der_case("ieee13", utility="desert"), Limits(voltage=None, export_kw=0.0))
    year, noon = case.year, np.arange(24 * 30) // 24 * 24 + 12
    sunny = year_from_arrays(
        "sunny",
        0.5 * year.load_kw[noon],
        0.5 * year.load_kvar[noon],
        year.pv_kw[noon] * 3.0,
        year.temperature_c[noon],
        year.sun_pu[noon],
    )
    case = replace(case, year=sunny, days=np.arange(30))
    before, after, reasons = run(case, np.arange(12))
    assert before.mean() > 0.1
    assert after.sum() == 0
    assert set(np.unique(reasons)) == {Reason.AS_PROPOSED, Reason.PROJECTED}


def test_unbalance_is_projected_by_its_tangents():
    case = limited(vvo_case("ieee13", inverters=True), Limits(voltage=None, unbalance_percent=2.0))
    before, after, reasons = run(case, np.arange(0, 360, 30))
    assert before.mean() > 0.25
    assert after.mean() < 0.02
    assert (reasons == Reason.PROJECTED).mean() > 0.2


def without_sun(case: Case) -> Case:
    """So that nothing but batteries ramps."""
    return replace(case, year=replace(case.year, pv_kw=np.zeros_like(case.year.pv_kw)))


@pytest.mark.parametrize(
    "limits",
    [Limits(voltage=None, soc=(0.3, 0.7)), Limits(voltage=None, operations_per_day=5)],
    ids=["soc", "operations"],
)
def test_charge_and_operations_are_a_levers_own_and_never_left(limits):
    case = limited(vvo_case("ieee13"), limits)
    before, after, reasons = run(case, np.arange(0, 360, 30))
    assert before.mean() > 0.2
    assert after.sum() == 0
    assert set(np.unique(reasons)) == {Reason.AS_PROPOSED, Reason.PROJECTED}


def test_ramps_are_left_by_batteries_that_run_empty_or_full_only():
    limits = Limits(voltage=None, ramp_kw_per_h=60.0)
    case, rng = limited(without_sun(vvo_case("ieee13")), limits), np.random.default_rng(0)
    lanes, left = GridVectorEnv(case, 12), 0
    shield = ShieldVector(lanes)
    shield.reset(options={"day": np.arange(0, 360, 30)})
    for _ in range(24):
        info = shield.step(rng.uniform(-1.0, 1.0, (12, len(case.action_names))))[4]
        soc = lanes.snapshot.states["soc"][info["cost"] > 0.0]
        assert (np.isclose(soc, 0.1) | np.isclose(soc, 1.0)).all()
        left += len(soc)
    assert shield.intervention_rate > 0.4
    assert left < 0.05 * 24 * 12


def test_tangents_foresee_what_power_flows_say():
    """A station that draws some more, by itself: loading moves as its row does."""
    case = ev_case("ieee13", config=EVConfig(step_h=1.0))
    levers, limits = Levers(case), Limits(voltage=None, loading=1.0)
    seen = Limited(case, limits, (0.0, 0.0), levers, None)
    hours = np.array([12, 24 * 200 + 18])
    before, moment = rest(case, hours // 24), moment_at(case, hours)
    start = start_of(case, before)
    still = np.full((2, len(levers.each)), -0.6)
    base = attempt(case, before.states, start, moment, still).flow
    share, rows = measures.loading(case.network, base).share, seen.rows(base)
    moved = 0
    for k, lever in enumerate(levers.each):
        action = still.copy()
        action[:, k] = -0.3
        made = attempt(case, before.states, start, moment, action).flow
        x = levers.position(made.setpoint) - levers.position(base.setpoint)
        rise = 100.0 * (measures.loading(case.network, made).share - share).max(axis=1)
        said = np.einsum("lrj,lj->lr", rows.own, x).max(axis=1)
        some = rise > 0.1
        np.testing.assert_allclose(said[some], rise[some], rtol=0.1, err_msg=str(lever))
        moved += some.sum()
    assert moved >= 4


# ---- backups -----------------------------------------------------------------------


def test_the_backup_pauses_cars_and_lets_nothing_flow_back():
    charging = GridVectorEnv(ev_case("ieee13", split="test"), 2)
    backup = ShieldVector(charging)
    charging.reset(options={"day": spread(charging.case, 2)})
    (group,) = charging.case.groups
    assert isinstance(group, EvStations)
    for _ in range(40):
        charging.step(backup.backup_action())
        assert not group.drawn_kw(charging.snapshot.states[group.state_name]).any()
    sunny = GridVectorEnv(der_case("ieee13", utility="desert", split="stress-high-pv"), 6)
    backup = ShieldVector(sunny)
    idle, cut = sunny.case, 0
    sunny.reset(options={"day": spread(idle, 6)})
    for _ in range(24):
        offered = moment_at(idle, sunny.snapshot.next_row).pv_kw.sum(axis=1)
        sunny.step(backup.backup_action())
        snapshot = sunny.snapshot
        assert (measures.source_kw(idle.network, snapshot.flow) >= 0.0).all()
        given = snapshot.setpoint.der_kw[:, : idle.year.pv_kw.shape[1]].sum(axis=1)
        cut += (given < 0.99 * offered).sum()
    assert cut > 5
