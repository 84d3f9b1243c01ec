"""The vector environment is many single ones: bit for bit, whatever the other lanes do."""

import numpy as np
import pytest

from grid_fed_rl.envs.single import GridEnv
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.vvo import vvo_case


def lane_of(info: dict, k: int) -> dict:
    """What a single environment would report for lane k."""
    return {
        key: lane_of(value, k)
        if isinstance(value, dict)
        else (value[k].item() if value.ndim == 1 else value[k])
        for key, value in info.items()
        if not key.startswith("_")
    }


def lane(result, k: int):
    """What lane k of a vector environment saw, as a single environment reports it."""
    observation, *flags, info = result
    return (
        observation[k],
        *(flag[k].item() if np.ndim(flag) else flag for flag in flags),
        lane_of(info, k),
    )


def ends(results) -> np.ndarray:
    """(step, lane) whether an episode ended."""
    return np.array([result[2] | result[3] for result in results[1:]])


@pytest.mark.parametrize("observe", ["nodes", "zones"])
@pytest.mark.parametrize(("feeder", "n_lanes"), [("ieee13", 3), ("ieee123", 33)])
def test_lane_i_of_seed_s_is_the_single_environment_of_seed_s_plus_i(
    feeder, n_lanes, observe, actions, rollout, same
):
    case = vvo_case(feeder, observe=observe)
    moves = actions(53, n_lanes, case)  # two episodes, two resets and some
    together = rollout(GridVectorEnv(case, n_lanes), moves, seed=7)
    for k in (0, n_lanes - 1):
        alone = rollout(GridEnv(case), moves[:, k], seed=7 + k)
        for step, result in enumerate(alone):
            same(lane(together[step], k), result, f"lane {k}, step {step}")


def test_lane_is_the_single_environment_also_where_episodes_end_early(
    stormy, actions, rollout, same
):
    moves = actions(60, 8, stormy, seed=1)
    together = rollout(GridVectorEnv(stormy, 8), moves, seed=3)
    over = ends(together)
    assert (over.any(axis=1) & ~over.all(axis=1)).any(), "lanes fall out of step"
    for k in range(8):
        alone = rollout(GridEnv(stormy), moves[:, k], seed=3 + k)
        for step, result in enumerate(alone):
            same(lane(together[step], k), result, f"lane {k}, step {step}")


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_lane_does_not_feel_what_other_lanes_do(stormy, actions, rollout, same, mode):
    moves = actions(60, 4, stormy)
    others = actions(60, 4, stormy, seed=9)
    others[:, 1] = moves[:, 1]
    quiet = rollout(GridVectorEnv(stormy, 4, mode), moves, seed=[0, 5, 0, 0])
    busy = rollout(GridVectorEnv(stormy, 4, mode), others, seed=[8, 5, 6, 7])
    assert (ends(quiet)[:, 2] != ends(busy)[:, 2]).any(), "the other lanes end at other times"
    for one, other in zip(quiet, busy, strict=True):
        for result in (one, other):
            for key in ("final_obs", "final_info"):
                result[-1].pop(key, None)
        same(lane(one, 1), lane(other, 1))


def test_permuted_days_permute_the_results(case123, actions, rollout, same):
    days = np.array([3, 77, 200, 364, 15])
    order = np.array([4, 2, 0, 1, 3])
    moves = actions(24, 5, case123)
    straight = rollout(GridVectorEnv(case123, 5), moves, days=days)
    turned = rollout(GridVectorEnv(case123, 5), moves[:, order], days=days[order])
    for one, other in zip(straight, turned, strict=True):
        for new, old in enumerate(order):
            same(lane(one, int(old)), lane(other, new))


def test_threads_change_no_bit(case123, actions, rollout, same):
    moves = actions(4, 70, case123)
    one, two = (GridVectorEnv(case123, 70, threads=threads) for threads in (1, 2))
    same(rollout(one, moves, seed=0), rollout(two, moves, seed=0))


def test_same_seed_same_episodes_and_another_seed_others(case13, actions, rollout, same):
    moves = actions(50, 2, case13)
    one, other = GridVectorEnv(case13, 2), GridVectorEnv(case13, 2)
    same(rollout(one, moves, seed=4), rollout(other, moves, seed=4))
    days = {one.reset(seed=seed)[1]["day"][0] for seed in range(20)}
    assert len(days) > 15


def test_seed_none_goes_on_with_the_streams(case13):
    env = GridVectorEnv(case13, 4)
    first = env.reset(seed=2)[1]["day"]
    second = env.reset()[1]["day"]
    assert (first != second).any()
    again = [env.reset(seed=2)[1]["day"], env.reset()[1]["day"]]
    np.testing.assert_array_equal(again, [first, second])


def test_seed_reaches_gymnasiums_own_generator(case13):
    env = GridVectorEnv(case13, 2)
    env.reset(seed=6)
    assert env.np_random_seed == 6
    drawn = env.np_random.random()
    env.reset(seed=6)
    assert env.np_random.random() == drawn


def test_list_of_seeds_gives_each_lane_its_own_and_none_leaves_a_lane_alone(case13):
    env = GridVectorEnv(case13, 3)
    env.reset(seed=[10, 20, 30])
    second = env.reset()[1]["day"]
    env.reset(seed=[10, 20, 30])
    days = env.reset(seed=[10, None, 40])[1]["day"]
    assert days[0] == GridVectorEnv(case13, 1).reset(seed=10)[1]["day"][0]
    assert days[1] == second[1]
    assert days[2] == GridVectorEnv(case13, 1).reset(seed=40)[1]["day"][0]


def test_unseeded_environments_differ(case13):
    days = [GridVectorEnv(case13, 8).reset()[1]["day"].tolist() for _ in range(2)]
    assert days[0] != days[1]


def test_chosen_days_leave_the_streams_alone(case13):
    env = GridVectorEnv(case13, 4)
    env.reset(seed=1)
    drawn = env.reset()[1]["day"]
    env.reset(seed=1)
    chosen = env.reset(options={"day": [1, 2, 3, 4]})[1]["day"]
    np.testing.assert_array_equal(chosen, [1, 2, 3, 4])
    np.testing.assert_array_equal(env.reset()[1]["day"], drawn)


def test_drawn_days_are_of_the_split():
    case = vvo_case("ieee13", split="validation")
    days = GridVectorEnv(case, 300).reset(seed=0)[1]["day"]
    assert set(days) <= set(case.days)
    assert len(set(days)) > 40
