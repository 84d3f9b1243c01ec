"""The experiment runs, from training to picture, at a size that learns nothing."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("stable_baselines3", reason="needs the extra sb3")

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "experiments" / "ppo_vvo" / "run.py"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", str(RUN)]
    return subprocess.run(
        [*command, "--runs-dir", str(folder), *arguments],
        env={"HOME": str(folder), "PATH": "", "PYTHONPATH": str(ROOT), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_experiment_trains_judges_and_draws(tmp_path: Path):
    # 205 training days of 24 hours by local rules, and a rollout of 32 days.
    steps = 205 * 24 + 32 * 24
    done = run(tmp_path, "--seeds", "0", "1", "--steps", str(steps + 100))
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.glob("*/ppo_vvo.json")
    numbers = json.loads(folder.read_text())
    assert (folder.parent / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    for means in (numbers["local rules"], *numbers["PPO"].values()):
        owed = means["return"] - numbers["usd_per_pu_h"] * means["violation_pu"]
        assert means["penalised"] == pytest.approx(owed, rel=1e-12)
    for seed, curve in numbers["curves"].items():
        assert [point["steps"] for point in curve] == [205 * 24, steps]
        # The policy that is judged is the last.
        assert curve[-1]["penalised"] == numbers["PPO"][seed]["penalised"]
    # Seeds go their own way.
    first, second = (means["penalised"] for means in numbers["PPO"].values())
    assert first != second
    # What the page of the task says of local rules on these days.
    assert numbers["local rules"]["return"] == pytest.approx(-95.8, abs=0.05)
    assert "local rules" in done.stdout
    assert "PPO, seed 1" in done.stdout


def test_a_policy_that_does_as_local_rules_gains_nothing():
    # Under local controls any action is theirs: what is gained on them is 0 in every step.
    made = runpy.run_path(str(RUN))
    lanes = made["lanes_of"]("train", 5, local_controls=True, autoreset_mode="SameStep")
    played = made["AgainstRules"](lanes, made["Settings"]())
    played.reset(seed=3)
    hold = np.array([[2, 2, 2, 0, 0, 1]] * 5)
    for step in range(1, 30):
        _, gained, over, cut_off, _ = played.step(hold)
        np.testing.assert_allclose(gained, 0.0, atol=1e-9)
        assert over.all() == (step == 24)
        assert not cut_off.any()


def test_the_last_hour_of_a_day_is_paid_for_as_any_other():
    made = runpy.run_path(str(RUN))
    settings = made["Settings"](worst_usd=1e9)
    played = made["AgainstRules"](made["lanes_of"]("train", 4, autoreset_mode="SameStep"), settings)
    plain = made["lanes_of"]("train", 4)
    played.reset(seed=3)
    plain.reset(seed=3)
    up = np.array([[4, 4, 4, 1, 1, 1]] * 4)  # four steps up, and up, until no tap is left
    for hour in range(24):
        day = plain.snapshot.day
        _, gained, _, _, _ = played.step(up)
        _, reward, _, _, info = plain.step(played.numbers(up))
        assert (info["costs"]["voltage"] > 0.0).all() or hour < 4
        paid = reward - 100.0 * info["costs"]["voltage"] - 0.05 * info["violations"]["voltage"]
        np.testing.assert_allclose(gained, paid - played.rules_usd[day, hour], rtol=1e-9)
