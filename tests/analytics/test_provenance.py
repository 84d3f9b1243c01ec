"""Where a result comes from: versions, revision, hashes."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import grid_fed_rl
from grid_fed_rl.analytics import provenance
from grid_fed_rl.analytics.provenance import (
    feeder_hashes,
    file_hashes,
    git_state,
    machine,
    versions,
)
from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import load, write_tables


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def test_versions_are_those_that_run(monkeypatch: pytest.MonkeyPatch):
    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["grid-fed-rl"] == grid_fed_rl.__version__
    monkeypatch.setattr(provenance, "_DISTRIBUTIONS", ("no-such-distribution",))
    assert versions()["no-such-distribution"] is None


def test_machine_does_not_name_the_computer():
    assert set(machine()) == {"platform", "architecture", "n_cores"}


def test_hashes_of_the_shipped_tables():
    hashes = feeder_hashes("IEEE13")
    folder = Path(grid_fed_rl.__file__).parent / "feeders" / "data" / "ieee13"
    lines = hashlib.sha256((folder / "lines.csv").read_bytes()).hexdigest()
    assert hashes["feeders/ieee13/lines.csv"] == lines
    assert len(hashes) == len(list(folder.iterdir()))
    with pytest.raises(FeederError, match="ieee14"):
        feeder_hashes("ieee14")


def test_hashes_of_a_feeder_of_ones_own(tmp_path: Path):
    folder = tmp_path / "mine"
    write_tables(load("ieee13"), folder)
    of_folder = feeder_hashes(str(folder))
    assert set(of_folder) == {f"feeders/mine/{path.name}" for path in folder.iterdir()}
    script = tmp_path / "mine.dss"
    script.write_bytes(b"clear")
    sha = hashlib.sha256(b"clear").hexdigest()
    assert feeder_hashes(str(script)) == {"feeders/mine.dss": sha}


def test_hash_of_the_empty_file_and_of_nested_ones(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").touch()
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # FIPS 180-4
    assert file_hashes(tmp_path, "in") == {"in/a/b.txt": empty}


def test_git_state_of_a_checkout(tmp_path: Path):
    git(tmp_path, "init")
    assert git_state(tmp_path) is None  # nothing committed yet
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "first")
    state = git_state(tmp_path)
    assert state is not None
    assert state["modified"] is False
    assert len(str(state["revision"])) == 40
    (tmp_path / "file").write_text("two")
    assert git_state(tmp_path) == {**state, "modified": True}


def test_no_revision_outside_of_a_checkout_or_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert git_state(tmp_path) is None
    git(tmp_path, "init")
    (tmp_path / "inside").mkdir()
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    assert git_state(tmp_path) is not None
    assert git_state(tmp_path / "inside") is None  # somebody else's checkout
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None
