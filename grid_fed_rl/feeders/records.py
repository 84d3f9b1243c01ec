"""The elements of a feeder: frozen records in SI units, phase by phase.

Kilovolt, kilowatt, ohm and metre appear in field names; nothing here is per
unit except what a nameplate states so (tap, voltage window of a load).

Terminals name their bus and, in order, the phases their conductors land on:
``632.3.2`` is a two-phase terminal at bus 632 whose first conductor is phase 3.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from grid_fed_rl.errors import FeederError

__all__ = [
    "Bus",
    "Capacitor",
    "CapacitorControl",
    "Connection",
    "Line",
    "LineCode",
    "LineDropControl",
    "Load",
    "LoadModel",
    "Pv",
    "Regulator",
    "Source",
    "Storage",
    "Switch",
    "Terminal",
    "Transformer",
    "Winding",
]


class Connection(StrEnum):
    """How the phases of an element are joined."""

    WYE = "wye"
    DELTA = "delta"


class LoadModel(StrEnum):
    """How a load answers to voltage: constant power, impedance or current."""

    PQ = "pq"
    Z = "z"
    I = "i"  # noqa: E741 - the IEEE test feeders' own letter


class Terminal(NamedTuple):
    """A bus and the phases (1, 2, 3) an element's conductors land on, in order."""

    bus: str
    phases: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``bus.phase.phase``.

        Raises:
            FeederError: the bus is missing or a phase is not 1, 2 or 3.
        """
        bus, *phases = text.strip().split(".")
        if not bus or not phases or any(p not in {"1", "2", "3"} for p in phases):
            raise FeederError(
                f"terminal {text!r}: expected 'bus.phase[.phase...]' with phases 1, 2 or 3"
            )
        return cls(bus, tuple(int(p) for p in phases))

    def __str__(self) -> str:
        return ".".join((self.bus, *map(str, self.phases)))


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus: nominal line-to-line voltage and drawing coordinates (any unit)."""

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
    """A section of line or cable."""

    name: str
    from_: Terminal
    to: Terminal
    code: str
    length_m: float


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch, sectionaliser or fuse: a small resistance that can be opened."""

    name: str
    from_: Terminal
    to: Terminal
    r_ohm: float
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Winding:
    """One winding: rated voltage (line-to-line if three-phase), rating, tap."""

    terminal: Terminal
    connection: Connection
    kv: float
    kva: float
    r_percent: float
    tap_pu: float = 1.0

    @property
    def n_coils(self) -> int:
        """Number of coils: a one-phase delta winding lands on two phases."""
        n = len(self.terminal.phases)
        return 1 if self.connection is Connection.DELTA and n == 2 else n


@dataclass(frozen=True, slots=True)
class Transformer:
    """A two-winding transformer; impedances in percent on the kVA of its windings.

    `antifloat_ppm` is OpenDSS's ``ppm_antifloat``: a susceptance to ground of
    that many parts per million of the rating, so that a delta side has a
    potential.
    """

    name: str
    windings: tuple[Winding, Winding]
    x_percent: float
    antifloat_ppm: float = 1.0

    @property
    def n_phases(self) -> int:
        """Number of coils of each winding."""
        return self.windings[0].n_coils


@dataclass(frozen=True, slots=True)
class LineDropControl:
    """A regulator's own control: band and line-drop compensation, 120 V base."""

    v_reg: float  # V
    band_v: float
    pt_ratio: float
    ct_primary_a: float
    r_v: float
    x_v: float


@dataclass(frozen=True, slots=True)
class Regulator:
    """A step-voltage regulator: a transformer whose winding 2 changes taps."""

    name: str
    transformer: str
    tap_min_pu: float = 0.9
    tap_max_pu: float = 1.1
    n_steps: int = 32
    control: LineDropControl | None = None

    @property
    def step_pu(self) -> float:
        """Voltage of one step, per unit (5/8 % for 32 steps of +-10 %)."""
        return (self.tap_max_pu - self.tap_min_pu) / self.n_steps


@dataclass(frozen=True, slots=True)
class CapacitorControl:
    """A capacitor's own voltage control, 120 V base: on below, off above."""

    v_on: float  # V
    v_off: float  # V
    pt_ratio: float


@dataclass(frozen=True, slots=True)
class Capacitor:
    """A shunt capacitor bank switched as one; kV as on its nameplate."""

    name: str
    terminal: Terminal
    connection: Connection
    kvar: float
    kv: float
    closed: bool = True
    control: CapacitorControl | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """A load: nominal kW and kvar, and how it answers to voltage.

    Outside ``[v_min_pu, v_max_pu]`` of its rated kV a load is a constant
    impedance; between `v_low_pu` and `v_min_pu` its current is interpolated
    linearly, as in OpenDSS.
    """

    name: str
    terminal: Terminal
    connection: Connection
    model: LoadModel
    kw: float
    kvar: float
    kv: float
    v_min_pu: float = 0.95
    v_max_pu: float = 1.05
    v_low_pu: float = 0.5


@dataclass(frozen=True, slots=True)
class Pv:
    """A photovoltaic system: panel rating (kW, DC) behind an inverter (kVA)."""

    name: str
    terminal: Terminal
    connection: Connection
    kv: float
    kw_dc: float
    kva: float


@dataclass(frozen=True, slots=True)
class Storage:
    """A battery behind an inverter."""

    name: str
    terminal: Terminal
    connection: Connection
    kv: float
    kw: float
    kwh: float
    kva: float
    efficiency_charge: float = 0.95
    efficiency_discharge: float = 0.95
    soc_min: float = 0.1
    soc_max: float = 1.0
