"""Cost channels: each by hand, against its limit."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.costs import (
    HeadCost,
    LoadingCost,
    OperationsCost,
    RampCost,
    SocCost,
    UnbalanceCost,
    channels_of,
)
from grid_fed_rl.envs.dynamics import advance, rest
from grid_fed_rl.envs.groups import Batteries, Move
from grid_fed_rl.envs.objective import Conservation, Energy
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import compile_network, measures
from grid_fed_rl.safety import Limits


@pytest.fixture(scope="module")
def snapshot(case13) -> Snapshot:
    """Three lanes after a step of some summer evening."""
    start = rest(case13, np.array([200, 201, 202]))
    start = replace(start, next_row=start.row + 18)
    return advance(case13, start, np.zeros((3, len(case13.action_names))))


def test_loading_above_the_limit_adds_up_over_branches(snapshot, case13):
    share = measures.loading(case13.network, snapshot.flow).share
    cost, count = LoadingCost(case13.network, 0.5)(snapshot)
    np.testing.assert_allclose(cost, np.maximum(share - 0.5, 0.0).sum(axis=1))
    np.testing.assert_array_equal(count, (share > 0.5).sum(axis=1))
    assert (count > 0).all()
    np.testing.assert_array_equal(LoadingCost(case13.network, 9.0)(snapshot)[0], 0.0)


def test_a_feeder_without_ratings_has_no_loading_to_limit():
    network = compile_network(load("baran_wu_33"))
    with pytest.raises(TaskError, match="'baran_wu_33' has no rated line or transformer"):
        channels_of(Limits(loading=1.0), network, ())


def test_unbalance_counts_buses_and_a_dead_bus_has_none(snapshot, case13):
    percent = measures.sequence_unbalance_percent(case13.network, snapshot.flow)
    cost, count = UnbalanceCost(case13.network, 0.8)(snapshot)
    np.testing.assert_allclose(cost, np.maximum(percent - 0.8, 0.0).sum(axis=1))
    np.testing.assert_array_equal(count, (percent > 0.8).sum(axis=1))
    assert count.any()
    dead = replace(snapshot.flow, v_pu=np.zeros_like(snapshot.flow.v_pu))
    cost, count = UnbalanceCost(case13.network, 0.0)(replace(snapshot, flow=dead))
    np.testing.assert_array_equal(cost, 0.0)
    np.testing.assert_array_equal(count, 0)


def test_the_substation_may_deliver_and_take_back_so_much(snapshot, case13):
    delivered = measures.source_kw(case13.network, snapshot.flow)
    cost, count = HeadCost(case13.network, import_kw=delivered[0] - 10.0)(snapshot)
    np.testing.assert_allclose(cost, np.maximum(delivered - delivered[0] + 10.0, 0.0))
    assert count[0] == 1
    # What flows back is what is delivered, with its sign turned.
    cost, _ = HeadCost(case13.network, export_kw=-delivered[0] - 25.0)(snapshot)
    assert cost[0] == pytest.approx(25.0)


def test_ramps_are_kilowatts_an_hour(snapshot):
    before, now = np.array([[100.0, 0.0]] * 3), np.array([[160.0, -70.0], [150.0, 0.0], [0.0, 0.0]])
    setpoint = replace(snapshot.setpoint, der_kw=now)
    quarter = replace(snapshot, setpoint=setpoint, der_kw_before=before, step_h=0.25)
    cost, count = RampCost(200.0)(quarter)
    np.testing.assert_allclose(cost, [40.0 + 80.0, 0.0, 200.0])
    np.testing.assert_array_equal(count, [2, 0, 1])


def test_no_der_ramps_right_after_a_reset(case13):
    start = rest(case13, np.array([200]))
    np.testing.assert_array_equal(start.der_kw_before, start.setpoint.der_kw)


def test_operations_beyond_the_days_allowance_count_once(case13, snapshot):
    regulators = case13.groups[0]
    done = np.array([[4, 3, 9], [2, 0, 0], [5, 5, 5]])
    now = np.array([[2, 3, 4], [2, 0, 0], [0, 0, 0]])
    move = replace(Move.nothing(3, 3), operations=now)
    worn = replace(snapshot, operated={"tap_position": done}, moves={"tap_position": move})
    cost, count = OperationsCost((regulators,), 3)(worn)
    np.testing.assert_array_equal(cost, [1 + 0 + 4, 0, 0])
    np.testing.assert_array_equal(count, [2, 0, 0])


def test_operations_add_up_over_an_episode(case13):
    state = rest(case13, np.array([10, 11]))
    total = np.zeros((2, 3), dtype=np.int64)
    rng = np.random.default_rng(0)
    for _ in range(5):
        state = advance(case13, state, rng.uniform(-1, 1, (2, len(case13.action_names))))
        total = total + state.moves["tap_position"].operations
    np.testing.assert_array_equal(state.operated["tap_position"], total)
    assert total.sum() > 10


def test_state_of_charge_outside_a_range(snapshot, case13):
    seen = replace(snapshot, states={"soc": np.array([[0.15], [0.5], [0.95]])})
    cost, count = SocCost(Batteries(case13.network, 0.0), 0.2, 0.9)(seen)
    np.testing.assert_allclose(cost, [0.05, 0.0, 0.05])
    np.testing.assert_array_equal(count, [1, 0, 1])


def test_a_limit_that_is_set_is_a_channel(case13):
    limits = Limits(
        loading=1.0,
        unbalance_percent=3.0,
        export_kw=0.0,
        ramp_kw_per_h=100.0,
        operations_per_day=30,
        soc=(0.2, 0.9),
    )
    names = [one.name for one in channels_of(limits, case13.network, case13.groups)]
    assert names == ["voltage", "thermal", "unbalance", "head", "ramp", "operations", "soc"]
    assert channels_of(Limits(voltage=None), case13.network, ()) == ()
    with pytest.raises(TaskError, match="no group holds batteries"):
        channels_of(limits, case13.network, case13.groups[:1])


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"loading": -0.1}, "loading is -0.1; expected 0 or more"),
        ({"import_kw": float("nan")}, "import_kw is nan; expected 0 or more"),
        ({"soc": (0.9, 0.2)}, r"soc is \(0.9, 0.2\); expected 0 <= least < largest <= 1"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limit, words):
    with pytest.raises(TaskError, match=words):
        Limits(**limit)


def test_energy_is_bought_and_sold_at_the_price_of_the_hour(case13, snapshot):
    n = len(case13.year.load_kw)
    buy, sell = np.full(n, 0.1), np.full(n, 0.04)
    buy[snapshot.row[1]] = 0.3
    term = Energy(case13.network, buy, sell)
    delivered = measures.source_kw(case13.network, snapshot.flow)
    assert (delivered > 0).all()
    np.testing.assert_allclose(term(snapshot), -delivered * [0.1, 0.3, 0.1])
    # A substation that takes back sells: every load turned into a source.
    setpoint = snapshot.setpoint.with_(load_kw=-snapshot.setpoint.load_kw)
    back = replace(snapshot, setpoint=setpoint, flow=replace(snapshot.flow, setpoint=setpoint))
    taken = -measures.source_kw(case13.network, back.flow)
    assert (taken > 0).all()
    np.testing.assert_allclose(term(back), 0.04 * taken)


def test_conservation_is_what_customers_draw(case13, snapshot):
    drawn = measures.load_kw(case13.network, snapshot.flow).sum(axis=1)
    np.testing.assert_allclose(Conservation(case13.network, 0.1)(snapshot), -0.1 * drawn)
