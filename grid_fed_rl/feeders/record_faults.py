"""Faults that a record shows by itself: numbers that no such element can have.

Each kind has rules: the fields a rule looks at, what they must obey, and what
would be right. A rule is written so that a NaN breaks it.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.issues import KINDS, Issue
from grid_fed_rl.feeders.records import (
    Bus,
    Line,
    LineCode,
    LineDropControl,
    Reactor,
    Regulator,
    Source,
    Switch,
    Transformer,
    Winding,
)
from grid_fed_rl.feeders.shunts import (
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    Curve,
    Generator,
    InverterControl,
    Load,
    LoadModel,
    Pv,
    Storage,
)

__all__ = ["record_faults"]

_SHARE_TOLERANCE = 0.01  # published shares of a ZIP load are rounded to two or three digits


class _Rule(NamedTuple):
    fields: tuple[str, ...]
    holds: Callable[..., bool]
    expected: str


def _each(fields: str, holds: Callable[[Any], bool], expected: str) -> list[_Rule]:
    """One rule for each of some fields."""
    return [_Rule((field,), holds, expected) for field in fields.split()]


def _positive(fields: str) -> list[_Rule]:
    return _each(fields, lambda x: 0 < x < math.inf, "a number above 0")


def _not_negative(fields: str) -> list[_Rule]:
    return _each(fields, lambda x: 0 <= x < math.inf, "0 or more")


def _finite(fields: str) -> list[_Rule]:
    return _each(fields, math.isfinite, "a finite number")


def _together(fields: str, holds: Callable[..., bool], expected: str) -> list[_Rule]:
    return [_Rule(tuple(fields.split()), holds, expected)]


def _impedance(fields: str) -> list[_Rule]:
    return _each(fields, lambda z: z != 0 and np.isfinite(z), "an impedance, however small")


@cache  # most transformers of a feeder are of few types
def _inverts(x_percent: tuple[float, ...], n_windings: int) -> bool:
    """Whether the reactances by pairs make a matrix with an inverse.

    Seen from the first winding, ``x_ij = (x_1i + x_1j - x_pair(i, j)) / 2``.
    """
    pair = {}
    places = ((i, j) for i in range(n_windings) for j in range(i + 1, n_windings))
    for (i, j), x in zip(places, x_percent, strict=True):
        pair[i, j] = pair[j, i] = x
    others = range(1, n_windings)
    x = [
        [(pair[0, i] + pair[0, j] - (pair[i, j] if i != j else 0.0)) / 2 for j in others]
        for i in others
    ]
    return bool(np.linalg.matrix_rank(np.array(x)) == n_windings - 1)


def _has_neutral(lowest: float, highest: float, n_steps: int) -> bool:
    if not (0 < lowest <= 1.0 <= highest < math.inf and lowest < highest and n_steps >= 1):
        return False
    below = (1.0 - lowest) / (highest - lowest) * n_steps
    return abs(below - round(below)) < 1e-6


def _is_in_range(position: int, lowest: float, highest: float, n_steps: int) -> bool:
    if not _has_neutral(lowest, highest, n_steps):
        return True  # another rule says so
    step = (highest - lowest) / n_steps
    return round((lowest - 1.0) / step) <= position <= round((highest - 1.0) / step)


def _shares_add_up(model: LoadModel, zipv: tuple[float, ...]) -> bool:
    if model is not LoadModel.ZIP:
        return True
    if len(zipv) != 7 or not zipv[6] >= 0:
        return False
    return all(abs(sum(part) - 1.0) <= _SHARE_TOLERANCE for part in (zipv[:3], zipv[3:6]))


def _settings_differ_rightly(kind: CapacitorControlKind, on: float, off: float) -> bool:
    match kind:
        case CapacitorControlKind.VOLTAGE | CapacitorControlKind.PF:
            return 0 <= on < off < math.inf
        case CapacitorControlKind.KVAR | CapacitorControlKind.CURRENT:
            return math.inf > on > off > -math.inf
        case CapacitorControlKind.TIME:
            return 0 <= on < 24 and 0 <= off < 24 and on != off


def _is_curve(lowest: float, highest: float) -> Callable[[Curve], bool]:
    def holds(curve: Curve) -> bool:
        volts = [v for v, _ in curve]
        return len(curve) != 1 and (
            all(0 < v < math.inf for v in volts)
            and all(a < b for a, b in itertools.pairwise(volts))
            and all(lowest <= share <= highest for _, share in curve)
        )

    return holds


_WINDOW = _together("v_min_pu v_max_pu", lambda a, b: 0 <= a < b < math.inf, "0 <= min < max")
_INJECTION = _finite("p_kw q_kvar")

_RULES: dict[type, list[_Rule]] = {
    Source: [*_positive("kv_ll v_pu"), *_finite("angle_deg"), *_impedance("z1_ohm z0_ohm")],
    Bus: _positive("kv_ll"),
    Line: [*_positive("length_m"), *_each("amps", lambda x: x > 0, "a number above 0, or inf")],
    Reactor: _impedance("z_ohm"),
    Winding: [*_positive("kv kva tap_pu"), *_not_negative("r_percent")],
    Transformer: _not_negative("antifloat_ppm no_load_percent magnetising_percent"),
    LineDropControl: [
        *_positive("v_reg band_v pt_ratio ct_primary_a max_steps"),
        *_finite("r_v x_v"),
        *_not_negative("delay_s tap_delay_s v_limit"),
    ],
    Regulator: [
        *_together(
            "tap_min_pu tap_max_pu n_steps",
            _has_neutral,
            "a range above 0 in at least one step, with neutral (1.0) on a step",
        ),
        *_together(
            "tap_position tap_min_pu tap_max_pu n_steps",
            _is_in_range,
            "a position between the lowest and the highest tap, 0 for neutral",
        ),
    ],
    Capacitor: [
        *_positive("kvar kv"),
        *_together(
            "n_steps steps_closed", lambda n, k: n >= 1 and 0 <= k <= n, "0 <= closed <= steps"
        ),
    ],
    CapacitorControl: [
        *_together(
            "kind on off",
            _settings_differ_rightly,
            "on below off for voltage and pf, on above off for kvar and current, "
            "two hours of the day for time",
        ),
        *_positive("pt_ratio ct_ratio"),
        *_not_negative("delay_s delay_off_s dead_time_s"),
        *_together("v_min v_max", lambda a, b: 0 <= a < b, "0 <= min < max"),
    ],
    Load: [
        *_finite("kw kvar"),
        *_positive("kv"),
        *_together(
            "v_low_pu v_min_pu v_max_pu",
            lambda low, a, b: 0 <= low <= a < b < math.inf,
            "0 <= low <= min < max",
        ),
        *_each("cvr", lambda cvr: all(map(math.isfinite, cvr)), "finite numbers"),
        *_together(
            "model zipv",
            _shares_add_up,
            "for zip three shares of kW and three of kvar that each add up to 1, and a voltage",
        ),
    ],
    InverterControl: [
        *_each(
            "volt_var",
            _is_curve(-1.0, 1.0),
            "2 or more points of rising voltage, shares between -1 and 1",
        ),
        *_each(
            "volt_watt",
            _is_curve(0.0, 1.0),
            "2 or more points of rising voltage, shares between 0 and 1",
        ),
    ],
    Pv: [*_positive("kv"), *_not_negative("kw_dc kva"), *_WINDOW, *_INJECTION],
    Storage: [
        *_positive("kv"),
        *_not_negative("kw kwh kva"),
        *_each(
            "efficiency_charge efficiency_discharge", lambda x: 0 < x <= 1, "above 0, at most 1"
        ),
        *_together("soc_min soc_max", lambda a, b: 0 <= a < b <= 1, "0 <= min < max <= 1"),
        *_WINDOW,
        *_INJECTION,
    ],
    Generator: [*_positive("kv"), *_not_negative("kva"), *_WINDOW, *_INJECTION],
}
_RULES[Switch] = _RULES[Line]


def _broken(element: str, record: Any, prefix: str = "") -> Iterator[Issue]:
    for fields, holds, expected in _RULES[type(record)]:
        values = [getattr(record, field) for field in fields]
        if not holds(*values):
            names = [prefix + field for field in fields]
            if len(fields) == 1:
                yield Issue(element, names[0], values[0], expected)
            else:
                yield Issue(element, f"({', '.join(names)})", tuple(values), expected)


def _windings(transformer: Transformer) -> Iterator[Issue]:
    element, x_percent = f"transformer {transformer.name!r}", transformer.x_percent
    n = len(transformer.windings)
    if n < 2:
        yield Issue(element, "number of windings", n, "2 or more")
    elif len(x_percent) != n * (n - 1) // 2 or not all(0 < x < math.inf for x in x_percent):
        expected = "a reactance above 0 for each pair of windings: 12, 13, .., 23, .."
        yield Issue(element, "x_percent", x_percent, expected)
    elif not _inverts(x_percent, n):
        yield Issue(element, "x_percent", x_percent, "reactances whose matrix can be inverted")
    for number, winding in enumerate(transformer.windings, start=1):
        yield from _broken(f"{element} winding {number}", winding)


def _line_code(code: LineCode) -> Iterator[Issue]:
    element, n = f"line code {code.name!r}", len(code.z_ohm_per_km)
    for field in ("z_ohm_per_km", "c_nf_per_km"):
        rows = getattr(code, field)
        if n == 0 or [len(row) for row in rows] != [n] * n:
            yield Issue(element, field, rows, f"{n or 'some'} rows of {n or 'as many'} entries")
            return
        matrix = np.array(rows)
        if not np.isfinite(matrix).all():
            yield Issue(element, field, rows, "finite numbers")
            return
        if not (matrix == matrix.T).all():
            yield Issue(element, field, rows, "a symmetric matrix")
            return
    if np.linalg.matrix_rank(np.array(code.z_ohm_per_km)) < n:
        yield Issue(element, "z_ohm_per_km", code.z_ohm_per_km, "a matrix that can be inverted")


def record_faults(feeder: Feeder) -> Iterator[Issue]:
    """Yield what is wrong with each record, whatever stands around it."""
    yield from _broken("source", feeder.source)
    if not 0 < feeder.frequency_hz < math.inf:
        yield Issue("feeder", "frequency_hz", feeder.frequency_hz, "a number above 0")
    for code in feeder.line_codes.values():
        yield from _line_code(code)
    for kind, singular in KINDS.items():
        if kind == "line_codes":
            continue
        for record in getattr(feeder, kind).values():
            element = f"{singular} {record.name!r}"
            yield from _broken(element, record)
            control = getattr(record, "control", None)
            if control is not None:
                yield from _broken(element, control, "control.")
            if isinstance(record, Transformer):
                yield from _windings(record)
