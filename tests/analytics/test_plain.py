"""Plain JSON from typed values: what goes in comes out, or is refused by its place."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest

from grid_fed_rl.analytics.plain import plain
from grid_fed_rl.errors import GridFedRLError


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Point:
    x_km: float
    tags: tuple[str, ...]


def test_typed_values_become_plain():
    value = {
        "point": Point(1.5, ("a", "b")),
        "array": np.arange(4, dtype=np.int16).reshape(2, 2),
        "scalar": np.float32(0.5),
        "flag": np.True_,
        "colour": Colour.RED,
        "path": Path("runs/x"),
        "names": {"b", "a"},
        "nothing": None,
    }
    assert plain(value, "value") == {
        "point": {"x_km": 1.5, "tags": ["a", "b"]},
        "array": [[0, 1], [2, 3]],
        "scalar": 0.5,
        "flag": True,
        "colour": "red",
        "path": "runs/x",
        "names": ["a", "b"],
        "nothing": None,
    }


def test_plain_values_survive_json_unchanged():
    value = plain({"a": [1, 2.5, "x", None, True], "b": {"c": np.array([0.1])}}, "value")
    assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": {"b": float("nan")}}, r"value\.a\.b: nan"),
        ({"a": [1.0, float("inf")]}, r"value\.a\[1\]: inf"),
        ({"a": np.array([np.nan])}, r"value\.a\[0\]"),
        (Point(float("-inf"), ()), r"value\.x_km"),
        ({"a": {1: 2}}, r"value\.a: key 1"),
        ({"a": object()}, r"value\.a: object has no JSON form"),
        ({"a": b"raw"}, r"value\.a: bytes"),
    ],
)
def test_what_json_cannot_hold_is_named_by_its_place(value: object, where: str):
    with pytest.raises(GridFedRLError, match=where):
        plain(value, "value")
