"""What a shield does in a step: predict, project, verify, fall back. No episodes here.

`Guard.decide` is given the lanes that go on and what their policy proposes; it answers
with actions and with where they lead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.costs import VoltageCost, channels_of, served_nodes
from grid_fed_rl.envs.dynamics import (
    Attempt,
    attempt,
    concluded,
    moment_at,
    moved,
    setpoint_of,
    start_of,
)
from grid_fed_rl.envs.groups import Inverters, Moment
from grid_fed_rl.envs.levers import Levers, Reach, executed_of
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import PowerFlow, Setpoint
from grid_fed_rl.powerflow.batched import processors
from grid_fed_rl.safety import Limits, VoltageLimits
from grid_fed_rl.safety.backup import BackupControls
from grid_fed_rl.safety.projection import Program, project, whole_settings

__all__ = ["Decision", "Foresight", "Guard", "Reason"]

Foresight = Literal["exact", "persistence"]
Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]
Represented = Callable[[Floats], Floats]  # (lane, action) to the nearest that can be stated

AIM_PU = 2e-3  # further within the limits than they ask: what the linear model is good for
FINE_PU = 3e-4  # the same for what has no settings, once the rest has them
NOTEWORTHY = 0.01  # share of a full action below which nothing is refined
ROUNDS = 3  # projections, each about the power flow of the last
SCALE_PU = 0.01  # unit of voltage in the projection
RELAXED = 1e6  # price of missing a limit in the projection
PENALTY = 1e4  # the same in the search of settings
SWEEPS = 1  # rounds of the search of neighbours by power flow


class Reason(IntEnum):
    """Where the executed action comes from."""

    AS_PROPOSED = 0
    PROJECTED = 1
    NEIGHBOUR = 2
    LOCAL_CONTROLS = 3
    LAST_SAFE = 4
    HELD = 5


BACKUPS = (Reason.LOCAL_CONTROLS, Reason.LAST_SAFE, Reason.HELD)


@dataclass(frozen=True, slots=True)
class Decision:
    """What lanes do.

    Attributes:
        action: (lane, action) numbers from -1 to 1.
        made: Where that leads, by the guard's foresight.
        excess: (lane,) by how much limits are left then, all channels added up; infinite
            where the power flow does not converge.
        reason: (lane,) `Reason`.
    """

    action: Floats
    made: Attempt
    excess: Floats
    reason: NDArray[np.int8]

    @property
    def safe(self) -> NDArray[np.bool_]:
        """(lane,) whether the limits hold."""
        return self.excess <= 0.0


@dataclass(frozen=True, slots=True)
class _Start:
    """Some lanes before a step: what an attempt needs of them, and no more.

    Attributes:
        before: All lanes.
        index: (lane,) which of them these are.
        states: Of each device group.
        moment: The step that is foreseen.
        start_pu: (lane, node) voltages that power flows start from.
    """

    before: Snapshot
    index: Lanes
    states: Mapping[str, NDArray]
    moment: Moment
    start_pu: NDArray[np.complex128]

    def lanes(self, index: Lanes) -> "_Start":
        """Some of them."""
        moment = self.moment
        arrays = (moment.load_kw, moment.load_kvar, moment.pv_kw)
        return _Start(
            self.before,
            self.index[index],
            {name: state[index] for name, state in self.states.items()},
            Moment(moment.row[index], moment.step_h, *(array[index] for array in arrays)),
            self.start_pu[index],
        )


class _Best:
    """The best of what was tried in each lane so far."""

    def __init__(self, first: Decision) -> None:
        n = len(first.excess)
        self.tried = [first]
        self.action, self.excess, self.reason = (
            first.action.copy(),
            first.excess.copy(),
            first.reason.copy(),
        )
        self.which, self.row = np.zeros(n, dtype=np.int64), np.arange(n)

    @property
    def unsafe(self) -> Lanes:
        """Lanes in which nothing that holds the limits was found yet."""
        return np.flatnonzero(self.excess > 0.0)

    def offer(self, at: Lanes, tried: Decision, rows: Lanes | None = None) -> None:
        """Take what was tried in these lanes (its `rows`) where it leaves limits by less."""
        rows = np.arange(len(at)) if rows is None else rows
        better = tried.excess[rows] < self.excess[at]
        at, rows = at[better], rows[better]
        self.tried.append(tried)
        self.action[at], self.excess[at] = tried.action[rows], tried.excess[rows]
        self.reason[at], self.which[at], self.row[at] = (
            tried.reason[rows],
            len(self.tried) - 1,
            rows,
        )

    def decision(self) -> Decision:
        """All lanes put together."""
        parts = []
        for k, tried in enumerate(self.tried[1:], start=1):
            at = np.flatnonzero(self.which == k)
            if len(at):
                parts.append((at, tried.made.lanes(self.row[at])))
        first = self.tried[0].made
        made = first.with_parts(parts) if parts else first
        return Decision(self.action, made, self.excess, self.reason)


class Guard:
    """Keeps actions within limits.

    Args:
        case: What the environment is made of.
        limits: What must hold after every step.
        margin_pu: Distance that predicted voltages keep from their limits.
        foresight: See `shield.ShieldVector`.
        represented: The nearest action that the environment can be given.
        step: (action,) distance of the choices of an action, 0 where it is continuous.
        threads: Threads of power flow and projection; all processors by default.

    Raises:
        TaskError: the margin leaves no room, there is no such foresight, or the limits are
            on what the case does not have.
    """

    def __init__(
        self,
        case: Case,
        limits: Limits,
        margin_pu: float,
        foresight: Foresight,
        represented: Represented,
        step: Floats,
        threads: int | None,
    ) -> None:
        if foresight not in ("exact", "persistence"):
            raise TaskError(f"foresight is {foresight!r}; known: 'exact', 'persistence'")
        self.case, self._foresight = case, foresight
        self._threads = threads or processors()
        self._limits = _within(limits, margin_pu)
        others = channels_of(self._limits, case.network, case.groups)
        self._channels = [one for one in others if not isinstance(one, VoltageCost)]
        self._represented = represented
        self.levers = Levers(case)
        served = limits.voltage is not None and limits.served_only
        self._nodes = np.array(
            served_nodes(case.network) if served else range(case.network.n_nodes), dtype=np.int64
        )
        self._rows = self.levers.by_voltage[self._nodes] / SCALE_PU
        self._step = np.where(self.levers.step > 0.0, self.levers.step, step)
        follows = any(isinstance(group, Inverters) for group in case.groups)
        self._backup = BackupControls(case.network, volt_var=follows)

    def decide(self, before: Snapshot, proposed: Floats, last_safe: Floats) -> Decision:
        """What to do instead of what is proposed, where that leaves the limits.

        Args:
            before: The lanes before the step.
            proposed: (lane, action) numbers from -1 to 1.
            last_safe: (lane, lever) positions that held the limits last; NaN for none.
        """
        start = self._start(before)
        first = self._tried(start, proposed, Reason.AS_PROPOSED)
        best = _Best(first)
        if not len(best.unsafe):
            return first
        self._project(start, best)
        self._search_neighbours(start, best)
        self._fall_back(start, best, last_safe)
        return best.decision()

    def _start(self, before: Snapshot) -> _Start:
        row = before.next_row if self._foresight == "exact" else before.row
        lanes, moment = np.arange(len(row)), moment_at(self.case, row)
        return _Start(before, lanes, before.states, moment, start_of(self.case, before))

    def _tried(self, start: _Start, action: Floats, reason: Reason | NDArray[np.int8]) -> Decision:
        """Where an action leads, by power flow."""
        case, states, moment = self.case, start.states, start.moment
        made = attempt(case, states, start.start_pu, moment, action, self._threads)
        excess = np.zeros(len(action))
        if self._limits.voltage is not None:
            excess += self._limits.voltage.excursion_pu(self._seen(made.flow)).sum(axis=1)
        if self._channels:
            after = concluded(case, start.before.lanes(start.index), moment, made)
            excess += sum(channel(after)[0] for channel in self._channels)
        excess[~made.flow.converged] = np.inf
        return Decision(action, made, excess, np.full(len(action), reason, dtype=np.int8))

    def _seen(self, flow: PowerFlow) -> Floats:
        """(lane, row) voltages that are limited, as the cost channel measures them."""
        return self.case.service_pu(flow.v_pu).take(self._nodes, axis=1)

    # ---- the nearest safe action ------------------------------------------------

    def _project(self, start: _Start, best: _Best) -> None:
        """Project proposals, verify, and project anew about the answer."""
        limits, levers = self._limits.voltage, self.levers
        at, seen = best.unsafe, best.tried[0].made.flow.rows(best.unsafe)
        if limits is None:
            return
        start = start.lanes(at)
        reach = levers.reach(start.states, start.moment)
        centre = np.clip(levers.position(seen.setpoint), reach.least, reach.most)
        for _ in range(ROUNDS):
            left = np.flatnonzero((best.excess[at] > 0.0) & seen.converged)
            if not len(left):
                return
            if len(left) < len(at):
                at, seen, start = at[left], seen.rows(left), start.lanes(left)
                reach, centre = reach.lanes(left), centre[left]
            position = levers.position(seen.setpoint)
            program = self._program(limits, seen, position, centre, reach)
            nearest = position + self._solved(program, position, reach)
            action = self._represented(reach.action(nearest))
            tried = self._tried(start, action, Reason.PROJECTED)
            best.offer(at, tried)
            seen = tried.made.flow

    def _program(
        self, limits: VoltageLimits, seen: PowerFlow, position: Floats, centre: Floats, reach: Reach
    ) -> Program:
        """The nearest move that holds the limits, by voltages that answer linearly."""
        aim = min(AIM_PU, 0.25 * (limits.v_max_pu - limits.v_min_pu))
        v_pu = self._seen(seen)
        return Program(
            rows=self._rows,
            centre=centre - position,
            weight=(self.levers.dear * reach.action_per_position) ** 2,
            low=(limits.v_min_pu + aim - v_pu) / SCALE_PU,
            high=(limits.v_max_pu - aim - v_pu) / SCALE_PU,
            least=reach.least - position,
            most=reach.most - position,
        )

    def _solved(self, program: Program, position: Floats, reach: Reach) -> Floats:
        """Moves: projected, rounded where they must be, and the rest projected anew."""
        x, _ = project(program, RELAXED, self._threads)
        per_action = 1.0 / reach.action_per_position
        step = self._step * per_action
        origin = reach.least + (-1.0 - reach.executed_least) * per_action - position
        x, excess = whole_settings(program, x, step, origin, PENALTY, threads=self._threads)
        whole = step > 0.0
        pulled = (np.abs(x - program.centre) > NOTEWORTHY) & ~whole
        again = np.flatnonzero((excess > 0.0) | pulled.any(axis=1))
        if len(again) and not whole.all():
            rest = program.lanes(again).with_fixed(whole[again], x[again])
            by = (AIM_PU - FINE_PU) / SCALE_PU
            rest = replace(rest, low=rest.low - by, high=rest.high + by)
            x[again] = project(rest, RELAXED, self._threads)[0]
        return x

    def _search_neighbours(self, start: _Start, best: _Best) -> None:
        """Move one setting at a time, the best by power flow, where projecting did not do."""
        whole = np.flatnonzero(self._step > 0.0)
        moves = np.zeros((2, len(whole), len(self._step)))
        moves[:, np.arange(len(whole)), whole] = np.outer([1.0, -1.0], self._step[whole])
        moves = moves.reshape(-1, len(self._step))
        for _ in range(SWEEPS):
            at = best.unsafe
            at = at[np.isfinite(best.excess[at])]
            if not len(at) or not len(moves):
                return
            action = np.clip(best.action[at][:, None] + moves, -1.0, 1.0)
            action = self._represented(action.reshape(-1, len(self._step)))
            tried = self._tried(start.lanes(np.repeat(at, len(moves))), action, Reason.NEIGHBOUR)
            first = np.arange(len(at)) * len(moves)
            best.offer(at, tried, first + tried.excess.reshape(len(at), -1).argmin(axis=1))

    # ---- when nothing is safe -----------------------------------------------------

    def _fall_back(self, start: _Start, best: _Best, last_safe: Floats) -> None:
        """Local controls, the last safe setting, or holding; else what leaves limits least."""
        at = best.unsafe
        if not len(at):
            return
        start, last_safe = start.lanes(at), last_safe[at]
        reach = self.levers.reach(start.states, start.moment)
        held, standing = self._holding(start)
        known = np.asarray(np.isfinite(last_safe).all(axis=1))
        last = np.where(known[:, None], last_safe, self.levers.position(standing))
        last = np.clip(last, reach.least, reach.most)
        actions = [self._local(start), self._represented(reach.action(last)), held]
        n = len(at)
        tried = self._tried(
            start.lanes(np.tile(np.arange(n), len(BACKUPS))),
            np.concatenate(actions),
            np.repeat(np.array(BACKUPS, dtype=np.int8), n),
        )
        for k, backup in enumerate(BACKUPS):  # the first of equals is kept
            lanes = np.flatnonzero(known) if backup is Reason.LAST_SAFE else np.arange(n)
            best.offer(at[lanes], tried, k * n + lanes)

    def local(self, before: Snapshot) -> Floats:
        """The action nearest to where devices' own controls come to rest: (lane, action)."""
        return self._local(self._start(before))

    def _local(self, start: _Start) -> Floats:
        reach = self.levers.reach(start.states, start.moment)
        _, standing = self._holding(start)
        year = self.case.year
        hour = np.asarray((start.moment.row % year.steps_per_day) * year.step_h, dtype=np.float64)
        settled = self._backup.settled(standing, hour, start.start_pu, self._threads)
        position = np.clip(self.levers.position(settled), reach.least, reach.most)
        return self._represented(reach.action(position))

    def _holding(self, start: _Start) -> tuple[Floats, Setpoint]:
        """The action that leaves devices as they are, and idle; and what it asks for."""
        nothing = np.zeros((len(start.index), len(self.levers.each)))
        states, moves = moved(self.case, start.states, nothing, start.moment)
        standing = setpoint_of(self.case, start.moment, states, moves)
        return self._represented(executed_of(self.case, moves)), standing


def _within(limits: Limits, margin_pu: float) -> Limits:
    """The limits with a margin inside those of voltage."""
    if not margin_pu >= 0.0:
        raise TaskError(f"shield: margin_pu is {margin_pu}; expected 0 or more")
    if limits.voltage is None:
        return limits
    low, high = limits.voltage.v_min_pu + margin_pu, limits.voltage.v_max_pu - margin_pu
    if not low < high:
        raise TaskError(f"shield: margin_pu is {margin_pu}; it leaves nothing within the limits")
    return replace(limits, voltage=VoltageLimits(low, high))
