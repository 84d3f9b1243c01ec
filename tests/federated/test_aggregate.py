"""Combining updates: literals, order, and what too few sites are."""

import itertools

import numpy as np
import pytest

from grid_fed_rl.errors import FederationError
from grid_fed_rl.federated.aggregate import RULES, mean, trimmed_mean
from grid_fed_rl.federated.update import Arrays


def updates(*rows: list[float]) -> dict[str, Arrays]:
    return {
        f"site_{i}": {"w": np.array(row, np.float32), "b": np.array([[i]], np.float32)}
        for i, row in enumerate(rows)
    }


@pytest.mark.parametrize(
    ("rule", "w", "b"),
    [("mean", [3.0, 3.0], 1.5), ("median", [1.5, 5.0], 1.5), ("trimmed_mean", [1.5, 5.0], 1.5)],
)
def test_rules_on_four_sites(rule: str, w: list[float], b: float) -> None:
    combined = RULES[rule](updates([0, 6], [1, 4], [2, 9], [9, -7]))
    assert combined["w"].tolist() == w
    assert combined["b"].tolist() == [[b]]
    assert all(value.dtype == np.float32 for value in combined.values())


@pytest.mark.parametrize("rule", RULES)
def test_the_order_of_arrival_changes_no_bit(rule: str) -> None:
    rng = np.random.default_rng(0)
    rows = updates(*(list(rng.normal(size=200) * 10.0**i) for i in range(4)))
    answers = [
        RULES[rule](dict(order))["w"].tobytes() for order in itertools.permutations(rows.items())
    ]
    assert len(set(answers)) == 1


@pytest.mark.parametrize("rule", RULES)
def test_equal_updates_combine_to_themselves(rule: str) -> None:
    rows = updates([0.1, -0.7], [0.1, -0.7], [0.1, -0.7])
    assert RULES[rule](rows)["w"].tolist() == np.array([0.1, -0.7], np.float32).tolist()


def test_too_few_updates_are_refused() -> None:
    with pytest.raises(FederationError, match="no update was accepted"):
        mean({})
    with pytest.raises(FederationError, match="trimmed_mean: 2 updates; three are needed"):
        trimmed_mean(updates([1.0], [2.0]))
