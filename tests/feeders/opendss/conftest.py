"""OpenDSS circuits that the tests of reading and writing share."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import opendssdirect
import pytest

Volts = dict[str, complex]

# Three buses at 12.47 kV, on which a test puts what it is about.
BASE = """
clear
set defaultbasefrequency=60
new circuit.base bus1=a basekv=12.47 pu=1.02 angle=30 r1=0.1 x1=0.6 r0=0.2 x0=0.9
new linecode.oh nphases=3 units=mi rmatrix=[0.4576 | 0.156 0.4666 | 0.1535 0.158 0.4615]
~ xmatrix=[1.078 | 0.5017 1.0482 | 0.3849 0.4236 1.0651]
~ cmatrix=[15 | -4.9 15.9 | -1.9 -3.1 14.3] normamps=530
new line.ab bus1=a bus2=b linecode=oh length=2.5 units=mi
new line.bc bus1=b bus2=c linecode=oh length=6600 units=ft
new load.base bus1=c kv=12.47 kw=900 kvar=300 vminpu=0.8
"""
BASES = "\nset voltagebases=[12.47 4.16 0.48 0.208]\ncalcvoltagebases\n"


@pytest.fixture(scope="session")
def scripts() -> Path:
    """EPRI's scripts; ``GRID_FED_RL_FEEDERS`` names their folder."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "feeders"
    folder = Path(os.environ.get("GRID_FED_RL_FEEDERS", beside))
    if not folder.is_dir():
        pytest.skip(f"no OpenDSS scripts of the IEEE test feeders in {folder}")
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a script: what is given, on the three buses."""

    def written(more: str) -> Path:
        path = tmp_path / "Master.dss"
        path.write_text(BASE + more + BASES, encoding="utf-8")
        return path

    return written


@pytest.fixture(scope="session")
def circuit() -> Callable[[Iterable[str]], Any]:
    """An OpenDSS of its own that ran some commands."""

    def built(lines: Iterable[str]) -> Any:
        dss = opendssdirect.NewContext()
        dss.Basic.AllowForms(False)
        dss.Basic.AllowChangeDir(False)
        for line in lines:
            dss.Text.Command(line)
        dss.Text.Command("set tolerance=1e-11 maxiterations=1000 maxcontroliter=1000")
        return dss

    return built


@pytest.fixture(scope="session")
def solved() -> Callable[[Any, str], Volts]:
    """Volts by node, with controls off or static."""

    def volts(dss: Any, mode: str) -> Volts:
        dss.Text.Command(f"set controlmode={mode}")
        dss.Solution.Solve()
        assert dss.Solution.Converged()
        v = np.asarray(dss.Circuit.YNodeVArray(), dtype=np.float64).view(np.complex128)
        return dict(zip(map(str.lower, dss.Circuit.YNodeOrder()), v, strict=True))

    return volts
