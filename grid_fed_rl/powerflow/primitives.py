"""Primitive admittance matrices of the elements, in siemens.

Each function returns the admittance an element presents between its own
conductors and ground, terminal by terminal: ``i = y @ v`` with `i` flowing into
the element. Conductors that land on ground (node 0) have their row too; whoever
assembles the network drops it. Every matrix is symmetric to the last bit.

The formulation is OpenDSS's (R. C. Dugan and T. E. McDermott, "An open source
platform for collaborating on smart grid research", IEEE PES General Meeting
2011), so that both engines describe the same feeder.
"""

import cmath
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Capacitor,
    Connection,
    Line,
    LineCode,
    Reactor,
    Source,
    Switch,
    Transformer,
)

__all__ = [
    "TapParts",
    "antifloat_admittance",
    "capacitor_admittance",
    "delta_direction",
    "legs_of",
    "line_admittance",
    "line_series_shunt",
    "rated_leg_kv",
    "reactor_admittance",
    "source_admittance",
    "source_voltage",
    "tap_parts",
    "transformer_admittance",
    "two_port",
]

Matrix = NDArray[np.complex128]


def legs_of(
    connection: Connection, n_conductors: int, direction: int = 1
) -> list[tuple[int, int | None]]:
    """Conductor pairs that the legs of an element span; None is ground.

    Wye has a leg from each conductor to ground, or to the last conductor where
    that is the neutral. Delta has one leg on two conductors; on three a ring,
    each leg ending on the next conductor (`direction` +1) or the one before (-1).
    """
    if connection is Connection.WYE:
        return [(k, None) for k in range(n_conductors)]
    if connection is Connection.WYE_N:
        return [(k, n_conductors - 1) for k in range(n_conductors - 1)]
    if n_conductors == 2:
        return [(0, 1)]
    return [(k, (k + direction) % n_conductors) for k in range(n_conductors)]


def rated_leg_kv(connection: Connection, n_conductors: int, kv: float) -> float:
    """Rated voltage across one leg: the rating of two or three wye legs is line-to-line."""
    line_to_line = connection is not Connection.DELTA and connection.n_legs(n_conductors) in (2, 3)
    return kv / math.sqrt(3) if line_to_line else kv


def _inverse(z: Matrix) -> Matrix:
    return _symmetric(np.linalg.inv(z))


def _symmetric(y: NDArray[np.complexfloating]) -> Matrix:
    """Make equal to the last bit what is equal but for rounding."""
    return ((y + y.T) / 2.0).astype(np.complex128, copy=False)


def two_port(series: Matrix, shunt_each_end: Matrix | float) -> Matrix:
    """Pi section: (2n, 2n) for n conductors."""
    n = len(series)
    y = np.empty((2 * n, 2 * n), dtype=np.complex128)
    y[:n, :n] = y[n:, n:] = series + shunt_each_end
    y[:n, n:] = y[n:, :n] = -series
    return y


def _on_legs(connection: Connection, n_conductors: int, y_leg: complex) -> Matrix:
    """The same admittance on every leg: (n, n) for n conductors."""
    y = np.zeros((n_conductors, n_conductors), dtype=np.complex128)
    for start, stop in legs_of(connection, n_conductors):
        y[start, start] += y_leg
        if stop is not None:
            y[stop, stop] += y_leg
            y[start, stop] -= y_leg
            y[stop, start] -= y_leg
    return y


@lru_cache(maxsize=1024)
def _one_km(code: LineCode) -> tuple[Matrix, Matrix]:
    """Series admittance and capacitance of a kilometre, in siemens and farads."""
    farads = np.array(code.c_nf_per_km, dtype=np.complex128) * 1e-9
    return _inverse(np.array(code.z_ohm_per_km, dtype=np.complex128)), farads


def line_series_shunt(
    line: Line | Switch, code: LineCode, frequency_hz: float
) -> tuple[Matrix, Matrix]:
    """Series admittance and the shunt admittance at each end: (n, n) both."""
    km = line.length_m / 1000.0
    series, farads = _one_km(code)
    return series / km, (1j * math.pi * frequency_hz * km) * farads


def line_admittance(line: Line | Switch, code: LineCode, frequency_hz: float) -> Matrix:
    """Pi section with full coupling, of a closed switch too: (2n, 2n) for n conductors."""
    return two_port(*line_series_shunt(line, code, frequency_hz))


def capacitor_admittance(capacitor: Capacitor) -> Matrix:
    """Shunt susceptance with all steps closed: (n, n) for n conductors."""
    n = len(capacitor.terminal.phases)
    leg_v = rated_leg_kv(capacitor.connection, n, capacitor.kv) * 1000.0
    leg_var = capacitor.kvar * 1000.0 / capacitor.connection.n_legs(n)
    return _on_legs(capacitor.connection, n, 1j * leg_var / leg_v**2)


def reactor_admittance(reactor: Reactor) -> Matrix:
    """(2n, 2n) for n conductors between two buses, (n, n) on one bus."""
    n = len(reactor.from_.phases)
    if reactor.to is None:
        return _on_legs(reactor.connection, n, 1.0 / reactor.z_ohm)
    series = np.eye(n, dtype=np.complex128) / reactor.z_ohm
    return two_port(series, 0.0)


def _coil_va(transformer: Transformer) -> float:
    return transformer.windings[0].kva * 1000.0 / transformer.n_phases


def _coil_v(transformer: Transformer, winding: int) -> float:
    w = transformer.windings[winding]
    return rated_leg_kv(w.connection, len(w.terminal.phases), w.kv) * 1000.0


def _leakage(transformer: Transformer) -> Matrix:
    """Admittance between the windings of one core, all of one volt: (winding, winding).

    With winding 1 as the reference, the impedance between windings i and j is
    half of ``z_1i + z_1j - z_ij`` (H. W. Dommel, EMTP Theory Book, section 6.4);
    each pair's z holds its short-circuit reactance and the resistances of both.
    """
    windings, x_percent = transformer.windings, transformer.x_percent
    n = len(windings)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    z_pair = {
        (i, j): complex(windings[i].r_percent + windings[j].r_percent, x) / 100.0
        for (i, j), x in zip(pairs, x_percent, strict=True)
    }
    z = np.zeros((n - 1, n - 1), dtype=np.complex128)
    for i in range(1, n):
        z[i - 1, i - 1] = z_pair[0, i]
        for j in range(i + 1, n):
            z[i - 1, j - 1] = z[j - 1, i - 1] = (z_pair[0, i] + z_pair[0, j] - z_pair[i, j]) / 2.0
    from_first = np.hstack([-np.ones((n - 1, 1)), np.eye(n - 1)])
    return _symmetric(from_first.T @ _inverse(z / _coil_va(transformer)) @ from_first)


def delta_direction(transformer: Transformer) -> int:
    """Which neighbour a delta coil that starts on a phase ends on: +1 or -1.

    ANSI lag (IEEE C57.12.00): the low side of a delta-wye bank lags by 30
    degrees. The wye coil of phase a then stands on the core of the delta coil
    from a to c where the delta is the high side, and from a to b where it is
    the low side. As in OpenDSS, windings 1 and 2 decide.
    """
    first, second = transformer.windings[:2]
    if (first.connection is Connection.DELTA) == (second.connection is Connection.DELTA):
        return 1
    high = first if first.kv >= second.kv else second
    lagging = -1 if high.connection is Connection.DELTA else 1
    return -lagging if transformer.low_side_leads else lagging


def _incidence(transformer: Transformer, winding: int, direction: int) -> NDArray[np.float64]:
    """Coil voltages from the winding's conductor voltages: 1, -1 and 0."""
    w = transformer.windings[winding]
    n_conductors = len(w.terminal.phases)
    incidence = np.zeros((transformer.n_phases, n_conductors))
    for coil, (start, end) in enumerate(legs_of(w.connection, n_conductors, direction)):
        incidence[coil, start] += 1.0
        if end is not None:
            incidence[coil, end] -= 1.0
    return incidence


def _antifloat(transformer: Transformer, winding: int) -> Matrix:
    """Susceptance to ground at both ends of each coil and once at an explicit neutral.

    It does not move with the tap. OpenDSS makes it inductive and gives it half
    the stated parts per million at each end.
    """
    w = transformer.windings[winding]
    n = len(w.terminal.phases)
    ends = np.zeros(n)
    for start, stop in legs_of(w.connection, n):
        ends[start] += 1.0
        if stop is not None:
            ends[stop] += 1.0
    if w.connection is Connection.WYE_N:
        ends[-1] += 1.0
    rated = _coil_va(transformer) / _coil_v(transformer, winding) ** 2
    return np.diag((-0.5j * transformer.antifloat_ppm * 1e-6 * rated) * ends.astype(np.complex128))


class TapParts(NamedTuple):
    """A transformer's admittance by what the tap t of one winding does to it.

    ``y(t) = fixed + crossing / t + second / t**2``.
    """

    fixed: Matrix
    crossing: Matrix
    second: Matrix


def _blocks(transformer: Transformer, taps_pu: Sequence[float]) -> tuple[Matrix, list[int]]:
    """Admittance without anti-float, and the winding that each conductor belongs to."""
    n = len(transformer.windings)
    direction = delta_direction(transformer)
    coils = np.hstack([_incidence(transformer, k, direction) for k in range(n)])
    y_core = _leakage(transformer)
    no_load = complex(transformer.no_load_percent, -transformer.magnetising_percent) / 100.0
    y_core[1, 1] += no_load * _coil_va(transformer)  # on the second winding, as in OpenDSS
    owner = [k for k in range(n) for _ in transformer.windings[k].terminal.phases]
    volts = np.array([_coil_v(transformer, k) * taps_pu[k] for k in range(n)])[owner]
    # Whole numbers first: a delta coil takes at one end to the last bit what it gives
    # at the other, as a side that floats must.
    return y_core[np.ix_(owner, owner)] * ((coils.T @ coils) / np.outer(volts, volts)), owner


def tap_parts(transformer: Transformer, winding: int) -> TapParts:
    """What is fixed and what moves with the tap of one winding (1 the first).

    The other windings stand at their own `tap_pu`. The core's losses and
    magnetising current stand on winding 2 and move with its tap alone.
    """
    taps = [w.tap_pu for w in transformer.windings]
    taps[winding - 1] = 1.0
    y, owner = _blocks(transformer, taps)
    moves = np.array(owner) == winding - 1
    second = np.where(np.outer(moves, moves), y, 0.0)
    crossing = np.where(moves[:, None] != moves[None, :], y, 0.0)
    return TapParts(y - second - crossing + antifloat_admittance(transformer), crossing, second)


def antifloat_admittance(transformer: Transformer) -> Matrix:
    """What holds its windings at ground, where nothing else does; it is in the whole, too."""
    parts = [_antifloat(transformer, k).diagonal() for k in range(len(transformer.windings))]
    return np.diag(np.concatenate(parts))


def transformer_admittance(
    transformer: Transformer, taps_pu: Sequence[float] | None = None
) -> Matrix:
    """Transformer of any windings and connections: conductors of 1, then of 2, and so on.

    The coils of one phase stand on one core; cores do not couple (OpenDSS's
    Transformer). A centre-tapped secondary is two windings, of nodes 1 and 0 and
    of nodes 0 and 2.

    Args:
        transformer: The nameplate.
        taps_pu: Tap of every winding; the nameplate's where not given.
    """
    y, _ = _blocks(transformer, taps_pu or [w.tap_pu for w in transformer.windings])
    return y + antifloat_admittance(transformer)


def source_admittance(source: Source) -> Matrix:
    """Thevenin admittance of the substation behind its three phases: (3, 3)."""
    z_self = (2.0 * source.z1_ohm + source.z0_ohm) / 3.0
    z_mutual = (source.z0_ohm - source.z1_ohm) / 3.0
    z = np.full((3, 3), z_mutual, dtype=np.complex128)
    np.fill_diagonal(z, z_self)
    return _inverse(z)


def source_voltage(source: Source) -> NDArray[np.complex128]:
    """Open-circuit phase voltages in volts, positive sequence: (3,)."""
    magnitude = source.v_pu * source.kv_ll * 1000.0 / math.sqrt(3)
    angle = math.radians(source.angle_deg)
    return np.array([cmath.rect(magnitude, angle - k * 2.0 * math.pi / 3.0) for k in range(3)])
