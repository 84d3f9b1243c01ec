"""Reference solutions as data: see tests/cases/README.md."""

import cmath
import csv
import math
import tomllib
from pathlib import Path

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
    network = compile_network(read_tables(case.parent) if own else load(case.parent.name))
    expected = tomllib.loads(case.read_text(encoding="utf-8"))
    taps = [expected["tap_position"][name] for name in network.regulators]
    setpoint = nominal_setpoint(network).with_(tap_position=taps)
    flow = solve(network, setpoint, tolerance_pu=1e-8)
    assert flow.converged.all()

    voltages = case.with_suffix(".csv")
    if voltages.exists():
        with voltages.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                bus, *phases = row["node"].split(".")
                ends = [flow.v_pu[0, network.node_index[f"{bus}.{phase}"]] for phase in phases]
                between = len(ends) > 1  # phases, on the line-to-line base
                v_pu = complex((ends[0] - ends[1]) / math.sqrt(3) if between else ends[0])
                if row["angle_deg"]:
                    theirs = cmath.rect(float(row["v_pu"]), math.radians(float(row["angle_deg"])))
                    difference = abs(v_pu - theirs)
                else:
                    difference = abs(abs(v_pu) - float(row["v_pu"]))
                assert difference < expected["tolerance_pu"], row["node"]

    source = flow.v_pu[0, network.source_nodes]
    norton = network.source_current_pu[network.source_nodes]
    source_kva = 1000.0 * (source * (norton - network.source_admittance_pu @ source).conj()).sum()
    totals = {
        "source_kw": source_kva.real,
        "source_kvar": source_kva.imag,
        "losses_kw": measures.losses_kw(network, flow)[0],
    }
    for name, total in expected.get("totals", {}).items():
        assert totals[name] == pytest.approx(total["value"], abs=total["tolerance"]), name
