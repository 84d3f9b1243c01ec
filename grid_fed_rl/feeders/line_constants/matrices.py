"""Primitive matrices of wires, and how neutrals leave them.

Everything here is per metre; the constants of a line are per kilometre (`geometry`).
"""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import FeederError

__all__ = [
    "EPSILON_0",
    "kron",
    "potential_coefficients",
    "sequence_matrix",
    "to_phases",
    "to_sequence",
]

_Entry = TypeVar("_Entry", np.float64, np.complex128)

EPSILON_0 = 8.8541878128e-12  # farad a metre

_A = np.exp(2j * math.pi / 3.0)
_FORTESCUE = np.array([[1, 1, 1], [1, _A**2, _A], [1, _A, _A**2]])


def kron(matrix: NDArray[_Entry], n_kept: int) -> NDArray[_Entry]:
    """Reduce a matrix to its first rows, the rest being grounded conductors.

    With impedances it leaves out neutrals whose ends are at ground (Kersting, 4.1.7), with
    potential coefficients wires at ground all along (5.2).

    Args:
        matrix: (conductor, conductor).
        n_kept: Number of conductors that stay.

    Returns:
        (n_kept, n_kept), as symmetric as the argument.

    Raises:
        FeederError: the part that is left out has no inverse.
    """
    if n_kept == len(matrix):
        return matrix
    across = matrix[:n_kept, n_kept:]
    try:
        inside = np.linalg.solve(matrix[n_kept:, n_kept:], matrix[n_kept:, :n_kept])
    except np.linalg.LinAlgError as error:
        raise FeederError(
            f"the {len(matrix) - n_kept} neutrals cannot be reduced: their matrix has no inverse"
        ) from error
    reduced = matrix[:n_kept, :n_kept] - across @ inside
    return ((reduced + reduced.T) / 2.0).astype(matrix.dtype, copy=False)


def potential_coefficients(
    radii_m: NDArray[np.float64], heights_m: NDArray[np.float64], apart_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Maxwell's potential coefficients of wires above ground (Kersting, section 5.2).

    Args:
        radii_m: (wire,).
        heights_m: Above ground: (wire,).
        apart_m: Horizontal distances: (wire, wire).

    Returns:
        (wire, wire), metres a farad; its inverse is the capacitance matrix.
    """
    image = np.hypot(heights_m[:, None] + heights_m[None, :], apart_m)
    distance = np.hypot(heights_m[:, None] - heights_m[None, :], apart_m)
    np.fill_diagonal(distance, radii_m)
    return np.log(image / distance) / (2.0 * math.pi * EPSILON_0)


def sequence_matrix(positive: complex, zero: complex) -> NDArray[np.complex128]:
    """Phase matrix of a transposed line: (3, 3) from its sequence values."""
    matrix = np.full((3, 3), (zero - positive) / 3.0, dtype=np.complex128)
    np.fill_diagonal(matrix, (zero + 2.0 * positive) / 3.0)
    return matrix


def to_sequence(phases: NDArray[np.inexact]) -> NDArray[np.complex128]:
    """Zero, positive and negative sequence (Kersting, 4.1.8): (3, 3) from (3, 3)."""
    return (np.linalg.inv(_FORTESCUE) @ phases @ _FORTESCUE).astype(np.complex128, copy=False)


def to_phases(sequence: NDArray[np.inexact]) -> NDArray[np.complex128]:
    """Undo `to_sequence`."""
    return (_FORTESCUE @ sequence @ np.linalg.inv(_FORTESCUE)).astype(np.complex128, copy=False)
