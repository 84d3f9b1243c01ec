"""Where the CYME samples are."""

import os
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parents[1] / "cyme" / "fixtures"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Text exports of the IEEE 4 and 13 node feeders, and of one with every device."""
    return FIXTURES


@pytest.fixture(scope="session")
def mdb() -> Path:
    """IEEE 13 as a database; ``GRID_FED_RL_CYME`` names the folder of samples."""
    pytest.importorskip("access_parser", reason="access-parser is not installed: extra cyme")
    beside = Path(__file__).resolve().parents[4] / "shared" / "cyme"
    path = Path(os.environ.get("GRID_FED_RL_CYME", beside)) / "mdb" / "IEEE13.mdb"
    if not path.exists():
        pytest.skip(f"no IEEE13.mdb in {path.parent}")
    return path
