"""Run a policy in a vector environment and log what happened.

The environment must reset a finished lane at the next step (Gymnasium's
`AutoresetMode.NEXT_STEP`): the observation that comes with `terminated` or
`truncated` is then the true last one of the day. The step after it belongs to
no day and is never logged.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.datasets.transitions import Metadata, Transitions, concatenate
from grid_fed_rl.errors import DatasetError
from grid_fed_rl.policy import Policy

__all__ = ["collect"]

_LONGEST_EPISODE_STEPS = 8784  # a leap year of hours: beyond it, an episode has no end


def collect(
    env: VectorEnv[Any, Any, Any],
    policy: Policy,
    days: ArrayLike,
    seed: int,
    metadata: Metadata | None = None,
) -> Transitions:
    """Run `policy` through each of `days` once and return one trajectory a day.

    Lanes run in parallel. If the days do not fill the last round, the surplus
    lanes repeat its last day and are not logged. Lane `i` of a round starts with
    the seed of its place in `days` in an environment that gives lane `i` the seed
    `seed + i`, so that the log does not depend on the number of lanes.

    Args:
        env: the environment. It takes `options={"day": (lane,)}` on reset and
            reports `cost` and `action_executed` in the info of each step.
        policy: chooses the actions; called once a step for all lanes together.
        days: (day,) distinct integers, zero or more.
        seed: of the environment; the policy has a generator of its own.
        metadata: kept with the log, beside `env_id`, `seed` and `n_days`.

    Raises:
        DatasetError: days are not distinct integers; the environment resets in
            another way, reports no cost or executed action, or never ends.
    """
    day = _check_days(days)
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    mode = env.metadata.get("autoreset_mode")
    if mode != AutoresetMode.NEXT_STEP:
        raise DatasetError(
            f"environment '{name}', metadata 'autoreset_mode': {mode}; "
            f"{AutoresetMode.NEXT_STEP} is needed, or the last observation of a day is lost"
        )
    rounds = []
    for start in range(0, len(day), env.num_envs):
        chunk = day[start : start + env.num_envs]
        rounds.append(_run_round(env, name, policy, chunk, seed + start))
    n_steps = max(log.n_steps for log in rounds)
    log = concatenate([_lengthen(log, n_steps) for log in rounds])
    given: Metadata = {"env_id": name, "seed": seed, "n_days": len(day), **(metadata or {})}
    return replace(log, metadata=given)


def _check_days(days: ArrayLike) -> NDArray[np.int64]:
    day = np.asarray(days)
    if day.ndim != 1 or day.size == 0 or not np.issubdtype(day.dtype, np.integer):
        raise DatasetError(
            f"days: shape {day.shape}, type {day.dtype}; a list of one or more integers is needed"
        )
    if (day < 0).any():
        raise DatasetError(f"days: {int(day.min())}; a day is zero or more")
    value, count = np.unique(day, return_counts=True)
    if (count > 1).any():
        repeated = int(value[count > 1][0])
        raise DatasetError(
            f"days: {repeated} is asked for {int(count.max())} times; each day is one trajectory, "
            "so each may come once"
        )
    return day.astype(np.int64)


def _run_round(
    env: VectorEnv[Any, Any, Any], name: str, policy: Policy, days: NDArray[np.int64], seed: int
) -> Transitions:
    """Run one day in each lane until all logged lanes have ended."""
    n = len(days)
    lane_days = np.concatenate([days, np.full(env.num_envs - n, days[-1])])
    current, _ = env.reset(seed=seed, options={"day": lane_days})
    alive = np.ones(n, dtype=bool)
    observation = [np.array(current[:n])]
    action, reward, cost, terminated, mask = [], [], [], [], []
    while alive.any():
        if len(mask) == _LONGEST_EPISODE_STEPS:
            raise DatasetError(
                f"environment '{name}', day {int(days[alive][0])}: no end after "
                f"{_LONGEST_EPISODE_STEPS} steps; an episode must be truncated at its horizon"
            )
        current, step_reward, ends, cut, info = env.step(policy(current))
        observation.append(np.array(current[:n]))
        action.append(_logged(info, "action_executed", name, days, alive))
        cost.append(_logged(info, "cost", name, days, alive))
        reward.append(np.array(step_reward[:n]))
        terminated.append(np.array(ends[:n]) & alive)
        mask.append(alive)
        alive = alive & ~ends[:n] & ~cut[:n]
    return Transitions(
        observation=np.stack(observation, axis=1),
        action=np.stack(action, axis=1),
        reward=np.stack(reward, axis=1),
        cost=np.stack(cost, axis=1),
        terminated=np.stack(terminated, axis=1),
        mask=np.stack(mask, axis=1),
    )


def _logged(
    info: dict[str, Any],
    key: str,
    name: str,
    days: NDArray[np.int64],
    alive: NDArray[np.bool_],
) -> NDArray[np.floating[Any]]:
    """Return a copy of `info[key]` of the logged lanes, which every live lane must report."""
    n = len(days)
    if key not in info:
        raise DatasetError(
            f"environment '{name}', info '{key}': missing; it is needed on every step"
        )
    silent = alive & ~np.asarray(info.get(f"_{key}", np.ones(n, bool)))[:n]
    if silent.any():
        raise DatasetError(
            f"environment '{name}', day {int(days[silent][0])}, info '{key}': not reported; "
            "it is needed on every step"
        )
    return np.array(info[key][:n])


def _lengthen(log: Transitions, n_steps: int) -> Transitions:
    """Pad a round whose every day ended early with steps that do not count."""
    extra = n_steps - log.n_steps
    if extra == 0:
        return log
    flat_pad = ((0, 0), (0, extra))
    deep_pad = (*flat_pad, (0, 0))
    return Transitions(
        observation=np.pad(log.observation, deep_pad),
        action=np.pad(log.action, deep_pad),
        reward=np.pad(log.reward, flat_pad),
        cost=np.pad(log.cost, flat_pad),
        terminated=np.pad(log.terminated, flat_pad),
        mask=np.pad(log.mask, flat_pad),
    )
