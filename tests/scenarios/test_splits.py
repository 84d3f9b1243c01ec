"""Day splits: fixed by hash, disjoint, complete."""

import numpy as np
import pytest

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios import split_days


def test_literal_days():
    days = split_days(20, "ieee123-vvo")
    assert {name: split.tolist() for name, split in days.items()} == {
        "train": [0, 1, 3, 4, 6, 8, 9, 10, 12, 13, 16, 17, 19],
        "validation": [2, 15],
        "test": [5, 7, 11, 14, 18],
    }


@pytest.mark.parametrize("n_days", [1, 2, 365])
def test_every_day_is_in_exactly_one_split(n_days: int):
    days = split_days(n_days, "any")
    assert list(days) == ["train", "validation", "test"]
    together = np.concatenate(list(days.values()))
    np.testing.assert_array_equal(np.sort(together), np.arange(n_days))


def test_a_day_keeps_its_split_when_days_are_added():
    few, many = split_days(100, "k"), split_days(365, "k")
    for name, split in few.items():
        np.testing.assert_array_equal(split, many[name][many[name] < 100])


def test_sizes_follow_the_fractions_on_average():
    days = split_days(10_000, "k", {"test": 0.1, "train": 0.7, "validation": 0.2})
    sizes = [len(days[name]) / 10_000 for name in ("train", "validation", "test")]
    np.testing.assert_allclose(sizes, [0.7, 0.2, 0.1], atol=0.015)


def test_another_key_is_another_split():
    assert split_days(365, "a")["test"].tolist() != split_days(365, "b")["test"].tolist()


@pytest.mark.parametrize(
    ("n_days", "fractions", "message"),
    [
        (0, {"train": 0.6, "validation": 0.2, "test": 0.2}, "n_days = 0: must be at least 1"),
        (9, {"train": 0.6, "valid": 0.2, "test": 0.2}, "must name train, validation, test"),
        (9, {"train": 0.6, "validation": 0.2, "test": 0.3}, "at least 0 and sum to 1"),
        (9, {"train": 1.2, "validation": -0.2, "test": 0.0}, "at least 0 and sum to 1"),
    ],
)
def test_bad_arguments_are_named(n_days: int, fractions: dict[str, float], message: str):
    with pytest.raises(ScenarioError, match=message):
        split_days(n_days, "k", fractions)
