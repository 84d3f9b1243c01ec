"""Taps and capacitors: whole steps, hard ends, counted operations."""

from collections.abc import Callable

import numpy as np
import pytest

from grid_fed_rl.devices import TAP_LIMIT, move_taps, switch_capacitors, tap_ratio
from grid_fed_rl.errors import ActionError


def test_the_32_steps_span_90_to_110_percent():
    positions = np.arange(-TAP_LIMIT, TAP_LIMIT + 1)
    assert len(positions) == 33
    ratio = tap_ratio(positions)
    assert ratio[0] == 0.9
    assert ratio[16] == 1.0
    assert ratio[-1] == 1.1
    np.testing.assert_allclose(np.diff(ratio), 0.00625)


def test_taps_stop_at_their_ends_and_count_the_steps_moved():
    position = np.array([[0, 15, -16], [3, -3, 16]], dtype=np.int8)
    change = np.array([[2, 5, -1], [0, -4, -32]])
    moved, operations = move_taps(position, change)
    np.testing.assert_array_equal(moved, [[2, 16, -16], [3, -7, -16]])
    np.testing.assert_array_equal(operations, [[2, 1, 0], [0, 4, 32]])
    assert moved.dtype == np.int8


def test_each_tap_may_have_its_own_ends():
    moved, operations = move_taps(
        np.zeros((1, 2), dtype=np.int64), np.full((1, 2), 9), np.array([-4, -8]), np.array([4, 8])
    )
    np.testing.assert_array_equal(moved, [[4, 8]])
    np.testing.assert_array_equal(operations, [[4, 8]])


def test_a_move_and_its_opposite_come_back_unless_an_end_was_met():
    rng = np.random.default_rng(0)
    position = rng.integers(-8, 9, size=(100, 5))
    change = rng.integers(-8, 9, size=(100, 5))
    there, out = move_taps(position, change)
    back, home = move_taps(there, -change)
    np.testing.assert_array_equal(back, position)
    np.testing.assert_array_equal(out, home)


def test_capacitor_steps_are_cut_and_counted():
    state = np.array([[0, 1, 1, 0]], dtype=np.uint8)
    switched, operations = switch_capacitors(state, np.array([[1, 1, 0, 7]]))
    np.testing.assert_array_equal(switched, [[1, 1, 0, 1]])
    np.testing.assert_array_equal(operations, [[1, 0, 1, 1]])


def test_a_bank_with_steps_counts_each():
    switched, operations = switch_capacitors(
        np.array([[0, 3]]), np.array([[9, -1]]), n_steps=np.array([4, 3])
    )
    np.testing.assert_array_equal(switched, [[4, 0]])
    np.testing.assert_array_equal(operations, [[4, 3]])


def test_the_same_command_twice_switches_once():
    state = np.zeros((4, 3), dtype=np.int64)
    command = np.random.default_rng(0).integers(0, 2, size=(4, 3))
    once, _ = switch_capacitors(state, command)
    again, operations = switch_capacitors(once, command)
    np.testing.assert_array_equal(once, again)
    assert not operations.any()


@pytest.mark.parametrize("step", [move_taps, switch_capacitors])
def test_a_fractional_command_is_refused(step: Callable[..., object]):
    with pytest.raises(ActionError, match="has dtype float64: must be integer"):
        step(np.zeros((1, 1), dtype=np.int64), np.array([[0.5]]))
