"""The shipped tables say what EPRI's scripts say: OpenDSS solves both to the same voltages."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import opendssdirect
import pytest

from grid_fed_rl.feeders import load, names
from grid_fed_rl.feeders.opendss import commands

SAME_PU = 1e-8

# The IEEE 34 script puts six constant-impedance loads between a phase and ground
# at line-to-line voltage; the table has them at what they draw.
SCRIPTS = {
    "european_lv": "european_lv/Master.dss",
    "ieee4_dy": "ieee4/4Bus-DY-Bal/4Bus-DY-Bal.DSS",
    "ieee4_gyd": "ieee4/4Bus-GrdYD-Bal/4Bus-GrdYD-Bal.DSS",
    "ieee4_oyod": "ieee4/4Bus-OYOD-Bal/4Bus-OYOD-Bal.DSS",
    "ieee4_yd": "ieee4/4Bus-YD-Bal/4Bus-YD-Bal.DSS",
    "ieee4_yy": "ieee4/4Bus-YY-Bal/4Bus-YY-Bal.DSS",
    "ieee13": "ieee13/IEEE13Nodeckt.dss",
    "ieee34": "ieee34/ieee34Mod1.dss",
    "ieee34_mid": "ieee34/ieee34Mod2.dss",
    "ieee37": "ieee37/ieee37.dss",
    "ieee123": "ieee123/IEEE123Master.dss",
    "ieee8500": "ieee8500/Master.dss",
    "ieee8500_unbalanced": "ieee8500/Master-unbal.dss",
}
NOT_OF_EPRI = {"baran_wu_33"}


@pytest.fixture(scope="module")
def scripts() -> Path:
    """EPRI's scripts; ``GRID_FED_RL_FEEDERS`` names their folder."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "feeders"
    folder = Path(os.environ.get("GRID_FED_RL_FEEDERS", beside))
    if not folder.is_dir():
        pytest.skip(f"no OpenDSS scripts of the IEEE test feeders in {folder}")
    return folder


def circuit(lines: list[str]) -> Any:
    dss = opendssdirect.NewContext()
    dss.Basic.AllowForms(False)
    dss.Basic.AllowChangeDir(False)
    for line in lines:
        dss.Text.Command(line)
    dss.Text.Command("set tolerance=1e-11 maxiterations=1000 maxcontroliter=1000")
    return dss


def to_neutral(dss: Any) -> None:
    at = dss.RegControls.First()
    while at:
        dss.Transformers.Name(dss.RegControls.Transformer())
        dss.Transformers.Wdg(dss.RegControls.Winding())
        dss.Transformers.Tap(1.0)
        at = dss.RegControls.Next()


def solved(dss: Any, mode: str) -> tuple[dict[str, complex], list[float]]:
    """Volts by node, and taps where the controls came to rest."""
    dss.Text.Command(f"set controlmode={mode}")
    dss.Solution.Solve()
    assert dss.Solution.Converged()
    volts = np.asarray(dss.Circuit.YNodeVArray(), dtype=np.float64).view(np.complex128)
    taps = []
    at = dss.Transformers.First()
    while at:
        dss.Transformers.Wdg(2)
        taps.append(dss.Transformers.Tap())
        at = dss.Transformers.Next()
    return dict(zip(map(str.lower, dss.Circuit.YNodeOrder()), volts, strict=True)), taps


def test_every_shipped_feeder_is_held_to_a_script() -> None:
    assert set(SCRIPTS) | NOT_OF_EPRI == set(names()) | NOT_OF_EPRI


@pytest.mark.parametrize("name", SCRIPTS)
def test_voltages_and_settled_taps_of_the_published_script(scripts: Path, name: str) -> None:
    feeder = load(name)
    ours = circuit(commands(feeder))
    theirs = circuit([f'redirect "{scripts / SCRIPTS[name]}"'])
    to_neutral(theirs)
    for mode in ("off", "static"):
        v_ours, taps_ours = solved(ours, mode)
        v_theirs, taps_theirs = solved(theirs, mode)
        assert v_ours.keys() == v_theirs.keys()
        assert taps_ours == pytest.approx(taps_theirs, abs=1e-9)
        for node, v in v_theirs.items():
            base_v = feeder.buses[node.partition(".")[0]].kv_ll * 1000.0 / 3**0.5
            assert abs(v_ours[node] - v) < SAME_PU * base_v, (mode, node)
