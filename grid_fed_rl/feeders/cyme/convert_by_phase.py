"""Banks of single-phase transformers by phase, and autotransformers, of a CYME dataset."""

import math
from dataclasses import replace

from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.codes import Phases
from grid_fed_rl.feeders.cyme.convert_nameplates import (
    Nameplate,
    connection_of,
    ground_ohm,
    nameplate_of,
    rated_kv,
    required,
    turned,
    two_windings,
)
from grid_fed_rl.feeders.cyme.convert_windings import (
    GROUNDED,
    Coils,
    End,
    impedance_of,
    next_phase,
)
from grid_fed_rl.feeders.cyme.draft import NODE, Draft, RefusedError
from grid_fed_rl.feeders.cyme.records_devices import Autotransformer, TransformerByPhase
from grid_fed_rl.feeders.records import Connection, Terminal, Winding
from grid_fed_rl.feeders.records import Transformer as Record

__all__ = ["add_autotransformer", "add_transformer_by_phase"]


def add_transformer_by_phase(
    draft: Draft, device: TransformerByPhase, phases: Phases, near: str, far: str, to_node: str
) -> str:
    """Put a bank of single-phase units into the feeder, a transformer each.

    Raises:
        RefusedError: a unit or a figure is missing, or its connection cannot be held.
    """
    primary, secondary = turned(near, far, device.from_node, to_node)
    ids = {p: getattr(device, f"equipment_{p.lower()}") for p in phases}
    present = {p: draft.data.transformer_types[i] for p, i in ids.items() if i is not None}
    if not present:
        raise RefusedError("no transformer on any of its phases; expected one or more")
    connection = connection_of(device, next(iter(present.values())))
    sides = connection.primary, connection.secondary
    if any(side not in (Side.YG, Side.DELTA, Side.CLOSED_DELTA) for side in sides):
        raise RefusedError(f"a bank by phase connected {connection}; expected Yg and D sides")
    if ground_ohm(device.primary_rg_ohm, device.primary_xg_ohm, 0, 0) or ground_ohm(
        device.secondary_rg_ohm, device.secondary_xg_ohm, 0, 0
    ):
        draft.report.approximate(
            "transformer by phase", device.number, device.place, "its grounding impedance is left "
            "out: its units have no common neutral",
        )  # fmt: skip
    wish = draft.names.of("transformer", device.number)
    for letter, kind in present.items():
        at = "ABC".index(letter)
        kva = required(kind.rated_kva, f"rating of {kind.id!r} in kVA")
        kva = kva if kind.single_phase is not False else kva / 3.0
        plate = replace(nameplate_of(draft, kind, Phases(letter)), kva=kva)
        high, low = rated_kv(kind)
        taps = device.primary_tap_percent[at], device.secondary_tap_percent[at]
        coils = [
            _unit(primary, sides[0], high, letter, opposite=sides[1], is_high=high >= low),
            _unit(secondary, sides[1], low, letter, opposite=sides[0], is_high=low > high),
        ]
        windings = tuple(
            Winding(c.terminal, c.connection, c.kv, kva, plate.impedance.z1.real / 2.0,
                    (tap or 100.0) / 100.0)
            for c, tap in zip(coils, taps, strict=True)
        )  # fmt: skip
        name = draft.names.of("transformer", f"{wish}_{letter.lower()}", quiet=True)
        nominal = (device.primary_base_kv or high, device.secondary_base_kv or low)
        draft.add_transformer(
            Record(name, windings, (plate.impedance.z1.imag,), 1.0, plate.no_load_percent,
                   plate.magnetising_percent),
            nominal,
        )  # fmt: skip
        draft.use("transformer", name, "transformer", kind.id)
    return wish


def _unit(
    bus: str, side: Side, kv_ll: float, letter: str, *, opposite: Side, is_high: bool
) -> Coils:
    """One coil of a bank: to ground, or to the phase that makes the low side lag.

    Where a wye stands opposite, the delta coil on its core goes from phase a to c on the high
    side, and from a to b on the low side.
    """
    if side in GROUNDED:
        return Coils(Terminal(bus, (NODE[letter],)), Connection.WYE, kv_ll / math.sqrt(3))
    other = next_phase(letter)
    if is_high and opposite in GROUNDED:
        other = next_phase(other)
    return Coils(Terminal(bus, (NODE[letter], NODE[other])), Connection.DELTA, kv_ll)


def add_autotransformer(
    draft: Draft, device: Autotransformer, phases: Phases, near: str, far: str, to_node: str
) -> str:
    """Put an autotransformer with a grounded common wye into the feeder.

    Seen from its terminals it is a transformer of the same ratio and impedance.

    Raises:
        RefusedError: a figure is missing, or it is no grounded wye.
    """
    kind = draft.data.autotransformer_types[device.equipment]
    side = device.connection or kind.connection or Side.YG
    if side is not Side.YG:
        raise RefusedError(f"an autotransformer connected {side}; expected Yg")
    primary, secondary = turned(near, far, device.from_node, to_node)
    high, low = rated_kv(kind)
    kva = required(kind.rated_kva, f"rating of {kind.id!r} in kVA")
    if ground_ohm(None, None, kind.rg_ohm, kind.xg_ohm):
        draft.report.approximate(
            "autotransformer", device.number, device.place,
            "the impedance that grounds its neutral is left out", f"{kind.rg_ohm} ohm",
        )  # fmt: skip
    plate = Nameplate(
        kva,
        impedance_of(kind.z1_percent, kind.xr1, kind.z0_percent, kind.xr0),
        100.0 * (kind.no_load_kw or 0.0) / kva,
        0.0,
    )
    name = draft.names.of("transformer", device.number)
    ends = (
        End(primary, Side.YG, high, tap_pu=(device.primary_tap_percent or 100.0) / 100.0),
        End(secondary, Side.YG, low, tap_pu=(device.secondary_tap_percent or 100.0) / 100.0),
    )
    record, _ = two_windings(draft, name, plate, ends, phases)
    nominal = (device.primary_base_kv or high, device.secondary_base_kv or low)
    draft.add_transformer(record, nominal)
    draft.use("transformer", name, "transformer", kind.id)
    return name
