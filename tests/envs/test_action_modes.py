"""Actions as choices, and what they are beside numbers."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from grid_fed_rl.envs.action import Choices, actions_of
from grid_fed_rl.envs.single import GridEnv
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import ActionError, TaskError

CHOICES = [9, 9, 9, 2, 2, 11]  # IEEE 13: taps of -4 to 4 steps, banks, fifths of a battery


def test_choices_are_evenly_spaced_from_minus_one_to_one():
    some = Choices(("a", "b"), (5, 2))
    given = np.array([[0, 0], [1, 1], [2, 0], [4, 1]])
    expected = [[-1.0, -1.0], [-0.5, 1.0], [0.0, -1.0], [1.0, 1.0]]
    np.testing.assert_array_equal(some.numbers(given, (4, 2)), expected)


def test_a_choice_is_the_number_it_stands_for(case13, same):
    """Bit for bit, single and vector; every number of tap steps is a choice."""
    rng = np.random.default_rng(1)
    choices = rng.integers(0, CHOICES, (6, 3, 6))
    numbers = 2.0 * choices / (np.array(CHOICES) - 1) - 1.0
    discrete = GridVectorEnv(case13, 3, action_mode="multidiscrete")
    continuous = GridVectorEnv(case13, 3)
    same(discrete.reset(seed=5), continuous.reset(seed=5))
    single = GridEnv(case13, "multidiscrete")
    single.reset(seed=6)  # lane 1
    for chosen, number in zip(choices, numbers, strict=True):
        result = discrete.step(chosen)
        same(result, continuous.step(number))
        observation, reward, *_ = single.step(chosen[1])
        np.testing.assert_array_equal(observation, result[0][1])
        assert reward == result[1][1]
        steps = result[4]["action_executed"][:, :3] * 4
        np.testing.assert_array_equal(steps, np.rint(steps))


def test_spaces_are_gymnasiums(case13):
    env = GridEnv(case13, "multidiscrete")
    assert env.action_space == gymnasium.spaces.MultiDiscrete(CHOICES)
    check_env(env, skip_render_check=True)
    lanes = gymnasium.make_vec("GridFedRL/IEEE13-VVO-v0", num_envs=2, action_mode="multidiscrete")
    lanes.reset(seed=0)
    lanes.step(lanes.action_space.sample())
    made = gymnasium.make("GridFedRL/IEEE13-VVO-v0", action_mode="multidiscrete")
    assert made.action_space == env.action_space


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (
            [[0, 0, 0, 2, 0, 0]],
            r"lane 0 for 'cap1' is 2.0; expected a whole number from 0 to 1",
        ),
        (
            [[0, -1, 0, 0, 0, 0]],
            r"lane 0 for 'reg2' is -1.0; expected a whole number from 0 to 8",
        ),
        ([[0.0, 1.5, 0.0, 0.0, 0.0, 0.0]], r"'reg2' is 1.5; expected a whole number"),
        ([[0, 0, 0]], r"has shape \(1, 3\); expected \(1, 6\)"),
    ],
)
def test_what_is_no_choice_is_refused(case13, action, words):
    env = GridVectorEnv(case13, 1, action_mode="multidiscrete")
    env.reset(seed=0)
    with pytest.raises(ActionError, match=words):
        env.step(np.array(action))


def test_there_are_two_modes():
    with pytest.raises(TaskError, match=r"action_mode is 'discrete'; known: 'continuous'"):
        actions_of("discrete", ("a",), (2,))  # type: ignore[arg-type]
