"""The experiment runs, from training to picture, at a size that learns nothing."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("stable_baselines3", reason="needs the extra sb3")

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "experiments" / "ppo_vvo" / "run.py"


def test_the_experiment_trains_judges_and_draws(tmp_path: Path):
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", str(RUN)]
    done = subprocess.run(
        [*command, "--seeds", "0", "1", "--steps", "768", "--runs-dir", str(tmp_path)],
        env={"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.glob("*/ppo_vvo.json")
    numbers = json.loads(folder.read_text())
    assert (folder.parent / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    for means in (numbers["local rules"]["test"], *numbers["test"].values()):
        owed = means["return"] - numbers["usd_per_pu_h"] * means["violation_pu"]
        assert means["penalised"] == pytest.approx(owed, rel=1e-12)
    for curve in numbers["curves"].values():
        steps = [point["steps"] for point in curve]
        assert steps == sorted(steps)
        assert steps[0] == 0
        assert steps[-1] == 768
    # Seeds begin alike, at rest, and go their own way.
    first, second = (np.array([p["penalised"] for p in c]) for c in numbers["curves"].values())
    assert first[-1] != second[-1]
    # What the page of the task says of local rules on these days.
    assert numbers["local rules"]["test"]["return"] == pytest.approx(-95.8, abs=0.05)
    assert "local rules" in done.stdout
    assert "PPO, seed 1" in done.stdout
