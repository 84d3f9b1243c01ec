"""Lanes are single environments bit for bit, and what Gymnasium asks of both."""

import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from grid_fed_rl.envs.flisr import FLISRConfig, FLISREnv, FLISRVectorEnv, flisr_case
from grid_fed_rl.envs.registration import FLISR_IDS
from grid_fed_rl.errors import TaskError

SMALL = ["GridFedRL/IEEE123-FLISR-v0", "GridFedRL/BaranWu33-FLISR-v0"]
SPACES = {"GridFedRL/IEEE123-FLISR-v0": (68, 23), "GridFedRL/BaranWu33-FLISR-v0": (71, 27)}
CONFIG = FLISRConfig(horizon=14, second_fault=0.5, repair_h=(0.25, 0.75), cold_load_excess=0.5)


def lane_of(info: dict, k: int) -> dict:
    """What a single environment would report for lane k."""
    return {
        key: lane_of(value, k)
        if isinstance(value, dict)
        else (value[k].item() if value.ndim == 1 else value[k])
        for key, value in info.items()
        if not key.startswith("_")
    }


@pytest.fixture(scope="module")
def case():
    return flisr_case("ieee123", config=CONFIG)


def played(envs, n_steps: int, seed: int, legal) -> list:
    """Results of random legal play, and the actions."""
    _, info = envs.reset(seed=seed)
    rng, results = np.random.default_rng(seed), []
    for _ in range(n_steps):
        action = legal(rng, info["action_mask"])
        results.append((action, envs.step(action)))
        info = results[-1][1][-1]
    return results


def test_lane_i_of_seed_s_is_the_single_environment_of_seed_s_plus_i(case, legal, same):
    together = played(FLISRVectorEnv(case, 19), 34, 7, legal)
    for k in (0, 18):
        env = FLISREnv(case)
        env.reset(seed=7 + k)
        over = False
        for step, (action, (observation, reward, terminated, truncated, info)) in enumerate(
            together
        ):
            if over:
                seen, alone = env.reset()
                result = (seen, 0.0, False, False, alone)
            else:
                result = env.step(action[k])
            over = result[2] or result[3]
            wanted = (
                observation[k],
                float(reward[k]),
                bool(terminated[k]),
                bool(truncated[k]),
                lane_of(info, k),
            )
            same(wanted, result, f"lane {k}, step {step}")


def test_same_seed_same_episode_whatever_the_threads(case, legal, same):
    one = played(FLISRVectorEnv(case, 7, threads=1), 20, 3, legal)
    two = played(FLISRVectorEnv(case, 7, threads=2), 20, 3, legal)
    same(one, two)
    other = played(FLISRVectorEnv(case, 7), 20, 4, legal)
    assert (other[0][1][-1]["fault_section"] != one[0][1][-1]["fault_section"]).any()


def test_same_step_autoreset_is_reset_at_once(case, legal, same):
    later = played(FLISRVectorEnv(case, 5), 14, 1, legal)
    at_once = played(FLISRVectorEnv(case, 5, "SameStep"), 14, 1, legal)
    same(later[:13], at_once[:13])
    *_, truncated, info = at_once[13][1]
    assert truncated.all()
    same(np.stack(info["final_obs"]), later[13][1][0])
    same(info["final_info"]["saidi_minutes"], later[13][1][-1]["saidi_minutes"])
    envs = FLISRVectorEnv(case, 5)
    played(envs, 14, 1, legal)
    fresh = envs.step(np.zeros(5, dtype=int))
    same(at_once[13][1][0], fresh[0])


def test_pickled_environment_goes_on_where_it_was(case, legal, same):
    envs = FLISRVectorEnv(case, 3)
    played(envs, 5, 0, legal)
    twin = pickle.loads(pickle.dumps(envs))
    action = np.zeros(3, dtype=int)
    same(twin.step(action), envs.step(action))


def test_every_id_makes_the_feeder_it_names():
    for env_id, feeder in FLISR_IDS.items():
        assert gymnasium.spec(env_id).kwargs == {"feeder": feeder}


@pytest.mark.parametrize("env_id", SMALL)
def test_spaces(env_id):
    n_seen, n_actions = SPACES[env_id]
    env = gymnasium.make(env_id)
    assert env.observation_space == spaces.Box(-1.0, 1.0, (n_seen,), np.float32)
    assert env.action_space == spaces.Discrete(n_actions)
    envs = gymnasium.make_vec(env_id, num_envs=3)
    assert isinstance(envs.unwrapped, FLISRVectorEnv)
    assert len(set(envs.unwrapped.seen.names)) == n_seen


@pytest.mark.parametrize("env_id", SMALL)
def test_masked_play_is_never_rewarded_above_zero(env_id, legal):
    envs = gymnasium.make_vec(env_id, num_envs=200, utility="northern")
    _, info = envs.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        _, reward, *_, info = envs.step(legal(rng, info["action_mask"]))
        assert (reward <= 0.0).all()


def test_mask_is_what_discrete_spaces_sample_by():
    env = gymnasium.make(SMALL[0]).unwrapped
    assert isinstance(env, FLISREnv)
    _, info = env.reset(seed=0)
    for _ in range(20):
        action = int(np.asarray(env.action_space.sample(info["action_mask"])))
        assert env.action_masks()[action]
        *_, info = env.step(action)
        assert info["refused"] == 0


def test_observation_knows_only_what_is_located(case):
    """Two faults behind one breaker look alike until one of them is located."""
    envs = FLISRVectorEnv(case, 2)
    seen, info = envs.reset(seed=[5, 5], options={"section": ["152", "135"], "hour": 100})
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(info["action_mask"][0], info["action_mask"][1])
    opening = case.action_names.index("open sw3")
    seen, *_, info = envs.step([opening, opening])
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(info["action_mask"][0], info["action_mask"][1])
    seen, *_ = envs.step([0, 0])
    assert (seen[0] != seen[1]).any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"step_minutes": 7}, "step_minutes is 7; expected minutes that divide an hour"),
        ({"horizon": 0}, "horizon is 0"),
        ({"location_steps": -1}, "location_steps is -1"),
        ({"repair_h": (3.0, 1.0)}, r"repair_h is \(3.0, 1.0\); expected shortest and longest"),
        ({"second_fault": 1.5}, "second_fault is 1.5; expected a probability"),
        ({"kw_per_customer": 0.0}, "kw_per_customer is 0.0"),
        ({"operation_usd": -1.0}, "operation_usd is -1.0"),
        ({"strict": 1}, "strict is 1; expected True or False"),
    ],
)
def test_config_refuses_what_makes_no_sense(changes, words):
    with pytest.raises(TaskError, match=words):
        FLISRConfig(**changes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"utility": "atlantis"}, "no utility 'atlantis'; known: coastal"),
        ({"split": "monday"}, "no split 'monday'"),
        ({"year_seed": -1}, "year_seed is -1"),
        ({"config": 3}, "config is 3; expected a FLISRConfig"),
        ({"colour": 3}, "no option 'colour'; known: utility"),
        (
            {"config": FLISRConfig(failure_rates=(("999", 1.0),))},
            "failure_rates: no section '999'; known: 149",
        ),
    ],
)
def test_options_that_are_none_are_refused(options, words):
    with pytest.raises(TaskError, match=words):
        gymnasium.make(SMALL[0], **options)
