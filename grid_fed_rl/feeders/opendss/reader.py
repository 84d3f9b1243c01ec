"""OpenDSS scripts in: compile with OpenDSS itself, then read the compiled circuit."""

import json
import math
import re
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.opendss.agreement import admittance_differences
from grid_fed_rl.feeders.opendss.circuit import Circuit, RefusedError, compile_script, digits
from grid_fed_rl.feeders.opendss.commands import check_names
from grid_fed_rl.feeders.opendss.read_controls import (
    with_capacitor_controls,
    with_inverter_controls,
)
from grid_fed_rl.feeders.opendss.read_lines import read_lines
from grid_fed_rl.feeders.opendss.read_shunts import (
    read_capacitors,
    read_generators,
    read_loads,
    read_pvs,
    read_storages,
)
from grid_fed_rl.feeders.opendss.read_transformers import (
    read_reactors,
    read_source,
    read_transformers,
)
from grid_fed_rl.feeders.opendss.renaming import with_plain_names
from grid_fed_rl.feeders.opendss.report import Imported, Note
from grid_fed_rl.feeders.records import Bus, Connection, Winding
from grid_fed_rl.feeders.shunts import Generator, Storage

Der = TypeVar("Der", Storage, Generator)

__all__ = ["MARK", "read_opendss"]

MARK = "! grid_fed_rl"  # begins the lines in which `write_opendss` keeps title and provenance

_READ = {
    "line", "linecode", "vsource", "load", "transformer", "regcontrol", "capacitor", "reactor",
    "capcontrol", "generator", "storage", "pvsystem", "invcontrol", "fuse", "recloser", "relay",
    "swtcontrol",
}  # fmt: skip
_SAME = 1e-9  # share of an admittance
_READ_DISABLED = {"fuse", "recloser", "relay", "swtcontrol", "regcontrol"}
# What is only looked at through the elements that use it.
_USED = {
    "wiredata", "cndata", "tsdata", "linespacing", "linegeometry", "xfmrcode", "xycurve",
}  # fmt: skip
# What says how things change over time, or only watches.
_NO_SAY = {
    "loadshape", "tshape", "priceshape", "growthshape", "tcc_curve", "spectrum", "dynamicexp",
    "monitor", "energymeter", "sensor",
}  # fmt: skip
_OWN = {"loadshape": 1, "growthshape": 1, "tcc_curve": 10, "spectrum": 7}  # in every circuit


def read_opendss(
    path: str | Path,
    *,
    skip: Collection[str] = (),
    allow_refused: bool = False,
    probe: bool = False,
) -> Imported:
    """Read an OpenDSS script into a feeder.

    OpenDSS itself compiles the script, in a context of its own; what it made of
    it is read, element by element. Names are in lower case. Files that the script
    names are found whatever the case of their letters. Commands that only report
    (show, plot, export) are left out; nothing is written beside the script.
    Taps, capacitor steps and switches stand as the script leaves them, after its
    own solution if it asks for one.

    Args:
        path: The master script.
        skip: Elements to leave out though they cannot be represented, as
            ``class.name``; they stand in the report.
        allow_refused: Leave out every element that cannot be represented.
        probe: Let a process of its own try the script first, which takes some tenths
            of a second: there are malformed scripts of which OpenDSS, and the
            process that called it, dies.

    Returns:
        The feeder, and a report of what was read, approximated, refused and
        ignored, with the totals of the loads.

    Raises:
        FeederError: the script is not there or does not compile; it builds no
            circuit, or more than one, or has not one three-phase source; or it
            holds elements that cannot be represented, all of which are listed.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder; name its master script" if path.is_dir() else "is not there"
        raise FeederError(f"OpenDSS script {str(path)!r} {what}")
    circuit = compile_script(path, probe=probe)
    feeder = _feeder(circuit, path)
    _pass_over(circuit)
    refused = [n for n in circuit.report.refused if n.element.lower() not in _lower(skip)]
    if refused and not allow_refused:
        lines = "\n  ".join(map(str, refused))
        raise FeederError(
            f"script {path}: {len(refused)} element(s) cannot be represented (name them in "
            f"'skip', or pass allow_refused=True, to read the rest):\n  {lines}"
        )
    return Imported(feeder, circuit.report)


def _lower(names: Collection[str]) -> set[str]:
    return {name.lower() for name in names}


def _feeder(circuit: Circuit, path: Path) -> Feeder:
    try:
        source = read_source(circuit)
    except RefusedError as refusal:
        raise FeederError(f"script {path}: {refusal}") from refusal
    codes, lines, switches = read_lines(circuit)
    transformers, regulators, neutrals = read_transformers(circuit)
    reactors = {**read_reactors(circuit), **neutrals}
    loads, grounded = read_loads(circuit)
    capacitors = with_capacitor_controls(circuit, read_capacitors(circuit))
    pvs, storages = with_inverter_controls(circuit, read_pvs(circuit), read_storages(circuit))
    generators = read_generators(circuit)
    storages = _apart(storages, "storage", {*pvs}, circuit)
    generators = _apart(generators, "generator", {*pvs, *storages}, circuit)
    feeder = Feeder(
        name=re.sub(r"[^a-z0-9_-]", "_", circuit.name),
        source=source,
        buses=_buses(circuit),
        line_codes=codes,
        lines=lines,
        switches=switches,
        transformers=transformers,
        reactors={**reactors, **grounded},
        regulators=regulators,
        capacitors=capacitors,
        loads=loads,
        pvs=pvs,
        storages=storages,
        generators=generators,
        frequency_hz=circuit.frequency_hz,
        **_words(path),
    )
    feeder = replace(feeder, buses=_with_voltages(feeder, circuit))
    feeder = with_plain_names(feeder, circuit.report)
    check_names(feeder)
    _compare(circuit, feeder)
    return feeder


def _apart(ders: dict[str, Der], kind: str, taken: set[str], circuit: Circuit) -> dict[str, Der]:
    """DER by names that no other kind of DER has."""
    apart = {}
    for name, der in ders.items():
        new = name
        while new in taken or (new != name and new in ders):
            new = f"{new}-{kind}"
        if new != name:
            circuit.report.renamed[f"{kind}.{name}"] = new
        apart[new] = replace(der, name=new)
    return apart


def _compare(circuit: Circuit, feeder: Feeder) -> None:
    """Say of every element whose admittance is not the script's how far it is off."""
    differences = admittance_differences(circuit, feeder)
    report = circuit.report
    report.compared = len(differences)
    report.largest_difference = max(differences.values(), default=0.0)
    for name, difference in differences.items():
        if difference > _SAME:
            circuit.approximated(
                name, f"its admittance differs by {difference:.1e} of the script's"
            )


def _words(path: Path) -> dict[str, str]:
    """Title and provenance, where `write_opendss` left them in the script."""
    words = {"title": "", "provenance": f"OpenDSS script {path.name}"}
    with path.open(encoding="utf-8", errors="replace") as script:
        for line in script:
            if line.startswith(MARK):
                words |= json.loads(line.removeprefix(MARK))
    return words


def _pass_over(circuit: Circuit) -> None:
    report = circuit.report
    for kind in circuit.classes:
        count = circuit.count(kind)
        if kind in _READ:
            if kind not in _READ_DISABLED:
                report.ignored[kind] += count - len(circuit.enabled(kind))
        elif kind in _USED:
            report.read[kind] += count
        elif kind in _NO_SAY:
            report.ignored[kind] += max(count - _OWN.get(kind, 0), 0)
        elif count:
            for e in circuit.enabled(kind):
                circuit.refuse(e, f"no record holds an element of class {kind}")
    report.read, report.ignored = +report.read, +report.ignored


def _buses(circuit: Circuit) -> dict[str, Bus]:
    buses, at = {}, circuit.dss.Bus
    for name in circuit.dss.Circuit.AllBusNames():
        circuit.dss.Circuit.SetActiveBus(name)
        x, y = (float(at.X()), float(at.Y())) if at.Coorddefined() else (math.nan, math.nan)
        buses[str(name).lower()] = Bus(
            str(name).lower(), digits(float(at.kVBase()) * math.sqrt(3)), x, y
        )
    return buses


def _with_voltages(feeder: Feeder, circuit: Circuit) -> dict[str, Bus]:
    """Voltages of buses to which the script gave none: from source and transformers."""
    buses = dict(feeder.buses)
    missing = {name for name, bus in buses.items() if bus.kv_ll == 0}
    if not missing:
        return buses
    kv_ll = {feeder.source.bus: feeder.source.kv_ll}
    kv_ll |= {name: bus.kv_ll for name, bus in buses.items() if bus.kv_ll}
    # Sections carry a voltage on; across a transformer it is that of the other winding.
    neighbours: dict[str, list[tuple[str, float | None]]] = {name: [] for name in buses}
    for one, other in _sections(feeder):
        neighbours[one].append((other, None))
        neighbours[other].append((one, None))
    for t in feeder.transformers.values():
        for w in t.windings:
            neighbours[w.terminal.bus] += [(o.terminal.bus, _kv_ll(o)) for o in t.windings]
    waiting = deque(kv_ll)
    while waiting:
        here = waiting.popleft()
        for there, rated_kv in neighbours[here]:
            if there not in kv_ll:
                kv_ll[there] = kv_ll[here] if rated_kv is None else rated_kv
                waiting.append(there)
    unknown = sorted(missing - kv_ll.keys())
    if unknown:
        raise FeederError(
            f"feeder {feeder.name!r}: no nominal voltage of bus(es) {', '.join(unknown[:10])}"
            f"{', ...' if len(unknown) > 10 else ''}; 'set voltagebases=[...]' and "
            f"'calcvoltagebases' in the script give one"
        )
    circuit.report.approximated.append(
        Note("bus.*", f"{len(missing)} without a nominal voltage; taken from source and windings")
    )
    return {name: replace(bus, kv_ll=kv_ll[name]) for name, bus in buses.items()}


def _kv_ll(w: Winding) -> float:
    """Line-to-line voltage that a winding is for."""
    to_ground = w.n_coils == 1 and (w.connection is not Connection.DELTA or 0 in w.terminal.phases)
    return digits(w.kv * math.sqrt(3)) if to_ground else w.kv


def _sections(feeder: Feeder) -> Iterator[tuple[str, str]]:
    for branch in (*feeder.lines.values(), *feeder.switches.values()):
        yield branch.from_.bus, branch.to.bus
    for reactor in feeder.reactors.values():
        if reactor.to is not None:
            yield reactor.from_.bus, reactor.to.bus
