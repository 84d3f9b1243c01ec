"""Step-voltage regulators of a CYME dataset: one unit a phase, taps as found."""

import math

from grid_fed_rl.feeders.cyme.codes import ByPhase, Phases, RegulatorMode
from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.draft import NODE, Draft, RefusedError, phases_of
from grid_fed_rl.feeders.cyme.records_catalogue import RegulatorType
from grid_fed_rl.feeders.cyme.records_devices import Regulator
from grid_fed_rl.feeders.records import (
    Connection,
    LineDropControl,
    Terminal,
    Transformer,
    Winding,
)
from grid_fed_rl.feeders.records import Regulator as Record

__all__ = ["add_regulator"]

_X_PERCENT, _R_PERCENT = 1e-6, 1e-7  # CYME's regulators have no impedance; these need some
_STEPS, _RANGE_PERCENT = 32, 10.0
_SAME_STEP = 1e-6
_WYES = (None, Side.YG, Side.Y)
_OWN_SIDE = (None, "", "0", "5")  # reverse modes that leave the regulator as it is


def _figure(by_phase: ByPhase, at: int, *otherwise: float | None) -> float | None:
    return next((v for v in (by_phase[at], *otherwise) if v is not None), None)


def add_regulator(
    draft: Draft, device: Regulator, phases: Phases, near: str, far: str, to_node: str
) -> None:
    """Put a bank of one-phase regulators into the feeder, each with its own tap and control.

    Phases of the section that it does not regulate pass through. Its units are ideal
    transformers, as CYME has them; two in open delta lie between their phases and the third.

    Raises:
        RefusedError: a figure is missing, or its connection cannot be held.
    """
    feeding, regulated = (far, near) if device.from_node == to_node else (near, far)
    own = [p for p in phases_of(device.phases, phases) if p in phases]
    through = [p for p in phases if p not in own]
    delta = device.connection in (Side.OPEN_DELTA, Side.DELTA)
    if not own:
        raise RefusedError(f"it regulates {device.phases} on a section of {phases}")
    if device.connection not in _WYES and not delta:
        raise RefusedError(f"a regulator connected {device.connection}; expected Yg, Y or DO")
    if delta and (len(own), len(through)) != (2, 1):
        raise RefusedError(
            f"open-delta units on {''.join(own)} of a section of {phases}; expected two units "
            f"on three phases"
        )
    if device.connection is Side.Y:
        draft.report.approximate(
            "regulator", device.number, device.place, "its common neutral is taken as grounded"
        )
    draft.report.assume(
        "regulators are without impedance, and their kVA is what passes through: the rating "
        "over the share they regulate"
    )
    for letter in own:
        other = through[0] if delta else None
        _add_unit(draft, device, letter, other, (feeding, regulated))
    if through:
        nodes = tuple(NODE[p] for p in through)
        draft.joint(f"{device.number}_through", feeding, regulated, nodes)
    if device.reversible and device.reverse_mode not in _OWN_SIDE:
        draft.report.approximate(
            "regulator",
            device.number,
            device.place,
            "its settings for power that flows back are left out",
            f"set voltage {device.reverse_v_set.a} V",
        )


def _add_unit(
    draft: Draft, device: Regulator, letter: str, other: str | None, buses: tuple[str, str]
) -> None:
    """One unit, from its phase to ground or to another phase."""
    at = "ABC".index(letter)
    ids = device.equipment_by_phase
    kind = draft.data.regulator_types[(ids[at] if ids else None) or device.equipment]
    if not kind.rated_kv:
        raise RefusedError(f"regulator type {kind.id!r} has no rated voltage; expected kV")
    buck = _figure(device.max_buck_percent, at, kind.max_buck_percent) or _RANGE_PERCENT
    boost = _figure(device.max_boost_percent, at, kind.max_boost_percent) or _RANGE_PERCENT
    low, high = 1.0 - buck / 100.0, 1.0 + boost / 100.0
    kva = (kind.rated_kva or kind.rated_kv * 100.0) / max(high - 1.0, 1.0 - low)
    if other is None:
        nodes, connection, kv = (NODE[letter],), Connection.WYE, kind.rated_kv
    else:
        nodes, connection = (NODE[letter], NODE[other]), Connection.DELTA
        kv = kind.rated_kv * math.sqrt(3)
    name = draft.names.of("transformer", f"{device.number}_{letter.lower()}", quiet=True)
    windings = tuple(Winding(Terminal(b, nodes), connection, kv, kva, _R_PERCENT) for b in buses)
    draft.add_transformer(Transformer(name, windings, (_X_PERCENT,)), None)
    regulator = draft.names.of("regulator", name, quiet=True)
    steps = kind.n_taps or _STEPS
    tap = _figure(device.tap, at) or 0.0
    position = round(tap)
    if abs(tap - position) > _SAME_STEP:
        draft.report.approximate(
            "regulator",
            device.number,
            device.place,
            f"tap {tap} of phase {letter} is read as {position}",
            f"{abs(tap - position) * (high - low) / steps:.4f} per unit",
        )
    draft.regulators[regulator] = Record(
        regulator, name, 2, low, high, steps, position, _control(draft, device, kind, letter)
    )
    draft.use("regulator", regulator, "regulator", kind.id)


def _control(
    draft: Draft, device: Regulator, kind: RegulatorType, letter: str
) -> LineDropControl | None:
    """The unit's own control; none where its taps are fixed, or it is not of this package's."""
    at = "ABC".index(letter)
    if device.mode is RegulatorMode.FIXED:
        draft.report.assume("regulators with fixed taps have no control of their own")
        return None
    v_set = _figure(device.v_set, at)
    band = _figure(device.band_v, at, kind.band_v)
    pt = _figure(device.pt_ratio, at, kind.pt_ratio)
    ct = _figure(device.ct_a, at, kind.ct_a)
    alien = device.mode in (RegulatorMode.SCRIPT, RegulatorMode.LINE_DROP_Z)
    if alien or not (v_set and band and pt and ct):
        draft.report.approximate(
            "regulator",
            device.number,
            device.place,
            f"its control ({device.mode or 'not said'}: set voltage {v_set} V, band {band} V, PT "
            f"{pt}, CT {ct} A) is left out; its tap stands as found",
        )
        return None
    drop = device.mode is not RegulatorMode.TERMINAL
    timing = draft.timings.get(device.number)
    first, following = (timing.first_s, timing.next_s) if timing else (None, None)
    return LineDropControl(
        v_reg=v_set,
        band_v=band,
        pt_ratio=pt,
        ct_primary_a=ct,
        r_v=(_figure(device.r_set, at) or 0.0) if drop else 0.0,
        x_v=(_figure(device.x_set, at) or 0.0) if drop else 0.0,
        delay_s=15.0 if first is None else first,
        tap_delay_s=2.0 if following is None else following,
        monitored=_monitored(draft, device, letter),
        v_limit=device.first_house_high_v or 0.0,
    )


def _monitored(draft: Draft, device: Regulator, letter: str) -> Terminal | None:
    """The far end of the section whose voltage it holds, if it holds one's."""
    if device.mode is not RegulatorMode.LOAD_CENTRE or device.at_section is None:
        return None
    section = draft.data.sections.get(device.at_section)
    if section is None or section.id == device.section or letter not in section.phases:
        return None
    return Terminal(draft.bus(section.to_node), (NODE[letter],))
