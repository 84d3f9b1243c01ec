"""Shunt capacitors and reactors of a CYME dataset, and grounding transformers."""

import math

from grid_fed_rl.feeders.cyme.codes import ByPhase, Location, Phases
from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.convert_scope import Scope
from grid_fed_rl.feeders.cyme.convert_sections import KIND_WORDS, Places
from grid_fed_rl.feeders.cyme.convert_three_winding import add_grounding
from grid_fed_rl.feeders.cyme.draft import NODE, Draft, RefusedError, nodes_of, phases_of
from grid_fed_rl.feeders.cyme.records_devices import (
    GroundingTransformer,
    ShuntCapacitor,
    ShuntReactor,
)
from grid_fed_rl.feeders.cyme.records_lines import Device
from grid_fed_rl.feeders.records import Connection, Reactor, Terminal
from grid_fed_rl.feeders.shunts import Capacitor, CapacitorControl, CapacitorControlKind

__all__ = ["CONTROLS", "add_shunts", "bus_of"]

_DELTAS = (Side.DELTA, Side.CLOSED_DELTA)
CONTROLS = {
    "2": CapacitorControlKind.KVAR,
    "3": CapacitorControlKind.CURRENT,
    "7": CapacitorControlKind.VOLTAGE,
}
"""Capacitor controls by CYME's code; 0 is manual."""

_BASE_V = 120.0
_VOLTS = (90.0, 150.0)  # a setting on the 120 V base lies between


def bus_of(places: Places, device: Device) -> str | None:
    """Bus of a device, at the from node where the file says nothing; None half way on a gap."""
    return places.get((device.section, device.location or Location.FROM))


def add_shunts(draft: Draft, scope: Scope, places: Places) -> None:
    """Put capacitors, reactors and grounding transformers into the feeder."""
    for kind, add in (
        ("shunt_capacitors", _add_capacitor),
        ("shunt_reactors", _add_reactor),
        ("grounding_transformers", _add_grounding),
    ):
        for device in scope.shunts(draft.data, kind):
            bus = bus_of(places, device)
            if bus is None or bus not in draft.kv_ll:
                draft.report.ignored[f"{KIND_WORDS[kind]}: on an island"] += 1
                continue
            section = scope.sections[device.section].phases or Phases.ABC
            with draft.holding(KIND_WORDS[kind], device.number, device.place):
                add(draft, device, bus, section)


def _add_grounding(draft: Draft, device: Device, bus: str, section: Phases) -> None:
    assert isinstance(device, GroundingTransformer)
    add_grounding(draft, device, bus, phases_of(device.phases, section))


def _by_phase(figures: ByPhase, total: float | None, phases: Phases) -> dict[str, float]:
    """Kvar of each phase: its own figure, or its share of the total."""
    own = {p: figures["ABC".index(p)] or 0.0 for p in phases}
    if any(own.values()) or not total:
        return {p: value for p, value in own.items() if value}
    return dict.fromkeys(phases, total / len(phases))


def _banks(kvar: dict[str, float], delta: bool) -> list[tuple[str, float]]:
    """Phases and kvar of the banks: one where all phases have the same, else one a phase."""
    if not kvar:
        return []
    if delta or len(set(kvar.values())) == 1:
        return [("".join(kvar), sum(kvar.values()))]
    return list(kvar.items())


def _add_capacitor(draft: Draft, device: Device, bus: str, section: Phases) -> None:
    assert isinstance(device, ShuntCapacitor)
    kind = draft.data.capacitor_types.get(device.equipment or "")
    phases = phases_of(device.phases, section)
    if not set(phases) <= set(section):
        raise RefusedError(f"it stands on {phases} of a section of {section}")
    kv = device.kv or (kind.rated_kv if kind else None)
    fixed = _by_phase(device.fixed_kvar, device.kvar_three_phase, phases)
    switched = _by_phase(device.switched_kvar, None, phases)
    if not fixed and not switched and kind is not None and kind.rated_kvar:
        fixed = dict.fromkeys(phases, kind.rated_kvar)
    if not kv or not (fixed or switched):
        raise RefusedError(
            f"{kv} kV and no kvar on any phase; expected a rated voltage and kvar above 0"
        )
    delta = device.connection in _DELTAS
    if delta and len(set(fixed.values()) | set(switched.values())) > 2:
        raise RefusedError("a delta of unequal legs; expected equal ones")
    if device.connection not in (None, Side.YG, *_DELTAS):
        draft.report.approximate(
            "shunt capacitor", device.number, device.place,
            f"its {device.connection} is read as a grounded wye",
        )  # fmt: skip
    _say_losses(draft, device)
    for part, kvar, word in ((fixed, fixed, ""), (switched, switched, "switched")):
        both = bool(fixed) and bool(switched)
        for letters, total in _banks(part, delta):
            several = len(_banks(kvar, delta)) > 1
            wish = "_".join(
                filter(None, (device.number, word if both else "", letters.lower() * several))
            )
            _bank(draft, device, wish, bus, letters, total, kv, delta, switched=bool(word))


def _say_losses(draft: Draft, device: ShuntCapacitor) -> None:
    lost = sum(
        v or 0.0
        for v in (
            *device.fixed_losses_kw,
            *device.switched_losses_kw,
            device.losses_three_phase_kw,
        )
    )
    if lost:
        draft.report.approximate(
            "shunt capacitor", device.number, device.place, "its losses are left out",
            f"{lost:g} kW",
        )  # fmt: skip


def _bank(
    draft: Draft,
    device: ShuntCapacitor,
    wish: str,
    bus: str,
    letters: str,
    kvar: float,
    kv_ln: float,
    delta: bool,
    *,
    switched: bool,
) -> None:
    name = draft.names.of("capacitor", wish)
    nodes = nodes_of(letters)
    to_ground = not delta and len(nodes) == 1
    closed = 1
    if switched:
        shut = device.closed_phases
        is_shut = bool(shut) if shut is not None else bool(device.switched_closed)
        closed = int(is_shut)
    draft.capacitors[name] = Capacitor(
        name,
        Terminal(bus, nodes),
        Connection.DELTA if delta else Connection.WYE,
        kvar,
        kv_ln if to_ground else kv_ln * math.sqrt(3),
        1,
        closed,
        _control(draft, device, letters, bus) if switched else None,
    )
    draft.report.totals.capacitor_kvar += kvar
    draft.use("capacitor", name, "capacitor", device.equipment)


def _control(
    draft: Draft, device: ShuntCapacitor, letters: str, bus: str
) -> CapacitorControl | None:
    """The control of a switched bank; none where it is manual or not of this package's."""
    if device.control in (None, "", "0"):
        return None
    kind = CONTROLS.get(device.control or "")
    said = device.controlling_phase or ""
    watched = said if said and said in letters else letters[0]
    at = "ABC".index(watched)
    on, off = device.on_value[at], device.off_value[at]
    if kind is None or on is None or off is None or not _fits(kind, on, off):
        draft.report.approximate(
            "shunt capacitor", device.number, device.place,
            f"its control (code {device.control}, on {on}, off {off}) is left out; it stands as "
            f"found",
        )  # fmt: skip
        return None
    if kind is CapacitorControlKind.VOLTAGE:
        pt_ratio = draft.kv_ll[bus] / math.sqrt(3) * 1000.0 / _BASE_V
        return CapacitorControl(kind, on, off, pt_ratio, phase=letters.index(watched) + 1)
    element, phase = _feeding(draft, bus, watched)
    return CapacitorControl(kind, on, off, 1.0, 1.0, element, 1, phase)


def _fits(kind: CapacitorControlKind, on: float, off: float) -> bool:
    """Whether settings are in this package's order, and volts on the 120 V base."""
    if kind is CapacitorControlKind.VOLTAGE:
        return _VOLTS[0] < on < off < _VOLTS[1]
    return on > off


def _feeding(draft: Draft, bus: str, letter: str) -> tuple[str, int]:
    """The line or switch that brings a phase to a bus, and which of its conductors that is."""
    for branch in (*draft.lines.values(), *draft.switches.values()):
        if branch.to.bus == bus and NODE[letter] in branch.to.phases:
            return branch.name, branch.to.phases.index(NODE[letter]) + 1
    return "", 1


def _add_reactor(draft: Draft, device: Device, bus: str, section: Phases) -> None:
    assert isinstance(device, ShuntReactor)
    kind = draft.data.reactor_types.get(device.equipment or "")
    phases = phases_of(device.phases, section)
    kv = device.kv or (kind.rated_kv if kind else None)
    kvar = _by_phase(device.kvar, device.kvar_three_phase, phases)
    if not kvar and kind is not None and kind.rated_kvar:
        kvar = dict.fromkeys(phases, kind.rated_kvar)
    if not kv or not kvar:
        raise RefusedError(f"{kv} kV and no kvar on any phase; expected both above 0")
    delta = device.connection in _DELTAS
    leg_kv = kv * math.sqrt(3) if delta else kv
    for letters, total in _banks(kvar, delta):
        legs = 1 if delta and len(letters) == 2 else len(letters)
        losses = sum(device.losses_kw["ABC".index(p)] or 0.0 for p in letters) / legs
        # A leg of p + jq at its rated voltage: z = v^2 / (p - jq).
        z = 1000.0 * leg_kv**2 / complex(losses, -total / legs)
        wish = device.number if len(letters) == len(kvar) else f"{device.number}_{letters.lower()}"
        name = draft.names.of("reactor", wish)
        at = Terminal(bus, nodes_of(letters))
        connection = Connection.DELTA if delta else Connection.WYE
        draft.add_reactor(Reactor(name, at, None, z, connection))
