"""The elimination schedule: little fill, and the factors of the matrix it stands for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import Network, compile_network
from grid_fed_rl.powerflow.assembly import nodal_admittance
from grid_fed_rl.powerflow.ordering import Schedule, schedule

# Couplings of the matrix, off-diagonal entries of its factor, multiply-subtracts.
WORK = {"ieee13": (124, 284), "ieee123": (880, 2114)}


def test_fill_stays_as_small_as_it_is(network: Network) -> None:
    plan = network.schedule
    assert (len(plan.row), len(plan.left)) == WORK[network.feeder.name]
    assert plan.n_entries == network.n_nodes + len(plan.row)


def eliminate(plan: Schedule, matrix: np.ndarray) -> np.ndarray:
    """Follow the schedule with plain numbers and put L D L^T together again."""
    n = plan.n_nodes
    value = np.zeros(plan.n_entries, dtype=complex)
    for i, j in zip(*np.nonzero(matrix), strict=True):
        value[plan.entry(int(i), int(j))] = matrix[i, j]
    lower = np.eye(n, dtype=complex)
    pivot = np.zeros(n, dtype=complex)
    for k in range(n):
        pivot[k] = value[k]
        for t in range(plan.update[k], plan.update[k + 1]):
            value[plan.target[t]] -= value[plan.left[t]] * value[plan.right[t]] / pivot[k]
        for e in range(plan.column[k], plan.column[k + 1]):
            lower[plan.row[e], k] = value[n + e] / pivot[k]
    permuted = lower @ np.diag(pivot) @ lower.T
    return permuted[np.ix_(plan.position, plan.position)]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_the_schedule_factors_any_symmetric_matrix(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 12))
    node = st.integers(0, n - 1)
    pairs = data.draw(st.sets(st.tuples(node, node).filter(lambda p: p[0] != p[1]), max_size=25))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    matrix = np.zeros((n, n), dtype=complex)
    for i, j in pairs:
        matrix[i, j] = matrix[j, i] = rng.normal() + 1j * rng.normal()
    np.fill_diagonal(matrix, 20.0 + rng.uniform(0, 1, n))
    plan = schedule(n, pairs)
    assert sorted(plan.order) == list(range(n))
    np.testing.assert_array_equal(plan.position[plan.order], np.arange(n))
    np.testing.assert_allclose(eliminate(plan, matrix), matrix, rtol=0, atol=1e-12)


def test_a_path_is_eliminated_from_its_ends_without_fill() -> None:
    plan = schedule(9, {(k, k + 1) for k in range(8)})
    assert len(plan.row) == 8
    assert len(plan.left) == 8


def test_nodes_without_coupling_have_no_entry() -> None:
    plan = schedule(3, {(0, 1)})
    assert plan.entry(0, 1) == plan.entry(1, 0)
    with pytest.raises(KeyError):
        plan.entry(0, 2)


def test_the_matrix_on_its_schedule_is_the_matrix() -> None:
    """The sum of stamps, read back, is symmetric and its schedule factors it."""
    network = compile_network(load("ieee13"))
    factors = np.array([1.0] * 6 + [1.0, 0.0])
    y = nodal_admittance(network.schedule, network.matrix, factors).toarray()
    np.testing.assert_array_equal(y, y.T)
    rebuilt = eliminate(network.schedule, y)
    np.testing.assert_allclose(rebuilt, y, rtol=0, atol=1e-12 * np.abs(y).max())
