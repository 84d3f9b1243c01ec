"""What happens when episodes end: Gymnasium's own vector environments are the reference."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from grid_fed_rl.envs.dynamics import advance, moment_at, rest
from grid_fed_rl.envs.single import GridEnv
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.powerflow import solve

N_LANES, N_STEPS = 8, 80
DAYS = [0, 1, 2, 3, 0, 1, 2, 3]  # day 1 collapses in its fifth step


def make(case, mode: str) -> GridVectorEnv:
    return GridVectorEnv(case, N_LANES, mode)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_as_gymnasiums_own_vector_environment_of_single_ones(stormy, actions, rollout, same, mode):
    """Observations, rewards, ends and infos with their masks: every bit of four episodes."""
    moves = actions(N_STEPS, N_LANES, stormy)
    single_ones = SyncVectorEnv([lambda: GridEnv(stormy)] * N_LANES, autoreset_mode=mode)
    theirs = rollout(single_ones, moves, seed=3)
    ours = rollout(make(stormy, mode), moves, seed=3)
    same(ours, theirs)
    handed_over = ["final_obs" in result[-1] for result in ours]
    assert any(handed_over) == (mode == "SameStep")


def test_next_step_mode_rewards_nothing_and_ignores_the_action_while_it_resets(
    stormy, actions, rollout
):
    env = make(stormy, "NextStep")
    moves = actions(6, N_LANES, stormy)
    *_, terminated, truncated, _ = rollout(env, moves[:5], days=DAYS)[-1]
    np.testing.assert_array_equal(terminated, [False, True, False, False] * 2)
    assert not truncated.any()
    _, reward, terminated, truncated, info = env.step(moves[5])
    begins = np.array([False, True, False, False] * 2)
    np.testing.assert_array_equal(reward == 0.0, begins)
    np.testing.assert_array_equal(info["loss_kwh"] == 0.0, begins)
    np.testing.assert_array_equal((info["action_executed"] == 0.0).all(axis=1), begins)
    for entry in ("cost", "operations"):
        assert (info[entry][begins] == 0).all()
        assert info["_" + entry].all()
    np.testing.assert_array_equal(env.snapshot.step, [6, 0, 6, 6] * 2)
    assert not terminated.any()
    assert not truncated.any()
    for name, state in env.snapshot.states.items():
        group = next(group for group in stormy.groups if group.state_name == name)
        np.testing.assert_array_equal(
            state[begins], group.rest(moment_at(stormy, env.snapshot.row[begins]))
        )


def test_same_step_mode_hands_over_the_last_observation_and_info(stormy, actions, rollout):
    moves = actions(5, N_LANES, stormy)
    expected = rollout(make(stormy, "NextStep"), moves, seed=0, days=DAYS)[-1]
    env = make(stormy, "SameStep")
    observation, reward, terminated, _, info = rollout(env, moves, seed=0, days=DAYS)[-1]
    over = terminated
    np.testing.assert_array_equal(over, [False, True, False, False] * 2)
    np.testing.assert_array_equal(info["_final_obs"], over)
    np.testing.assert_array_equal(info["_final_info"], over)
    np.testing.assert_array_equal(np.stack(info["final_obs"][over]), expected[0][over])
    assert all(final is None for final in info["final_obs"][~over])
    np.testing.assert_array_equal(observation[~over], expected[0][~over])
    np.testing.assert_array_equal(reward, expected[1])
    np.testing.assert_array_equal(info["final_info"]["_cost"], over)
    np.testing.assert_array_equal(
        info["final_info"]["cost"], np.where(over, expected[4]["cost"], 0.0)
    )
    np.testing.assert_array_equal(
        info["final_info"]["costs"]["voltage"], info["final_info"]["cost"]
    )
    np.testing.assert_array_equal(info["cost"], np.where(over, 0.0, expected[4]["cost"]))
    np.testing.assert_array_equal(env.snapshot.step, [5, 0, 5, 5] * 2)


def test_same_step_mode_leaves_the_clock_of_other_lanes_alone(stormy, actions):
    env = make(stormy, "SameStep")
    env.reset(options={"day": [0, 1, 3, 3, 3, 3, 3, 3]})
    lengths, lasted = [], np.zeros(N_LANES, dtype=int)
    for action in actions(24, N_LANES, stormy):
        _, _, terminated, truncated, _ = env.step(action)
        lasted += 1
        lengths += lasted[truncated].tolist()
        lasted[terminated | truncated] = 0
    assert lengths.count(24) >= 7, "a day lasts 24 steps whatever the other lanes do"


def test_episode_is_truncated_after_24_steps_and_never_terminated_then(case123, actions):
    env = GridVectorEnv(case123, 3)
    env.reset(seed=0)
    for step, action in enumerate(actions(24, 3, case123), start=1):
        _, _, terminated, truncated, _ = env.step(action)
        assert not terminated.any()
        np.testing.assert_array_equal(truncated, [step == 24] * 3)
        np.testing.assert_array_equal(env.ended, truncated)


def test_collapse_terminates_with_every_node_at_0_v_and_is_no_truncation(stormy):
    env = GridEnv(stormy)
    env.reset(options={"day": 1})
    hold = np.zeros(6)
    for _ in range(4):
        _, _, terminated, truncated, info = env.step(hold)
        assert not terminated
        assert info["converged"]
    observation, reward, terminated, truncated, info = env.step(hold)
    assert terminated
    assert not truncated
    assert not info["converged"]
    n_nodes = stormy.network.n_nodes
    assert info["cost"] == pytest.approx(0.95 * n_nodes)
    assert info["violations"]["voltage"] == n_nodes
    assert reward == 0.0  # nothing flows, so nothing is lost; the collapse is a cost
    assert (observation[:n_nodes] == -1.0).all()
    assert np.isfinite(observation).all()


def test_collapse_in_the_hour_of_a_reset_terminates_in_the_first_step(stormy):
    env = GridEnv(stormy)
    _, info = env.reset(options={"day": 4})
    assert not info["converged"]
    assert info["cost"] == 0.0
    assert env.step(np.zeros(6))[2]


def test_collapse_in_the_last_hour_terminates_and_does_not_truncate(stormy):
    env = GridEnv(replace(stormy, horizon=5))
    env.reset(options={"day": 1})
    ends = [env.step(np.zeros(6))[2:4] for _ in range(5)]
    assert ends == [(False, False)] * 4 + [(True, False)]


def test_lane_without_voltages_starts_from_those_without_load(stormy):
    """A lane that collapsed in the hour of its reset may yet be held in the next."""
    collapsed = rest(stormy, np.array([4, 0]))
    np.testing.assert_array_equal(collapsed.flow.converged, [False, True])
    calm_row = 4 * 24 + 1
    before = replace(collapsed, next_row=np.array([calm_row, 0]))
    after = advance(stormy, before, np.zeros((2, 6)))
    assert after.flow.converged.all()
    flat = solve(stormy.network, after.setpoint)
    np.testing.assert_array_equal(after.flow.v_pu[0], flat.v_pu[0])


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_snapshot_that_was_kept_is_not_written_over(stormy, actions, same, mode):
    env = make(stormy, mode)
    env.reset(seed=0, options={"day": DAYS})
    kept = []
    for action in actions(12, N_LANES, stormy):
        env.step(action)
        kept.append((env.snapshot, copy.deepcopy(env.snapshot)))
    for snapshot, was in kept:
        for name in ("v_pu", "step", "row", "loss_kw"):
            same(getattr(snapshot, name), getattr(was, name))
        same(dict(snapshot.states), dict(was.states))


def test_metadata_names_the_mode(case13):
    assert GridVectorEnv(case13).metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert make(case13, "SameStep").metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


def test_episode_after_a_collapse_starts_without_its_voltages(stormy, actions, same):
    moves = actions(8, 1, stormy)
    after = GridVectorEnv(stormy, 1)
    after.reset(seed=0, options={"day": 1})
    for action in moves[:6]:
        after.step(action)
    day = after.snapshot.day
    fresh = GridVectorEnv(stormy, 1)
    fresh.reset(seed=0, options={"day": day})
    for action in moves[6:]:
        same(after.step(action), fresh.step(action))
