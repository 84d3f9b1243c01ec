"""The four learners of the job, each kept on disk once it has learned.

A learner that finished is read back instead of trained again, so an interrupted
run goes on with what it lacks. The federated ones also go on within their run,
round by round.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.algorithms import LearnedPolicy, TrainConfig, train
from grid_fed_rl.analytics.runs import RunFolder
from grid_fed_rl.datasets import Transitions, concatenate, dataset_hash
from grid_fed_rl.demo.config import DemoConfig, fingerprint
from grid_fed_rl.demo.sites import Utility
from grid_fed_rl.federated.config import FederatedConfig
from grid_fed_rl.federated.flower.run import Federated, run_federated
from grid_fed_rl.federated.noise import ReproducibleNoise
from grid_fed_rl.policy import Policy

__all__ = ["LEARNERS", "Curve", "Learned", "Learners"]

LEARNERS = ("local_only", "pooled", "federated", "federated_private")
"""In the order they are run."""

Advance = Callable[[str, float], None]
"""Called with a learner's name and the share of its work that is done."""


@dataclass(frozen=True)
class Curve:
    """Score of a learner on validation days against its gradient steps a site."""

    steps: list[float]
    score: list[float]  # dollars a day: return less the weighted violation


@dataclass(frozen=True)
class Learned:
    """A policy for every utility, and how it came about."""

    policies: Mapping[str, Policy]
    curve: Curve
    privacy: Mapping[str, object] | None = None  # the statement, of a federated run


@dataclass(frozen=True)
class Learners:
    """Trains on the logs of the utilities.

    Attributes:
        config: the job.
        utilities: by name.
        logs: by name of the utility.
        folder: of the run.
        advance: told of progress.
    """

    config: DemoConfig
    utilities: Mapping[str, Utility]
    logs: Mapping[str, Transitions]
    folder: RunFolder
    advance: Advance

    def local_only(self) -> Learned:
        """Each utility by itself."""
        learned = {
            name: self._kept(f"local_only-{name}", {name: log}, [name], k)
            for k, (name, log) in enumerate(self.logs.items())
        }
        curves = [curve for _, curve in learned.values()]
        mean = np.mean([curve.score for curve in curves], axis=0)
        return Learned(
            {name: policy for name, (policy, _) in learned.items()},
            Curve(curves[0].steps, mean.tolist()),
        )

    def pooled(self) -> Learned:
        """All logs in one place."""
        policy, curve = self._kept("pooled", self.logs, list(self.utilities), len(self.logs))
        return Learned(dict.fromkeys(self.utilities, policy), curve)

    def federated(self) -> Learned:
        """Logs stay; updates are averaged."""
        rounds = self.config.federated.rounds
        settings = FederatedConfig(
            run="federated",
            n_rounds=rounds,
            n_local_steps=self.config.size.steps // rounds,
            batch_size=self.config.size.batch_size,
            rule=self.config.federated.rule,
            server_step=self.config.federated.server_step,
            seed=self.config.seed,
            algorithm=self.config.algorithm,
        )
        return self._federate(settings)

    def federated_private(self) -> Learned:
        """As federated, with every site-day protected."""
        choice = self.config.privacy
        settings = FederatedConfig(
            run="federated_private",
            n_rounds=choice.rounds,
            n_local_steps=choice.local_steps,
            rule=self.config.federated.rule,
            server_step=self.config.federated.server_step,
            seed=self.config.seed,
            privacy=choice.mechanism(),
            algorithm=choice.algorithm(self.config.algorithm),
        )
        return self._federate(settings)

    def _federate(self, settings: FederatedConfig) -> Learned:
        points = self.config.evaluation.curve_points
        everyone = list(self.utilities)

        noise = ReproducibleNoise(self.config.seed) if self.config.reproducible else None
        result: Federated = run_federated(
            self.logs,
            settings,
            self.folder.path / settings.run,
            noise=noise,
            progress=lambda _: self.advance(settings.run, 1.0 / settings.n_rounds),
            evaluate=lambda params, _: {
                "score": self._score(LearnedPolicy(params, settings.algorithm), everyone)
            },
            evaluate_every=max(1, settings.n_rounds // points),
        )
        judged = [record for record in result.history if "score" in record.evaluation]
        curve = Curve(
            [float(record.round_number * settings.n_local_steps) for record in judged],
            [record.evaluation["score"] for record in judged],
        )
        self._policy_path(settings.run).parent.mkdir(exist_ok=True)
        result.policy.save(self._policy_path(settings.run))
        self.folder.write_json(f"learning/{settings.run}.json", curve)
        return Learned(
            dict.fromkeys(self.utilities, result.policy),
            curve,
            result.statement.as_dict(),
        )

    def _score(self, policy: Policy, names: list[str]) -> float:
        """Dollars a day on validation days: return less the weighted violation."""
        few = self.config.evaluation.validation_days
        scores = []
        for name in names:
            utility = self.utilities[name]
            measured = utility.run(policy, _spread(utility.days("validation"), few))
            violation = self.config.algorithm.cost_weight * measured["violation_pu"]
            scores.append(float((measured["return"] - violation).mean()))
        return float(np.mean(scores))

    def _policy_path(self, name: str) -> Path:
        return self.folder.path / "policies" / f"{name}.safetensors"

    def _kept(
        self, name: str, logs: Mapping[str, Transitions], judged_on: list[str], stream: int
    ) -> tuple[LearnedPolicy, Curve]:
        """Train on logs, or read what was trained on them before with the same settings."""
        algorithm = self.config.algorithm
        size, points = self.config.size, self.config.evaluation.curve_points
        settings = fingerprint(
            algorithm,
            size,
            self.config.evaluation,
            [self.config.seed, *(dataset_hash(log) for log in logs.values())],
        )
        record = self.folder.path / "learning" / f"{name}.json"
        if record.exists() and self._policy_path(name).exists():
            kept = json.loads(record.read_text(encoding="utf-8"))
            if kept["settings"] == settings:
                self.advance(name, 1.0)
                curve = Curve(kept["steps"], kept["score"])
                return LearnedPolicy.load(self._policy_path(name)), curve
        every = max(1, size.steps // points)
        trained = train(
            concatenate(list(logs.values())),
            TrainConfig(size.steps, size.batch_size, log_every=every, evaluate_every=every),
            algorithm,
            self.config.seed * 1000 + stream,
            progress=lambda _: self.advance(name, every / size.steps),
            evaluate=lambda policy: {"score": self._score(policy, judged_on)},
        )
        rows = [row for row in trained.history if "score" in row]
        curve = Curve([row["step"] for row in rows], [row["score"] for row in rows])
        self._policy_path(name).parent.mkdir(exist_ok=True)
        trained.policy.save(self._policy_path(name))
        self.folder.write_json(
            f"learning/{name}.json",
            {"settings": settings, "steps": curve.steps, "score": curve.score},
        )
        return trained.policy, curve

    def __iter__(self) -> Iterator[tuple[str, Callable[[], Learned]]]:
        """Names and learners, in the order they are run."""
        for name in LEARNERS:
            yield name, getattr(self, name)


def _spread(days: NDArray[np.int64], few: int) -> NDArray[np.int64]:
    """At most `few` of the days, spread evenly, so that every season is among them."""
    return days[np.linspace(0, len(days) - 1, min(few, len(days))).astype(np.int64)]
