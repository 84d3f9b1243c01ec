"""The equipment catalogue of a CYME dataset, but for lines, cables and what generates."""

from dataclasses import dataclass, field

from grid_fed_rl.feeders.cyme.codes import (
    Connection,
    ImpedanceUnit,
    SwitchgearKind,
    TransformerConnection,
)
from grid_fed_rl.feeders.cyme.places import Record
from grid_fed_rl.feeders.cyme.records_lines import UNRATED, UNRATED_FAILURES, Ratings, Reliability

__all__ = [
    "AutotransformerType",
    "CapacitorType",
    "GroundingTransformerType",
    "PairImpedance",
    "ReactorType",
    "RegulatorType",
    "SeriesType",
    "SubstationType",
    "SwitchgearType",
    "ThreeWindingType",
    "TransformerType",
    "WindingRating",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerType(Record):
    """A two-winding transformer. Impedances in percent of its rating, ratios X over R.

    `no_load_kw` is the loss
    of the core, `magnetising_percent` the magnetising current.
    """

    id: str
    type_code: str | None = field(default=None, compare=False)  # as written
    single_phase: bool | None = None
    rated_kva: float | None = None
    primary_kv: float | None = None
    secondary_kv: float | None = None
    line_to_neutral: bool | None = None  # these two; line to line where it is None or False
    z1_percent: float | None = None
    z0_percent: float | None = None
    z0_primary_secondary_percent: float | None = None
    z0_primary_magnetising_percent: float | None = None
    z0_secondary_magnetising_percent: float | None = None
    xr0_primary_secondary: float | None = None
    xr0_primary_magnetising: float | None = None
    xr0_secondary_magnetising: float | None = None
    xr1: float | None = None
    xr0: float | None = None
    connection: TransformerConnection | None = None
    primary_rg_ohm: float | None = None
    primary_xg_ohm: float | None = None
    secondary_rg_ohm: float | None = None
    secondary_xg_ohm: float | None = None
    no_load_kw: float | None = None
    magnetising_percent: float | None = None
    has_ltc: bool | None = None
    n_taps: int | None = None
    lower_band: float | None = None
    upper_band: float | None = None
    min_regulation_percent: float | None = None
    max_regulation_percent: float | None = None
    phase_shift: str | None = None  # as written
    loading_kva: Ratings = UNRATED
    reliability: Reliability = UNRATED_FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class AutotransformerType(Record):
    """A two-winding autotransformer, as `TransformerType`."""

    id: str
    type_code: str | None = field(default=None, compare=False)
    rated_kva: float | None = None
    primary_kv: float | None = None
    secondary_kv: float | None = None
    line_to_neutral: bool | None = None
    z1_percent: float | None = None
    z0_percent: float | None = None
    xr1: float | None = None
    xr0: float | None = None
    connection: Connection | None = None
    rg_ohm: float | None = None
    xg_ohm: float | None = None
    no_load_kw: float | None = None
    loading_kva: Ratings = UNRATED
    reliability: Reliability = UNRATED_FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class WindingRating:
    """One winding of three: rating, voltage line to line, connection, grounding."""

    kva: float | None = None
    kv: float | None = None
    connection: Connection | None = None
    rg_ohm: float | None = None
    xg_ohm: float | None = None


UNRATED_WINDING = WindingRating()


@dataclass(frozen=True, slots=True, kw_only=True)
class PairImpedance:
    """Impedances between two of three windings, percent on the smaller rating as CYME has it."""

    z1_percent: float | None = None
    z0_percent: float | None = None
    xr1: float | None = None
    xr0: float | None = None


NO_IMPEDANCE = PairImpedance()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreeWindingType(Record):
    """A three-winding transformer or (`auto`) autotransformer."""

    id: str
    auto: bool = False
    primary: WindingRating = UNRATED_WINDING
    secondary: WindingRating = UNRATED_WINDING
    tertiary: WindingRating = UNRATED_WINDING
    primary_secondary: PairImpedance = NO_IMPEDANCE
    primary_tertiary: PairImpedance = NO_IMPEDANCE
    secondary_tertiary: PairImpedance = NO_IMPEDANCE
    no_load_kw: float | None = None
    magnetising_percent: float | None = None
    reliability: Reliability = UNRATED_FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingTransformerType(Record):
    """A grounding transformer."""

    id: str
    z1_percent: float | None = None
    z0_percent: float | None = None
    xr1: float | None = None
    xr0: float | None = None
    rated_kva: float | None = None
    rated_kv: float | None = None
    connection: Connection | None = None
    reliability: Reliability = UNRATED_FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class RegulatorType(Record):
    """A step-voltage regulator; `rated_kv` is line to neutral, bands are volts on 120."""

    id: str
    type_code: str | None = field(default=None, compare=False)
    rated_kva: float | None = None
    rated_kv: float | None = None
    max_buck_percent: float | None = None
    max_boost_percent: float | None = None
    n_taps: int | None = None
    band_v: float | None = None
    reverse_band_v: float | None = None
    ct_a: float | None = None
    pt_ratio: float | None = None
    reversible: bool | None = None
    max_a: float | None = None
    loading_kva: Ratings = UNRATED
    reliability: Reliability = UNRATED_FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchgearType(Record):
    """Switchgear: ratings, and how often it fails and sticks."""

    id: str
    kind: SwitchgearKind
    amps: Ratings = UNRATED
    rated_kv: float | None = None  # line to line
    interrupting_a: float | None = None
    reversible: bool | None = None
    remote_controlled: bool | None = None
    automated: bool | None = None
    single_phase_locking: bool | None = None
    single_phase_tripping: bool | None = None
    reliability: Reliability = UNRATED_FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacitorType(Record):
    """A capacitor: kvar at `rated_kv`, a phase."""

    id: str
    rated_kvar: float | None = None
    rated_kv: float | None = None
    cost_fixed: float | None = None
    cost_switched: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactorType(Record):
    """A shunt reactor: kvar at `rated_kv`, a phase."""

    id: str
    rated_kvar: float | None = None
    rated_kv: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesType(Record):
    """A series reactor or capacitor: its reactance, positive for both."""

    id: str
    capacitor: bool
    reactance_ohm: float | None = None
    amps: Ratings = UNRATED


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstationType(Record):
    """A source of the catalogue: a voltage behind sequence impedances, in `unit`."""

    id: str
    rated_mva: float | None = None
    nominal_kv: float | None = None  # line to line
    desired_kv: float | None = None
    angle_deg: float | None = None
    r1: float | None = None
    x1: float | None = None
    r2: float | None = None
    x2: float | None = None
    r0: float | None = None
    x0: float | None = None
    unit: ImpedanceUnit = ImpedanceUnit.OHM
    base_mva: float | None = None
    connection: Connection | None = None
    transformer_connection: str | None = None  # as written
    reliability: Reliability = UNRATED_FAILURES
