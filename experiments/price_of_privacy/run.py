"""What does privacy cost? The private federated policy at several epsilons.

The utilities, logs and settings are those of the main job. For each epsilon the
private learner is trained several times, each with its own noise, and judged on
the main job's unseen days; beside it stand no control and the federated learner
without privacy.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

import grid_fed_rl.envs
from grid_fed_rl.analytics.runs import RunFolder
from grid_fed_rl.analytics.statistics import interval
from grid_fed_rl.analytics.vocabulary import metric_text
from grid_fed_rl.cli.configuration import compose
from grid_fed_rl.demo.config import DemoConfig
from grid_fed_rl.demo.judge import Judge
from grid_fed_rl.demo.learners import Learners
from grid_fed_rl.demo.sites import open_utilities

METRICS = ("violation_rate", "violation_pu", "loss_kwh", "operations")


def main() -> None:
    """Train, judge, print a table and write ``runs/<name>/price.json``."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--epsilons", type=float, nargs="+", default=[1.0, 3.0, 8.0])
    parser.add_argument("--repeats", type=int, default=3, help="runs an epsilon (default 3)")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    parser.add_argument("overrides", nargs="*", help="as for grid-fed-rl demo")
    args = parser.parse_args()
    if args.repeats < 2:
        parser.error("--repeats: at least 2, for an interval")

    torch.set_num_threads(1)
    grid_fed_rl.envs.register()
    console = Console()
    config = DemoConfig.of(compose(args.overrides))
    folder = RunFolder.create(args.runs_dir)
    utilities = open_utilities(config)
    logs = {name: one.log(folder.path / "datasets") for name, one in utilities.items()}
    judge = Judge(utilities, config.evaluation.seeds, config.seed)

    def judged(policies) -> dict[str, float]:  # noqa: ANN001 - by utility
        return {name: float(by_seed.mean()) for name, by_seed in judge.measure(policies).items()}

    def private(epsilon: float, repeat: int) -> dict[str, float]:
        privacy = replace(config.privacy, epsilon=epsilon)
        place = RunFolder.create(folder.path, f"epsilon-{epsilon:g}-{repeat}")
        learners = Learners(
            replace(config, privacy=privacy), utilities, logs, place, lambda *_: None
        )
        return judged(learners.federated_private().policies)

    plain = Learners(config, utilities, logs, folder, lambda *_: None)
    rows = {
        "no control": [judged({name: one.hold for name, one in utilities.items()})],
        "federated": [judged(plain.federated().policies)],
    }
    todo = [(epsilon, k) for epsilon in args.epsilons for k in range(args.repeats)]
    for epsilon, k in track(todo, "Learning privately", console=console):
        rows.setdefault(f"epsilon {epsilon:g}", []).append(private(epsilon, k))

    texts = [metric_text(metric) for metric in METRICS]
    table = Table("Policy", *(f"{text.label}, {text.unit}" for text in texts))
    for name, runs in rows.items():
        table.add_row(name, *(_cell([run[metric] for run in runs], metric) for metric in METRICS))
    console.print(table)
    path = folder.write_json("price.json", {"configuration": config, "rows": rows})
    console.print(f"Written to {path}", soft_wrap=True)


def _cell(values: list[float], metric: str) -> str:
    shown = np.array(values) * metric_text(metric).shown_per_unit
    if len(shown) == 1:
        return f"{shown[0]:.3g}"
    mean, low, high = interval(shown)
    return f"{mean:.3g} ({low:.3g} to {high:.3g})"


if __name__ == "__main__":
    main()
