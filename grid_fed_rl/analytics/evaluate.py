"""Judge a policy: run it through chosen days and measure each of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from grid_fed_rl.errors import TaskError
from grid_fed_rl.policy import Policy

__all__ = ["METRICS", "run_days"]

METRICS = ("return", "loss_kwh", "violation_rate", "violation_pu", "operations")

Floats = NDArray[np.float64]


def run_days(
    env: VectorEnv[Any, Any, Any], policy: Policy, days: NDArray[np.int64], n_nodes: int
) -> dict[str, Floats]:
    """Run a policy through days, each day one episode in a lane.

    Args:
        env: Vector environment that takes ``options={"day": ...}`` and resets a
            lane in the step after its end (``NEXT_STEP``).
        policy: What acts.
        days: (day,) days of the year, one or more.
        n_nodes: Nodes of the feeder, for the violation rate.

    Returns:
        (day,) arrays: ``return`` (dollars), ``loss_kwh``, ``violation_rate``
        (share of node-steps outside the voltage limits, over the steps that the
        day lasted), ``violation_pu`` (per-unit excursions summed over nodes and
        steps) and ``operations`` (tap steps and capacitor switchings).

    Raises:
        TaskError: there is no day, or the environment resets in another way.
    """
    if not len(days):
        raise TaskError("there are no days to run; give at least one")
    mode = env.metadata.get("autoreset_mode")
    if mode is not AutoresetMode.NEXT_STEP:
        raise TaskError(f"autoreset_mode is {mode}; expected {AutoresetMode.NEXT_STEP}")
    chunks = [days[k : k + env.num_envs] for k in range(0, len(days), env.num_envs)]
    parts = [_run(env, policy, chunk, n_nodes) for chunk in chunks]
    return {key: np.concatenate([part[key] for part in parts]) for key in METRICS}


def _run(
    env: VectorEnv[Any, Any, Any], policy: Policy, days: NDArray[np.int64], n_nodes: int
) -> dict[str, Floats]:
    observation, _ = env.reset(options={"day": np.resize(days, env.num_envs)})
    totals = {key: np.zeros(env.num_envs) for key in METRICS}
    running = np.ones(env.num_envs, dtype=bool)
    n_steps = np.zeros(env.num_envs)
    while running.any():
        observation, reward, terminated, truncated, info = env.step(policy(observation))
        for key, value in _measured(reward, info, n_nodes).items():
            totals[key] += np.where(running, value, 0.0)
        n_steps += running
        running &= ~(terminated | truncated)
    totals["violation_rate"] /= n_steps
    return {key: total[: len(days)] for key, total in totals.items()}


def _measured(reward: Floats, info: Mapping[str, Any], n_nodes: int) -> dict[str, Floats]:
    return {
        "return": reward,
        "loss_kwh": info["loss_kwh"],
        "violation_rate": info["violations"]["voltage"] / n_nodes,
        "violation_pu": info["costs"]["voltage"],
        "operations": info["operations"],
    }
