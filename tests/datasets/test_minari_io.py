import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import minari
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Discrete

from grid_fed_rl.datasets import Transitions, dataset_hash
from grid_fed_rl.datasets.minari_io import read_minari, write_minari
from grid_fed_rl.errors import DatasetError

Make = Callable[..., Transitions]
ID = "grid_fed_rl/ieee123-vvo/site-1-v0"
OBSERVATION, ACTION = Box(-1, 1, (3,), np.float32), Box(-1, 1, (2,), np.float32)


@pytest.fixture
def written(make_log: Make, tmp_path: Path) -> Path:
    return write_minari(make_log(), ID, tmp_path, OBSERVATION, ACTION)


def test_reading_gives_what_was_written_on_every_episode(make_log: Make, tmp_path: Path) -> None:
    log = make_log(n=5)
    write_minari(log, ID, tmp_path, OBSERVATION, ACTION)
    again = read_minari(ID, tmp_path, observation_space=OBSERVATION, action_space=ACTION)
    for name in ("observation", "action", "reward", "cost", "terminated", "mask"):
        for episode in range(5):
            np.testing.assert_array_equal(
                getattr(again, name)[episode], getattr(log, name)[episode]
            )
    assert again.metadata == log.metadata
    assert dataset_hash(again) == dataset_hash(log)


def test_a_log_without_a_whole_day_keeps_its_length(make_log: Make, tmp_path: Path) -> None:
    log = make_log().select([1])
    write_minari(log, ID, tmp_path, OBSERVATION, ACTION)
    assert dataset_hash(read_minari(ID, tmp_path)) == dataset_hash(log)


def test_minari_itself_reads_it(
    make_log: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = make_log()
    spec = EnvSpec("Counter-v0", kwargs={"site": "site-1"})
    write_minari(
        log, ID, tmp_path, OBSERVATION, ACTION, env_spec=spec, reference_scores=(-10.0, 30.0)
    )
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    dataset = minari.load_dataset(ID)
    assert list(minari.list_local_datasets()) == [ID]
    assert dataset.total_episodes == 4
    assert dataset.total_steps == log.n_transitions
    assert dataset.env_spec == spec
    assert minari.get_normalized_score(dataset, np.array([10.0])).tolist() == [0.5]
    lengths = [5, 3, 5, 5]
    for episode, n in zip(dataset.iterate_episodes(), lengths, strict=True):
        i = episode.id
        np.testing.assert_array_equal(episode.observations, log.observation[i, : n + 1])
        assert episode.infos is not None
        assert episode.infos["cost"].tolist() == [0.0, *log.cost[i, :n].tolist()]
        assert episode.terminations.tolist() == [False] * (n - 1) + [i == 1]
        assert episode.truncations.tolist() == [False] * (n - 1) + [i != 1]


@pytest.mark.parametrize("before", [None, "/elsewhere"])
def test_the_environment_variable_is_put_back(
    make_log: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    if before is not None:
        monkeypatch.setenv("MINARI_DATASETS_PATH", before)
    write_minari(make_log(), ID, tmp_path, OBSERVATION, ACTION)
    read_minari(ID, tmp_path)
    assert os.environ.get("MINARI_DATASETS_PATH") == before


def test_a_taken_id_is_refused_unless_it_may_be_replaced(make_log: Make, tmp_path: Path) -> None:
    write_minari(make_log(), ID, tmp_path, OBSERVATION, ACTION)
    other = make_log(n=2, seed=1)
    with pytest.raises(DatasetError, match=rf"dataset '{ID}': already in"):
        write_minari(other, ID, tmp_path, OBSERVATION, ACTION)
    write_minari(other, ID, tmp_path, OBSERVATION, ACTION, overwrite=True)
    assert dataset_hash(read_minari(ID, tmp_path)) == dataset_hash(other)


def test_a_log_of_another_maker_is_read(make_log: Make, tmp_path: Path) -> None:
    log = make_log()
    folder = write_minari(log, ID, tmp_path, OBSERVATION, ACTION)
    _edit_json(folder, lambda data: data.pop("grid_fed_rl"))
    again = read_minari(ID, tmp_path)
    assert dataset_hash(again) == dataset_hash(log)
    assert again.metadata == {}


def test_three_hundred_days_are_written_in_seconds(make_log: Make, tmp_path: Path) -> None:
    log = make_log(n=300, n_steps=24, n_features=60, n_devices=15)
    wide = Box(-1, 1, (60,), np.float32), Box(-1, 1, (15,), np.float32)
    start_s = time.perf_counter()
    write_minari(log, ID, tmp_path, *wide)
    assert dataset_hash(read_minari(ID, tmp_path)) == dataset_hash(log)
    assert time.perf_counter() - start_s < 10.0


@pytest.mark.parametrize("dataset_id", ["Site 1", "a/b-v0", "name", "../site-v0"])
def test_a_malformed_id_is_refused_before_anything_is_made(
    make_log: Make, tmp_path: Path, dataset_id: str
) -> None:
    with pytest.raises(DatasetError, match="malformed id; 'namespace/name-v0' is needed"):
        write_minari(make_log(), dataset_id, tmp_path, OBSERVATION, ACTION)
    with pytest.raises(DatasetError, match="malformed id"):
        read_minari(dataset_id, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("observation_space", "action_space", "message"),
    [
        (Box(-1, 1, (4,), np.float32), ACTION, r"field 'observations': 3 columns"),
        (OBSERVATION, Discrete(3), r"field 'actions': 2 columns .* a Box of shape \(2,\)"),
        (OBSERVATION, Box(-1, 1, (2,), np.float64), r"type float32 is needed"),
        (OBSERVATION, Box(-0.1, 0.1, (2,), np.float32), r"episode 0, field 'actions', step 0"),
    ],
)
def test_a_log_that_does_not_fit_its_spaces_is_not_written(
    make_log: Make, tmp_path: Path, observation_space: Any, action_space: Any, message: str
) -> None:
    with pytest.raises(DatasetError, match=rf"dataset '{ID}', .*{message}"):
        write_minari(make_log(), ID, tmp_path, observation_space, action_space)


def test_an_environment_that_is_not_json_is_named(make_log: Make, tmp_path: Path) -> None:
    spec = EnvSpec("Counter-v0", kwargs={"rule": lambda: None})
    with pytest.raises(DatasetError, match=r"environment 'Counter-v0': its arguments are not JSON"):
        write_minari(make_log(), ID, tmp_path, OBSERVATION, ACTION, env_spec=spec)


def test_nothing_is_left_of_a_dataset_that_could_not_be_written(
    make_log: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("minari.dataset._storages.hdf5_storage.HDF5Storage.update_episodes", fail)
    with pytest.raises(OSError, match="disk full"):
        write_minari(make_log(), ID, tmp_path, OBSERVATION, ACTION)
    assert not (tmp_path / ID).exists()


def _edit_json(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "data" / "metadata.json"
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


def _edit_hdf5(folder: Path, edit: Callable[[h5py.Group], Any], episode: int = 2) -> None:
    with h5py.File(folder / "data" / "main_data.hdf5", "a") as file:
        group = file[f"episode_{episode}"]
        assert isinstance(group, h5py.Group)
        edit(group)


def _set(field: str, place: Any, value: float) -> Callable[[h5py.Group], None]:
    def edit(group: h5py.Group) -> None:
        dataset = group[field]
        assert isinstance(dataset, h5py.Dataset)
        dataset[place] = value

    return edit


def _swap(field: str, values: Any) -> Callable[[h5py.Group], None]:
    def edit(group: h5py.Group) -> None:
        del group[field]
        group[field] = values

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_set("rewards", 3, np.nan), r"episode 2, field 'reward', step 3: nan; finite"),
        (
            _set("observations", (5, 1), np.inf),
            r"episode 2, field 'observation', step 5, .* 1: inf",
        ),
        (_set("infos/cost", 2, -1), r"episode 2, field 'cost', step 1: -1.0; a cost is zero or"),
        (_set("actions", (0, 1), 1.5), r"episode 2, field 'actions', step 0, column 1: 1.5; -1.0"),
        (_set("terminations", 1, True), r"episode 2, .* an end at steps \[1, 4\] of 5"),
        (_set("truncations", 4, False), r"episode 2, .* an end at steps \[\] of 5"),
        (_set("rewards", 0, 0.25), r"sha256: .* was written: the data have changed"),
        (_swap("rewards", np.zeros(4)), r"episode 2, field 'observations': shape \(6, 3\); .* 5 r"),
        (_swap("rewards", np.full(5, 1e300)), r"episode 2, field 'reward', step 0: inf; finite"),
        (
            _swap("actions", np.zeros((4, 2))),
            r"episode 2, field 'actions': shape \(4, 2\); .* 5 ro",
        ),
        (
            _swap("actions", np.zeros((5, 7))),
            r"episode 2, field 'actions': 7 columns; 2 are needed",
        ),
        (_swap("infos/cost", np.zeros((6, 1))), r"episode 2, field 'infos/cost': shape \(6, 1\)"),
        (lambda group: group.pop("infos"), r"episode 2, field 'infos/cost': missing; one number"),
        (lambda group: group.pop("actions"), r"unreadable \(KeyError.*actions"),
    ],
)
def test_a_broken_episode_is_named(written: Path, edit: Callable[..., Any], message: str) -> None:
    _edit_hdf5(written, edit)
    with pytest.raises(DatasetError, match=rf"dataset '{ID}', .*{message}"):
        read_minari(ID, written.parents[2])


def _truncate(folder: Path) -> None:
    path = folder / "data" / "main_data.hdf5"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, r"unreadable \(OSError.*a whole main_data.hdf5.* needed"),
        (lambda f: (f / "data" / "main_data.hdf5").unlink(), r"unreadable \(ValueError: No data"),
        (lambda f: (f / "data" / "metadata.json").unlink(), r"unreadable .*metadata.json"),
        (lambda f: (f / "data" / "metadata.json").write_text("{"), r"unreadable \(JSONDecode"),
        (lambda f: shutil.rmtree(f), r"not in '.*'; known: none"),
        (lambda f: _edit_json(f, lambda d: d.update(total_episodes=0)), r"no episode; one or more"),
        (lambda f: _edit_json(f, lambda d: d.update(total_episodes=9)), r"unreadable \(KeyError"),
        (
            lambda f: _edit_json(f, lambda d: d["grid_fed_rl"].update(n_steps=2)),
            r"episode 0, field 'rewards': 5 steps; at most 2 make a day",
        ),
        (
            lambda f: _edit_json(f, lambda d: d.update(action_space=d["observation_space"])),
            r"field 'actions': 2 columns beside the space",
        ),
    ],
)
def test_a_broken_dataset_is_named(
    written: Path, damage: Callable[[Path], Any], message: str
) -> None:
    damage(written)
    with pytest.raises(DatasetError, match=rf"dataset '{ID}'.*{message}"):
        read_minari(ID, written.parents[2])


def test_a_dataset_of_another_task_is_refused(written: Path) -> None:
    root = written.parents[2]
    with pytest.raises(
        DatasetError, match=rf"dataset '{ID}', action space: .* needed by this task"
    ):
        read_minari(ID, root, action_space=Box(-1, 1, (9,), np.float32))
    with pytest.raises(DatasetError, match="observation space"):
        read_minari(ID, root, observation_space=Box(-2, 2, (3,), np.float32))


def test_an_unknown_dataset_names_those_there_are(written: Path) -> None:
    with pytest.raises(DatasetError, match=rf"site-2-v0': not in '.*'; known: {ID}"):
        read_minari("grid_fed_rl/ieee123-vvo/site-2-v0", written.parents[2])
