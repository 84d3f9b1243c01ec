"""Rounds of control until nothing wants to act: OpenDSS's static mode.

In a round every control looks at the solved row. One that wants to act and is not
armed yet is armed, due after its delay; one that no longer wants to is disarmed. Time
stands still: of all that are armed, those due first act, and only those. The row is
solved again and the next round begins. So a regulator with a delay of 15 s comes to
rest before a capacitor with one of 100 s acts once, and a capacitor that opened
closes again, for its dead time, only when nothing else is left to do. Inverters act
without delay: they come to rest on their curves before anything else looks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow.batched import solve_again, solve_batched
from grid_fed_rl.powerflow.controls.capacitor_kernels import (
    CapacitorRules,
    Standing,
    stepped,
)
from grid_fed_rl.powerflow.controls.capacitors import capacitors_of
from grid_fed_rl.powerflow.controls.inverters import STEADY, Inverters, Mixing, inverters_of
from grid_fed_rl.powerflow.controls.regulator_kernels import (
    RegulatorRules,
    moved_taps,
    seen_volts,
)
from grid_fed_rl.powerflow.controls.regulators import regulators_of
from grid_fed_rl.powerflow.controls.round_kernels import Rules, blank_memory, play_round
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.kernels import read_only
from grid_fed_rl.powerflow.measures.floating import potentials
from grid_fed_rl.powerflow.measures.rows import row_factors
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.setpoint import Setpoint

__all__ = ["LocalControls"]

MOST_MIXING_STEPS = 100
Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.int64]

NOBODY: Index = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class _Plan:
    """The controls of a network, made ready."""

    network: Network
    regulators: RegulatorRules
    capacitors: CapacitorRules
    inverters: Inverters

    @cached_property
    def rules(self) -> Rules:
        """The regulators and capacitors, as the kernels take them."""
        return Rules(self.regulators, self.capacitors, read_only(self.network.v_base_v))

    @cached_property
    def watched(self) -> Index:
        """Nodes of what capacitors watch that switches can cut off."""
        network = self.network
        may_die = np.zeros(network.n_nodes, dtype=np.bool_)
        may_die[network.elimination.order] = network.zones.alive[network.zones.of] == 0.0
        nodes = np.unique(self.capacitors.terms["node"])
        nodes = nodes[nodes >= 0]
        return nodes[may_die[nodes]]

    def __getstate__(self) -> dict[str, object]:
        """All but the kernels' rules, which another process makes anew."""
        return {name: part for name, part in self.__dict__.items() if name != "rules"}


def _plan(network: Network) -> _Plan:
    return _Plan(network, regulators_of(network), capacitors_of(network), inverters_of(network))


@dataclass(frozen=True, eq=False)
class LocalControls:
    """The regulators', capacitors' and inverters' own controls of a network.

    Elements without control settings keep what the set-point gives them. The DER
    powers of a set-point are what an inverter with curves is offered; those of the
    answer are what it injects.

    Attributes:
        network: The compiled feeder.
        hour: Hour of the day, 0 to 24, one for all rows or (batch,): what capacitor
            controls of kind time go by.
    """

    network: Network
    hour: ArrayLike = 0.0
    plan: _Plan | None = field(default=None, repr=False)  # kept by `dataclasses.replace`

    def __post_init__(self) -> None:
        if self.plan is None or self.plan.network is not self.network:
            object.__setattr__(self, "plan", _plan(self.network))

    @property
    def _ready(self) -> _Plan:
        assert self.plan is not None
        return self.plan

    @property
    def regulator_columns(self) -> NDArray[np.int64]:
        """Columns of the tap positions that the controls decide."""
        return self._ready.regulators.each["column"]

    @property
    def capacitor_columns(self) -> NDArray[np.int64]:
        """Columns of the capacitor steps that the controls decide."""
        return self._ready.capacitors.each["column"]

    def compensated_v(self, flow: PowerFlow) -> Floats:
        """Voltage each line-drop compensator sees, 120 V base: (batch, compensator).

        A compensator is a regulator that has a control, in the network's order.
        """
        rules, v_pu = self._ready.regulators, read_only(flow.v_pu)
        seen_v = np.empty((len(v_pu), len(rules.each)))
        taps = read_only(flow.setpoint.tap_position)
        seen_volts(rules, v_pu, read_only(self.network.v_base_v), taps, seen_v)
        return seen_v

    def tap_moves(self, flow: PowerFlow, v_reg_shift: Floats | float = 0.0) -> NDArray[np.int32]:
        """Steps each regulator would move now, within its range: (batch, regulator).

        Args:
            flow: What it sees.
            v_reg_shift: Volts on a 120 V base added to every setting; broadcasts
                over (batch, regulator with a control).
        """
        rules, taps = self._ready.regulators, read_only(flow.setpoint.tap_position)
        shift_v = np.broadcast_to(np.asarray(v_reg_shift, float), (len(taps), len(rules.each)))
        v_pu, v_base_v = read_only(flow.v_pu), read_only(self.network.v_base_v)
        moves = np.zeros(taps.shape, dtype=np.int32)
        moved_taps(rules, v_pu, v_base_v, taps, read_only(shift_v), moves)
        return moves

    def capacitor_steps(self, flow: PowerFlow) -> NDArray[np.int32]:
        """Steps each capacitor would stand at if its control acted now: (batch, capacitor)."""
        plan, steps = self._ready, flow.setpoint.capacitor_step.copy()
        at, hour = _standing(_own(plan, flow.setpoint)), self._hours(len(steps))
        v_pu = _afloat(plan, flow, _floating(plan, flow))
        stepped(plan.capacitors, v_pu, read_only(self.network.v_base_v), at, hour, steps)
        return steps

    def settle(
        self,
        setpoint: Setpoint,
        *,
        start_pu: NDArray[np.complex128] | None = None,
        tolerance_pu: float = 1e-8,
        max_rounds: int = 500,
        threads: int | None = None,
    ) -> PowerFlow:
        """Let every control act until none wants to.

        Args:
            setpoint: Where taps and capacitors stand at first.
            start_pu: (batch or 1, node) voltages the first power flow starts from.
            tolerance_pu: As in `solve`.
            max_rounds: Rounds after which a row that still hunts is given up; one that
                comes back to where it has been is given up at once.
            threads: As in `solve`.

        Returns:
            The flow at rest: its `setpoint` holds what the controls chose, its
            `settled` says whether the row converged and no control of it still wants
            to act.

        Raises:
            PowerFlowError: as `solve` does, or `hour` does not fit the rows.
        """
        plan, hour = self._ready, self._hours(setpoint.n_rows)
        again = partial(solve_again, self.network, tolerance_pu=tolerance_pu, threads=threads)
        flow = solve_batched(
            self.network,
            _own(plan, setpoint),
            start_pu=start_pu,
            tolerance_pu=tolerance_pu,
            threads=threads,
        )
        on = np.arange(setpoint.n_rows)  # rows that may still act
        _follow_curves(plan, flow, setpoint, on, again)
        n_regulators, n_capacitors = len(plan.regulators.each), len(plan.capacitors.each)
        if not n_regulators + n_capacitors:
            return flow
        memory = blank_memory(len(on), n_regulators, n_capacitors)
        at, moved, floating = _standing(flow.setpoint), np.empty_like(on), _floating(plan, flow)
        for rounds in range(max_rounds + 1):
            n_on, n_moved = play_round(
                plan.rules,
                memory,
                at,
                read_only(flow.v_pu),
                _afloat(plan, flow, floating),
                hour,
                flow.settled,
                on,
                moved,
                rounds & (rounds - 1) == 0,  # ever more seldom, so that every cycle is found
                rounds == max_rounds,
            )
            if not n_on:
                break
            on = on[:n_on]
            again(flow, moved[:n_moved])
            _follow_curves(plan, flow, setpoint, moved[:n_moved], again)
        return flow

    def _hours(self, n_rows: int) -> Floats:
        hour = np.asarray(self.hour, dtype=np.float64)
        if hour.shape not in {(), (n_rows,)}:
            raise PowerFlowError(
                f"local controls: hour has shape {hour.shape}; expected one number or ({n_rows},)"
            )
        if not ((hour >= 0.0) & (hour <= 24.0)).all():
            raise PowerFlowError(
                f"local controls: hour is {hour[~((hour >= 0.0) & (hour <= 24.0))][0]}; "
                f"expected an hour of the day, 0 to 24"
            )
        return read_only(hour if hour.ndim else np.full(n_rows, hour))


def _own(plan: _Plan, setpoint: Setpoint) -> Setpoint:
    """The set-point with arrays of its own where controls write."""
    taps, steps = setpoint.tap_position.copy(), setpoint.capacitor_step.copy()
    if not len(plan.inverters.column):
        return replace(setpoint, tap_position=taps, capacitor_step=steps)
    kw, kvar = setpoint.der_kw.copy(), setpoint.der_kvar.copy()
    return replace(setpoint, tap_position=taps, capacitor_step=steps, der_kw=kw, der_kvar=kvar)


def _standing(setpoint: Setpoint) -> Standing:
    closed = read_only(setpoint.switch_closed)
    return Standing(setpoint.tap_position, setpoint.capacitor_step, closed)


def _floating(plan: _Plan, flow: PowerFlow) -> Index:
    """Rows in which something that a capacitor watches is cut off; switches alone decide it."""
    seen = flow.v_pu[:, plan.watched]
    return NOBODY if seen.all() else np.flatnonzero((seen == 0.0).any(axis=1))


def _afloat(plan: _Plan, flow: PowerFlow, rows: Index) -> Complex:
    """(batch, node) voltages that capacitors see: in some rows dead conductors float.

    Beside a live one a dead conductor is no earth wire: earthed it would carry a current.
    """
    if not len(rows):
        return read_only(flow.v_pu)
    v_pu, some = flow.v_pu.copy(), flow.rows(rows)
    v_pu[rows] = potentials(plan.network, some, row_factors(plan.network, some))
    return read_only(v_pu)


def _follow_curves(
    plan: _Plan, flow: PowerFlow, offered: Setpoint, at: Index, again: Callable[..., None]
) -> None:
    """Bring the inverters of some rows onto their curves; not `settled` where it fails.

    Args:
        plan: The controls.
        flow: Solved; the inverters' powers are a first guess. Written to in place.
        offered: The inverters' powers as the set-point has them.
        at: The rows.
        again: Solves rows of a flow again.
    """
    inverters = plan.inverters
    if not len(inverters.column):
        return
    at = at[flow.converged[at]]
    mixing = Mixing(len(at), 2 * len(inverters.column))
    for _ in range(MOST_MIXING_STEPS):
        misses = inverters.misses(flow, offered, at)
        goes_on = np.asarray((np.abs(misses) > STEADY).any(axis=1)) & flow.converged[at]
        mixing.rows(goes_on)
        at, misses = at[goes_on], misses[goes_on]
        if not len(at):
            return
        shares = mixing.step(inverters.shares(flow.setpoint, at), misses)
        inverters.write(flow.setpoint, at, shares)
        again(flow, at)
    flow.settled[at] = False
