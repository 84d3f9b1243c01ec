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


def run_single(case, seed: int, actions, days=None):
    """Every result of one environment, reset at the end of each episode."""
    env = GridEnv(case)
    results = [env.reset(seed=seed, options=None if days is None else {"day": days})]
    over = False
    for action in actions:
        if over:
            observation, info = env.reset()
            results.append((observation, 0.0, False, False, info))
            over = False
        else:
            results.append(env.step(action))
            over = results[-1][2] or results[-1][3]
    return results


def run_vector(case, seed, actions, days=None, **options):
    env = GridVectorEnv(case, actions.shape[1], **options)
    results = [env.reset(seed=seed, options=None if days is None else {"day": days})]
    results += [env.step(action) for action in actions]
    return results


def lane(result, k: int):
    *arrays, info = result
    observation, *flags = arrays
    return (observation[k], *(flag[k].item() for flag in flags), lane_of(info, k))


@pytest.mark.parametrize("observe", ["nodes", "zones"])
@pytest.mark.parametrize(("feeder", "n_lanes"), [("ieee13", 3), ("ieee123", 33)])
def test_lane_i_of_seed_s_is_the_single_environment_of_seed_s_plus_i(
    feeder, n_lanes, observe, actions, same
):
    case = vvo_case(feeder, observe=observe)
    moves = actions(53, n_lanes, case)  # two episodes, two resets and some
    together = run_vector(case, 7, moves)
    for k in (0, n_lanes - 1):
        alone = run_single(case, 7 + k, moves[:, k])
        for step, result in enumerate(alone):
            same(lane(together[step], k), result, f"lane {k}, step {step}")


def test_lane_is_the_single_environment_also_where_episodes_end_early(stormy, actions, same):
    moves = actions(60, 8, stormy, seed=1)
    together = run_vector(stormy, 3, moves)
    ends = np.array([result[2] | result[3] for result in together[1:]])
    assert (ends.any(axis=1) & ~ends.all(axis=1)).any(), "lanes fall out of step"
    for k in range(8):
        for step, result in enumerate(run_single(stormy, 3 + k, moves[:, k])):
            same(lane(together[step], k), result, f"lane {k}, step {step}")


@pytest.mark.parametrize("autoreset_mode", ["NextStep", "SameStep"])
def test_lane_does_not_feel_what_other_lanes_do(stormy, actions, same, autoreset_mode):
    moves = actions(60, 4, stormy)
    others = actions(60, 4, stormy, seed=9)
    others[:, 1] = moves[:, 1]
    quiet = run_vector(stormy, [0, 5, 0, 0], moves, autoreset_mode=autoreset_mode)
    busy = run_vector(stormy, [8, 5, 6, 7], others, autoreset_mode=autoreset_mode)
    ends = [np.array([result[2] | result[3] for result in run[1:]]) for run in (quiet, busy)]
    assert (ends[0][:, 2] != ends[1][:, 2]).any(), "the other lanes end at other times"
    for one, other in zip(quiet, busy, strict=True):
        for result in (one, other):
            for key in ("final_obs", "final_info"):
                result[-1].pop(key, None)
        same(lane(one, 1), lane(other, 1))


def test_permuted_days_permute_the_results(case123, actions, same):
    days = np.array([3, 77, 200, 364, 15])
    order = np.array([4, 2, 0, 1, 3])
    moves = actions(24, 5, case123)
    straight = run_vector(case123, 0, moves, days)
    turned = run_vector(case123, 0, moves[:, order], days[order])
    for one, other in zip(straight, turned, strict=True):
        for new, old in enumerate(order):
            same(lane(one, int(old)), lane(other, new))


def test_threads_change_no_bit(case123, actions, same):
    moves = actions(4, 70, case123)
    same(run_vector(case123, 0, moves, threads=1), run_vector(case123, 0, moves, threads=2))


def test_same_seed_same_episodes_and_another_seed_others(case13, actions, same):
    moves = actions(50, 2, case13)
    same(run_vector(case13, 4, moves), run_vector(case13, 4, moves))
    days = {run_vector(case13, seed, moves[:0])[0][1]["day"][0] for seed in range(20)}
    assert len(days) > 15


def test_seed_none_goes_on_with_the_streams(case13):
    env = GridVectorEnv(case13, 4)
    first = env.reset(seed=2)[1]["day"]
    second = env.reset()[1]["day"]
    assert (first != second).any()
    again = [env.reset(seed=2)[1]["day"], env.reset()[1]["day"]]
    np.testing.assert_array_equal(again, [first, second])


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
