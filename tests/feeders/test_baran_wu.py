"""The 33-bus feeder of Baran and Wu gives the figures that are published of it."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.feeders import Feeder, Switch, load, validate
from grid_fed_rl.powerflow import compile_network, measures, nominal_setpoint, solve

# Voltage magnitudes, bus 1 to 33, of pandapower 3.3.3's own Newton solution of case33bw.
V_PU = """
1.000000 0.997032 0.982938 0.975456 0.968059 0.949658 0.946173 0.941328 0.935059 0.929244
0.928384 0.926885 0.920772 0.918505 0.917093 0.915725 0.913698 0.913090 0.996504 0.992926
0.992222 0.991584 0.979352 0.972681 0.969356 0.947729 0.945165 0.933726 0.925507 0.921950
0.917789 0.916873 0.916590
"""


def solved(feeder: Feeder) -> tuple[float, np.ndarray]:
    """Losses, kW, and voltage magnitudes of one phase, bus 1 to 33."""
    network = compile_network(feeder)
    flow = solve(network, nominal_setpoint(network), tolerance_pu=1e-12)
    assert flow.converged.all()
    v_pu = np.abs(flow.v_pu[0]).reshape(33, 3)
    np.testing.assert_allclose(v_pu, v_pu[:, :1].repeat(3, axis=1), rtol=1e-12)
    return float(measures.losses_kw(network, flow)[0]), v_pu[:, 0]


def test_totals_are_the_published_ones() -> None:
    feeder = load("baran_wu_33")
    loads = feeder.loads.values()
    assert (sum(one.kw for one in loads), sum(one.kvar for one in loads)) == (3715.0, 2300.0)
    assert (len(feeder.buses), len(feeder.lines), len(feeder.switches)) == (33, 32, 5)
    assert not any(switch.closed for switch in feeder.switches.values())


def test_losses_and_voltages_are_the_published_ones() -> None:
    losses_kw, v_pu = solved(load("baran_wu_33"))
    assert losses_kw == pytest.approx(202.68, abs=0.005)
    assert v_pu.min() == pytest.approx(0.9131, abs=5e-5)
    assert v_pu.argmin() + 1 == 18
    np.testing.assert_allclose(v_pu, [float(v) for v in V_PU.split()], atol=6e-7)


def test_the_best_known_tree_loses_what_is_published() -> None:
    """Branches 7, 9, 14, 32 and 37 open: 139.55 kW, on which the later papers agree."""
    feeder = load("baran_wu_33")
    opened = {"b7", "b9", "b14", "b32"}
    lines = {name: line for name, line in feeder.lines.items() if name not in opened}
    switches = {
        name: replace(switch, closed=name != "s37") for name, switch in feeder.switches.items()
    }
    for name in opened:
        line = feeder.lines[name]
        switches[name] = Switch(
            name, line.from_, line.to, line.code, line.length_m, line.amps, closed=False
        )
    tree = replace(feeder, lines=lines, switches=switches)
    assert validate(tree, radial=True) == []
    losses_kw, v_pu = solved(tree)
    assert losses_kw == pytest.approx(139.55, abs=0.005)
    assert v_pu.min() == pytest.approx(0.9378, abs=5e-5)


def test_every_tie_closes_one_loop() -> None:
    feeder = load("baran_wu_33")
    assert validate(feeder, radial=True) == []
    ties = {name: replace(switch, closed=True) for name, switch in feeder.switches.items()}
    loops = [str(issue.value) for issue in validate(replace(feeder, switches=ties), radial=True)]
    assert len(loops) == 5
    for tie in ties:
        assert sum(f"switch {tie!r}" in loop for loop in loops) >= 1
