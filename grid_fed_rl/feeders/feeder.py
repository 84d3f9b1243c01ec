"""What a feeder is: frozen records by name, phase by phase, in SI units.

A `Feeder` holds what stands in the field and nothing of how it is solved.
Kilovolt, kilowatt, ohm and metre appear in field names; nothing here is per
unit except what a nameplate states so (tap, voltage window of a load).

Terminals name their bus and, in order, the phases their conductors land on:
``632.3.2`` is a two-phase terminal at bus 632 whose first conductor is phase 3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Self, TypeVar

from grid_fed_rl.errors import FeederError

__all__ = [
    "Bus",
    "Capacitor",
    "CapacitorControl",
    "Connection",
    "Feeder",
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
    x: float = float("nan")
    y: float = float("nan")

    def __eq__(self, other: object) -> bool:
        """Equal also where both have no coordinates (NaN)."""
        if not isinstance(other, Bus):
            return NotImplemented
        return repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


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


@dataclass(frozen=True, slots=True)
class Transformer:
    """A two-winding transformer; impedances in percent on its own kVA.

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
        """Number of coils: a one-phase delta winding lands on two phases."""
        winding = self.windings[0]
        n = len(winding.terminal.phases)
        return 1 if winding.connection is Connection.DELTA and n == 2 else n


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


_Record = TypeVar("_Record")


def _frozen(records: Mapping[str, _Record] | None) -> Mapping[str, _Record]:
    return MappingProxyType(dict(records or {}))


@dataclass(frozen=True)
class Feeder:
    """A distribution feeder, by name.

    Attributes:
        name: Short lower-case name, as in ``load("ieee123")``.
        source: The substation.
        provenance: Where the figures are from, and under which licence.
        frequency_hz: Nominal frequency.

    Every other attribute maps a name to its record. Mappings are read-only;
    `with_` returns a changed copy.
    """

    name: str
    source: Source
    buses: Mapping[str, Bus]
    line_codes: Mapping[str, LineCode] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)
    switches: Mapping[str, Switch] = field(default_factory=dict)
    transformers: Mapping[str, Transformer] = field(default_factory=dict)
    regulators: Mapping[str, Regulator] = field(default_factory=dict)
    capacitors: Mapping[str, Capacitor] = field(default_factory=dict)
    loads: Mapping[str, Load] = field(default_factory=dict)
    pvs: Mapping[str, Pv] = field(default_factory=dict)
    storages: Mapping[str, Storage] = field(default_factory=dict)
    frequency_hz: float = 60.0
    title: str = ""
    provenance: str = ""

    def __post_init__(self) -> None:
        for name in (
            "buses",
            "line_codes",
            "lines",
            "switches",
            "transformers",
            "regulators",
            "capacitors",
            "loads",
            "pvs",
            "storages",
        ):
            object.__setattr__(self, name, _frozen(getattr(self, name)))

    def __getstate__(self) -> dict[str, object]:
        """Plain dictionaries travel; read-only views do not pickle."""
        return {
            key: dict(value) if isinstance(value, MappingProxyType) else value
            for key, value in self.__dict__.items()
        }

    def __setstate__(self, state: dict[str, object]) -> None:
        for key, value in state.items():
            object.__setattr__(self, key, value)
        self.__post_init__()

    def with_(
        self,
        *,
        pvs: Iterable[Pv] = (),
        storages: Iterable[Storage] = (),
    ) -> Self:
        """Return this feeder with more DER on it.

        Raises:
            FeederError: a name is already taken.
        """
        grown: dict[str, dict[str, Pv] | dict[str, Storage]] = {}
        for attribute, more in (("pvs", tuple(pvs)), ("storages", tuple(storages))):
            records = dict(getattr(self, attribute))
            for record in more:
                if record.name in records:
                    raise FeederError(
                        f"feeder {self.name!r}: {attribute} already has {record.name!r}; "
                        f"choose another name"
                    )
                records[record.name] = record
            grown[attribute] = records
        return replace(self, **grown)  # type: ignore[arg-type]

    def phases_of(self, bus: str) -> tuple[int, ...]:
        """Phases that some conductor brings to a bus, in order."""
        phases: set[int] = set()
        if bus == self.source.bus:
            phases |= {1, 2, 3}
        for branch in (*self.lines.values(), *self.switches.values()):
            for terminal in (branch.from_, branch.to):
                if terminal.bus == bus:
                    phases |= set(terminal.phases)
        for transformer in self.transformers.values():
            for winding in transformer.windings:
                if winding.terminal.bus == bus:
                    phases |= set(winding.terminal.phases)
        return tuple(sorted(phases))
