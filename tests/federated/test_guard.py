"""What the guard lets through, what it refuses, and the words it refuses with."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from grid_fed_rl.algorithms import IQLConfig, Learner
from grid_fed_rl.errors import FederationError
from grid_fed_rl.federated.aggregate import RULES
from grid_fed_rl.federated.guard import ADAM_REACH, Expected, check_update
from grid_fed_rl.federated.update import Arrays, Update

EXPECTED = Expected(
    sites=frozenset({"a", "b"}),
    run="spring",
    round_number=3,
    n_steps=4,
    shapes={"actor.0.bias": (2,), "value.0.weight": (3, 2)},
    largest=0.01,
)


def delta() -> Arrays:
    return {
        "actor.0.bias": np.array([0.01, -0.01], np.float32),
        "value.0.weight": np.zeros((3, 2), np.float32),
    }


def update(**changes: object) -> Update:
    return dataclasses.replace(Update("a", "spring", 3, 4, delta(), {}), **changes)


def test_an_honest_update_passes() -> None:
    check_update(update(), EXPECTED)
    check_update(update(), EXPECTED, answered={"b"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"site": "c"}, "site 'c': takes no part in this run; 'a', 'b' do"),
        ({"run": "autumn"}, "site 'a': run is 'autumn'; 'spring' was asked for"),
        ({"round_number": 2}, "site 'a': round is 2; 3 was asked for"),
        ({"n_steps": 40}, "site 'a': n_steps is 40; 4 was asked for"),
    ],
)
def test_a_stranger_or_an_answer_to_another_question_is_refused(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(FederationError, match=message):
        check_update(update(**changes), EXPECTED)


def test_a_second_answer_is_refused() -> None:
    with pytest.raises(FederationError, match="site 'a': a second answer to round 3; one is taken"):
        check_update(update(), EXPECTED, answered={"a"})


@pytest.mark.parametrize(
    ("value", "shown"),
    [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), (1e4, "10000"), (-0.02, "-0.02")],
)
def test_a_number_no_honest_site_can_send_is_refused(value: float, shown: str) -> None:
    bad = delta()
    bad["value.0.weight"][2, 1] = value
    match = rf"site 'a', tensor 'value\.0\.weight': {shown}.* at \[2, 1\], and 1 such values of 6"
    with pytest.raises(FederationError, match=match + r".*; .*at most 0\.01"):
        check_update(update(delta=bad), EXPECTED)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actor.0.bias": None}, "tensors missing: 'actor.0.bias'; not asked for: none"),
        ({"extra": np.zeros(1, np.float32)}, "tensors missing: none; not asked for: 'extra'"),
        ({"actor.0.bias": np.zeros(2)}, "tensor 'actor.0.bias': type float64; float32"),
        ({"actor.0.bias": np.zeros(3, np.float32)}, r"shape \(3,\); \(2,\) is needed"),
        ({"actor.0.bias": np.zeros((), np.float32)}, r"shape \(\); \(2,\) is needed"),
    ],
)
def test_another_schema_is_refused(change: dict[str, np.ndarray | None], message: str) -> None:
    changed = {name: value for name, value in {**delta(), **change}.items() if value is not None}
    with pytest.raises(FederationError, match="site 'a'.*" + message):
        check_update(update(delta=changed), EXPECTED)


def test_no_gradient_moves_adam_further_than_the_guard_allows() -> None:
    algorithm = IQLConfig(hidden=(2,), learning_rate=1e-3)
    learner = Learner.new(algorithm, 1, 1, 0)
    learner.step = 100_000  # so late that the bias corrections are gone: the worst case
    ratio = 0.999 / 0.9  # the sequence for which the bound of Cauchy and Schwarz is tight
    moved = 0.0
    for step in range(200):
        before = {name: value.clone() for name, value in learner.params.items()}
        value = 1e-6 * ratio**step
        learner.apply({name: torch.full_like(p, value) for name, p in learner.params.items()})
        moved = max(
            float((value - before[name]).abs().max()) for name, value in learner.params.items()
        )
        assert moved <= ADAM_REACH * 1e-3
    assert moved > 0.97 * ADAM_REACH * 1e-3


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("rule", ["median", "trimmed_mean"])
def test_a_dishonest_site_of_five_stays_inside_the_honest_ones(rule: str, sign: float) -> None:
    rng = np.random.default_rng(0)
    honest = {name: {"w": rng.normal(size=50).astype(np.float32)} for name in ("a", "b", "c", "d")}
    combined = RULES[rule]({**honest, "e": {"w": np.full(50, sign * 1e6, np.float32)}})["w"]
    stacked = np.stack([arrays["w"] for arrays in honest.values()])
    assert (combined >= stacked.min(axis=0)).all()
    assert (combined <= stacked.max(axis=0)).all()
