"""The guarantee of a run, as data and in words.

A bare epsilon says nothing. A statement names what is protected against whom,
what was released, the mechanism with its numbers, the accountant, and what is
not covered; where the noise could be predicted it says that there is no
guarantee.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from grid_fed_rl.federated.ledger import UNIT, LedgerSummary
from grid_fed_rl.federated.noise import NoiseSource
from grid_fed_rl.federated.privacy import ACCOUNTANT, SiteDayPrivacy

__all__ = ["Statement", "no_privacy", "site_day_privacy"]

ADJACENCY = "add or remove one trajectory of one site"
ADVERSARY = (
    "the server, every other site, and whoever reads what they publish, together and with any "
    "other knowledge"
)
RELEASED = (
    "every round: one update of the actor, critic and value parameters; numbers that do not "
    "depend on the log (steps, noise multiplier, epsilon spent); that the site answered"
)

EXCLUSIONS = (
    "What the site does with its log outside these rounds: choosing settings on it, evaluating on "
    "it, publishing figures or hashes of it.",
    "Everything else that is released from the same log: runs without privacy, such as those that "
    "the main job compares with, and runs on other ledgers, whose epsilons add up.",
    "The first load and sun of the next day, which the last observation of a trajectory holds as a "
    "forecast: they belong to two trajectories.",
    "A customer or a utility as a whole: several days of one site are protected together only by "
    "the group bound (k days: k times epsilon, with a delta that grows faster).",
    "The time a round takes, which depends on how many days took part, and whether the site is "
    "reachable.",
    "The size of observations and actions, the length of a day and the nominal number of days, "
    "which are public.",
    "Whoever controls the site's computer or its ledger.",
)
CAVEATS = (
    "Noise is drawn and added in float64 and the sum rounded to float32; attacks on the low-order "
    "bits of floating-point noise are not excluded by proof.",
    "Clipping and summing round as floating point does, so sensitivity may exceed the clip by a "
    "relative 1e-5.",
    "The settings of all runs on a ledger are counted as chosen without looking at earlier "
    "answers.",
)


@dataclass(frozen=True)
class Statement:
    """What a run guarantees to each site.

    Attributes:
        mode: "none" or "site_day_dp".
        holds: False if there is no guarantee, whatever the other fields say.
        epsilon: spent, the largest over sites; infinite without privacy.
        delta: delta at which epsilon is counted; 1 without privacy.
        budget: epsilon that no ledger lets through more than; infinite without privacy.
        unit: what is protected.
        adjacency: what neighbouring logs are.
        adversary: against whom.
        released: what leaves a site.
        mechanism: name and sampling, in words.
        noise_multiplier: noise standard deviation over clip.
        clip: bound on one unit's gradient.
        sampling_rate: probability that a unit joins a step.
        n_steps: steps charged, the most over sites.
        normaliser: public divisor of the sums.
        accountant: method, implementation and version.
        randomness: where the noise comes from.
        epsilon_by_site: spent by each site over the life of its ledger.
        ledger_heads: fingerprint of each ledger, to be kept elsewhere.
        caveats: what the proof takes for granted.
        exclusions: what is not covered.
    """

    mode: str
    holds: bool
    epsilon: float
    delta: float
    budget: float
    unit: str
    adjacency: str
    adversary: str
    released: str
    mechanism: str
    noise_multiplier: float
    clip: float
    sampling_rate: float
    n_steps: int
    normaliser: float
    accountant: str
    randomness: str
    epsilon_by_site: dict[str, float]
    ledger_heads: dict[str, str]
    caveats: tuple[str, ...]
    exclusions: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """All fields, for JSON; an infinite number becomes None."""
        return {
            name: None if isinstance(value, float) and math.isinf(value) else value
            for name, value in asdict(self).items()
        }

    @property
    def text(self) -> str:
        """The statement in words, in paragraphs separated by empty lines."""
        if self.mode == "none":
            return (
                "No differential privacy. Updates leave the sites as they were computed, and may "
                "reveal single days of operation to the server and to the other sites."
            )
        paragraphs = [
            f"Each site's answers are ({self.epsilon:.3g}, {self.delta:.3g})-differentially "
            f"private for {self.unit} ({self.adjacency}), towards {self.adversary}. Sites are "
            "disjoint, so this is the largest over sites, not their sum. No ledger lets more than "
            f"epsilon {self.budget:g} through.",
            f"Released: {self.released}.",
            f"Mechanism: {self.mechanism}; noise multiplier {self.noise_multiplier:.4g}, clip "
            f"{self.clip:.4g}, sampling rate {self.sampling_rate:.4g}, {self.n_steps} steps over "
            f"all runs of a ledger, sums divided by the public number {self.normaliser:.4g}.",
            f"Accountant: {self.accountant}.",
            f"Randomness: {self.randomness}.",
            "Taken for granted: " + " ".join(self.caveats),
            "Not covered: " + " ".join(self.exclusions),
        ]
        if not self.holds:
            paragraphs.insert(
                0,
                "THE GUARANTEE IS VOID: the noise of this run can be repeated by whoever has its "
                "seed, or there was none. The figures below are what the same run would promise "
                "with noise from a cryptographic source.",
            )
        return "\n\n".join(paragraphs)


def no_privacy() -> Statement:
    """The statement of a run without differential privacy."""
    return Statement(
        mode="none",
        holds=False,
        epsilon=math.inf,
        delta=1.0,
        budget=math.inf,
        unit="nothing",
        adjacency="none",
        adversary="nobody",
        released="every round: one update of the parameters, and the mean loss on the log",
        mechanism="none",
        noise_multiplier=0.0,
        clip=math.inf,
        sampling_rate=1.0,
        n_steps=0,
        normaliser=1.0,
        accountant="none",
        randomness="none",
        epsilon_by_site={},
        ledger_heads={},
        caveats=(),
        exclusions=(),
    )


def site_day_privacy(
    privacy: SiteDayPrivacy, ledgers: Sequence[LedgerSummary], noise: NoiseSource
) -> Statement:
    """The statement of a run with site-local noise, from what the ledgers say now."""
    epsilon = max(ledger.epsilon_spent for ledger in ledgers)
    return Statement(
        mode="site_day_dp",
        holds=math.isfinite(epsilon)
        and not noise.voids_guarantee
        and not any(ledger.repeatable for ledger in ledgers),
        epsilon=epsilon,
        delta=max(ledger.delta for ledger in ledgers),
        budget=max(ledger.epsilon for ledger in ledgers),
        unit=UNIT,
        adjacency=ADJACENCY,
        adversary=ADVERSARY,
        released=RELEASED,
        mechanism=(
            "Gaussian noise on the clipped sum of whole-trajectory gradients, Poisson-sampled, "
            "added at the site before anything leaves it"
        ),
        noise_multiplier=privacy.noise_multiplier,
        clip=privacy.clip,
        sampling_rate=privacy.sampling_rate,
        n_steps=max(ledger.n_steps for ledger in ledgers),
        normaliser=privacy.normaliser,
        accountant=ACCOUNTANT,
        randomness=noise.description,
        epsilon_by_site={ledger.site: ledger.epsilon_spent for ledger in ledgers},
        ledger_heads={ledger.site: ledger.head for ledger in ledgers},
        caveats=CAVEATS,
        exclusions=EXCLUSIONS,
    )
