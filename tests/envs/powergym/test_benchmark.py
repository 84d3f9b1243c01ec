"""The benchmark of these tasks runs, at a size that measures nothing, and its claim is exact."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "powergym.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(BENCHMARK), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_all_sides_and_their_differences_as_one_object(small):
    sizes = {"num-envs": 3, "seconds": 0.01, "repeats": 1, "episodes": 1, "threads": 1}
    arguments = [f"--{name}={value}" for name, value in sizes.items()]
    done = run(f"--data={small}", "--system=13Bus_soc", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for key in ("single_steps_per_s", "vector_steps_per_s", "opendss_steps_per_s"):
        assert found[key] > 0.0
    assert found["vector_ratio"] == found["vector_steps_per_s"] / found["opendss_steps_per_s"]
    assert found["difference"]["steps"] == 24
    assert 0.0 < found["difference"]["v_pu"] < 1e-6
    assert found["difference"]["reward"] < 1e-6
    assert found["difference"]["v_pu"] < found["difference_default_tolerance"]["v_pu"] < 1e-3


def test_table_names_all_sides(small):
    sizes = {"num-envs": 2, "seconds": 0.01, "repeats": 1, "episodes": 1}
    done = run(f"--data={small}", *(f"--{name}={value}" for name, value in sizes.items()))
    assert done.returncode == 0, done.stderr
    for words in ("one environment", "2 lanes", "OpenDSS, one process", "OpenDSS held to 1e-10"):
        assert words in done.stdout


def test_sizes_that_measure_nothing_are_refused(small):
    done = run(f"--data={small}", "--episodes=0")
    assert done.returncode == 2
    assert "--episodes is 0; expected above 0" in done.stderr
