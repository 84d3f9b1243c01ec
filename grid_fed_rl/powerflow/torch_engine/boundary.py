"""The boundary on a device: factorised row by row, all rows and a level at a time.

Values lie ``[index, row]``. The numbers of a level's entries are a slice, and what
they need of other levels is gathered: see `levels`. ``Y = L D L^T`` without pivoting,
by the sums of rows, as in `linear_kernels.factorise`; the last entry and the last node
stay 0, for the padding.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from grid_fed_rl.powerflow.linear_kernels import EARTHED
from grid_fed_rl.powerflow.torch_engine.devices import ToDevice
from grid_fed_rl.powerflow.torch_engine.levels import Level, Levels

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BoundaryOnDevice", "Factors"]


class Factors(NamedTuple):
    """Factors of the boundary of every row."""

    inverse: "Tensor"  # (node, row) 1 / D
    forward: "Tensor"  # (entry, row) L as the forward substitution meets it, padded
    backward: "Tensor"  # (entry, row) the same of the backward substitution


class _Gather(NamedTuple):
    """A level's own nodes and what it gathers, flat; `width` numbers an own entry."""

    own: slice
    left: "Tensor"
    right: "Tensor"
    width: int


class _Columns(NamedTuple):
    """What the factorisation does with a level."""

    products: _Gather
    sums: slice
    off_diagonal: slice
    nodes: slice
    column: "Tensor"  # entries beside the pivot of each node, padded
    pivot: "Tensor"


class _Sweep(NamedTuple):
    """What a substitution does with a level."""

    own: slice
    factors: slice
    other: "Tensor"
    width: int


class BoundaryOnDevice:
    """The elimination of `Levels` on a device.

    Args:
        levels: The elimination.
        tensor: Puts an array on the device.
    """

    def __init__(self, levels: Levels, tensor: ToDevice) -> None:
        self.n_nodes = levels.n_nodes
        self._base = tensor(np.append(levels.base, 0.0)[:, None])
        padded = np.concatenate([levels.terms, np.zeros((1, levels.terms.shape[1]))])
        self._terms = tensor(padded)
        self._sums = tensor(levels.sums)
        self._columns = [_columns(level, tensor) for level in levels.levels]
        self._forward = _sweeps(levels.levels, "forward", tensor)
        self._backward = _sweeps(levels.levels, "backward", tensor)[::-1]
        every = {
            name: np.concatenate(
                [np.empty(0, np.int64), *(getattr(level, name).ravel() for level in levels.levels)]
            )
            for name in ("forward", "backward")
        }
        self._every_forward, self._every_backward = map(tensor, every.values())

    @property
    def numbers_a_row(self) -> int:
        """Complex numbers a row takes while it is factorised and after."""
        kept = len(self._every_forward) + len(self._every_backward) + self.n_nodes
        widest = max((len(c.products.left) for c in self._columns), default=0)
        return kept + 2 * len(self._base) + 3 * widest

    def factorise(self, factor: "Tensor", dead: "Tensor") -> Factors:
        """Factorise the boundary of every row.

        Args:
            factor: (factor, row) what scales the terms.
            dead: (node, row) 1 for nodes held at 0 V, by position of `levels`.
        """
        y = self._base.addmm(self._terms, factor.to(self._base.dtype))
        y.index_add_(0, self._sums, EARTHED * dead.to(y.dtype))  # no entry twice
        lower = y.clone()
        inverse = y.new_empty((self.n_nodes, y.shape[1]))
        for level in self._columns:
            lost = level.products
            if lost.width:
                product = y.index_select(0, lost.left)
                product *= lower.index_select(0, lost.right)
                y[lost.own].sub_(product.view(-1, lost.width, y.shape[1]).sum(1))
            pivot = y[level.sums]
            if len(level.pivot):
                beside = y.index_select(0, level.column).view(len(pivot), -1, y.shape[1])
                pivot = pivot - beside.sum(1)
            inverse[level.nodes] = pivot.reciprocal()
            if len(level.pivot):
                lower[level.off_diagonal] = y[level.off_diagonal] * inverse.index_select(
                    0, level.pivot
                )
        return Factors(
            inverse,
            lower.index_select(0, self._every_forward),
            lower.index_select(0, self._every_backward),
        )

    def substitute(self, factors: Factors, x: "Tensor") -> None:
        """Solve in place; x is (node + 1, row), its last node 0."""
        _substitute(self._forward, factors.forward, x)
        x[:-1].mul_(factors.inverse)
        _substitute(self._backward, factors.backward, x)


def _substitute(sweeps: list[_Sweep], factors: "Tensor", x: "Tensor") -> None:
    for level in sweeps:
        product = x.index_select(0, level.other)
        product *= factors[level.factors]
        if level.width > 1:
            product = product.view(-1, level.width, x.shape[1]).sum(1)
        x[level.own].sub_(product)


def _columns(level: Level, tensor: ToDevice) -> _Columns:
    return _Columns(
        products=_Gather(
            own=slice(level.entry, level.end),
            left=tensor(level.left.ravel()),
            right=tensor(level.right.ravel()),
            width=level.left.shape[1],
        ),
        sums=slice(level.entry, level.off_diagonal),
        off_diagonal=slice(level.off_diagonal, level.end),
        nodes=slice(level.first, level.last),
        column=tensor(level.backward.ravel()),
        pivot=tensor(level.pivot),
    )


def _sweeps(levels: list[Level], name: str, tensor: ToDevice) -> list[_Sweep]:
    sweeps, first = [], 0
    for level in levels:
        entries, other = getattr(level, name), getattr(level, f"{name}_from")
        last = first + entries.size
        if entries.size:
            own = slice(level.first, level.last)
            sweeps.append(_Sweep(own, slice(first, last), tensor(other.ravel()), entries.shape[1]))
        first = last
    return sweeps
