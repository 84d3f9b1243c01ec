"""What the job's report says and shows."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from grid_fed_rl.analytics.figures import (
    day_figure,
    learning_figure,
    metrics_figure,
    profile_figure,
)
from grid_fed_rl.analytics.profile import profile_layout
from grid_fed_rl.analytics.report import Report, ReportFigure
from grid_fed_rl.analytics.vocabulary import MetricTable
from grid_fed_rl.demo.config import DemoConfig
from grid_fed_rl.demo.day import Day
from grid_fed_rl.demo.learners import Learned
from grid_fed_rl.demo.verdict import Verdict, in_words
from grid_fed_rl.powerflow import Network

__all__ = ["job_report"]


def job_report(
    config: DemoConfig,
    network: Network,
    learned: Mapping[str, Learned],
    metrics: MetricTable,
    found: list[Verdict],
    day: Day,
    statement: Mapping[str, object],
) -> Report:
    """Put the report together.

    Args:
        config: the job.
        network: of the utility whose day is shown.
        learned: by policy.
        metrics: of every policy.
        found: verdicts, the most telling first.
        day: shown in detail.
        statement: of the private run's guarantee.
    """
    title = network.feeder.title or network.feeder.name
    return Report(
        title=f"Federated volt-var control on the {title}",
        summary=[
            f"{len(config.utilities)} utilities run the {title}, each with its own year of load "
            f"and sun. Policies are judged on {config.evaluation.seeds} disjoint draws of days "
            f"that none was trained on.",
            *(verdict.text for verdict in found),
            in_words(found),
            "Each learner was trained once, so intervals speak of days, not of networks or noise "
            "drawn anew. The private learner has smaller networks and fewer, larger steps than "
            "the others. At equal steps the federated learner has seen as many more samples than "
            "the pooled one as there are utilities. Local rules settle within the hour they act "
            "in; learned policies act once an hour on what they saw before it. The privacy "
            "statement covers the private learner alone: the others of this comparison use the "
            "same logs unprotected, and other runs on these logs would add up.",
        ],
        metrics=metrics,
        figures=[
            ReportFigure(
                "metrics",
                "How the policies compare",
                "Mean over seeds and its 95\u00a0% interval, by metric.",
                "Dot plot of every metric for every policy; the table holds the same numbers.",
                metrics_figure(metrics),
            ),
            _profile(network, day),
            _day(day),
            _learning(learned),
        ],
        privacy=statement,
        configuration=asdict(config),
        reproducibility=_reproducibility(config),
    )


def _profile(network: Network, day: Day) -> ReportFigure:
    layout = profile_layout(network.feeder, network.node_names)
    hour = day.worst_hour
    before, after = day.v_pu["no_control"][hour], day.v_pu["federated"][hour]
    return ReportFigure(
        "profile",
        "Voltage along the feeder, before and after",
        f"Every node from {hour}:00 to {hour + 1}:00 on {_date(day)}, the unseen day that no "
        f"control handles worst, at its worst hour: without control on the left, under the "
        f"federated policy on the right. Dashed lines are the limits of ANSI C84.1 range A.",
        f"Two voltage profiles. Voltages are {before.min():.3f} to {before.max():.3f} p.u. without "
        f"control and {after.min():.3f} to {after.max():.3f} p.u. under the federated policy.",
        profile_figure(
            layout.distance_km,
            layout.phase,
            before,
            after,
            layout.segments,
            labels=("No control", "Federated policy"),
        ),
    )


def _day(day: Day) -> ReportFigure:
    hours = np.arange(0.5, len(day.v_pu["no_control"]))
    return ReportFigure(
        "day",
        "Voltage over that day",
        f"Lowest and highest voltage of all nodes through {_date(day)}. Grey repeats no control.",
        "Bands of lowest to highest voltage over 24 hours, one panel a policy.",
        day_figure(hours, {name: (v.min(axis=1), v.max(axis=1)) for name, v in day.v_pu.items()}),
    )


def _learning(learned: Mapping[str, Learned]) -> ReportFigure:
    curves = {
        name: (100.0 * np.array(one.curve.steps) / one.curve.steps[-1], np.array(one.curve.score))
        for name, one in learned.items()
    }
    plain, private = (learned[name].curve.steps[-1] for name in ("federated", "federated_private"))
    return ReportFigure(
        "learning",
        "Learning curves",
        f"Score on validation days as training goes on: return less the weighted violation. The "
        f"whole way is {plain:.0f} gradient steps of a site; for the private learner, whose steps "
        f"spend its budget, {private:.0f}.",
        "One line a learner.",
        learning_figure(
            curves,
            x_label="Share of training done (%)",
            y_label="Score on validation days ($ per day)",
        ),
    )


def _date(day: Day) -> str:
    return f"day {day.day + 1} of {day.utility}'s year"


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
        f"configuration below. {noise} The learners' shipped settings were chosen by looking at "
        f"the simulated utilities of seeds 0 and 100, their test days among them, which the "
        f"privacy statement does not cover; judge the settings by another seed."
    )
