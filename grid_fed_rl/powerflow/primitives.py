"""Primitive admittance matrices of the elements, in siemens.

Each function returns the admittance an element presents between its own
conductors and ground, terminal by terminal: ``i = y @ v`` with `i` flowing into
the element. The formulation is OpenDSS's (R. C. Dugan and T. E. McDermott, "An
open source platform for collaborating on smart grid research", IEEE PES General
Meeting 2011), so that both engines describe the same feeder.
"""

import cmath
import math

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Capacitor,
    Connection,
    Line,
    LineCode,
    Source,
    Switch,
    Transformer,
    Winding,
)

__all__ = [
    "capacitor_admittance",
    "legs_of",
    "line_admittance",
    "rated_leg_kv",
    "source_admittance",
    "source_voltage",
    "transformer_admittance",
]

Matrix = NDArray[np.complex128]


def legs_of(
    connection: Connection, n_phases: int, direction: int = 1
) -> list[tuple[int, int | None]]:
    """Conductor pairs that the legs of an element span; None is ground.

    Wye has a leg from each conductor to ground. Delta has one leg on two
    conductors, three in a ring on three, each ending on the next conductor
    (`direction` +1) or on the one before (-1).
    """
    if connection is Connection.WYE:
        return [(k, None) for k in range(n_phases)]
    if n_phases == 2:
        return [(0, 1)]
    return [(k, (k + direction) % n_phases) for k in range(n_phases)]


def rated_leg_kv(connection: Connection, n_phases: int, kv: float) -> float:
    """Rated voltage across one leg: three-phase wye ratings are line-to-line."""
    return kv / math.sqrt(3) if connection is Connection.WYE and n_phases > 1 else kv


def _inverse(z: Matrix) -> Matrix:
    return np.linalg.inv(z).astype(np.complex128, copy=False)


def _two_port(series: Matrix, shunt_each_end: Matrix) -> Matrix:
    return np.block([[series + shunt_each_end, -series], [-series, series + shunt_each_end]])


def line_admittance(line: Line | Switch, code: LineCode, frequency_hz: float) -> Matrix:
    """Pi section with full phase coupling: (2n, 2n) for n conductors."""
    km = line.length_m / 1000.0
    z_ohm = np.array(code.z_ohm_per_km, dtype=np.complex128) * km
    capacitance_f = np.array(code.c_nf_per_km, dtype=np.complex128) * km * 1e-9
    return _two_port(_inverse(z_ohm), 0.5j * 2.0 * math.pi * frequency_hz * capacitance_f)


def _winding_incidence(
    winding: Winding, n_coils: int, tap_pu: float, direction: int
) -> NDArray[np.float64]:
    """Per-unit coil voltage from the winding's conductor voltages in volts."""
    conductors = winding.terminal.phases
    coil_v = rated_leg_kv(winding.connection, n_coils, winding.kv) * 1000.0 * tap_pu
    incidence = np.zeros((n_coils, len(conductors)))
    for coil, (start, end) in enumerate(legs_of(winding.connection, len(conductors), direction)):
        incidence[coil, start] += 1.0 / coil_v
        if end is not None:
            incidence[coil, end] -= 1.0 / coil_v
    return incidence


def _delta_direction(transformer: Transformer) -> int:
    """Which neighbour a delta coil that starts on a phase ends on: +1 or -1.

    ANSI lag (IEEE C57.12.00): the low side of a delta-wye bank lags by 30
    degrees. The wye coil of phase a then stands on the core of the delta coil
    from a to c where the delta is the high side, and from a to b where it is
    the low side.
    """
    high = max(transformer.windings, key=lambda winding: winding.kv)
    return -1 if high.connection is Connection.DELTA else 1


def transformer_admittance(
    transformer: Transformer, taps_pu: tuple[float, float] | None = None
) -> Matrix:
    """Two-winding transformer of any connection: conductors of 1, then of 2.

    Args:
        transformer: The nameplate.
        taps_pu: Taps of both windings; the nameplate's where not given.
    """
    first, second = transformer.windings
    n = transformer.n_phases
    taps = taps_pu or (first.tap_pu, second.tap_pu)
    va_per_coil = first.kva * 1000.0 / n
    z_pu = complex(first.r_percent + second.r_percent, transformer.x_percent[0]) / 100.0
    y_one_volt = va_per_coil / z_pu
    direction = _delta_direction(transformer)
    a = np.hstack(
        [
            _winding_incidence(first, n, taps[0], direction),
            -_winding_incidence(second, n, taps[1], direction),
        ]
    )
    y = y_one_volt * (a.T @ a).astype(complex)
    offset = 0
    for winding in transformer.windings:
        coil_v = rated_leg_kv(winding.connection, n, winding.kv) * 1000.0
        end = -0.5j * transformer.antifloat_ppm * 1e-6 * va_per_coil / coil_v**2
        for start, stop in legs_of(winding.connection, len(winding.terminal.phases)):
            for conductor in (start, stop):
                if conductor is not None:
                    y[offset + conductor, offset + conductor] += end
        offset += len(winding.terminal.phases)
    return y


def capacitor_admittance(capacitor: Capacitor) -> Matrix:
    """Shunt susceptance of a closed bank: (n, n) for n conductors."""
    n = len(capacitor.terminal.phases)
    legs = legs_of(capacitor.connection, n)
    leg_v = rated_leg_kv(capacitor.connection, n, capacitor.kv) * 1000.0
    b = 1j * capacitor.kvar * 1000.0 / len(legs) / leg_v**2
    y = np.zeros((n, n), dtype=np.complex128)
    for start, stop in legs:
        y[start, start] += b
        if stop is not None:
            y[stop, stop] += b
            y[start, stop] -= b
            y[stop, start] -= b
    return y


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
