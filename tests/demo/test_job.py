"""What a whole main job leaves behind, and what of it is different the next time."""

import dataclasses
import hashlib
import html
import io
import json
import math
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
from rich.console import Console

from grid_fed_rl.algorithms import LearnedPolicy
from grid_fed_rl.analytics.evaluate import METRICS
from grid_fed_rl.datasets import dataset_hash
from grid_fed_rl.datasets.minari_io import read_minari
from grid_fed_rl.demo import run
from grid_fed_rl.demo.config import DemoConfig
from grid_fed_rl.demo.judge import Judge
from grid_fed_rl.demo.sites import Utility, open_utilities
from grid_fed_rl.errors import BudgetError, GridFedRLError
from grid_fed_rl.federated.ledger import Ledger, read_ledger
from grid_fed_rl.resources import config_folder

POLICIES = [
    "no_control",
    "local_rules",
    "behaviour",
    "local_only",
    "pooled",
    "federated",
    "federated_private",
]
SITES = ["coastal", "prairie"]
FEEDERS = config_folder().parent / "grid_fed_rl" / "feeders" / "data"


@dataclass(frozen=True)
class Done:
    """A finished run."""

    path: Path
    screen: str

    def read(self, name: str) -> dict[str, Any]:
        return json.loads((self.path / name).read_text(encoding="utf-8"))

    @property
    def page(self) -> str:
        return html.unescape((self.path / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def done(job: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Done:
    runs = tmp_path_factory.mktemp("runs")
    screen = job(runs, "first")
    return Done(runs / "first", screen)


@pytest.fixture(scope="module")
def config(done: Done) -> DemoConfig:
    return DemoConfig.of(done.read("run.json")["configuration"])


@pytest.fixture(scope="module")
def utilities(config: DemoConfig) -> Mapping[str, Utility]:
    return open_utilities(config)


@pytest.fixture(scope="module")
def judge(utilities: Mapping[str, Utility], config: DemoConfig) -> Judge:
    return Judge(utilities, config.evaluation.seeds, config.seed)


# ---- what is written -----------------------------------------------------------


def test_metrics_of_all_policies_are_finite_and_inside_their_intervals(done: Done):
    policies = done.read("metrics.json")["policies"]
    assert list(policies) == POLICIES
    for metrics in policies.values():
        assert set(metrics) == {
            "return",
            "loss_kwh",
            "violation_rate",
            "violation_pu",
            "operations",
        }
        for value in metrics.values():
            assert set(value) == {"mean", "low", "high"}
            assert all(map(math.isfinite, value.values()))
            assert value["low"] <= value["mean"] <= value["high"]


def test_no_control_operates_nothing_and_costs_what_it_loses(done: Done):
    metrics = done.read("metrics.json")["policies"]["no_control"]
    assert metrics["operations"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert metrics["return"]["mean"] == pytest.approx(-0.12 * metrics["loss_kwh"]["mean"])


def test_sensible_control_keeps_limits_that_no_control_violates(done: Done):
    policies = done.read("metrics.json")["policies"]
    assert policies["no_control"]["violation_rate"]["low"] > 0.05
    assert policies["local_rules"]["violation_rate"]["high"] < 0.01


def test_the_privacy_block_says_what_was_spent(done: Done):
    privacy = done.read("metrics.json")["privacy"]
    assert 0.0 < privacy["epsilon"] <= 8.0
    assert privacy["delta"] == 1e-5
    assert privacy["unit"] == "one site-day trajectory"
    assert privacy["accountant"].startswith("PLD, dp-accounting ")
    assert privacy["holds"] is True


def test_the_run_says_with_what_it_was_made(done: Done, tiny: dict[str, Any]):
    run = done.read("run.json")
    runs_dir = str(done.path.parent)
    expected = DemoConfig.of({**tiny, "run": "first", "runs_dir": runs_dir})
    assert DemoConfig.of(run["configuration"]) == expected
    assert run["seeds"] == {
        "job": 0,
        "year": {"coastal": 0, "prairie": 1},
        "private_noise": "cryptographic",
    }
    assert {"python", "grid-fed-rl", "torch", "flwr", "minari"} <= set(run["versions"])
    assert list(run["timings_s"]) == [
        "check",
        "logs",
        "learn local_only",
        "learn pooled",
        "learn federated",
        "learn federated_private",
        "evaluate",
        "report",
    ]
    assert min(run["timings_s"].values()) > 0.0


def test_inputs_are_known_by_their_hashes(done: Done):
    inputs = done.read("run.json")["inputs"]
    for table in (FEEDERS / "ieee13").iterdir():
        sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
        assert inputs[f"feeders/ieee13/{table.name}"] == sha256
    for site in SITES:
        log = read_minari(f"grid_fed_rl/ieee13-vvo/{site}-v0", done.path / "datasets")
        assert inputs[f"datasets/{site}"] == dataset_hash(log)
    assert inputs["datasets/coastal"] != inputs["datasets/prairie"]


def test_the_report_holds_findings_figures_and_the_statement(done: Done):
    page = done.page
    verdicts = [line for line in _sentences(done.screen) if line.startswith("Federated ")]
    assert len(verdicts) == 2
    plain = page.replace("\u00a0", " ")
    assert all(verdict in plain for verdict in verdicts)
    assert plain.count("with 95 % confidence") == 1
    assert re.search(r"; against local only, voltage violations .+ and energy loss .+\.", plain)
    assert "differentially private for one site-day trajectory" in page
    assert 'id="void"' not in page
    for site in SITES:
        ledger = read_ledger(done.path / f"federated_private/sites/{site}/ledger.jsonl")
        assert ledger.head in page
    assert page.count("<img ") == 4
    figures = {path.name for path in (done.path / "figures").iterdir()}
    assert figures == {"metrics.png", "profile.png", "day.png", "learning.png"}
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'src="http' not in page


def test_the_screen_shows_the_same_within_80_columns(done: Done):
    lines = done.screen.splitlines()
    fixed = [line for line in lines if str(done.path) not in line]
    assert max(map(len, fixed)) <= 80
    assert "Base case against OpenDSS: largest voltage difference" in done.screen
    for label in ("local only", "pooled", "federated", "federated, private"):
        assert re.search(rf"^Learning: {label} +━+ 100 %", done.screen, flags=re.MULTILINE)
    assert "Privacy: epsilon 8 at delta 1e-05 for one site-day trajectory" in _sentences(
        done.screen
    )[-3].replace("\u00a0", " ")
    assert lines[-1] == f"Report: {done.path / 'report.html'}"


def _sentences(screen: str) -> list[str]:
    """What `say` printed after the table, unwrapped."""
    _, _, tail = screen.partition("marks the best mean")
    joined = tail.replace("\u00a0", " ").strip().splitlines()
    sentences: list[str] = []
    for line in joined:
        if re.match(r"Federated |Privacy: |Report: |\d+ s in all", line):
            sentences.append(line.strip())
        elif line.strip():
            sentences[-1] += " " + line.strip()
    return sentences


# ---- logs ----------------------------------------------------------------------


def days_of_clock(observations: np.ndarray, names: tuple[str, ...]) -> int:
    """Day of the year that an episode began on, from the clock in its first observation."""
    sine, cosine = (float(observations[0, names.index(name)]) for name in ("sin_day", "cos_day"))
    return round(math.atan2(sine, cosine) / (2.0 * math.pi) * 365.0) % 365


@pytest.mark.parametrize("site", SITES)
def test_a_log_is_a_minari_dataset_of_training_days_alone(
    done: Done, utilities: Mapping[str, Utility], site: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(done.path / "datasets"))
    utility = utilities[site]
    dataset = minari.load_dataset(f"grid_fed_rl/ieee13-vvo/{site}-v0")
    names = utility.env.case.observation_names
    days: list[int] = []
    for episode in dataset.iterate_episodes():
        assert episode.actions.shape == (24, len(utility.env.case.action_names))
        assert episode.observations.shape == (25, len(names))
        assert episode.truncations.tolist() == [False] * 23 + [True]
        days.append(days_of_clock(episode.observations, names))
    assert days == utility.days("train").tolist()  # each once
    assert not set(days) & {*utility.days("validation"), *utility.days("test")}
    assert sum(len(utility.days(split)) for split in ("train", "validation", "test")) == 365
    assert days == utility.env.case.days.tolist()  # as the environment splits its own year


# ---- privacy -------------------------------------------------------------------


def test_ledgers_hold_the_steps_of_the_run_and_refuse_one_more(done: Done, config: DemoConfig):
    mechanism = config.privacy.mechanism()
    spent = done.read("metrics.json")["privacy"]["epsilon"]
    for site in SITES:
        path = done.path / f"federated_private/sites/{site}/ledger.jsonl"
        before = read_ledger(path)
        assert (before.site, before.n_steps, before.n_rounds) == (site, 2, 2)
        assert before.epsilon_spent == spent
        with (
            Ledger(path, site, config.privacy.epsilon, config.privacy.delta) as ledger,
            pytest.raises(BudgetError, match=f"site '{site}': 1 steps .* past the budget of 8"),
        ):
            ledger.reserve("once more", 1, mechanism.steps(1))
        assert read_ledger(path) == before


# ---- judging -------------------------------------------------------------------


@pytest.mark.parametrize("site", SITES)
def test_seeds_are_disjoint_and_together_all_test_days(
    judge: Judge, utilities: Mapping[str, Utility], site: str
):
    hands = judge.hands(utilities[site])
    dealt = np.concatenate(hands)
    assert len(hands) == 5
    assert len(set(dealt.tolist())) == len(dealt)
    assert sorted(dealt.tolist()) == utilities[site].days("test").tolist()
    assert max(map(len, hands)) - min(map(len, hands)) <= 1


def test_more_seeds_than_test_days_are_refused(utilities: Mapping[str, Utility]):
    with pytest.raises(GridFedRLError, match=r"evaluation.seeds is 300; expected at most \d+, the"):
        Judge(utilities, 300, 0)


@pytest.mark.parametrize("policy", ["local_only", "pooled", "federated", "federated_private"])
def test_a_saved_policy_is_the_one_that_was_judged(done: Done, judge: Judge, policy: str):
    files = {site: f"local_only-{site}" if policy == "local_only" else policy for site in SITES}
    loaded = {
        site: LearnedPolicy.load(done.path / "policies" / f"{name}.safetensors")
        for site, name in files.items()
    }
    measured = judge.measure(loaded)
    kept = done.read("metrics.json")["policies"][policy]
    assert {name: float(measured[name].mean()) for name in METRICS} == {
        name: kept[name]["mean"] for name in METRICS
    }


def test_learning_curves_reach_the_end_of_training(done: Done):
    for name, steps in (
        ("local_only-coastal", 24),
        ("local_only-prairie", 24),
        ("pooled", 24),
        ("federated", 24),
        ("federated_private", 2),
    ):
        curve = done.read(f"learning/{name}.json")
        assert curve["steps"][-1] == steps
        assert len(curve["steps"]) == len(curve["score"])
        assert all(map(math.isfinite, curve["score"]))


def test_engines_that_disagree_are_told_in_so_many_words(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    screen = io.StringIO()
    monkeypatch.setattr("grid_fed_rl.demo.job._logs", interrupt)
    for name, largest_pu, told in (("agree", 1e-6, False), ("disagree", 1e-12, True)):
        monkeypatch.setattr("grid_fed_rl.demo.job.LARGEST_DIFFERENCE_PU", largest_pu)
        with pytest.raises(KeyboardInterrupt):
            run({**tiny, "run": name, "runs_dir": str(tmp_path)}, Console(file=screen, width=80))
        assert ("That is more than 1e-12: trust no result." in screen.getvalue()) is told


# ---- again ---------------------------------------------------------------------


def test_a_finished_run_is_refused_and_left_alone(done: Done, job: Callable[..., str]):
    before = (done.path / "run.json").read_bytes()
    with pytest.raises(GridFedRLError, match=r"run 'first' was finished in .*; choose another"):
        job(done.path.parent, "first")
    assert (done.path / "run.json").read_bytes() == before


def test_private_noise_is_never_the_same_twice_and_all_else_is(done: Done, job: Callable[..., str]):
    # The same run, as it was before the private learner began.
    runs = done.path.parent
    shutil.copytree(done.path, runs / "second", ignore=shutil.ignore_patterns("federated_private*"))
    (runs / "second/run.json").unlink()
    job(runs, "second")
    first, second = (
        json.loads((runs / name / "metrics.json").read_text())["policies"]
        for name in ("first", "second")
    )
    assert [name for name in POLICIES if first[name] != second[name]] == ["federated_private"]


def test_the_configuration_that_is_kept_is_that_of_the_run(done: Done, config: DemoConfig):
    assert done.read("configuration.json") == json.loads(json.dumps(dataclasses.asdict(config)))
