"""How far the digits printed of line impedances leave a published solution open.

    python benchmarks/printed_digits.py ieee13_paper

A data sheet prints ohms a mile to four decimals, so that each may be half a unit off.
Every resistance and reactance of every line code is moved by that much, one at a
time; what a voltage or a total may be off by is at most the sum of what all of
them move it. Beside it stands the difference from the published value, and half a
unit of the digit to which that is printed: where the difference is more than both
together, rounding does not explain it.
"""

import argparse
import cmath
import csv
import math
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from grid_fed_rl.feeders import Feeder, read_tables
from grid_fed_rl.powerflow import compile_network, measures, nominal_setpoint, solve

CASES = Path(__file__).resolve().parents[1] / "tests" / "cases"
HALF_UNIT_OHM_PER_KM = 0.5e-4 / 1.609344


def main() -> None:
    """Print the published values of a case, their differences, and what is open."""
    parser = argparse.ArgumentParser(description="What printed impedances leave open.")
    parser.add_argument("case", choices=["ieee13_paper", "ieee123_paper"])
    folder = CASES / parser.parse_args().case
    expected = tomllib.loads((folder / "published.toml").read_text(encoding="utf-8"))
    with (folder / "published.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    feeder = read_tables(folder)
    here = _solution(feeder, table, expected)
    opened = dict.fromkeys(here, 0.0)
    for moved in _moved(feeder):
        for key, value in _solution(moved, table, expected).items():
            opened[key] += abs(value - here[key])

    published = {key: total["value"] for key, total in expected["totals"].items()}
    half = dict.fromkeys(published, 0.0005)
    for row in table:
        published[row["node"]], half[row["node"]] = float(row["v_pu"]), expected["tolerance_pu"]
        if row["angle_deg"]:
            key = f"{row['node']} (degrees)"
            published[key], half[key] = float(row["angle_deg"]), expected["tolerance_deg"]
    print(f"{'':16}{'published':>12}{'difference':>12}{'half unit':>12}{'left open':>12}")
    for key, value in published.items():
        off = here[key] - value
        line = f"{key:16}{value:12.10g}{off:+12.5f}{half[key]:12.5f}{opened[key]:12.5f}"
        beyond = abs(off) > half[key] + opened[key]
        print(line + ("  beyond both" if beyond else ""))


def _solution(
    feeder: Feeder, table: list[dict[str, str]], expected: dict[str, dict[str, int]]
) -> dict[str, float]:
    """Total, magnitude (p.u.) and angle (degrees) of all that is published."""
    network = compile_network(feeder)
    setpoint = nominal_setpoint(network)
    if network.regulators:
        taps = [expected["tap_position"][name] for name in network.regulators]
        setpoint = setpoint.with_(tap_position=taps)
    flow = solve(network, setpoint, tolerance_pu=1e-9)
    found = {key: float(getattr(measures, key)(network, flow)[0]) for key in expected["totals"]}
    for row in table:
        v_pu = complex(flow.v_pu[0, network.node_index[row["node"]]])
        found[row["node"]] = abs(v_pu)
        found[f"{row['node']} (degrees)"] = math.degrees(cmath.phase(v_pu))
    return found


def _moved(feeder: Feeder) -> Iterator[Feeder]:
    """The feeder with one printed resistance or reactance half a unit more, in turn."""
    for code in {line.code for line in feeder.lines.values()}:
        z = feeder.line_codes[code].z_ohm_per_km
        for i in range(len(z)):
            for j in range(i + 1):
                for step in (HALF_UNIT_OHM_PER_KM, 1j * HALF_UNIT_OHM_PER_KM):
                    ohms = [list(row) for row in z]
                    ohms[i][j] += step
                    ohms[j][i] = ohms[i][j]
                    new = replace(
                        feeder.line_codes[code], z_ohm_per_km=tuple(tuple(row) for row in ohms)
                    )
                    yield replace(feeder, line_codes=dict(feeder.line_codes) | {code: new})


if __name__ == "__main__":
    main()
