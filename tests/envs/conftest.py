import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.scenarios import year_from_arrays

COLLAPSES = {1: 4, 2: 9, 4: 0}  # hour of each day at which no voltage can be held


@pytest.fixture(scope="session")
def data() -> Path:
    """PowerGym's folder ``systems``; ``GRID_FED_RL_POWERGYM`` names it."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "powergym" / "systems"
    folder = Path(os.environ.get("GRID_FED_RL_POWERGYM", beside))
    if not folder.is_dir():
        pytest.skip(f"no PowerGym systems in {folder}")
    return folder


@pytest.fixture
def windowless(monkeypatch):
    """Let ``human`` draw without a window, as a machine without a display has to ask for."""
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="the extra `plot` draws")
    monkeypatch.setenv("MPLBACKEND", "agg")
    pyplot.switch_backend("agg")
    yield pyplot
    pyplot.close("all")


@pytest.fixture(scope="session")
def case13() -> Case:
    return vvo_case("ieee13")


@pytest.fixture(scope="session")
def case123() -> Case:
    return vvo_case("ieee123")


@pytest.fixture(scope="session")
def stormy(case13) -> Case:
    """Six days of which some collapse early, so that lanes fall out of step."""
    year, hours = case13.year, 6 * 24
    factor = np.ones((hours, 1))
    for day, hour in COLLAPSES.items():
        factor[24 * day + hour] = 50.0
    short = year_from_arrays(
        "stormy",
        year.load_kw[:hours] * factor,
        year.load_kvar[:hours] * factor,
        year.pv_kw[:hours],
        year.temperature_c[:hours],
        year.sun_pu[:hours],
    )
    return replace(case13, year=short, days=np.arange(6))


@pytest.fixture(scope="session")
def same():
    """Assert that two nested results are equal bit for bit, with their types."""

    def check(one, other, where="result"):
        assert type(one) is type(other), where
        if isinstance(one, dict):
            assert one.keys() == other.keys(), where
            for key in one:
                check(one[key], other[key], f"{where}[{key!r}]")
        elif isinstance(one, tuple | list):
            assert len(one) == len(other), where
            for k, (a, b) in enumerate(zip(one, other, strict=True)):
                check(a, b, f"{where}[{k}]")
        elif isinstance(one, np.ndarray) and one.dtype == object:
            check(one.tolist(), other.tolist(), where)
        elif isinstance(one, np.ndarray):
            assert one.dtype == other.dtype, where
            np.testing.assert_array_equal(one, other, err_msg=where)
        else:
            assert one == other, where

    return check


@pytest.fixture(scope="session")
def rollout():
    """Reset an environment, single or vector, and take steps: every result as a step's.

    A single environment is reset where an episode has ended, as a vector
    environment does by itself.
    """

    def run(env, moves, *, seed=None, days=None) -> list[tuple[Any, ...]]:
        options = None if days is None else {"day": days}
        observation, info = env.reset(seed=seed, options=options)
        results: list[tuple[Any, ...]] = [(observation, 0.0, False, False, info)]
        for action in moves:
            *_, terminated, truncated, _ = results[-1]
            if np.ndim(terminated) == 0 and (terminated or truncated):
                observation, info = env.reset()
                results.append((observation, 0.0, False, False, info))
            else:
                results.append(env.step(action))
        return results

    return run


@pytest.fixture
def actions():
    """Random actions, (step, lane, device) float32."""

    def draw(n_steps: int, n_lanes: int, case: Case, seed: int = 0):
        shape = (n_steps, n_lanes, len(case.action_names))
        return np.random.default_rng(seed).uniform(-1.0, 1.0, shape).astype(np.float32)

    return draw
