"""The benchmarks run, at sizes that measure nothing, and what they claim is exact."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(BENCHMARKS / f"{name}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def result(name: str, *arguments: str) -> dict:
    done = run(name, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1  # one object, and nothing else
    return json.loads(done.stdout)


def test_powerflow_prints_both_sides_as_one_object():
    found = result("powerflow", "--feeder=ieee13", "--batch=32", "--repeats=1")
    for key in ("solves_per_s", "opendss_solves_per_s", "ratio", "threads"):
        assert found[key] > 0.0
    assert found["max_dv_pu"] < 1e-6
    assert found["converged_share"] == 1.0
    assert found["batch"] == found["opendss_rows"] == 32
    assert found["ratio"] == found["solves_per_s"] / found["opendss_solves_per_s"]


def test_one_row_a_call_says_microseconds():
    found = result(
        "powerflow", "--feeder=ieee13", "--mode=warm", "--repeats=1", "--opendss-rows=20"
    )
    assert found["microseconds_per_call"] > 0.0
    assert found["microseconds_per_call_taps_moving"] > 0.0
    assert found["max_dv_pu"] < 1e-6


def test_roofline_counts_a_solve_below_its_bound():
    found = result("roofline", "--feeder=ieee13", "--batch=32", "--repeats=1")
    assert found["flops_a_solve"] > found["flops_an_iteration"] > 0.0
    assert found["bytes_a_solve"] > found["bytes_an_iteration"] > 0.0
    assert 0.0 < found["share_of_bound"] < 1.0


def test_accuracy_is_resumed_and_writes_its_page(tmp_path: Path):
    page, kept = tmp_path / "accuracy.md", tmp_path / "kept"
    arguments = (
        *("--feeders=ieee34", "--rows=60", "--control-rows=2", "--processes=1"),
        *(f"--kept={kept}", f"--page={page}"),
    )
    done = run("accuracy", *arguments)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "| ieee34 | 60 | 100 % | 60 | 100 % |" in text
    assert "| ieee13, losses (kW) | 111.063 |" in text
    assert "Not in this run: " in text
    chunks = {path: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert len(chunks) == 4
    lost = next(iter(chunks))
    lost.unlink()
    assert run("accuracy", *arguments).returncode == 0
    assert page.read_text(encoding="utf-8") == text
    again = {path: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert {path for path in chunks if again[path] != chunks[path]} == {lost}


def test_shield_prints_both_sides_of_what_it_keeps_and_costs():
    found = result(
        "shield",
        "--env=GridFedRL/IEEE13-VVO-v0",
        "--utility=milltown",
        "--days=6",
        "--num-envs=4",
        "--steps=24",
        "--repeats=1",
    )
    (kept,), (cost,) = found["quality"], found["cost"]
    assert kept["steps"] == 6 * 24
    assert kept["violated_random"] > 0.5
    assert kept["violated_random_shielded_where_backup_holds"] < 1e-3
    assert sum(kept["reasons_random"].values()) == pytest.approx(1.0)
    assert kept["interventions_random"] > 0.3
    for name in ("kept", "kept_on_days_held", "kept_at_price", "kept_forecast_on_own_days"):
        assert 0.9 < kept[name] <= 1.1
    for name in ("random", "good"):
        sides = [cost[f"step_s_{name}_shielded"], cost[f"step_s_{name}"]]
        assert cost[f"ratio_{name}"] == pytest.approx(sides[0][0] / sides[1][0])


def test_baselines_are_resumed_and_write_their_page(tmp_path: Path):
    page, kept = tmp_path / "benchmarks.md", tmp_path / "kept"
    arguments = (
        *("--ids", "GridFedRL/IEEE13-VVO-v0", "--days=1", "--processes=1"),
        *(f"--kept={kept}", f"--page={page}"),
    )
    done = run("baselines", *arguments)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "| `GridFedRL/IEEE13-VVO-v0` | 1 | 1 | 0 | yes |" in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    scores = {row[0][2:]: row[-1].rstrip(" |") for row in rows if len(row) == 5}
    assert scores["no control"] == "0.0"
    assert scores["oracle"] == "100.0"
    assert float(scores["random"].replace(",", "")) < 0.0 < float(scores["local rules"])
    files = {path: path.stat().st_mtime_ns for path in kept.rglob("*.json")}
    assert len(files) == 4
    lost = next(iter(files))
    lost.unlink()
    assert run("baselines", *arguments).returncode == 0
    assert page.read_text(encoding="utf-8") == text
    again = {path: path.stat().st_mtime_ns for path in kept.rglob("*.json")}
    assert {path for path in files if again[path] != files[path]} == {lost}


def test_a_synthetic_cyme_export_is_read_whole():
    found = result("cyme_import", "--sections=400", "--repeats=1")
    assert found["seconds"] > 0.0
    assert found["approximated"] == 0
    assert found["loads"] == 200  # a lateral every other section
    assert found["buses"] > 400
