"""Multilayer perceptrons as functions of a dictionary of tensors.

A network is the entries `<name>.<layer>.weight` (out, in) and `<name>.<layer>.bias`
(out,) of a dictionary, so that several networks, their gradients and their moments
are one flat thing to clip, average, send and store. No layer looks across samples.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Tensors", "init_mlp", "mlp", "n_inputs", "n_outputs"]

Tensors = dict[str, Tensor]

_HIDDEN_GAIN = sqrt(2.0)  # keeps the variance through a ReLU
_LAST_GAIN = 0.01  # a new network answers nearly zero: a policy at rest, a value of nothing


def init_mlp(name: str, sizes: Sequence[int], generator: torch.Generator) -> Tensors:
    """Draw orthogonal float32 weights and zero biases.

    Args:
        name: of the network, the first part of every key.
        sizes: of the input, of every hidden layer, and of the output.
        generator: source of the draw.
    """
    parameters: Tensors = {}
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        gain = _LAST_GAIN if layer == len(sizes) - 2 else _HIDDEN_GAIN
        weight = torch.empty(n_out, n_in)
        torch.nn.init.orthogonal_(weight, gain, generator=generator)
        parameters[f"{name}.{layer}.weight"] = weight
        parameters[f"{name}.{layer}.bias"] = torch.zeros(n_out)
    return parameters


def mlp(parameters: Tensors, name: str, x: Tensor) -> Tensor:
    """Apply network `name`: linear layers with a ReLU between them.

    Args:
        parameters: holds the layers of the network, and may hold others.
        name: of the network.
        x: (..., in).

    Returns:
        (..., out).
    """
    layer = 0
    while True:
        weight, bias = parameters[f"{name}.{layer}.weight"], parameters[f"{name}.{layer}.bias"]
        x = functional.linear(x, weight, bias)
        layer += 1
        if f"{name}.{layer}.weight" not in parameters:
            return x
        x = functional.relu(x)


def n_inputs(parameters: Tensors, name: str) -> int:
    """Length of the input of network `name`."""
    return parameters[f"{name}.0.weight"].shape[-1]


def n_outputs(parameters: Tensors, name: str) -> int:
    """Length of the output of network `name`."""
    last = sum(key.startswith(f"{name}.") and key.endswith(".bias") for key in parameters) - 1
    return parameters[f"{name}.{last}.bias"].shape[-1]
