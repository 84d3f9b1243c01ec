"""The page docs/accuracy.md, from what `accuracy` found and the published solutions."""

import cmath
import csv
import math
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from grid_fed_rl.feeders import Feeder, load, names, read_tables
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    compile_network,
    measures,
    nominal_setpoint,
    solve,
)

__all__ = ["page"]

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]

_HEAD = """\
# Accuracy

How far the batched engine is from OpenDSS {opendss} (dss_python_backend {backend}),
and from the published solutions of the IEEE test feeders. `make accuracy` writes
this page: every figure below is a measurement of that command, on the shipped
feeders and on this state of the package.

Both engines solve to 1e-10 per unit. A difference is the largest over all nodes
and rows of the magnitude of the complex difference of voltage phasors, in per
unit of the node's nominal voltage. The target is 1e-6.

"""
_BASE = """\
## As found

One row a feeder: taps, capacitors, switches and loads as its tables have them.

"""
_RANDOM = """\
## Random settings

Taps and capacitor steps anywhere in their range, every load anywhere from 0 to
150 % of nominal. Switches are as found in a third of the rows; in another third
one of them is thrown on average, and in the rest each with a chance of one in
five. Nodes that open switches cut off count as 0 V in both engines; "live" is the
mean share of nodes that are not. "Converged" is the share of the rows that
OpenDSS solves which the batched engine solves too.

Some equations have two solutions: the law of a load may have a step at the edge
of its voltage window (CVR loads and constant currents, say), and then a voltage
on either side of the edge agrees with itself. A row that differs by more than
1e-6 is therefore solved again from OpenDSS's voltages. If the batched engine
stays there, to 1e-6, the row counts under "two solutions" with its first
difference, and not under "largest difference". Of these rows, "alone" counts those
in which OpenDSS itself comes to the batched engine's solution when no other row
was solved before.

"""
_CONTROLS = """\
## Settled controls

Regulators and capacitors act until none wants to, from the taps as found: OpenDSS
in its static control mode, the batched engine by `solve(..., controls=True)`.
The first row has nominal loads, the others every load anywhere from 0 to 150 %.
"Same positions" is the share of the rows in which every tap and every capacitor
step ends where OpenDSS's does; differences of voltage are over these rows.

"""
_PUBLISHED = """\
## Published solutions

The results of the IEEE PES Test Feeder Working Group, with taps locked where its
papers have them. `tests/cases/*_paper` are the papers' own models, and each says
what differs from the shipped feeder and how that is known; the others are shipped
feeders. Voltages and angles: the largest difference of all that are printed and,
for a paper's own model, how many agree to half a unit of the last digit printed.
The tests hold each case to the last column, but for the few values that its TOML
file names. `python benchmarks/printed_digits.py ieee13_paper` says how far the digits
printed of the line impedances leave the voltages open.

"""


def page(results: Results, cases: Path) -> str:
    """The whole page as Markdown."""
    parts = [
        _HEAD.format(opendss=version("opendssdirect.py"), backend=version("dss_python_backend")),
        _BASE,
        _base(results),
        _RANDOM,
        _random(results),
        _CONTROLS,
        _controls(results),
        _PUBLISHED,
        _published(cases),
    ]
    if missing := sorted(set(names()) - set(results)):
        parts.insert(1, f"Not in this run: {', '.join(missing)}.\n\n")
    return "".join(parts)


def _table(heading: str, rows: list[tuple[str, ...]]) -> str:
    columns = heading.split("|")
    lines = [
        "| " + " | ".join(columns) + " |",
        "|---" + "|---:" * (len(columns) - 1) + "|",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n\n"


def _dv(value: float) -> str:
    return f"{value:.1e}"


def _share(part: int, whole: int) -> str:
    if part == whole:
        return "100 %" if whole else "-"
    return f"{100.0 * part / whole:.2f} % ({part} of {whole})"


def _base(results: Results) -> str:
    rows = []
    for feeder, kinds in results.items():
        base, network = kinds["base"], compile_network(load(feeder))
        solved = "yes" if base["both_converged"] else "no"
        rows.append(
            (feeder, f"{network.n_nodes:,}", solved, _dv(base["max_dv_pu"]), base["worst_node"])
        )
    return _table("feeder|nodes|solved by both|largest difference (p.u.)|at node", rows)


def _random(results: Results) -> str:
    rows = []
    for feeder, kinds in results.items():
        found = kinds["random"]
        rows.append(
            (
                feeder,
                f"{found['rows']:,}",
                f"{100.0 * found['live_nodes'] / found['rows']:.0f} %",
                f"{found['opendss_converged']:,}",
                _share(found["both_converged"], found["opendss_converged"]),
                _dv(found["max_dv_pu"]),
                str(found["above_target"]),
                _twice(found),
            )
        )
    heading = (
        "feeder|rows|live|solved by OpenDSS|converged|largest difference (p.u.)|rows beyond 1e-6|"
        "two solutions"
    )
    return _table(heading, rows)


def _twice(found: Mapping[str, Any]) -> str:
    n = found["two_solutions"]
    if not n:
        return "0"
    largest = _dv(found["max_dv_two_solutions_pu"])
    return f"{n} ({largest}; alone {found['two_solutions_alone']})"


def _controls(results: Results) -> str:
    rows = []
    for feeder, kinds in results.items():
        if (found := kinds.get("controls")) is None:
            rows.append((feeder, "no controls", "", "", "", "", ""))
            continue
        rows.append(
            (
                feeder,
                f"{found['rows']:,}",
                f"{found['opendss_converged']:,}",
                _share(found["both_converged"], found["opendss_converged"]),
                _share(found["same_positions"], found["both_converged"]),
                _dv(found["max_dv_pu"]),
                _twice(found),
            )
        )
    heading = (
        "feeder|rows|settled by OpenDSS|settled here too|same positions|"
        "largest difference (p.u.)|two solutions"
    )
    return _table(heading, rows)


def _published(cases: Path) -> str:
    rows = []
    for case in sorted(cases.glob("*/published*.toml")):
        rows += _against(case)
    return _table("feeder, quantity|published|here|difference|held to", rows)


def _against(case: Path) -> list[tuple[str, ...]]:
    name = case.parent.name
    expected = tomllib.loads(case.read_text(encoding="utf-8"))
    feeder = read_tables(case.parent) if (case.parent / "feeder.toml").exists() else load(name)
    network = compile_network(feeder)
    setpoint = nominal_setpoint(network)
    if network.regulators:
        taps = [expected["tap_position"][name] for name in network.regulators]
        setpoint = setpoint.with_(tap_position=taps)
    flow = solve(network, setpoint)
    rows = []
    for quantity, total in expected.get("totals", {}).items():
        here = float(getattr(measures, quantity)(network, flow)[0])
        unit = "kW" if quantity.endswith("kw") else "kvar"
        rows.append(
            (
                f"{name}, {quantity.rpartition('_')[0]} ({unit})",
                f"{total['value']:,.3f}",
                f"{here:,.3f}",
                f"{here - total['value']:+.3f}",
                f"{total['tolerance']:g}",
            )
        )
    voltages = case.with_suffix(".csv")
    if voltages.exists():
        with voltages.open(newline="", encoding="utf-8") as file:
            rows += _voltages(name, feeder, network, flow, list(csv.DictReader(file)), expected)
    return rows


def _voltages(
    name: str,
    feeder: Feeder,
    network: Network,
    flow: PowerFlow,
    table: list[dict[str, str]],
    expected: Mapping[str, Any],
) -> Iterator[tuple[str, ...]]:
    """One row for the magnitudes and, where some are printed, one for the angles."""
    in_volts = "tolerance_v" in expected
    magnitudes, angles = {}, {}
    for row in table:
        node = row["node"]
        v_pu = _voltage(network, flow, node)
        bus, *phases = node.split(".")
        volts = 1000.0 * feeder.buses[bus].kv_ll / (1.0 if len(phases) > 1 else math.sqrt(3.0))
        magnitudes[node] = abs(abs(v_pu) - float(row["v_pu"])) * (volts if in_volts else 1.0)
        if row["angle_deg"]:
            turn = cmath.rect(1.0, -math.radians(float(row["angle_deg"])))
            angles[node] = abs(math.degrees(cmath.phase(v_pu * turn)))
    kinds = [
        ("voltages", "V", magnitudes, expected.get("tolerance_v"), ".2f")
        if in_volts
        else ("voltages", "p.u.", magnitudes, expected["tolerance_pu"], ".5f"),
        ("angles", "degrees", angles, expected.get("tolerance_deg"), ".4f"),
    ]
    for kind, unit, differences, held_to, digits in kinds:
        if differences:
            worst = max(differences, key=differences.__getitem__)
            difference = f"{differences[worst]:{digits}} at {worst}"
            if "tolerance_deg" in expected:
                agree = sum(d < held_to for d in differences.values())
                difference += f"; {agree} of {len(differences)} agree"
            held = f"{held_to:.8f}".rstrip("0") if held_to else ""
            yield (f"{name}, {len(differences)} {kind} ({unit})", "", "", difference, held)


def _voltage(network: Network, flow: PowerFlow, node: str) -> complex:
    """Voltage of a node, or of a pair of phases (``n4.1.2``) on the line-to-line base."""
    bus, *phases = node.split(".")
    ends = [flow.v_pu[0, network.node_index[f"{bus}.{phase}"]] for phase in phases]
    return complex((ends[0] - ends[1]) / math.sqrt(3.0) if len(ends) > 1 else ends[0])
