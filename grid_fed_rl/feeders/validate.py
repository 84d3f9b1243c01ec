"""Every fault of a feeder at once, as a list.

`validate` looks at what a solver would stumble over: names that point nowhere,
phases that no conductor brings, impossible lengths and ratings, voltages that
do not belong together, buses that the source cannot reach. `check` raises one
error that carries them all.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import (
    Connection,
    LineCode,
    Regulator,
    Terminal,
    Transformer,
)
from grid_fed_rl.feeders.shunts import Capacitor, Load, Pv, Storage
from grid_fed_rl.feeders.topology import places

__all__ = ["Issue", "check", "validate"]

_POSITIVE = "a number above 0"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_KINDS = {
    "buses": "bus",
    "line_codes": "line code",
    "lines": "line",
    "switches": "switch",
    "transformers": "transformer",
    "regulators": "regulator",
    "capacitors": "capacitor",
    "loads": "load",
    "pvs": "pv",
    "storages": "storage",
}


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault: where it is, what was found, what would be right."""

    element: str
    field: str
    value: object
    expected: str

    def __str__(self) -> str:
        return f"{self.element}: {self.field} is {self.value!r}; expected {self.expected}"


def validate(feeder: Feeder) -> list[Issue]:
    """Return every fault of a feeder; an empty list means it can be solved.

    Phases and paths to the source are looked at only where every reference
    holds, since one wrong name would cut off all that is behind it.
    """
    broken = list(_references(feeder))
    issues = [*_names(feeder), *broken, *_branch_values(feeder), *_shunt_values(feeder)]
    return issues if broken else [*issues, *_phases(feeder), *_islands(feeder)]


def check(feeder: Feeder) -> None:
    """Raise one `FeederError` that lists every fault, if there is any."""
    issues = validate(feeder)
    if issues:
        lines = "\n  ".join(map(str, issues))
        raise FeederError(f"feeder {feeder.name!r} has {len(issues)} fault(s):\n  {lines}")


def _terminals(feeder: Feeder) -> Iterator[tuple[str, str, Terminal]]:
    """Yield (element, field, terminal) of everything that stands on a bus."""
    for kind, branches in (("line", feeder.lines), ("switch", feeder.switches)):
        for branch in branches.values():
            yield f"{kind} {branch.name!r}", "from", branch.from_
            yield f"{kind} {branch.name!r}", "to", branch.to
    for transformer in feeder.transformers.values():
        for n, winding in enumerate(transformer.windings, start=1):
            yield f"transformer {transformer.name!r}", f"terminal_{n}", winding.terminal
    for element, shunt in _shunts(feeder):
        yield element, "terminal", shunt.terminal


def _shunts(feeder: Feeder) -> Iterator[tuple[str, Capacitor | Load | Pv | Storage]]:
    for kind in ("capacitors", "loads", "pvs", "storages"):
        for shunt in getattr(feeder, kind).values():
            yield f"{_KINDS[kind]} {shunt.name!r}", shunt


def _names(feeder: Feeder) -> Iterator[Issue]:
    """Names that files and other engines can carry: those do not tell A from a."""
    for kind, singular in _KINDS.items():
        seen: dict[str, str] = {}
        for key, record in getattr(feeder, kind).items():
            element = f"{singular} {record.name!r}"
            if not _NAME.fullmatch(record.name):
                yield Issue(element, "name", record.name, "letters, digits, '_' and '-'")
            if key != record.name:
                yield Issue(element, f"key in {kind}", key, "the record's own name")
            other = seen.setdefault(record.name.lower(), key)
            if other != key:
                yield Issue(element, "name", record.name, f"more than case to differ from {other}")
    for name in feeder.pvs.keys() & feeder.storages.keys():
        yield Issue(f"storage {name!r}", "name", name, "a name that no PV system has")


def _references(feeder: Feeder) -> Iterator[Issue]:
    known_buses = "a bus of buses"
    if feeder.source.bus not in feeder.buses:
        yield Issue("source", "bus", feeder.source.bus, known_buses)
    for element, where, terminal in _terminals(feeder):
        if terminal.bus not in feeder.buses:
            yield Issue(element, where, str(terminal), known_buses)
        if not terminal.phases or len(set(terminal.phases)) != len(terminal.phases):
            yield Issue(element, where, str(terminal), "at least one phase, each once")
    for kind, branches in (("line", feeder.lines), ("switch", feeder.switches)):
        for branch in branches.values():
            n, to = len(branch.from_.phases), branch.to
            code = feeder.line_codes.get(branch.code)
            if code is None:
                known = ", ".join(feeder.line_codes)
                yield Issue(f"{kind} {branch.name!r}", "code", branch.code, f"one of {known}")
            elif len(code.z_ohm_per_km) != n:
                expected = f"a code of {n} conductor(s), as its terminal has"
                yield Issue(f"{kind} {branch.name!r}", "code", branch.code, expected)
            if n != len(to.phases):
                expected = f"{n} phase(s), as at from"
                yield Issue(f"{kind} {branch.name!r}", "to", str(to), expected)
    for transformer in feeder.transformers.values():
        coils = tuple(winding.n_coils for winding in transformer.windings)
        if len(set(coils)) > 1:
            element = f"transformer {transformer.name!r}"
            yield Issue(element, "coils of its windings", coils, "equal numbers")
    moved_by: dict[str, str] = {}
    for regulator in feeder.regulators.values():
        element, transformer = f"regulator {regulator.name!r}", regulator.transformer
        if transformer not in feeder.transformers:
            yield Issue(element, "transformer", transformer, "a transformer of transformers")
        other = moved_by.setdefault(transformer, regulator.name)
        if other != regulator.name:
            expected = f"one that {other!r} does not move already"
            yield Issue(element, "transformer", transformer, expected)


def _branch_values(feeder: Feeder) -> Iterator[Issue]:
    yield from _source_values(feeder)
    for bus in feeder.buses.values():
        if not bus.kv_ll > 0:
            yield Issue(f"bus {bus.name!r}", "kv_ll", bus.kv_ll, _POSITIVE)
    for code in feeder.line_codes.values():
        yield from _line_code_values(code)
    for kind, branches in (("line", feeder.lines), ("switch", feeder.switches)):
        for branch in branches.values():
            if not branch.length_m > 0:
                yield Issue(f"{kind} {branch.name!r}", "length_m", branch.length_m, _POSITIVE)
            buses = [feeder.buses.get(terminal.bus) for terminal in (branch.from_, branch.to)]
            kvs = tuple(bus.kv_ll for bus in buses if bus is not None)
            if len(set(kvs)) > 1:
                yield Issue(f"{kind} {branch.name!r}", "kv_ll of its buses", kvs, "equal voltages")
    for transformer in feeder.transformers.values():
        yield from _transformer_values(feeder, transformer)
    for regulator in feeder.regulators.values():
        if not _has_neutral(regulator):
            yield Issue(
                f"regulator {regulator.name!r}",
                "(tap_min_pu, tap_max_pu, n_steps)",
                (regulator.tap_min_pu, regulator.tap_max_pu, regulator.n_steps),
                "a range above 0 in at least one step, with neutral (1.0) on a step",
            )


def _has_neutral(regulator: Regulator) -> bool:
    lowest, highest = regulator.tap_min_pu, regulator.tap_max_pu
    if not (0 < lowest <= 1.0 <= highest and lowest < highest and regulator.n_steps >= 1):
        return False
    below = (1.0 - lowest) / regulator.step_pu
    return abs(below - round(below)) < 1e-6


def _source_values(feeder: Feeder) -> Iterator[Issue]:
    source = feeder.source
    for field in ("kv_ll", "v_pu"):
        if not getattr(source, field) > 0:
            yield Issue("source", field, getattr(source, field), _POSITIVE)
    for field in ("z1_ohm", "z0_ohm"):
        if getattr(source, field) == 0:
            yield Issue("source", field, getattr(source, field), "an impedance, however small")
    if not feeder.frequency_hz > 0:
        yield Issue("feeder", "frequency_hz", feeder.frequency_hz, _POSITIVE)


def _line_code_values(code: LineCode) -> Iterator[Issue]:
    n = len(code.z_ohm_per_km)
    for field in ("z_ohm_per_km", "c_nf_per_km"):
        rows = getattr(code, field)
        if [len(row) for row in rows] != [n] * n:
            yield Issue(f"line code {code.name!r}", field, rows, f"{n} rows of {n} entries")
            return
        if not np.array_equal(np.array(rows), np.array(rows).T):
            yield Issue(f"line code {code.name!r}", field, rows, "a symmetric matrix")
            return
    if np.linalg.matrix_rank(np.array(code.z_ohm_per_km)) < n:
        expected = "a matrix that can be inverted"
        yield Issue(f"line code {code.name!r}", "z_ohm_per_km", code.z_ohm_per_km, expected)


def _transformer_values(feeder: Feeder, transformer: Transformer) -> Iterator[Issue]:
    element = f"transformer {transformer.name!r}"
    if not all(x > 0 for x in transformer.x_percent):
        yield Issue(element, "x_percent", transformer.x_percent, _POSITIVE)
    kvas = tuple(winding.kva for winding in transformer.windings)
    if not kvas[0] == kvas[1] > 0:
        yield Issue(element, "kva of its windings", kvas, "one number above 0")
    for n, winding in enumerate(transformer.windings, start=1):
        if not winding.tap_pu > 0:
            yield Issue(element, f"tap_pu of winding {n}", winding.tap_pu, _POSITIVE)
        place = (winding.terminal, winding.connection, winding.kv)
        yield from _rated_voltage(feeder, element, f"kv_{n}", *place)


def _rated_voltage(
    feeder: Feeder, element: str, field: str, terminal: Terminal, connection: Connection, kv: float
) -> Iterator[Issue]:
    """A nameplate is line-to-neutral only where there is one conductor."""
    if connection is Connection.DELTA and len(terminal.phases) == 1:
        yield Issue(element, field.replace("kv", "terminal"), str(terminal), "2 or 3 phases")
    elif terminal.bus in feeder.buses:
        kv_ll = feeder.buses[terminal.bus].kv_ll
        expected = kv_ll if len(terminal.phases) > 1 else kv_ll / math.sqrt(3)
        if not 0.8 * expected < kv < 1.25 * expected:
            yield Issue(element, field, kv, f"about {expected:.3g}, as its bus has")


def _shunt_values(feeder: Feeder) -> Iterator[Issue]:
    for element, shunt in _shunts(feeder):
        place = (shunt.terminal, shunt.connection, shunt.kv)
        yield from _rated_voltage(feeder, element, "kv", *place)
        yield from _ratings(element, shunt)


def _ratings(element: str, shunt: Capacitor | Load | Pv | Storage) -> Iterator[Issue]:
    match shunt:
        case Load():
            for field in ("kw", "kvar"):
                if not math.isfinite(getattr(shunt, field)):
                    yield Issue(element, field, getattr(shunt, field), "a finite number")
            window = (shunt.v_low_pu, shunt.v_min_pu, shunt.v_max_pu)
            if not 0 <= window[0] < window[1] < window[2]:
                expected = "0 <= low < min < max"
                yield Issue(element, "(v_low_pu, v_min_pu, v_max_pu)", window, expected)
        case Capacitor():
            if not shunt.kvar > 0:
                yield Issue(element, "kvar", shunt.kvar, _POSITIVE)
        case Pv():
            yield from _not_negative(element, shunt, "kw_dc", "kva")
        case _:  # a battery
            yield from _not_negative(element, shunt, "kw", "kwh", "kva")
            for field in ("efficiency_charge", "efficiency_discharge"):
                if not 0 < getattr(shunt, field) <= 1:
                    yield Issue(element, field, getattr(shunt, field), "above 0, at most 1")
            window = (shunt.soc_min, shunt.soc_max)
            if not 0 <= window[0] < window[1] <= 1:
                yield Issue(element, "(soc_min, soc_max)", window, "0 <= min < max <= 1")


def _not_negative(element: str, shunt: Pv | Storage, *fields: str) -> Iterator[Issue]:
    for field in fields:
        if not getattr(shunt, field) >= 0:
            yield Issue(element, field, getattr(shunt, field), "0 or more")


def _phases(feeder: Feeder) -> Iterator[Issue]:
    for element, shunt in _shunts(feeder):
        brought = feeder.phases_of(shunt.terminal.bus)
        if not set(shunt.terminal.phases) <= set(brought):
            there = ", ".join(map(str, brought)) or "none"
            yield Issue(element, "terminal", str(shunt.terminal), f"phases at that bus: {there}")


def _islands(feeder: Feeder) -> Iterator[Issue]:
    reached = places(feeder)
    for bus in feeder.buses:
        for phase in feeder.phases_of(bus):
            if (bus, phase) not in reached:
                expected = "a path of closed branches to the source"
                yield Issue(f"bus {bus!r}", "phase", phase, expected)
