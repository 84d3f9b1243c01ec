"""Small text exports, made in the tests."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from grid_fed_rl.errors import CymeError
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.places import CymeFault
from grid_fed_rl.feeders.cyme.text_reader import read_text_data

FIXTURES = Path(__file__).parent / "fixtures"

HEAD = "[GENERAL]\nDATE=today\nCYME_VERSION=9.0\n\n[{units}]\n\n"

NETWORK = """\
[NODE]
FORMAT_NODE=NodeID,CoordX,CoordY
A,0.0,0.0
B,10.0,0.0

[SECTION]
FORMAT_SECTION=SectionID,FromNodeID,ToNodeID,Phase
FORMAT_FEEDER=NetworkID,HeadNodeID
FEEDER=F,A
S,A,B,ABC

[OVERHEADLINE SETTING]
FORMAT_OVERHEADLINESETTING=SectionID,DeviceNumber,LineCableID,Length,ConnectionStatus
S,S,L1,100.0,0

[LINE]
FORMAT_LINE=ID,R1,X1,R0,X0,B1,B0,Amps
L1,0.2,0.4,0.5,1.2,4.0,2.0,500.0
"""


def export(*parts: str, units: str = "SI") -> str:
    """Return a network file: the smallest network, and further sections."""
    return HEAD.format(units=units) + "\n".join((NETWORK, *parts))


def read(*texts: str | bytes, encoding: str | None = None) -> CymeDataset:
    """Read files given by their contents: one.txt, two.txt ..."""
    names = ("one.txt", "two.txt", "three.txt")
    files = [
        (name, text.encode() if isinstance(text, str) else text)
        for name, text in zip(names, texts, strict=False)
    ]
    return read_text_data(files, encoding=encoding)


def faults(*texts: str | bytes, encoding: str | None = None) -> Sequence[CymeFault]:
    """Return the faults of files that must have some."""
    with pytest.raises(CymeError) as caught:
        read(*texts, encoding=encoding)
    found = caught.value.faults
    assert all(isinstance(fault, CymeFault) for fault in found)
    return found  # pyright: ignore[reportReturnType]
