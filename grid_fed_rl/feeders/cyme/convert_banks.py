"""Transformer banks that are made of one-phase units: open deltas and zigzags."""

import math

from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.codes import Phases
from grid_fed_rl.feeders.cyme.convert_windings import End, Impedance, next_phase
from grid_fed_rl.feeders.cyme.draft import NODE, Draft, RefusedError
from grid_fed_rl.feeders.cyme.records_devices import Transformer
from grid_fed_rl.feeders.records import Connection, Terminal, Winding
from grid_fed_rl.feeders.records import Transformer as Record

__all__ = ["open_bank", "zigzag_bank"]

_PAIRS = {"AB": "AB", "BA": "AB", "BC": "BC", "CB": "BC", "CA": "CA", "AC": "CA"}


def _units_of(draft: Draft, device: Transformer, phases: Phases) -> str:
    """The two phases on which the units of an open bank stand, in the order of rotation."""
    said = (device.open_delta_phase or "").upper()
    if said in _PAIRS:
        return _PAIRS[said]
    if str(phases) in _PAIRS:
        return _PAIRS[str(phases)]
    draft.report.approximate(
        "transformer",
        device.number,
        device.place,
        f"which phases its open bank stands on is said as {device.open_delta_phase!r}; read as "
        f"A and B",
    )
    return "AB"


def open_bank(
    draft: Draft,
    device: Transformer,
    name: str,
    kva: float,
    impedance: Impedance,
    ends: tuple[End, End],
    phases: Phases,
    nominal: tuple[float, float],
) -> None:
    """Two one-phase transformers of half the rating: open delta, open wye.

    A coil of an open wye lies between its phase and ground, one of an open delta between
    its phase and the next.
    """
    for letter in _units_of(draft, device, phases):
        windings = []
        for end in ends:
            if end.side is Side.OPEN_Y:
                at, connection = (NODE[letter],), Connection.WYE
                kv = end.kv_ll / math.sqrt(3)
            elif end.side in (Side.OPEN_DELTA, Side.DELTA, Side.OPEN_DELTA_CENTRE_TAP):
                at = (NODE[letter], NODE[next_phase(letter)])
                connection, kv = Connection.DELTA, end.kv_ll
            else:
                raise RefusedError(f"an open bank with a side {end.side}; expected YO or DO")
            r = impedance.z1.real / 2.0
            windings.append(
                Winding(Terminal(end.bus, at), connection, kv, kva / 2.0, r, end.tap_pu)
            )
        unit = draft.names.of("transformer", f"{name}_{letter.lower()}", quiet=True)
        draft.add_transformer(Record(unit, tuple(windings), (impedance.z1.imag,)), nominal)


def zigzag_bank(
    draft: Draft,
    device: Transformer,
    name: str,
    kva: float,
    impedance: Impedance,
    ends: tuple[End, End],
    phases: Phases,
    nominal: tuple[float, float],
    *,
    leads: bool,
) -> None:
    """A zigzag side: three cores, the phase of each made of half a coil on two of them.

    Phase a is the half coil on its own core, less the one on core c (on core b where the
    zigzag leads). With the short-circuit impedance z23 between the half coils of a core and
    z12 = z13 between each of them and the other side, all percent of a core's rating, the
    bank has z1 = z12 - z23/6 and z0 = z23/3.

    Raises:
        RefusedError: it is not on three phases, or the other side is no Yg, Y or D.
    """
    if len(phases) != 3:
        raise RefusedError(f"a zigzag on phases {phases}; expected three")
    zig = next(k for k, end in enumerate(ends) if end.side is Side.ZG)
    zigzag, plain = ends[zig], ends[1 - zig]
    if plain.side not in (Side.YG, Side.DELTA):
        raise RefusedError(f"a zigzag with a side {plain.side}; expected Yg or D opposite")
    if zigzag.z_ground_ohm or plain.z_ground_ohm:
        raise RefusedError("a zigzag grounded through an impedance; expected none")
    middles = {letter: draft.neutral(zigzag.bus) for letter in "ABC"}
    z1, z0 = impedance.z1, impedance.z0
    x23, x12 = 3.0 * z0.imag, z1.imag + z0.imag / 2.0
    r_half = 1.5 * z0.real
    r_plain = z1.real - z0.real
    if r_plain < 0.0:
        draft.report.approximate(
            "transformer",
            device.number,
            device.place,
            "the resistance of its zero sequence is cut to that of the positive",
            f"{z0.real:.4g} to {z1.real:.4g} %",
        )
        r_half, r_plain = 1.5 * z1.real, 0.0
    for letter in "ABC":
        other = next_phase(letter) if not leads else next_phase(next_phase(letter))
        # Half a coil has a third of the line voltage; said as a tap, its rating is the bus's.
        one, second, third = zigzag.kv_ll / math.sqrt(3), 1.0 / math.sqrt(3), 1.0 / 3.0
        if plain.side is Side.YG:
            first = Winding(
                Terminal(plain.bus, (NODE[letter],)), Connection.WYE,
                plain.kv_ll / math.sqrt(3), kva / 3.0, r_plain, plain.tap_pu,
            )  # fmt: skip
        else:
            legs = (NODE[letter], NODE[next_phase(letter)])
            first = Winding(
                Terminal(plain.bus, legs), Connection.DELTA, plain.kv_ll, kva / 3.0, r_plain,
                plain.tap_pu,
            )  # fmt: skip
        own = Terminal(zigzag.bus, (NODE[letter], middles[letter]))
        lent = Terminal(zigzag.bus, (0, middles[other]))
        halves = (
            Winding(own, Connection.DELTA, one, kva / 3.0, r_half, second * zigzag.tap_pu),
            Winding(lent, Connection.DELTA, zigzag.kv_ll, kva / 3.0, r_half, third * zigzag.tap_pu),
        )
        unit = draft.names.of("transformer", f"{name}_{letter.lower()}", quiet=True)
        plain_kv, zig_kv = nominal[1 - zig], nominal[zig]
        draft.add_transformer(
            Record(unit, (first, *halves), (x12, x12, x23)), (plain_kv, zig_kv, zig_kv)
        )
