"""Nameplates of CYME's two-winding transformers, and what is made of them."""

import math
from dataclasses import dataclass

from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.codes import Phases, TransformerConnection
from grid_fed_rl.feeders.cyme.convert_windings import End, Impedance, coils_of, impedance_of
from grid_fed_rl.feeders.cyme.draft import Draft, RefusedError
from grid_fed_rl.feeders.cyme.records_catalogue import AutotransformerType, TransformerType
from grid_fed_rl.feeders.cyme.records_devices import Transformer, TransformerByPhase
from grid_fed_rl.feeders.records import Transformer as Record
from grid_fed_rl.feeders.records import Winding

__all__ = [
    "Nameplate",
    "connection_of",
    "ground_ohm",
    "nameplate_of",
    "rated_kv",
    "required",
    "turned",
    "two_windings",
]

_MOST_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What the catalogue says of a two-winding transformer, in figures of this package."""

    kva: float
    impedance: Impedance
    no_load_percent: float
    magnetising_percent: float


def required(value: float | None, what: str) -> float:
    """A figure above 0.

    Raises:
        RefusedError: it is none.
    """
    if value is None or not 0 < value < math.inf:
        raise RefusedError(f"{what} is {value}; expected a number above 0")
    return value


def rated_kv(kind: TransformerType | AutotransformerType) -> tuple[float, float]:
    """Rated voltages of both sides, line to line."""
    high = required(kind.primary_kv, f"primary voltage of {kind.id!r} in kV")
    low = required(kind.secondary_kv, f"secondary voltage of {kind.id!r} in kV")
    factor = math.sqrt(3) if kind.line_to_neutral else 1.0
    return high * factor, low * factor


def nameplate_of(draft: Draft, kind: TransformerType, phases: Phases) -> Nameplate:
    """The nameplate of a type on some phases.

    A three-phase type on fewer phases has a third of its rating on each; a single-phase one
    on several is a bank. Single units have no zero sequence of their own.

    Raises:
        RefusedError: it has no rating or no impedance.
    """
    kva = required(kind.rated_kva, f"rating of {kind.id!r} in kVA")
    n = len(phases)
    if kind.single_phase and n > 1:
        draft.report.assume(
            f"single-phase transformer type {kind.id!r} on several phases is a bank of units, "
            f"{kva:g} kVA each"
        )
    units = n if kind.single_phase else (n / 3.0 if n < 3 else 1.0)
    if not kind.xr1:
        draft.report.approximate(
            "transformer type",
            kind.id,
            kind.place,
            f"its X over R is {kind.xr1}; its impedance is read as reactance alone",
            f"{kind.z1_percent:g} %" if kind.z1_percent else "",
        )
    alone = bool(kind.single_phase) or n < 3
    return Nameplate(
        kva * units,
        impedance_of(kind.z1_percent, kind.xr1, None if alone else kind.z0_percent, kind.xr0),
        100.0 * (kind.no_load_kw or 0.0) / kva,
        kind.magnetising_percent or 0.0,
    )


def ground_ohm(r: float | None, x: float | None, *otherwise: float | None) -> complex:
    """A grounding impedance of a setting, or of the catalogue where that says nothing."""
    if r is None and x is None:
        r, x = otherwise
    return complex(r or 0.0, x or 0.0)


def connection_of(
    device: Transformer | TransformerByPhase, kind: TransformerType
) -> TransformerConnection:
    """The setting's connection, or the type's where that leaves it to it.

    Raises:
        RefusedError: neither says one.
    """
    connection = device.connection or kind.connection
    if connection is None:
        raise RefusedError("no connection, neither of its setting nor of its type")
    return connection


def turned(near: str, far: str, from_node: str | None, to: str) -> tuple[str, str]:
    """Buses of the primary and secondary side: the primary is at its feeding node."""
    return (far, near) if from_node is not None and from_node == to else (near, far)


def two_windings(
    draft: Draft,
    name: str,
    plate: Nameplate,
    ends: tuple[End, End],
    phases: Phases,
    *,
    leads: bool = False,
) -> tuple[Record, list[str]]:
    """A transformer of two windings on some phases, and what of it is left out.

    Zero sequence flows through a grounded wye and out at its neutral: what its impedance has
    beyond the positive sequence's stands there, a third of it, as three currents meet.

    Raises:
        RefusedError: its sides cannot be held, or have not equally many coils.
    """
    z = plate.impedance
    extra = (z.z0 - z.z1) / 3.0
    at = next((k for k, end in enumerate(ends) if end.side is Side.YG), None)
    windings, left_out = [], []
    for k, end in enumerate(ends):
        beyond: complex = 0.0
        if k == at and abs(extra) > _MOST_SAME * abs(z.z1):
            # Percent of one coil: its voltage squared over its share of the rating.
            beyond = extra / 100.0 * _coil_ohm(end.kv_ll, plate.kva, len(phases))
        coils, what = coils_of(draft, name, end, phases, beyond)
        windings.append(
            Winding(coils.terminal, coils.connection, coils.kv, plate.kva, z.z1.real / 2.0,
                    end.tap_pu)
        )  # fmt: skip
        left_out += [what] if what else []
    first, second = windings
    if first.n_coils != second.n_coils:
        raise RefusedError(
            f"{first.n_coils} coil(s) {ends[0].side} and {second.n_coils} {ends[1].side} on phases "
            f"{phases}; expected equally many"
        )
    x = z.z1.imag
    record = Record(
        name, (first, second), (x,), 1.0, plate.no_load_percent, plate.magnetising_percent, leads
    )
    return record, left_out


def _coil_ohm(kv_ll: float, kva: float, n_phases: int) -> float:
    """Base impedance of a wye coil."""
    return 1000.0 * (kv_ll**2 / 3.0) / (kva / n_phases)
