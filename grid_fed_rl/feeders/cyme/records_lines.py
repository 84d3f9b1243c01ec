"""Lines and cables of a CYME dataset, and their catalogue: SI units, missing figures are None."""

from dataclasses import dataclass

from grid_fed_rl.feeders.cyme.codes import UNSAID, ByPhase, Location
from grid_fed_rl.feeders.cyme.places import Record

__all__ = [
    "UNRATED",
    "UNRATED_FAILURES",
    "CableConductor",
    "CableInsulation",
    "CableNeutral",
    "CableType",
    "Conductor",
    "ConductorSpacing",
    "Device",
    "LineType",
    "OverheadByPhase",
    "OverheadLine",
    "OverheadUnbalanced",
    "Point",
    "Ratings",
    "Reliability",
    "UnbalancedLineType",
    "UndergroundByPhase",
    "UndergroundLine",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How often equipment fails and how long it takes to mend.

    Failures are a year, and a year and kilometre for conductors, lines and cables; times are in
    hours, the share of major failures and the chance to be stuck in percent, all as CYME writes
    them.
    """

    failure_rate: float | None = None
    temporary_failure_rate: float | None = None
    major_repair_h: float | None = None
    minor_repair_h: float | None = None
    major_share_percent: float | None = None
    stuck_percent: float | None = None
    switch_h: float | None = None


UNRATED_FAILURES = Reliability()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """Nominal rating and the four that users name (summer, winter, emergency ...): A or kVA."""

    nominal: float | None = None
    first: float | None = None
    second: float | None = None
    third: float | None = None
    fourth: float | None = None


UNRATED = Ratings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A conductor's place on a pole: metres from the axis, and above ground."""

    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Record):
    """What stands on a section.

    A disconnected device carries no current at all; a bypassed one is a piece of wire.
    """

    section: str
    number: str
    location: Location | None = None
    connected: bool = True
    bypassed: bool = False
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverheadByPhase(Device):
    """An overhead line by a conductor for each phase and a spacing.

    `order` says which phase hangs at places 1, 2, 3 of the spacing: ``BAC``, or ``CB`` for two.
    """

    conductor_a: str | None = None
    conductor_b: str | None = None
    conductor_c: str | None = None
    neutral_1: str | None = None
    neutral_2: str | None = None
    spacing: str | None = None
    length_m: float
    order: str | None = None
    earth_ohm_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverheadLine(Device):
    """An overhead line by a balanced line of the catalogue (`LineType`)."""

    line: str
    length_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OverheadUnbalanced(Device):
    """An overhead line by matrices of the catalogue (`UnbalancedLineType`)."""

    line: str
    length_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UndergroundLine(Device):
    """A cable of the catalogue (`CableType`); ratings, where given, replace the cable's."""

    cable: str
    length_m: float
    n_parallel: int | None = None
    amps: Ratings = UNRATED
    earth_ohm_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndergroundByPhase(Device):
    """A cable of the catalogue for each phase."""

    cable_a: str | None = None
    cable_b: str | None = None
    cable_c: str | None = None
    cable_n: str | None = None
    length_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductor(Record):
    """A bare conductor. Resistances are AC at 25 and 50 degrees Celsius."""

    id: str
    diameter_m: float | None = None
    gmr_m: float | None = None
    r25_ohm_per_km: float | None = None
    r50_ohm_per_km: float | None = None
    amps: Ratings = UNRATED
    withstand_a: float | None = None
    material: str | None = None
    size_mm2: float | None = None
    frequency_hz: float | None = None
    reliability: Reliability = UNRATED_FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class ConductorSpacing(Record):
    """Where conductors hang: places 1, 2, 3 of phases and those of neutrals, or mean distances.

    A spacing has either places or geometric mean distances and heights. `bundle_m` is the
    distance within a bundle of `n_bundle` conductors a phase.
    """

    id: str
    positions: tuple[Point | None, Point | None, Point | None] = (None, None, None)
    neutral_1: Point | None = None
    neutral_2: Point | None = None
    gmd_phase_m: float | None = None
    gmd_neutral_m: float | None = None
    phase_height_m: float | None = None
    neutral_height_m: float | None = None
    n_phases: int | None = None
    n_bundle: int | None = None
    n_neutrals: int | None = None
    bundle_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineType(Record):
    """A balanced overhead line: sequence impedances, or (unlocked) conductors and a spacing.

    `locked` says that the impedances stand as given; None where the source does not say.
    """

    id: str
    phase_conductor: str | None = None
    neutral_conductor: str | None = None
    spacing: str | None = None
    r1_ohm_per_km: float | None = None
    r0_ohm_per_km: float | None = None
    x1_ohm_per_km: float | None = None
    x0_ohm_per_km: float | None = None
    b1_us_per_km: float | None = None
    b0_us_per_km: float | None = None
    g1_us_per_km: float | None = None
    g0_us_per_km: float | None = None
    amps: Ratings = UNRATED
    locked: bool | None = None
    user_impedances: bool | None = None
    frequency_hz: float | None = None
    reliability: Reliability = UNRATED_FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbalancedLineType(Record):
    """An overhead line's own matrices: self terms by phase, mutual ones in the order AB, BC, CA."""

    id: str
    conductor_a: str | None = None
    conductor_b: str | None = None
    conductor_c: str | None = None
    neutral_1: str | None = None
    neutral_2: str | None = None
    spacing: str | None = None
    r_ohm_per_km: ByPhase = UNSAID
    x_ohm_per_km: ByPhase = UNSAID
    b_us_per_km: ByPhase = UNSAID
    g_us_per_km: ByPhase = UNSAID
    r_mutual_ohm_per_km: ByPhase = UNSAID
    x_mutual_ohm_per_km: ByPhase = UNSAID
    b_mutual_us_per_km: ByPhase = UNSAID
    g_mutual_us_per_km: ByPhase = UNSAID
    amps: ByPhase = UNSAID  # nominal
    locked: bool | None = None
    user_impedances: bool | None = None
    frequency_hz: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CableConductor(Record):
    """The phase conductor of a cable (version 8 and later)."""

    cable: str
    diameter_m: float | None = None
    size_mm2: float | None = None
    material: str | None = None
    n_strands: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CableInsulation(Record):
    """The insulation of a cable (version 8 and later)."""

    cable: str
    thickness_m: float | None = None
    material: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CableNeutral(Record):
    """The concentric neutral of a cable (version 8 and later): wires or straps."""

    cable: str
    n_wires: int | None = None
    thickness_m: float | None = None  # of a strap, diameter of a wire
    strap_width_m: float | None = None
    lay_m: float | None = None
    material: str | None = None
    kind: int | None = None  # 0 wires, 1 straps, as written


@dataclass(frozen=True, slots=True, kw_only=True)
class CableType(Record):
    """A cable: sequence figures, and what is known of its build.

    `n_wires` and `neutral_conductor` make it a concentric neutral cable; `sheath_inner_m` and
    `sheath_outer_m` (radii) a tape-shielded one. Distances between phases are between centres.
    """

    id: str
    r1_ohm_per_km: float | None = None
    r0_ohm_per_km: float | None = None
    x1_ohm_per_km: float | None = None
    x0_ohm_per_km: float | None = None
    b1_us_per_km: float | None = None
    b0_us_per_km: float | None = None
    g1_us_per_km: float | None = None
    g0_us_per_km: float | None = None
    amps: Ratings = UNRATED
    withstand_a: float | None = None
    rated_kv: float | None = None
    locked: bool | None = None
    user_impedances: bool | None = None
    frequency_hz: float | None = None
    n_phases: int | None = None
    phase_conductor: str | None = None
    neutral_conductor: str | None = None
    n_wires: int | None = None
    insulation_diameter_m: float | None = None
    insulation_thickness_m: float | None = None
    dielectric_constant: float | None = None
    d_ab_m: float | None = None
    d_bc_m: float | None = None
    d_ac_m: float | None = None
    sheath_inner_m: float | None = None
    sheath_outer_m: float | None = None
    sheath_ohm_per_km: float | None = None
    overall_diameter_m: float | None = None
    reliability: Reliability = UNRATED_FAILURES
