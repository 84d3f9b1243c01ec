"""Baselines of restoration after a fault, all on the same outages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import gymnasium
import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr import Exact, FLISRVectorEnv, Nothing, Restoration, RuleBased
from grid_fed_rl.envs.flisr.exact import MOST_SWITCHES

__all__ = ["RESTORERS", "RestorationResult", "Restorer", "judge_restorer", "restoration_score"]


Switching = Callable[[NDArray[np.float32]], NDArray[np.int64]]


@dataclass(frozen=True)
class RestorationResult:
    """What a policy makes of some outages; figures are means, an outage each.

    Attributes:
        return_usd: Sum of rewards.
        not_served_kwh: Energy that customers would have drawn and did not get.
        saidi_minutes: Minutes of interruption over all customers (IEEE Std 1366).
        operations: Switches that the policy moved.
        costs: By channel, magnitude times hours.
        violated: Share of the steps in which a limit was left.
    """

    return_usd: float
    not_served_kwh: float
    saidi_minutes: float
    operations: float
    costs: Mapping[str, float]
    violated: float


@dataclass(frozen=True)
class Restorer:
    """A way to restore: what it does, in one sentence, and what does it."""

    words: str
    policy: Callable[[FLISRVectorEnv], Switching]


class _Legal:
    """Uniform over the legal actions of each lane."""

    def __init__(self, env: FLISRVectorEnv) -> None:
        self._env, self._rng = env, np.random.default_rng(20260101)

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.int64]:
        chance = self._rng.uniform(size=(len(observation), self._env.case.n_actions))
        return np.where(self._env.action_masks(), chance, -1.0).argmax(axis=1)


def _best(env: FLISRVectorEnv) -> Switching:
    few = len(env.case.sections.switches) <= MOST_SWITCHES
    return Exact(env) if few else Restoration(env)


RESTORERS: Mapping[str, Restorer] = {
    "random": Restorer("legal actions, drawn uniformly", _Legal),
    "nothing": Restorer("waits for the repair", lambda _: Nothing()),
    "rule": Restorer(
        "isolates the fault and closes one switch at a time, each tried on a power flow", RuleBased
    ),
    "best": Restorer(
        f"the most energy that legal switching within limits can serve, knowing the repair; with "
        f"more than {MOST_SWITCHES} switches a mixed-integer programme for where to go",
        _best,
    ),
}
"""By name; ``nothing`` and ``best`` are what a score stands between."""


def judge_restorer(
    env_id: str, name: str, outages: int, threads: int | None = None
) -> RestorationResult:
    """Run a restorer through outages of the test split, the same for all.

    Args:
        env_id: One of `grid_fed_rl.envs.registration.FLISR_IDS`.
        name: One of `RESTORERS`.
        outages: How many, a lane each.
        threads: Threads of the power flow.
    """
    made = gymnasium.make_vec(env_id, num_envs=outages, split="test", threads=threads)
    env = made.unwrapped
    assert isinstance(env, FLISRVectorEnv), env
    observation, info = env.reset(seed=0)
    policy = RESTORERS[name].policy(env)
    step_h, horizon = env.case.config.step_h, env.case.config.horizon
    channels = [one for one in info["costs"] if not one.startswith("_") and one != "switching"]
    sums = dict.fromkeys(("return", "not_served_kwh", "saidi_minutes", "operations"), 0.0)
    costs, violated = dict.fromkeys(channels, 0.0), 0.0
    alive = np.ones(outages, dtype=bool)
    for _ in range(horizon):
        observation, reward, terminated, _, info = env.step(policy(observation))
        sums["return"] += reward[alive].sum() / outages
        for key in ("not_served_kwh", "saidi_minutes", "operations"):
            sums[key] += info[key][alive].sum() / outages
        for key in channels:
            costs[key] += info["costs"][key][alive].sum() / outages * step_h
        outside = np.any([info["costs"][key] > 0.0 for key in channels], axis=0)
        violated += (outside & alive).mean() / horizon
        alive &= ~terminated
    return RestorationResult(
        return_usd=float(sums["return"]),
        not_served_kwh=float(sums["not_served_kwh"]),
        saidi_minutes=float(sums["saidi_minutes"]),
        operations=float(sums["operations"]),
        costs={key: float(cost) for key, cost in costs.items()},
        violated=float(violated),
    )


def restoration_score(
    one: RestorationResult, nothing: RestorationResult, best: RestorationResult
) -> float | None:
    """Where the return stands between waiting, 0, and the best restoration, 100."""
    if not best.return_usd > nothing.return_usd:
        return None
    return 100.0 * (one.return_usd - nothing.return_usd) / (best.return_usd - nothing.return_usd)
