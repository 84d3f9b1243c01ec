"""Everything a federated run is told, in one frozen record."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

from grid_fed_rl.algorithms.iql import IQLConfig
from grid_fed_rl.errors import FederationError, PrivacyError
from grid_fed_rl.federated.privacy import SiteDayPrivacy

__all__ = ["FederatedConfig", "Flat", "from_flat", "require_same_run", "to_flat"]

Flat = dict[str, bool | float | int | str]
Record = TypeVar("Record")


@dataclass(frozen=True)
class FederatedConfig:
    """One federated run.

    Attributes:
        run: name of the run. A site answers a round of a run once, so a new run
            on the same sites needs a new name.
        n_rounds: rounds of sending out, training and adding up.
        n_local_steps: gradient steps of a site in one round.
        batch_size: transitions of one step without privacy. Under privacy
            `privacy.sampling_rate` decides instead.
        rule: how updates are combined: see `grid_fed_rl.federated.aggregate`.
        server_step: factor on the combined update; 1 is plain averaging.
        quorum: answers needed for a round to count; None means all sites.
        seed: of the first parameters, and of minibatches without privacy.
        privacy: None sends updates as they are.
        algorithm: settings of the learner.

    Raises:
        FederationError: a number is out of bounds, or the rule is unknown.
        PrivacyError: the noise is calibrated for fewer steps than the run takes.
    """

    run: str = "run"
    n_rounds: int = 50
    n_local_steps: int = 4
    batch_size: int = 256
    rule: Literal["mean", "median", "trimmed_mean"] = "mean"
    server_step: float = 1.0
    quorum: int | None = None
    seed: int = 0
    privacy: SiteDayPrivacy | None = None
    algorithm: IQLConfig = field(default_factory=IQLConfig)

    def __post_init__(self) -> None:
        for name in ("n_rounds", "n_local_steps", "batch_size", "quorum"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise FederationError(f"{name}: {value} is not possible; it must be at least 1")
        if self.seed < 0:
            raise FederationError(f"seed: {self.seed} is not possible; it must be at least 0")
        if not 0 < self.server_step <= 10:
            raise FederationError(
                f"server_step: {self.server_step} is not possible; it must be above 0, at most 10"
            )
        rules = ("mean", "median", "trimmed_mean")
        if self.rule not in rules:
            raise FederationError(f"rule: unknown '{self.rule}'; known: {', '.join(rules)}")
        privacy = self.privacy
        if privacy is not None and privacy.sigma is None and self.n_steps > privacy.n_steps:
            raise PrivacyError(
                f"privacy.n_steps: noise calibrated for {privacy.n_steps} steps does not cover "
                f"{self.n_rounds} rounds of {self.n_local_steps} steps; it must be at least "
                f"{self.n_steps}"
            )

    @property
    def n_steps(self) -> int:
        """Gradient steps of a site in the whole run."""
        return self.n_rounds * self.n_local_steps


def to_flat(config: FederatedConfig) -> Flat:
    """Write a configuration as one level of names, such as `privacy.epsilon`.

    Flower's run configuration has this form, and checkpoints keep it.
    """
    flat: Flat = {}
    _flatten(config, "", flat)
    return flat


def from_flat(flat: Flat) -> FederatedConfig:
    """Read what `to_flat` wrote. What is left out has its default.

    Raises:
        FederationError: a name is unknown or a value has the wrong type.
    """
    left = dict(flat)
    config = _unflatten(FederatedConfig, "", left)
    if left:
        known = ", ".join(to_flat(FederatedConfig(privacy=SiteDayPrivacy())))
        raise FederationError(f"configuration: unknown {', '.join(sorted(left))}; known: {known}")
    return config


def require_same_run(who: str, before: Flat, now: Flat) -> None:
    """Refuse to go on with a run under other settings; only `n_rounds` may change.

    Settings of runs with other names are no concern.

    Args:
        who: for the message.
        before: settings as `to_flat` wrote them when the run began.
        now: settings asked for.

    Raises:
        FederationError: names every setting that differs.
    """
    if before["run"] != now["run"]:
        return
    changed = [
        f"{name} was {before.get(name)!r}, is {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if name != "n_rounds" and before.get(name) != now.get(name)
    ]
    if changed:
        raise FederationError(
            f"{who}: run '{now['run']}' has begun with other settings: {'; '.join(changed)}. Keep "
            "them, or give the run another name"
        )


def _flatten(record: object, prefix: str, flat: Flat) -> None:
    assert dataclasses.is_dataclass(record)
    for item in dataclasses.fields(record):
        value = getattr(record, item.name)
        name = prefix + item.name
        if dataclasses.is_dataclass(value):
            _flatten(value, name + ".", flat)
        elif isinstance(value, tuple):
            flat[name] = json.dumps(value)
        elif value is not None:
            flat[name] = value


def _unflatten(kind: type[Record], prefix: str, flat: Flat) -> Record:
    """Take the fields of `kind` out of `flat` and build it."""
    assert dataclasses.is_dataclass(kind)
    hints = get_type_hints(kind)
    values: dict[str, object] = {}
    for item in dataclasses.fields(kind):
        name = prefix + item.name
        alternatives = get_args(hints[item.name]) or (hints[item.name],)
        nested = [part for part in alternatives if dataclasses.is_dataclass(part)]
        if nested and any(key.startswith(name + ".") for key in flat):
            assert isinstance(nested[0], type)
            values[item.name] = _unflatten(nested[0], name + ".", flat)
        elif name in flat:
            value = flat.pop(name)
            values[item.name] = _as_declared(name, value, hints[item.name])
    return kind(**values)


def _as_declared(name: str, value: bool | float | int | str, hint: object) -> object:
    """Hold a value against the type its field declares; an integer may stand for a float."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is tuple:
        try:
            return tuple(int(width) for width in json.loads(str(value)))
        except (ValueError, TypeError):
            raise FederationError(
                f"configuration: {name} is {value!r}; a list such as '[64, 64]' is needed"
            ) from None
    allowed = (str,) if origin is Literal else tuple(part for part in (parts or (hint,)))
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) not in allowed:
        wanted = " or ".join(part.__name__ for part in allowed if isinstance(part, type))
        raise FederationError(f"configuration: {name} is {value!r}; {wanted} is needed")
    return value
