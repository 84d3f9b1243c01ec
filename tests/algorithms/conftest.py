"""A random minibatch, a random log, and networks whose every output is far from zero."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from grid_fed_rl.algorithms import iql
from grid_fed_rl.algorithms.iql import Batch, IQLConfig
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.datasets import Transitions

N_FEATURES, N_DEVICES = 5, 3


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_networks() -> Callable[..., tuple[Tensors, Tensors]]:
    """Return a function that draws all parameters, biases and targets too, at random."""

    def make(config: IQLConfig, seed: int = 0, dtype: torch.dtype = torch.float64):
        generator = torch.Generator().manual_seed(seed)
        params, targets = iql.init(config, N_FEATURES, N_DEVICES, generator)

        def draw(tensors: Tensors) -> Tensors:
            return {
                name: 0.4 * torch.randn(value.shape, generator=generator, dtype=dtype)
                for name, value in tensors.items()
            }

        return draw(params), draw(targets)

    return make


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    def make(*lead: int, seed: int = 0, dtype: type = np.float64) -> Batch:
        rng = np.random.default_rng(seed)
        lead = lead or (9,)

        def uniform(*shape: int) -> torch.Tensor:
            return torch.from_numpy(rng.uniform(-1, 1, (*lead, *shape)).astype(dtype))

        return Batch(
            observation=uniform(N_FEATURES),
            action=uniform(N_DEVICES),
            reward=uniform(),
            next_observation=uniform(N_FEATURES),
            terminated=torch.from_numpy(rng.uniform(size=lead) < 0.3),
        )

    return make


@pytest.fixture
def make_log() -> Callable[..., Transitions]:
    """Return a function that makes a random log in which trajectory 1 collapses early."""

    def make(n: int = 6, n_steps: int = 4, n_features: int = N_FEATURES, seed: int = 0):
        rng = np.random.default_rng(seed)
        mask = np.ones((n, n_steps), bool)
        terminated = np.zeros((n, n_steps), bool)
        mask[1, 2:] = False
        terminated[1, 1] = True
        return Transitions(
            observation=rng.uniform(-1, 1, (n, n_steps + 1, n_features)).astype(np.float32),
            action=rng.uniform(-1, 1, (n, n_steps, N_DEVICES)).astype(np.float32),
            reward=rng.normal(size=(n, n_steps)).astype(np.float32),
            cost=rng.uniform(0, 1, (n, n_steps)).astype(np.float32),
            terminated=terminated,
            mask=mask,
        )

    return make
