"""Loads that stand at a node for what is not in the file."""

import math

from grid_fed_rl.feeders.cyme.codes import Phases, ValueType
from grid_fed_rl.feeders.cyme.convert_customers import power_of
from grid_fed_rl.feeders.cyme.draft import NODE, Draft, RefusedError
from grid_fed_rl.feeders.cyme.records_loads import CustomerLoad, LoadKind
from grid_fed_rl.feeders.cyme.records_network import LoadEquivalent, LoadModel
from grid_fed_rl.feeders.records import Connection, Terminal
from grid_fed_rl.feeders.shunts import Load
from grid_fed_rl.feeders.shunts import LoadModel as Law

__all__ = ["add_equivalents"]

_V_MIN_PU, _V_MAX_PU = 0.8, 2.0


def add_equivalents(draft: Draft, model: LoadModel | None) -> None:
    """Put load equivalents of the load model into the feeder, as constant power."""
    names = (None, "", model.id, model.name) if model is not None else None
    for equivalent in draft.data.load_equivalents:
        if not any(equivalent.value1):
            continue
        if names is not None and equivalent.load_model not in names:
            draft.report.ignored["load equivalent: of another load model"] += 1
            continue
        with draft.holding("load equivalent", equivalent.node, equivalent.place):
            _add(draft, equivalent)


def _add(draft: Draft, equivalent: LoadEquivalent) -> None:
    try:
        what = ValueType((equivalent.format or "").lower())
    except ValueError:
        expected = ", ".join(v.upper() for v in ValueType)
        raise RefusedError(f"its format is {equivalent.format!r}; expected {expected}") from None
    bus = draft.bus(equivalent.node)
    if bus not in draft.kv_ll:
        raise RefusedError("its node is on an island")
    kv = draft.kv_ll[bus] / math.sqrt(3)
    for letter, first, second in zip("ABC", equivalent.value1, equivalent.value2, strict=True):
        if not first and not second:
            continue
        row = CustomerLoad(
            section="", number=equivalent.node, kind=LoadKind.SPOT, phases=Phases(letter),
            value_type=what, value1=first or 0.0, value2=second or 0.0,
        )  # fmt: skip
        power = power_of(row, kv)
        name = draft.names.of("load", f"{equivalent.node}_equivalent_{letter.lower()}", quiet=True)
        draft.loads[name] = Load(
            name, Terminal(bus, (NODE[letter],)), Connection.WYE, Law.PQ, power.kw, power.kvar,
            kv, v_min_pu=_V_MIN_PU, v_max_pu=_V_MAX_PU,
        )  # fmt: skip
        draft.report.totals.file_kw += power.kw
        draft.report.totals.file_kvar += power.kvar
