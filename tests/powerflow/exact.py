"""The power flow of a row with forty digits: its admittance from nameplates, and its solution.

Only what currents loads inject at a voltage is taken from the engine, in doubles: of
any rounding in it a network makes no more than of a load that differs as little.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Terminal, Transformer
from grid_fed_rl.powerflow import Network, PowerFlow, answers, primitives
from grid_fed_rl.powerflow.assembly import GROUND, S_BASE_KVA
from grid_fed_rl.powerflow.batched import injections_pu

__all__ = ["exact_voltages"]

DIGITS = 40
SAME_PU = 1e-14

Complex = NDArray[np.complex128]
Number = Any  # mpmath has no types


class _Admittance:
    """Sums of element admittances by pair of nodes, siemens; ground is left out."""

    def __init__(self) -> None:
        self.at: dict[tuple[int, int], Number] = defaultdict(mpmath.mpc)

    def add(self, nodes: Sequence[int], y: Any, scale: Number = 1) -> None:
        for a, i in enumerate(nodes):
            for b, j in enumerate(nodes):
                if GROUND not in (i, j) and y[a][b] != 0:
                    self.at[i, j] += mpmath.mpmathify(y[a][b]) * scale


def _transformer(t: Transformer, taps: Sequence[Number]) -> list[list[Number]]:
    """Two windings on a core a phase, without anti-float, of the nameplate's figures."""
    first, second = t.windings
    ohm_pu = mpmath.mpc(mpmath.mpf(first.r_percent) + second.r_percent, t.x_percent[0]) / 100
    y = mpmath.mpf(first.kva) * 1000 / t.n_phases / ohm_pu
    no_load = mpmath.mpc(t.no_load_percent, -t.magnetising_percent) / 100
    core = [[y, -y], [-y, y + no_load * first.kva * 1000 / t.n_phases]]
    coil: list[list[tuple[int, int, Number]]] = [[] for _ in range(t.n_phases)]
    place = [len(first.terminal.phases), 0]
    direction = primitives.delta_direction(t)
    for k, w in enumerate(t.windings):
        n = len(w.terminal.phases)
        line_to_line = primitives.rated_leg_kv(w.connection, n, 1.0) != 1.0
        volts = mpmath.mpf(w.kv) * 1000 / (mpmath.sqrt(3) if line_to_line else 1) * taps[k]
        for phase, ends in enumerate(primitives.legs_of(w.connection, n, direction)):
            for end, sign in zip(ends, (1, -1), strict=True):
                if end is not None:
                    coil[phase].append((k * place[0] + end, k, sign / volts))
    n = sum(len(w.terminal.phases) for w in t.windings)
    whole = [[mpmath.mpc(0)] * n for _ in range(n)]
    for ends in coil:
        for i, one, per_volt in ends:
            for j, other, also in ends:
                whole[i][j] += core[one][other] * per_volt * also
    return whole


def _admittance(network: Network, flow: PowerFlow, row: int) -> _Admittance:
    feeder, setpoint, y = network.feeder, flow.setpoint, _Admittance()
    closed = setpoint.switch_closed[row]
    shut = [s for s, is_closed in zip(feeder.switches.values(), closed, strict=True) if is_closed]
    for one in (*feeder.lines.values(), *shut):
        ends = [network.nodes_of(end) for end in (one.from_, one.to)]
        code = feeder.line_codes[one.code]
        series, shunt = primitives.line_series_shunt(one, code, feeder.frequency_hz)
        for k, end in enumerate(ends):
            y.add(end, series)
            y.add(end, shunt)
            for i, a in enumerate(end):
                for j, b in enumerate(ends[1 - k]):
                    y.at[a, b] -= mpmath.mpc(series[i, j])
    taps = {
        name: [mpmath.mpf(w.tap_pu) for w in t.windings] for name, t in feeder.transformers.items()
    }
    for r, at in zip(feeder.regulators.values(), setpoint.tap_position[row].tolist(), strict=True):
        taps[r.transformer][r.winding - 1] = 1 + at * mpmath.mpf(r.step_pu)
    for name, t in feeder.transformers.items():
        nodes = [k for w in t.windings for k in network.nodes_of(w.terminal)]
        y.add(nodes, _transformer(t, taps[name]))
        y.add(nodes, primitives.antifloat_admittance(t).tolist())
    for r in feeder.reactors.values():
        ends = [end for end in (r.from_, r.to) if end is not None]
        y.add([k for end in ends for k in network.nodes_of(end)], primitives.reactor_admittance(r))
    for c, steps in zip(
        feeder.capacitors.values(), setpoint.capacitor_step[row].tolist(), strict=True
    ):
        share = mpmath.mpf(steps) / c.n_steps
        y.add(network.nodes_of(c.terminal), primitives.capacitor_admittance(c), share)
    abc = Terminal(feeder.source.bus, (1, 2, 3))
    y.add(network.nodes_of(abc), primitives.source_admittance(feeder.source))
    return y


class _Factors:
    """LDL^T of an admittance in per unit, in the engine's order, dead nodes left out."""

    def __init__(self, network: Network, y: _Admittance, live: NDArray[np.bool_]) -> None:
        base = [mpmath.mpf(v) for v in network.v_base_v.tolist()]
        self.order = [k for k in network.elimination.order.tolist() if live[k]]
        rows: dict[int, dict[int, Number]] = {k: {} for k in self.order}
        for (i, j), value in y.at.items():
            if live[i] and live[j]:
                rows[i][j] = value * base[i] * base[j] / (S_BASE_KVA * 1000)
        self.pivot: dict[int, Number] = {}
        self.column: dict[int, dict[int, Number]] = {}
        for k in self.order:
            own = rows.pop(k)
            self.pivot[k] = own.pop(k)
            self.column[k] = {i: value / self.pivot[k] for i, value in own.items()}
            for i, share in self.column[k].items():
                below = rows[i]
                del below[k]
                for j, value in own.items():
                    below[j] = below.get(j, 0) - share * value

    def solve(self, current: list[Number]) -> list[Number]:
        x = list(current)
        for k in self.order:
            for i, share in self.column[k].items():
                x[i] -= share * x[k]
        for k in reversed(self.order):
            x[k] /= self.pivot[k]
            for i, share in self.column[k].items():
                x[k] -= share * x[i]
        return x


def exact_voltages(network: Network, flow: PowerFlow, row: int) -> Complex:
    """(node,) voltages of a row, right to the last digit; the row's own are the start."""
    with mpmath.workdps(DIGITS):
        live = flow.v_pu[row] != 0.0
        factors = _Factors(network, _admittance(network, flow, row), live)
        p, q = (one[row : row + 1] for one in injections_pu(flow.setpoint))
        legs, leg_nodes = network.legs, network.leg_nodes
        source = [mpmath.mpc(one) for one in network.source_current_pu.tolist()]
        v_pu = np.ascontiguousarray(flow.v_pu[row : row + 1])
        out = np.zeros((1, len(legs.start)), dtype=np.complex128)
        for _ in range(100):
            answers.leg_currents(legs, leg_nodes, p, q, v_pu, out)
            current = list(source)
            for k, value in enumerate(out[0].tolist()):
                current[leg_nodes[legs.start[k]]] += value
                if not legs.to_ground[k]:
                    current[leg_nodes[legs.stop[k]]] -= value
            v = factors.solve(current)
            before, v_pu = v_pu, np.where(live, np.array([complex(one) for one in v]), 0.0)[None]
            if np.abs(v_pu - before).max() <= SAME_PU:
                return v_pu[0]
    raise AssertionError(f"row {row}: the fixed point still moves")
