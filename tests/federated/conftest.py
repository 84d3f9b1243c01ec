"""Small logs and networks, so that whole runs take a fraction of a second."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from grid_fed_rl.algorithms import IQLConfig
from grid_fed_rl.datasets import Transitions

MakeLog = Callable[..., Transitions]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small tensors gain nothing from threads, and other tests may be running."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def algorithm() -> IQLConfig:
    return IQLConfig(hidden=(8,), cost_weight=0.5, learning_rate=1e-3)


@pytest.fixture
def make_log() -> MakeLog:
    """Logs of random numbers, some days of which end early."""

    def make(
        seed: int = 0, n: int = 12, n_steps: int = 6, n_features: int = 5, scale: float = 1.0
    ) -> Transitions:
        rng = np.random.default_rng(seed)
        length = rng.integers(1, n_steps + 1, size=n)
        length[: n // 2] = n_steps
        mask = np.arange(n_steps) < length[:, None]
        terminated = (
            mask & (np.arange(n_steps) == length[:, None] - 1) & (length < n_steps)[:, None]
        )
        return Transitions(
            observation=rng.uniform(-1, 1, (n, n_steps + 1, n_features)).astype(np.float32),
            action=rng.uniform(-1, 1, (n, n_steps, 2)).astype(np.float32),
            reward=(scale * rng.normal(size=(n, n_steps))).astype(np.float32),
            cost=(scale * rng.uniform(size=(n, n_steps))).astype(np.float32),
            terminated=terminated,
            mask=mask,
        )

    return make
