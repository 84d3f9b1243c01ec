"""A network's admittance added up densely, and what rounding leaves of its voltages."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Terminal,
)
from grid_fed_rl.powerflow import (
    Network,
    Setpoint,
    primitives,
)

__all__ = ["admittance", "rounding_pu"]

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]

OPEN_S = 1e-12  # what OpenDSS leaves at an open conductor


def admittance(network: Network, setpoint: Setpoint, row: int = 0) -> Complex:
    """Nodal admittance in siemens of a row, source included, added up densely.

    The size of all that is added up, which bounds the rounding of the sum, is the
    second of the two matrices: (2, node, node).
    """
    feeder, n = network.feeder, network.n_nodes
    y = np.zeros((2, n + 1, n + 1), dtype=np.complex128)  # ground is the last

    def add(terminals: Sequence[Terminal | None], primitive: Complex) -> None:
        at = [k for end in terminals if end is not None for k in network.nodes_of(end)]
        np.add.at(y[0], np.ix_(at, at), primitive)
        np.add.at(y[1], np.ix_(at, at), np.abs(primitive))

    closed = setpoint.switch_closed[row]
    shut = [s for s, is_closed in zip(feeder.switches.values(), closed, strict=True) if is_closed]
    for one in (*feeder.lines.values(), *shut):
        code = feeder.line_codes[one.code]
        add((one.from_, one.to), primitives.line_admittance(one, code, feeder.frequency_hz))
    taps = {name: [w.tap_pu for w in t.windings] for name, t in feeder.transformers.items()}
    for r, at in zip(feeder.regulators.values(), setpoint.tap_position[row], strict=True):
        taps[r.transformer][r.winding - 1] = 1.0 + float(at) * r.step_pu
    for name, t in feeder.transformers.items():
        y_core = primitives.transformer_admittance(t, taps[name])
        add([w.terminal for w in t.windings], y_core)
    for r in feeder.reactors.values():
        add((r.from_, r.to), primitives.reactor_admittance(r))
    for c, step in zip(feeder.capacitors.values(), setpoint.capacitor_step[row], strict=True):
        add((c.terminal,), primitives.capacitor_admittance(c) * (float(step) / c.n_steps))
    abc = Terminal(feeder.source.bus, (1, 2, 3))
    add((abc,), primitives.source_admittance(feeder.source))
    return y[:, :-1, :-1]


def rounding_pu(network: Network, setpoint: Setpoint, row: int, v_pu: Complex) -> Real:
    """What no engine can know of the voltages of a row: (node,), of their bases.

    Rounding of the admittances, and the picosiemens that OpenDSS leaves at every end
    of an open switch, times what the network answers to them.
    """
    live = np.flatnonzero(v_pu != 0)
    y, size = admittance(network, setpoint, row)[:, live][:, :, live]
    volts = np.abs(v_pu * network.v_base_v)[live]
    open_s = np.zeros(network.n_nodes)
    for s, is_closed in zip(
        network.feeder.switches.values(), setpoint.switch_closed[row], strict=True
    ):
        if not is_closed:
            ends = (*network.nodes_of(s.from_), *network.nodes_of(s.to))
            open_s[[k for k in ends if k >= 0]] += OPEN_S
    amperes = np.finfo(np.float64).eps * (size.real @ volts) + open_s[live] * volts
    floor = np.zeros(network.n_nodes)
    floor[live] = np.abs(np.linalg.inv(y)) @ amperes
    return floor / network.v_base_v
