"""Tasks on a feeder of one's own, by id."""

from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import grid_fed_rl  # noqa: F401  registers the ids
from grid_fed_rl import GridEnv
from grid_fed_rl.envs.registration import CUSTOM_IDS, case_of
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import load, write_tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "ieee13"
    write_tables(load("ieee13"), path)
    return path


@pytest.mark.parametrize("task", CUSTOM_IDS.values())
def test_a_folder_of_the_tables_of_a_shipped_feeder_is_that_feeder(task: str, folder: Path):
    shipped = gymnasium.make(f"GridFedRL/IEEE13-{task}-v0")
    own = gymnasium.make(f"GridFedRL/Custom-{task}-v0", feeder=folder)
    np.testing.assert_array_equal(own.reset(seed=3)[0], shipped.reset(seed=3)[0])
    shipped.action_space.seed(0)
    for _ in range(3):
        action = shipped.action_space.sample()
        ours, theirs = own.step(action), shipped.step(action)
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1:4] == theirs[1:4]


def test_the_vector_environment_takes_a_feeder_too(folder: Path):
    lanes = gymnasium.make_vec("GridFedRL/Custom-VVO-v0", num_envs=2, feeder=folder)
    one = gymnasium.make("GridFedRL/Custom-VVO-v0", feeder=str(folder))
    np.testing.assert_array_equal(lanes.reset(seed=5)[0][0], one.reset(seed=5)[0])


def test_a_feeder_that_changed_on_disk_is_read_again(folder: Path, tmp_path: Path):
    path, feeder = tmp_path / "own", load("ieee13")
    write_tables(feeder, path)
    before = case_of("VVO", path, {})
    heavier = {name: replace(one, kw=2.0 * one.kw) for name, one in feeder.loads.items()}
    path.rename(tmp_path / "old")
    write_tables(replace(feeder, loads=heavier), path)
    after = case_of("VVO", path, {})
    peaks = [case.year.load_kw.max() for case in (before, after)]
    assert peaks[1] == pytest.approx(2.0 * peaks[0])


def test_regulators_without_a_control_hold_122_volts_by_their_local_rule(folder: Path):
    feeder = load("ieee13")
    bare = {name: replace(one, control=None) for name, one in feeder.regulators.items()}
    case = case_of("VVO", replace(feeder, regulators=bare), {"local_controls": True})
    env = GridEnv(case)
    env.reset(seed=0)
    for _ in range(24):
        env.step(np.zeros(len(case.action_names)))
        flow = env.lanes.snapshot.flow
        nodes = [case.network.node_index[f"rg60.{phase}"] for phase in (1, 2, 3)]
        volts = 120.0 * np.abs(flow.v_pu[0, nodes])
        assert (np.abs(volts - 122.0) < 1.0).all()


@pytest.mark.parametrize("env_id", CUSTOM_IDS)
def test_no_feeder_is_said_so(env_id: str):
    with pytest.raises(TaskError, match="no feeder; name one: feeder="):
        gymnasium.make(env_id)
