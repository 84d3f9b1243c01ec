"""The policies and metrics of a comparison: what they are called and what they mean.

Tables, figures and the report take their words, units and order from here, so
that a metric means the same wherever it is shown.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from grid_fed_rl.errors import GridFedRLError

__all__ = [
    "METRICS",
    "POLICIES",
    "Metric",
    "MetricTable",
    "PolicyText",
    "best_policies",
    "check_metrics",
    "decimals",
    "metric_text",
    "metrics_document",
    "policy_text",
]

MetricTable = Mapping[str, Mapping[str, Mapping[str, float]]]
"""``{policy: {metric: {"mean", "low", "high"}}}``, the shape of `metrics.json`."""


@dataclass(frozen=True)
class Metric:
    """A number that a policy is judged by.

    Attributes:
        label: name as shown.
        short: name where there is little room; the label if empty.
        unit: unit of what is shown.
        better: which way is better; None if that is not known.
        explanation: what it is, in one or two sentences.
        shown_per_unit: what a stored value is multiplied by to be shown.
    """

    label: str
    short: str = ""
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    explanation: str = ""
    shown_per_unit: float = 1.0


@dataclass(frozen=True)
class PolicyText:
    """A way to run the feeder: name as shown and what it is."""

    label: str
    explanation: str = ""


METRICS: Mapping[str, Metric] = {
    "return": Metric(
        "Return",
        "Return",
        "$ per day",
        "higher",
        "Reward added up over the day: minus what energy losses and the wear of devices cost. "
        "Voltage violations are not part of it; they are counted by themselves.",
    ),
    "loss_kwh": Metric(
        "Energy loss",
        "Loss",
        "kWh per day",
        "lower",
        "Energy that heats lines, transformers and converters instead of reaching a customer.",
    ),
    "violation_rate": Metric(
        "Voltage violations",
        "Violations",
        "% of node-steps",
        "lower",
        "How often a voltage is outside its limits: the share of all nodes at all time steps. "
        "A node is one phase of one bus.",
        shown_per_unit=100.0,
    ),
    "violation_pu": Metric(
        "Violation magnitude",
        "Magnitude",
        "p.u. per day",
        "lower",
        "How far voltages are outside their limits: the excursions of all nodes at all time "
        "steps, added up. 1 p.u. is the nominal voltage of the node.",
    ),
    "operations": Metric(
        "Device operations",
        "Operations",
        "per day",
        "lower",
        "Tap steps of regulators and switchings of capacitors: what wears them out.",
    ),
}

POLICIES: Mapping[str, PolicyText] = {
    "no_control": PolicyText(
        "No control",
        "Every device stays at rest: regulators neutral, capacitors open, batteries idle.",
    ),
    "local_rules": PolicyText(
        "Local rules",
        "The regulators' and capacitors' own voltage controls, as utilities run them today.",
    ),
    "behaviour": PolicyText(
        "Behaviour",
        "The rules, with some variation, that made the logs which the learned policies saw.",
    ),
    "local_only": PolicyText(
        "Local only",
        "Each utility learns from its own log alone; shown is the average over utilities.",
    ),
    "pooled": PolicyText(
        "Pooled",
        "One policy from all logs in one place: what sharing everything would give.",
    ),
    "federated": PolicyText(
        "Federated",
        "One policy learned together: logs stay at the utilities, updates are averaged.",
    ),
    "federated_private": PolicyText(
        "Federated, private",
        "As federated, with clipped and noised updates: differential privacy for each site-day.",
    ),
}


def metric_text(name: str) -> Metric:
    """Words of a metric; one that is not known keeps its name and has no better way."""
    return METRICS.get(name, Metric(name.replace("_", " ").capitalize()))


def policy_text(name: str) -> PolicyText:
    """Words of a policy; one that is not known keeps its name."""
    return POLICIES.get(name, PolicyText(name.replace("_", " ").capitalize()))


def check_metrics(metrics: MetricTable) -> tuple[str, ...]:
    """Names of the metrics, the same for every policy.

    Raises:
        GridFedRLError: there is no policy or metric, a policy lacks a metric, or
            a value is missing, not finite or outside its own interval.
    """
    names = tuple(next(iter(metrics.values()), ()))
    if not names:
        raise GridFedRLError("metrics: empty; at least one policy with one metric is needed")
    for policy, row in metrics.items():
        if set(row) != set(names):
            raise GridFedRLError(
                f"metrics: policy {policy!r} has {', '.join(row)}; expected {', '.join(names)}"
            )
        for metric, value in row.items():
            where = f"metrics: policy {policy!r}, {metric!r}"
            if set(value) != {"mean", "low", "high"}:
                raise GridFedRLError(f"{where} has {', '.join(value)}; expected mean, low, high")
            if not all(math.isfinite(number) for number in value.values()):
                raise GridFedRLError(f"{where} is {dict(value)}; every number must be finite")
            if not value["low"] <= value["mean"] <= value["high"]:
                raise GridFedRLError(f"{where} is {dict(value)}; expected low <= mean <= high")
    return names


def best_policies(metrics: MetricTable, metric: str) -> frozenset[str]:
    """Policies with the best mean of a metric; several if equal, none if no way is better."""
    better = metric_text(metric).better
    if better is None:
        return frozenset()
    means = {policy: row[metric]["mean"] for policy, row in metrics.items()}
    best = max(means.values()) if better == "higher" else min(means.values())
    return frozenset(policy for policy, mean in means.items() if mean == best)


def decimals(metrics: MetricTable, metric: str) -> int:
    """Decimals that show the largest mean of a column with four digits, at most six."""
    largest = max(abs(row[metric]["mean"]) for row in metrics.values())
    largest *= metric_text(metric).shown_per_unit
    return min(6, max(0, 3 - math.floor(math.log10(largest)))) if largest > 0 else 0


def metrics_document(metrics: MetricTable, privacy: Mapping[str, object]) -> dict[str, object]:
    """The content of `metrics.json`.

    Args:
        metrics: of every policy.
        privacy: statement of the guarantee, as a dictionary. Beside its
            epsilon, delta, unit and accountant goes whether it holds.

    Raises:
        GridFedRLError: the metrics are broken, or the statement lacks an entry.
    """
    check_metrics(metrics)
    keys = ("epsilon", "delta", "unit", "accountant", "holds")
    missing = [key for key in keys if key not in privacy]
    if missing:
        raise GridFedRLError(f"privacy: {', '.join(missing)} missing; a statement has all of them")
    return {
        "policies": {
            policy: {metric: dict(value) for metric, value in row.items()}
            for policy, row in metrics.items()
        },
        "privacy": {key: privacy[key] for key in keys},
    }
