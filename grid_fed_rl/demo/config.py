"""What the main job is told. `configs/demo.yaml` fills it, and only fills it."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from grid_fed_rl.algorithms.iql import IQLConfig
from grid_fed_rl.envs.baselines import BehaviourConfig
from grid_fed_rl.errors import GridFedRLError

__all__ = ["DemoConfig", "fingerprint"]

Record = TypeVar("Record")


def _require(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise GridFedRLError(f"configuration: {name} is {value!r}; expected {expected}")


@dataclass(frozen=True)
class FeederChoice:
    """Which feeder, and the environment it is run in."""

    name: str
    env_id: str


@dataclass(frozen=True)
class UtilityChoice:
    """What is peculiar to a utility's operators."""

    v_shift_mean: float


@dataclass(frozen=True)
class BehaviourChoice:
    """How all operators vary their rules; see `envs.baselines.BehaviourConfig`."""

    v_shift_spread: float
    exploration: float
    capacitor_rules: tuple[float, ...]
    battery_rules: tuple[float, ...]

    def of(self, utility: UtilityChoice) -> BehaviourConfig:
        """The rules of one utility."""
        closed, clock, voltage = self.capacitor_rules
        idle, peak, sun = self.battery_rules
        return BehaviourConfig(
            utility.v_shift_mean,
            self.v_shift_spread,
            self.exploration,
            (closed, clock, voltage),
            (idle, peak, sun),
        )


@dataclass(frozen=True)
class FederatedChoice:
    """Rounds of the run without privacy, and how updates are combined."""

    rounds: int
    rule: Literal["mean", "median", "trimmed_mean"]
    server_step: float

    def __post_init__(self) -> None:
        _require(self.rounds >= 1, "federated.rounds", self.rounds, "at least 1")


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
        _require(self.rounds >= 1, "privacy.rounds", self.rounds, "at least 1")
        _require(self.local_steps >= 1, "privacy.local_steps", self.local_steps, "at least 1")


@dataclass(frozen=True)
class EvaluationChoice:
    """How policies are judged."""

    seeds: int
    validation_days: int
    curve_points: int
    lanes: int

    def __post_init__(self) -> None:
        _require(self.seeds >= 2, "evaluation.seeds", self.seeds, "at least 2, for an interval")
        for name in ("validation_days", "curve_points", "lanes"):
            value = getattr(self, name)
            _require(value >= 1, f"evaluation.{name}", value, "at least 1")


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
            _require(getattr(self, name) >= 1, f"size.{name}", getattr(self, name), "at least 1")


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
        _require(len(self.utilities) >= 2, "utilities", list(self.utilities), "at least 2")
        _require(self.seed >= 0, "seed", self.seed, "at least 0")
        rounds, steps = self.federated.rounds, self.size.steps
        _require(steps >= rounds, "size.steps", steps, f"at least federated.rounds ({rounds})")

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> "DemoConfig":
        """Build from plain nested mappings.

        Raises:
            GridFedRLError: an entry is missing, unknown or of the wrong type; the
                message names it.
        """
        return _build(cls, mapping, "")


def fingerprint(*parts: object) -> str:
    """Short hash of settings: equal settings, equal fingerprint."""
    plain = [asdict(p) if dataclasses.is_dataclass(p) else p for p in parts]  # type: ignore[arg-type]
    text = json.dumps(plain, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _build(kind: type[Record], mapping: object, where: str) -> Record:
    assert dataclasses.is_dataclass(kind)
    if not isinstance(mapping, Mapping):
        raise GridFedRLError(f"configuration: {where or 'it'} is {mapping!r}; expected entries")
    hints = get_type_hints(kind)
    names = {item.name for item in dataclasses.fields(kind)}
    for wrong in sorted(set(mapping) ^ names):
        state = "unknown" if wrong in mapping else "missing"
        known = ", ".join(sorted(names))
        raise GridFedRLError(f"configuration: {where}{wrong} is {state}; known: {known}")
    return kind(**{name: _value(hints[name], mapping[name], where + name) for name in names})


def _value(hint: Any, value: object, where: str) -> object:
    origin, parts = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        return _build(hint, value, f"{where}.")
    if origin is dict and isinstance(value, Mapping):
        return {str(k): _value(parts[1], v, f"{where}.{k}") for k, v in value.items()}
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_value(parts[0], v, where) for v in value)
    allowed = parts or (hint,)
    if origin is Literal:
        _require(value in parts, where, value, " or ".join(map(repr, parts)))
        return value
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = " or ".join(getattr(one, "__name__", str(one)) for one in allowed)
    _require(type(value) in allowed, where, value, expected)
    return value
