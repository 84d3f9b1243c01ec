"""Run folders: whole files only, nothing overwritten, and a record of how it was made."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from grid_fed_rl.analytics.runs import RunFolder, finished_stages, new_name, write_atomic
from grid_fed_rl.errors import GridFedRLError


def finish(run: RunFolder) -> Path:
    return run.finish(configuration={"seed": 1}, seeds={"train": 1}, inputs={"a.csv": "00"})


def test_run_json_has_its_schema(tmp_path: Path):
    run = RunFolder.create(tmp_path, "first")
    with run.stage("train"):
        pass
    content = json.loads(finish(run).read_text())
    assert set(content) == {
        *("name", "started", "finished", "configuration", "seeds"),
        *("versions", "machine", "git", "inputs", "timings_s"),
    }
    assert content["name"] == "first"
    assert content["configuration"] == {"seed": 1}
    assert content["seeds"] == {"train": 1}
    assert content["inputs"] == {"a.csv": "00"}
    assert list(content["timings_s"]) == ["train"]
    assert content["started"] <= content["finished"]
    assert content["started"].endswith("+00:00")
    assert {"python", "grid-fed-rl", "numpy", "gymnasium"} <= set(content["versions"])


def test_a_name_is_drawn_where_none_is_given(tmp_path: Path):
    first, second = RunFolder.create(tmp_path), RunFolder.create(tmp_path)
    assert first.path != second.path
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", first.name)
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", new_name())


def test_a_run_stays_where_it_is_when_the_working_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    run = RunFolder.create("runs", "x")
    monkeypatch.chdir("/")
    assert run.write_json("a.json", 1) == tmp_path / "runs" / "x" / "a.json"


@pytest.mark.parametrize("name", ["", "a/b", "..", "-x", ".hidden", "a b"])
def test_a_name_is_one_plain_word(tmp_path: Path, name: str):
    with pytest.raises(GridFedRLError, match="run name"):
        RunFolder.create(tmp_path, name)
    assert not any(tmp_path.iterdir())


def test_a_finished_run_is_not_overwritten(tmp_path: Path):
    before = finish(RunFolder.create(tmp_path, "x")).read_bytes()
    with pytest.raises(GridFedRLError, match="'x' was finished"):
        RunFolder.create(tmp_path, "x")
    assert (tmp_path / "x" / "run.json").read_bytes() == before


def test_a_begun_run_is_not_mixed_with_another(tmp_path: Path):
    RunFolder.create(tmp_path, "x").write_json("metrics.json", {"a": 1})
    with pytest.raises(GridFedRLError, match="begun and not finished"):
        RunFolder.create(tmp_path, "x")


def test_a_root_that_is_a_file_is_refused(tmp_path: Path):
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(GridFedRLError, match="run folder"):
        RunFolder.create(tmp_path / "runs", "x")


def test_resuming_keeps_files_and_adds_up_times(tmp_path: Path):
    run = RunFolder.create(tmp_path, "x")
    with run.stage("logs"):
        run.write_json("logs.json", [1, 2])
    spent_s = run.timings_s["logs"]
    finish(run)

    again = RunFolder.create(tmp_path, "x", resume=True)
    assert json.loads((again.path / "logs.json").read_text()) == [1, 2]
    assert not (again.path / "run.json").exists()  # unfinished from here on
    assert again.timings_s == {"logs": spent_s}
    with again.stage("logs"):
        time.sleep(0.01)
    with again.stage("train"):
        pass
    assert again.timings_s["logs"] >= round(spent_s + 0.01, 3)  # kept to the millisecond
    assert list(json.loads(finish(again).read_text())["timings_s"]) == ["logs", "train"]


def test_an_interrupted_stage_does_not_count_and_the_ones_before_stay(tmp_path: Path):
    run = RunFolder.create(tmp_path, "x")
    with run.stage("logs"):
        run.write_json("logs.json", [1])
    with pytest.raises(KeyboardInterrupt), run.stage("train"):
        raise KeyboardInterrupt
    assert finished_stages(run.path) == ("logs",)
    assert (run.path / "logs.json").exists()
    assert not (run.path / "run.json").exists()
    assert finished_stages(tmp_path / "never") == ()


@pytest.mark.parametrize("text", ["not json", "[1]", '{"a": null}'])
def test_a_broken_record_of_stages_is_named(tmp_path: Path, text: str):
    (tmp_path / "stages.json").write_text(text)
    with pytest.raises(GridFedRLError, match=r"stages\.json"):
        finished_stages(tmp_path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_while_writing_leaves_the_former_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    run = RunFolder.create(tmp_path, "x")
    path = run.write_json("metrics.json", {"a": 1})

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), crash)
    with pytest.raises(KeyboardInterrupt):
        run.write_json("metrics.json", {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in run.path.iterdir()] == ["metrics.json"]  # no draft left


def test_what_cannot_be_written_leaves_the_former_file(tmp_path: Path):
    run = RunFolder.create(tmp_path, "x")
    path = run.write_json("metrics.json", {"a": 1})
    with pytest.raises(GridFedRLError, match=r"metrics\.json\.a"):
        run.write_json("metrics.json", {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}


def test_write_atomic_makes_folders_and_respects_the_umask(tmp_path: Path):
    former = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a" / "b.txt", b"x")
    finally:
        os.umask(former)
    assert (tmp_path / "a" / "b.txt").stat().st_mode & 0o777 == 0o640
