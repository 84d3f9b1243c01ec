"""The elimination of a symmetric sparse matrix, laid out once a network.

Nodes are eliminated in three groups, each by minimum degree:

- quiet nodes, into which nothing ever injects current: with them gone before all
  others, an iteration need not look at them. Only those whose removal fills
  little; the rest wait with the next group;
- all further nodes whose matrix entries are the same in every row of a batch;
- the boundary: nodes at which something varies from row to row (taps, capacitors,
  switches).

The first two groups are the interior. Their factors are numbers of the network,
computed once; only the boundary is factorised row by row. The symbolic
factorisation says where fill appears and which multiply-subtract follows which.
Numbers come later, for a whole batch at a time: see `kernels`.
"""

import heapq
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Elimination", "eliminate"]

Index = NDArray[np.int32]
Mask = NDArray[np.bool_]

# Entries that removing a quiet node may add beyond those it takes away.
FILL_ALLOWED = 4

# Columns that a substitution takes at once, if below them stand the same rows: the
# phases of a bus.
WIDEST_PANEL = 3


class Elimination(NamedTuple):
    """Elimination of n nodes with m off-diagonal entries of L, column by column."""

    order: Index  # (n,) node at each position of the order
    position: Index  # (n,) position of each node
    n_quiet: int  # positions before this one are quiet, with all that feeds into them
    n_interior: int  # positions before this one are the same in every row
    column: Index  # (n + 1,) where the entries of a column begin
    row: Index  # (m,) position of the row of each entry
    width: Index  # (n,) columns of the panel that begins here; 0 inside a panel
    update: Index  # (n + 1,) where the updates made by a column begin
    left: Index  # (updates,) entry that is scaled by the pivot
    right: Index  # (updates,) entry it is multiplied with
    target: Index  # (updates,) entry the product is subtracted from; m + position: a diagonal

    @property
    def n_nodes(self) -> int:
        """Order of the matrix."""
        return len(self.order)

    def entry(self, i: int, j: int) -> int:
        """Number of the entry that couples nodes `i` and `j`, as in `target`.

        Raises:
            KeyError: nothing couples them.
        """
        p, q = sorted((int(self.position[i]), int(self.position[j])))
        if p == q:
            return len(self.row) + p
        begin, end = self.column[p], self.column[p + 1]
        k = begin + int(np.searchsorted(self.row[begin:end], q))
        if k == end or self.row[k] != q:
            raise KeyError((i, j))
        return k


class _Graph:
    """The nodes not yet eliminated, and who is coupled to whom."""

    def __init__(self, n: int, pairs: Iterable[tuple[int, int]]) -> None:
        self.near: list[set[int]] = [set() for _ in range(n)]
        for i, j in pairs:
            self.near[i].add(j)
            self.near[j].add(i)
        self.order: list[int] = []
        self.columns: dict[int, set[int]] = {}

    def fill(self, k: int) -> int:
        """Entries that removing a node would add."""
        around = self.near[k]
        return sum(len(around - self.near[i]) - 1 for i in around) // 2

    def remove(self, k: int) -> None:
        around = self.near[k]
        for i in around:
            near = self.near[i]
            near |= around
            near.discard(k)
            near.discard(i)
        self.order.append(k)
        self.columns[k] = around

    def remove_all(self, group: Iterable[int], fill_allowed: int | None = None) -> None:
        """Remove a group by minimum degree, and only what fills little if so asked."""
        waiting = set(group)
        heap = [(len(self.near[k]), k) for k in waiting]
        heapq.heapify(heap)
        while heap:
            degree, k = heapq.heappop(heap)
            if k not in waiting or degree != len(self.near[k]):
                continue
            if fill_allowed is not None and self.fill(k) > degree + fill_allowed:
                continue
            waiting.discard(k)
            self.remove(k)
            for i in self.columns[k]:
                if i in waiting:
                    heapq.heappush(heap, (len(self.near[i]), i))


def _listening(graph: _Graph, quiet: Mask) -> Mask:
    """Nodes that an injection somewhere reaches in the forward substitution."""
    reached = ~quiet
    for k in graph.order:
        if reached[k]:
            reached[list(graph.columns[k])] = True
    return reached


def _panels(graph: _Graph, group: NDArray[np.int64]) -> list[list[int]]:
    """Nodes to be taken one after the other, and together where the same rows follow.

    A panel stands where its last node stood, so whatever feeds into any of its nodes
    still comes before, and nodes far apart stay side by side: a processor works on
    several panels at once.
    """
    place = {k: at for at, k in enumerate(graph.order)}
    open_panels: dict[int, list[int]] = {}  # by the node that would continue them
    panels: dict[int, list[int]] = {}  # by the place of their last node
    for at, k in enumerate(graph.order):
        panel = open_panels.pop(k, [])
        if panel:
            del panels[place[panel[-1]]]
        panel = panels[at] = [*panel, k]
        around = graph.columns[k]
        if around and len(panel) < WIDEST_PANEL:
            follower = min(around, key=place.__getitem__)
            alike = len(graph.columns[follower]) == len(around) - 1
            if alike and group[follower] == group[k]:
                open_panels.setdefault(follower, panel)
    return [panels[at] for at in sorted(panels)]


def eliminate(n: int, pairs: set[tuple[int, int]], quiet: Mask, boundary: Mask) -> Elimination:
    """Lay out the elimination of an n by n matrix from its coupled node pairs.

    Args:
        n: Number of nodes.
        pairs: Pairs (i, j), i != j, in either order, whose entry may be non-zero.
        quiet: (n,) nodes into which nothing injects current.
        boundary: (n,) nodes at which the matrix varies from row to row; every
            entry that varies lies between two of them.
    """
    graph = _Graph(n, pairs)
    graph.remove_all(np.flatnonzero(quiet & ~boundary).tolist(), FILL_ALLOWED)
    graph.remove_all([k for k in np.flatnonzero(~boundary).tolist() if k not in graph.columns])
    graph.remove_all(np.flatnonzero(boundary).tolist())
    listening = _listening(graph, quiet)
    # Whatever no injection reaches may stand first: it feeds into others, but
    # nothing that listens feeds into it.
    group = np.where(boundary, 2, np.where(listening, 1, 0))
    panels = sorted(_panels(graph, group), key=lambda panel: group[panel[0]])
    order = [k for panel in panels for k in panel]
    position = np.empty(n, dtype=np.int32)
    position[order] = np.arange(n, dtype=np.int32)
    columns = [np.sort(position[list(graph.columns[k])]) for k in order]
    counts = np.array([len(column) for column in columns])
    column = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    row = np.concatenate([*columns, np.empty(0, np.int32)]).astype(np.int32)
    widths = [width for panel in panels for width in (len(panel), *[0] * (len(panel) - 1))]
    return Elimination(
        np.array(order, dtype=np.int32),
        position,
        int((group == 0).sum()),
        int((group < 2).sum()),
        column,
        row,
        np.array(widths, dtype=np.int32),
        *_updates(column, row),
    )


@cache
def _pairs(width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every pair of a column's entries, the first not after the second."""
    return np.triu_indices(width)


def _updates(column: Index, row: Index) -> tuple[Index, Index, Index, Index]:
    """(update, left, right, target) of `Elimination`, column by column."""
    n, m = len(column) - 1, len(row)
    owner = np.repeat(np.arange(n), np.diff(column))
    number = owner * n + row  # rises, since columns are sorted
    left, right = [], []
    counts = np.zeros(n + 1, dtype=np.int64)
    for k in range(n):
        width = column[k + 1] - column[k]
        a, b = _pairs(int(width))
        left.append(column[k] + a)
        right.append(column[k] + b)
        counts[k + 1] = len(a)
    first = np.concatenate([*left, np.empty(0, np.int64)]).astype(np.int64)
    second = np.concatenate([*right, np.empty(0, np.int64)]).astype(np.int64)
    low, high = row[first].astype(np.int64), row[second].astype(np.int64)
    target = np.where(low == high, m + low, np.searchsorted(number, low * n + high))
    return (
        np.cumsum(counts).astype(np.int32),
        first.astype(np.int32),
        second.astype(np.int32),
        target.astype(np.int32),
    )
