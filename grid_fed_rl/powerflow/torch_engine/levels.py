"""The elimination of the boundary, level by level.

A device pays for every step, not for every number in it. So the nodes of the boundary
are eliminated in rounds: a round takes nodes of which no two are coupled, all at once.
Each entry of L gathers the products that it must lose, in a list padded to the longest
of its round, so that nothing is added up in an order left to chance.
"""

from itertools import pairwise, starmap
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow.network import Network

__all__ = ["Level", "Levels", "levels_of", "padded"]

Complex = NDArray[np.complex128]
Index = NDArray[np.int64]

# Couplings that a node may have beyond the fewest any has, to be taken in the same
# round: more of them give fewer rounds and more fill.
MORE_COUPLINGS = 5


class Level(NamedTuple):
    """The columns of one round. Entries are counted round by round, sums of rows first."""

    first: int  # position of its first node; its last is before the next level's first
    last: int
    entry: int  # its first entry, the sum of a row
    off_diagonal: int  # its first entry off the diagonal
    end: int  # the next level's first entry
    left: Index  # (entry, product) entry as it was before it was divided by its pivot;
    # of a sum, the sum of the pivot's row
    right: Index  # (entry, product) entry of L it is multiplied with
    pivot: Index  # (off-diagonal entry,) position of the column it stands in
    forward: Index  # (node, entry) entries of L in the rows of these nodes
    forward_from: Index  # (node, entry) positions of their columns
    backward: Index  # (node, entry) entries of L in the columns of these nodes
    backward_from: Index  # (node, entry) positions of their rows


class Levels(NamedTuple):
    """The whole elimination. Padding is entry `n_entries`, and position `n_nodes`."""

    order: Index  # (node,) boundary node at each position, counted as in `network.boundary`
    n_entries: int
    levels: list[Level]
    base: Complex  # (entry,) admittance that no row changes
    terms: Complex  # (entry, factor) what a factor of the row adds
    sums: Index  # (node,) entry that is the sum of the row at each position

    @property
    def n_nodes(self) -> int:
        """Boundary nodes."""
        return len(self.order)


def _rounds(n: int, pairs: set[tuple[int, int]]) -> tuple[list[list[int]], dict[int, set[int]]]:
    """Nodes of each round, and what each is coupled to when it is taken."""
    near: dict[int, set[int]] = {k: set() for k in range(n)}
    for i, j in pairs:
        near[i].add(j)
        near[j].add(i)
    rounds: list[list[int]] = []
    columns: dict[int, set[int]] = {}
    while near:
        waiting = sorted(near, key=lambda k: (len(near[k]), k))
        most = len(near[waiting[0]]) + MORE_COUPLINGS
        taken: list[int] = []
        beside: set[int] = set()
        for k in waiting:
            if len(near[k]) <= most and k not in beside:
                taken.append(k)
                beside |= near[k]
        for k in taken:
            columns[k] = near.pop(k)
            for i in columns[k]:
                near[i] |= columns[k]
                near[i] -= {i, k}
        rounds.append(taken)
    return rounds, columns


def padded(lists: list[list[int]], padding: int) -> Index:
    """(list, number) lists made as long as the longest."""
    width = max(map(len, lists), default=0)
    return np.array([one + [padding] * (width - len(one)) for one in lists], dtype=np.int64)


def levels_of(network: Network) -> Levels:
    """Lay out the elimination of a network's boundary."""
    boundary, n_interior = network.boundary, network.elimination.n_interior
    columns = boundary.columns
    n = len(columns.column) - 1
    n_factors = 2 * len(network.regulators) + len(network.capacitors) + len(network.switches)
    base = boundary.base_re + 1j * boundary.base_im
    terms = np.zeros((len(base), n_factors), dtype=np.complex128)
    value = boundary.term_re + 1j * boundary.term_im
    np.add.at(terms, (boundary.term_entry, boundary.term_factor), value)
    # What is 0 in every row was room for the fill of another order.
    present = np.flatnonzero((base != 0) | terms.any(axis=1))
    owner = np.repeat(np.arange(n), np.diff(columns.column))
    one_end = np.concatenate([columns.row - n_interior, np.arange(n)])[present].tolist()
    other = np.concatenate([owner, np.arange(n)])[present].tolist()

    rounds, near = _rounds(n, {(i, j) for i, j in zip(one_end, other, strict=True) if i != j})
    order = [k for taken in rounds for k in taken]
    position = {k: p for p, k in enumerate(order)}
    column = [sorted(position[i] for i in near[k]) for k in order]
    starts = np.cumsum([0, *map(len, rounds)]).tolist()
    entry = _numbered(starts, column)
    ends = ((position[i], position[j]) for i, j in zip(one_end, other, strict=True))
    number = [entry[max(p, q), min(p, q)] for p, q in ends]
    whole_base = np.zeros(len(entry), dtype=np.complex128)
    whole_base[number] = base[present]
    whole_terms = np.zeros((len(entry), n_factors), dtype=np.complex128)
    whole_terms[number] = terms[present]
    return Levels(
        order=np.array(order, dtype=np.int64),
        n_entries=len(entry),
        levels=_schedule(starts, column, entry),
        base=whole_base,
        terms=whole_terms,
        sums=np.array([entry[k, k] for k in range(n)], dtype=np.int64),
    )


def _numbered(starts: list[int], column: list[list[int]]) -> dict[tuple[int, int], int]:
    """Number of every entry (row, column) of L; (k, k) is the sum of row k."""
    entry: dict[tuple[int, int], int] = {}
    for nodes in starmap(range, pairwise(starts)):
        places = [*((k, k) for k in nodes), *((i, k) for k in nodes for i in column[k])]
        entry |= {place: len(entry) + e for e, place in enumerate(places)}
    return entry


def _schedule(
    starts: list[int], column: list[list[int]], entry: dict[tuple[int, int], int]
) -> list[Level]:
    n, none = len(column), len(entry)
    left: list[list[int]] = [[] for _ in entry]
    right: list[list[int]] = [[] for _ in entry]
    rows: list[list[int]] = [[] for _ in range(n)]  # columns with an entry in this row
    for k in range(n):
        for a, i in enumerate(column[k]):
            rows[i].append(k)
            for j in column[k][a:]:
                left[entry[j, i]].append(entry[j, k] if j != i else entry[k, k])
                right[entry[j, i]].append(entry[i, k])
    levels, end = [], 0
    for first, last in pairwise(starts):
        nodes = range(first, last)
        begin, off_diagonal = end, end + last - first
        end = off_diagonal + sum(len(column[k]) for k in nodes)
        levels.append(
            Level(
                first=first,
                last=last,
                entry=begin,
                off_diagonal=off_diagonal,
                end=end,
                left=padded(left[begin:end], none),
                right=padded(right[begin:end], none),
                pivot=np.array([k for k in nodes for _ in column[k]], dtype=np.int64),
                forward=padded([[entry[k, j] for j in rows[k]] for k in nodes], none),
                forward_from=padded([rows[k] for k in nodes], n),
                backward=padded([[entry[i, k] for i in column[k]] for k in nodes], none),
                backward_from=padded([column[k] for k in nodes], n),
            )
        )
    return levels
