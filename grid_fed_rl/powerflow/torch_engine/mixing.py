"""Each step mixed with the last three, all rows at once; see `iteration_kernels`."""

from typing import TYPE_CHECKING, NamedTuple, Self

from grid_fed_rl.powerflow.iteration_kernels import DEPTH, RIDGE

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Past", "look_back", "no_past", "step"]


class Past(NamedTuple):
    """What the last iterations did: moves f of v to g, and their changes."""

    f: "Tensor"  # (site, row)
    g: "Tensor"  # (site, row)
    df: "Tensor"  # (DEPTH, site, row) change of f, a step after the other
    dg: "Tensor"  # (DEPTH, site, row)
    gram: "Tensor"  # (DEPTH, DEPTH, row) inner products of the changes of f

    def rows(self, keep: "Tensor") -> Self:
        """Some rows."""
        return type(self)(*(one.index_select(-1, keep) for one in self))


def no_past(v: "Tensor") -> Past:
    """Before the first iteration."""
    steps, gram = (DEPTH, *v.shape), (DEPTH, DEPTH, v.shape[1])
    real = v.real.dtype
    return Past(
        v.new_zeros(v.shape),
        v.new_zeros(v.shape),
        v.new_zeros(steps),
        v.new_zeros(steps),
        v.new_zeros(gram, dtype=real),
    )


def _inner(many: "Tensor", one: "Tensor") -> "Tensor":
    """(DEPTH, row) inner products of steps with one, as vectors of real numbers."""
    import torch

    return (torch.view_as_real(many) * torch.view_as_real(one)).sum((1, 3))


def look_back(past: Past, iteration: int, f: "Tensor", g: "Tensor") -> Past:
    """Note what an iteration did; its steps are noted in place."""
    import torch

    slot = iteration % DEPTH
    if iteration > 0:  # there was no step before the first
        torch.sub(f, past.f, out=past.df[slot])
        torch.sub(g, past.g, out=past.dg[slot])
        near = _inner(past.df, past.df[slot])
        past.gram[slot] = near
        past.gram[:, slot] = near
    return past._replace(f=f, g=g)


def step(past: Past) -> "Tensor":
    """(site, row) where the last steps point: the least squares that cancel f best."""
    import torch

    to = _inner(past.df, past.f)
    system = torch.cat([past.gram, to[:, None]], 1)
    diagonal = system.diagonal(dim1=0, dim2=1)  # (row, DEPTH), a view
    diagonal.add_((diagonal.sum(1) * RIDGE + 1e-300)[:, None])
    for k in range(DEPTH - 1):
        share = system[k + 1 :, k] / system[k, k]
        system[k + 1 :].sub_(share[:, None] * system[k])
    weight = torch.empty_like(to)
    for k in reversed(range(DEPTH)):
        weight[k] = system[k, DEPTH] / system[k, k]
        system[:k, DEPTH].sub_(system[:k, k] * weight[k])
    return past.g - (past.dg * weight[:, None]).sum(0)
