"""Section by section: what stands in series between its nodes becomes branches."""

from grid_fed_rl.feeders.cyme.codes import LoadKind, Location, Phases, SwitchgearKind
from grid_fed_rl.feeders.cyme.convert_by_phase import (
    add_autotransformer,
    add_transformer_by_phase,
)
from grid_fed_rl.feeders.cyme.convert_lines import LINES, add_line
from grid_fed_rl.feeders.cyme.convert_regulators import add_regulator
from grid_fed_rl.feeders.cyme.convert_scope import Scope
from grid_fed_rl.feeders.cyme.convert_three_winding import add_three_winding
from grid_fed_rl.feeders.cyme.convert_transformers import add_transformer
from grid_fed_rl.feeders.cyme.draft import Draft, nodes_of
from grid_fed_rl.feeders.cyme.records_devices import SeriesDevice, Switchgear
from grid_fed_rl.feeders.cyme.records_lines import Device
from grid_fed_rl.feeders.cyme.records_network import Section
from grid_fed_rl.feeders.records import Reactor, Switch, SwitchKind, Terminal

__all__ = ["KIND_WORDS", "Places", "add_sections"]

KIND_WORDS = {
    "overhead_by_phase": "overhead by phase",
    "overhead_lines": "overhead line",
    "overhead_unbalanced": "overhead unbalanced",
    "underground_lines": "underground line",
    "underground_by_phase": "underground by phase",
    "transformers": "transformer",
    "transformers_by_phase": "transformer by phase",
    "autotransformers": "autotransformer",
    "three_winding": "three-winding transformer",
    "regulators": "regulator",
    "switchgear": "switchgear",
    "series_devices": "series reactor or capacitor",
    "grounding_transformers": "grounding transformer",
    "shunt_capacitors": "shunt capacitor",
    "shunt_reactors": "shunt reactor",
    "photovoltaics": "photovoltaic",
    "storages": "storage",
    "generators": "generator",
    "motors": "motor",
    "loads": "load",
}

_KINDS = {
    SwitchgearKind.SWITCH: SwitchKind.SWITCH,
    SwitchgearKind.BREAKER: SwitchKind.BREAKER,
    SwitchgearKind.RECLOSER: SwitchKind.RECLOSER,
    SwitchgearKind.FUSE: SwitchKind.FUSE,
    SwitchgearKind.SECTIONALISER: SwitchKind.SECTIONALISER,
    SwitchgearKind.NETWORK_PROTECTOR: SwitchKind.BREAKER,
    SwitchgearKind.LVCB: SwitchKind.BREAKER,
    SwitchgearKind.MISCELLANEOUS: SwitchKind.SWITCH,
}
_JOINT_M = 1.0
_HALF_WAY = 0.5

Places = dict[tuple[str, Location], str]
"""Bus at each place of a section; an open one has nothing half way."""


def add_sections(draft: Draft, scope: Scope) -> Places:
    """Turn every section of the scope into branches.

    A section on which nothing stands in series is no branch: its nodes are one bus.

    Returns:
        The bus at each place of every section.
    """
    alone = [s for s in scope.sections.values() if s.id not in scope.series]
    for section in alone:
        if section.id in scope.opened or section.id in scope.unheld:
            continue
        near, far = draft.root(section.from_node), draft.root(section.to_node)
        kept, gone = (far, near) if far == draft.root(scope.source) else (near, far)
        draft.merge(kept, gone)
    middles = _middles(draft, scope)
    places: Places = {}
    for section in scope.sections.values():
        for what in scope.unheld.get(section.id, ()):
            draft.report.refuse("section", section.id, section.place, f"its {what} cannot be held")
        if section.id in scope.opened or section.id in scope.unheld:
            near, far = draft.bus(section.from_node), draft.bus(section.to_node)
            places[section.id, Location.FROM], places[section.id, Location.TO] = near, far
            continue
        _add_section(draft, scope, section, places, halves=section.id in middles)
    return places


def _middles(draft: Draft, scope: Scope) -> set[str]:
    """Sections half way along which something hangs."""
    found = set()
    for load in draft.data.loads:
        if load.section not in scope.sections or not load.connected:
            continue
        option = draft.options.distributed
        spread = load.kind is LoadKind.DISTRIBUTED and option != "location"
        if option == "middle" if spread else load.location is Location.MIDDLE:
            found.add(load.section)
    for kind in ("shunt_capacitors", "shunt_reactors", "photovoltaics", "storages", "generators"):
        found |= {
            d.section for d in scope.shunts(draft.data, kind) if d.location is Location.MIDDLE
        }
    return found


def _add_section(
    draft: Draft, scope: Scope, section: Section, places: Places, *, halves: bool
) -> None:
    near, far = draft.bus(section.from_node), draft.bus(section.to_node)
    places[section.id, Location.FROM], places[section.id, Location.TO] = near, far
    phases = section.phases or Phases.ABC
    if section.phases is Phases.NONE:
        draft.report.approximate(
            "section", section.id, section.place, "it has no phases; read as ABC"
        )
    series = scope.series.get(section.id, [])
    here = near
    for k, (kind, device) in enumerate(series):
        last = k == len(series) - 1
        there = far if last else draft.inner_bus(f"{section.id}_{k + 1}", near, far)
        inner = None
        if kind in LINES and halves and (section.id, Location.MIDDLE) not in places:
            inner = _HALF_WAY
        middle = None
        with draft.holding(KIND_WORDS[kind], device.number, device.place):
            middle = _add(draft, kind, device, phases, here, there, section, inner)
        if middle is not None:
            places[section.id, Location.MIDDLE] = middle
        here = there
    # With no line to hang half way along, what hangs there is behind what stands there.
    places.setdefault((section.id, Location.MIDDLE), far if series else near)


def _add(
    draft: Draft,
    kind: str,
    device: Device,
    phases: Phases,
    here: str,
    there: str,
    section: Section,
    inner: float | None,
) -> str | None:
    """Add one device between two buses; a line may return the bus half way along it."""
    to_node = section.to_node
    ends = (phases, here, there)
    if device.bypassed:
        draft.joint(device.number, here, there, nodes_of(phases))
        draft.report.assume("bypassed devices are pieces of wire")
        return None
    if kind in LINES:
        return add_line(draft, device, *ends, inner)  # type: ignore[arg-type]
    if kind == "switchgear":
        _add_switch(draft, device, *ends)  # type: ignore[arg-type]
    elif kind == "series_devices":
        _add_series(draft, device, *ends)  # type: ignore[arg-type]
    elif kind == "transformers":
        add_transformer(draft, device, *ends, to_node)  # type: ignore[arg-type]
    elif kind == "transformers_by_phase":
        add_transformer_by_phase(draft, device, *ends, to_node)  # type: ignore[arg-type]
    elif kind == "autotransformers":
        add_autotransformer(draft, device, *ends, to_node)  # type: ignore[arg-type]
    elif kind == "three_winding":
        add_three_winding(draft, device, *ends, to_node)  # type: ignore[arg-type]
    else:
        add_regulator(draft, device, *ends, to_node)  # type: ignore[arg-type]
    return None


def _add_switch(draft: Draft, device: Switchgear, phases: Phases, near: str, far: str) -> None:
    """A switch, or one a phase where some are closed and some open."""
    closed = device.closed_phases
    if closed is None:
        closed = Phases.NONE if device.normally_closed is False else phases
    shut = Phases("".join(p for p in phases if p in closed))
    parts = [(phases, bool(shut))]
    if shut and shut != phases:
        parts = [(Phases(p), p in shut) for p in phases]
    kind = draft.data.switchgear_types.get((device.kind, device.equipment))
    amps = (kind.amps.nominal if kind else None) or float("inf")
    what = _KINDS[device.kind]
    if what.value != device.kind.value:
        draft.report.assume(f"a {device.kind} is a {what} here")
    for own, is_closed in parts:
        nodes = nodes_of(own)
        wish = device.number if len(parts) == 1 else f"{device.number}_{own.lower()}"
        name = draft.names.of("line", wish)
        draft.add_line(
            Switch(
                name,
                Terminal(near, nodes),
                Terminal(far, nodes),
                draft.joint_code(len(nodes)),
                _JOINT_M,
                amps,
                what,
                is_closed,
            )
        )
        draft.use("switch", name, device.kind, device.equipment)


def _add_series(draft: Draft, device: SeriesDevice, phases: Phases, near: str, far: str) -> None:
    """A reactor of a positive reactance, or of a capacitor's negative one."""
    kind = draft.data.series_types[device.capacitor, device.equipment]
    x = abs(kind.reactance_ohm or 0.0)
    nodes = nodes_of(phases)
    if not x:
        draft.joint(device.number, near, far, nodes)
        return
    name = draft.names.of("reactor", device.number)
    z = complex(0.0, -x if device.capacitor else x)
    draft.add_reactor(Reactor(name, Terminal(near, nodes), Terminal(far, nodes), z))
