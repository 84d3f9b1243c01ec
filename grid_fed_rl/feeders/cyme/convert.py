"""A CYME dataset becomes a feeder, with a report of what was made of it."""

import math
import re
from collections import Counter
from dataclasses import replace

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.cyme.convert_checks import connectivity, cut_islands, sanity
from grid_fed_rl.feeders.cyme.convert_customers import chosen_model
from grid_fed_rl.feeders.cyme.convert_der import add_ders
from grid_fed_rl.feeders.cyme.convert_equivalents import add_equivalents
from grid_fed_rl.feeders.cyme.convert_loads import add_loads
from grid_fed_rl.feeders.cyme.convert_scope import scope_of
from grid_fed_rl.feeders.cyme.convert_sections import add_sections
from grid_fed_rl.feeders.cyme.convert_shunts import add_shunts
from grid_fed_rl.feeders.cyme.convert_sources import source_of
from grid_fed_rl.feeders.cyme.dataset import CymeDataset, Use
from grid_fed_rl.feeders.cyme.draft import Draft, Options
from grid_fed_rl.feeders.cyme.report import NO_SAY, CymeReport
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import Source
from grid_fed_rl.feeders.validate import check

__all__ = ["convert", "demand"]

_RATED_LIKE = 0.1  # a regulator's rating may be this far from the voltage of its bus
_HERTZ = 60.0


def convert(data: CymeDataset, options: Options, path: str) -> tuple[Feeder, CymeReport, Draft]:
    """Convert a dataset.

    Args:
        data: What a reader read.
        options: Which part of it, and how.
        path: Where it was read from, for the report.

    Returns:
        The feeder, the report, and the draft, whose `uses` say which equipment each element is.

    Raises:
        FeederError: there is no source or a choice to be made, or the feeder has faults.
    """
    report = _begin(data, options, path)
    draft = Draft(data, options, report, _frequency(data, options, report))
    scope = scope_of(draft)
    report.network = ", ".join(scope.networks)
    places = add_sections(draft, scope)
    model = chosen_model(draft)
    source = source_of(draft, scope, model)
    draft.spread_voltages(source.bus, source.kv_ll)
    islands = cut_islands(draft)
    if islands:
        for section in scope.sections.values():
            if draft.bus(section.from_node) not in draft.kv_ll:
                report.ignored["section: on an island"] += 1
        draft.buses = {n: b for n, b in draft.buses.items() if n in draft.kv_ll}
    _rate_regulators(draft)
    add_shunts(draft, scope, places)
    add_loads(draft, scope, places)
    add_equivalents(draft, model)
    add_ders(draft, scope, places, model)
    report.read["section"] = len(scope.sections)
    report.read["node"] = len(
        {n for s in scope.sections.values() for n in (s.from_node, s.to_node)}
    )
    feeder = _feeder(draft, source, path)
    if not report.refused:
        check(feeder)
    totals = report.totals
    totals.feeder_kw = sum(load.kw for load in feeder.loads.values())
    totals.feeder_kvar = sum(load.kvar for load in feeder.loads.values())
    report.connectivity = connectivity(feeder, islands, draft.node_buses())
    report.sanity += sanity(feeder)
    _total_sanity(report)
    return feeder, report, draft


def demand(report: CymeReport, *, strict: bool, allow_refused: bool) -> None:
    """Raise what a report must not hold.

    Raises:
        FeederError: something is refused, and that is not allowed; or something is
            approximated, and `strict`.
    """
    if report.refused and not allow_refused:
        lines = "\n  ".join(map(str, report.refused))
        raise FeederError(
            f"{report.path}: {len(report.refused)} element(s) cannot be represented "
            f"(allow_refused=True leaves them out):\n  {lines}"
        )
    if strict and report.approximated:
        lines = "\n  ".join(map(str, report.approximated))
        raise FeederError(
            f"{report.path}: {len(report.approximated)} element(s) are approximated, which strict "
            f"forbids:\n  {lines}"
        )


def _begin(data: CymeDataset, options: Options, path: str) -> CymeReport:
    report = CymeReport(
        path,
        files=data.files,
        version=data.version,
        units=data.units,
        networks=tuple(
            dict.fromkeys(
                (*data.networks, *(s.network for s in data.sections.values() if s.network))
            )
        ),
        network=options.network or "",
    )
    for part in data.coverage:
        if part.unknown:
            columns = report.unknown_columns.setdefault(part.section, {})
            for name, rows in part.unknown.items():
                columns[name] = columns.get(name, 0) + rows
        if part.use is Use.UNKNOWN:
            report.unknown_sections[part.section] = (
                report.unknown_sections.get(part.section, 0) + part.rows
            )
        elif part.use is Use.IGNORED:
            report.ignored[f"{part.section}: {NO_SAY}"] += part.rows
    return report


def _frequency(data: CymeDataset, options: Options, report: CymeReport) -> float:
    """What was asked for, else what most of the catalogue says, else 60 Hz."""
    if options.frequency_hz is not None:
        return options.frequency_hz
    said = Counter(
        kind.frequency_hz
        for group in (data.line_types, data.unbalanced_types, data.cable_types, data.conductors)
        for kind in group.values()
        if kind.frequency_hz
    )
    if said:
        return said.most_common(1)[0][0]
    report.assume(f"{_HERTZ:g} Hz, since the export says no frequency")
    return _HERTZ


def _rate_regulators(draft: Draft) -> None:
    """Give regulators, ideal transformers, the nominal voltage of their bus for a rating."""
    for regulator in draft.regulators.values():
        transformer = draft.transformers[regulator.transformer]
        first = transformer.windings[0]
        if transformer.windings[1].terminal.bus == first.terminal.bus:
            continue
        if any(w.connection is not first.connection for w in transformer.windings):
            continue
        if transformer.x_percent[0] > 1e-3:  # a tap changer of a transformer of its own
            continue
        kv_ll = draft.kv_ll[first.terminal.bus]
        kv = kv_ll if len(first.terminal.phases) > 1 else kv_ll / math.sqrt(3)
        if not math.isclose(first.kv, kv, rel_tol=_RATED_LIKE):
            draft.report.sanity.append(
                f"regulator {regulator.name!r}: rated {first.kv:.4g} kV on a bus of {kv:.4g} kV"
            )
        windings = tuple(replace(w, kv=kv) for w in transformer.windings)
        draft.transformers[transformer.name] = replace(transformer, windings=windings)


def _feeder(draft: Draft, source: Source, path: str) -> Feeder:
    report = draft.report
    what = report.network or ", ".join(report.networks) or "cyme"
    name = re.sub(r"[^a-z0-9_-]", "_", what.lower())
    used = {s.code for s in (*draft.lines.values(), *draft.switches.values())}
    return Feeder(
        name=f"cyme_{name}" if name[0].isdigit() else name,
        title=f"CYME network {what}",
        provenance=(
            f"CYME export {', '.join(report.files) or path}"
            f"{', version ' + report.version if report.version else ''}"
        ),
        frequency_hz=draft.frequency_hz,
        source=source,
        buses={n: replace(bus, kv_ll=draft.kv_ll[n]) for n, bus in draft.buses.items()},
        line_codes={n: code for n, code in draft.line_codes.items() if n in used},
        lines=draft.lines,
        switches=draft.switches,
        transformers=draft.transformers,
        reactors=draft.reactors,
        regulators=draft.regulators,
        capacitors=draft.capacitors,
        loads=draft.loads,
        pvs=draft.pvs,
        storages=draft.storages,
        generators=draft.generators,
    )


def _total_sanity(report: CymeReport) -> None:
    """Say where the feeder does not hold what the file's rows add up to."""
    t = report.totals
    for word, file, feeder in (
        ("kW", t.file_kw, t.feeder_kw),
        ("kvar", t.file_kvar, t.feeder_kvar),
    ):
        if not math.isclose(file, feeder, rel_tol=1e-9, abs_tol=1e-6):
            report.sanity.append(
                f"loads: {feeder:,.3f} {word} in the feeder, {file:,.3f} in the file's rows"
            )
