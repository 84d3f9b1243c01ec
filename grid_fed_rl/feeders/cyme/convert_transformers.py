"""Two-winding transformers of a CYME dataset, of any connection, whole and by phase."""

import math
from dataclasses import dataclass, replace

from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.codes import Phases, TransformerConnection
from grid_fed_rl.feeders.cyme.convert_banks import open_bank, zigzag_bank
from grid_fed_rl.feeders.cyme.convert_windings import (
    GROUNDED,
    Coils,
    End,
    Impedance,
    coils_of,
    impedance_of,
    next_phase,
)
from grid_fed_rl.feeders.cyme.draft import NODE, Draft, RefusedError
from grid_fed_rl.feeders.cyme.records_catalogue import TransformerType
from grid_fed_rl.feeders.cyme.records_devices import (
    Autotransformer,
    LoadTapChanger,
    Transformer,
    TransformerByPhase,
)
from grid_fed_rl.feeders.records import (
    Connection,
    LineDropControl,
    Regulator,
    Terminal,
    Winding,
)
from grid_fed_rl.feeders.records import Transformer as Record

__all__ = ["add_autotransformer", "add_transformer", "add_transformer_by_phase", "two_windings"]

_OPEN = {Side.OPEN_DELTA, Side.OPEN_Y, Side.OPEN_DELTA_CENTRE_TAP}
_LEADS = frozenset({"11", "-1"})  # of a clock; everything else is the standard's lag
_LAGS = frozenset({"", "0", "1"})
_MOST_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What the catalogue says of a two-winding transformer, in figures of this package."""

    kva: float
    impedance: Impedance
    no_load_percent: float
    magnetising_percent: float


def _required(value: float | None, what: str) -> float:
    if value is None or not 0 < value < math.inf:
        raise RefusedError(f"{what} is {value}; expected a number above 0")
    return value


def _nameplate(draft: Draft, kind: TransformerType, phases: Phases) -> Nameplate:
    kva = _required(kind.rated_kva, f"rating of {kind.id!r} in kVA")
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
    return Nameplate(
        kva * units,
        impedance_of(kind.z1_percent, kind.xr1, kind.z0_percent, kind.xr0),
        100.0 * (kind.no_load_kw or 0.0) / kva,
        kind.magnetising_percent or 0.0,
    )


def _ground(r: float | None, x: float | None, *otherwise: float | None) -> complex:
    """A grounding impedance of a setting, or of the catalogue where that says nothing."""
    if r is None and x is None:
        r, x = otherwise
    return complex(r or 0.0, x or 0.0)


def _leads(draft: Draft, device: Transformer, kind: TransformerType) -> bool:
    """Whether the low side of a delta-wye bank leads."""
    said = (device.phase_shift or kind.phase_shift or "").strip()
    if said not in _LEADS | _LAGS:
        draft.report.approximate(
            "transformer",
            device.number,
            device.place,
            f"phase shift code {said!r} is read as the standard's: the low side lags",
            "angles beyond it may be off by a multiple of 30 degrees",
        )
    return said in _LEADS


def _connection(
    device: Transformer | TransformerByPhase, kind: TransformerType
) -> TransformerConnection:
    connection = device.connection or kind.connection
    if connection is None:
        raise RefusedError("no connection, neither of its setting nor of its type")
    return connection


def _turned(near: str, far: str, from_node: str | None, to: str) -> tuple[str, str]:
    """Buses of the primary and secondary side: the primary is at its feeding node."""
    return (far, near) if from_node is not None and from_node == to else (near, far)


def add_transformer(
    draft: Draft, device: Transformer, phases: Phases, near: str, far: str, to_node: str
) -> str:
    """Put a transformer into the feeder, with its tap changer if it has one.

    Returns:
        Its name.

    Raises:
        RefusedError: a figure is missing, or its connection cannot be held.
    """
    kind = draft.data.transformer_types[device.equipment]
    connection = _connection(device, kind)
    plate = _nameplate(draft, kind, phases)
    primary, secondary = _turned(near, far, device.from_node, to_node)
    high = _required(kind.primary_kv, f"primary voltage of {kind.id!r} in kV")
    low = _required(kind.secondary_kv, f"secondary voltage of {kind.id!r} in kV")
    corners = dict(zip(device.extra.names, device.extra.values, strict=True))
    ends = (
        End(
            primary, connection.primary, high,
            _ground(device.primary_rg_ohm, device.primary_xg_ohm,
                    kind.primary_rg_ohm, kind.primary_xg_ohm),
            (device.primary_tap_percent or 100.0) / 100.0,
            _corner(corners.get("PrimaryCornerGroundedPhase")),
        ),
        End(
            secondary, connection.secondary, low,
            _ground(device.secondary_rg_ohm, device.secondary_xg_ohm,
                    kind.secondary_rg_ohm, kind.secondary_xg_ohm),
            (device.secondary_tap_percent or 100.0) / 100.0,
            _corner(corners.get("SecondaryCornerGroundedPhase")),
        ),
    )  # fmt: skip
    name = draft.names.of("transformer", device.number)
    leads = _leads(draft, device, kind) if connection.primary != connection.secondary else False
    nominal = (device.primary_base_kv or high, device.secondary_base_kv or low)
    if {connection.primary, connection.secondary} & _OPEN:
        open_bank(draft, device, name, plate.kva, plate.impedance, ends, phases, nominal)
    elif Side.ZG in (connection.primary, connection.secondary):
        zigzag_bank(
            draft, device, name, plate.kva, plate.impedance, ends, phases, nominal, leads=leads
        )
    else:
        record, left_out = two_windings(draft, name, plate, ends, phases, leads=leads)
        draft.add_transformer(record, _nominal(ends, nominal))
        for what in left_out:
            draft.report.approximate("transformer", device.number, device.place, what)
        _tap_changer(draft, device.number, name, device.ltc, kind)
    draft.use("transformer", name, "transformer", kind.id)
    return name


def _corner(text: str | None) -> str | None:
    return text if text in ("A", "B", "C") else None


def _nominal(ends: tuple[End, End], nominal: tuple[float, float]) -> tuple[float, float]:
    """Nominal voltages line to line; of a centre tap so that a phase has that of both halves."""
    first, second = (
        kv * math.sqrt(3) if end.side is Side.CENTRE_TAP else kv
        for end, kv in zip(ends, nominal, strict=True)
    )
    return first, second


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


def _tap_changer(
    draft: Draft, number: str, transformer: str, ltc: LoadTapChanger, kind: TransformerType
) -> None:
    if not kind.has_ltc or not kind.n_taps:
        return
    buck = ltc.max_buck_percent or kind.min_regulation_percent or 10.0
    boost = ltc.max_boost_percent or kind.max_regulation_percent or 10.0
    place = draft.data.transformer_types[kind.id].place
    tap = ltc.tap if ltc.tap is not None else (ltc.initial_tap or 0.0)
    position = round(tap)
    if abs(tap - position) > 1e-6:
        draft.report.approximate(
            "transformer", number, place, f"its tap is {tap} steps; read as {position}"
        )
    name = draft.names.of("regulator", f"{transformer}_ltc", quiet=True)
    draft.regulators[name] = Regulator(
        name,
        transformer,
        1 if (ltc.tap_location or "").upper().startswith("P") else 2,
        1.0 - abs(buck) / 100.0,
        1.0 + abs(boost) / 100.0,
        kind.n_taps,
        position,
        _ltc_control(draft, number, ltc, kind),
    )
    draft.count("load tap changer")


def _ltc_control(
    draft: Draft, number: str, ltc: LoadTapChanger, kind: TransformerType
) -> LineDropControl | None:
    """The control, where its set-point reads as volts on 120; else none."""
    set_point, pt = ltc.set_point, ltc.pt_ratio
    lower, upper = ltc.lower_band or kind.lower_band, ltc.upper_band or kind.upper_band
    if set_point is None or not pt or not 90.0 < set_point < 150.0 or not (lower and upper):
        draft.report.approximate(
            "transformer",
            number,
            kind.place,
            f"the control of its tap changer (set-point {set_point}, PT {pt}) is left out; its "
            f"tap stands as found",
        )
        return None
    return LineDropControl(
        set_point, lower + upper, pt, ltc.ct_a or 100.0, ltc.r_set or 0.0, ltc.x_set or 0.0
    )


def add_transformer_by_phase(
    draft: Draft, device: TransformerByPhase, phases: Phases, near: str, far: str, to_node: str
) -> str:
    """Put a bank of single-phase units into the feeder, a transformer each.

    Raises:
        RefusedError: a unit or a figure is missing, or its connection cannot be held.
    """
    primary, secondary = _turned(near, far, device.from_node, to_node)
    ids = {p: getattr(device, f"equipment_{p.lower()}") for p in phases}
    present = {p: draft.data.transformer_types[i] for p, i in ids.items() if i is not None}
    if not present:
        raise RefusedError("no transformer on any of its phases; expected one or more")
    connection = _connection(device, next(iter(present.values())))
    sides = connection.primary, connection.secondary
    if any(side not in (Side.YG, Side.DELTA, Side.CLOSED_DELTA) for side in sides):
        raise RefusedError(f"a bank by phase connected {connection}; expected Yg and D sides")
    if _ground(device.primary_rg_ohm, device.primary_xg_ohm, 0, 0) or _ground(
        device.secondary_rg_ohm, device.secondary_xg_ohm, 0, 0
    ):
        draft.report.approximate(
            "transformer by phase", device.number, device.place, "its grounding impedance is left "
            "out: its units have no common neutral",
        )  # fmt: skip
    wish = draft.names.of("transformer", device.number)
    for letter, kind in present.items():
        at = "ABC".index(letter)
        kva = _required(kind.rated_kva, f"rating of {kind.id!r} in kVA")
        kva = kva if kind.single_phase is not False else kva / 3.0
        plate = replace(_nameplate(draft, kind, Phases(letter)), kva=kva)
        high = _required(kind.primary_kv, f"primary voltage of {kind.id!r} in kV")
        low = _required(kind.secondary_kv, f"secondary voltage of {kind.id!r} in kV")
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
    primary, secondary = _turned(near, far, device.from_node, to_node)
    high = _required(kind.primary_kv, f"primary voltage of {kind.id!r} in kV")
    low = _required(kind.secondary_kv, f"secondary voltage of {kind.id!r} in kV")
    kva = _required(kind.rated_kva, f"rating of {kind.id!r} in kVA")
    if _ground(None, None, kind.rg_ohm, kind.xg_ohm):
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
