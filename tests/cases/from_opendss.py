"""Make a reference case of a feeder from a published OpenDSS script; see README.md."""

import argparse
import cmath
import csv
import math
import re
from pathlib import Path

import numpy as np
import opendssdirect

from grid_fed_rl.feeders import load


def main() -> None:
    """Solve the script with its own controls and write ``opendss.toml`` and ``opendss.csv``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("feeder", help="name of the shipped feeder")
    parser.add_argument("script", type=Path, help="the OpenDSS script of the same feeder")
    arguments = parser.parse_args()
    feeder = load(arguments.feeder)

    dss = opendssdirect.NewContext()
    dss.Basic.AllowChangeDir(False)
    dss.Text.Command(f'redirect "{arguments.script.resolve()}"')
    dss.Text.Command("set tolerance=1e-10 maxiterations=200 controlmode=static maxcontroliter=200")
    dss.Solution.Solve()
    taps = {}
    for regulator in feeder.regulators.values():
        dss.Transformers.Name(regulator.transformer)
        dss.Transformers.Wdg(2)
        tap_pu: float = dss.Transformers.Tap() or 1.0
        taps[regulator.name] = round((tap_pu - 1.0) / regulator.step_pu)
    volts = np.asarray(dss.Circuit.YNodeVArray(), dtype=np.float64).view(np.complex128)
    names: list[str] = dss.Circuit.YNodeOrder() or []
    by_node = dict(zip((name.lower() for name in names), volts, strict=True))

    folder = Path(__file__).parent / feeder.name
    with (folder / "opendss.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("node", "v_pu", "angle_deg"))
        for bus in feeder.buses.values():
            for phase in feeder.phases_of(bus.name):
                node = f"{bus.name}.{phase}"
                v = complex(by_node[node]) / (bus.kv_ll * 1000.0 / math.sqrt(3))
                writer.writerow((node, f"{abs(v):.12f}", f"{math.degrees(cmath.phase(v)):.10f}"))
    version = re.search(r"version ([\d.]+)", str(dss.Basic.Version()))
    engine = f"OpenDSS (DSS C-API {version[1] if version else 'unknown'})"
    lines = [
        f'origin = """{engine}: {arguments.script.name} of EPRI,',
        'controls settled from neutral in static mode, tolerance 1e-10."""',
        "tolerance_pu = 1e-6",
        "",
        "[tap_position]",
        *(f"{name} = {position}" for name, position in taps.items()),
    ]
    (folder / "opendss.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
