"""Text exports: the samples are read whole, and every way of writing them is read."""

import math
from pathlib import Path

import pytest

from grid_fed_rl.feeders.cyme.codes import (
    ByPhase,
    Connection,
    LoadKind,
    Location,
    NetworkKind,
    Phases,
    RegulatorMode,
    SwitchgearKind,
    TransformerConnection,
    ValueType,
)
from grid_fed_rl.feeders.cyme.dataset import Use
from grid_fed_rl.feeders.cyme.records_lines import Point
from grid_fed_rl.feeders.cyme.text_reader import read_text
from tests.feeders.cyme.exports import HEAD, NETWORK, export, read


def test_ieee_13_of_version_5(ieee13: Path):
    found = read_text(ieee13)
    assert (found.version, found.units, len(found.nodes), len(found.sections)) == (
        "5.04",
        "SI",
        25,
        24,
    )
    assert found.sections["L671_684"].phases is Phases.AC
    assert {s.network for s in found.sections.values()} == {"650"}
    assert (found.nodes["650"].x, found.nodes["650"].x2) == (-139.371718, -64.371718)
    # Configurations 601, 603 and 605 of the published feeder hang B A C, C B and C.
    orders = {line.section: line.order for line in found.overhead_by_phase}
    assert (orders["L632_671"], orders["L632_645"], orders["L684_611"]) == ("BAC", "CB", "C")
    assert found.conductors["556_500"].gmr_m == pytest.approx(0.0311 * 0.3048, rel=1e-4)
    assert found.spacings["500"].positions[1] == Point(x_m=0.762, y_m=8.5344)
    assert found.spacings["510"].positions[1:] == (None, None)
    regulator = found.regulators[0]
    assert regulator.tap == ByPhase(10.0, 8.0, 11.0)  # 1.0625, 1.0500, 1.0687
    assert (regulator.mode, regulator.phases) == (RegulatorMode.FIXED, Phases.ABC)
    assert found.transformers[0].connection is TransformerConnection.YG_YG
    capacitors = {c.number: c for c in found.shunt_capacitors}
    assert capacitors["L675CAP"].fixed_kvar == ByPhase(200.0, 200.0, 200.0)
    assert capacitors["L611CAP"].fixed_kvar == ByPhase(0.0, 0.0, 100.0)
    assert capacitors["L611CAP"].connection is Connection.YG
    assert found.switchgear[0].normally_closed is True
    placed = {load.number: (load.kind, load.location) for load in found.loads}
    assert placed["L632_671-1"] == (LoadKind.DISTRIBUTED, Location.MIDDLE)
    assert placed["LOAD671"] == (LoadKind.SPOT, Location.FROM)


def test_totals_of_ieee_13_are_the_published_ones(ieee13: Path):
    rows = read_text(ieee13).customer_loads
    assert sum(row.value1 for row in rows) == pytest.approx(3466.0)
    assert sum(row.value2 for row in rows) == pytest.approx(2102.0)


def test_ieee_4_of_version_8(ieee4: Path):
    found = read_text(ieee4)
    assert found.version == "8.00"
    assert found.sources[0].operating_kv.a == pytest.approx(12.47 / math.sqrt(3.0), rel=1e-6)
    assert found.sections["112"].from_index == 1
    # The numbers of settings are not those of the catalogue: 6 is grounded wye - delta there.
    assert found.transformers[0].connection is TransformerConnection.YG_D
    assert found.transformer_types["IEEE4BUS_YGYG"].connection is TransformerConnection.YG_YG
    assert found.transformer_types["IEEE4BUS_YGYG_1PH"].single_phase is True
    line = {line.section: line for line in found.overhead_by_phase}
    assert (line["109"].neutral_1, line["111"].neutral_1) == ("4_0_6_1_ACSR_NOB", None)
    assert {row.value_type for row in found.customer_loads} == {ValueType.KW_PF}
    assert found.cable_conductors["DEFAULT"].diameter_m == pytest.approx(0.011683914)


def test_every_device_of_version_9(every_device: Path):
    found = read_text(every_device)
    kinds = {device.kind: device for device in found.switchgear}
    assert set(kinds) == set(SwitchgearKind)
    assert kinds[SwitchgearKind.BREAKER].location is Location.FROM
    assert [n.kind for n in found.networks.values()] == [NetworkKind.SUBSTATION, NetworkKind.FEEDER]
    assert found.sections["T1"].network == "SUB"
    assert {kind.kind for kind in found.generators} == {kind for kind, _ in found.generator_types}
    assert found.underground_by_phase[0].cable_n is None
    assert found.regulators[1].equipment_by_phase == ("REG12", "REG12", "REG12")
    assert found.transformers_by_phase[0].primary_tap_percent == ByPhase(100.0, 100.0, 100.0)
    assert found.three_winding[0].tertiary_node == "N26"
    assert found.storages[0].phases is Phases.B
    assert found.converters[0].rating_kva == 330.0
    assert found.switchgear_types[SwitchgearKind.SWITCH, "LBS"].reliability.stuck_percent == 2.0
    assert found.customer_classes["Residential"].description == "homes, mostly"
    assert {row.year for row in found.customer_loads} == {2023, 2024}
    assert [load.connected for load in found.customer_loads if load.number == "L25"] == [False]


def test_no_column_of_the_samples_says_something_that_nobody_has_met(
    ieee13: Path, ieee4: Path, every_device: Path
):
    """New unknown columns would mean that a field was lost from the tables of columns."""
    machines = ("MOTOR", "GENERATOR", "MICRO", "WECS", "LVCB", "AUTOTRANSFORMER")
    unknown = {
        (entry.section, column)
        for path in (ieee13, ieee4, every_device)
        for entry in read_text(path).coverage
        for column, rows in entry.unknown.items()
        if rows and not any(word in entry.section for word in machines)
    }
    assert unknown == {
        ("CABLE", "CableType"),
        ("CABLE", "ConcentricNeutralBeforeSheath"),
        ("CABLE", "NumberOfGroundingConductors"),
        ("CUSTOMER CLASS", "ConnectedCenterTap1N"),
        ("CUSTOMER CLASS", "ConnectedCenterTap2N"),
        ("FUSE", "TestCircuitPF"),
        ("FUSE", "VoltageClassification"),
        ("HEADNODES", "EquivSourceCenterTapPhase"),
        ("HEADNODES", "EquivalentSourceConfiguration"),
        ("HEADNODES", "EquivalentSourceSinglePhaseCT"),
        ("LOAD EQUIVALENT", "ValueSinglePhaseCT11"),
        ("LOAD EQUIVALENT", "ValueSinglePhaseCT12"),
        ("LOAD EQUIVALENT", "ValueSinglePhaseCT21"),
        ("LOAD EQUIVALENT", "ValueSinglePhaseCT22"),
        ("NODE", "Installation"),
        ("SECTIONALIZER", "MomentaryCurrent"),
        ("SOURCE", "CenterTapPhase"),
        ("SOURCE", "SinglePhaseCenterTap"),
        ("THREE WINDING TRANSFORMER", "PrimaryToSecondaryPhaseShiftType"),
        ("THREE WINDING TRANSFORMER", "PrimaryToTertiaryPhaseShiftType"),
        ("SHUNT CAPACITOR SETTING", "ByPhase"),
        ("SHUNT CAPACITOR SETTING", "CTConnection"),
        ("SHUNT CAPACITOR SETTING", "SensorLocation"),
        ("SHUNT CAPACITOR SETTING", "SwitchingMode"),
        ("BESS SETTINGS", "CTConnection"),
        ("BESS SETTINGS", "ChargeDelay"),
        ("BESS SETTINGS", "ChargeDelayUnit"),
        ("BESS SETTINGS", "DischargeDelay"),
        ("BESS SETTINGS", "DischargeDelayUnit"),
        ("BESS SETTINGS", "FaultContribution"),
        ("BESS SETTINGS", "PowerFallLimit"),
        ("BESS SETTINGS", "PowerRiseLimit"),
        ("BESS SETTINGS", "RiseFallUnit"),
        ("PHOTOVOLTAIC SETTINGS", "CTConnection"),
        ("PHOTOVOLTAIC SETTINGS", "FaultContribution"),
        ("CONVERTER CONTROL SETTING", "TimeTriggerIndex"),
    }


CONDUCTORS = """\
[CONDUCTOR]
FORMAT_CONDUCTOR=ID,Diameter,GMR,R25,R50,Amps
ACSR,0.72,0.2928,0.306,0.34,530.0

[SPACING TABLE FOR LINE]
FORMAT_SPACINGTABLEFORLINE=ID,PosOfCond1_X,PosOfCond1_Y
POLE,2.5,28.0

[CABLE CONDUCTOR]
FORMAT_CABLECONDUCTOR=ID,Diameter

[INDUCTION MOTOR]
FORMAT_INDUCTIONMOTOR=ID,RatedPower
M,100.0
"""


def test_imperial_files_are_in_feet_inches_and_miles():
    found = read(export(CONDUCTORS, units="IMPERIAL"))
    conductor = found.conductors["ACSR"]
    assert conductor.diameter_m == pytest.approx(0.72 * 0.0254)
    assert conductor.gmr_m == pytest.approx(0.0244 * 0.3048, rel=1e-9)  # 336,400 ACSR
    assert conductor.r25_ohm_per_km == pytest.approx(0.306 / 1.609344)
    assert found.spacings["POLE"].positions[0] == Point(x_m=2.5 * 0.3048, y_m=28.0 * 0.3048)
    assert found.overhead_lines[0].length_m == pytest.approx(30.48)
    assert found.line_types["L1"].b1_us_per_km == pytest.approx(4.0 / 1.609344)
    assert found.line_types["L1"].amps.nominal == 500.0
    assert [m.rated_kw for m in found.motor_types.values()] == [pytest.approx(74.57, rel=1e-4)]


def test_each_file_is_in_its_own_units():
    network, _, equipment = NETWORK.partition("[LINE]")
    found = read(
        HEAD.format(units="IMPERIAL") + network, HEAD.format(units="SI") + "[LINE]" + equipment
    )
    assert found.overhead_lines[0].length_m == pytest.approx(30.48)
    assert found.line_types["L1"].r1_ohm_per_km == 0.2


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(("\ufeff" + export()).encode(), id="utf-8 with a mark"),
        pytest.param(export().encode("utf-16"), id="utf-16"),
        pytest.param(export().encode("utf-16-le"), id="utf-16 without a mark"),
        pytest.param(export().encode("utf-16-be"), id="utf-16 the other way round"),
        pytest.param(export().replace("\n", "\r\n").encode(), id="lines of Windows"),
        pytest.param(export().replace("\n", "\r").encode(), id="lines of old machines"),
        pytest.param(export().lower().replace("format_", "FORMAT_").encode(), id="lower case"),
    ],
)
def test_a_file_reads_the_same_however_it_is_encoded(data: bytes):
    found = read(data)
    if data.islower() or b"[node]" in data:
        assert set(found.nodes) == {"a", "b"}
    else:
        assert found == read(export())


def test_names_in_windows_letters_are_read():
    text = export().replace("B,10", "Montréal – é,10").replace("A,B,ABC", "A,Montréal – é,ABC")
    assert "Montréal – é" in read(text.encode("cp1252")).nodes
    assert "Montréal – é" in read(text.encode("utf-8")).nodes
    old = export().replace("B,10", "Montréal,10").replace("A,B,ABC", "A,Montréal,ABC")
    assert "Montréal" in read(old.encode("cp850"), encoding="cp850").nodes


def test_columns_are_found_by_name_wherever_they_stand():
    moved = export().replace("NodeID,CoordX,CoordY\nA,0.0,0.0\nB,10.0,0.0", "CoordY,CoordX,NodeID\n"
                             "0.0,0.0,A\n0.0,10.0,B")  # fmt: skip
    assert moved != export()
    assert read(moved) == read(export())


def test_a_section_may_have_several_formats_and_blank_lines():
    more = export().replace(
        "B,10.0,0.0\n",
        "B,10.0,0.0\n\nFORMAT_NODE=NodeID,CoordX1,CoordY1,CoordX2,CoordY2\n\nC,1.0,2.0,3.0,4.0\n",
    )
    found = read(more)
    assert (found.nodes["B"].x2, found.nodes["C"].x, found.nodes["C"].x2) == (None, 1.0, 3.0)


def test_quoted_fields_hold_commas_and_marks():
    text = export(
        '[CUSTOMER CLASS]\nFORMAT_CUSTOMERCLASS=ID,Description,PowerFactor\nR,"a, ""b""",90.0\n'
        "Q,5'6\",80.0\n"
    )
    classes = read(text).customer_classes
    assert [c.description for c in classes.values()] == ['a, "b"', "5'6\""]
    assert [c.power_factor_percent for c in classes.values()] == [90.0, 80.0]


def test_networks_by_context_lines():
    text = export().replace(
        "S,A,B,ABC\n",
        "S,A,B,ABC\nFORMAT_SUBSTATION=NetworkID,HeadNodeID\nSUBSTATION=Y,B\nT,B,A,C\n"
        "FEEDER=G,B\nU,A,B,BA\n",
    )
    found = read(text)
    assert {s.id: s.network for s in found.sections.values()} == {"S": "F", "T": "Y", "U": "G"}
    assert found.networks["Y"].kind is NetworkKind.SUBSTATION
    assert found.networks["G"].head_node == "B"
    assert found.sections["U"].phases is Phases.AB


def test_line_configuration_is_lines_and_cables():
    text = export(
        "[LINE CONFIGURATION]\nFORMAT_LINE CONFIGURATION=SectionID,LineCableID,Length,Overhead\n"
        "T,L1,5.0,1\nU,C1,7.0,0\n\n[CABLE]\nFORMAT_CABLE=ID,R1\nC1,0.3\n"
    ).replace("S,A,B,ABC\n", "S,A,B,ABC\nT,A,B,A\nU,A,B,B\n")
    found = read(text)
    assert [(line.number, line.length_m) for line in found.overhead_lines] == [
        ("S", 100.0),
        ("T", 5.0),
    ]
    assert [(line.number, line.cable) for line in found.underground_lines] == [("U", "C1")]


def test_unknown_columns_and_sections_are_kept_and_counted():
    text = export("[WHO KNOWS]\nFORMAT_WHOKNOWS=ID,What\n1,x\n2,y\n\n[DEVICETAG]\n").replace(
        "FORMAT_NODE=NodeID,CoordX,CoordY\nA,0.0,0.0\nB,10.0,0.0",
        "FORMAT_NODE=NodeID,CoordX,CoordY,Depth,TagText\nA,0.0,0.0,7,\nB,10.0,0.0,,hi",
    )
    found = read(text)
    entry = next(entry for entry in found.coverage if entry.section == "NODE")
    assert entry.unknown == {"Depth": 1}
    assert entry.ignored == ("TagText",)
    assert entry.read == ("NodeID", "CoordX", "CoordY")
    assert dict(zip(*found.nodes["A"].extra, strict=True)) == {"Depth": "7", "TagText": ""}
    other = next(entry for entry in found.coverage if entry.section == "WHO KNOWS")
    assert (other.use, other.rows) == (Use.UNKNOWN, 2)
    assert found.others[0].columns == ("ID", "What")
    assert found.others[0].rows == (("1", "x"), ("2", "y"))


def test_ids_do_not_mind_case_where_they_are_named():
    text = export().replace("S,S,L1,100.0", "s,S,l1,100.0").replace("S,A,B,ABC", "S,a,B,ABC")
    found = read(text)
    assert found.sections["S"].from_node == "A"
    assert (found.overhead_lines[0].section, found.overhead_lines[0].line) == ("S", "L1")


def test_a_folder_may_hold_other_files(tmp_path: Path):
    (tmp_path / "anything.dat").write_text(export())
    (tmp_path / "README.md").write_text("# Not CYME\n")
    (tmp_path / "picture.png").write_bytes(bytes(range(256)))
    found = read_text(tmp_path)
    assert found.files == ("anything.dat",)


def test_a_record_says_where_it_stands(ieee13: Path):
    node = read_text(ieee13).nodes["633"]
    text = (ieee13 / "network.txt").read_text().split("\n")
    assert str(node.place) == "network.txt, line 12, NODE"
    assert text[11].startswith("633,")
