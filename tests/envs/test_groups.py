"""What actions do to devices: literals worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.groups import Batteries, Capacitors, Moment, Move, Regulators
from grid_fed_rl.errors import TaskError

# Two lanes, an hour, nothing in it: these groups look at neither load nor sun.
HOUR = Moment(np.zeros(2, dtype=np.int64), 1.0, *np.zeros((3, 2, 0)))


@pytest.fixture
def regulators(case13) -> Regulators:
    return Regulators(case13.network, most_steps=4, wear_usd_per_step=0.05)


@pytest.fixture
def capacitors(case13) -> Capacitors:
    return Capacitors(case13.network, wear_usd_per_switching=0.5)


@pytest.fixture
def batteries(case13) -> Batteries:
    """One battery: 150 kW, 600 kWh, 0.96 each way, 10 to 100 %."""
    return Batteries(case13.network, wear_usd_per_kwh=0.02)


def test_regulators_move_by_whole_steps_and_stop_at_the_ends(regulators):
    positions = np.array([[0, 14, -16], [0, 0, 0]], dtype=np.int32)
    action = np.array([[1.0, 1.0, -0.5], [0.12, 0.13, -0.6]])
    after, move = regulators.step(positions, action, HOUR)
    np.testing.assert_array_equal(after, [[4, 16, -16], [0, 1, -2]])
    assert after.dtype == np.int32
    np.testing.assert_array_equal(move.executed, [[1.0, 0.5, 0.0], [0.0, 0.25, -0.5]])
    np.testing.assert_array_equal(move.operations, [[4, 2, 0], [0, 1, 2]])
    np.testing.assert_allclose(move.wear_usd, [0.30, 0.15])
    np.testing.assert_array_equal(move.loss_kw, [0.0, 0.0])


def test_move_beyond_what_an_action_can_ask_for_counts_as_a_whole_action(regulators):
    """Local controls move further than four steps."""
    move = regulators.moved(np.array([[0, 0, 2]]), np.array([[9, -5, 2]]))
    np.testing.assert_array_equal(move.executed, [[1.0, -1.0, 0.0]])
    np.testing.assert_array_equal(move.operations, [[9, 5, 0]])


def test_capacitors_close_above_a_third_open_below_minus_a_third_and_hold_between(capacitors):
    states = np.array([[0, 1], [0, 1], [1, 0], [0, 1]])
    third = 1.0 / 3.0
    action = np.array([[0.34, -0.34], [third, -third], [0.0, 0.0], [-1.0, 1.0]])
    after, move = capacitors.step(states, action, HOUR)
    np.testing.assert_array_equal(after, [[1, 0], [0, 1], [1, 0], [0, 1]])
    np.testing.assert_array_equal(move.executed, 2.0 * after - 1.0)
    np.testing.assert_array_equal(move.operations, [[1, 1], [0, 0], [0, 0], [0, 0]])
    np.testing.assert_allclose(move.wear_usd, [1.0, 0.0, 0.0, 0.0])


def test_batteries_lose_on_the_way_in_and_out(batteries):
    after, move = batteries.step(np.full((3, 1), 0.5), np.array([[1.0], [-1.0], [0.0]]), HOUR)
    np.testing.assert_allclose(
        after[:, 0], [0.5 - 150.0 / 0.96 / 600.0, 0.5 + 150.0 * 0.96 / 600.0, 0.5]
    )
    np.testing.assert_array_equal(move.executed[:, 0], [1.0, -1.0, 0.0])
    np.testing.assert_allclose(move.loss_kw, [6.25, 6.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(move.wear_usd, [3.0, 3.0, 0.0])
    np.testing.assert_array_equal(move.operations, np.zeros((3, 1)))


def test_batteries_stop_when_empty_and_when_full(batteries):
    charge = np.array([[0.15], [0.98], [0.1], [1.0]])
    after, move = batteries.step(charge, np.array([[1.0], [-1.0], [1.0], [-1.0]]), HOUR)
    np.testing.assert_allclose(after[:, 0], [0.1, 1.0, 0.1, 1.0])
    # 0.05 x 600 kWh x 0.96 = 28.8 kW out; 0.02 x 600 kWh / 0.96 = 12.5 kW in.
    np.testing.assert_allclose(move.executed[:, 0], [28.8 / 150, -12.5 / 150, 0.0, 0.0])


def test_half_an_hour_moves_half_the_energy(batteries):
    whole, _ = batteries.step(np.full((1, 1), 0.5), np.array([[0.8]]), HOUR)
    half, move = batteries.step(np.full((1, 1), 0.5), np.array([[0.8]]), replace(HOUR, step_h=0.5))
    np.testing.assert_allclose(0.5 - half, (0.5 - whole) / 2.0)
    np.testing.assert_allclose(move.wear_usd, 0.8 * 150 * 0.5 * 0.02)


def test_rest_is_neutral_open_and_half_full(regulators, capacitors, batteries):
    np.testing.assert_array_equal(regulators.rest(HOUR), np.zeros((2, 3)))
    np.testing.assert_array_equal(capacitors.rest(HOUR), np.zeros((2, 2)))
    np.testing.assert_array_equal(batteries.rest(HOUR), np.full((2, 1), 0.5))


def test_states_are_observed_by_their_physical_limits(regulators, capacitors, batteries):
    np.testing.assert_allclose(regulators.observe(np.array([[-16, 4, 16]])), [[-1.0, 0.25, 1.0]])
    np.testing.assert_array_equal(capacitors.observe(np.array([[0, 1]])), [[-1.0, 1.0]])
    np.testing.assert_allclose(batteries.observe(np.array([[0.1]])), [[-0.8]])


def test_batteries_write_behind_the_pv(batteries, case13):
    n_pv = len(case13.network.feeder.pvs)
    arrays = {"der_kw": np.arange(2.0 * (n_pv + 1)).reshape(2, -1)}
    before = arrays["der_kw"].copy()
    state, move = batteries.step(batteries.rest(HOUR), np.array([[0.5], [-0.25]]), HOUR)
    batteries.write(arrays, state, move)
    np.testing.assert_array_equal(arrays["der_kw"][:, :n_pv], before[:, :n_pv])
    np.testing.assert_allclose(arrays["der_kw"][:, n_pv], [75.0, -37.5])


def test_batteries_must_be_able_to_rest(case13):
    message = "soc_at_rest is 0.05; battery 'battery_680' takes 0.1 to 1"
    with pytest.raises(TaskError, match=message):
        Batteries(case13.network, wear_usd_per_kwh=0.02, soc_at_rest=0.05)


def test_nothing_done_costs_nothing():
    move = Move.nothing(2, 3)
    assert move.executed.shape == (2, 3)
    assert not any(array.any() for array in (move.operations, move.wear_usd, move.loss_kw))
