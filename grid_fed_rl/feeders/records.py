"""What stands between buses: frozen records in SI units, phase by phase.

Kilovolt, kilowatt, ohm and metre appear in field names; nothing here is per
unit except what a nameplate states so (tap, voltage window of a load). What
stands on one bus (loads, capacitors, DER) is in `shunts`.

Terminals name their bus and, in order, the nodes their conductors land on:
``632.3.2`` is a two-phase terminal at bus 632 whose first conductor is phase 3.
Nodes 1, 2 and 3 are phases, higher ones further conductors (a neutral, say),
and 0 is ground.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from grid_fed_rl.errors import FeederError

__all__ = [
    "Bus",
    "Connection",
    "Line",
    "LineCode",
    "LineDropControl",
    "Reactor",
    "Regulator",
    "Source",
    "Switch",
    "SwitchKind",
    "Terminal",
    "Transformer",
    "Winding",
]


class Connection(StrEnum):
    """How the legs of an element lie between the conductors of its terminal.

    A leg between two conductors of one bus, or between one and ground written as
    node 0, is a delta of two conductors.
    """

    WYE = "wye"  # a leg from each conductor to ground
    WYE_N = "wye_n"  # a leg from each conductor to the last one, the neutral
    DELTA = "delta"  # one leg on two conductors, three in a ring on three

    def n_legs(self, n_conductors: int) -> int:
        """Number of legs on so many conductors."""
        if self is Connection.WYE_N:
            return n_conductors - 1
        return 1 if self is Connection.DELTA and n_conductors == 2 else n_conductors


class Terminal(NamedTuple):
    """A bus and the nodes an element's conductors land on, in order; 0 is ground."""

    bus: str
    phases: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``bus.node.node``.

        Raises:
            FeederError: the bus is missing or a node is not a whole number.
        """
        bus, *phases = text.strip().split(".")
        if not bus or not phases or not all(p.isascii() and p.isdigit() for p in phases):
            raise FeederError(
                f"terminal {text!r}: expected 'bus.node[.node...]' with nodes 1, 2 or 3 for "
                f"phases, 4 and up for further conductors, 0 for ground"
            )
        return cls(bus, tuple(int(p) for p in phases))

    def __str__(self) -> str:
        return ".".join((self.bus, *map(str, self.phases)))


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus: nominal line-to-line voltage and drawing coordinates (any unit).

    Every node's nominal voltage to ground is ``kv_ll / sqrt(3)``, also on buses
    that do not have three phases (0.208 kV for a 120/240 V service).
    """

    name: str
    kv_ll: float
    x: float = math.nan
    y: float = math.nan

    def _key(self) -> tuple[object, ...]:
        x, y = (None if math.isnan(c) else c for c in (self.x, self.y))
        return self.name, self.kv_ll, x, y

    def __eq__(self, other: object) -> bool:
        """Equal also where both have no coordinates (NaN)."""
        return self._key() == other._key() if isinstance(other, Bus) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


@dataclass(frozen=True, slots=True)
class Source:
    """The substation: a stiff three-phase voltage behind sequence impedances."""

    name: str
    bus: str
    kv_ll: float
    v_pu: float
    angle_deg: float
    z1_ohm: complex
    z0_ohm: complex


@dataclass(frozen=True, slots=True)
class LineCode:
    """Series impedance and shunt capacitance of a conductor arrangement.

    Rows and columns follow the conductors of the line's terminals.
    """

    name: str
    z_ohm_per_km: tuple[tuple[complex, ...], ...]  # (conductor, conductor)
    c_nf_per_km: tuple[tuple[float, ...], ...]  # (conductor, conductor)


@dataclass(frozen=True, slots=True)
class Line:
    """A section of line or cable; `amps` is its normal rating, infinite where unknown."""

    name: str
    from_: Terminal
    to: Terminal
    code: str
    length_m: float
    amps: float = math.inf


class SwitchKind(StrEnum):
    """What opens the section, and so who may close it again."""

    SWITCH = "switch"
    SECTIONALISER = "sectionaliser"
    FUSE = "fuse"
    RECLOSER = "recloser"
    BREAKER = "breaker"


@dataclass(frozen=True, slots=True)
class Switch:
    """A section of line that can be opened, all its conductors together, at both ends."""

    name: str
    from_: Terminal
    to: Terminal
    code: str
    length_m: float
    amps: float = math.inf
    kind: SwitchKind = SwitchKind.SWITCH
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Reactor:
    """An impedance in each phase, between two buses or, without `to`, from one to ground.

    Between two buses it joins conductor to conductor without coupling, and
    `connection` does not count. On one bus it stands on each leg of `connection`.
    """

    name: str
    from_: Terminal
    to: Terminal | None
    z_ohm: complex
    connection: Connection = Connection.WYE


@dataclass(frozen=True, slots=True)
class Winding:
    """One winding: rated voltage (line-to-line if it has 2 or 3 wye coils), rating, tap."""

    terminal: Terminal
    connection: Connection
    kv: float
    kva: float
    r_percent: float
    tap_pu: float = 1.0

    @property
    def n_coils(self) -> int:
        """Number of coils: a one-phase delta winding lands on two conductors."""
        return self.connection.n_legs(len(self.terminal.phases))


@dataclass(frozen=True, slots=True)
class Transformer:
    """A transformer of two or more windings, every one with as many coils as the first.

    All percentages are on the kVA of the first winding.

    Attributes:
        name: Its name.
        windings: Two or more.
        x_percent: Short-circuit reactance of each pair of windings: 1-2, 1-3,
            ..., 2-3, ...
        antifloat_ppm: OpenDSS's ``ppm_antifloat``: a susceptance to ground of
            that many parts per million of the rating, so that a delta side has a
            potential.
        no_load_percent: Losses of the core at rated voltage.
        magnetising_percent: Magnetising current at rated voltage.
        low_side_leads: The low side of a delta-wye bank leads by 30 degrees (the
            European way) instead of lagging (ANSI).
    """

    name: str
    windings: tuple[Winding, ...]
    x_percent: tuple[float, ...]
    antifloat_ppm: float = 1.0
    no_load_percent: float = 0.0
    magnetising_percent: float = 0.0
    low_side_leads: bool = False

    @property
    def n_phases(self) -> int:
        """Number of coils of each winding."""
        return self.windings[0].n_coils


@dataclass(frozen=True, slots=True)
class LineDropControl:
    """A regulator's own control: band and line-drop compensation, 120 V base.

    Attributes:
        v_reg: Setting, V.
        band_v: Width of the band around it, V.
        pt_ratio: Ratio of the potential transformer.
        ct_primary_a: Primary rating of the current transformer (0.2 A or 5 A
            secondary makes no difference: `r_v` and `x_v` are volts at rated current).
        r_v: Compensator resistance, V.
        x_v: Compensator reactance, V.
        delay_s: Time out of band before the first step.
        tap_delay_s: Time between further steps.
        max_steps: Most steps in one operation.
        monitored: Remote node it holds instead of its own winding's, if any.
        v_limit: Voltage at the winding it never lets be exceeded, V on 120 V base;
            0 where it has none.
    """

    v_reg: float
    band_v: float
    pt_ratio: float
    ct_primary_a: float
    r_v: float
    x_v: float
    delay_s: float = 15.0
    tap_delay_s: float = 2.0
    max_steps: int = 16
    monitored: Terminal | None = None
    v_limit: float = 0.0


@dataclass(frozen=True, slots=True)
class Regulator:
    """A step-voltage regulator: a transformer one winding of which changes taps.

    `tap_position` is where it stands in the feeder as found; 0 is neutral.
    """

    name: str
    transformer: str
    winding: int = 2
    tap_min_pu: float = 0.9
    tap_max_pu: float = 1.1
    n_steps: int = 32
    tap_position: int = 0
    control: LineDropControl | None = None

    @property
    def step_pu(self) -> float:
        """Voltage of one step, per unit (5/8 % for 32 steps of +-10 %)."""
        return (self.tap_max_pu - self.tap_min_pu) / self.n_steps
