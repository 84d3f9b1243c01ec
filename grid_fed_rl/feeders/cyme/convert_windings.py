"""How the sides of a CYME transformer lie between the conductors of a bus."""

import math
from dataclasses import dataclass

from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.codes import Phases
from grid_fed_rl.feeders.cyme.draft import JOINT_OHM, Draft, RefusedError, nodes_of
from grid_fed_rl.feeders.records import Connection, Reactor, Terminal

__all__ = ["GROUNDED", "Coils", "End", "Impedance", "coils_of", "impedance_of", "next_phase"]

GROUNDED = frozenset({Side.YG, Side.CENTRE_TAP})
_DELTAS = {
    Side.DELTA: "",
    Side.CLOSED_DELTA: "",
    Side.DG: "",
    Side.DN: "the neutral of its delta is left out",
    Side.DELTA_CENTRE_TAP: "the centre tap of its delta is left out",
}


@dataclass(frozen=True, slots=True)
class End:
    """One side of a transformer: its bus, connection, rated voltage and grounding impedance."""

    bus: str
    side: Side
    kv_ll: float
    z_ground_ohm: complex = 0.0
    tap_pu: float = 1.0
    corner: str | None = None  # the grounded corner of a delta


@dataclass(frozen=True, slots=True)
class Coils:
    """Where the coils of one winding lie, and their rated voltage as a `Winding` has it."""

    terminal: Terminal
    connection: Connection
    kv: float

    @property
    def n(self) -> int:
        """How many there are."""
        return self.connection.n_legs(len(self.terminal.phases))


@dataclass(frozen=True, slots=True)
class Impedance:
    """Short-circuit impedance, percent of the rating: positive and zero sequence."""

    z1: complex
    z0: complex


def next_phase(letter: str) -> str:
    """The phase on which a delta leg that starts at this one ends."""
    return "ABC"[("ABC".index(letter) + 1) % 3]


def impedance_of(
    z1_percent: float | None, xr1: float | None, z0_percent: float | None, xr0: float | None
) -> Impedance:
    """Impedances of magnitudes and ratios of X over R.

    Raises:
        RefusedError: there is no positive-sequence impedance.
    """
    if not z1_percent:
        raise RefusedError(f"Z1 is {z1_percent} percent; expected more than 0")
    z1 = _split(z1_percent, xr1)
    return Impedance(z1, _split(z0_percent, xr0 if xr0 else xr1) if z0_percent else z1)


def _split(z: float, ratio: float | None) -> complex:
    """R + jX of a magnitude and X over R; a ratio of 0 or nothing is all reactance."""
    if not ratio:
        return complex(0.0, z)
    r = z / math.hypot(1.0, ratio)
    return complex(r, r * ratio)


def _line_kv(kv_ll: float, n_phases: int) -> float:
    """A winding's rating: line to line of two or three wye coils, else of the coil."""
    return kv_ll if n_phases > 1 else kv_ll / math.sqrt(3)


def coils_of(
    draft: Draft, name: str, end: End, phases: Phases, z_neutral_ohm: complex = 0.0
) -> tuple[Coils, str]:
    """Coils of one side on some phases, its grounding as a reactor of the draft.

    Args:
        draft: Takes the reactors.
        name: Of the transformer.
        end: The side.
        phases: Of the section.
        z_neutral_ohm: What stands between neutral and ground besides the end's own
            grounding impedance.

    Returns:
        The coils, and what of the side is left out, in words.

    Raises:
        RefusedError: no coils of this package lie so.
    """
    nodes, bus = nodes_of(phases), end.bus
    z = end.z_ground_ohm + z_neutral_ohm
    if end.side in (Side.YG, Side.Y):
        kv = _line_kv(end.kv_ll, len(nodes))
        if end.side is Side.YG and z == 0:
            return Coils(Terminal(bus, nodes), Connection.WYE, kv), ""
        if end.side is Side.Y and len(nodes) == 1:
            raise RefusedError("one coil in an ungrounded wye; expected a path for its current")
        neutral = draft.neutral(bus)
        if end.side is Side.YG:
            reactor = draft.names.of("reactor", f"{name}_neutral", quiet=True)
            draft.add_reactor(Reactor(reactor, Terminal(bus, (neutral,)), None, z))
        return Coils(Terminal(bus, (*nodes, neutral)), Connection.WYE_N, kv), ""
    if end.side in _DELTAS:
        if len(nodes) < 2:
            raise RefusedError(f"a delta on phase {phases} alone; expected two phases or three")
        if end.corner is not None or end.side is Side.DG:
            _ground_corner(draft, name, end, nodes)
        return Coils(Terminal(bus, nodes), Connection.DELTA, end.kv_ll), _DELTAS[end.side]
    if end.side is Side.CENTRE_TAP:
        if len(nodes) > 1:
            raise RefusedError(f"a centre-tapped side on phases {phases}; expected one phase")
        # The voltage of a centre-tapped side is that across both halves.
        what = "both halves of its centre-tapped side are one winding, alike loaded"
        return Coils(Terminal(bus, nodes), Connection.WYE, end.kv_ll), what
    raise RefusedError(f"a side connected {end.side} in this place")


def _ground_corner(draft: Draft, name: str, end: End, nodes: tuple[int, ...]) -> None:
    if end.corner is None or nodes_of(end.corner)[0] not in nodes:
        raise RefusedError("a delta with a grounded corner, but not which; expected A, B or C")
    reactor = draft.names.of("reactor", f"{name}_corner", quiet=True)
    at = Terminal(end.bus, nodes_of(end.corner))
    draft.add_reactor(Reactor(reactor, at, None, complex(JOINT_OHM, 0.0)))
