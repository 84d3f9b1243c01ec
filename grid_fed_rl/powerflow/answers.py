"""How loads and DER answer to voltage: the compiled laws of their legs.

A leg at voltage u whose element injects p + jq at rated voltage injects the current
``(p g_p(|u|) - j q g_q(|u|)) u``. Both g have four parts, each of the form
``w2 / |u|^2 + w1 / |u| + w0``:

- up to `low`: an impedance (w0 alone);
- up to `nominal`: current interpolated linearly, or an impedance (w1 and w0);
- up to `high`: the model's own law;
- above: an impedance.

A few models need more: a power of ``|u|`` in the third part, or a cut-off at low
voltage. `injections` has the constants of every model. At 0 V every law is an
impedance, so a dead node draws exactly nothing.

`inject` stands in the solver's inner loop: all lanes at once, selects instead of
branches. Legs of the common models have one law for p and q and cost what they
must; the others cost nothing where there are none.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.lanes import (
    COMPILED,
    Lanes,
    by_lane,
    fused,
    lanes_of,
    load,
    root,
    spread,
    store,
    where,
)

__all__ = ["Legs", "inject", "laws_at", "leg_currents", "leg_powers"]

Real = NDArray[np.float64]
Index = NDArray[np.int32]
Complex = NDArray[np.complex128]

ONE_LAW, IMPEDANCE, OWN_LAWS, SMOOTH = 0, 1, 2, 3

# Columns of `Legs.law` and of `Legs.smooth`.
LOW, MID_1, MID_0, IN_2, IN_1, IN_0, HIGH = range(7)
P_WEIGHT, P_EXPONENT, Q_WEIGHT, Q_EXPONENT, CUT, STEEP = range(6)


class Legs(NamedTuple):
    """Where elements inject current, and by which law.

    Voltages are per unit of the node's base; laws include the leg's share of its
    element's power.
    """

    start: Index  # (leg,) index of the node
    stop: Index  # (leg,) index of the other node, or of ground
    to_ground: NDArray[np.bool_]  # (leg,) whether `stop` is ground
    element: Index  # (leg,) column of the injection arrays
    kind: NDArray[np.int8]  # (leg,) ONE_LAW, IMPEDANCE, OWN_LAWS or SMOOTH
    low: Real  # (leg,)
    nominal: Real  # (leg,)
    high: Real  # (leg,)
    law: Real  # (leg, 2, 7): of p and of q, columns LOW to HIGH
    smooth: Real  # (leg, 6): weights and exponents of |u|; the cut-off and its steepness


@njit(**COMPILED)
def _g(
    law: Real, k: int, which: int, low: float, nominal: float, high: float, size: float
) -> float:
    """One law of leg k without its smooth part, from |u|."""
    if size <= low:
        return law[k, which, LOW]
    if size <= nominal:
        return law[k, which, MID_1] / size + law[k, which, MID_0]
    if size > high:
        return law[k, which, HIGH]
    return (law[k, which, IN_2] / size + law[k, which, IN_1]) / size + law[k, which, IN_0]


@njit(**COMPILED)
def _g_smooth(legs: Legs, k: int, which: int, size: float) -> float:
    """One law of a leg of any kind, from |u|; 0 V included."""
    g = _g(legs.law, k, which, legs.low[k], legs.nominal[k], legs.high[k], size)
    if legs.kind[k] == SMOOTH and size > legs.low[k]:
        smooth = legs.smooth[k]
        if legs.nominal[k] < size <= legs.high[k] and smooth[2 * which] != 0.0:
            g += smooth[2 * which] * size ** smooth[2 * which + 1]
        if smooth[STEEP] > 0.0:
            g *= 0.5 * (1.0 + math.tanh(smooth[STEEP] * (size - smooth[CUT])))
    return g


@njit(**COMPILED)
def _g_lanes(legs: Legs, k: int, which: int, square: Lanes, inverse: Lanes) -> Lanes:
    """One law without its smooth part, from |u|^2 and 1/|u| of all lanes."""
    law = legs.law[k, which]
    g = fused(law[IN_2], inverse, law[IN_1])
    g = fused(g, inverse, law[IN_0])
    g = where(square > legs.high[k] ** 2, law[HIGH], g)
    middle = fused(law[MID_1], inverse, law[MID_0])
    g = where(square <= legs.nominal[k] ** 2, middle, g)
    return where(square <= legs.low[k] ** 2, law[LOW], g)


@njit(**COMPILED)
def _g_smooth_lanes(legs: Legs, k: int, square: Lanes, g_p: Real, g_q: Real) -> None:
    """Both laws of a leg of any kind, lane by lane."""
    sizes = lanes_of(1, g_p)
    store(sizes, 0, root(square))
    size, p, q = by_lane(sizes), by_lane(g_p), by_lane(g_q)
    for lane in range(size.shape[1]):
        p[0, lane] = _g_smooth(legs, k, 0, size[0, lane])
        q[0, lane] = _g_smooth(legs, k, 1, size[0, lane])


@njit(**COMPILED)
def inject(
    legs: Legs,
    p: Real,
    q: Real,
    v_re: Real,
    v_im: Real,
    alive: Real,
    all_alive: bool,
    x_re: Real,
    x_im: Real,
) -> None:
    """Add the current of every leg at the present voltage; with a dead end it is open.

    Args:
        legs: The legs.
        p: (element, lane) injection at rated voltage.
        q: (element, lane).
        v_re: (node + 1, lane) voltage; the row of ground is 0.
        v_im: (node + 1, lane).
        alive: (node + 1, lane) 1, or 0 where a node is dead; ground is alive.
        all_alive: Whether it is 1 everywhere.
        x_re: (node + 1, lane) current to add to; the row of ground collects what
            it gets.
        x_im: (node + 1, lane).
    """
    smooth_p, smooth_q = lanes_of(1, p), lanes_of(1, p)
    for k in range(legs.start.shape[0]):
        a, b, j, kind = legs.start[k], legs.stop[k], legs.element[k], legs.kind[k]
        re, im = load(v_re, a) - load(v_re, b), load(v_im, a) - load(v_im, b)
        g_p = g_q = spread(legs.law[k, 0, LOW], p)
        if kind != IMPEDANCE:
            square = fused(re, re, im * im)
            if kind == SMOOTH:
                _g_smooth_lanes(legs, k, square, smooth_p, smooth_q)
                g_p, g_q = load(smooth_p, 0), load(smooth_q, 0)
            else:
                inverse = 1.0 / root(square)
                g_p = g_q = _g_lanes(legs, k, 0, square, inverse)
                if kind == OWN_LAWS:
                    g_q = _g_lanes(legs, k, 1, square, inverse)
        if not all_alive:
            closed = load(alive, a) * load(alive, b)
            g_p, g_q = g_p * closed, g_q * closed
        p_k, q_k = load(p, j) * g_p, load(q, j) * g_q
        i_re, i_im = fused(p_k, re, q_k * im), fused(p_k, im, -q_k * re)
        store(x_re, a, load(x_re, a) + i_re)
        store(x_im, a, load(x_im, a) + i_im)
        store(x_re, b, load(x_re, b) - i_re)
        store(x_im, b, load(x_im, b) - i_im)


@njit(**COMPILED)
def _across(legs: Legs, k: int, order: Index, v: Complex) -> Any:
    """Voltage across a leg; 0 where one of its ends is dead, and so its circuit open."""
    a = v[order[legs.start[k]]]
    if legs.to_ground[k] or a == 0.0:
        return a
    b = v[order[legs.stop[k]]]
    return a - b if b != 0.0 else 0j


@njit(**COMPILED)
def leg_currents(
    legs: Legs, order: Index, p_pu: Real, q_pu: Real, v: Complex, out: Complex
) -> None:
    """Current that every leg injects: (batch, leg), from (batch, element) and (batch, node).

    It enters the network at `legs.start` and leaves it at `legs.stop`. `order` has
    the column of `v` for every index that the legs hold.
    """
    for r in range(v.shape[0]):
        row = v[r]
        for k in range(legs.start.shape[0]):
            u = _across(legs, k, order, row)
            j = legs.element[k]
            size = math.sqrt(u.real * u.real + u.imag * u.imag)
            g_p, g_q = _g_smooth(legs, k, 0, size), _g_smooth(legs, k, 1, size)
            out[r, k] = complex(p_pu[r, j] * g_p, -q_pu[r, j] * g_q) * u


@njit(**COMPILED)
def leg_powers(
    legs: Legs, order: Index, p_pu: Real, q_pu: Real, v: Complex, p_out: Real, q_out: Real
) -> None:
    """Power that elements really inject at voltage `v`, added up over their legs.

    `p_out` and `q_out` are (batch, element) and start at 0; `order` is as in
    `leg_currents`.
    """
    # Handing all of `legs` to a function for every leg would take longer than its law.
    start, stop, to_ground, element = legs.start, legs.stop, legs.to_ground, legs.element
    low, nominal, high, law, kind = legs.low, legs.nominal, legs.high, legs.law, legs.kind
    for r in range(v.shape[0]):
        for k in range(start.shape[0]):
            u = v[r, order[start[k]]]
            if not to_ground[k] and u != 0.0:
                other = v[r, order[stop[k]]]
                u = u - other if other != 0.0 else 0j
            square, j = u.real * u.real + u.imag * u.imag, element[k]
            size = math.sqrt(square)
            if kind[k] == SMOOTH:
                g_p, g_q = _g_smooth(legs, k, 0, size), _g_smooth(legs, k, 1, size)
            else:
                g_p = g_q = _g(law, k, 0, low[k], nominal[k], high[k], size)
                if kind[k] == OWN_LAWS:
                    g_q = _g(law, k, 1, low[k], nominal[k], high[k], size)
            p_out[r, j] += p_pu[r, j] * g_p * square
            q_out[r, j] += q_pu[r, j] * g_q * square


@njit(**COMPILED)
def _slope(legs: Legs, k: int, which: int, size: float) -> float:
    """Derivative of `_g_smooth` by |u|; from below at the ends of a part."""
    law, low, nominal, high = legs.law[k, which], legs.low[k], legs.nominal[k], legs.high[k]
    if size <= low:
        return 0.0
    g = 0.0
    inside = nominal < size <= high
    if size <= nominal:
        g = -law[MID_1] / (size * size)
    elif inside:
        g = -(2.0 * law[IN_2] / size + law[IN_1]) / (size * size)
    if legs.kind[k] == SMOOTH:
        smooth = legs.smooth[k]
        weight, exponent = smooth[2 * which], smooth[2 * which + 1]
        if inside and weight != 0.0:
            g += weight * exponent * size ** (exponent - 1.0)
        if smooth[STEEP] > 0.0:
            t = math.tanh(smooth[STEEP] * (size - smooth[CUT]))
            # (f h)' with h = (1 + t)/2: _g_smooth is already f h.
            bare = _g(legs.law, k, which, low, nominal, high, size)
            g = g * 0.5 * (1.0 + t) + bare * 0.5 * smooth[STEEP] * (1.0 - t * t)
    return g


@njit(**COMPILED)
def laws_at(legs: Legs, order: Index, v: Complex, g: Real, slope: Real) -> None:
    """Both laws of every leg and their derivatives by |u|, each (batch, leg, 2)."""
    for r in range(v.shape[0]):
        for k in range(legs.start.shape[0]):
            size = abs(_across(legs, k, order, v[r]))
            for which in range(2):
                g[r, k, which] = _g_smooth(legs, k, which, size)
                slope[r, k, which] = _slope(legs, k, which, size)
