"""CYME's samples of the IEEE test feeders against the published answers, and against OpenDSS."""

import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import opendssdirect
import pytest

from grid_fed_rl.envs.make import make_env
from grid_fed_rl.feeders import CymeImport, Feeder, LineCode, read_cyme
from grid_fed_rl.powerflow import Network, PowerFlow, compile_network, measures, nominal_setpoint
from grid_fed_rl.powerflow import solve as solve_flow

PUBLISHED = Path(__file__).resolve().parents[2] / "cases" / "ieee13_paper" / "published.csv"
TOTALS = {
    "source_kw": 3577.191, "source_kvar": 1724.772, "losses_kw": 111.063, "losses_kvar": 324.653,
}  # fmt: skip


def solve(feeder: Feeder) -> tuple[Network, PowerFlow]:
    network = compile_network(feeder)
    flow = solve_flow(network, nominal_setpoint(network))
    assert flow.converged[0]
    return network, flow


def deviations(feeder: Feeder) -> dict[str, tuple[float, float]]:
    """Per unit and degrees off the published ones, by node; 0 degrees where none is printed."""
    network, flow = solve(feeder)
    found = {}
    with PUBLISHED.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            v = flow.v_pu[0, network.node_index[row["node"]]]
            printed = float(row["angle_deg"]) if row["angle_deg"] else None
            angle = 0.0 if printed is None else float(np.angle(v, deg=True)) - printed
            found[row["node"]] = (abs(v) - float(row["v_pu"]), angle)
    return found


def totals(feeder: Feeder) -> dict[str, float]:
    """How far each of the totals is off, as a share."""
    network, flow = solve(feeder)
    ours = {name: float(getattr(measures, name)(network, flow)[0]) for name in TOTALS}
    return {name: ours[name] / value - 1.0 for name, value in TOTALS.items()}


@pytest.fixture(scope="module")
def text13(samples: Path) -> CymeImport:
    return read_cyme(samples / "ieee_13node")


@pytest.fixture(scope="module")
def mdb13(samples: Path) -> CymeImport:
    pytest.importorskip("access_parser", reason="access-parser is not installed: extra cyme")
    return read_cyme(samples / "mdb" / "IEEE13.mdb")


def test_ieee_13_from_text_but_for_the_cable_its_export_spoils(text13: CymeImport):
    """Mutual resistances of LINE606 are its mutual reactances there: 675 is 0.0023 off."""
    found = deviations(text13.feeder)
    for node, (v, angle) in found.items():
        assert abs(v) < (0.0025 if node in ("675.2", "675.3") else 0.0005), node
        assert abs(angle) < 0.2, node
    assert found["675.3"][0] == pytest.approx(-0.0023, abs=5e-5)
    off = totals(text13.feeder)
    assert off.pop("losses_kw") == pytest.approx(0.0060, abs=5e-5)
    assert max(map(abs, off.values())) < 5e-3
    assert any("LINE606" in what for what in text13.report.sanity)
    assert not text13.report.approximated


def test_ieee_13_from_text_with_the_cable_s_own_mutual_resistance(text13: CymeImport):
    """0.191258 ohm/km, as the database has it (printed: 0.3192, 0.2849 and 0.3192 a mile)."""
    code = text13.feeder.line_codes["LINE606"]
    z = np.array(code.z_ohm_per_km)
    z[~np.eye(3, dtype=bool)] = complex(0.191258, 0.010625)
    mended = LineCode(code.name, tuple(map(tuple, z.tolist())), code.c_nf_per_km)
    feeder = replace(text13.feeder, line_codes={**text13.feeder.line_codes, "LINE606": mended})
    found = deviations(feeder)
    assert max(abs(v) for v, _ in found.values()) < 2.5e-4
    assert max(abs(angle) for _, angle in found.values()) < 0.02
    assert max(map(abs, totals(feeder).values())) < 5e-4


def test_ieee_13_from_the_database(mdb13: CymeImport):
    found = deviations(mdb13.feeder)
    assert max(abs(v) for v, _ in found.values()) < 2.5e-4
    assert max(abs(angle) for _, angle in found.values()) < 0.02
    assert max(map(abs, totals(mdb13.feeder).values())) < 5e-4


def test_text_and_database_are_one_feeder_but_for_that_cable(text13: CymeImport, mdb13: CymeImport):
    text, mdb = text13.feeder, mdb13.feeder
    assert mdb.lines == text.lines
    assert mdb.loads == text.loads
    assert mdb.transformers == text.transformers
    assert mdb.regulators == text.regulators
    assert mdb.capacitors == text.capacitors
    assert mdb.switches == text.switches
    other = {name for name, code in text.line_codes.items() if mdb.line_codes[name] != code}
    assert other == {"LINE606"}


def test_the_published_taps_are_the_export_s_own(text13: CymeImport):
    assert [r.tap_position for r in text13.feeder.regulators.values()] == [10, 8, 11]
    assert {r.control for r in text13.feeder.regulators.values()} == {None}
    settings = {s.name: (s.mode, s.v_set) for s in text13.equipment.regulator_settings}
    assert settings["650REG_a"] == ("fixed", 116.19)


def test_loads_of_another_year_are_kept_and_said(text13: CymeImport):
    """632-671 is of 2002, all others of 2008: each customer's latest year counts."""
    assert text13.report.totals.feeder_kw == pytest.approx(3466.0)
    assert text13.report.year == 2008
    assert any("2002" in what and "L632_671-1" in what for what in text13.report.assumed)


def test_an_environment_runs_on_it(text13: CymeImport):
    env = make_env(text13.feeder, ["regulators", "capacitors"], ["loss"])
    env.reset(seed=1)
    _, reward, terminated, _, info = env.step(env.action_space.sample())
    assert np.isfinite(reward)
    assert not terminated
    assert info["cost"] >= 0.0


# The 4-node sample as an OpenDSS script of its own: from the export's figures, by hand.
SCRIPT = """clear
set defaultbasefrequency=60
new circuit.c basekv=12.47 pu=1.0 angle=0 bus1=107 z1=[0,1e-6] z0=[0,1e-6] z2=[0,1e-6]
set earthmodel=carson
new wiredata.p runits=km rac=0.190140 gmrunits=cm gmrac=0.743712 radunits=cm diam=1.0
new wiredata.n runits=km rac=0.367852 gmrunits=cm gmrac=0.248107 radunits=cm diam=1.0
new linegeometry.w4 nconds=4 nphases=3 reduce=yes
~ cond=1 wire=p units=m x=0 h=8.5344
~ cond=2 wire=p units=m x=0.762 h=8.5344
~ cond=3 wire=p units=m x=2.1336 h=8.5344
~ cond=4 wire=n units=m x=1.2192 h=7.3152
new linegeometry.w3 nconds=3 nphases=3 reduce=no
~ cond=1 wire=p units=m x=0 h=8.5344
~ cond=2 wire=p units=m x=0.762 h=8.5344
~ cond=3 wire=p units=m x=2.1336 h=8.5344
new line.109 bus1=107 bus2=2 geometry=w4 length=609.6 units=m rho=100
new line.111 bus1=3 bus2=4 geometry=w3 length=762 units=m rho=100
new transformer.110 phases=3 windings=2 xhl={x!r}
~ wdg=1 bus=2.1.2.3.0 conn=wye kv=12.47 kva=6000 %r={r!r}
~ wdg=2 bus=3 conn=delta kv=4.16 kva=6000 %r={r!r}
new load.a bus1=4.1.2 phases=1 conn=delta kv=4.16 kw=1275 pf=0.85 model=2
new load.b bus1=4.2.3 phases=1 conn=delta kv=4.16 kw=1800 pf=0.9 model=2
new load.c bus1=4.3.1 phases=1 conn=delta kv=4.16 kw=2375 pf=0.95 model=2
set voltagebases=[12.47 4.16]
calcvoltagebases
set tolerance=1e-11 maxiterations=1000
solve"""


def test_the_4_node_sample_is_opendss_s_of_the_same_figures(samples: Path):
    x = 6.08 * 6.0 / math.hypot(1.0, 6.0)
    dss: Any = opendssdirect.NewContext()
    for command in SCRIPT.format(x=x, r=x / 12.0).splitlines():
        dss.Text.Command(command)
    assert dss.Solution.Converged()
    v = np.asarray(dss.Circuit.YNodeVArray(), dtype=np.float64).view(np.complex128)
    theirs = dict(zip(map(str.lower, dss.Circuit.YNodeOrder()), v, strict=True))
    found = read_cyme(samples / "ieee_4node", strict=True)
    network, flow = solve(found.feeder)
    for k, node in enumerate(network.node_names):
        ours = flow.v_pu[0, k] * network.v_base_v[k]
        # OpenDSS's constants of Carson's equations have five digits.
        assert abs(ours - theirs[node.lower()]) < 1e-6 * network.v_base_v[k], node
