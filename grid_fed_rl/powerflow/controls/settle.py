"""Rounds of control until nothing wants to act: OpenDSS's static mode.

In a round every control looks at the solved row. One that wants to act and is not
armed yet is armed, due after its delay; one that no longer wants to is disarmed. Time
stands still: of all that are armed, those due first act, and only those. The row is
solved again and the next round begins. So a regulator with a delay of 15 s comes to
rest before a capacitor with one of 100 s acts once, and a capacitor that opened
closes again, for its dead time, only when nothing else is left to do. Inverters act
without delay: they come to rest on their curves before anything else looks.
"""

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow.batched import solve_batched
from grid_fed_rl.powerflow.controls.capacitors import (
    NOTHING,
    OPEN,
    WatchedCapacitor,
    capacitors_of,
)
from grid_fed_rl.powerflow.controls.inverters import STEADY, Inverters, Mixing, inverters_of
from grid_fed_rl.powerflow.controls.regulators import Regulators, regulators_of
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.setpoint import Setpoint

__all__ = ["LocalControls"]

MOST_MIXING_STEPS = 100
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The controls of a network, made ready."""

    network: Network
    regulators: Regulators
    capacitors: list[WatchedCapacitor]
    inverters: Inverters


def _plan(network: Network) -> _Plan:
    return _Plan(network, regulators_of(network), capacitors_of(network), inverters_of(network))


@dataclass(slots=True)
class _Memory:
    """What the controls of some rows remember from round to round."""

    steps: Floats  # (batch, regulator with a control) wanted
    wants: NDArray[np.int8]  # (batch, capacitor with a control) OPEN, NOTHING or CLOSE
    due_s: Floats  # (batch, regulators and then capacitors); infinite where not armed
    was_opened: NDArray[np.bool_]  # (batch, capacitor with a control)

    @classmethod
    def blank(cls, plan: _Plan, n_rows: int) -> "_Memory":
        n_regulators, n_capacitors = len(plan.regulators.column), len(plan.capacitors)
        return cls(
            steps=np.zeros((n_rows, n_regulators)),
            wants=np.full((n_rows, n_capacitors), NOTHING, dtype=np.int8),
            due_s=np.full((n_rows, n_regulators + n_capacitors), np.inf),
            was_opened=np.zeros((n_rows, n_capacitors), dtype=np.bool_),
        )

    def rows(self, index: NDArray[np.bool_]) -> "_Memory":
        """The memory of some rows."""
        return _Memory(*(getattr(self, name)[index] for name in self.__slots__))


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
        return self._ready.regulators.column

    @property
    def capacitor_columns(self) -> NDArray[np.int64]:
        """Columns of the capacitor steps that the controls decide."""
        return np.array([c.column for c in self._ready.capacitors], dtype=np.int64)

    def compensated_v(self, flow: PowerFlow) -> Floats:
        """Voltage each line-drop compensator sees, 120 V base: (batch, compensator).

        A compensator is a regulator that has a control, in the network's order.
        """
        return self._ready.regulators.seen_v(flow)

    def tap_moves(self, flow: PowerFlow, v_reg_shift: Floats | float = 0.0) -> NDArray[np.int32]:
        """Steps each regulator would move now, within its range: (batch, regulator).

        Args:
            flow: What it sees.
            v_reg_shift: Volts on a 120 V base added to every setting; broadcasts
                over (batch, regulator with a control).
        """
        regulators, taps = self._ready.regulators, flow.setpoint.tap_position
        _, steps = regulators.wanted_steps(flow, v_reg_shift)
        target = taps.copy()
        target[:, regulators.column] += regulators.move(steps)
        return np.clip(target, self.network.tap_lowest, self.network.tap_highest) - taps

    def capacitor_steps(self, flow: PowerFlow) -> NDArray[np.int32]:
        """Steps each capacitor would stand at if its control acted now: (batch, capacitor)."""
        steps = flow.setpoint.capacitor_step.copy()
        hour = self._hours(len(steps))
        for capacitor in self._ready.capacitors:
            nothing = np.full(len(steps), NOTHING, dtype=np.int8)
            steps[:, capacitor.column] += capacitor.wants(flow, hour, nothing)[0]
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
        run = partial(_steady, plan, tolerance_pu=tolerance_pu, threads=threads)
        flow = run(setpoint, setpoint, start_pu)
        at = np.flatnonzero(flow.settled)  # rows that may still act
        seen, memory = flow.rows(at), _Memory.blank(plan, len(at))
        mark = _state(seen, memory)
        for rounds in range(max_rounds + 1):
            _look(plan, seen, hour[at], memory)
            acts = np.asarray(np.isfinite(memory.due_s).any(axis=1))
            at, seen, memory, mark = at[acts], seen.rows(acts), memory.rows(acts), mark[acts]
            if rounds == max_rounds or not len(at):
                break
            now = _act(plan, seen.setpoint, memory)
            moved = _moved(seen.setpoint, now)
            if moved.any():
                offered = setpoint.rows(at[moved])
                seen = seen.with_rows(moved, run(now.rows(moved), offered, seen.v_pu[moved]))
            flow = flow.with_rows(at, seen)
            stays = seen.settled
            state = _state(seen, memory)
            hunts = stays & (state == mark).all(axis=1)
            flow.settled[at[hunts]] = False
            stays &= ~hunts
            if rounds & (rounds + 1) == 0:  # ever more seldom, so that every cycle is found
                mark = state
            at, seen, memory, mark = at[stays], seen.rows(stays), memory.rows(stays), mark[stays]
        flow.settled[at] = False
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
        return np.broadcast_to(hour, (n_rows,))


def _moved(before: Setpoint, now: Setpoint) -> NDArray[np.bool_]:
    """(batch,) whether any tap or capacitor stands elsewhere."""
    taps = (now.tap_position != before.tap_position).any(axis=1)
    return np.logical_or(taps, (now.capacitor_step != before.capacitor_step).any(axis=1))


def _steady(
    plan: _Plan,
    setpoint: Setpoint,
    offered: Setpoint,
    start_pu: NDArray[np.complex128] | None,
    *,
    tolerance_pu: float,
    threads: int | None,
) -> PowerFlow:
    """The flow in which every inverter is on its curves; not `settled` where there is none.

    Args:
        plan: The controls.
        setpoint: Where everything stands; the inverters' powers are a first guess.
        offered: The inverters' powers as the set-point has them.
        start_pu: As in `solve`.
        tolerance_pu: As in `solve`.
        threads: As in `solve`.
    """
    inverters = plan.inverters
    solved = partial(solve_batched, plan.network, tolerance_pu=tolerance_pu, threads=threads)
    flow = solved(setpoint, start_pu=start_pu)
    if not len(inverters.column):
        return flow
    at = np.flatnonzero(flow.converged)
    seen, mixing = flow.rows(at), Mixing(len(at), 2 * len(inverters.column))
    for _ in range(MOST_MIXING_STEPS):
        misses = inverters.misses(seen, offered.rows(at))
        goes_on = np.asarray((np.abs(misses) > STEADY).any(axis=1)) & seen.converged
        mixing.rows(goes_on)
        at, seen, misses = at[goes_on], seen.rows(goes_on), misses[goes_on]
        if not len(at):
            break
        shares = mixing.step(inverters.shares(seen.setpoint), misses)
        seen = solved(inverters.with_shares(seen.setpoint, shares), start_pu=seen.v_pu)
        flow = flow.with_rows(at, seen)
    flow.settled[at] = False
    return flow


def _look(plan: _Plan, flow: PowerFlow, hour: Floats, memory: _Memory) -> None:
    """Let every control of these rows look: it is armed, disarmed or changes its mind."""
    regulators, setpoint = plan.regulators, flow.setpoint
    n = len(regulators.column)
    out, memory.steps = regulators.wanted_steps(flow)
    taps = setpoint.tap_position[:, regulators.column]
    lowest = plan.network.tap_lowest[regulators.column]
    highest = plan.network.tap_highest[regulators.column]
    can = np.where(memory.steps > 0.0, taps < highest, taps > lowest) & (memory.steps != 0.0)
    due = memory.due_s[:, :n]
    due[np.isinf(due) & can] = np.broadcast_to(regulators.delay_s, due.shape)[np.isinf(due) & can]
    due[~out] = np.inf
    for k, capacitor in enumerate(plan.capacitors):
        wants, asks = capacitor.wants(flow, hour, memory.wants[:, k])
        due = memory.due_s[:, n + k]
        arms = asks & np.isinf(due)
        due[arms] = capacitor.delay_s(wants, memory.was_opened[:, k])[arms]
        due[wants == NOTHING] = np.inf
        memory.wants[:, k] = wants


def _act(plan: _Plan, setpoint: Setpoint, memory: _Memory) -> Setpoint:
    """What is due first acts and is disarmed; return where devices stand then."""
    regulators, n = plan.regulators, len(plan.regulators.column)
    fires = memory.due_s == memory.due_s.min(axis=1, keepdims=True)
    memory.due_s[fires] = np.inf
    taps, steps = setpoint.tap_position.copy(), setpoint.capacitor_step.copy()
    taps[:, regulators.column] += np.where(fires[:, :n], regulators.move(memory.steps), 0)
    taps = np.clip(taps, plan.network.tap_lowest, plan.network.tap_highest)
    for k, capacitor in enumerate(plan.capacitors):
        step = steps[:, capacitor.column]
        change = np.where(fires[:, n + k], memory.wants[:, k], NOTHING)
        after = np.clip(step + change, 0, capacitor.bank.n_steps)
        if capacitor.bank.n_steps == 1:  # OpenDSS's banks of several know no dead time
            memory.was_opened[:, k] |= (change == OPEN) & (step == 1)
        steps[:, capacitor.column] = after
    return replace(setpoint, tap_position=taps.astype(np.int32), capacitor_step=steps)


def _state(flow: PowerFlow, memory: _Memory) -> Floats:
    """All that decides how a row goes on, its powers apart: (batch, number)."""
    setpoint = flow.setpoint
    parts = (setpoint.tap_position, setpoint.capacitor_step, memory.wants, memory.was_opened)
    return np.concatenate([*parts, memory.due_s], axis=1, dtype=np.float64)
