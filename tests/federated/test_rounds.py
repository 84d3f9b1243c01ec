"""The server's average: the weights it stands for, and that it goes on after a restart."""

from pathlib import Path

import numpy as np

from grid_fed_rl.algorithms.iql import IQLConfig
from grid_fed_rl.federated.config import FederatedConfig
from grid_fed_rl.federated.rounds import (
    Model,
    first_model,
    load_checkpoint,
    next_model,
    save_checkpoint,
)
from grid_fed_rl.federated.update import Update


def settings(decay: float) -> FederatedConfig:
    """A small run of two local steps whose rounds decay by `decay`."""
    algorithm = IQLConfig(hidden=(3,), average_decay=decay**0.5)
    return FederatedConfig(n_local_steps=2, algorithm=algorithm)


def rounds(config: FederatedConfig, n: int, model: Model | None = None) -> list[Model]:
    """Models after each of `n` rounds in which one site moves every parameter by the round."""
    models = [model or first_model(config, 4, 2)]
    for _ in range(n):
        last = models[-1]
        number = last.round_number + 1
        delta = {name: np.full_like(value, 0.01 * number) for name, value in last.params.items()}
        update = Update("a", config.run, number, config.n_local_steps, delta, {})
        models.append(next_model(last, {"a": update}, config)[0])
    return models[1:]


def test_average_weighs_round_k_by_the_decay_to_the_rounds_since() -> None:
    config = settings(0.8)
    models = rounds(config, 6)
    weights = 0.8 ** np.arange(5, -1, -1)
    for name, average in models[-1].average.items():
        expected = np.average([m.params[name] for m in models], axis=0, weights=weights)
        np.testing.assert_allclose(average, expected, rtol=0, atol=1e-6)


def test_average_without_decay_is_the_last_round() -> None:
    last = rounds(settings(0.0), 3)[-1]
    for name, average in last.average.items():
        np.testing.assert_allclose(average, last.params[name], rtol=0, atol=1e-6)


def test_average_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    config = settings(0.8)
    path = tmp_path / "server.safetensors"
    half = rounds(config, 3)[-1]
    save_checkpoint(path, half, [], config)
    resumed = rounds(config, 3, load_checkpoint(path, config)[0])[-1]
    unbroken = rounds(config, 6)[-1]
    for name, average in unbroken.average.items():
        np.testing.assert_array_equal(resumed.average[name], average)
