"""Where the CYME samples are."""

import os
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parents[1] / "cyme" / "fixtures"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """IEEE 13 as XML, and a feeder with every kind of device as text and XML."""
    return FIXTURES


@pytest.fixture(scope="session")
def samples() -> Path:
    """The published samples; ``GRID_FED_RL_CYME`` names their folder."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "cyme"
    folder = Path(os.environ.get("GRID_FED_RL_CYME", beside))
    if not folder.is_dir():
        pytest.skip(f"no samples of CYME in {folder}")
    return folder
