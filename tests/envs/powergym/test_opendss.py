"""Step by step as the benchmark itself: OpenDSS driven through its sequence of calls.

OpenDSS is held to 1e-10 here, since it stops at 1e-4 by default and a sum over buses
adds up what is left; the page on environments says how far that is.
"""

import warnings
from typing import NamedTuple

import gymnasium
import numpy as np
import pytest
from powergym_opendss import OpenDSSPowerGym

from grid_fed_rl.envs.powergym import PowerGymEnv, powergym_task

NAMES = ("13Bus", "34Bus", "123Bus", "13Bus_soc", "34Bus_soc", "123Bus_soc")
BOUND = 1e-6  # of observation, reward and terms; observations are float32
DEVICES = {"13Bus": (2, 3, 1), "34Bus": (2, 6, 2), "123Bus": (4, 7, 4)}
NODES = {"13Bus": 41, "34Bus": 95, "123Bus": 278}


class Gap(NamedTuple):
    """Largest differences of an episode."""

    observation: float
    reward: float
    terms: float


def gap_of(env: PowerGymEnv, reference: OpenDSSPowerGym, profile: int, actions) -> Gap:
    observation, _ = env.reset(options={"profile": profile})
    largest = [np.abs(observation - reference.reset(profile)).max(), 0.0, 0.0]
    for k, action in enumerate(actions, start=1):
        observation, reward, terminated, truncated, info = env.step(action)
        expected = reference.step(action)
        assert (terminated, truncated) == (False, expected.done) == (False, k == 24)
        assert info["reward_terms"].keys() == expected.terms.keys()
        assert info["vol_reward"] == info["reward_terms"]["vol_reward"]
        assert info["ctrl_reward"] == info["reward_terms"]["ctrl_reward"]
        found = (
            np.abs(observation - expected.observation).max(),
            abs(reward - expected.reward),
            max(abs(info["reward_terms"][key] - term) for key, term in expected.terms.items()),
        )
        largest = [max(pair) for pair in zip(largest, found, strict=True)]
    return Gap(*largest)


def episodes(env: PowerGymEnv, reference: OpenDSSPowerGym, profiles, seed: int) -> Gap:
    rng = np.random.default_rng(seed)
    gaps = [
        gap_of(
            env,
            reference,
            int(profile),
            rng.integers(reference.choices, size=(24, len(reference.choices))),
        )
        for profile in profiles
    ]
    return Gap(*np.max(gaps, axis=0))


@pytest.mark.parametrize("name", NAMES)
def test_whole_episodes_of_random_actions_are_the_benchmarks(name, data, tmp_path):
    env = gymnasium.make(f"GridFedRL/PowerGym-{name}-v0", data=data).unwrapped
    assert isinstance(env, PowerGymEnv)
    reference = OpenDSSPowerGym(data, name, tmp_path, 1e-10, exact_halves=True)
    assert len(env.task.profiles) == reference.n_profiles
    np.testing.assert_array_equal(env.task.choices, reference.choices)
    last = reference.n_profiles - 1
    gap = episodes(env, reference, (0, last // 2, last), seed=len(name))
    assert max(gap) < BOUND, gap
    assert reference.halves > 0, "halves of a kWh came up"


@pytest.mark.parametrize("name", ["13Bus_soc", "34Bus_soc", "123Bus_soc"])
def test_without_halves_energy_is_rounded_just_as_python_does(name, data, tmp_path):
    env = PowerGymEnv(powergym_task(name, data))
    reference = OpenDSSPowerGym(data, name, tmp_path, 1e-10)
    rng = np.random.default_rng(1)
    n_batteries = DEVICES[name.removesuffix("_soc")][2]
    actions = rng.integers(reference.choices, size=(24, len(reference.choices)))
    actions[:, -n_batteries:] = rng.choice([16, 20], (24, n_batteries))  # whole kWh
    gap = gap_of(env, reference, 3, actions[:19])
    assert reference.halves == 0
    assert max(gap) < BOUND, gap
    assert min(reference.kwh) < 0.8 * reference.rows[0]["max_kwh"]


def test_small_system_is_solved_as_the_benchmark_would(task, small, tmp_path):
    """Order of regulators and loads, a battery beyond its window, one that starts half full."""
    env = PowerGymEnv(task)
    reference = OpenDSSPowerGym(small, "13Bus_soc", tmp_path, 1e-10, exact_halves=True)
    gap = episodes(env, reference, (0, 1, 3), seed=0)
    assert max(gap) < BOUND, gap
    assert task.action_names == ("c1", "c2", "one", "two", "three", "batt1", "batt2")


@pytest.mark.parametrize("name", ["13Bus", "34Bus", "123Bus"])
def test_devices_nodes_and_profiles(name, data):
    task = powergym_task(name, data)
    n_capacitors, n_regulators, n_batteries = DEVICES[name]
    assert task.choices.tolist() == [2] * n_capacitors + [33] * (n_regulators + n_batteries)
    assert len(task.profiles) == {"13Bus": 73, "34Bus": 16, "123Bus": 16}[name]
    n_observed = NODES[name] + n_capacitors + n_regulators + 2 * n_batteries
    assert len(task.observation_names) == n_observed


def test_profiles_are_the_shapes_in_the_order_of_their_names(data):
    profiles = powergym_task("123Bus", data).profiles
    # The first load's first hour is the first file's first line.
    assert profiles[0, 0, 0] == 0.544181156387167
    # 16 days a load: the second load begins 384 hours later.
    lines = (data / "123Bus" / "loadshape" / "LoadShape1.CSV").read_text().split()
    assert profiles[0, 0, 1] == float(lines[384])
    assert profiles[1, 0, 0] == float(lines[24])
    assert profiles[15, 23, 1] == float(lines[2 * 384 - 1])
    # The last load is deep in the last file, which is PaperLoadShape.csv.
    paper = (data / "123Bus" / "loadshape" / "PaperLoadShape.csv").read_text().split()
    assert profiles[15, 23, 90] == float(paper[91 * 384 - 1 - 3 * 8760])


@pytest.mark.parametrize("name", ["13Bus", "34Bus", "123Bus"])
def test_reset_is_solved_with_the_last_hour_of_the_profile(name, data, tmp_path):
    """OpenDSS's clock stands at 0 h, where it reads the last point of a shape."""
    task = powergym_task(name, data)
    env = PowerGymEnv(task)
    observation, _ = env.reset(options={"profile": 0})
    first, last = (task.profiles[0, hour] for hour in (0, 23))
    load_kw = env.lanes.snapshot.flow.setpoint.load_kw[0]
    np.testing.assert_array_equal(load_kw, last * task.nominal.load_kw[0])
    assert np.abs(first - last).max() > 0.01
    reference = OpenDSSPowerGym(data, name, tmp_path, 1e-10)
    np.testing.assert_allclose(observation, reference.reset(0), atol=BOUND, rtol=0.0)


def test_made_by_id_without_a_warning(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        envs = gymnasium.make_vec("GridFedRL/PowerGym-34Bus-v0", data=data / "34Bus", num_envs=3)
        envs.reset(seed=0)
        envs.step(envs.action_space.sample())
        envs.close()
