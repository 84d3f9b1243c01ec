"""Exports with faults: one error that names file, line, section, field and what would be right."""

from pathlib import Path

import pytest

from grid_fed_rl.errors import CymeError, FeederError
from grid_fed_rl.feeders.cyme.places import CymeFault, Place
from grid_fed_rl.feeders.cyme.read import read_dataset
from grid_fed_rl.feeders.cyme.text_reader import read_text
from tests.feeders.cyme.exports import HEAD, NETWORK, export, faults, read


def only(*texts: str | bytes, encoding: str | None = None) -> CymeFault:
    (fault,) = faults(*texts, encoding=encoding)
    return fault


def line_of(text: str, part: str) -> int:
    return next(i for i, line in enumerate(text.split("\n"), 1) if part in line)


def test_no_unit_header():
    fault = only(export().replace("[SI]\n", ""))
    assert str(fault) == "one.txt: unit header is None; expected [SI] or [IMPERIAL] after [GENERAL]"


def test_two_unit_headers():
    text = export("[IMPERIAL]\n")
    assert only(text).place == Place("one.txt", "", line_of(text, "[IMPERIAL]"))


@pytest.mark.parametrize(
    ("old", "new", "section", "field", "value", "expected"),
    [
        ("S,A,B,ABC", "S,A,B,ABD", "SECTION", "phases", "ABD", "phases: one of none, 0, 1, a"),
        ("100.0,0\n", "100.0,7\n", "OVERHEADLINE SETTING", "connected", "7", "one of 0, 1, 2"),
        ("S,S,L1,100.0", "S,S,L1,long", "OVERHEADLINE SETTING", "length_m", "long", "a number"),
        ("S,S,L1,100.0", "S,S,L1,1e999", "OVERHEADLINE SETTING", "length_m", "1e999", "a number"),
        ("S,S,L1,100.0", "S,S,L1,1_000", "OVERHEADLINE SETTING", "length_m", "1_000", "a number"),
        ("S,S,L1,100.0", "S,S,L1,", "OVERHEADLINE SETTING", "length_m", "", "a value"),
        ("S,S,L1,100.0", "S,S,L9,100.0", "OVERHEADLINE SETTING", "line", "L9", "a line that"),
        ("S,S,L1,100.0", "X,S,L1,100.0", "OVERHEADLINE SETTING", "section", "X", "a section that"),
        ("S,A,B,ABC", "S,A,C,ABC", "SECTION", "to_node", "C", "a node that stands in [NODE]"),
        ("FEEDER=F,A", "FEEDER=F,Q", "FEEDER", "head_node", "Q", "a node that stands in [NODE]"),
    ],
)
def test_a_cell_that_is_wrong(
    old: str, new: str, section: str, field: str, value: str, expected: str
):
    text = export().replace(old, new, 1)
    fault = next(f for f in faults(text) if f.field == field)
    assert fault.place == Place("one.txt", section, line_of(text, new.strip("\n")))
    assert fault.value == value
    assert expected in fault.expected


def test_a_duplicate_says_where_the_first_is():
    text = export().replace("B,10.0,0.0\n", "B,10.0,0.0\nA,7.0,0.0\n")
    fault = only(text)
    assert (fault.field, fault.value) == ("id", "A")
    assert fault.expected == "each node once; it stands at one.txt, line 9, NODE already"
    assert fault.place.line == 11


def test_the_same_node_twice_is_no_fault_but_the_same_line_is():
    again = export().replace("B,10.0,0.0\n", "B,10.0,0.0\nB,10.0,0.0\n")
    assert len(read(again).nodes) == 2
    line = "S,S,L1,100.0,0\n"
    assert only(export().replace(line, line * 2)).field == "number"


CUT = export()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CUT[:-12], "8 values, as the FORMAT"),
        (CUT[: CUT.index("TION]") + 2], "a section header with a closing bracket"),
        (CUT[: CUT.index("[LINE]")], "a line that stands in the equipment file"),
    ],
)
def test_a_file_that_is_cut_off(text: str, expected: str):
    assert any(expected in fault.expected for fault in faults(text))


def test_a_row_that_is_too_long():
    text = export().replace("B,10.0,0.0", "B,10.0,0.0,1,2")
    fault = next(f for f in faults(text) if f.field == "row")
    assert fault.value == "5 values"
    assert fault.expected == "3 values, as the FORMAT line 8 has columns"


def test_rows_before_any_format():
    text = export("[BREAKER]\nB1,100.0\nB2,100.0\n")
    fault = only(text)
    assert fault.place == Place("one.txt", "[BREAKER]", line_of(text, "B1,100.0"))
    assert "a FORMAT_ line" in fault.expected


def test_a_column_that_is_missing_names_those_that_would_do():
    text = export().replace("SectionID,DeviceNumber,LineCableID", "SectionID,DeviceNumber,Wire")
    fault = next(f for f in faults(text) if f.field == "columns")
    assert "linecableid, lineid" in fault.expected
    assert fault.place.line == line_of(text, "FORMAT_OVERHEADLINESETTING")


def test_a_quotation_that_does_not_end():
    text = export().replace("B,10.0", '"B,10.0')
    assert any(f.expected == "a closing quotation mark" for f in faults(text))


PHASES = """\
[SHUNT CAPACITOR SETTING]
FORMAT_SHUNTCAPACITORSETTING=SectionID,DeviceNumber,Location,Connection,Phase,KVAR,KV
S,C,S,Y,AB,100.0,2.4
"""
BY_PHASE = """\
[OVERHEAD BYPHASE SETTING]
FORMAT_OVERHEADBYPHASESETTING=SectionID,DeviceNumber,CondID_A,CondID_B,CondID_C,SpacingID,Length
T,T,W,NONE,W,P,5.0

[CONDUCTOR]
FORMAT_CONDUCTOR=ID,R25
W,0.2

[SPACING TABLE FOR LINE]
FORMAT_SPACINGTABLEFORLINE=ID,PosOfCond1_X,PosOfCond1_Y
P,0.0,8.0
"""
LOADS = """\
[LOADS]
FORMAT_LOADS=SectionID,DeviceNumber,LoadType,Connection,Location
S,D,SPOT,{connection},1

[CUSTOMER LOADS]
FORMAT_CUSTOMERLOADS=SectionID,DeviceNumber,LoadType,ValueType,LoadPhase,Value1,Value2
S,D,SPOT,0,B,{kw},0.0
"""


def test_a_capacitor_on_phases_that_its_section_has_not():
    fault = only(export(PHASES).replace("S,A,B,ABC", "S,A,B,AC"))
    assert (fault.field, fault.value) == ("phases", "AB")
    assert fault.expected == "phases of its section, which has AC"


def test_a_line_without_a_conductor_for_a_phase():
    fault = only(export(BY_PHASE).replace("S,A,B,ABC\n", "S,A,B,ABC\nT,A,B,ABC\n"))
    assert (fault.field, fault.value) == ("conductor_b", "NONE")


def test_a_load_on_a_phase_that_its_section_has_not():
    text = export(LOADS.format(connection=0, kw=5.0)).replace("S,A,B,ABC", "S,A,B,AC")
    assert only(text).expected == "phases of its section, which has AC"
    nothing = export(LOADS.format(connection=0, kw=0.0)).replace("S,A,B,ABC", "S,A,B,AC")
    assert read(nothing).customer_loads[0].value1 == 0.0


def test_a_delta_load_stands_on_the_next_phase_too():
    text = export(LOADS.format(connection=2, kw=5.0))
    assert only(text.replace("S,A,B,ABC", "S,A,B,AB")).value == "BC"
    assert read(text.replace("S,A,B,ABC", "S,A,B,BC")).customer_loads[0].value1 == 5.0


def test_what_a_load_draws_needs_the_load():
    text = export(LOADS.format(connection=0, kw=5.0)).replace("S,D,SPOT,0,1\n", "")
    assert only(text).expected == "the number of a SPOT load that stands in [LOADS]"


def test_a_missing_file_is_one_fault_not_one_a_row(ieee13: Path):
    with pytest.raises(CymeError) as caught:
        read_text([ieee13 / "network.txt", ieee13 / "load.txt"])
    text = str(caught.value)
    assert "a spacing that stands in the equipment file; there is none at all" in text
    assert len(caught.value.faults) < 12
    with pytest.raises(CymeError, match=r"give the network file"):
        read_text([ieee13 / "equipment.txt"])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "a CYME export; the file is empty"),
        (b"New Circuit.IEEE13\n~ basekv=115\n", "a CYME export: [GENERAL] with CYME_VERSION"),
        (b"\x00\x01\x00\x00Standard Jet DB\x00" + bytes(400), "this is a database"),
        (b"[GENERAL]\nCYME_VERSION=9.0\n\n[SI]\n", "sections of a network"),
        (export().encode().replace(b"B,10", b"\x81,10"), "text in utf-8 or cp1252"),
        (export().encode() + b"\x00", "a zero byte means another encoding"),
    ],
)
def test_what_is_no_text_export(data: bytes, expected: str):
    assert any(expected in fault.expected for fault in faults(data))


def test_a_wrong_encoding_names_the_byte_and_its_line():
    text = export().replace("B,10.0", "Bø,10.0").replace("A,B,ABC", "A,Bø,ABC")
    fault = only(text.encode("cp1252"), encoding="utf-8")
    assert (fault.field, fault.value) == ("encoding", "byte 0xf8")
    assert fault.place.line == line_of(text, "Bø,10.0")
    assert only(text.encode(), encoding="klingon").field == "encoding"


def test_all_faults_of_all_files_come_together():
    network, _, line = NETWORK.partition("[LINE]")
    one = HEAD.format(units="SI") + network.replace("10.0,0.0", "x,0.0").replace("A,B,ABC", "A,B,Q")
    two = HEAD.format(units="SI") + "[LINE]" + line.replace("0.2", "much")
    with pytest.raises(FeederError) as caught:
        read(one, two)
    text = str(caught.value)
    assert text.startswith("5 faults:\n")
    assert "one.txt, line 10, NODE: x is 'x'; expected a number" in text
    assert "one.txt, line 16, SECTION: phases is 'Q'; expected phases: one of" in text
    assert "two.txt, line 9, LINE: r1_ohm_per_km is 'much'; expected a number" in text


def test_a_long_list_of_faults_is_told_in_part():
    text = export().replace("B,10.0,0.0\n", "".join(f"N{i},x,0.0\n" for i in range(80)))
    with pytest.raises(CymeError) as caught:
        read(text)
    assert len(caught.value.faults) >= 80
    assert str(caught.value).endswith("more, in `faults`")


def test_a_path_that_is_not_there(tmp_path: Path):
    with pytest.raises(CymeError, match="a file or folder to read"):
        read_dataset(tmp_path / "nothing")
    with pytest.raises(CymeError, match="a CYME text export"):
        read_dataset(tmp_path)
