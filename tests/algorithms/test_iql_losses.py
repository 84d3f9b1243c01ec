from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import grad, vmap

from grid_fed_rl.algorithms import iql, mean_gradient
from grid_fed_rl.algorithms.iql import Batch, IQLConfig
from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.errors import TrainingError

MakeNetworks = Callable[..., tuple[Tensors, Tensors]]
MakeBatch = Callable[..., Batch]
CONFIG = IQLConfig(hidden=(7, 6), weight_clip=2.0)


def _reference(
    params: Tensors, targets: Tensors, batch: Batch, config: IQLConfig
) -> dict[str, np.ndarray]:
    """The three losses of the paper, sample by sample, in NumPy."""
    p = {name: value.numpy() for name, value in params.items()}
    t = {name: value.numpy() for name, value in targets.items()}

    def net(of: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
        for layer in (0, 1):
            x = np.maximum(of[f"{name}.{layer}.weight"] @ x + of[f"{name}.{layer}.bias"], 0)
        return of[f"{name}.2.weight"] @ x + of[f"{name}.2.bias"]

    losses: dict[str, list[float]] = {"value": [], "critic": [], "actor": []}
    for s, a, r, s2, end in zip(*(field.numpy() for field in batch), strict=True):
        sa = np.concatenate([s, a])
        q = min(net(t, "critic_1", sa)[0], net(t, "critic_2", sa)[0])
        v = net(p, "value", s)[0]
        y = r if end else r + config.discount * net(p, "value", s2)[0]
        losses["value"].append(abs(config.expectile - (1 if q < v else 0)) * (q - v) ** 2)
        losses["critic"].append(sum((y - net(p, f"critic_{i}", sa)[0]) ** 2 for i in (1, 2)))
        sigma = np.exp(p["actor_log_std"])
        density = np.exp(-(((a - np.tanh(net(p, "actor", s))) / sigma) ** 2) / 2)
        log_pi = np.log(density / (sigma * np.sqrt(2 * np.pi))).sum()
        losses["actor"].append(
            -min(np.exp(config.temperature * (q - v)), config.weight_clip) * log_pi
        )
    return {name: np.array(values) for name, values in losses.items()}


@pytest.mark.parametrize("expectile", [0.7, 0.9])
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_losses_are_those_of_the_paper(
    make_networks: MakeNetworks, make_batch: MakeBatch, expectile: float, temperature: float
) -> None:
    config = replace(CONFIG, expectile=expectile, temperature=temperature)
    params, targets = make_networks(config)
    batch = make_batch(200)
    expected = _reference(params, targets, batch, config)
    terms = iql.loss_terms(params, targets, batch, config)
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(terms, name).numpy(), values, rtol=1e-10)
    total = iql.loss(params, targets, batch, config).numpy()
    np.testing.assert_allclose(total, sum(expected.values()), rtol=1e-10)
    advantage_is_clipped = (
        expected["actor"]
        / _reference(params, targets, batch, replace(config, temperature=0.0))["actor"]
    )
    if temperature == 3.0:
        assert np.isclose(advantage_is_clipped, 2.0).any(), "the clip is met"
        assert (advantage_is_clipped < 1.9).any(), "and not by all"


@pytest.mark.parametrize("term", ["value", "critic", "actor"])
def test_each_term_moves_its_own_network_and_no_other(
    make_networks: MakeNetworks, make_batch: MakeBatch, term: str
) -> None:
    params, targets = make_networks(CONFIG)
    leaves = {name: value.requires_grad_() for name, value in params.items()}
    fixed = {name: value.requires_grad_() for name, value in targets.items()}
    loss = getattr(iql.loss_terms(leaves, fixed, make_batch(50), CONFIG), term).sum()
    everything = {**leaves, **{f"target {name}": value for name, value in fixed.items()}}
    gradients = torch.autograd.grad(loss, list(everything.values()), allow_unused=True)
    for name, gradient in zip(everything, gradients, strict=True):
        if name.startswith(term):
            assert gradient is not None, name
            assert gradient.abs().sum() > 0, name
        else:
            assert gradient is None, name


def test_the_gradient_of_the_sum_is_the_three_side_by_side(
    make_networks: MakeNetworks, make_batch: MakeBatch
) -> None:
    params, targets = make_networks(CONFIG)
    batch = make_batch()
    whole = grad(lambda p: iql.loss(p, targets, batch, CONFIG).sum())(params)
    for term in ("value", "critic", "actor"):
        own = grad(
            lambda p, term=term: getattr(iql.loss_terms(p, targets, batch, CONFIG), term).sum()
        )(params)
        for name in params:
            if name.startswith(term):
                torch.testing.assert_close(whole[name], own[name])


def test_permuting_samples_permutes_their_losses(
    make_networks: MakeNetworks, make_batch: MakeBatch
) -> None:
    params, targets = make_networks(CONFIG)
    batch = make_batch(20)
    order = torch.from_numpy(np.random.default_rng(3).permutation(20))
    losses = iql.loss(params, targets, batch, CONFIG)
    permuted = iql.loss(params, targets, Batch(*(field[order] for field in batch)), CONFIG)
    torch.testing.assert_close(permuted, losses[order], rtol=1e-12, atol=0)


def test_a_sample_has_the_same_loss_alone_and_in_any_company(
    make_networks: MakeNetworks, make_batch: MakeBatch
) -> None:
    params, targets = make_networks(CONFIG)
    batch = make_batch(4, 6)
    losses = iql.loss(params, targets, batch, CONFIG)
    assert losses.shape == (4, 6)
    alone = iql.loss(params, targets, Batch(*(field[2, 3] for field in batch)), CONFIG)
    torch.testing.assert_close(alone, losses[2, 3], rtol=1e-12, atol=0)


def test_at_half_the_expectile_is_the_mean(
    make_networks: MakeNetworks, make_batch: MakeBatch
) -> None:
    config = replace(CONFIG, expectile=0.5)
    params, targets = make_networks(config)
    batch = make_batch()
    place = torch.cat([batch.observation, batch.action], -1)
    q = torch.minimum(*(iql.mlp(targets, f"critic_{i}", place)[:, 0] for i in (1, 2)))
    v = iql.mlp(params, "value", batch.observation)[:, 0]
    terms = iql.loss_terms(params, targets, batch, config)
    torch.testing.assert_close(terms.value, 0.5 * (q - v) ** 2)


def test_without_temperature_the_policy_imitates_the_log(
    make_networks: MakeNetworks, make_batch: MakeBatch
) -> None:
    config = replace(CONFIG, temperature=0.0)
    params, targets = make_networks(config)
    batch = make_batch()
    mean = iql.act(params, batch.observation)
    density = torch.distributions.Normal(mean, params["actor_log_std"].exp())
    terms = iql.loss_terms(params, targets, batch, config)
    torch.testing.assert_close(terms.actor, -density.log_prob(batch.action).sum(-1))


def test_only_a_physical_end_stops_the_bootstrap(
    make_networks: MakeNetworks, make_batch: MakeBatch
) -> None:
    params, targets = make_networks(CONFIG)
    batch = make_batch()
    elsewhere = batch._replace(next_observation=batch.next_observation + 1)
    before = iql.loss_terms(params, targets, batch, CONFIG)
    after = iql.loss_terms(params, targets, elsewhere, CONFIG)
    torch.testing.assert_close(before.value, after.value)
    torch.testing.assert_close(before.actor, after.actor)
    changed = before.critic != after.critic
    assert torch.equal(changed, ~batch.terminated)
    assert batch.terminated.any()


def test_per_sample_gradients_equal_a_loop(
    make_networks: MakeNetworks, make_batch: MakeBatch
) -> None:
    params, targets = make_networks(CONFIG)
    batch = make_batch(6)

    def one(p: Tensors, sample: Batch) -> torch.Tensor:
        return iql.loss(p, targets, sample, CONFIG)

    at_once = vmap(grad(one), in_dims=(None, 0))(params, batch)
    for i in range(6):
        leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
        one(leaves, Batch(*(field[i] for field in batch))).backward()
        for name, leaf in leaves.items():
            torch.testing.assert_close(at_once[name][i], leaf.grad)


def test_the_minibatch_gradient_is_the_mean_of_the_per_sample_ones(
    make_networks: MakeNetworks, make_batch: MakeBatch
) -> None:
    params, targets = make_networks(CONFIG)
    batch = make_batch(6)
    gradients, losses = mean_gradient(params, targets, batch, CONFIG)
    one = partial(iql.loss, targets=targets, config=CONFIG)
    per_sample = vmap(grad(lambda p, b: one(p, batch=b)), in_dims=(None, 0))(params, batch)
    for name in params:
        torch.testing.assert_close(gradients[name], per_sample[name].mean(0))
        assert not params[name].requires_grad
    expected = torch.stack(iql.loss_terms(params, targets, batch, CONFIG)).mean(1)
    torch.testing.assert_close(losses, expected)


def test_stacked_sites_equal_a_loop(make_networks: MakeNetworks, make_batch: MakeBatch) -> None:
    networks = [make_networks(CONFIG, seed=i) for i in range(3)]
    batches = [make_batch(5, seed=i) for i in range(3)]
    params, targets = (
        {name: torch.stack([site[name] for site in sites]) for name in sites[0]}
        for sites in zip(*networks, strict=True)
    )
    batch = Batch(*(torch.stack(fields) for fields in zip(*batches, strict=True)))
    losses = vmap(partial(iql.loss, config=CONFIG))(params, targets, batch)
    for i in range(3):
        torch.testing.assert_close(losses[i], iql.loss(*networks[i], batches[i], CONFIG))


def test_targets_follow_by_polyak(make_networks: MakeNetworks) -> None:
    config = replace(CONFIG, polyak=0.25)
    params, targets = make_networks(config)
    kept = {name: value.clone() for name, value in targets.items()}
    moved = iql.update_targets(params, targets, config)
    assert set(moved) == {name for name in params if name.startswith("critic")}
    for name, value in moved.items():
        torch.testing.assert_close(value, 0.75 * kept[name] + 0.25 * params[name])
        assert torch.equal(targets[name], kept[name]), "the old ones are left alone"


def test_new_targets_are_copies_of_the_critics() -> None:
    params, targets = iql.init(CONFIG, 4, 2, torch.Generator().manual_seed(0))
    for name, value in targets.items():
        assert torch.equal(value, params[name])
        assert value.data_ptr() != params[name].data_ptr()
    assert not torch.equal(params["critic_1.0.weight"], params["critic_2.0.weight"])


def test_actions_lie_in_their_range(make_networks: MakeNetworks) -> None:
    params, _ = make_networks(CONFIG)
    actions = iql.act(params, 100 * torch.randn(50, 5, dtype=torch.float64))
    assert actions.shape == (50, 3)
    assert actions.abs().max() <= 1


def test_reward_is_shaped_in_one_place() -> None:
    reward, cost = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 4.0])
    config = IQLConfig(cost_weight=2.0, reward_scale=0.5)
    assert iql.shaped_reward(reward, cost, config).tolist() == [0.5, -4.5]
    blind = IQLConfig(cost_weight=0.0)
    assert iql.shaped_reward(reward, cost, blind).tolist() == [2.0, -1.0]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"expectile": 1.0}, r"IQL expectile=1.0; a number between 0 and 1 is needed"),
        ({"temperature": -1.0}, r"IQL temperature=-1.0; zero or more"),
        ({"weight_clip": 0.0}, r"IQL weight_clip=0.0; more than 0"),
        ({"discount": 1.5}, r"IQL discount=1.5; 0 to 1"),
        ({"cost_weight": float("nan")}, r"IQL cost_weight=nan; zero or more"),
        ({"reward_scale": float("inf")}, r"IQL reward_scale=inf; more than 0"),
        ({"polyak": 0.0}, r"IQL polyak=0.0; more than 0 and at most 1"),
        ({"learning_rate": -1e-3}, r"IQL learning_rate=-0.001; more than 0"),
        ({"hidden": ()}, r"IQL hidden=\(\); one or more positive widths"),
        ({"hidden": (64, 0)}, r"IQL hidden=\(64, 0\); one or more positive widths"),
    ],
)
def test_settings_out_of_bounds_are_named(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        IQLConfig(**setting)
