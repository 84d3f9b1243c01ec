"""The batched quadratic program: optimal by its own conditions, whoever stands beside it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog, nnls

from grid_fed_rl.errors import TaskError
from grid_fed_rl.safety.projection import (
    Program,
    ProjectionStatus,
    project,
    whole_settings,
)


def random_program(seed: int, n_lanes: int = 25, tight: float = 1.0) -> Program:
    """Some feasible, some not; a few variables fixed, a few limits infinite."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 9)), int(rng.integers(0, 14))
    middle, half = rng.normal(0, 0.4, (n_lanes, m)), rng.uniform(0.05, 1.0, (n_lanes, m)) * tight
    least, most = rng.uniform(-2, -0.2, (n_lanes, n)), rng.uniform(0.2, 2, (n_lanes, n))
    most = np.where(rng.random((n_lanes, n)) < 0.1, least, most)
    high = np.where(rng.random((n_lanes, m)) < 0.1, np.inf, middle + half)
    return Program(
        rows=rng.normal(size=(m, n)),
        centre=2.0 * rng.normal(size=(n_lanes, n)),
        weight=rng.uniform(0.2, 3.0, (n_lanes, n)),
        low=middle - half,
        high=high,
        least=least,
        most=most,
    )


def is_feasible(program: Program, lane: int) -> bool:
    finite = np.isfinite(program.high[lane])
    a = np.concatenate([program.rows[finite], -program.rows])
    b = np.concatenate([program.high[lane][finite], -program.low[lane]])
    bounds = list(zip(program.least[lane], program.most[lane], strict=True))
    n = program.rows.shape[1]
    return linprog(np.zeros(n), a if len(a) else None, b if len(a) else None, bounds=bounds).success


def kkt_residual(program: Program, lane: int, x, relaxed=None) -> float:
    """Distance of the gradient from the cone of the constraints that are active.

    By Farkas it is zero, and x optimal, exactly if multipliers of the right sign exist.
    """
    rows, n = program.rows, program.rows.shape[1]
    values, t = rows @ x, 0.0
    outside = np.maximum(program.low[lane] - values, values - program.high[lane])
    gradient = program.weight[lane] * (x - program.centre[lane])
    if relaxed is not None:
        t = max(float(outside.max(initial=0.0)), 0.0)
        gradient = np.append(gradient, relaxed * t)
    normals = []
    for i in range(len(rows)):
        for at, sign in ((program.low[lane, i] - t, 1.0), (program.high[lane, i] + t, -1.0)):
            if abs(values[i] - at) < 1e-7:
                normals.append(np.append(sign * rows[i], 1.0)[: len(gradient)])
    for j in range(n):
        unit = np.zeros(len(gradient))
        unit[j] = 1.0
        if abs(x[j] - program.least[lane, j]) < 1e-9:
            normals.append(unit)
        if abs(x[j] - program.most[lane, j]) < 1e-9:
            normals.append(-unit)
    if not normals:
        return float(np.abs(gradient).max())
    return float(nnls(np.array(normals).T, gradient)[1])


@pytest.mark.parametrize("seed", range(20))
def test_solutions_are_feasible_and_optimal_and_the_rest_has_none(seed):
    program = random_program(seed)
    x, status = project(program)
    for lane in range(len(x)):
        assert (status[lane] == ProjectionStatus.SOLVED) == is_feasible(program, lane)
        if status[lane] != ProjectionStatus.SOLVED:
            assert status[lane] == ProjectionStatus.INFEASIBLE
            continue
        values = program.rows @ x[lane]
        assert (values >= program.low[lane] - 1e-8).all()
        assert (values <= program.high[lane] + 1e-8).all()
        assert (x[lane] >= program.least[lane] - 1e-8).all()
        assert (x[lane] <= program.most[lane] + 1e-8).all()
        assert kkt_residual(program, lane, x[lane]) < 1e-6


@pytest.mark.parametrize("seed", range(10))
def test_relaxed_programs_always_have_a_solution_and_it_is_optimal(seed):
    program = random_program(seed, tight=0.3)
    x, status = project(program, relaxed=50.0)
    assert (status == ProjectionStatus.SOLVED).all()
    for lane in range(len(x)):
        assert kkt_residual(program, lane, x[lane], relaxed=50.0) < 1e-6


def test_what_has_no_solution_comes_as_near_as_it_can():
    """x of 0 to 1 must reach 3 and 2x + y at most 0: the larger miss is least at x = 1."""
    program = Program(
        rows=np.array([[1.0, 0.0], [2.0, 1.0]]),
        centre=np.zeros((1, 2)),
        weight=np.ones((1, 2)),
        low=np.array([[3.0, -np.inf]]),
        high=np.array([[np.inf, 0.0]]),
        least=np.array([[0.0, -0.5]]),
        most=np.array([[1.0, 1.0]]),
    )
    assert project(program)[1][0] == ProjectionStatus.INFEASIBLE
    x, _ = project(program, relaxed=1e8)
    assert x[0, 0] == pytest.approx(1.0, abs=1e-6)


def test_a_projection_by_hand():
    """Onto x + y <= 2 from (2, 2): what is dear moves less, in proportion."""
    program = Program(
        rows=np.array([[1.0, 1.0]]),
        centre=np.full((2, 2), 2.0),
        weight=np.array([[1.0, 1.0], [1.0, 3.0]]),
        low=np.full((2, 1), -np.inf),
        high=np.full((2, 1), 2.0),
        least=np.full((2, 2), -9.0),
        most=np.full((2, 2), 9.0),
    )
    np.testing.assert_allclose(project(program)[0], [[1.0, 1.0], [0.5, 1.5]], atol=1e-12)


def test_a_lane_is_the_same_alone_in_any_batch_and_on_any_threads():
    program = random_program(3, n_lanes=150)
    x, status = project(program, relaxed=1e4)
    steps, origin = np.full(x.shape, 0.25), np.zeros(x.shape)
    whole, left = whole_settings(program, x, steps, origin, penalty=100.0)
    for threads in (2, 3):
        np.testing.assert_array_equal(project(program, relaxed=1e4, threads=threads)[0], x)
        again = whole_settings(program, x, steps, origin, penalty=100.0, threads=threads)
        np.testing.assert_array_equal(again[0], whole)
    for lane in (0, 77, 149):
        one = program.lanes(np.array([lane]))
        alone, its_status = project(one, relaxed=1e4)
        np.testing.assert_array_equal(alone[0], x[lane])
        assert its_status[0] == status[lane]
        index = [lane]
        settings = whole_settings(one, alone, steps[index], origin[index], penalty=100.0)
        np.testing.assert_array_equal(settings[0][0], whole[lane])
        assert settings[1][0] == left[lane]


def test_rows_of_a_lanes_own_count_as_shared_ones_do():
    """Lanes that differ in some rows, each beside itself with all rows shared."""
    program, rng = random_program(5, n_lanes=9), np.random.default_rng(4)
    m, n = program.rows.shape
    assert m > 3
    own = program.rows[None, 3:] * rng.uniform(0.5, 1.5, (9, m - 3, n))
    mixed = replace(program, rows=program.rows[:3], own=own)
    steps, zero = np.full(program.centre.shape, 0.25), np.zeros(program.centre.shape)
    found, status = project(mixed, relaxed=1e4)
    settings, left = whole_settings(mixed, found, steps, zero, penalty=100.0)
    for lane in range(9):
        index = np.array([lane])
        alone = replace(
            program.lanes(index), rows=np.concatenate([program.rows[:3], own[lane]]), own=None
        )
        x, its_status = project(alone, relaxed=1e4)
        np.testing.assert_array_equal(found[lane], x[0])
        assert status[lane] == its_status[0]
        whole, its_left = whole_settings(alone, x, steps[index], zero[index], penalty=100.0)
        np.testing.assert_array_equal(settings[lane], whole[0])
        assert left[lane] == its_left[0]


@pytest.mark.parametrize("seed", range(4))
def test_many_bounds_are_met_as_few_are(seed):
    """Sums of sixty variables that take many of them to a bound, by what optimal is."""
    rng = np.random.default_rng(seed)
    n_lanes, n, m = 5, 60, 12
    rows = rng.uniform(0.2, 1.0, (m, n)) * np.where(rng.random((m, n)) < 0.3, -1.0, 1.0)
    centre = rng.uniform(-0.9, 0.9, (n_lanes, n))
    far = rng.uniform(0.5, 0.8, (n_lanes, 1)) * np.abs(rows).sum(axis=1)
    only_first = np.arange(m) == 0
    program = Program(
        rows=rows,
        centre=centre,
        weight=rng.uniform(0.2, 3.0, (n_lanes, n)),
        low=np.where(only_first, far, -np.inf),
        high=np.where(only_first, np.inf, 0.9 * far),
        least=np.full((n_lanes, n), -1.0),
        most=np.full((n_lanes, n), 1.0),
    )
    for relaxed in (None, 1e3):
        x, status = project(program, relaxed)
        solved = np.flatnonzero(status == ProjectionStatus.SOLVED)
        assert len(solved) == n_lanes if relaxed else len(solved) > 0
        for lane in solved.tolist():
            assert kkt_residual(program, lane, x[lane], relaxed) < 1e-6
        assert (np.abs(x[solved]) > 1.0 - 1e-9).mean() > 0.3


def objective(program: Program, lane: int, x, penalty: float) -> float:
    values = program.rows @ x
    outside = np.maximum(program.low[lane] - values, values - program.high[lane])
    off = x - program.centre[lane]
    return (
        0.5 * (program.weight[lane] * off**2).sum()
        + penalty * (np.maximum(outside, 0.0) ** 2).sum()
    )


@pytest.mark.parametrize("seed", range(6))
def test_settings_are_whole_and_no_neighbour_is_better(seed):
    program, step, penalty = random_program(seed), 0.25, 100.0
    n = program.centre.shape[1]
    steps = np.full(program.centre.shape, step)
    steps[:, n // 2 :] = 0.0  # the rest is continuous and stays
    start = np.clip(program.centre, program.least, program.most)
    x, excess = whole_settings(program, start, steps, np.zeros_like(steps), penalty, sweeps=200)
    np.testing.assert_array_equal(x[:, n // 2 :], start[:, n // 2 :])
    for lane in range(len(x)):
        at_bound = np.isclose(x[lane], program.least[lane]) | np.isclose(
            x[lane], program.most[lane]
        )
        whole = np.isclose(x[lane] / step, np.rint(x[lane] / step)) | at_bound
        assert whole[: n // 2].all()
        here = objective(program, lane, x[lane], penalty)
        values = program.rows @ x[lane]
        outside = np.maximum(program.low[lane] - values, values - program.high[lane])
        assert excess[lane] == pytest.approx((np.maximum(outside, 0.0) ** 2).sum(), abs=1e-9)
        for j in range(n // 2):
            k = x[lane, j] / step
            for to in (np.ceil(k - 1e-9) - 1, np.floor(k + 1e-9) + 1):
                moved = x[lane].copy()
                moved[j] = np.clip(to * step, program.least[lane, j], program.most[lane, j])
                assert objective(program, lane, moved, penalty) >= here - 1e-9


def test_where_no_setting_helps_by_itself_two_are_moved():
    """One up and the other down: each alone leaves a limit that both together hold."""
    program = Program(
        rows=np.array([[1.0, 1.0], [1.0, -1.0]]),
        centre=np.zeros((1, 2)),
        weight=np.full((1, 2), 1e-3),
        low=np.array([[-0.3, 1.8]]),
        high=np.array([[0.3, 2.2]]),
        least=np.full((1, 2), -3.0),
        most=np.full((1, 2), 3.0),
    )
    ones, zeros = np.ones((1, 2)), np.zeros((1, 2))
    stuck = np.array([[1.0, 0.0]])
    for start in (zeros, stuck):
        x, left = whole_settings(program, start, ones, zeros, penalty=100.0)
        np.testing.assert_array_equal(x, [[1.0, -1.0]])
        assert left[0] == 0.0


def test_errors_say_what_is_wrong():
    program = random_program(0)
    fields = {name: getattr(program, name) for name in program.__slots__}
    no_number, crossed = fields["centre"].copy(), fields["least"].copy()
    no_number[3, 0], crossed[2, 0] = np.nan, 99.0
    for changed, message in (
        ({"centre": fields["centre"][:, :1]}, "centre has shape"),
        ({"weight": 0.0 * fields["weight"]}, "a weight is 0"),
        ({"centre": no_number}, "centre of lane 3 holds nan"),
        ({"least": crossed}, "least of lane 2, 0 is above most"),
    ):
        with pytest.raises(TaskError, match=message):
            Program(**{**fields, **changed})
    with pytest.raises(TaskError, match="relaxed is 0"):
        project(program, relaxed=0.0)
