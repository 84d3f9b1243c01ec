"""Samples: our own feeder with every kind of device, and those that are published."""

import os
from pathlib import Path

import pytest

from tests.feeders.cyme.exports import FIXTURES


@pytest.fixture(scope="session")
def every_device() -> Path:
    """A feeder with every kind of device, as a text export of version 9."""
    return FIXTURES / "every_device"


@pytest.fixture(scope="session")
def published() -> Path:
    """The published samples.

    ``GRID_FED_RL_CYME`` names their folder; otherwise ``shared/cyme`` beside the checkout.
    """
    beside = Path(__file__).resolve().parents[4] / "shared" / "cyme"
    folder = Path(os.environ.get("GRID_FED_RL_CYME", beside))
    if not folder.exists():
        pytest.skip(f"no samples of CYME in {folder}")
    return folder


@pytest.fixture(scope="session")
def ieee13(published: Path) -> Path:
    """IEEE 13 as a text export of version 5.04."""
    return published / "ieee_13node"


@pytest.fixture(scope="session")
def ieee4(published: Path) -> Path:
    """IEEE 4 as a text export of version 8.00."""
    return published / "ieee_4node"


@pytest.fixture(scope="session")
def ieee13_mdb(published: Path) -> Path:
    """IEEE 13 as a database of version 5.04."""
    return published / "mdb" / "IEEE13.mdb"
