"""What an environment reports beside the reward: Gymnasium's vector info.

Every entry is an array with the lane axis first, and under ``_name`` stands a
mask that says which lanes have it. Nested entries are dictionaries of the same
form.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.snapshot import Snapshot

__all__ = ["first_lane", "masked", "reward_terms", "vector_info", "with_masks"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.bool_]
Info = dict[str, Any]


def reward_terms(case: Case, snapshot: Snapshot) -> dict[str, Floats]:
    """Terms of the reward by name, each (lane,); 0 right after a reset."""
    return {term.name: np.where(snapshot.acted, term(snapshot), 0.0) for term in case.reward}


def vector_info(case: Case, snapshot: Snapshot, terms: Mapping[str, Floats]) -> Info:
    """The info of every lane, without masks; see `GridVectorEnv` for its entries."""
    n, acted = len(snapshot.step), snapshot.acted
    costs: dict[str, Floats] = {}
    violations: dict[str, NDArray[np.int64]] = {}
    for channel in case.costs:
        cost, count = channel(snapshot)
        costs[channel.name] = np.where(acted, cost, 0.0)
        violations[channel.name] = np.where(acted, count, 0)
    moves = [snapshot.moves[group.state_name] for group in case.groups]
    executed = [move.executed for move in moves] or [np.zeros((n, 0))]
    return {
        "cost": sum(costs.values(), np.zeros(n)),
        "costs": costs,
        "violations": violations,
        "reward_terms": terms,
        "loss_kwh": np.where(acted, snapshot.loss_kw * snapshot.step_h, 0.0),
        "operations": sum(
            (move.operations.sum(axis=1) for move in moves), np.zeros(n, dtype=np.int64)
        ),
        "action_executed": np.concatenate(executed, axis=1, dtype=np.float32),
        "day": snapshot.day.copy(),
        "converged": snapshot.flow.converged,
    }


def with_masks(entries: Mapping[str, Any], n: int) -> Info:
    """Entries of all `n` lanes as Gymnasium's vector info; those that have a mask keep it."""
    info: Info = {}
    for key, value in entries.items():
        mask = f"_{key}"
        if mask in entries or key.startswith("_"):
            info[key] = value
            continue
        info[key] = with_masks(value, n) if isinstance(value, Mapping) else value
        info[mask] = np.ones(n, dtype=bool)
    return info


def masked(info: Info, lanes: Lanes) -> Info:
    """The info of some lanes: the others hold 0 and are masked out."""
    kept: Info = {}
    for key, value in info.items():
        if isinstance(value, dict):
            kept[key] = masked(value, lanes)
        else:
            column = lanes.reshape(-1, *[1] * (value.ndim - 1))
            kept[key] = np.where(column, value, np.zeros((), dtype=value.dtype))
    return kept


def first_lane(info: Info) -> Info:
    """The first lane of a vector info, without masks: the info of a single environment."""
    lane: Info = {}
    for key, value in info.items():
        if key.startswith("_"):
            continue
        if isinstance(value, dict):
            lane[key] = first_lane(value)
        else:
            lane[key] = value[0].item() if value.ndim == 1 else value[0]
    return lane
