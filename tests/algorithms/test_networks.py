import numpy as np
import torch

from grid_fed_rl.algorithms.networks import init_mlp, mlp, n_inputs, n_outputs


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_new_layers_are_orthogonal_and_the_last_is_small() -> None:
    net = init_mlp("net", (8, 8, 4), _generator())
    assert list(net) == ["net.0.weight", "net.0.bias", "net.1.weight", "net.1.bias"]
    first, last = net["net.0.weight"], net["net.1.weight"]
    torch.testing.assert_close(first @ first.T, 2 * torch.eye(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(last @ last.T, 1e-4 * torch.eye(4), atol=1e-9, rtol=0)
    assert not net["net.0.bias"].any()
    assert not net["net.1.bias"].any()
    assert all(value.dtype == torch.float32 for value in net.values())
    assert (n_inputs(net, "net"), n_outputs(net, "net")) == (8, 4)


def test_the_draw_comes_from_the_generator_alone() -> None:
    first, again = (init_mlp("net", (3, 4, 1), _generator(7)) for _ in range(2))
    other = init_mlp("net", (3, 4, 1), _generator(8))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["net.0.weight"], other["net.0.weight"])


def test_a_network_by_hand() -> None:
    net = {
        "net.0.weight": torch.tensor([[1.0, -1.0], [2.0, 0.0]]),
        "net.0.bias": torch.tensor([0.5, -1.0]),
        "net.1.weight": torch.tensor([[3.0, 10.0]]),
        "net.1.bias": torch.tensor([0.25]),
    }
    # hidden: relu(1 - 2 + 0.5) = 0 and relu(2 - 1) = 1; relu(2 - 1 + 0.5) = 1.5 and relu(4 - 1) = 3
    x = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
    assert mlp(net, "net", x).tolist() == [[10.25], [34.75]]


def test_leading_axes_are_free() -> None:
    net = init_mlp("net", (3, 5, 2), _generator())
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32))
    out = mlp(net, "net", x)
    assert out.shape == (4, 6, 2)
    torch.testing.assert_close(out.reshape(24, 2), mlp(net, "net", x.reshape(24, 3)))
    torch.testing.assert_close(out[1, 2], mlp(net, "net", x[1, 2]))


def test_stacked_networks_equal_a_loop() -> None:
    nets = [init_mlp("net", (3, 5, 2), _generator(seed)) for seed in range(4)]
    stacked = {name: torch.stack([net[name] for net in nets]) for name in nets[0]}
    x = torch.rand(4, 6, 3, generator=_generator())
    out = torch.func.vmap(lambda net, x: mlp(net, "net", x))(stacked, x)
    for i, net in enumerate(nets):
        torch.testing.assert_close(out[i], mlp(net, "net", x[i]))
