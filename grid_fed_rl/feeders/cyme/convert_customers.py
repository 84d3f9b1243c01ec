"""Which customers' rows of a CYME dataset count, what they draw, and by which law of voltage."""

import math
from dataclasses import dataclass

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.cyme.codes import LoadKind, ValueType
from grid_fed_rl.feeders.cyme.convert_scope import Scope
from grid_fed_rl.feeders.cyme.draft import Draft, RefusedError
from grid_fed_rl.feeders.cyme.records_loads import CustomerClass, CustomerLoad
from grid_fed_rl.feeders.cyme.records_network import LoadModel
from grid_fed_rl.feeders.shunts import LoadModel as Law

__all__ = ["LawOf", "Power", "chosen_model", "chosen_rows", "law_of", "power_of"]

_V_MIN_PU = 0.8


def chosen_model(draft: Draft) -> LoadModel | None:
    """The load model that was asked for, or the default: ``DEFAULT``, or the first.

    Raises:
        FeederError: there is no such model.
    """
    models = draft.data.load_models
    wish = draft.options.load_model
    if wish is not None:
        for model in models.values():
            if wish in (model.id, model.name):
                return model
        names = ", ".join(m.name for m in models.values()) or "none"
        raise FeederError(f"no load model {wish!r}; the export has {names}")
    named = [m for m in models.values() if m.name.upper() == "DEFAULT"]
    return next(iter(named or models.values()), None)


def chosen_rows(draft: Draft, scope: Scope, model: LoadModel | None) -> list[CustomerLoad]:
    """The rows that count: of the load model, and of each customer the latest year there is.

    A year that was asked for is the latest that counts: a customer without rows of that very
    year has those of the last one before it.
    """
    latest, year = dict[tuple[str, LoadKind, str | None], int](), draft.options.year
    rows = []
    for row in draft.data.customer_loads:
        if row.section not in scope.sections:
            continue
        if model is not None and row.load_model not in (None, model.id, model.name):
            draft.report.ignored["customer load: of another load model"] += 1
            continue
        if year is not None and row.year is not None and row.year > year:
            draft.report.ignored["customer load: of a later year"] += 1
            continue
        if not row.connected:
            draft.report.ignored["customer load: disconnected"] += 1
            continue
        rows.append(row)
        key = (row.number, row.kind, row.customer)
        latest[key] = max(latest.get(key, 0), row.year or 0)
    kept = [r for r in rows if (r.year or 0) == latest[r.number, r.kind, r.customer]]
    if len(kept) < len(rows):
        draft.report.ignored["customer load: of an earlier year"] += len(rows) - len(kept)
    years = sorted({r.year for r in kept if r.year is not None})
    if years:
        draft.report.year = years[-1] if year is None else year
        if len(years) > 1:
            old = sorted({r.number for r in kept if r.year is not None and r.year < years[-1]})
            draft.report.assume(
                f"loads of {', '.join(map(str, years))}: the latest year of each customer counts "
                f"({len(old)} load(s) older than {years[-1]}: {', '.join(old[:5])})"
            )
    return kept


@dataclass(frozen=True, slots=True)
class Power:
    """What some rows of one class draw on a leg."""

    kw: float
    kvar: float

    def __add__(self, other: "Power") -> "Power":
        return Power(self.kw + other.kw, self.kvar + other.kvar)


def power_of(row: CustomerLoad, leg_kv: float) -> Power:
    """Power of a row in kW and kvar; amperes are those through a leg at its nominal voltage.

    A negative power factor is a leading one.

    Raises:
        RefusedError: the power factor is none.
    """
    first, second = row.value1, row.value2
    if row.value_type is ValueType.KW_KVAR:
        return Power(first, second)
    pf = second / 100.0
    if not -1.0 <= pf <= 1.0 or (pf == 0.0 and first != 0.0):
        if first == 0.0:
            return Power(0.0, 0.0)
        raise RefusedError(f"power factor of {second} percent; expected up to 100, not 0")
    share = math.sqrt(1.0 - pf * pf) * (1.0 if pf >= 0.0 else -1.0)
    if row.value_type is ValueType.KW_PF:
        return Power(first, first * share / abs(pf)) if first else Power(0.0, 0.0)
    kva = first * leg_kv if row.value_type is ValueType.AMP_PF else first
    return Power(kva * abs(pf), kva * share)


@dataclass(frozen=True, slots=True)
class LawOf:
    """A voltage law of this package, as the fields of a `Load`."""

    model: Law
    zipv: tuple[float, ...] = ()
    cvr: tuple[float, float] = (1.0, 2.0)
    v_min_pu: float = _V_MIN_PU


_PURE = {(1.0, 0.0, 0.0): Law.Z, (0.0, 1.0, 0.0): Law.I, (0.0, 0.0, 1.0): Law.PQ}


def _shares(*percent: float | None) -> tuple[float, float, float] | None:
    values = [p or 0.0 for p in percent]
    total = sum(values)
    if all(p is None for p in percent) or total <= 0.0:
        return None
    z, i, p = (v / total for v in values)
    return z, i, p


def law_of(draft: Draft, kind: CustomerClass | None) -> LawOf:
    """How a class follows voltage; constant power where the export says nothing.

    Below the class's voltage threshold a load is a constant impedance.
    """
    if kind is None:
        draft.report.assume("loads without a customer class draw constant power")
        return LawOf(Law.PQ)
    threshold = (kind.voltage_threshold_percent or 100.0 * _V_MIN_PU) / 100.0
    v_min = min(max(threshold, 0.0), 1.0)
    if kind.exponential and kind.exponent_p is not None and kind.exponent_q is not None:
        return LawOf(Law.CVR, cvr=(kind.exponent_p, kind.exponent_q), v_min_pu=v_min)
    p = _shares(kind.z_p_percent, kind.i_p_percent, kind.p_p_percent)
    q = _shares(kind.z_q_percent, kind.i_q_percent, kind.p_q_percent)
    if p is None and q is None:
        p = q = _shares(kind.z_percent, kind.i_percent, kind.p_percent)
    p, q = p or q, q or p
    if p is None or q is None:
        draft.report.approximate(
            "customer class", kind.id, kind.place, "it has no shares; read as constant power"
        )
        return LawOf(Law.PQ, v_min_pu=v_min)
    if p == q and p in _PURE:
        return LawOf(_PURE[p], v_min_pu=v_min)
    return LawOf(Law.ZIP, zipv=(*p, *q, 0.0), v_min_pu=v_min)
