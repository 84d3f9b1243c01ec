import hashlib
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.datasets import Transitions, concatenate, dataset_hash
from grid_fed_rl.errors import DatasetError

Make = Callable[..., Transitions]
ARRAYS = [field.name for field in fields(Transitions) if field.name != "metadata"]


def test_sizes_are_named(make_log: Make) -> None:
    log = make_log(n=4, n_steps=5, n_features=3, n_devices=2)
    assert (len(log), log.n_trajectories, log.n_steps) == (4, 4, 5)
    assert (log.n_features, log.n_devices) == (3, 2)
    assert log.n_transitions == 4 * 5 - 2


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_read_only_copies(make_log: Make, name: str) -> None:
    source: dict[str, Any] = {key: getattr(make_log(), key).copy() for key in ARRAYS}
    log = Transitions(**source)
    before = getattr(log, name).copy()
    source[name][...] = 0
    np.testing.assert_array_equal(getattr(log, name), before)
    with pytest.raises(ValueError, match="read-only"):
        getattr(log, name)[0] = 0


def test_what_follows_an_early_end_is_blank_and_does_not_count(make_log: Make) -> None:
    log = make_log()
    observation, reward = log.observation.copy(), log.reward.copy()
    observation[1, 4:] = np.nan
    reward[1, 3:] = np.inf
    other = replace(log, observation=observation, reward=reward)
    assert dataset_hash(other) == dataset_hash(log)
    assert not other.observation[1, 4:].any()
    assert other.observation[1, 3].all(), "the final observation itself is kept"


def test_flat_pairs_each_step_with_its_own_next_observation(make_log: Make) -> None:
    log = make_log()
    flat = log.flat()
    places = [(i, t) for i in range(4) for t in range(5) if log.mask[i, t]]
    assert len(flat.reward) == len(places) == log.n_transitions
    for row, (i, t) in enumerate(places):
        np.testing.assert_array_equal(flat.observation[row], log.observation[i, t])
        np.testing.assert_array_equal(flat.next_observation[row], log.observation[i, t + 1])
        np.testing.assert_array_equal(flat.action[row], log.action[i, t])
        assert flat.reward[row] == log.reward[i, t]
        assert flat.cost[row] == log.cost[i, t]
        assert flat.terminated[row] == log.terminated[i, t]
    assert flat.terminated.sum() == 1


def test_select_then_concatenate_is_identity(make_log: Make) -> None:
    log = make_log()
    again = concatenate([log.select([0]), log.select([1, 2]), log.select([3])])
    assert dataset_hash(again) == dataset_hash(log)
    assert again.metadata == log.metadata


def test_select_takes_order_booleans_and_nothing(make_log: Make) -> None:
    log = make_log()
    np.testing.assert_array_equal(log.select([2, 0]).reward, log.reward[[2, 0]])
    chosen = log.select([False, True, False, True])
    np.testing.assert_array_equal(chosen.reward, log.reward[[1, 3]])
    assert log.select([]).n_trajectories == 0


def test_concatenate_keeps_the_metadata_that_all_share(make_log: Make) -> None:
    first = make_log()
    second = replace(make_log(seed=1), metadata={"site": "site-2", "n_days": 4})
    assert concatenate([first, second]).metadata == {"n_days": 4}


def test_hash_sees_every_array_and_no_metadata(make_log: Make) -> None:
    log = make_log()
    assert dataset_hash(replace(log, metadata={})) == dataset_hash(log)
    hashes = {dataset_hash(log)}
    for name in ("observation", "action", "reward", "cost"):
        array = getattr(log, name).copy()
        array[0, 0] = 0.5
        hashes.add(dataset_hash(replace(log, **{name: array})))
    terminated = log.terminated.copy()
    terminated[0, -1] = True
    hashes.add(dataset_hash(replace(log, terminated=terminated)))
    assert len(hashes) == 6


def test_hash_is_the_same_today_and_tomorrow() -> None:
    log = Transitions(
        observation=np.zeros((1, 2, 1), np.float32),
        action=np.zeros((1, 1, 1), np.float32),
        reward=np.ones((1, 1), np.float32),
        cost=np.zeros((1, 1), np.float32),
        terminated=np.zeros((1, 1), bool),
        mask=np.ones((1, 1), bool),
    )
    written = b"observation <f4 (1, 2, 1)\n" + bytes(8) + b"action <f4 (1, 1, 1)\n" + bytes(4)
    written += b"reward <f4 (1, 1)\n" + bytes.fromhex("0000803f") + b"cost <f4 (1, 1)\n" + bytes(4)
    written += b"terminated |b1 (1, 1)\n\x00mask |b1 (1, 1)\n\x01"
    assert dataset_hash(log) == hashlib.sha256(written).hexdigest()


def _with(log: Transitions, name: str, place: tuple[int, ...], value: float) -> Transitions:
    array = getattr(log, name).copy()
    array[place] = value
    return replace(log, **{name: array})


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("reward", (2, 3), np.nan, r"episode 2, field 'reward', step 3: nan; finite"),
        ("observation", (3, 5, 1), np.inf, r"episode 3, field 'observation', step 5, position 1"),
        ("observation", (1, 3, 0), np.nan, r"episode 1, field 'observation', step 3"),
        ("cost", (0, 1), -0.5, r"episode 0, field 'cost', step 1: -0.5; a cost is zero or more"),
        ("mask", (2, 1), False, r"episode 2, field 'mask': \[1, 0, 1, 1, 1\]; live steps come"),
        ("mask", (3, 0), False, r"episode 3, field 'mask'"),
        ("terminated", (2, 1), True, r"episode 2, field 'terminated', step 1: True, but .* step 4"),
    ],
)
def test_wrong_values_are_named(
    make_log: Make, name: str, place: tuple[int, ...], value: float, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        _with(make_log(), name, place, value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda log: {"cost": log.cost[:, :-1]},
            r"field 'cost': shape \(4, 4\); \(4, 5\) is needed",
        ),
        (
            lambda log: {"observation": log.observation[:, :-1]},
            r"field 'observation': .*\(4, 6, 3\)",
        ),
        (lambda log: {"action": log.action[..., 0]}, r"field 'action': .*3 axes are needed"),
        (lambda log: {"mask": log.mask.astype(int)}, r"field 'mask': type int64; bool"),
        (lambda log: {"reward": log.reward.astype(str)}, r"field 'reward': type .*real numbers"),
    ],
)
def test_wrong_shapes_and_types_are_named(make_log: Make, change: Callable, message: str) -> None:
    log = make_log()
    with pytest.raises(DatasetError, match=message):
        replace(log, **change(log))


def test_what_is_too_large_for_float32_is_refused(make_log: Make) -> None:
    log = make_log()
    with pytest.raises(
        DatasetError, match=r"episode 0, field 'reward', step 0: inf; finite float32"
    ):
        replace(log, reward=np.full(log.reward.shape, 1e300))


def test_metadata_are_json_scalars(make_log: Make) -> None:
    with pytest.raises(DatasetError, match=r"metadata 'days': \[1\] of type list; str, int or"):
        replace(make_log(), metadata={"days": [1]})


def test_trajectories_of_no_step_are_refused(make_log: Make) -> None:
    log = make_log()
    short = {name: getattr(log, name)[:, :0] for name in ARRAYS}
    with pytest.raises(DatasetError, match="at least one is needed"):
        replace(log, **{**short, "observation": log.observation[:, :1]})


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0, 4], r"no trajectory 4; there are 4, numbered 0 to 3"),
        ([0.0], r"a list of integers is needed"),
        ([True, False], r"2 booleans for 4 trajectories"),
    ],
)
def test_wrong_indices_are_named(make_log: Make, indices: list, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        make_log().select(indices)


def test_logs_of_different_tasks_are_not_joined(make_log: Make) -> None:
    with pytest.raises(DatasetError, match=r"log 1 has n_features=7, log 0 has 3"):
        concatenate([make_log(), make_log(n_features=7)])
    with pytest.raises(DatasetError, match="no log was given"):
        concatenate([])
