"""Lines and cables of a CYME dataset: by conductor and spacing, by matrices, by sequence values."""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders.cyme.codes import ByPhase, Phases
from grid_fed_rl.feeders.cyme.convert_conductors import (
    by_phase_constants,
    cable_constants,
    line_type_constants,
    listed,
)
from grid_fed_rl.feeders.cyme.draft import Draft, RefusedError, label, nodes_of
from grid_fed_rl.feeders.cyme.records_lines import (
    CableType,
    LineType,
    OverheadByPhase,
    OverheadLine,
    OverheadUnbalanced,
    UnbalancedLineType,
    UndergroundByPhase,
    UndergroundLine,
)
from grid_fed_rl.feeders.line_constants import LineConstants, sequence_matrix
from grid_fed_rl.feeders.records import Line, Terminal

__all__ = ["LINES", "LineDevice", "line_code"]

LineDevice = OverheadByPhase | OverheadLine | OverheadUnbalanced | UndergroundLine
LINES = (
    "overhead_by_phase",
    "overhead_lines",
    "overhead_unbalanced",
    "underground_lines",
    "underground_by_phase",
)
_PAIRS = (("A", "B"), ("B", "C"), ("C", "A"))  # in the order of the mutual columns
_Value = TypeVar("_Value")


def _amps(value: float | None) -> float:
    """A rating; 0 and nothing are unknown."""
    return value if value else math.inf


def _nanofarads(b_us: NDArray[np.float64], frequency_hz: float) -> NDArray[np.float64]:
    return b_us * 1e3 / (2.0 * math.pi * frequency_hz)


def _zero(value: float | None) -> float:
    return 0.0 if value is None else value


def _unbalanced(draft: Draft, kind: UnbalancedLineType, phases: Phases) -> LineConstants | None:
    """Constants by the type's own matrices; None where they are all zero."""
    n = len(phases)
    z, b = np.zeros((n, n), np.complex128), np.zeros((n, n))
    place = {letter: k for k, letter in enumerate(phases)}
    for k, letter in enumerate(phases):
        at = "ABC".index(letter)
        z[k, k] = complex(_zero(kind.r_ohm_per_km[at]), _zero(kind.x_ohm_per_km[at]))
        b[k, k] = _zero(kind.b_us_per_km[at])
    for at, (one, other) in enumerate(_PAIRS):
        if one in place and other in place:
            i, j = place[one], place[other]
            z[i, j] = z[j, i] = complex(
                _zero(kind.r_mutual_ohm_per_km[at]), _zero(kind.x_mutual_ohm_per_km[at])
            )
            b[i, j] = b[j, i] = _zero(kind.b_mutual_us_per_km[at])
    if not z.any():
        return None
    _warn_conductance(draft, kind.id, kind, kind.g_us_per_km, kind.g_mutual_us_per_km)
    if n > 1 and _repeats(kind.r_mutual_ohm_per_km, kind.x_mutual_ohm_per_km):
        draft.report.sanity.append(
            f"line type {kind.id!r}: mutual resistances equal the mutual reactances "
            f"({kind.x_mutual_ohm_per_km.a} ohm/km between A and B), as exports of CYME 5 write "
            f"them whatever they are; they are taken as they stand"
        )
    return LineConstants(z, _nanofarads(b, draft.frequency_hz))


def _repeats(r: ByPhase, x: ByPhase) -> bool:
    return r == x and any(r)


def _warn_conductance(draft: Draft, name: str, record: object, *g: ByPhase) -> None:
    most = max((abs(_zero(value)) for values in g for value in values), default=0.0)
    if most:
        place = getattr(record, "place")  # noqa: B009 - any record has one
        draft.report.approximate(
            "line type", name, place, "shunt conductance is left out", f"{most:g} uS/km"
        )


def _by_sequence(draft: Draft, kind: LineType | CableType, n: int) -> LineConstants | None:
    """Constants by sequence values; None where it has none."""
    z1 = complex(_zero(kind.r1_ohm_per_km), _zero(kind.x1_ohm_per_km))
    z0 = complex(_zero(kind.r0_ohm_per_km), _zero(kind.x0_ohm_per_km))
    if not z1:
        return None
    if not z0:
        draft.report.approximate(
            "line type", kind.id, kind.place, "no zero-sequence impedance; read as the positive's"
        )
        z0 = z1
    z = sequence_matrix(z1, z0)[:n, :n]
    b = sequence_matrix(_zero(kind.b1_us_per_km), _zero(kind.b0_us_per_km)).real[:n, :n]
    g = ByPhase(kind.g1_us_per_km, kind.g0_us_per_km)
    _warn_conductance(draft, kind.id, kind, g)
    return LineConstants(z, _nanofarads(b, draft.frequency_hz))


def _is_zero(constants: LineConstants) -> bool:
    return not constants.z_ohm_per_km.any()


def line_code(
    draft: Draft, device: LineDevice | UndergroundByPhase, phases: Phases
) -> tuple[str, float, float] | None:
    """Name of a device's line code, its rating, and its length in metres.

    Returns:
        None where it has no impedance, for being of no length or of a type without one.

    Raises:
        RefusedError: its type lacks what an impedance is computed from.
    """
    if device.length_m <= 0.0:
        return None
    found = _code_and_amps(draft, device, phases)
    return None if found is None else (*found, device.length_m)


def _code_and_amps(
    draft: Draft, device: LineDevice | UndergroundByPhase, phases: Phases
) -> tuple[str, float] | None:
    if isinstance(device, OverheadByPhase):
        return by_phase_constants(draft, device, phases)
    if isinstance(device, UndergroundByPhase):
        return _cables_by_phase(draft, device, phases)
    return _by_type(draft, device, phases)


def _by_type(
    draft: Draft, device: OverheadLine | OverheadUnbalanced | UndergroundLine, phases: Phases
) -> tuple[str, float] | None:
    data, n = draft.data, len(phases)
    cable = isinstance(device, UndergroundLine)
    name = device.cable if cable else device.line
    parallel = (device.n_parallel or 1) if cable else 1
    # Which phases a transposed type runs on does not count, only how many.
    which = str(phases) if isinstance(device, OverheadUnbalanced) else str(n)
    key = (type(device), name, which, parallel)
    known = draft.known_code(key)
    if known is not None:
        return known
    wish = name if n == 3 else f"{name}_{label(phases) if which == phases else n}"
    if isinstance(device, OverheadUnbalanced):
        kind = data.unbalanced_types[device.line]
        constants = _unbalanced(draft, kind, phases)
        ratings = [_amps(kind.amps["ABC".index(p)]) for p in phases]
        amps = min(ratings)
    elif cable:
        kind = data.cable_types[device.cable]
        constants = _by_sequence(draft, kind, n) or cable_constants(draft, kind, n)
        amps = _amps(device.amps.nominal or kind.amps.nominal) * parallel
    else:
        kind = data.line_types[device.line]
        constants = _by_sequence(draft, kind, n) or line_type_constants(draft, kind, phases)
        amps = _amps(kind.amps.nominal)
    if constants is None or _is_zero(constants):
        return None
    if parallel > 1:
        wish = f"{parallel}x{wish}"
        constants = LineConstants(
            constants.z_ohm_per_km / parallel, constants.c_nf_per_km * parallel
        )
    return draft.code(key, wish, constants, amps), amps


def _cables_by_phase(
    draft: Draft, device: UndergroundByPhase, phases: Phases
) -> tuple[str, float] | None:
    """One cable a phase: each with its own figures, nothing between them."""
    ids = [getattr(device, f"cable_{p.lower()}") for p in phases]
    if not all(ids):
        raise RefusedError(
            f"no cable on {listed(p for p, i in zip(phases, ids, strict=True) if not i)}; "
            f"expected one for each phase of its section"
        )
    key = (UndergroundByPhase, tuple(ids))
    known = draft.known_code(key)
    if known is not None:
        return known
    kinds = [draft.data.cable_types[i] for i in ids]
    singles = [_by_sequence(draft, k, 1) or cable_constants(draft, k, 1) for k in kinds]
    z = np.diag([c.z_ohm_per_km[0, 0] for c in singles])
    c = np.diag([c.c_nf_per_km[0, 0] for c in singles])
    if len(ids) > 1:
        draft.report.approximate(
            "underground line",
            device.number,
            device.place,
            "its cables, one a phase, are taken as uncoupled",
        )
    amps = min(_amps(k.amps.nominal) for k in kinds)
    return draft.code(key, "-".join(dict.fromkeys(ids)), LineConstants(z, c), amps), amps


def add_line(
    draft: Draft,
    device: LineDevice | UndergroundByPhase,
    phases: Phases,
    near: str,
    far: str,
    inner: float | None = None,
) -> str | None:
    """Put a line into the feeder, in two parts if something hangs at a share `inner` of it.

    Returns:
        The bus between the two parts, if there are two.
    """
    nodes = nodes_of(phases)
    found = line_code(draft, device, phases)
    wish = device.number or device.section
    if found is None:
        draft.joint(wish, near, far, nodes)
        return far if inner is not None else None
    code, amps, length_m = found
    if inner is None:
        name = draft.names.of("line", wish)
        line = Line(name, Terminal(near, nodes), Terminal(far, nodes), code, length_m, amps)
        draft.add_line(line)
        return None
    middle = draft.inner_bus(f"{device.section}_mid", near, far)
    for k, (a, b, share) in enumerate(((near, middle, inner), (middle, far, 1.0 - inner)), 1):
        name = draft.names.of("line", f"{wish}_{k}")
        ends = Terminal(a, nodes), Terminal(b, nodes)
        draft.add_line(Line(name, *ends, code, length_m * share, amps))
    return middle
