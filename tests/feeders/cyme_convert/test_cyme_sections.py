"""Sections of a CYME export: lines, switchgear, regulators, and what hangs together."""

from pathlib import Path

import numpy as np
import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import SwitchKind, open_feeder, validate, write_tables
from grid_fed_rl.feeders.cyme.draft import JOINT_OHM
from tests.feeders.cyme_convert.export import imported, spot

LINE = {"OVERHEADLINE SETTING": ["S1,L1,OH,1000,0"]}
CONDUCTORS = {
    "CONDUCTOR": ["W,1.8288,0.743712,0.18,0.19,530", "N,1.43,0.248107,0.37,0.37,340",
                  "NONE,0,0,0,0,0"],
    "SPACING TABLE FOR LINE": ["P,,,,,0,8.5344,0.762,8.5344,2.1336,8.5344,1.2192,7.3152,3,1,1"],
}  # fmt: skip


def by_phase(position: int, phases="ABC", wires="W,W,W", earth="100") -> dict:
    row = f"S1,L1,{wires},N,P,1000,0,{position},{earth}"
    return {"OVERHEAD BYPHASE SETTING": [row], **CONDUCTORS, **spot("S1", phases, 10, 3)}


def z_of(found) -> np.ndarray:
    (line,) = found.feeder.lines.values()
    return np.array(found.feeder.line_codes[line.code].z_ohm_per_km)


def test_which_phase_hangs_where_turns_the_matrix(tmp_path: Path):
    """ABC at places 1, 2, 3 against BAC and CAB (codes 9, 11 and 13 of the position)."""
    z = {}
    for code in (9, 11, 13):
        folder = tmp_path / str(code)
        folder.mkdir()
        z[code] = z_of(imported(folder, ["S1,0,1,ABC"], by_phase(code)))
    at = np.ix_((1, 0, 2), (1, 0, 2))  # A at place 2, B at 1, C at 3
    np.testing.assert_allclose(z[11], z[9][at], rtol=1e-12)
    at = np.ix_((1, 2, 0), (1, 2, 0))  # A at place 2, B at 3, C at 1
    np.testing.assert_allclose(z[13], z[9][at], rtol=1e-12)


def test_a_line_on_one_phase_has_its_own_place(tmp_path: Path):
    found = imported(tmp_path, ["S1,0,1,B"], by_phase(1, "B", "NONE,W,NONE"))
    (line,) = found.feeder.lines.values()
    assert str(line.from_) == "0.2"
    assert z_of(found).shape == (1, 1)
    assert line.amps == 530.0


def test_earth_and_model_count(tmp_path: Path):
    z = {}
    for earth, model in (("100", "modified"), ("1000", "modified"), ("100", "carson")):
        folder = tmp_path / f"{earth}{model}"
        folder.mkdir()
        rows = by_phase(9, earth=earth)
        z[earth, model] = z_of(imported(folder, ["S1,0,1,ABC"], rows, earth_model=model))
    modified = z["100", "modified"]
    assert abs(z["1000", "modified"] - modified).max() > 0.02
    # The whole of Carson's correction takes resistance away and adds reactance.
    assert 1e-4 < abs(z["100", "carson"] - modified).max() < 1e-2
    assert (z["100", "carson"].real < modified.real).all()


def test_a_conductor_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(
        FeederError, match="conductor_c is 'NONE'; expected a conductor, for section S1"
    ):
        imported(tmp_path, ["S1,0,1,ABC"], by_phase(9, wires="W,W,NONE"))


def test_a_place_that_is_missing_is_named(tmp_path: Path):
    rows = by_phase(9)
    rows["SPACING TABLE FOR LINE"] = ["P,,,,,0,8.5,0.7,8.5,,,1.2,7.3,2,1,1"]
    with pytest.raises(FeederError, match="spacing 'P' has no place 3; expected one for each"):
        imported(tmp_path, ["S1,0,1,ABC"], rows)


def test_sequence_values_make_the_matrix(tmp_path: Path):
    found = imported(tmp_path, ["S1,0,1,ABC"], {**LINE, **spot("S1", "ABC", 10, 3)})
    z = z_of(found)
    z1, z0 = 0.19 + 0.38j, 0.48 + 1.19j
    np.testing.assert_allclose(z.diagonal(), (2 * z1 + z0) / 3, rtol=1e-12)
    np.testing.assert_allclose(z[0, 1], (z0 - z1) / 3, rtol=1e-12)
    c = np.array(found.feeder.line_codes["OH"].c_nf_per_km)
    w = 2 * np.pi * 60.0
    np.testing.assert_allclose((c[0, 0] - c[0, 1]) * w * 1e-3, 4.2, rtol=1e-12)  # uS of B1


def test_two_phases_of_a_transposed_line_are_its_corner(tmp_path: Path):
    found = imported(tmp_path, ["S1,0,1,AC"], {**LINE, **spot("S1", "AC", 10, 3)})
    assert z_of(found).shape == (2, 2)
    assert z_of(found)[0, 1] == pytest.approx((0.29 + 0.81j) / 3)


def test_own_matrices_with_their_mutual_terms(tmp_path: Path):
    rows = {
        "OVERHEADLINEUNBALANCED SETTING": ["S1,L1,U,500,0"],
        "LINE UNBALANCED": [
            "U,0.21,0.22,0.23,0.61,0.62,0.63,3.9,3.7,3.5,100,90,80,0.11,0.12,0.13,0.31,0.32,0.33,"
            "-0.8,-0.7,-0.6"
        ],
        **spot("S1", "BC", 10, 3),
    }
    found = imported(tmp_path, ["S1,0,1,BC"], rows)
    np.testing.assert_allclose(
        z_of(found), [[0.22 + 0.62j, 0.12 + 0.32j], [0.12 + 0.32j, 0.23 + 0.63j]]
    )
    (line,) = found.feeder.lines.values()
    assert line.amps == 80.0
    c = np.array(found.feeder.line_codes[line.code].c_nf_per_km)
    np.testing.assert_allclose(c * 2e-3 * np.pi * 60, [[3.7, -0.7], [-0.7, 3.5]])


def test_cables_in_parallel(tmp_path: Path):
    rows = {
        "UNDERGROUNDLINE SETTING": ["S1,L1,K,500,2,0"],
        "CABLE": ["K,0.3,0.8,0.2,0.1,70,60,260"],
        **spot("S1", "ABC", 10, 3),
    }
    found = imported(tmp_path, ["S1,0,1,ABC"], rows)
    (line,) = found.feeder.lines.values()
    assert line.amps == 520.0
    z = z_of(found)
    assert z[0, 0] - z[0, 1] == pytest.approx((0.3 + 0.2j) / 2)


def test_a_cable_without_figures_or_build_is_refused(tmp_path: Path):
    rows = {"UNDERGROUNDLINE SETTING": ["S1,L1,K,500,1,0"], "CABLE": ["K,0,0,0,0,0,0,260"]}
    with pytest.raises(FeederError, match=r"underground line 'L1'.*cable 'K' has no impedance"):
        imported(tmp_path, ["S1,0,1,ABC"], rows)


def test_no_length_is_no_impedance(tmp_path: Path):
    rows = {"OVERHEADLINE SETTING": ["S1,L1,OH,0,0"], **spot("S1", "ABC", 10, 3)}
    found = imported(tmp_path, ["S1,0,1,ABC"], rows)
    (line,) = found.feeder.lines.values()
    z = np.array(found.feeder.line_codes[line.code].z_ohm_per_km) * line.length_m / 1000
    np.testing.assert_allclose(z, np.eye(3) * JOINT_OHM)


SWITCH = {"SWITCH": ["SW,600,15,0.01,4,2,0.5"], "FUSE": ["FU,65,15,0.02,2,0,1"]}


@pytest.mark.parametrize(
    ("phases", "status", "expected"),
    [
        ("ABC", 0, {"W": True}),
        ("NONE", 1, {"W": False}),
        ("AC", 0, {"W_a": True, "W_b": False, "W_c": True}),
    ],
)
def test_switches_stand_phase_by_phase_as_the_export_has_them(tmp_path, phases, status, expected):
    rows = {"SWITCH SETTING": [f"S1,M,SW,W,{phases},{status},0"], **SWITCH, **spot("S1", "A", 1, 0)}
    found = imported(tmp_path, ["S1,0,1,ABC"], rows)
    assert {n: s.closed for n, s in found.feeder.switches.items()} == expected
    kind = found.equipment.switchgear_of(next(iter(expected)))
    assert kind is not None
    assert (kind.amps, kind.failures_per_year, kind.stuck_percent, kind.switch_h) == (
        600.0, 0.01, 2.0, 0.5,
    )  # fmt: skip


def test_devices_of_a_section_stand_in_series_in_their_order(tmp_path: Path):
    rows = {
        **LINE,
        "SWITCH SETTING": ["S1,L,SW,W,ABC,0,0"],
        "FUSE SETTING": ["S1,S,FU,F,ABC,0,0"],
        **SWITCH,
        **spot("S1", "ABC", 10, 3),
    }
    feeder = imported(tmp_path, ["S1,0,1,ABC"], rows).feeder
    fuse, switch, line = feeder.switches["F"], feeder.switches["W"], feeder.lines["L1"]
    assert fuse.kind is SwitchKind.FUSE
    assert (fuse.from_.bus, fuse.to.bus) == ("0", line.from_.bus)
    assert (line.to.bus, switch.to.bus) == (switch.from_.bus, "1")


def test_nodes_with_nothing_between_them_are_one_bus(tmp_path: Path):
    rows = {**LINE, **spot("S2", "ABC", 10, 3)}
    found = imported(tmp_path, ["S1,0,1,ABC", "S2,1,2,ABC"], rows)
    assert set(found.feeder.buses) == {"0", "1"}
    assert found.report.merged == {"2": "1"}
    assert {load.terminal.bus for load in found.feeder.loads.values()} == {"1"}


def test_what_no_record_holds_is_refused_by_name(tmp_path: Path):
    rows = {
        **LINE,
        "PHASE SHIFTER TRANSFORMER SETTING": ["S2,M,PS,P1"],
        **spot("S1", "ABC", 10, 3),
    }
    sections = ["S1,0,1,ABC", "S2,1,2,ABC"]
    with pytest.raises(FeederError, match=r"section 'S2'.*PHASE SHIFTER TRANSFORMER SETTING"):
        imported(tmp_path, sections, rows)
    found = imported(tmp_path, sections, rows, allow_refused=True)
    assert "2" not in found.feeder.buses
    assert len(found.report.refused) == 1


def test_islands_are_left_out_and_said(tmp_path: Path):
    rows = {"OVERHEADLINE SETTING": ["S1,L1,OH,1000,0", "S2,L2,OH,100,0"], **spot("S2", "A", 1, 0)}
    found = imported(tmp_path, ["S1,0,1,ABC", "S2,8,9,ABC"], rows)
    assert set(found.feeder.buses) == {"0", "1"}
    assert found.report.connectivity.islands == ["8, 9 (2 bus(es))"]
    assert found.report.ignored["load: on an island"] == 1
    assert found.report.ignored["section: on an island"] == 1


def test_a_disconnected_line_opens_its_section(tmp_path: Path):
    rows = {"OVERHEADLINE SETTING": ["S1,L1,OH,1000,0", "S2,L2,OH,100,1"], **spot("S1", "A", 1, 0)}
    found = imported(tmp_path, ["S1,0,1,ABC", "S2,1,2,ABC"], rows)
    assert set(found.feeder.lines) == {"L1"}
    assert found.report.connectivity.islands == ["2 (1 bus(es))"]
    assert found.report.ignored["overhead_lines: disconnected"] == 1


def test_what_hangs_half_way_along_an_open_section_is_left_out_and_said(tmp_path: Path):
    rows = {
        "OVERHEADLINE SETTING": ["S1,L1,OH,1000,0", "S2,L2,OH,100,1"],
        "LOADS": ["S2,D,DISTRIBUTED,0,2"],
        "CUSTOMER LOADS": ["S2,D,DISTRIBUTED,C,PQ,0,2026,1,0,A,10,3,0,0"],
        "SHUNT CAPACITOR SETTING": ["S2,C,M,Y,10,10,10,0,0,0,7.2,0,,,,,,,ABC,,,0"],
    }
    found = imported(tmp_path, ["S1,0,1,ABC", "S2,1,2,ABC"], rows)
    assert not found.feeder.loads
    assert not found.feeder.capacitors
    assert found.report.ignored["load: on an island"] == 1
    assert found.report.ignored["shunt capacitor: on an island"] == 1


def test_a_nominal_voltage_that_no_feeder_has_is_named(tmp_path: Path):
    rows = {
        **LINE,
        "SOURCE EQUIVALENT": ["0,12470000,0,-120,120,0.1,0.6,0.2,0.9,7.2,7.2,7.2,0"],
        **spot("S1", "A", 1, 0),
    }
    with pytest.raises(FeederError, match=r"source at node '0'.*expected 0.01 to 2000 kV"):
        imported(tmp_path, ["S1,0,1,ABC"], rows)


def test_figures_beyond_arithmetic_are_refused_by_name(tmp_path: Path):
    rows = {
        **LINE,
        "SHUNT REACTOR SETTING": ["S1,X,L,Y,ABC,100,1,1e200,0"],
        **spot("S1", "A", 1, 0),
    }
    with pytest.raises(FeederError, match=r"shunt reactor 'X'.*no arithmetic holds its figures"):
        imported(tmp_path, ["S1,0,1,ABC"], rows)


def test_loops_and_dangling_ends_are_counted(tmp_path: Path):
    rows = {
        "OVERHEADLINE SETTING": [f"S{k},L{k},OH,100,0" for k in (1, 2, 3, 4)],
        **spot("S1", "ABC", 1, 0),
    }
    sections = ["S1,0,1,ABC", "S2,1,2,ABC", "S3,2,0,ABC", "S4,2,3,ABC"]
    report = imported(tmp_path, sections, rows).report
    assert report.connectivity.dangling == ["3"]
    (loop,) = report.connectivity.loops
    assert {name.split("'")[1] for name in loop.split(", ")} == {"L1", "L2", "L3"}


REGULATOR = {"REGULATOR": ["R,0,167,7.2,10,10,32,2,200,60"]}


def regulator(option="T", taps="3,2,-4", conn="0", at="", phases="ABC") -> dict:
    row = (
        f"S1,M,R,RG,{phases},10,10,2,200,60,{option},{at},122,121,120,1,1,1,2,2,2,{taps},{conn},0,0"
    )
    return {"REGULATOR SETTING": [row], **REGULATOR, **spot("S1", "ABC", 10, 3)}


def test_a_regulator_a_phase_with_its_own_tap_and_control(tmp_path: Path):
    feeder = imported(tmp_path, ["S1,0,1,ABC"], regulator("L")).feeder
    taps = {n: r.tap_position for n, r in feeder.regulators.items()}
    assert taps == {"RG_a": 3, "RG_b": 2, "RG_c": -4}
    control = feeder.regulators["RG_b"].control
    assert control is not None
    assert (control.v_reg, control.band_v, control.pt_ratio, control.ct_primary_a) == (
        121.0, 2.0, 60.0, 200.0,
    )  # fmt: skip
    first = feeder.transformers["RG_a"].windings[0]
    assert first.kva == pytest.approx(1670.0)  # what passes: the rating over 10 %
    assert first.kv == pytest.approx(12.47 / 3**0.5)


def test_at_its_terminals_a_regulator_has_no_line_drop(tmp_path: Path):
    feeder = imported(tmp_path, ["S1,0,1,ABC"], regulator("T")).feeder
    control = feeder.regulators["RG_a"].control
    assert control is not None
    assert (control.r_v, control.x_v) == (0.0, 0.0)


def test_phases_that_are_not_regulated_pass_through(tmp_path: Path):
    feeder = imported(tmp_path, ["S1,0,1,ABC"], regulator(phases="AC")).feeder
    assert set(feeder.regulators) == {"RG_a", "RG_c"}
    (line,) = feeder.lines.values()
    assert (str(line.from_), str(line.to)) == ("0.2", "1.2")


def test_two_regulators_in_open_delta(tmp_path: Path):
    """Between A and C and the phase they share; that one passes through."""
    feeder = imported(tmp_path, ["S1,0,1,ABC"], regulator(phases="AC", conn="3")).feeder
    assert {str(t.windings[1].terminal) for t in feeder.transformers.values()} == {"1.1.2", "1.3.2"}
    (line,) = feeder.lines.values()
    assert str(line.to) == "1.2"
    assert not validate(feeder)


def test_a_closed_delta_of_regulators_is_refused(tmp_path: Path):
    with pytest.raises(FeederError, match=r"regulator 'RG'.*a regulator connected DC"):
        imported(tmp_path, ["S1,0,1,ABC"], regulator(conn="4"))


def test_a_tap_between_steps_is_said(tmp_path: Path):
    (note,) = imported(tmp_path, ["S1,0,1,ABC"], regulator(taps="3.4,2,1")).report.approximated
    assert "tap 3.4 of phase A is read as 3" in note.what
    assert note.amount == "0.0025 per unit"


NETWORKS = [
    "SUBSTATION=SUB,0", "T,0,10,ABC", "FEEDER=F1,10", "A1,10,11,ABC", "FEEDER=F2,10",
    "B1,10,21,ABC", "TIE,21,11,ABC",
]  # fmt: skip
NETWORK_ROWS = {
    "HEADNODES": ["0,SUB", "10,F1", "10,F2"],
    "SOURCE": [",S,0,SUB"],
    "OVERHEADLINE SETTING": ["T,LT,OH,10,0", "A1,LA,OH,500,0", "B1,LB,OH,700,0"],
    "SWITCH SETTING": ["TIE,M,SW,W,NONE,1,0"],
    **SWITCH,
    "LOADS": ["A1,DA,SPOT,0,1", "B1,DB,SPOT,0,1"],
    "CUSTOMER LOADS": [
        "A1,DA,SPOT,C,PQ,0,2026,1,0,A,10,3,0,0", "B1,DB,SPOT,C,PQ,0,2026,1,0,A,20,5,0,0",
    ],
}  # fmt: skip


def test_feeders_of_one_substation_come_together(tmp_path: Path):
    found = imported(tmp_path, NETWORKS, NETWORK_ROWS)
    assert set(found.feeder.lines) == {"LT", "LA", "LB"}
    assert found.report.networks == ("SUB", "F1", "F2")


@pytest.mark.parametrize(("network", "lines"), [("F1", {"LT", "LA"}), ("F2", {"LT", "LB"})])
def test_one_feeder_with_the_substation_that_feeds_it(tmp_path, network, lines):
    feeder = imported(tmp_path, NETWORKS, NETWORK_ROWS, network=network).feeder
    assert set(feeder.lines) == lines
    assert feeder.source.bus == "0"


def test_an_unknown_network_is_answered_with_those_there_are(tmp_path: Path):
    with pytest.raises(FeederError, match="no network 'F9'; the export has F1, F2, SUB"):
        imported(tmp_path, NETWORKS, NETWORK_ROWS, network="F9")


def test_several_sources_ask_for_a_choice(tmp_path: Path):
    rows = {**NETWORK_ROWS, "SOURCE": [",S,0,SUB", ",S2,21,F2"]}
    rows["SOURCE EQUIVALENT"] = [
        f"{node},12.47,0,-120,120,0.1,0.6,0.2,0.9,7.2,7.2,7.2,0" for node in ("0", "21")
    ]
    with pytest.raises(FeederError, match=r"2 sources .*choose a network: F1, F2, SUB"):
        imported(tmp_path, NETWORKS, rows)


def test_source_impedance_counts_where_it_is_asked_for(tmp_path: Path):
    rows = {**LINE, **spot("S1", "ABC", 10, 3)}
    stiff = imported(tmp_path, ["S1,0,1,ABC"], rows)
    behind = imported(tmp_path, ["S1,0,1,ABC"], rows, source_impedance=True)
    assert abs(stiff.feeder.source.z1_ohm) < 1e-5
    assert behind.feeder.source.z1_ohm == 0.1 + 0.6j
    assert behind.feeder.source.z0_ohm == 0.2 + 0.9j
    assert any("Z1 0.1+0.6j" in what for what in stiff.report.assumed)


def test_an_unbalanced_source_is_its_positive_sequence_and_said(tmp_path: Path):
    rows = {**LINE, **spot("S1", "ABC", 10, 3)}
    rows["SOURCE EQUIVALENT"] = ["0,12.47,0,-120,120,0.1,0.6,0.2,0.9,7.2,7.3,7.1,0"]
    found = imported(tmp_path, ["S1,0,1,ABC"], rows)
    assert found.feeder.source.v_pu == pytest.approx(7.2 * 3**0.5 / 12.47)
    assert "not balanced" in found.report.approximated[0].what


def test_names_are_such_as_tables_can_carry(tmp_path: Path):
    rows = {"OVERHEADLINE SETTING": ["S 1,L (1),OH,1000,0"], **spot("S 1", "ABC", 10, 3)}
    found = imported(tmp_path, ["S 1,0,1.5,ABC"], rows)
    assert set(found.feeder.buses) == {"0", "1-5"}
    assert set(found.feeder.lines) == {"L--1-"}
    assert found.report.renamed["bus 1.5"] == "1-5"
    write_tables(found.feeder, tmp_path / "tables")
    assert open_feeder(tmp_path / "tables") == found.feeder


def test_strict_makes_an_approximation_an_error(tmp_path: Path):
    with pytest.raises(FeederError, match=r"1 element.* approximated, which strict forbids"):
        imported(tmp_path, ["S1,0,1,ABC"], regulator(taps="3.4,2,1"), strict=True)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"distributed": "anywhere"}, "distributed is 'anywhere'; expected one of location"),
        ({"earth_model": "flat"}, "earth_model is 'flat'; expected one of modified, carson"),
        ({"load_model": "NIGHT"}, "no load model 'NIGHT'; the export has DEFAULT"),
    ],
)
def test_an_option_that_is_none_is_refused(tmp_path: Path, option: dict, message: str):
    rows = {**LINE, **spot("S1", "ABC", 10, 3)}
    with pytest.raises(FeederError, match=message):
        imported(tmp_path, ["S1,0,1,ABC"], rows, **option)
