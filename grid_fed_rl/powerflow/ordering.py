"""The elimination schedule of a symmetric sparse matrix, found once a network.

A fill-reducing order (SuperLU's multiple minimum degree), then the symbolic
LDL^T factorisation: where fill appears and which multiply-subtract follows
which. Numbers come later, for a whole batch at a time: see `kernels`.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

__all__ = ["Schedule", "schedule"]

Index = NDArray[np.int32]


class Schedule(NamedTuple):
    """Elimination of n nodes with m off-diagonal entries of L.

    Entries are numbered with the n diagonal ones first, then column by column.
    """

    order: Index  # (n,) original node at each position of the order
    position: Index  # (n,) position in the order of each original node
    column: Index  # (n + 1,) where the off-diagonal entries of a column begin
    row: Index  # (m,) position of the row of each off-diagonal entry
    update: Index  # (n + 1,) where the updates made by a column begin
    left: Index  # (updates,) entry that is scaled by the pivot
    right: Index  # (updates,) entry it is multiplied with
    target: Index  # (updates,) entry that the product is subtracted from

    @property
    def n_nodes(self) -> int:
        """Order of the matrix."""
        return len(self.order)

    @property
    def n_entries(self) -> int:
        """Diagonal and off-diagonal entries of the factor together."""
        return len(self.order) + len(self.row)

    def entry(self, i: int, j: int) -> int:
        """Number of the entry that couples original nodes `i` and `j`."""
        p, q = sorted((int(self.position[i]), int(self.position[j])))
        if p == q:
            return p
        begin, end = self.column[p], self.column[p + 1]
        k = begin + int(np.searchsorted(self.row[begin:end], q))
        if k == end or self.row[k] != q:
            raise KeyError((i, j))
        return self.n_nodes + k


def _index(values: Iterable[int]) -> Index:
    return np.fromiter(values, dtype=np.int32)


def _minimum_degree(n: int, pairs: set[tuple[int, int]]) -> Index:
    """Order of elimination with little fill, from a matrix of that pattern."""
    i = np.array([p for pair in pairs for p in pair] + list(range(n)))
    j = np.array([p for pair in pairs for p in reversed(pair)] + list(range(n)))
    values = np.where(i == j, 2.0 * n, 1.0)
    matrix = coo_matrix((values, (i, j)), shape=(n, n)).tocsc()
    factor = splu(
        matrix,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    order = np.empty(n, dtype=np.int32)
    order[factor.perm_c] = np.arange(n, dtype=np.int32)
    return order


def schedule(n: int, pairs: set[tuple[int, int]]) -> Schedule:
    """Build the schedule of an n by n matrix from its coupled node pairs.

    Args:
        n: Number of nodes.
        pairs: Pairs (i, j), i != j, in either order, whose entry may be non-zero.
    """
    order = _minimum_degree(n, pairs)
    position = np.empty(n, dtype=np.int32)
    position[order] = np.arange(n, dtype=np.int32)
    below: list[set[int]] = [set() for _ in range(n)]
    for i, j in pairs:
        p, q = sorted((int(position[i]), int(position[j])))
        below[p].add(q)
    columns: list[list[int]] = []
    for p in range(n):
        column = sorted(below[p])
        columns.append(column)
        if column:
            below[column[0]].update(column[1:])
    counts = np.array([len(column) for column in columns])
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    number = {
        (p, q): n + starts[p] + k for p, column in enumerate(columns) for k, q in enumerate(column)
    }
    left, right, target, update = [], [], [], [0]
    for p, column in enumerate(columns):
        for a, qa in enumerate(column):
            for b in range(a, len(column)):
                qb = column[b]
                left.append(n + starts[p] + a)
                right.append(n + starts[p] + b)
                target.append(qa if qa == qb else number[qa, qb])
        update.append(len(left))
    return Schedule(
        order=order,
        position=position,
        column=starts,
        row=_index(q for column in columns for q in column),
        update=_index(update),
        left=_index(left),
        right=_index(right),
        target=_index(target),
    )
