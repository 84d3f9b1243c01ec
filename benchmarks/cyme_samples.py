"""CYME's own exports of the IEEE 13-node feeder against the published answers, and of the 4-node.

    python benchmarks/cyme_samples.py samples/

`samples/` holds ``ieee_13node`` and ``ieee_4node`` (text) and ``mdb/IEEE13.mdb``, as NREL's
DiTTo published them; the default is ``shared/cyme`` beside the checkout.

Voltages are compared with those that the IEEE PES Test Feeder Working Group printed (four
decimals, hundredths of a degree), totals with its own; taps stand as the export has them.
Each line says how far we are off, ours less theirs. The options are those of `read_cyme`.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from grid_fed_rl.feeders import CymeImport, Feeder, read_cyme
from grid_fed_rl.powerflow import compile_network, measures, nominal_setpoint, solve

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT.parent / "shared" / "cyme"
XML = ROOT / "tests" / "feeders" / "cyme" / "fixtures" / "ieee13.sxst"
PUBLISHED = ROOT / "tests" / "cases" / "ieee13_paper" / "published.csv"
TOTALS = {
    "source_kw": 3577.191,
    "source_kvar": 1724.772,
    "losses_kw": 111.063,
    "losses_kvar": 324.653,
}


def deviations(feeder: Feeder) -> tuple[list[tuple[str, float, float]], dict[str, float]]:
    """Node, per unit and degrees off; and the totals, off in percent."""
    network = compile_network(feeder)
    flow = solve(network, nominal_setpoint(network))
    if not flow.converged[0]:
        raise SystemExit(f"{feeder.name}: no solution")
    nodes = []
    with PUBLISHED.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            v = flow.v_pu[0, network.node_index[row["node"]]]
            printed = row["angle_deg"]
            angle = float(np.angle(v, deg=True)) - float(printed) if printed else float("nan")
            nodes.append((row["node"], abs(v) - float(row["v_pu"]), angle))
    ours = {name: float(getattr(measures, name)(network, flow)[0]) for name in TOTALS}
    return nodes, {n: 100.0 * (ours[n] / value - 1.0) for n, value in TOTALS.items()}


def lines_of(name: str, imported: CymeImport) -> Iterator[str]:
    """What is said of one export."""
    nodes, totals = deviations(imported.feeder)
    yield f"{name}: {len(imported.report.approximated)} approximation(s)"
    v = max(nodes, key=lambda one: abs(one[1]))
    angle = max((n for n in nodes if n[2] == n[2]), key=lambda one: abs(one[2]))
    yield f"  largest: {v[1]:+.5f} per unit at {v[0]}, {angle[2]:+.3f} degrees at {angle[0]}"
    others = [n for n in nodes if not n[0].startswith("675")]
    worst = max(others, key=lambda one: abs(one[1]))
    yield f"  but for 675: {worst[1]:+.5f} per unit at {worst[0]}"
    yield "  totals: " + ", ".join(f"{n} {off:+.3f} %" for n, off in totals.items())


def four_nodes(imported: CymeImport) -> Iterator[str]:
    """Voltages between the phases of the 4-node feeder, as the export has it."""
    network = compile_network(imported.feeder)
    flow = solve(network, nominal_setpoint(network))
    for bus in ("2", "3", "4"):
        at = [network.node_index[f"{bus}.{p}"] for p in (1, 2, 3)]
        v = flow.v_pu[0, at] * network.v_base_v[at]
        legs = v - np.roll(v, -1)
        words = ", ".join(f"{abs(x):,.0f} V {np.angle(x, deg=True):.1f}" for x in legs)
        yield f"  {bus}: {words}"


def main() -> int:
    """Say how far each export is off."""
    parser = argparse.ArgumentParser(description="CYME's IEEE 13 against the published answers.")
    parser.add_argument("samples", nargs="?", type=Path, default=SAMPLES, help="their folder")
    parser.add_argument("--earth-model", default="modified", help="modified, carson or deri")
    parser.add_argument("--distributed", default="location", help="location, middle or ends")
    parser.add_argument("--source-impedance", action="store_true", help="put it before the feeder")
    args = parser.parse_args()
    options = {k: v for k, v in vars(args).items() if k != "samples"}
    for path in (args.samples / "ieee_13node", args.samples / "mdb" / "IEEE13.mdb", XML):
        print("\n".join(lines_of(path.name, read_cyme(path, **options))))
    print("ieee_4node, between phases:")
    print("\n".join(four_nodes(read_cyme(args.samples / "ieee_4node", **options))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
