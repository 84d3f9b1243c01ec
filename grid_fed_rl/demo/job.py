"""The main job, from a real feeder to a federated policy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import grid_fed_rl.envs
from grid_fed_rl.analytics.figures import (
    day_figure,
    learning_figure,
    metrics_figure,
    profile_figure,
)
from grid_fed_rl.analytics.profile import profile_layout
from grid_fed_rl.analytics.provenance import feeder_hashes
from grid_fed_rl.analytics.report import Report, ReportFigure, metrics_table, write_report
from grid_fed_rl.analytics.runs import RunFolder
from grid_fed_rl.analytics.statistics import interval
from grid_fed_rl.analytics.vocabulary import metrics_document, policy_text
from grid_fed_rl.datasets import Transitions, dataset_hash
from grid_fed_rl.demo.config import DemoConfig
from grid_fed_rl.demo.judge import BySeed, Day, Judge, day_of, verdicts
from grid_fed_rl.demo.learners import Learned, Learners
from grid_fed_rl.demo.sites import Utility, open_utilities
from grid_fed_rl.demo.tracking import tracking
from grid_fed_rl.feeders import load
from grid_fed_rl.policy import Policy
from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve
from grid_fed_rl.powerflow.opendss import OpenDSS

__all__ = ["run"]

DETAILED = ("no_control", "local_rules", "local_only", "federated")


def run(settings: Mapping[str, Any], console: Console | None = None) -> Path:
    """Run the main job and return the path of its report.

    A run of a name that was begun and not finished goes on where it stopped.

    Args:
        settings: `configs/demo.yaml`, composed, as plain nested mappings.
        console: where progress and results are printed.

    Raises:
        GridFedRLError: a setting is wrong, or a run of this name is finished.
    """
    config = DemoConfig.of(settings)
    console = console or Console()
    torch.set_num_threads(1)  # small networks: a second thread costs more than it gives
    grid_fed_rl.envs.register()
    folder = _open_folder(config)
    console.print(f"Run [bold]{folder.name}[/bold] in {folder.path}")
    utilities = open_utilities(config)
    with folder.stage("check"):
        _check_feeder(config.feeder.name, console)
    with folder.stage("logs"):
        logs = _logs(utilities, folder.path / "datasets", console)
    with tracking(config, folder.path, settings) as track:
        learned = _learn(config, utilities, logs, folder, console)
        for name, one in learned.items():
            for step, score in zip(one.curve.steps, one.curve.score, strict=True):
                track({f"{name}/steps": step, f"{name}/score_usd_per_day": score})
        with folder.stage("evaluate"):
            results, policies = _evaluate(config, utilities, learned, console)
            day = day_of(utilities, {name: policies[name] for name in DETAILED})
        with folder.stage("report"):
            path = _report(config, settings, folder, utilities, learned, results, day, console)
        for name, metrics in results.items():
            track({f"{name}/{metric}": float(v.mean()) for metric, v in metrics.items()})
    folder.finish(
        configuration=dict(settings),
        seeds={
            "job": config.seed,
            "year": {name: config.seed + one.number for name, one in utilities.items()},
            "private_noise": config.seed if config.reproducible else "cryptographic",
        },
        inputs={
            **feeder_hashes(config.feeder.name),
            **{f"datasets/{name}": dataset_hash(log) for name, log in logs.items()},
        },
    )
    total_s = sum(folder.timings_s.values())
    spent = ", ".join(f"{name} {s:.0f}" for name, s in folder.timings_s.items())
    console.print(f"{total_s:.0f} s in all (s: {spent})")
    console.print(f"Report: [bold]{path}[/bold]", soft_wrap=True)
    return path


def _open_folder(config: DemoConfig) -> RunFolder:
    """A new folder, or the one of a run that was begun and not finished."""
    if config.run is None:
        return RunFolder.create(config.runs_dir)
    begun = Path(config.runs_dir) / config.run
    unfinished = begun.exists() and not (begun / "run.json").exists()
    return RunFolder.create(config.runs_dir, config.run, resume=unfinished)


def _check_feeder(name: str, console: Console) -> None:
    """Solve the base case with both engines and say how far they are apart."""
    network = compile_network(load(name))
    setpoint = nominal_setpoint(network)
    ours, reference = solve(network, setpoint), OpenDSS(network).solve(setpoint)
    largest = float(np.abs(ours.v_pu - reference.v_pu).max())
    console.print(
        f"{network.feeder.title}: {network.n_nodes} nodes, {len(network.loads)} loads. Base case "
        f"against OpenDSS: largest difference {largest:.1e} p.u."
    )


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description:<26}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield progress


def _logs(utilities: Mapping[str, Utility], root: Path, console: Console) -> dict[str, Transitions]:
    logs = {}
    with _bars(console) as progress:
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
    with _bars(console) as progress:
        share = {"local_only": len(utilities)}
        tasks = {
            name: progress.add_task(
                f"Learning: {policy_text(name).label.lower()}",
                total=share.get(name, 1),
                start=False,
            )
            for name in ("local_only", "pooled", "federated", "federated_private")
        }

        def advance(name: str, done: float) -> None:
            progress.advance(tasks[name.split("-")[0]], done)

        for name, learn in Learners(config, utilities, logs, folder, advance):
            progress.start_task(tasks[name])
            with folder.stage(f"learn {name}"):
                learned[name] = learn()
            progress.update(tasks[name], completed=share.get(name, 1))
    return learned


def _evaluate(
    config: DemoConfig,
    utilities: Mapping[str, Utility],
    learned: Mapping[str, Learned],
    console: Console,
) -> tuple[dict[str, BySeed], dict[str, Mapping[str, Policy]]]:
    hold = {name: utility.hold for name, utility in utilities.items()}
    policies: dict[str, Mapping[str, Policy]] = {
        "no_control": hold,
        "local_rules": hold,
        "behaviour": {name: utility.behaviour(1) for name, utility in utilities.items()},
        **{name: one.policies for name, one in learned.items()},
    }
    judge = Judge(utilities, config.evaluation.seeds, config.seed)
    results: dict[str, BySeed] = {}
    with _bars(console) as progress:
        task = progress.add_task("Judging on unseen days", total=len(policies))
        for name, by_utility in policies.items():
            results[name] = judge.measure(by_utility, own_controls=name == "local_rules")
            progress.advance(task)
    return results, policies


def _report(
    config: DemoConfig,
    settings: Mapping[str, Any],
    folder: RunFolder,
    utilities: Mapping[str, Utility],
    learned: Mapping[str, Learned],
    results: Mapping[str, BySeed],
    day: Day,
    console: Console,
) -> Path:
    metrics = {
        policy: {metric: interval(v)._asdict() for metric, v in by_seed.items()}
        for policy, by_seed in results.items()
    }
    statement = learned["federated_private"].privacy or {}
    folder.write_json("metrics.json", metrics_document(metrics, statement))
    findings = verdicts(results, "federated", ["no_control", "local_only"])
    console.print(metrics_table(metrics))
    for finding in findings:
        console.print(f"[{'green' if finding.better else 'red'}]{finding.text}[/]")
    console.print(_privacy_line(statement))
    report = Report(
        title=f"Federated volt-var control on the {load(config.feeder.name).title}",
        summary=[
            f"{len(utilities)} utilities run the {load(config.feeder.name).title}, each with its "
            f"own year of load and sun. Policies are judged on {config.evaluation.seeds} disjoint "
            f"draws of days that none was trained on.",
            *(finding.text for finding in findings),
        ],
        metrics=metrics,
        figures=_figures(utilities, learned, metrics, day),
        privacy=statement,
        configuration=dict(settings),
        reproducibility=_reproducibility(config),
    )
    return write_report(report, folder.path / "report.html")


def _privacy_line(statement: Mapping[str, Any]) -> str:
    if not statement["holds"]:
        return (
            "[red]Privacy: the guarantee is void, because this run's noise can be repeated "
            "(reproducible=true).[/]"
        )
    return (
        f"Privacy: epsilon {statement['epsilon']:.3g} at delta {statement['delta']:.0e} for "
        f"{statement['unit']}, counted by {statement['accountant']}."
    )


def _reproducibility(config: DemoConfig) -> str:
    noise = (
        "The private noise comes from the same seed, so this run can be repeated bit for bit and "
        "its privacy guarantee is void."
        if config.reproducible
        else "The private noise comes from a cryptographic source and is never the same twice; "
        "everything else can be repeated."
    )
    return (
        f"Years, logs, networks and minibatches follow from seed {config.seed} and the "
        f"configuration below. {noise} The learners' settings were chosen on validation days of "
        f"the simulated utilities, which the privacy statement does not cover."
    )


def _figures(
    utilities: Mapping[str, Utility],
    learned: Mapping[str, Learned],
    metrics: Mapping[str, Mapping[str, Mapping[str, float]]],
    day: Day,
) -> list[ReportFigure]:
    network = utilities[day.utility].env.case.network
    layout = profile_layout(network.feeder, network.node_names)
    before, after = day.v_pu["no_control"], day.v_pu["federated"]
    hour = int(np.argmin(before.min(axis=1)))
    when = f"day {day.day + 1} of {day.utility}'s year"
    return [
        ReportFigure(
            "metrics",
            "How the policies compare",
            "Mean over seeds and its 95 % interval, by metric.",
            "Dot plot of every metric for every policy; the table holds the same numbers.",
            metrics_figure(metrics),
        ),
        ReportFigure(
            "profile",
            "Voltage along the feeder, before and after",
            f"Every node at {hour}:00 on {when}, the unseen day that no control handles worst: "
            f"without control on the left, under the federated policy on the right. Dashed lines "
            f"are the limits of ANSI C84.1 range A.",
            f"Two voltage profiles. The lowest voltage rises from {before[hour].min():.3f} to "
            f"{after[hour].min():.3f} p.u.",
            profile_figure(
                layout.distance_km,
                layout.phase,
                before[hour],
                after[hour],
                layout.segments,
                labels=("No control", "Federated policy"),
            ),
        ),
        ReportFigure(
            "day",
            "Voltage over that day",
            f"Lowest and highest voltage of all nodes through {when}. Grey repeats no control.",
            "Bands of lowest to highest voltage over 24 hours, one panel a policy.",
            day_figure(
                np.arange(0.5, len(before)),
                {name: (v.min(axis=1), v.max(axis=1)) for name, v in day.v_pu.items()},
            ),
        ),
        ReportFigure(
            "learning",
            "Learning curves",
            "Score on validation days against gradient steps a site: return less the weighted "
            "violation. The private learner takes fewer and noisier steps.",
            "One rising line a learner.",
            learning_figure(
                {
                    name: (np.array(one.curve.steps), np.array(one.curve.score))
                    for name, one in learned.items()
                },
                x_label="Gradient steps of a site",
                y_label="Score on validation days ($ per day)",
            ),
        ),
    ]
