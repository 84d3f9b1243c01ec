"""Runs that are repeated, interrupted, gone on with, and tracked."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import wandb

from grid_fed_rl.demo.learners import Learners
from grid_fed_rl.errors import GridFedRLError

Job = Callable[..., str]

OFFLINE = {"kind": "wandb", "project": "grid-fed-rl", "mode": "offline"}


@dataclass(frozen=True)
class Twice:
    """The same reproducible run: once unbroken and tracked, once interrupted twice.

    Attributes:
        unbroken: its folder.
        broken: the folder of the other.
        at_first: files of `broken`, after the first interruption, by their path.
        at_second: after the second.
        screen: what the interrupted run showed at last.
    """

    unbroken: Path
    broken: Path
    at_first: dict[str, tuple[int, bytes]]
    at_second: dict[str, tuple[int, bytes]]
    screen: str


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """When each file was written last, in nanoseconds, and what it holds."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def twice(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Twice:
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_SILENT", "true")
        for name in ("CACHE", "CONFIG", "DATA"):
            patch.setenv(f"WANDB_{name}_DIR", str(runs / "wandb"))
        job(runs, "unbroken", reproducible=True, tracking=OFFLINE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learners, "federated", interrupt)
        with pytest.raises(KeyboardInterrupt):
            job(runs, "broken", reproducible=True)
    at_first = files(runs / "broken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grid_fed_rl.demo.job.worst_day", interrupt)
        with pytest.raises(KeyboardInterrupt):
            job(runs, "broken", reproducible=True)
    at_second = files(runs / "broken")
    screen = job(runs, "broken", reproducible=True)
    return Twice(runs / "unbroken", runs / "broken", at_first, at_second, screen)


def test_interruptions_change_no_bit_of_a_reproducible_run(twice: Twice):
    unbroken, broken = (path / "metrics.json" for path in (twice.unbroken, twice.broken))
    assert unbroken.read_bytes() == broken.read_bytes()
    for path in sorted((twice.unbroken / "policies").iterdir()):
        assert path.read_bytes() == (twice.broken / "policies" / path.name).read_bytes()


def test_what_was_finished_is_not_done_again(twice: Twice):
    assert {name for name in twice.at_first if name.startswith("policies/")} == {
        "policies/local_only-coastal.safetensors",
        "policies/local_only-prairie.safetensors",
        "policies/pooled.safetensors",
    }
    now = files(twice.broken)
    for name, written in twice.at_first.items():
        if name.startswith(("policies/", "learning/", "datasets/grid_fed_rl/")):
            assert now[name] == written, name
    kept = [
        "federated/server.safetensors",
        "federated/sites/coastal/answer.safetensors",
        "federated_private/server.safetensors",
        "federated_private/sites/coastal/answer.safetensors",
        "federated_private/sites/coastal/ledger.jsonl",
        "federated_private/sites/prairie/ledger.jsonl",
    ]
    for name in kept:
        assert now[name] == twice.at_second[name], name


def test_a_run_is_finished_when_all_of_it_is(twice: Twice):
    assert "run.json" not in twice.at_first
    assert "run.json" not in twice.at_second
    stages = json.loads(twice.at_first["stages.json"][1])
    assert list(stages) == ["check", "logs", "learn local_only", "learn pooled"]
    timings_s = json.loads((twice.broken / "run.json").read_text())["timings_s"]
    assert timings_s["logs"] > stages["logs"]  # all visits count


def test_a_reproducible_run_says_that_nothing_is_protected(twice: Twice):
    page = (twice.broken / "report.html").read_text(encoding="utf-8")
    assert 'id="void"' in page
    assert "The privacy guarantee of this run is void" in page
    assert "Privacy: the guarantee is void" in twice.screen
    assert json.loads((twice.broken / "metrics.json").read_text())["privacy"]["holds"] is False
    assert json.loads((twice.broken / "run.json").read_text())["seeds"]["private_noise"] == 0


@pytest.fixture
def begun(twice: Twice, tmp_path: Path) -> Path:
    """A folder as a run leaves it that was interrupted at once."""
    folder = tmp_path / "begun"
    folder.mkdir()
    (folder / "stages.json").write_text('{"check": 1.0}')
    text = (twice.broken / "configuration.json").read_text()
    (folder / "configuration.json").write_text(text)
    return folder


def test_other_settings_are_refused_before_anything_is_done(
    begun: Path, job: Job, tiny: dict[str, Any]
):
    before = files(begun)
    size = {"steps": 48, "batch_size": 16}
    with pytest.raises(GridFedRLError) as caught:
        job(begun.parent, "begun", reproducible=False, size=size)
    assert str(caught.value) == (
        f"run 'begun' was begun in {begun} with other settings: size.steps was 24, is 48; "
        "reproducible was true, is false. Go on with those, choose another name or remove the "
        "folder"
    )
    settings = copy.deepcopy(tiny["utilities"])
    backwards = dict(reversed(settings.items()))
    with pytest.raises(GridFedRLError, match="utilities was coastal, prairie, is prairie, coastal"):
        job(begun.parent, "begun", reproducible=True, utilities=backwards)
    more = {**settings, "desert": {"v_shift_mean": -2.0}}
    with pytest.raises(GridFedRLError, match=r"desert.v_shift_mean was missing, is -2.0"):
        job(begun.parent, "begun", reproducible=True, utilities=more)
    assert files(begun) == before


def test_a_folder_that_no_run_began_is_left_alone(begun: Path, job: Job):
    (begun / "configuration.json").unlink()
    with pytest.raises(GridFedRLError, match="begun"):
        job(begun.parent, "begun", reproducible=True)
    assert list(files(begun)) == ["stages.json"]


def test_broken_settings_of_a_begun_run_are_told(begun: Path, job: Job):
    for text in ("{", "[]", "{}"):
        (begun / "configuration.json").write_text(text)
        with pytest.raises(GridFedRLError, match=r"configuration.json: expected the settings that"):
            job(begun.parent, "begun", reproducible=True)


def test_tracking_changes_nothing_and_keeps_curves_and_results(twice: Twice):
    # The other run was not tracked, and both have the same metrics.
    [record] = (twice.unbroken / "wandb").glob("offline-run-*/run-*.wandb")
    assert not (twice.broken / "wandb").exists()
    written = record.read_bytes()
    for name in ("pooled/steps", "pooled/score_usd_per_day", "federated/return", "no_control/loss"):
        assert name.encode() in written


def test_a_tracker_that_cannot_be_reached_is_told_with_a_way_out(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def init(**_: object) -> None:
        raise wandb.Error("No API key configured.")

    monkeypatch.setattr(wandb, "init", init)
    with pytest.raises(GridFedRLError) as caught:
        job(tmp_path, "tracked", tracking={**OFFLINE, "mode": "online"})
    assert str(caught.value) == (
        "tracking.mode is 'online': No API key configured; log in with 'wandb login', or choose "
        "tracking.mode=offline"
    )
