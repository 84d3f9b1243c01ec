"""The shipped tables say what EPRI's scripts say: OpenDSS solves both to the same voltages."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

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


def to_neutral(dss: Any) -> None:
    at = dss.RegControls.First()
    while at:
        dss.Transformers.Name(dss.RegControls.Transformer())
        dss.Transformers.Wdg(dss.RegControls.Winding())
        dss.Transformers.Tap(1.0)
        at = dss.RegControls.Next()


def taps(dss: Any) -> list[float]:
    found = []
    at = dss.Transformers.First()
    while at:
        dss.Transformers.Wdg(2)
        found.append(dss.Transformers.Tap())
        at = dss.Transformers.Next()
    return found


def test_every_shipped_feeder_is_held_to_a_script() -> None:
    assert set(SCRIPTS) | NOT_OF_EPRI == set(names()) | NOT_OF_EPRI


@pytest.mark.parametrize("name", SCRIPTS)
def test_voltages_and_settled_taps_of_the_published_script(
    scripts: Path,
    circuit: Callable[[Iterable[str]], Any],
    solved: Callable[[Any, str], dict[str, complex]],
    name: str,
) -> None:
    feeder = load(name)
    ours = circuit(commands(feeder))
    theirs = circuit([f'redirect "{scripts / SCRIPTS[name]}"'])
    to_neutral(theirs)
    for mode in ("off", "static"):
        v_ours, v_theirs = solved(ours, mode), solved(theirs, mode)
        assert v_ours.keys() == v_theirs.keys()
        assert taps(ours) == pytest.approx(taps(theirs), abs=1e-9)
        for node, v in v_theirs.items():
            base_v = feeder.buses[node.partition(".")[0]].kv_ll * 1000.0 / 3**0.5
            assert abs(v_ours[node] - v) < SAME_PU * base_v, (mode, node)
