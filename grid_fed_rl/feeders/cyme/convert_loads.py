"""Loads of a CYME dataset: customers' rows of one year and model, by phase and class."""

import math
from collections import defaultdict
from collections.abc import Iterator

from grid_fed_rl.feeders.cyme.codes import Connection as Side
from grid_fed_rl.feeders.cyme.codes import LoadKind, Location, Phases, ValueType
from grid_fed_rl.feeders.cyme.convert_customers import (
    LawOf,
    Power,
    chosen_model,
    chosen_rows,
    law_of,
    power_of,
)
from grid_fed_rl.feeders.cyme.convert_scope import Scope
from grid_fed_rl.feeders.cyme.convert_sections import Places
from grid_fed_rl.feeders.cyme.convert_windings import next_phase
from grid_fed_rl.feeders.cyme.draft import Draft, RefusedError, label, nodes_of
from grid_fed_rl.feeders.cyme.records_loads import CustomerLoad, Load
from grid_fed_rl.feeders.records import Connection, Terminal
from grid_fed_rl.feeders.shunts import Load as Record

__all__ = ["DISTRIBUTED", "add_loads"]

DISTRIBUTED = {
    "location": "where their Location code says",
    "middle": "half way along their section",
    "ends": "half at each end of their section",
}
"""Where distributed loads are put, by the option of the import."""

_DELTAS = (Side.DELTA, Side.CLOSED_DELTA, Side.OPEN_DELTA, Side.DG, Side.DN)
_V_MAX_PU = 2.0  # CYME's laws have no upper end
_HALF = 0.5


def _leg(side: Side | None, phases: Phases, section: Phases) -> tuple[tuple[str, ...], Connection]:
    """Conductors of a row's load, and its connection.

    In a delta a row of one phase is the leg that starts there.
    """
    if side not in _DELTAS:
        return tuple(phases), Connection.WYE
    legs = tuple(phases) if len(phases) > 1 else (str(phases), next_phase(str(phases)))
    if not set(legs) <= set(section):
        raise RefusedError(
            f"a delta leg {'-'.join(legs)} on a section of {section}; expected phases it has"
        )
    return legs, Connection.DELTA


def _leg_kv(kv_ll: float, legs: tuple[str, ...], connection: Connection) -> float:
    """Rated voltage as a `Load` has it."""
    one_to_ground = connection is Connection.WYE and len(legs) == 1
    return kv_ll / math.sqrt(3) if one_to_ground else kv_ll


def _places(load: Load, option: str) -> list[tuple[Location, float]]:
    """Where a load stands, and which share of it."""
    if load.kind is LoadKind.DISTRIBUTED:
        if option == "ends":
            return [(Location.FROM, _HALF), (Location.TO, _HALF)]
        if option == "middle":
            return [(Location.MIDDLE, 1.0)]
        return [(load.location or Location.MIDDLE, 1.0)]
    return [(load.location or Location.FROM, 1.0)]


def add_loads(draft: Draft, scope: Scope, places: Places) -> None:
    """Put every load into the feeder, a record a leg and customer class.

    Legs of equal power of one class are one record of three phases.
    """
    model = chosen_model(draft)
    report = draft.report
    report.load_model = model.name if model is not None else ""
    report.load_models = tuple(m.name for m in draft.data.load_models.values())
    rows = defaultdict[tuple[str, LoadKind], list[CustomerLoad]](list)
    for row in chosen_rows(draft, scope, model):
        rows[row.number, row.kind].append(row)
    spread = [d for d in draft.data.loads if d.kind is LoadKind.DISTRIBUTED]
    if any(load.section in scope.sections for load in spread):
        report.assume(f"distributed loads stand {DISTRIBUTED[draft.options.distributed]}")
    laws = {
        name: law_of(draft, draft.data.customer_classes.get(name) if name else None)
        for name in {r.customer_class for group in rows.values() for r in group}
    }
    for load in scope.shunts(draft.data, "loads"):
        assert isinstance(load, Load)
        own = rows.pop((load.number, load.kind), [])
        if not own:
            report.ignored["load: without a row of the year and load model"] += 1
            continue
        where = _places(load, draft.options.distributed)
        if any(places.get((load.section, at)) not in draft.kv_ll for at, _ in where):
            report.ignored["load: on an island"] += 1
            report.ignored["customer load: on an island"] += len(own)
            continue
        with draft.holding("load", load.number, load.place):
            _add(draft, scope, places, load, own, laws)
            draft.count("customer load", len(own))
    for (number, kind), left in rows.items():
        if any(not d.connected and d.number == number for d in draft.data.loads):
            report.ignored["customer load: of a disconnected load"] += len(left)
            continue
        row = left[0]
        report.refuse(
            f"{kind} customer load", number, row.place, "no load of this number stands in [LOADS]"
        )


def _add(
    draft: Draft,
    scope: Scope,
    places: Places,
    load: Load,
    rows: list[CustomerLoad],
    laws: dict[str | None, LawOf],
) -> None:
    section = scope.sections[load.section]
    phases = section.phases or Phases.ABC
    where = _places(load, draft.options.distributed)
    bus = places[section.id, where[0][0]]
    kv_ll = draft.kv_ll[bus]
    drawn: dict[tuple[str | None, tuple[str, ...], Connection], Power] = {}
    totals = draft.report.totals
    for row in rows:
        totals.connected_kva += row.connected_kva or 0.0
        totals.customers += row.n_customers or 0.0
        if row.value1 == 0.0 and row.value2 == 0.0:
            continue
        if not set(row.phases) <= set(phases) and (row.value1 or row.value_type is
                                                   ValueType.KW_KVAR):  # fmt: skip
            raise RefusedError(
                f"it draws {row.value1:g} on phase {row.phases} of a section of {phases}; expected "
                f"phases that are there"
            )
        legs, connection = _leg(load.connection, row.phases, phases)
        kv = _leg_kv(kv_ll, legs, connection)
        per_leg = kv / math.sqrt(3) if connection is Connection.WYE and len(legs) > 1 else kv
        power = power_of(row, per_leg * _amp_legs(row, legs))
        totals.file_kw += power.kw
        totals.file_kvar += power.kvar
        key = (row.customer_class, legs, connection)
        drawn[key] = drawn.get(key, Power(0.0, 0.0)) + power
    _say_connection(draft, load, drawn)
    for location, share in where:
        at = places[section.id, location]
        for key, power in _together(drawn):
            _record(draft, load, at, key, power, share, laws[key[0]], len(where) > 1, location)


def _amp_legs(row: CustomerLoad, legs: tuple[str, ...]) -> float:
    """How many legs carry the amperes of a row."""
    return float(len(legs)) if len(row.phases) > 1 and len(legs) > 2 else 1.0


def _say_connection(draft: Draft, load: Load, drawn: dict) -> None:
    if load.connection in (None, Side.YG, *_DELTAS) or not drawn:
        return
    if load.connection is Side.CENTRE_TAP:
        what = "both halves of its centre tap are taken as alike loaded"
    else:
        what = f"its {load.connection} is read as a grounded wye"
    draft.report.approximate("load", load.number, load.place, what)


def _together(
    drawn: dict[tuple[str | None, tuple[str, ...], Connection], Power],
) -> Iterator[tuple[tuple[str | None, tuple[str, ...], Connection], Power]]:
    """The same, with three equal legs of one class as one of three phases."""
    left = dict(drawn)
    for kind in dict.fromkeys((name, connection) for name, _, connection in drawn):
        name, connection = kind
        legs = (
            [("A", "B"), ("B", "C"), ("C", "A")]
            if connection is Connection.DELTA
            else [("A",), ("B",), ("C",)]
        )
        keys = [(name, leg, connection) for leg in legs]
        if all(key in left for key in keys) and len({left[key] for key in keys}) == 1:
            one = left[keys[0]]
            for key in keys:
                del left[key]
            yield (name, ("A", "B", "C"), connection), Power(3.0 * one.kw, 3.0 * one.kvar)
    yield from left.items()


def _record(
    draft: Draft,
    load: Load,
    bus: str,
    key: tuple[str | None, tuple[str, ...], Connection],
    power: Power,
    share: float,
    law: LawOf,
    split: bool,
    location: Location,
) -> None:
    _, legs, connection = key
    end = f"_{location}" if split else ""
    wish = f"{load.number}{end}_{label(legs)}" if len(legs) < 3 else f"{load.number}{end}"
    nodes = (
        nodes_of(legs)
        if len(legs) == 3 or connection is Connection.WYE
        else tuple(nodes_of(leg)[0] for leg in legs)
    )
    name = draft.names.of("load", wish)
    draft.loads[name] = Record(
        name=name,
        terminal=Terminal(bus, nodes),
        connection=connection,
        model=law.model,
        kw=power.kw * share,
        kvar=power.kvar * share,
        kv=_leg_kv(draft.kv_ll[bus], legs, connection),
        v_min_pu=law.v_min_pu,
        v_max_pu=_V_MAX_PU,
        v_low_pu=min(_HALF, law.v_min_pu),
        cvr=law.cvr,
        zipv=law.zipv,
    )
