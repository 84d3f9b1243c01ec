"""The interior of a network as a few dense matrices, made once.

What the CPU engine does with the shared factors of the interior, entry by entry, is
linear and the same for every row. So a device does it with matrices of the network:
from the currents i of the legs to what arrives at the boundary, and from them and
the voltages of the boundary to the voltages inside,

    arriving = T i,     v = A i + W v_boundary + v_source.

The boundary cuts the interior into pieces that know nothing of each other. A part is
one of them, or several small ones: as many as fill a matrix product.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve_triangular

from grid_fed_rl.powerflow.network import Network

__all__ = ["Part", "parts_of"]

Complex = NDArray[np.complex128]
Index = NDArray[np.int64]
Sparse = Any  # scipy types no slice of a sparse array

# Pieces share a part until it has so many legs: a product of that size keeps a device
# busy, and its zeros cost less than a product a piece.
LEGS_A_PART = 128


class Part(NamedTuple):
    """Some of the interior, and the boundary nodes it touches."""

    nodes: Index  # (node,) positions in the elimination
    legs: Index  # (leg,) which legs inject here
    borders: Index  # (border,) boundary nodes it touches, counted as in `network.boundary`
    arriving: Complex  # (border, leg) T
    across: Complex  # (node, leg) A
    inward: Complex  # (node, border) W
    v_source: Complex  # (node,)
    arriving_source: Complex  # (border,) what arrives of the source's own current


def parts_of(network: Network, legs_a_part: int = LEGS_A_PART) -> list[Part]:
    """Divide the interior; every leg and every node of it is in one part."""
    n_interior = network.elimination.n_interior
    lower, entering = _lower(network), _entering(network)
    part_of_node, part_of_leg = _divide(lower, entering, n_interior, legs_a_part)
    return [
        _part(
            network,
            lower,
            entering,
            np.flatnonzero(part_of_node == k),
            np.flatnonzero(part_of_leg == k),
        )
        for k in range(int(max(part_of_node.max(initial=-1), part_of_leg.max(initial=-1))) + 1)
    ]


def _lower(network: Network) -> Sparse:
    """(node, interior node) the factor L of the interior, without its diagonal of ones."""
    interior = network.interior
    begin, row = interior.columns.column, interior.columns.row
    n_interior = len(begin) - 1
    column = np.repeat(np.arange(n_interior), np.diff(begin))
    factor = interior.factor_re + 1j * interior.factor_im
    return csc_array((factor, (row, column)), shape=(network.n_nodes, n_interior))


def _entering(network: Network) -> Sparse:
    """(node, leg + 1) where a leg's current enters and leaves; the source's stands last."""
    legs, source = network.legs, network.sites
    position = network.sites.position
    k, far = np.arange(len(legs.start)), ~legs.to_ground
    rows = np.concatenate([position[legs.start], position[legs.stop[far]], source.source])
    columns = np.concatenate([k, k[far], np.full(len(source.source), len(k))])
    current = source.source_re + 1j * source.source_im
    values = np.concatenate([np.ones(len(k)), -np.ones(int(far.sum())), current])
    return csc_array((values, (rows, columns)), shape=(network.n_nodes, len(k) + 1))


def _divide(
    lower: Sparse, entering: Sparse, n_interior: int, legs_a_part: int
) -> tuple[Index, Index]:
    """Part of every interior node and of every leg: pieces that hang together, packed."""
    factors: Sparse = coo_array(lower[:n_interior])
    ends: Sparse = coo_array(entering[:n_interior, :-1])
    n_legs = ends.shape[1]
    n = n_interior + n_legs
    i = np.concatenate([factors.coords[0], ends.coords[0]])
    j = np.concatenate([factors.coords[1], n_interior + ends.coords[1]])
    n_pieces, piece = connected_components(
        coo_array((np.ones(len(i)), (i, j)), shape=(n, n)), directed=False
    )
    legs = np.bincount(piece[n_interior:], minlength=n_pieces)
    part, filled = np.zeros(n_pieces, dtype=np.int64), 0
    for k in range(1, n_pieces):
        filled += legs[k - 1]
        full = filled + legs[k] > legs_a_part and filled > 0
        part[k] = part[k - 1] + full
        filled = 0 if full else filled
    return part[piece[:n_interior]], part[piece[n_interior:]]


def _part(network: Network, lower: Sparse, entering: Sparse, nodes: Index, legs: Index) -> Part:
    """The matrices of a part, by the substitutions they stand for."""
    n_interior = network.elimination.n_interior
    interior = network.interior
    inverse = (interior.inverse_re + 1j * interior.inverse_im)[nodes, None]
    inside = csc_array(lower[nodes][:, nodes])
    outward: Sparse = csc_array(lower[n_interior:][:, nodes])
    currents = entering[:, [*legs, entering.shape[1] - 1]].toarray()
    touched = np.abs(outward).sum(axis=1) + np.abs(currents[n_interior:, :-1]).sum(axis=1) > 0
    borders = np.flatnonzero(touched)
    outward = outward[borders]
    forward = _solve(inside, currents[nodes], lower=True)
    arriving = -(outward @ forward)
    arriving[:, :-1] += currents[n_interior + borders, :-1]
    across = _solve(inside, inverse * forward, lower=False)
    inward = _solve(inside, -outward.T.toarray(), lower=False)
    return Part(
        nodes=nodes,
        legs=legs,
        borders=borders,
        arriving=np.ascontiguousarray(arriving[:, :-1]),
        across=np.ascontiguousarray(across[:, :-1]),
        inward=np.ascontiguousarray(inward),
        v_source=across[:, -1].copy(),
        arriving_source=arriving[:, -1].copy(),
    )


def _solve(inside: Sparse, right: Complex, *, lower: bool) -> Complex:
    """``(1 + inside)^-1 right``, or of its transpose."""
    if not right.size:
        return right
    matrix = coo_array(inside if lower else inside.T)
    k = np.arange(len(right))
    rows, columns = (np.concatenate([end, k]).astype(np.int32) for end in matrix.coords)
    entries = np.concatenate([matrix.data, np.ones(len(k))])
    unit = csc_array((entries, (rows, columns)), shape=matrix.shape)
    return spsolve_triangular(unit, right, lower=lower, unit_diagonal=True)
