"""The whole of an import: every kind of device, its report, its round trip and its equipment."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import opendssdirect
import pytest

from grid_fed_rl.feeders import (
    CymeImport,
    open_feeder,
    read_cyme,
    validate,
    write_tables,
)
from grid_fed_rl.feeders.equipment import read_equipment, write_equipment
from grid_fed_rl.feeders.opendss import commands
from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve


@pytest.fixture(scope="module")
def every(fixtures: Path) -> CymeImport:
    return read_cyme(fixtures / "every_device")


def test_every_kind_of_device_is_in_the_feeder(every: CymeImport):
    assert not every.report.refused
    assert not validate(every.feeder)
    for kind in (
        "overhead by phase", "overhead line", "overhead unbalanced", "underground line",
        "underground by phase", "transformer", "transformer by phase", "autotransformer",
        "three-winding transformer", "grounding transformer", "regulator", "switchgear",
        "series reactor or capacitor", "shunt capacitor", "shunt reactor", "photovoltaic",
        "storage", "generator", "motor", "load", "customer load", "source",
    ):  # fmt: skip
        assert every.report.read[kind] > 0, kind


def test_both_engines_solve_it_alike(every: CymeImport):
    network = compile_network(every.feeder)
    flow = solve(network, nominal_setpoint(network))
    theirs = solve(network, nominal_setpoint(network), engine="opendss")
    assert flow.converged[0]
    assert theirs.converged[0]
    np.testing.assert_allclose(np.abs(flow.v_pu - theirs.v_pu).max(), 0.0, atol=1e-6)


def test_xml_gives_the_same_feeder_as_text(every: CymeImport, fixtures: Path):
    same = read_cyme(fixtures / "every_device.sxst")
    kinds = (
        "buses", "line_codes", "lines", "switches", "transformers", "reactors", "regulators",
        "capacitors", "loads", "pvs", "storages", "generators", "source",
    )  # fmt: skip
    for kind in kinds:
        assert getattr(same.feeder, kind) == getattr(every.feeder, kind), kind
    assert same.equipment == every.equipment
    assert same.report.totals == every.report.totals
    # Places differ; kinds and words do not.
    words = [
        [(n.kind, n.name, n.what) for n in r.approximated] for r in (same.report, every.report)
    ]
    assert sorted(words[0]) == sorted(words[1])


def test_ieee_13_as_xml_is_ieee_13_as_text(samples: Path, fixtures: Path):
    text, xml = read_cyme(samples / "ieee_13node"), read_cyme(fixtures / "ieee13.sxst")
    assert xml.feeder.lines == text.feeder.lines
    assert xml.feeder.line_codes == text.feeder.line_codes
    assert xml.feeder.loads == text.feeder.loads
    assert xml.feeder.transformers == text.feeder.transformers
    assert xml.feeder.regulators == text.feeder.regulators


def test_what_is_written_is_read_again(every: CymeImport, tmp_path: Path):
    write_tables(every.feeder, tmp_path)
    write_equipment(every.equipment, tmp_path)
    assert open_feeder(tmp_path) == every.feeder
    assert read_equipment(tmp_path) == every.equipment


def test_reliability_figures_of_switchgear_are_kept(every: CymeImport):
    breaker = every.equipment.switchgear_of("CB01")
    assert breaker is not None
    assert (breaker.kind, breaker.name, breaker.amps, breaker.interrupting_a) == (
        "breaker", "CB", 1200.0, 20000.0,
    )  # fmt: skip
    assert (breaker.failures_per_year, breaker.major_repair_h, breaker.minor_repair_h) == (
        0.003, 24.0, 8.0,
    )  # fmt: skip
    assert (breaker.stuck_percent, breaker.switch_h) == (1.0, 0.1)
    assert every.equipment.switchgear_of("nothing") is None


def test_the_catalogue_holds_what_is_used_and_what_is_not(every: CymeImport):
    library = every.equipment
    cable = next(c for c in library.cables if c.name == "250CN")
    assert (cable.r1_ohm_per_km, cable.x0_ohm_per_km, cable.amps) == (0.306, 0.17, 260.0)
    wire = next(c for c in library.conductors if c.name == "336ACSR")
    assert (wire.gmr_m, wire.diameter_m) == (pytest.approx(0.00743712), pytest.approx(0.018288))
    transformer = next(t for t in library.transformers if t.name == "500Y")
    assert (transformer.kva, transformer.z1_percent, transformer.xr1, transformer.n_taps) == (
        500.0, 4.0, 5.0, 32,
    )  # fmt: skip
    assert (transformer.no_load_kw, transformer.connection) == (1.1, "Yg_Yg")
    regulator = next(r for r in library.regulators if r.name == "REG12")
    assert (regulator.band_v, regulator.pt_ratio) == (2.0, 60.0)
    setting = next(s for s in library.regulator_settings if s.name == "REG06_a")
    assert (setting.mode, setting.v_set, setting.r_v) == ("terminal", 122.0, 1.0)
    bank = next(c for c in library.capacitor_settings if c.name == "CAP16")
    assert (bank.on, bank.off) == (119.0, 125.0)


def test_the_report_says_all_as_table_json_and_page(every: CymeImport):
    report = every.report
    values = json.loads(report.to_json())
    assert values["networks"] == ["SUB", "F1"]
    assert values["load_model"] == "PEAK"
    assert values["load_models"] == ["PEAK", "LIGHT"]
    assert values["totals"]["file_kw"] == pytest.approx(values["totals"]["feeder_kw"])
    assert values["totals"]["connected_kva"] == 1475.0
    assert values["unknown_columns"]["SOURCE"] == {"SinglePhaseCenterTap": 1, "CenterTapPhase": 1}
    assert values["read"]["customer load"] == 15
    assert values["ignored"]["customer load: of another load model"] == 3
    assert values["ignored"]["customer load: of an earlier year"] == 3
    assert values["ignored"]["customer load: disconnected"] == 1
    text, page = str(report), report.to_html()
    for note in report.approximated:
        assert str(note) in text
    seen = Page()
    seen.feed(page)
    assert not seen.stack
    assert seen.headings[1:] == ["Records", "Refused", "Approximated", "Everything else"]
    assert "http" not in page


class Page(HTMLParser):
    """Checks that tags close, and gathers headings."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "!doctype"):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] in ("h1", "h2"):
            self.headings.append(data)


def test_letters_of_the_export_are_words_on_the_page(tmp_path: Path):
    from tests.feeders.cyme_convert.export import imported, spot

    rows = {"OVERHEADLINE SETTING": ["S<1>,L<b>,OH,1000,0"], **spot("S<1>", "ABC", 1, 0)}
    page = imported(tmp_path, ["S<1>,0,1,ABC"], rows).report.to_html()
    assert "<b>" not in page


def test_the_feeder_is_opendss_s_too(every: CymeImport):
    """Its commands build a circuit, names and all."""
    dss = opendssdirect.NewContext()
    for command in commands(every.feeder):
        dss.Text.Command(command)
    dss.Text.Command("set controlmode=off maxiterations=1000")
    dss.Solution.Solve()
    assert dss.Solution.Converged()
