"""Local controls settled to a steady state, batched: OpenDSS's static mode.

A line-drop regulator holds the voltage that its compensator sees,
``|V2 / PT + (R + jX) I2 / CT|`` with I2 flowing into winding 2, within half a
band of its setting. A round of control lets every regulator and capacitor look
at the solved row and act together; the row is then solved again, until none
acts. A regulator moves seven tenths of the way to its setting, rounded down, and
at least one step. These are the rules of OpenDSS's RegControl and CapControl
(type voltage) with equal delays.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Terminal, Transformer
from grid_fed_rl.powerflow import primitives
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.solve import PowerFlow, Setpoint, solve

__all__ = ["LocalControls", "Settled"]

SHARE_OF_THE_WAY = 0.7
MOST_STEPS_A_MOVE = 16


@dataclass(frozen=True, slots=True)
class Settled:
    """Where local controls come to rest.

    Attributes:
        setpoint: The set-point with the taps and capacitors the controls chose.
        flow: Its power flow.
        settled: (batch,) whether no control of the row still wanted to act.
        rounds: Rounds of control it took.
    """

    setpoint: Setpoint
    flow: PowerFlow
    settled: NDArray[np.bool_]
    rounds: int


@dataclass(frozen=True, slots=True)
class _Compensators:
    """Line-drop regulators as arrays over regulators; volts and siemens."""

    column: NDArray[np.int64]  # column of the tap positions
    v_reg: NDArray[np.float64]
    band_v: NDArray[np.float64]
    pt_ratio: NDArray[np.float64]
    ct_primary_a: NDArray[np.float64]
    z_v: NDArray[np.complex128]  # R + jX in volts at rated current
    step_v: NDArray[np.float64]  # one step at the winding, V
    node: NDArray[np.int64]  # controlled conductor of winding 2
    others: NDArray[np.int64]  # (regulator, conductor) conductors of both windings
    y_crossing: NDArray[np.complex128]  # (regulator, conductor) scaled by 1/t
    y_second: NDArray[np.complex128]  # (regulator, conductor) scaled by 1/t^2


@dataclass(frozen=True)
class LocalControls:
    """The regulators' and capacitors' own controls of a network.

    Elements without control settings keep what the set-point gives them.
    """

    network: Network

    @cached_property
    def _regulators(self) -> _Compensators:
        feeder, rows = self.network.feeder, []
        for column, regulator in enumerate(feeder.regulators.values()):
            c = regulator.control
            if c is None:
                continue
            transformer = feeder.transformers[regulator.transformer]
            winding = transformer.windings[1]
            n = transformer.n_phases
            rated_v = 1000.0 * primitives.rated_leg_kv(winding.connection, n, winding.kv)
            others, crossing, second = self._current_row(transformer)
            rows.append(
                (
                    column,
                    c.v_reg,
                    c.band_v,
                    c.pt_ratio,
                    c.ct_primary_a,
                    complex(c.r_v, c.x_v),
                    regulator.step_pu * rated_v,
                    self.network.nodes_of(winding.terminal)[0],
                    others,
                    crossing,
                    second,
                )
            )
        columns = list(zip(*rows, strict=True)) or [()] * 11
        widest = max((len(others) for others in columns[8]), default=0)
        padded = [
            [np.pad(np.asarray(row), (0, widest - len(row))) for row in columns[k]]
            for k in (8, 9, 10)
        ]
        shape = (len(rows), widest)
        return _Compensators(
            np.array(columns[0], dtype=np.int64),
            *(np.array(columns[k], dtype=float) for k in (1, 2, 3, 4)),
            np.array(columns[5], dtype=complex),
            np.array(columns[6], dtype=float),
            np.array(columns[7], dtype=np.int64),
            np.array(padded[0], dtype=np.int64).reshape(shape),
            np.array(padded[1], dtype=complex).reshape(shape),
            np.array(padded[2], dtype=complex).reshape(shape),
        )

    def _current_row(self, transformer: Transformer):
        """Row of the primitive admittance that gives winding 2's first current."""
        n = len(transformer.windings[0].terminal.phases)
        row = primitives.transformer_admittance(transformer, (1.0, 1.0))[n]
        nodes = [k for w in transformer.windings for k in self.network.nodes_of(w.terminal)]
        first = np.arange(len(row)) < n
        return nodes, np.where(first, row, 0.0), np.where(first, 0.0, row)

    def compensated_v(self, setpoint: Setpoint, flow: PowerFlow) -> NDArray[np.float64]:
        """Voltage each line-drop compensator sees, 120 V base: (batch, regulator)."""
        c = self._regulators
        v = flow.v_pu * self.network.v_base_v
        tap = 1.0 + setpoint.tap_position[:, c.column] * self.network.tap_step_pu[c.column]
        around = v[:, c.others]
        current = (around * c.y_crossing).sum(-1) / tap + (around * c.y_second).sum(-1) / tap**2
        return np.abs(v[:, c.node] / c.pt_ratio + c.z_v * current / c.ct_primary_a)

    def tap_moves(
        self,
        setpoint: Setpoint,
        flow: PowerFlow,
        v_reg_shift: NDArray[np.float64] | float = 0.0,
    ) -> NDArray[np.int32]:
        """Steps each regulator would move now, within its range: (batch, regulator).

        Args:
            setpoint: Where taps and capacitors stand.
            flow: Its power flow.
            v_reg_shift: Volts on a 120 V base added to every setting; broadcasts
                over (batch, regulator with a control).
        """
        c = self._regulators
        short_v = c.v_reg + v_reg_shift - self.compensated_v(setpoint, flow)
        wanted = np.rint(short_v * c.pt_ratio / c.step_v)
        steps = np.clip(np.floor(SHARE_OF_THE_WAY * np.abs(wanted)), 1, MOST_STEPS_A_MOVE)
        acts = (np.abs(short_v) > c.band_v / 2.0) & (wanted != 0)
        moves = np.zeros_like(setpoint.tap_position)
        moves[:, c.column] = np.where(acts, np.sign(wanted) * steps, 0.0).astype(np.int32)
        target = np.clip(
            setpoint.tap_position + moves, self.network.tap_lowest, self.network.tap_highest
        )
        return (target - setpoint.tap_position).astype(np.int32)

    def capacitor_states(self, setpoint: Setpoint, flow: PowerFlow) -> NDArray[np.float64]:
        """State each capacitor's control asks for now: (batch, capacitor)."""
        states = setpoint.capacitor_closed.copy()
        for k, capacitor in enumerate(self.network.feeder.capacitors.values()):
            c = capacitor.control
            if c is None:
                continue
            first = Terminal(capacitor.terminal.bus, capacitor.terminal.phases[:1])
            node = self.network.nodes_of(first)[0]
            v = np.abs(flow.v_pu[:, node]) * self.network.v_base_v[node] / c.pt_ratio
            states[v < c.v_on, k] = 1.0
            states[v > c.v_off, k] = 0.0
        return states

    def settle(
        self,
        setpoint: Setpoint,
        *,
        start_pu: NDArray[np.complex128] | None = None,
        max_rounds: int = 50,
        threads: int | None = None,
    ) -> Settled:
        """Let every control act until none wants to.

        Args:
            setpoint: Where taps and capacitors stand at first.
            start_pu: (batch or 1, node) voltages the first power flow starts from.
            max_rounds: Rounds after which a row that still hunts is given up.
            threads: As in `solve`.
        """
        taps = setpoint.tap_position.copy()
        capacitors = setpoint.capacitor_closed.copy()
        flow = solve(self.network, setpoint, start_pu=start_pu, threads=threads)
        v, status = flow.v_pu.copy(), flow.status.copy()
        iterations, residual = flow.iterations.copy(), flow.residual_pu.copy()
        open_rows = np.arange(setpoint.n_rows)
        rounds = 0
        while len(open_rows) and rounds < max_rounds:
            now = setpoint.rows(open_rows).with_(
                tap_position=taps[open_rows], capacitor_closed=capacitors[open_rows]
            )
            seen = PowerFlow(
                v[open_rows], status[open_rows], iterations[open_rows], residual[open_rows]
            )
            moves = self.tap_moves(now, seen)
            states = self.capacitor_states(now, seen)
            acts = moves.any(axis=1) | (states != now.capacitor_closed).any(axis=1)
            acts &= seen.converged
            open_rows = open_rows[acts]
            if not len(open_rows):
                break
            taps[open_rows] += moves[acts]
            capacitors[open_rows] = states[acts]
            changed = setpoint.rows(open_rows).with_(
                tap_position=taps[open_rows], capacitor_closed=capacitors[open_rows]
            )
            again = solve(self.network, changed, start_pu=v[open_rows], threads=threads)
            v[open_rows], status[open_rows] = again.v_pu, again.status
            iterations[open_rows], residual[open_rows] = again.iterations, again.residual_pu
            rounds += 1
        still = np.zeros(setpoint.n_rows, dtype=bool)
        still[open_rows] = True
        final = setpoint.with_(tap_position=taps, capacitor_closed=capacitors)
        return Settled(final, PowerFlow(v, status, iterations, residual), ~still, rounds)


