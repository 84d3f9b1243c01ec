"""What the main job is told. `configs/demo.yaml` fills it, and only fills it."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import gymnasium

from grid_fed_rl.algorithms.iql import IQLConfig
from grid_fed_rl.demo.typed import build, require
from grid_fed_rl.envs import register
from grid_fed_rl.envs.baselines import BehaviourConfig
from grid_fed_rl.envs.registration import CUSTOM_IDS
from grid_fed_rl.federated.config import FederatedConfig
from grid_fed_rl.federated.privacy import SiteDayPrivacy
from grid_fed_rl.feeders import names as feeder_names
from grid_fed_rl.scenarios import five_utilities

__all__ = ["DemoConfig", "fingerprint"]


@dataclass(frozen=True)
class FeederChoice:
    """Which feeder, and the environment it is run in.

    Attributes:
        name: Of a shipped feeder; of one that `path` names, any.
        env_id: An environment of that feeder.
        path: A folder of tables or an OpenDSS script, instead of a shipped feeder.
    """

    name: str
    env_id: str
    path: str | None

    def __post_init__(self) -> None:
        if self.path is not None:
            expected = f"one of {', '.join(CUSTOM_IDS)}, as feeder.path is given"
            require(self.env_id in CUSTOM_IDS, "feeder.env_id", self.env_id, expected)
            there = Path(self.path).exists()
            require(there, "feeder.path", self.path, "a folder of tables or an OpenDSS script")
            return
        known = feeder_names()
        require(self.name in known, "feeder.name", self.name, f"one of {', '.join(known)}")
        register()
        runs = {env_id: spec.kwargs.get("feeder") for env_id, spec in gymnasium.registry.items()}
        fitting = [env_id for env_id, feeder in runs.items() if feeder == self.name]
        expected = f"an environment of the feeder {self.name!r}: {', '.join(fitting) or 'none'}"
        require(self.env_id in fitting, "feeder.env_id", self.env_id, expected)

    @property
    def which(self) -> str:
        """What `feeders.open_feeder` opens it by."""
        return self.name if self.path is None else self.path

    @property
    def options(self) -> dict[str, Any]:
        """What `gymnasium.make` takes beside the id."""
        return {} if self.path is None else {"feeder": self.path}


@dataclass(frozen=True)
class UtilityChoice:
    """What is peculiar to a utility's operators."""

    v_shift_mean: float


@dataclass(frozen=True)
class BehaviourChoice:
    """How all operators vary their rules; see `envs.baselines.BehaviourConfig`."""

    v_shift_spread: float
    exploration: float
    capacitor_rules: tuple[float, float, float]
    battery_rules: tuple[float, float, float]

    def __post_init__(self) -> None:
        self.of(UtilityChoice(0.0))

    def of(self, utility: UtilityChoice) -> BehaviourConfig:
        """The rules of one utility."""
        return BehaviourConfig(
            utility.v_shift_mean,
            self.v_shift_spread,
            self.exploration,
            self.capacitor_rules,
            self.battery_rules,
        )


@dataclass(frozen=True)
class FederatedChoice:
    """Rounds of the run without privacy, and how updates are combined.

    A round has `size.steps` over `rounds` steps, rounded down.
    """

    rounds: int
    rule: Literal["mean", "median", "trimmed_mean"]
    server_step: float

    def __post_init__(self) -> None:
        require(self.rounds >= 1, "federated.rounds", self.rounds, "at least 1")
        FederatedConfig(rule=self.rule, server_step=self.server_step)


@dataclass(frozen=True)
class PrivacyChoice:
    """The private run: its budget, its rounds, and its smaller networks."""

    epsilon: float
    delta: float
    clip: float
    sampling_rate: float
    nominal_days: int
    rounds: int
    local_steps: int
    hidden: tuple[int, ...]
    learning_rate: float
    polyak: float
    average_decay: float

    def __post_init__(self) -> None:
        require(self.rounds >= 1, "privacy.rounds", self.rounds, "at least 1")
        require(self.local_steps >= 1, "privacy.local_steps", self.local_steps, "at least 1")
        self.algorithm(IQLConfig())
        self.mechanism()

    def mechanism(self) -> SiteDayPrivacy:
        """What every step of a site is protected by."""
        return SiteDayPrivacy(
            epsilon=self.epsilon,
            delta=self.delta,
            clip=self.clip,
            sampling_rate=self.sampling_rate,
            n_steps=self.rounds * self.local_steps,
            nominal_days=self.nominal_days,
        )

    def algorithm(self, other: IQLConfig) -> IQLConfig:
        """The settings of the private learner, from those of the others."""
        return replace(
            other,
            hidden=self.hidden,
            learning_rate=self.learning_rate,
            polyak=self.polyak,
            average_decay=self.average_decay,
        )


@dataclass(frozen=True)
class EvaluationChoice:
    """How policies are judged."""

    seeds: int
    validation_days: int
    curve_points: int
    lanes: int

    def __post_init__(self) -> None:
        require(self.seeds >= 2, "evaluation.seeds", self.seeds, "at least 2, for an interval")
        for name in ("validation_days", "curve_points", "lanes"):
            value = getattr(self, name)
            require(value >= 1, f"evaluation.{name}", value, "at least 1")


@dataclass(frozen=True)
class TrackingChoice:
    """Where learning curves go besides the run folder."""

    kind: Literal["none", "wandb"]
    project: str
    mode: Literal["offline", "online"]


@dataclass(frozen=True)
class SizeChoice:
    """How long learners learn."""

    steps: int
    batch_size: int

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            require(getattr(self, name) >= 1, f"size.{name}", getattr(self, name), "at least 1")


@dataclass(frozen=True)
class DemoConfig:
    """The main job, whole.

    Raises:
        GridFedRLError: a value is out of bounds.
    """

    feeder: FeederChoice
    algorithm: IQLConfig
    federated: FederatedChoice
    privacy: PrivacyChoice
    evaluation: EvaluationChoice
    tracking: TrackingChoice
    size: SizeChoice
    utilities: dict[str, UtilityChoice]
    behaviour: BehaviourChoice
    run: str | None
    runs_dir: str
    seed: int
    reproducible: bool
    observe: Literal["nodes", "zones"]

    def __post_init__(self) -> None:
        require(len(self.utilities) >= 2, "utilities", list(self.utilities), "at least 2")
        known = [utility.name for utility in five_utilities()]
        for name in self.utilities:
            require(name in known, f"utilities.{name}", name, f"one of {', '.join(known)}")
        rule, enough = self.federated.rule, len(self.utilities) >= 3
        require(
            enough or rule != "trimmed_mean",
            "federated.rule",
            rule,
            "'mean' or 'median' for 2 utilities; trimming leaves out the answers of 2",
        )
        require(self.seed >= 0, "seed", self.seed, "at least 0")
        rounds, steps = self.federated.rounds, self.size.steps
        require(steps >= rounds, "size.steps", steps, f"at least federated.rounds ({rounds})")

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> "DemoConfig":
        """Build from plain nested mappings.

        Raises:
            GridFedRLError: an entry is missing, unknown or of the wrong type; the
                message names it.
        """
        return build(cls, mapping)


def fingerprint(*parts: object) -> str:
    """Short hash of settings: equal settings, equal fingerprint."""
    plain = [asdict(p) if dataclasses.is_dataclass(p) else p for p in parts]  # type: ignore[arg-type]
    text = json.dumps(plain, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
