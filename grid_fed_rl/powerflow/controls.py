"""Local controls settled to a steady state, batched: OpenDSS's static mode.

A line-drop regulator holds the voltage that its compensator sees,
``|V2 / PT + (R + jX) I2 / CT|`` with I2 flowing into winding 2, within half a
band of its setting. A round of control lets every regulator and capacitor look
at the solved row and act together; the row is then solved again, until none
acts. A regulator moves seven tenths of the way to its setting, rounded down, and
at least one step. A capacitor that has opened closes again only in a round in
which nothing else acts: its dead time. These are the rules of OpenDSS's RegControl
and CapControl (type voltage) with equal delays.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Regulator, Terminal
from grid_fed_rl.powerflow import primitives
from grid_fed_rl.powerflow.batched import solve_batched as solve
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.setpoint import Setpoint

__all__ = ["LocalControls", "Settled"]

SHARE_OF_THE_WAY = 0.7
MOST_STEPS_A_MOVE = 16


@dataclass(frozen=True, slots=True)
class Settled:
    """Where local controls come to rest.

    Attributes:
        setpoint: The set-point with the taps and capacitors the controls chose.
        flow: Its power flow.
        settled: (batch,) whether the row converged and no control of it still
            wants to act.
        rounds: Rounds of control it took.
    """

    setpoint: Setpoint
    flow: PowerFlow
    settled: NDArray[np.bool_]
    rounds: int


@dataclass(frozen=True, slots=True)
class _Compensators:
    """Regulators with a line-drop control, as arrays over them; volts and siemens."""

    column: NDArray[np.int64]  # column of the tap positions
    v_reg: NDArray[np.float64]
    band_v: NDArray[np.float64]
    pt_ratio: NDArray[np.float64]
    ct_primary_a: NDArray[np.float64]
    z_v: NDArray[np.complex128]  # R + jX in volts at rated current
    step_v: NDArray[np.float64]  # one step at the winding
    node: NDArray[np.int64]  # controlled conductor of winding 2
    around: NDArray[np.int64]  # (regulator, conductor) conductors of both windings
    y_crossing: NDArray[np.complex128]  # (regulator, conductor) scaled by 1/t
    y_second: NDArray[np.complex128]  # (regulator, conductor) scaled by 1/t^2


def _step_v(network: Network, regulator: Regulator) -> float:
    winding = network.feeder.transformers[regulator.transformer].windings[1]
    rated_kv = primitives.rated_leg_kv(winding.connection, winding.n_coils, winding.kv)
    return regulator.step_pu * rated_kv * 1000.0


def _compensators(network: Network) -> _Compensators:
    feeder = network.feeder
    controlled = [
        (k, regulator, regulator.control)
        for k, regulator in enumerate(feeder.regulators.values())
        if regulator.control is not None
    ]
    transformers = [feeder.transformers[regulator.transformer] for _, regulator, _ in controlled]
    nodes = [[k for w in t.windings for k in network.nodes_of(w.terminal)] for t in transformers]
    shape = (len(controlled), max(map(len, nodes), default=0))
    around = np.zeros(shape, dtype=np.int64)
    crossing, second = np.zeros(shape, np.complex128), np.zeros(shape, np.complex128)
    for row, transformer in enumerate(transformers):
        n, first = len(nodes[row]), len(transformer.windings[0].terminal.phases)
        neutral = (transformer.windings[0].tap_pu, 1.0)
        current_per_volt = primitives.transformer_admittance(transformer, neutral)[first]
        around[row, :n] = nodes[row]
        crossing[row, :first] = current_per_volt[:first]
        second[row, first:n] = current_per_volt[first:]
    settings = [(c.v_reg, c.band_v, c.pt_ratio, c.ct_primary_a) for _, _, c in controlled]
    v_reg, band_v, pt_ratio, ct_primary_a = np.array(settings).reshape(-1, 4).T
    return _Compensators(
        column=np.array([k for k, _, _ in controlled], dtype=np.int64),
        v_reg=v_reg,
        band_v=band_v,
        pt_ratio=pt_ratio,
        ct_primary_a=ct_primary_a,
        z_v=np.array([complex(c.r_v, c.x_v) for _, _, c in controlled], dtype=np.complex128),
        step_v=np.array([_step_v(network, regulator) for _, regulator, _ in controlled]),
        node=np.array(
            [network.nodes_of(t.windings[1].terminal)[0] for t in transformers], dtype=np.int64
        ),
        around=around,
        y_crossing=crossing,
        y_second=second,
    )


@dataclass(frozen=True)
class LocalControls:
    """The regulators' and capacitors' own controls of a network.

    Elements without control settings keep what the set-point gives them.
    """

    network: Network

    @cached_property
    def _regulators(self) -> _Compensators:
        return _compensators(self.network)

    def compensated_v(self, setpoint: Setpoint, flow: PowerFlow) -> NDArray[np.float64]:
        """Voltage each line-drop compensator sees, 120 V base: (batch, compensator).

        A compensator is a regulator that has a control, in the network's order.
        """
        c = self._regulators
        v = flow.v_pu * self.network.v_base_v
        tap = 1.0 + setpoint.tap_position[:, c.column] * self.network.tap_step_pu[c.column]
        around = v[:, c.around]
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
        return target - setpoint.tap_position

    def capacitor_states(self, setpoint: Setpoint, flow: PowerFlow) -> NDArray[np.int32]:
        """State each capacitor's control asks for now: (batch, capacitor)."""
        states = setpoint.capacitor_step.copy()
        for k, capacitor in enumerate(self.network.feeder.capacitors.values()):
            c = capacitor.control
            if c is None:
                continue
            first = Terminal(capacitor.terminal.bus, capacitor.terminal.phases[:1])
            node = self.network.nodes_of(first)[0]
            v = np.abs(flow.v_pu[:, node]) * self.network.v_base_v[node] / c.pt_ratio
            states[v < c.on, k] = 1
            states[v > c.off, k] = 0
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
        capacitors = setpoint.capacitor_step.copy()
        was_opened = np.zeros(capacitors.shape, dtype=bool)
        flow = solve(self.network, setpoint, start_pu=start_pu, threads=threads)
        restless = np.flatnonzero(flow.converged)
        rounds = 0
        while True:
            now = setpoint.rows(restless).with_(
                tap_position=taps[restless], capacitor_step=capacitors[restless]
            )
            seen = flow.rows(restless)
            moves, states = self.tap_moves(now, seen), self.capacitor_states(now, seen)
            switches = states != now.capacitor_step
            late = switches & (states == 1.0) & was_opened[restless]
            first = moves.any(axis=1) | (switches & ~late).any(axis=1)
            acts = first | late.any(axis=1)
            states = np.where(late & first[:, None], now.capacitor_step, states)
            restless = restless[acts]
            if rounds == max_rounds or not len(restless):
                break
            taps[restless] += moves[acts]
            was_opened[restless] |= states[acts] < capacitors[restless]
            capacitors[restless] = states[acts]
            changed = now.rows(acts).with_(
                tap_position=taps[restless], capacitor_step=capacitors[restless]
            )
            again = solve(self.network, changed, start_pu=seen.v_pu[acts], threads=threads)
            flow = flow.with_rows(restless, again)
            restless = restless[again.converged]
            rounds += 1
        settled = flow.converged
        settled[restless] = False
        final = setpoint.with_(tap_position=taps, capacitor_step=capacitors)
        return Settled(final, flow, settled, rounds)
