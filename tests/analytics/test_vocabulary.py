"""One meaning for every policy and metric, and a schema for metrics.json."""

from typing import Any

import pytest

from grid_fed_rl.analytics import evaluate
from grid_fed_rl.analytics.vocabulary import (
    METRICS,
    POLICIES,
    best_policies,
    check_metrics,
    decimals,
    metric_text,
    metrics_document,
    policy_text,
)
from grid_fed_rl.errors import GridFedRLError

Metrics = dict[str, dict[str, dict[str, float]]]


def test_every_metric_that_is_measured_has_words():
    assert tuple(METRICS) == evaluate.METRICS
    for metric in METRICS.values():
        assert metric.unit
        assert metric.better in {"higher", "lower"}
        assert metric.explanation.endswith(".")


def test_every_policy_of_the_comparison_has_words():
    assert set(POLICIES) == {
        *("no_control", "local_rules", "behaviour", "local_only"),
        *("pooled", "federated", "federated_private"),
    }
    assert all(policy.explanation.endswith(".") for policy in POLICIES.values())


def test_what_is_not_known_keeps_its_name():
    assert policy_text("my_policy").label == "My policy"
    assert metric_text("energy_kwh").label == "Energy kwh"
    assert metric_text("energy_kwh").better is None


def test_best_is_highest_or_lowest_and_shared_if_equal(metrics: Metrics):
    assert best_policies(metrics, "return") == {"pooled"}
    assert best_policies(metrics, "loss_kwh") == {"pooled"}
    assert best_policies(metrics, "operations") == {"no_control"}
    metrics["federated"]["loss_kwh"] = metrics["pooled"]["loss_kwh"]
    assert best_policies(metrics, "loss_kwh") == {"pooled", "federated"}
    unknown = {"a": {"x": {"mean": 1.0, "low": 0.0, "high": 2.0}}}
    assert best_policies(unknown, "x") == set()


@pytest.mark.parametrize(
    ("mean", "expected"), [(1460.0, 0), (520.0, 1), (31.2, 2), (1.0, 3), (1e-9, 6), (0.0, 0)]
)
def test_a_column_shows_four_digits_of_its_largest_mean(mean: float, expected: int):
    column = {"a": {"x": {"mean": mean, "low": mean, "high": mean}}}
    assert decimals(column, "x") == expected


def test_a_share_is_shown_in_percent(metrics: Metrics):
    assert decimals(metrics, "violation_rate") == 2  # of 18.20 %


def test_document_has_the_schema_of_metrics_json(metrics: Metrics, privacy: dict[str, object]):
    document = metrics_document(metrics, privacy)
    assert set(document) == {"policies", "privacy"}
    assert document["policies"] == metrics
    assert document["privacy"] == {
        "epsilon": 7.93,
        "delta": 1e-5,
        "unit": "one site-day trajectory",
        "accountant": "PLD, dp-accounting 0.6.0",
        "holds": True,
    }


def test_document_needs_a_whole_statement(metrics: Metrics, privacy: dict[str, object]):
    del privacy["delta"]
    with pytest.raises(GridFedRLError, match="delta missing"):
        metrics_document(metrics, privacy)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"mean": 1.0, "low": 0.0}, "expected mean, low, high"),
        ({"mean": float("nan"), "low": 0.0, "high": 1.0}, "finite"),
        ({"mean": 2.0, "low": 0.0, "high": 1.0}, "low <= mean <= high"),
    ],
)
def test_a_broken_value_is_named(metrics: Metrics, value: Any, complaint: str):
    metrics["pooled"]["loss_kwh"] = value
    with pytest.raises(GridFedRLError, match=f"'pooled', 'loss_kwh'.*{complaint}"):
        check_metrics(metrics)


def test_every_policy_needs_every_metric(metrics: Metrics):
    del metrics["pooled"]["loss_kwh"]
    with pytest.raises(GridFedRLError, match="'pooled'"):
        check_metrics(metrics)
    with pytest.raises(GridFedRLError, match="empty"):
        check_metrics({})
