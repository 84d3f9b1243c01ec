"""Where the CYME samples are; ``GRID_FED_RL_CYME`` names their folder."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def samples() -> Path:
    beside = Path(__file__).resolve().parents[4] / "shared" / "cyme"
    folder = Path(os.environ.get("GRID_FED_RL_CYME", beside))
    if not folder.is_dir():
        pytest.skip(f"no CYME samples in {folder}")
    return folder
