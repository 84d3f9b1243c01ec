"""The page about scenarios: what it shows runs, and its picture can be drawn."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from grid_fed_rl.scenarios import EvStation
from grid_fed_rl.scenarios.ev_stations import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")


def test_the_python_of_the_page_runs():
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec("\n".join(blocks), names)
    assert {"year", "sessions", "table", "tariff", "hot"} <= names.keys()


def test_the_page_names_every_kind_of_station_with_its_power():
    rows = dict(re.findall(r"^\| `([\w-]+)` \| ([\d.]+)", PAGE, flags=re.MULTILINE))
    assert {kind: float(power_kw) for kind, power_kw in rows.items()} == {
        kind: EvStation("a", kind).max_kw for kind in KINDS
    }


def test_the_picture_can_be_drawn(tmp_path: Path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "scenarios.png"
    script = ROOT / "benchmarks" / "scenarios_picture.py"
    command = [sys.executable, str(script), "--out", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert out.read_bytes().startswith(b"\x89PNG")
