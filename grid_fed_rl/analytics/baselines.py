"""Baselines of a task, and the score that stands between them.

A registry, `BASELINES`, says for every task what is run: a task of one's own adds its
own list under its name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle import PRICES, Follow, OracleConfig, plan_day
from grid_fed_rl.envs.baselines import Hold
from grid_fed_rl.envs.rules import LocalRules
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.policy import Policy

__all__ = ["BASELINES", "Baseline", "DayResult", "judged", "penalised_usd", "run_day", "score"]

Env = VectorEnv[Any, Any, Any]


@dataclass(frozen=True)
class DayResult:
    """One day of one baseline.

    Attributes:
        day: Day of the year.
        return_usd: Sum of rewards.
        costs: By channel, magnitude times hours; of a day that collapses, the last step's
            through all that were left.
        violated: Share of the steps in which any limit was left, those after a collapse
            among them.
        collapsed: Whether the power flow of a step did not converge.
    """

    day: int
    return_usd: float
    costs: Mapping[str, float]
    violated: float
    collapsed: bool


@dataclass(frozen=True)
class Baseline:
    """A way to run a task.

    Attributes:
        name: Row of the table.
        words: What it does, in one sentence.
        policy: Makes what acts on a day, from an environment of one lane.
        options: With which the environment is made.
    """

    name: str
    words: str
    policy: Callable[[Env, int], Policy]
    options: Mapping[str, Any] = field(default_factory=dict)


class _Random:
    """Uniform over the action space, seeded by the day."""

    def __init__(self, env: Env, day: int) -> None:
        self._shape = env.action_space.shape
        self._rng = np.random.default_rng([20260101, day])

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        del observation
        return self._rng.uniform(-1.0, 1.0, self._shape or ()).astype(np.float32)


def _hold(env: Env, day: int) -> Policy:
    del day
    return Hold((env.single_action_space.shape or (0,))[0])


def _rules(env: Env, day: int) -> Policy:
    del day
    return LocalRules(_grid(env))


def _oracle(env: Env, day: int) -> Policy:
    grid = _grid(env)
    plan = plan_day(grid.case, day, OracleConfig())
    return Follow(grid, {day: plan.trajectory.actions})


def _grid(env: Env) -> GridVectorEnv:
    assert isinstance(env, GridVectorEnv), env
    return env


RANDOM = Baseline("random", "actions drawn uniformly", _Random)
NO_CONTROL = Baseline("no control", "every action is zero", _hold)
ORACLE = Baseline("oracle", "plans the whole day, which it knows in advance", _oracle)

BASELINES: dict[str, Sequence[Baseline]] = {
    "VVO": (
        RANDOM,
        NO_CONTROL,
        Baseline(
            "local rules",
            "regulators and capacitors follow OpenDSS's controls, settled within each hour; "
            "batteries are idle",
            _hold,
            {"local_controls": True},
        ),
        ORACLE,
    ),
    "DER": (
        RANDOM,
        NO_CONTROL,
        Baseline(
            "local rules",
            "PV follows the volt-var curve of IEEE 1547 category B; batteries charge over noon "
            "and discharge in the evening by the clock",
            _rules,
        ),
        ORACLE,
    ),
    "EV": (
        RANDOM,
        NO_CONTROL,
        Baseline(
            "local rules",
            "a station charges no faster than its car in the greatest hurry needs",
            _rules,
        ),
        ORACLE,
    ),
}
"""What is run for every task; ``no control`` and ``oracle`` must be among them."""


def run_day(env_id: str, baseline: Baseline, day: int, threads: int | None = None) -> DayResult:
    """Run one day of the test split's year.

    Args:
        env_id: A registered id.
        baseline: What acts.
        day: Day of the year.
        threads: Threads of the power flow.
    """
    options = {"split": "test", **baseline.options}
    env = _grid(gymnasium.make_vec(env_id, num_envs=1, threads=threads, **options).unwrapped)
    return judged(env, baseline.policy(env, day), day)


def judged(env: GridVectorEnv, policy: Policy, day: int) -> DayResult:
    """Run a policy through one day.

    Args:
        env: An environment of one lane.
        policy: What acts.
        day: Day of the year.
    """
    observation, info = env.reset(options={"day": day})
    channels = [name for name in info["costs"] if not name.startswith("_")]
    rewards, costs, ended, collapsed = [], [], False, False
    while not ended:
        observation, reward, terminated, truncated, info = env.step(policy(observation))
        rewards.append(float(reward[0]))
        costs.append([float(info["costs"][name][0]) for name in channels])
        collapsed = bool(terminated[0])
        ended = collapsed or bool(truncated[0])
    costs += [costs[-1]] * (env.case.horizon - len(costs))  # a feeder that is dark stays dark
    added = np.array(costs).reshape(len(costs), len(channels))
    hours = (added.sum(axis=0) * env.case.year.step_h).tolist()
    return DayResult(
        day=day,
        return_usd=float(np.sum(rewards)),
        costs=dict(zip(channels, hours, strict=True)),
        violated=float((added > 0.0).any(axis=1).mean()),
        collapsed=collapsed,
    )


def penalised_usd(days: Sequence[DayResult]) -> float:
    """Mean over days of the return less violations at their price.

    The price is `PRICES`, dollars for an hour of one unit of a channel.
    """
    paid = [
        one.return_usd - sum(PRICES.get(name, 1.0) * cost for name, cost in one.costs.items())
        for one in days
    ]
    return float(np.mean(paid))


def score(
    days: Sequence[DayResult], no_control: Sequence[DayResult], oracle: Sequence[DayResult]
) -> float | None:
    """Where a policy stands between no control, 0, and the oracle, 100.

    ``100 (J - J_no_control) / (J_oracle - J_no_control)`` with J the `penalised_usd` of
    the same days. It falls below 0 for what is worse than doing nothing, and may pass
    100: an oracle is the best plan that was found, and holds limits at any price, while a
    score sells them at theirs. None where the oracle is no better than doing nothing.
    """
    worst, best = penalised_usd(no_control), penalised_usd(oracle)
    if not best > worst:
        return None
    return 100.0 * (penalised_usd(days) - worst) / (best - worst)
