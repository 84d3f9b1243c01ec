"""XML studies give the dataset of the text export of the same feeder."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from grid_fed_rl.errors import CymeError
from grid_fed_rl.feeders.cyme.dataset import CymeDataset, Use
from grid_fed_rl.feeders.cyme.read import read_dataset
from grid_fed_rl.feeders.cyme.text_reader import read_text
from grid_fed_rl.feeders.cyme.xml_reader import read_xml, read_xml_data
from tests.feeders.cyme.exports import FIXTURES
from tests.feeders.cyme.xml_writer import write

STUDY = (FIXTURES / "every_device.sxst").read_text(encoding="utf-8")


def by_section(dataset: CymeDataset) -> CymeDataset:
    """Return a dataset with its rows in one order: text has them by kind, XML by section."""
    rows = {
        f.name: tuple(sorted(getattr(dataset, f.name), key=repr))
        for f in fields(dataset)
        if f.compare and isinstance(getattr(dataset, f.name), tuple)
    }
    return replace(dataset, **rows)


@pytest.fixture(params=["ieee13", "every_device"])
def pair(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A text export and the study of the same feeder."""
    return request.getfixturevalue(request.param), FIXTURES / f"{request.param}.sxst"


def test_a_study_gives_what_the_text_export_gives(pair: tuple[Path, Path]):
    text, study = by_section(read_text(pair[0])), by_section(read_xml(pair[1]))
    for f in fields(CymeDataset):
        if f.compare:
            assert getattr(study, f.name) == getattr(text, f.name), f.name


def test_the_studies_are_what_the_writer_writes(pair: tuple[Path, Path]):
    assert write(read_text(pair[0])) == pair[1].read_text(encoding="utf-8")


def test_every_kind_of_record_is_in_the_feeder_of_every_device(every_device: Path):
    """What is empty in both formats would be equal for nothing."""
    dataset = read_text(every_device)
    assert [f.name for f in fields(dataset) if f.compare and not getattr(dataset, f.name)] == []


def test_the_format_is_told_by_the_content(tmp_path: Path):
    path = tmp_path / "study.txt"
    path.write_text(STUDY.replace("utf-8", "utf-16", 1), encoding="utf-16")
    assert read_dataset(path) == read_xml(FIXTURES / "every_device.sxst")


def test_unknown_elements_are_kept_and_counted():
    study = STUDY.replace(
        "<Devices>", "<Devices>\n<FluxGate><DeviceNumber>9</DeviceNumber></FluxGate>", 1
    )
    study = study.replace("</Cyme>", "<Studies><Study><Name>x</Name></Study></Studies></Cyme>")
    found = read_xml_data("x", study.encode())
    strange = {entry.section: entry for entry in found.coverage if entry.use is Use.UNKNOWN}
    assert set(strange) == {"FluxGate", "Studies"}
    kept = {table.section: table for table in found.others}
    assert kept["Studies"].columns == ("Study/Name",)
    assert ("9", "T1") in kept["FluxGate"].rows


def first(study: str | bytes) -> str:
    with pytest.raises(CymeError) as caught:
        read_xml_data("study.sxst", study.encode() if isinstance(study, str) else study)
    return str(caught.value)


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ("", "content is 'no element found'; expected well-formed XML; the file may be cut off"),
        (STUDY[: len(STUDY) // 2], "well-formed XML; the file may be cut off here"),
        ("<Opendss/>", "root is 'Opendss'; expected a study of CYME: a Cyme element"),
        ('<Cyme Version="9.0"/>', "expected sections of a network"),
        (
            "<!DOCTYPE Cyme [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><Cyme>&x;</Cyme>",
            "entity is 'x'",
        ),
        (
            "<Cyme>" + "<a>" * 70 + "</a>" * 70 + "</Cyme>",
            "element is 'a'; expected elements at most 60 deep",
        ),
        ("<?xml version='1.0' encoding='klingon'?><Cyme/>", "an encoding that XML and Python"),
        (STUDY.replace("<Phase>ABC</Phase>", "<Phase>ABD</Phase>", 1), "phases is 'ABD'"),
        (STUDY.replace("<LineID>601</LineID>", "<LineID>602</LineID>"), "line is '602'"),
        (STUDY.replace("<Location>Middle", "<Location>Muddle", 1), "location is 'Muddle'"),
    ],
)
def test_a_study_with_a_fault_says_which(study: str, expected: str):
    text = first(study)
    assert expected in text
    assert text.startswith(("study.sxst", "2 faults", "3 faults", "4 faults"))


def test_a_fault_has_the_line_of_its_element():
    line = STUDY.split("\n").index("      <OverheadLineUnbalanced>") + 1
    text = first(STUDY.replace("<LineID>601</LineID>", "<LineID>602</LineID>"))
    assert text.startswith(f"study.sxst, line {line}, OverheadLineUnbalanced: line is '602'")
