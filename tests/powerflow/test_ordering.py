"""The elimination: little fill, quiet nodes first, the boundary last, and right factors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import compile_network
from grid_fed_rl.powerflow.ordering import Elimination, eliminate

# (quiet positions, interior, all; entries an iteration passes, entries of the boundary)
WORK = {
    "ieee13": (9, 25, 41, 77, 63),
    "ieee34": (23, 77, 95, 266, 75),
    "ieee123": (100, 216, 278, 542, 273),
    "ieee8500": (4879, 8319, 8531, 10908, 1156),
}


@pytest.mark.parametrize("name", WORK)
def test_fill_stays_as_small_as_it_is(name: str) -> None:
    network = compile_network(load(name))
    plan = network.elimination
    passed = int(plan.column[plan.n_interior] - plan.column[plan.n_quiet])
    found = (plan.n_quiet, plan.n_interior, plan.n_nodes, passed, len(network.boundary.base_re))
    assert found == WORK[name]


def factors(plan: Elimination, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """L and D of a matrix, following the plan with plain numbers."""
    n, m = plan.n_nodes, len(plan.row)
    value = np.zeros(m + n, dtype=complex)
    for i, j in zip(*np.nonzero(matrix), strict=True):
        value[plan.entry(int(i), int(j))] = matrix[i, j]
    lower = np.eye(n, dtype=complex)
    for k in range(n):
        for t in range(plan.update[k], plan.update[k + 1]):
            value[plan.target[t]] -= value[plan.left[t]] * value[plan.right[t]] / value[m + k]
        for e in range(plan.column[k], plan.column[k + 1]):
            lower[plan.row[e], k] = value[e] / value[m + k]
    return lower, value[m:]


def any_plan(data: st.DataObject) -> tuple[np.ndarray, np.ndarray, np.ndarray, Elimination]:
    """A random matrix with quiet nodes and a boundary, and its plan."""
    n = data.draw(st.integers(1, 12))
    node = st.integers(0, n - 1)
    pairs = data.draw(st.sets(st.tuples(node, node).filter(lambda p: p[0] != p[1]), max_size=25))
    quiet = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    boundary = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    matrix = np.zeros((n, n), dtype=complex)
    for i, j in pairs:
        matrix[i, j] = matrix[j, i] = rng.normal() + 1j * rng.normal()
    np.fill_diagonal(matrix, 20.0 + rng.uniform(0, 1, n))
    return matrix, quiet, boundary, eliminate(n, pairs, quiet, boundary)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_plan_factors_any_symmetric_matrix(data: st.DataObject) -> None:
    matrix, _, _, plan = any_plan(data)
    lower, pivot = factors(plan, matrix)
    assert sorted(plan.order) == list(range(plan.n_nodes))
    np.testing.assert_array_equal(plan.position[plan.order], np.arange(plan.n_nodes))
    permuted = lower @ np.diag(pivot) @ lower.T
    rebuilt = permuted[np.ix_(plan.position, plan.position)]
    np.testing.assert_allclose(rebuilt, matrix, rtol=0, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_an_injection_never_reaches_a_quiet_position(data: st.DataObject) -> None:
    """Forward substitution of anything that loads may inject leaves them at nought."""
    matrix, quiet, boundary, plan = any_plan(data)
    lower, _ = factors(plan, matrix)
    current = np.where(quiet, 0.0, 1.0)[plan.order]
    reached = np.linalg.solve(lower, current)
    np.testing.assert_array_equal(reached[: plan.n_quiet], 0.0)
    assert quiet[plan.order[: plan.n_quiet]].all()
    assert not boundary[plan.order[: plan.n_interior]].any()
    assert boundary[plan.order[plan.n_interior :]].all()


def test_a_path_is_eliminated_from_its_ends_without_fill() -> None:
    nowhere = np.zeros(9, dtype=bool)
    plan = eliminate(9, {(k, k + 1) for k in range(8)}, nowhere, nowhere)
    assert len(plan.row) == 8
    assert len(plan.left) == 8


def test_quiet_nodes_in_a_row_leave_only_their_ends() -> None:
    """A line of poles between two loads: an iteration passes one coupling, not ten."""
    quiet = np.ones(11, dtype=bool)
    quiet[[0, 10]] = False
    plan = eliminate(11, {(k, k + 1) for k in range(10)}, quiet, np.zeros(11, dtype=bool))
    assert plan.n_quiet == 9
    assert plan.column[-1] - plan.column[plan.n_quiet] == 1


def test_a_quiet_node_that_fills_much_waits() -> None:
    """The hub of a star of twelve loads would couple each of them to all others."""
    hub = np.zeros(13, dtype=bool)
    hub[0] = True
    plan = eliminate(13, {(0, k) for k in range(1, 13)}, hub, np.zeros(13, dtype=bool))
    assert plan.n_quiet == 0
    assert len(plan.row) == 12


def test_nodes_without_coupling_have_no_entry() -> None:
    nowhere = np.zeros(3, dtype=bool)
    plan = eliminate(3, {(0, 1)}, nowhere, nowhere)
    assert plan.entry(0, 1) == plan.entry(1, 0) == 0
    assert [plan.entry(k, k) for k in plan.order] == [1, 2, 3]
    with pytest.raises(KeyError):
        plan.entry(0, 2)
