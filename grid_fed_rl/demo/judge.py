"""Judging policies on days that nobody trained on.

The test days of every utility are dealt, without repeats, into as many hands as
there are seeds; a metric of a seed is its mean over all utilities' days in that
hand, so seeds are disjoint and their spread is that of unseen days.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.evaluate import METRICS
from grid_fed_rl.analytics.statistics import interval
from grid_fed_rl.analytics.vocabulary import policy_text
from grid_fed_rl.demo.sites import Utility
from grid_fed_rl.policy import Policy

__all__ = ["Day", "Judge", "Verdict", "day_of", "verdicts"]

BySeed = Mapping[str, NDArray[np.float64]]  # metric -> (seed,)


@dataclass(frozen=True)
class Judge:
    """Runs policies on the test days of all utilities."""

    utilities: Mapping[str, Utility]
    seeds: int
    seed: int

    def hands(self, utility: Utility) -> list[NDArray[np.int64]]:
        """The test days of a utility, dealt out to the seeds."""
        rng = np.random.default_rng([self.seed, utility.number])
        return np.array_split(rng.permutation(utility.days("test")), self.seeds)

    def measure(
        self, policies: Mapping[str, Policy], *, own_controls: bool = False
    ) -> dict[str, NDArray[np.float64]]:
        """Metrics by seed of one policy for each utility: each (seed,)."""
        by_utility: list[dict[str, list[float]]] = []
        for name, utility in self.utilities.items():
            hands = self.hands(utility)
            measured = utility.run(policies[name], np.concatenate(hands), own_controls=own_controls)
            cuts = np.cumsum([len(hand) for hand in hands])[:-1]
            by_utility.append(
                {m: [float(part.mean()) for part in np.split(measured[m], cuts)] for m in METRICS}
            )
        return {m: np.mean([one[m] for one in by_utility], axis=0) for m in METRICS}


@dataclass(frozen=True)
class Verdict:
    """Whether one policy beats another on violations and on losses.

    Attributes:
        better: both means are lower.
        text: the comparison in one sentence, with paired intervals.
    """

    better: bool
    text: str


def verdicts(results: Mapping[str, BySeed], policy: str, others: list[str]) -> list[Verdict]:
    """Compare a policy with others, seed by seed."""
    return [_verdict(results, policy, other) for other in others]


def _verdict(results: Mapping[str, BySeed], policy: str, other: str) -> Verdict:
    parts, better = [], True
    for metric, label, unit, shown in (
        ("violation_rate", "voltage violations", " % of node-steps", 100.0),
        ("loss_kwh", "energy loss", " kWh a day", 1.0),
    ):
        mine, theirs = results[policy][metric] * shown, results[other][metric] * shown
        difference = interval(mine - theirs)
        better &= bool(difference.mean < 0.0)
        parts.append(
            f"{label} {mine.mean():.4g} instead of {theirs.mean():.4g}{unit} "
            f"(difference {difference.low:.3g} to {difference.high:.3g})"
        )
    word = "beats" if better else "does not beat"
    names = (policy_text(policy).label, policy_text(other).label)
    return Verdict(better, f"{names[0]} {word} {names[1].lower()}: {', '.join(parts)}.")


@dataclass(frozen=True)
class Day:
    """A day in detail.

    Attributes:
        utility: whose day.
        day: of the year.
        v_pu: (hour, node) voltage magnitudes, by policy.
    """

    utility: str
    day: int
    v_pu: Mapping[str, NDArray[np.float64]]


def day_of(utilities: Mapping[str, Utility], policies: Mapping[str, Mapping[str, Policy]]) -> Day:
    """The unseen day that no control handles worst, run by several policies.

    Args:
        utilities: by name.
        policies: by policy, then by utility; ``local_rules`` runs the devices'
            own controls.
    """
    worst = (-1.0, "", 0)
    for name, utility in utilities.items():
        days = utility.days("test")
        violation = utility.run(utility.hold, days)["violation_pu"]
        k = int(np.argmax(violation))
        worst = max(worst, (float(violation[k]), name, int(days[k])))
    _, name, day = worst
    utility = utilities[name]
    return Day(
        name,
        day,
        {
            label: _voltages(utility, by_utility[name], day, label == "local_rules")
            for label, by_utility in policies.items()
        },
    )


def _voltages(
    utility: Utility, policy: Policy, day: int, own_controls: bool
) -> NDArray[np.float64]:
    env = utility.own_controls if own_controls else utility.env
    observation, _ = env.reset(options={"day": day})
    hours = []
    for _ in range(env.case.horizon):
        observation, *_ = env.step(policy(observation))
        hours.append(env.snapshot.v_pu[0].copy())
    return np.stack(hours)
