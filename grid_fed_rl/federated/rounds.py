"""The server's side of a run, without a network: what it holds, expects and does.

A run is the loop below. `grid_fed_rl.federated.flower` is the same loop with
messages in the middle::

    model = first_model(config, n_features, n_devices)
    while model.round_number < config.n_rounds:
        expected = expectation(model, config, sites)
        for update in ...:
            check_update(update, expected)
        model = next_model(model, updates, config)
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grid_fed_rl.algorithms import Learner, iql
from grid_fed_rl.algorithms.learner import average_share
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.algorithms.storage import read_tensors, write_tensors
from grid_fed_rl.errors import FederationError
from grid_fed_rl.federated.aggregate import RULES
from grid_fed_rl.federated.config import FederatedConfig, require_same_run, to_flat
from grid_fed_rl.federated.guard import ADAM_REACH, Expected
from grid_fed_rl.federated.update import Arrays, Update, as_arrays, as_tensors

__all__ = [
    "Model",
    "RoundRecord",
    "expectation",
    "first_model",
    "load_checkpoint",
    "next_model",
    "save_checkpoint",
]

_KIND = "federated model"
_GROUPS = ("params", "targets", "average")


@dataclass(frozen=True, eq=False)
class Model:
    """What the server holds after a number of rounds.

    Attributes:
        params: what the next round starts from.
        targets: of the critics.
        average: of the parameters over rounds, as `IQLConfig.average_decay` says:
            what is handed out. It is made of released numbers, so it costs no
            privacy, and much of the noise of single rounds is averaged away.
        round_number: rounds finished.
    """

    params: Arrays
    targets: Arrays
    average: Arrays
    round_number: int


@dataclass(frozen=True)
class RoundRecord:
    """What happened in one round.

    Attributes:
        round_number: from 1.
        accepted: sites whose update was added up.
        refused: why the others' was not, by site.
        update_norm: Euclidean norm of the combined update.
        metrics: mean over the accepted sites of what they reported.
        evaluation: what the evaluation returned, if there was one.
        wall_s: time the round took.
    """

    round_number: int
    accepted: tuple[str, ...]
    refused: dict[str, str]
    update_norm: float
    metrics: dict[str, float]
    evaluation: dict[str, float] = field(default_factory=dict)
    wall_s: float = 0.0

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "RoundRecord":
        """Make a record from what JSON kept of it."""
        return cls(**{**fields, "accepted": tuple(fields["accepted"])})


def first_model(config: FederatedConfig, n_features: int, n_devices: int) -> Model:
    """The networks a run starts from, drawn with `config.seed`."""
    learner = Learner.new(config.algorithm, n_features, n_devices, config.seed)
    params = as_arrays(learner.params)
    return Model(params, as_arrays(learner.targets), params, 0)


def expectation(model: Model, config: FederatedConfig, sites: Collection[str]) -> Expected:
    """What answers to the round after `model` have to look like."""
    return Expected(
        sites=frozenset(sites),
        run=config.run,
        round_number=model.round_number + 1,
        n_steps=config.n_local_steps,
        shapes={name: value.shape for name, value in model.params.items()},
        largest=ADAM_REACH * config.algorithm.learning_rate * config.n_local_steps,
    )


def next_model(
    model: Model, updates: Mapping[str, Update], config: FederatedConfig
) -> tuple[Model, float]:
    """Combine the updates that passed the guard and take the server's step.

    Sites move their own targets while they train; the server's follow its
    parameters by as many Polyak steps. They are made of released numbers alone.

    Args:
        model: what the sites started from.
        updates: by site.
        config: rule and step size.

    Returns:
        The next model, and the Euclidean norm of the combined update.

    Raises:
        FederationError: there are too few updates for the rule.
    """
    delta = RULES[config.rule]({site: update.delta for site, update in updates.items()})
    params = {
        name: (value + config.server_step * delta[name]).astype(np.float32, copy=False)
        for name, value in model.params.items()
    }
    tensors, targets = as_tensors(params), as_tensors(model.targets)
    for _ in range(config.n_local_steps):
        targets = iql.update_targets(tensors, targets, config.algorithm)
    norm = float(np.sqrt(sum(np.sum(np.square(d, dtype=np.float64)) for d in delta.values())))
    rounds = model.round_number + 1
    decay = config.algorithm.average_decay**config.n_local_steps
    share = average_share(decay, rounds)
    average = {
        name: (value + share * (params[name] - value)).astype(np.float32, copy=False)
        for name, value in model.average.items()
    }
    return Model(params, as_arrays(targets), average, rounds), norm


def save_checkpoint(
    path: Path, model: Model, history: Collection[RoundRecord], config: FederatedConfig
) -> None:
    """Write what a run needs to go on; a reader sees the old file or the new one."""
    tensors: Tensors = {
        f"{group}/{name}": value
        for group in _GROUPS
        for name, value in as_tensors(getattr(model, group)).items()
    }
    header = {
        "round_number": model.round_number,
        "settings": to_flat(config),
        "history": [asdict(record) for record in history],
    }
    write_tensors(path, tensors, _KIND, header)


def load_checkpoint(path: Path, config: FederatedConfig) -> tuple[Model, list[RoundRecord]]:
    """Read what `save_checkpoint` wrote.

    Raises:
        TrainingError: the file is missing or broken.
        FederationError: it is of another run, or of this one with other settings.
    """
    tensors, header = read_tensors(path, _KIND)
    if header["settings"]["run"] != config.run:
        raise FederationError(
            f"checkpoint {path}: holds run '{header['settings']['run']}', not '{config.run}'; "
            "give each run a folder of its own"
        )
    require_same_run(f"checkpoint {path}", header["settings"], to_flat(config))
    groups: dict[str, Arrays] = {group: {} for group in _GROUPS}
    for key, value in as_arrays(tensors).items():
        group, name = key.split("/", 1)
        groups[group][name] = value
    history = [RoundRecord.of(record) for record in header["history"]]
    return Model(**groups, round_number=header["round_number"]), history
