"""The compiled kernels of `projection`: one lane after the other.

The program of a lane, its variables scaled so that the objective is half the squared
length of y, is solved by the dual method of D. Goldfarb and A. Idnani, "A numerically
stable dual method for solving strictly convex quadratic programs", Mathematical
Programming 27, 1983, doi:10.1007/BF02591962. It starts from the unconstrained optimum,
takes up the constraint that is violated most, and gives up those that press the wrong
way; every point it visits is optimal for the constraints it holds. Variables held at a bound
are taken out of the rows' normals, so that many of them cost no more than a few.

A constraint is ``a y >= b``. They are numbered: row i of G from below (i) and from above
(m + i), variable j from below (2 m + j) and from above (2 m + n + j).
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = ["FAILED", "INFEASIBLE", "SOLVED", "nearest_settings", "project_lanes"]

Floats = NDArray[np.float64]
Status = NDArray[np.int8]

SOLVED, INFEASIBLE, FAILED = 0, 1, 2
TOLERANCE = 1e-9  # of a constraint, in its own unit
PARALLEL = 1e-20  # squared length below which a normal lies in the span of others


@njit(**COMPILED)
def _most_violated(values, t, x, low, high, least, most, free, held, side) -> tuple[int, float]:
    """Constraint that is violated most and is not held, and by how much; -1 if none is.

    `t` is what rows are relaxed by.
    """
    m, n = len(values), len(x)
    worst, by = -1, TOLERANCE
    for i in range(m):
        short = low[i] - t - values[i]
        if short > by and not held[i]:
            worst, by = i, short
        over = values[i] - high[i] - t
        if over > by and not held[m + i]:
            worst, by = m + i, over
    for j in range(n):
        if free[j]:
            short = least[j] - x[j]
            if short > by and side[j] <= 0.0:
                worst, by = 2 * m + j, short
            over = x[j] - most[j]
            if over > by and side[j] >= 0.0:
                worst, by = 2 * m + n + j, over
    return worst, by


@njit(**COMPILED)
def _normal(which, gt, root, free, slack, out) -> None:
    """The normal of a constraint in scaled variables; the last entry is the slack's."""
    n, m = gt.shape
    out[:] = 0.0
    if which < 2 * m:
        i, sign = (which, 1.0) if which < m else (which - m, -1.0)
        for j in range(n):
            if free[j]:
                out[j] = sign * gt[j, i] / root[j]
        out[n] = slack
        return
    k = which - 2 * m
    if k < n:
        out[k] = 1.0 / root[k]
    else:
        out[k - n] = -1.0 / root[k - n]


@njit(**COMPILED)
def _factorise(k, normals, side, q, r) -> None:
    """Gram and Schmidt of the normals of k rows, twice for its numbers' sake: N = Q R.

    Variables that are held at a bound are left out: their normals are unit vectors.
    """
    size = normals.shape[1]
    for c in range(k):
        for d in range(size):
            q[c, d] = normals[c, d] if side[d] == 0.0 else 0.0
        for b in range(c):
            r[b, c] = 0.0
        for _ in range(2):
            for b in range(c):
                dot = 0.0
                for d in range(size):
                    dot += q[b, d] * q[c, d]
                r[b, c] += dot
                for d in range(size):
                    q[c, d] -= dot * q[b, d]
        length = 0.0
        for d in range(size):
            length += q[c, d] ** 2
        r[c, c] = math.sqrt(length)
        for d in range(size):
            q[c, d] /= r[c, c]


@njit(**COMPILED)
def _directions(k, normals, q, r, root, side, normal, z, dual, press) -> float:
    """Where y goes (z), and multipliers of rows (dual) and bounds (press), as a new one grows.

    Returns |z|^2.
    """
    size = len(normal)
    for d in range(size):
        z[d] = normal[d] if side[d] == 0.0 else 0.0
    for b in range(k):
        dual[b] = 0.0
    for _ in range(2):
        for b in range(k):
            dot = 0.0
            for d in range(size):
                dot += q[b, d] * z[d]
            dual[b] += dot
            for d in range(size):
                z[d] -= dot * q[b, d]
    for b in range(k - 1, -1, -1):
        for c in range(b + 1, k):
            dual[b] -= r[b, c] * dual[c]
        dual[b] /= r[b, b]
    length = 0.0
    for d in range(size):
        length += z[d] ** 2
    for d in range(size - 1):
        if side[d] != 0.0:
            rest = normal[d]
            for b in range(k):
                rest -= dual[b] * normals[b, d]
            press[d] = rest * side[d] * root[d]
    return length


@njit(**COMPILED)
def _project(gt, centre, weight, low, high, least, most, slack, max_steps, x) -> int:
    """One lane, into x; the status."""
    n, m = gt.shape
    size = n + 1
    root, free = np.sqrt(weight), most > least
    values, held = np.zeros(m), np.zeros(2 * m, dtype=np.bool_)
    for j in range(n):
        x[j] = centre[j] if free[j] else least[j]
        for i in range(m):
            values[i] += gt[j, i] * x[j]
    t = 0.0  # the slack
    normals, q, r = np.empty((size, size)), np.empty((size, size)), np.empty((size, size))
    active, multiplier = np.empty(size, dtype=np.int64), np.zeros(size + 1)
    side, pressure = np.zeros(size), np.zeros(size)  # 1 at its least, -1 at its most; multiplier
    normal, z, dual, press = np.empty(size), np.empty(size), np.empty(size), np.zeros(size)
    k = 0
    for _ in range(max_steps):
        which, short = _most_violated(values, t, x, low, high, least, most, free, held, side)
        if which < 0:
            return SOLVED
        _normal(which, gt, root, free, slack, normal)
        grown = 0.0
        own = 0.0
        for d in range(size):
            own += normal[d] ** 2
        while True:
            length = _directions(k, normals, q, r, root, side, normal, z, dual, press)
            moves = length > PARALLEL + 1e-14 * own
            row, bound, step = -1, -1, math.inf
            for b in range(k):
                if dual[b] > 0.0 and multiplier[b] / dual[b] < step:
                    row, step = b, multiplier[b] / dual[b]
            for j in range(n):
                if side[j] != 0.0 and press[j] > 0.0 and pressure[j] / press[j] < step:
                    bound, step = j, pressure[j] / press[j]
            full = short / length if moves else math.inf
            if math.isinf(step) and math.isinf(full):
                return INFEASIBLE
            taken = min(step, full)
            for b in range(k):
                multiplier[b] = max(multiplier[b] - taken * dual[b], 0.0)
            for j in range(n):
                if side[j] != 0.0:
                    pressure[j] = max(pressure[j] - taken * press[j], 0.0)
            grown += taken
            if moves:
                for j in range(n):
                    if free[j] and z[j] != 0.0:
                        change = taken * z[j] / root[j]
                        x[j] += change
                        for i in range(m):
                            values[i] += gt[j, i] * change
                t += taken * z[n] * slack
                short -= taken * length
            if full <= step:
                if which >= 2 * m:
                    j = (which - 2 * m) % n
                    side[j], pressure[j] = (1.0 if which < 2 * m + n else -1.0), grown
                elif k == size:
                    return FAILED
                else:
                    active[k], multiplier[k], held[which] = which, grown, True
                    normals[k] = normal
                    k += 1
                _factorise(k, normals, side, q, r)
                break
            if bound >= 0:
                side[bound] = pressure[bound] = 0.0
            else:
                held[active[row]] = False
                for b in range(row, k - 1):
                    active[b], multiplier[b] = active[b + 1], multiplier[b + 1]
                    normals[b] = normals[b + 1]
                k -= 1
            _factorise(k, normals, side, q, r)
    return FAILED


@njit(**COMPILED)
def _with_room(shared, own) -> Floats:
    """G transposed, shared rows in it and room for a lane's own behind them."""
    n, m = shared.shape
    gt = np.empty((n, m + own.shape[2]))
    gt[:, :m] = shared
    return gt


@njit(**COMPILED)
def project_lanes(
    first, last, shared, own, centre, weight, low, high, least, most, slack, max_steps, x, status
) -> None:
    """Lanes [first, last); see `projection.project`. Rows of G are transposed.

    `slack` is one over the root of the weight of what rows are relaxed by; 0 for none.
    """
    gt = _with_room(shared, own)
    for lane in range(first, last):
        gt[:, shared.shape[1] :] = own[lane]
        status[lane] = _project(
            gt,
            centre[lane],
            weight[lane],
            low[lane],
            high[lane],
            least[lane],
            most[lane],
            slack,
            max_steps,
            x[lane],
        )


# Sums may be added up in any order, so that they are vector instructions; a lane's
# order is its own, whatever lanes stand beside it.
@njit(fastmath={"reassoc", "nsz"}, **COMPILED)
def _excess(values, low, high) -> float:
    """Squared distances outside, added up."""
    total = 0.0
    for i in range(len(values)):
        short = max(low[i] - values[i], values[i] - high[i], 0.0)
        total += short * short
    return total


# Sums may be added up in any order, so that they are vector instructions; a lane's
# order is its own, whatever lanes stand beside it.
@njit(fastmath={"reassoc", "nsz"}, **COMPILED)
def _excess_moved(values, column, by, low, high) -> float:
    """The same once a variable has moved."""
    total = 0.0
    for i in range(len(values)):
        value = values[i] + by * column[i]
        short = max(low[i] - value, value - high[i], 0.0)
        total += short * short
    return total


@njit(**COMPILED)
def _beside(x, origin, step, least, most) -> tuple[float, float]:
    """How far the settings below and above are; 0 where there is none."""
    if step <= 0.0 or most <= least:
        return 0.0, 0.0
    k = (x - origin) / step  # no whole number at a bound, perhaps
    below = max(origin + step * (math.ceil(k - 1e-9) - 1), least)
    above = min(origin + step * (math.floor(k + 1e-9) + 1), most)
    return min(below - x, 0.0), max(above - x, 0.0)


@njit(**COMPILED)
def _best_move(gt, values, near, moves, low, high, excess, penalty, gain) -> tuple[int, int, float]:
    """The single move that gains most beyond `gain`: variable, which way, and what it gains."""
    best, way = -1, 0
    for j in range(len(near)):
        for w in range(2):
            # What the move cannot gain need not be looked at.
            if moves[j, w] == 0.0 or near[j, w] + penalty * excess <= gain:
                continue
            less = excess - _excess_moved(values, gt[j], moves[j, w], low, high)
            if near[j, w] + penalty * less > gain:
                best, way, gain = j, w, near[j, w] + penalty * less
    return best, way, gain


@njit(**COMPILED)
def _settle(
    gt, centre, weight, low, high, least, most, origin, step, penalty, sweeps, x, values, beside
) -> float:
    """One lane, from settings x to better ones; squared distances outside that are left.

    `values` is G x, and `beside` room for as many.
    """
    n = len(x)
    moves, near = np.zeros((n, 2)), np.zeros((n, 2))
    excess = _excess(values, low, high)
    for _ in range(sweeps):
        for j in range(n):
            off = x[j] - centre[j]
            moves[j] = _beside(x[j], origin[j], step[j], least[j], most[j])
            for w in range(2):
                near[j, w] = 0.5 * weight[j] * (off**2 - (off + moves[j, w]) ** 2)
        first, one, gain = _best_move(gt, values, near, moves, low, high, excess, penalty, 1e-12)
        second, other = -1, 0
        if first < 0 and excess > 0.0:  # no single one helps: two that do together
            for j in range(n - 1):
                for w in range(2):
                    if moves[j, w] == 0.0:
                        continue
                    for i in range(len(values)):
                        beside[i] = values[i] + moves[j, w] * gt[j, i]
                    then = _excess(beside, low, high)
                    paid = gain - near[j, w] - penalty * (excess - then)
                    k, v, total = _best_move(
                        gt[j + 1 :],
                        beside,
                        near[j + 1 :],
                        moves[j + 1 :],
                        low,
                        high,
                        then,
                        penalty,
                        paid,
                    )
                    if k >= 0:
                        gain = total + near[j, w] + penalty * (excess - then)
                        first, one, second, other = j, w, j + 1 + k, v
        if first < 0:
            break
        for j, w in ((first, one), (second, other)):
            if j >= 0:
                x[j] += moves[j, w]
                for i in range(len(values)):
                    values[i] += moves[j, w] * gt[j, i]
        excess = _excess(values, low, high)
    return excess


@njit(**COMPILED)
def nearest_settings(
    first,
    last,
    shared,
    own,
    centre,
    weight,
    low,
    high,
    least,
    most,
    origin,
    step,
    penalty,
    sweeps,
    x,
    left,
) -> None:
    """Move x of lanes [first, last) to whole settings; see `projection.whole_settings`."""
    gt = _with_room(shared, own)
    n, m = gt.shape
    values, beside = np.empty(m), np.empty(m)
    for lane in range(first, last):
        gt[:, shared.shape[1] :] = own[lane]
        values[:] = 0.0
        for j in range(n):
            s = step[lane, j]
            if s > 0.0:
                whole = origin[lane, j] + s * np.rint((x[lane, j] - origin[lane, j]) / s)
                x[lane, j] = min(max(whole, least[lane, j]), most[lane, j])
            for i in range(m):
                values[i] += gt[j, i] * x[lane, j]
        left[lane] = _settle(
            gt,
            centre[lane],
            weight[lane],
            low[lane],
            high[lane],
            least[lane],
            most[lane],
            origin[lane],
            step[lane],
            penalty,
            sweeps,
            x[lane],
            values,
            beside,
        )
