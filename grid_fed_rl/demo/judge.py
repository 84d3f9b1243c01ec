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
from grid_fed_rl.demo.sites import Utility
from grid_fed_rl.demo.typed import require
from grid_fed_rl.policy import Policy

__all__ = ["BySeed", "Judge", "Results"]

BySeed = Mapping[str, NDArray[np.float64]]
"""Metric -> (seed,)."""

Results = Mapping[str, BySeed]
"""By policy."""


@dataclass(frozen=True)
class Judge:
    """Runs policies on the test days of all utilities.

    Attributes:
        utilities: by name.
        seeds: into how many hands the days are dealt.
        seed: of the dealing.

    Raises:
        GridFedRLError: a utility has fewer test days than there are seeds.
    """

    utilities: Mapping[str, Utility]
    seeds: int
    seed: int

    def __post_init__(self) -> None:
        for name, utility in self.utilities.items():
            n_days = len(utility.days("test"))
            expected = f"at most {n_days}, the test days of {name}"
            require(self.seeds <= n_days, "evaluation.seeds", self.seeds, expected)

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
