"""The benchmark runs, at a size that measures nothing, and its claim is exact."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "env_throughput.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(BENCHMARK), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_benchmark_prints_both_rates_and_their_difference(tmp_path):
    path = tmp_path / "results.json"
    sizes = {"num-envs": 4, "steps": 30, "rows": 48, "repeats": 2, "processes": 2}
    arguments = [f"--{name}={value}" for name, value in sizes.items()]
    done = run("--env=GridFedRL/IEEE13-VVO-v0", "--threads=1", f"--json={path}", *arguments)
    assert done.returncode == 0, done.stderr
    for words in ("vector environment, 1 threads", "OpenDSS, 1 process", "Largest voltage"):
        assert words in done.stdout
    results = json.loads(path.read_text())
    assert results["rows_compared"] == 48
    assert 0.0 < results["largest_v_difference_pu"] < 1e-6
    for key in ("vector_steps_per_s", "opendss_rows_per_s", "opendss_processes_rows_per_s"):
        assert len(results[key]) == 2
        assert min(results[key]) > 0.0


def test_benchmark_refuses_sizes_that_measure_nothing():
    done = run("--rows=0")
    assert done.returncode == 2
    assert "--rows is 0; expected above 0" in done.stderr
