"""The nearest point of a safe set, all lanes at once: a batched quadratic program.

Each lane has its own

    minimise    1/2 sum_j weight_j (x_j - centre_j)^2
    subject to  low <= G x <= high,    least <= x <= most

while most of G, the sensitivities, is shared by all; a few rows may be a lane's own. A lane
costs some microseconds, so that no lane need wait for another and no general solver is
called in a loop.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow.threads import over_rows
from grid_fed_rl.safety import projection_kernels as kernels

__all__ = ["Program", "ProjectionStatus", "project", "whole_settings"]

Floats = NDArray[np.float64]

# Numba's own signature of a compiled function does not know what is unpacked into it.
project_lanes: Callable[..., None] = kernels.project_lanes
nearest_settings: Callable[..., None] = kernels.nearest_settings

MOST_STEPS = 500  # constraints that a lane may take up
LANES_A_PART = 512  # lanes that are worth a thread's while: one takes some microseconds


class ProjectionStatus(IntEnum):
    """What became of a lane."""

    SOLVED = kernels.SOLVED
    INFEASIBLE = kernels.INFEASIBLE
    FAILED = kernels.FAILED


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The quadratic programs of some lanes.

    Attributes:
        rows: (row, variable) the first rows of G, the same in every lane.
        centre: (lane, variable) what to stay near to.
        weight: (lane, variable) how dear a distance is; above 0.
        low: (lane, row) least of G x, of shared rows and then of a lane's own.
        high: (lane, row) most of it.
        least: (lane, variable) bounds; a variable whose bounds are equal is fixed.
        most: (lane, variable).
        own: (lane, row, variable) the other rows of G, of each lane; none by default.

    Raises:
        TaskError: shapes do not fit, a number is not finite, a weight is not above 0,
            or bounds cross.
    """

    rows: Floats
    centre: Floats
    weight: Floats
    low: Floats
    high: Floats
    least: Floats
    most: Floats
    own: Floats | None = None

    def __post_init__(self) -> None:
        n_lanes, (m, n) = len(self.centre), self.rows.shape
        if self.own is not None:
            if self.own.ndim != 3 or self.own.shape[::2] != (n_lanes, n):
                raise TaskError(
                    f"projection: own has shape {self.own.shape}; expected ({n_lanes}, rows, {n})"
                )
            m += self.own.shape[1]
        for name in ("centre", "weight", "low", "high", "least", "most"):
            array = getattr(self, name)
            wanted = (n_lanes, m if name in ("low", "high") else n)
            if array.shape != wanted:
                raise TaskError(f"projection: {name} has shape {array.shape}; expected {wanted}")
            if np.isfinite(array.sum()):
                continue
            right = ~np.isnan(array) if name in ("low", "high") else np.isfinite(array)
            if not right.all():
                raise TaskError(
                    f"projection: {name} of lane {np.argwhere(~right)[0][0]} holds "
                    f"{array[~right][0]}; expected finite numbers"
                )
        if not all(np.isfinite(one).all() for one in (self.rows, self.own) if one is not None):
            raise TaskError("projection: rows hold what is not finite")
        if not (self.weight > 0.0).all():
            raise TaskError(f"projection: a weight is {self.weight.min()}; expected above 0")
        for below, above in (("low", "high"), ("least", "most")):
            crossed = getattr(self, below) > getattr(self, above)
            if crossed.any():
                lane, k = np.argwhere(crossed)[0]
                raise TaskError(f"projection: {below} of lane {lane}, {k} is above {above}")

    def lanes(self, index: NDArray[np.int64]) -> "Program":
        """Some lanes alone."""
        names = ("centre", "weight", "low", "high", "least", "most")
        own = None if self.own is None else self.own[index]
        return self._with(own=own, **{name: getattr(self, name)[index] for name in names})

    def with_fixed(self, fixed: NDArray[np.bool_], x: Floats) -> "Program":
        """A copy in which some variables, (lane, variable), have the values of `x`."""
        return self._with(least=np.where(fixed, x, self.least), most=np.where(fixed, x, self.most))

    def eased(self, by: Floats) -> "Program":
        """A copy whose rows may be outside of `low` to `high` by (row,) so much more."""
        return self._with(low=self.low - by, high=self.high + by)

    def _with(self, **changes: Floats | None) -> "Program":
        """A copy, not checked again."""
        other = object.__new__(Program)
        for field in fields(self):
            object.__setattr__(
                other, field.name, changes.get(field.name, getattr(self, field.name))
            )
        return other


def project(
    program: Program, relaxed: float | None = None, threads: int | None = None
) -> tuple[Floats, NDArray[np.int8]]:
    """Solve every lane's program by the dual method of Goldfarb and Idnani (1983).

    Args:
        program: What to solve.
        relaxed: Where given, ``low`` and ``high`` may be exceeded by a slack t of the
            lane, at the price ``relaxed / 2 * t**2``: no program is infeasible then, and
            one that has no solution comes as near to its limits as it can. The limits of
            a feasible one are missed by the sum of its multipliers over `relaxed`.
        threads: Threads to spread lanes over; one by default.

    Returns:
        x: (lane, variable); where the status is not ``SOLVED`` it means nothing.
        status: (lane,) `ProjectionStatus`.

    Raises:
        TaskError: `relaxed` is not above 0.
    """
    if relaxed is not None and not relaxed > 0.0:
        raise TaskError(f"projection: relaxed is {relaxed}; expected above 0, or None")
    x, status = np.empty(program.centre.shape), np.empty(len(program.centre), dtype=np.int8)
    slack = 0.0 if relaxed is None else 1.0 / float(np.sqrt(relaxed))
    arrays = _ready(program)

    def run(first: int, last: int) -> None:
        project_lanes(first, last, *arrays, slack, MOST_STEPS, x, status)

    over_rows(run, len(x), threads or 1, LANES_A_PART)
    return x, status


def whole_settings(
    program: Program,
    x: Floats,
    step: Floats,
    origin: Floats,
    penalty: float,
    sweeps: int = 20,
    threads: int | None = None,
) -> tuple[Floats, Floats]:
    """Round variables that only take whole settings, and search the neighbours.

    Each discrete variable is rounded to the nearest of ``origin + step * k`` within its
    bounds. Then, as long as it helps, the best move of one setting is made, by
    ``1/2 sum weight (x - centre)^2 + penalty * sum (distance outside)^2``; where none
    helps and limits are left, the best move of two.

    Args:
        program: Whose lanes.
        x: (lane, variable) where to start: what `project` gave.
        step: (lane, variable) distance of its settings; 0 for a continuous variable,
            which stays where it is.
        origin: (lane, variable) one of its settings.
        penalty: Price of leaving ``low`` to ``high``.
        sweeps: Most moves of a lane.
        threads: Threads to spread lanes over; one by default.

    Returns:
        x: (lane, variable) the settings.
        excess: (lane,) squared distances outside ``low`` to ``high`` that are left.
    """
    moved, excess = np.array(x, dtype=np.float64, order="C"), np.empty(len(x))
    rest = (penalty, sweeps, moved, excess)
    arrays = _ready(program)
    origin, step = (np.ascontiguousarray(one, dtype=np.float64) for one in (origin, step))

    def run(first: int, last: int) -> None:
        nearest_settings(first, last, *arrays, origin, step, *rest)

    over_rows(run, len(moved), threads or 1, LANES_A_PART)
    return moved, excess


def _ready(program: Program) -> tuple[Floats, ...]:
    """The arrays as the kernels take them: C order, doubles."""
    fields = ("centre", "weight", "low", "high", "least", "most")
    own = program.own
    if own is None:
        own = np.empty((len(program.centre), 0, program.rows.shape[1]))
    arrays = [program.rows.T, own.swapaxes(1, 2), *(getattr(program, name) for name in fields)]
    return tuple(np.ascontiguousarray(one, dtype=np.float64) for one in arrays)
