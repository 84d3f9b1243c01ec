"""The main job, from a real feeder to a federated policy."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from grid_fed_rl.analytics.provenance import feeder_hashes
from grid_fed_rl.analytics.report import metrics_table, write_report
from grid_fed_rl.analytics.runs import RunFolder
from grid_fed_rl.analytics.statistics import interval
from grid_fed_rl.analytics.vocabulary import metrics_document, policy_text
from grid_fed_rl.datasets import Transitions, dataset_hash
from grid_fed_rl.demo.config import DemoConfig
from grid_fed_rl.demo.day import Day, worst_day
from grid_fed_rl.demo.folder import open_folder
from grid_fed_rl.demo.judge import Judge, Results
from grid_fed_rl.demo.learners import LEARNERS, Learned, Learners
from grid_fed_rl.demo.report import job_report
from grid_fed_rl.demo.screen import bars, say
from grid_fed_rl.demo.sites import Utility, open_utilities
from grid_fed_rl.demo.tracking import tracking
from grid_fed_rl.demo.verdict import verdicts
from grid_fed_rl.feeders import open_feeder
from grid_fed_rl.policy import Policy
from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve
from grid_fed_rl.powerflow.opendss import OpenDSS

__all__ = ["run"]

DETAILED = ("no_control", "local_rules", "local_only", "federated")
LARGEST_DIFFERENCE_PU = 1e-6  # that rounding and the engines' tolerances explain


def run(settings: Mapping[str, Any], console: Console | None = None) -> Path:
    """Run the main job and return the path of its report.

    A run of a name that was begun and not finished goes on where it stopped.

    Args:
        settings: `configs/demo.yaml`, composed, as plain nested mappings.
        console: where progress and results are printed.

    Raises:
        GridFedRLError: a setting is wrong, or a run of this name is finished or
            was begun with other settings.
    """
    config = DemoConfig.of(settings)
    console = console or Console()
    torch.set_num_threads(1)  # small networks: a second thread costs more than it gives
    utilities = open_utilities(config)
    judge = Judge(utilities, config.evaluation.seeds, config.seed)
    folder = open_folder(config)
    config = replace(config, run=folder.name)
    say(console, f"Run {folder.name} in {folder.path}")
    with tracking(config, folder.path) as track:
        with folder.stage("check"):
            _check(config, console)
        with folder.stage("logs"):
            logs = _logs(utilities, folder.path / "datasets", console)
        learned = _learn(config, utilities, logs, folder, console)
        for name, one in learned.items():
            for step, score in zip(one.curve.steps, one.curve.score, strict=True):
                track({f"{name}/steps": step, f"{name}/score_usd_per_day": score})
        with folder.stage("evaluate"):
            policies = _policies(utilities, learned)
            results = _judged(judge, policies, console)
            day = worst_day(utilities, {name: policies[name] for name in DETAILED})
        with folder.stage("report"):
            path = _report(config, folder, utilities, learned, results, day, console)
        for name, metrics in results.items():
            track({f"{name}/{metric}": float(v.mean()) for metric, v in metrics.items()})
    folder.finish(
        configuration=asdict(config),
        seeds={
            "job": config.seed,
            "year": {name: one.year_seed for name, one in utilities.items()},
            "private_noise": config.seed if config.reproducible else "cryptographic",
        },
        inputs={
            **feeder_hashes(config.feeder.which),
            **{f"datasets/{name}": dataset_hash(log) for name, log in logs.items()},
        },
    )
    say(console, _spent(folder.timings_s))
    say(console, f"Report: {path}", "bold")
    return path


def _check(config: DemoConfig, console: Console) -> None:
    """Solve the base case with both engines, and see that the privacy budget can be met."""
    network = compile_network(open_feeder(config.feeder.which))
    title, n_loads = network.feeder.title or network.feeder.name, len(network.loads)
    say(console, f"{title}: {network.n_nodes} nodes, {n_loads} loads")
    setpoint = nominal_setpoint(network)
    with console.status("Compiling the power flow (once) and solving the base case"):
        ours, reference = solve(network, setpoint), OpenDSS(network).solve(setpoint)
    largest = float(np.abs(ours.v_pu - reference.v_pu).max())
    say(console, f"Base case against OpenDSS: largest voltage difference {largest:.1e} p.u.")
    if not largest <= LARGEST_DIFFERENCE_PU:
        say(console, f"That is more than {LARGEST_DIFFERENCE_PU:g}: trust no result.", "bold red")
    with console.status("Calibrating the private noise"):
        mechanism = config.privacy.mechanism()
        say(
            console,
            f"Privacy: {mechanism.n_steps} steps with noise multiplier "
            f"{mechanism.noise_multiplier:.4g} keep to epsilon {mechanism.epsilon:g}",
        )


def _logs(utilities: Mapping[str, Utility], root: Path, console: Console) -> dict[str, Transitions]:
    logs = {}
    with bars(console) as progress:
        task = progress.add_task("Logging operation", total=len(utilities))
        for name, utility in utilities.items():
            logs[name] = utility.log(root)
            progress.advance(task)
    return logs


def _learn(
    config: DemoConfig,
    utilities: Mapping[str, Utility],
    logs: Mapping[str, Transitions],
    folder: RunFolder,
    console: Console,
) -> dict[str, Learned]:
    learned = {}
    with bars(console) as progress:
        share = {"local_only": len(utilities)}
        tasks = {
            name: progress.add_task(
                f"Learning: {policy_text(name).label.lower()}",
                total=share.get(name, 1),
                start=False,
            )
            for name in LEARNERS
        }

        def advance(name: str, done: float) -> None:
            progress.advance(tasks[name.split("-")[0]], done)

        for name, learn in Learners(config, utilities, logs, folder, advance):
            progress.start_task(tasks[name])
            with folder.stage(f"learn {name}"):
                learned[name] = learn()
            progress.update(tasks[name], completed=share.get(name, 1))
            progress.stop_task(tasks[name])
    return learned


def _policies(
    utilities: Mapping[str, Utility], learned: Mapping[str, Learned]
) -> dict[str, Mapping[str, Policy]]:
    """What is judged: by policy, then by utility."""
    hold = {name: utility.hold for name, utility in utilities.items()}
    return {
        "no_control": hold,
        "local_rules": hold,
        "behaviour": {name: utility.behaviour(1) for name, utility in utilities.items()},
        **{name: one.policies for name, one in learned.items()},
    }


def _judged(
    judge: Judge, policies: Mapping[str, Mapping[str, Policy]], console: Console
) -> Results:
    results = {}
    with bars(console) as progress:
        task = progress.add_task("Judging on unseen days", total=len(policies))
        for name, by_utility in policies.items():
            results[name] = judge.measure(by_utility, own_controls=name == "local_rules")
            progress.advance(task)
    return results


def _report(
    config: DemoConfig,
    folder: RunFolder,
    utilities: Mapping[str, Utility],
    learned: Mapping[str, Learned],
    results: Results,
    day: Day,
    console: Console,
) -> Path:
    metrics = {
        policy: {metric: interval(v)._asdict() for metric, v in by_seed.items()}
        for policy, by_seed in results.items()
    }
    statement = learned["federated_private"].privacy or {}
    folder.write_json("metrics.json", metrics_document(metrics, statement))
    found = verdicts(results, "federated", ("no_control", "local_only"))
    console.print(metrics_table(metrics))
    console.print()
    for verdict in found:
        say(console, verdict.text, "green" if verdict.better else "red")
    _say_privacy(console, statement)
    network = utilities[day.utility].env.case.network
    with console.status("Writing the report"):
        report = job_report(config, network, learned, metrics, found, day, statement)
        return write_report(report, folder.path / "report.html")


def _say_privacy(console: Console, statement: Mapping[str, Any]) -> None:
    if not statement["holds"]:
        say(
            console,
            "Privacy: the guarantee is void, because this run's noise can be repeated "
            "(reproducible=true).",
            "red",
        )
        return
    say(
        console,
        f"Privacy: epsilon\u00a0{statement['epsilon']:.3g} at delta\u00a0{statement['delta']:.0e} "
        f"for {statement['unit']}, counted by {statement['accountant']}.",
    )


def _spent(timings_s: Mapping[str, float]) -> str:
    """Seconds in all and by part; the learners are one part."""
    parts: dict[str, float] = {}
    for stage, spent_s in timings_s.items():
        name = stage.partition(" ")[0]
        parts[name] = parts.get(name, 0.0) + spent_s
    listed = ", ".join(f"{name} {spent_s:.0f}" for name, spent_s in parts.items())
    return f"{sum(parts.values()):.0f}\u00a0s in all: {listed}"
