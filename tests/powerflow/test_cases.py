"""Reference solutions as data: see tests/cases/README.md."""

import cmath
import csv
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest

from grid_fed_rl.feeders import load, names, read_tables
from grid_fed_rl.powerflow import compile_network, measures, nominal_setpoint, solve

CASES = Path(__file__).resolve().parents[1] / "cases"


def test_every_shipped_feeder_has_cases() -> None:
    """The large ones are held to the scripts themselves, in tests/feeders/opendss."""
    with_case = {path.parent.name for path in CASES.glob("*/opendss.toml")}
    large = {"european_lv", "ieee8500", "ieee8500_unbalanced"}
    assert with_case | large | {"baran_wu_33"} == set(names())


@pytest.mark.parametrize(
    "case",
    sorted(path for path in CASES.glob("*/*.toml") if path.stem != "feeder"),
    ids=lambda p: f"{p.parent.name}-{p.stem}",
)
def test_case(case: Path) -> None:
    own = (case.parent / "feeder.toml").exists()
    feeder = read_tables(case.parent) if own else load(case.parent.name)
    network = compile_network(feeder)
    expected = tomllib.loads(case.read_text(encoding="utf-8"))
    taps = [expected["tap_position"][name] for name in network.regulators]
    setpoint = nominal_setpoint(network).with_(tap_position=taps)
    flow = solve(network, setpoint, tolerance_pu=1e-8)
    assert flow.converged.all()

    voltages = case.with_suffix(".csv")
    if voltages.exists():
        with voltages.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            bus, *phases = row["node"].split(".")
            ends = [flow.v_pu[0, network.node_index[f"{bus}.{phase}"]] for phase in phases]
            between = len(ends) > 1  # phases, on the line-to-line base
            v_pu = complex((ends[0] - ends[1]) / math.sqrt(3) if between else ends[0])
            kv = feeder.buses[bus].kv_ll / (1.0 if between else math.sqrt(3))
            _hold(row, v_pu, expected, kv)

    source = flow.v_pu[0, network.source_nodes]
    norton = network.source_current_pu[network.source_nodes]
    source_kva = 1000.0 * (source * (norton - network.source_admittance_pu @ source).conj()).sum()
    totals = {
        "source_kw": source_kva.real,
        "source_kvar": source_kva.imag,
        "losses_kw": measures.losses_kw(network, flow)[0],
        "losses_kvar": measures.losses_kvar(network, flow)[0],
    }
    for name, total in expected.get("totals", {}).items():
        assert totals[name] == pytest.approx(total["value"], abs=total["tolerance"]), name


def _hold(row: dict[str, str], v_pu: complex, expected: dict[str, Any], kv: float) -> None:
    """Hold a voltage to its row: as one phasor, or magnitude and angle each by itself."""
    node, magnitude = row["node"], float(row["v_pu"])
    if "tolerance_deg" not in expected:
        angle = math.radians(float(row["angle_deg"])) if row["angle_deg"] else cmath.phase(v_pu)
        assert abs(v_pu - cmath.rect(magnitude, angle)) < expected["tolerance_pu"], node
        return
    unit, volts = ("v", 1000.0 * kv) if "tolerance_v" in expected else ("pu", 1.0)
    most = expected.get(f"beyond_{unit}", {}).get(node, expected[f"tolerance_{unit}"])
    assert abs(abs(v_pu) - magnitude) * volts < most, node
    if row["angle_deg"]:
        turn = cmath.rect(1.0, -math.radians(float(row["angle_deg"])))
        most = expected.get("beyond_deg", {}).get(node, expected["tolerance_deg"])
        assert abs(math.degrees(cmath.phase(v_pu * turn))) < most, node
