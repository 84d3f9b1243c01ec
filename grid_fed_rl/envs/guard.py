"""What a shield does in a step: predict, project, verify, fall back. No episodes here.

`Guard.decide` is given the lanes that go on and what their policy proposes; it answers
with actions and with where they lead.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.costs import channels_of
from grid_fed_rl.envs.dynamics import advance, moment_at, moved, setpoint_of
from grid_fed_rl.envs.groups import Inverters
from grid_fed_rl.envs.levers import Levers, Reach, executed_of
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.errors import TaskError
from grid_fed_rl.safety import Limits, VoltageLimits
from grid_fed_rl.safety.backup import BackupControls
from grid_fed_rl.safety.projection import Program, project, whole_settings

__all__ = ["Decision", "Foresight", "Guard", "Reason"]

Foresight = Literal["exact", "persistence"]
Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]
Represented = Callable[[Floats], Floats]  # (lane, action) to the nearest that can be stated

AIM_PU = 1e-3  # further within the limits than they ask: what the linear model is good for
ROUNDS = 3  # projections, each about the power flow of the last
SCALE_PU = 0.01  # a voltage off by so much weighs as much as a full action
RELAXED = 1e6  # price of missing a limit in the projection
PENALTY = 1e4  # the same in the search of settings
SWEEPS = 2  # rounds of the search of neighbours by power flow


class Reason(IntEnum):
    """Where the executed action comes from."""

    AS_PROPOSED = 0
    PROJECTED = 1
    NEIGHBOUR = 2
    LOCAL_CONTROLS = 3
    LAST_SAFE = 4
    HELD = 5


@dataclass(slots=True)
class Decision:
    """What lanes do.

    Attributes:
        action: (lane, action) numbers from -1 to 1.
        after: Where that leads, by the guard's foresight.
        excess: (lane,) by how much limits are left then, all channels added up; infinite
            where the power flow does not converge.
        reason: (lane,) `Reason`.
    """

    action: Floats
    after: Snapshot
    excess: Floats
    reason: NDArray[np.int8]

    @property
    def safe(self) -> NDArray[np.bool_]:
        """(lane,) whether the limits hold."""
        return self.excess <= 0.0

    def lanes(self, index: Lanes) -> "Decision":
        """Some lanes alone."""
        return Decision(
            self.action[index], self.after.lanes(index), self.excess[index], self.reason[index]
        )

    def put(self, index: Lanes, part: "Decision") -> None:
        """Replace lanes by those of another."""
        if len(index):
            self.action[index], self.excess[index] = part.action, part.excess
            self.reason[index] = part.reason
            self.after = self.after.with_lanes(index, part.after)

    def improve(self, index: Lanes, part: "Decision") -> None:
        """Replace lanes by those of another where these leave the limits by less."""
        better = np.flatnonzero(part.excess < self.excess[index])
        self.put(index[better], part.lanes(better))


class Guard:
    """Keeps actions within limits.

    Args:
        case: What the environment is made of.
        limits: What must hold after every step.
        margin_pu: Distance that predicted voltages keep from their limits.
        foresight: See `shield.Shield`.
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
        self.case, self._foresight, self._threads = case, foresight, threads
        self._limits = _within(limits, margin_pu)
        self._channels = channels_of(self._limits, case.network, case.groups)
        self._represented = represented
        self.levers = Levers(case)
        self._rows = self.levers.by_voltage / SCALE_PU
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
        if self._foresight == "persistence":
            before = replace(before, next_row=before.row)
        decision = self._tried(before, proposed, Reason.AS_PROPOSED)
        at = np.flatnonzero(~decision.safe)
        if not len(at):
            return decision
        part, saved = decision.lanes(at), before.lanes(at)
        moment = moment_at(self.case, saved.next_row)
        reach = self.levers.reach(saved, moment)
        self._project(saved, part, reach)
        self._search_neighbours(saved, part)
        self._fall_back(saved, part, reach, last_safe[at])
        decision.put(at, part)
        return decision

    def _tried(self, before: Snapshot, action: Floats, reason: Reason) -> Decision:
        """Where an action leads, by power flow."""
        after = advance(self.case, before, action, self._threads)
        excess = np.zeros(len(action))
        for channel in self._channels:
            excess += channel(after)[0]
        excess[~after.flow.converged] = np.inf
        return Decision(action, after, excess, np.full(len(action), reason, dtype=np.int8))

    # ---- the nearest safe action ------------------------------------------------

    def _project(self, before: Snapshot, part: Decision, reach: Reach) -> None:
        """Project the proposals of these lanes, verify, and project anew about the answer."""
        levers, limits = self.levers, self._limits.voltage
        if limits is None:
            return
        centre = np.clip(levers.position(part.after.setpoint), reach.least, reach.most)
        at, seen = np.arange(len(part.action)), part
        for _ in range(ROUNDS):
            good = seen.after.flow.converged
            at, seen = at[good], seen.lanes(np.flatnonzero(good))
            if not len(at):
                return
            here = reach.lanes(at)
            position = levers.position(seen.after.setpoint)
            program = self._program(limits, seen.after.v_pu, position, centre[at], here)
            action = self._represented(here.action(self._solved(program, here)))
            tried = self._tried(before.lanes(at), action, Reason.PROJECTED)
            part.improve(at, tried)
            left = np.flatnonzero(~tried.safe)
            at, seen = at[left], tried.lanes(left)

    def _program(
        self, limits: VoltageLimits, v_pu: Floats, position: Floats, centre: Floats, reach: Reach
    ) -> Program:
        """The nearest positions that hold the limits, by the voltages answering linearly."""
        aim = min(AIM_PU, 0.25 * (limits.v_max_pu - limits.v_min_pu))
        constant = v_pu / SCALE_PU - position @ self._rows.T
        return Program(
            rows=self._rows,
            centre=centre,
            weight=reach.action_per_position**2,
            low=(limits.v_min_pu + aim) / SCALE_PU - constant,
            high=(limits.v_max_pu - aim) / SCALE_PU - constant,
            least=reach.least,
            most=reach.most,
        )

    def _solved(self, program: Program, reach: Reach) -> Floats:
        """Positions: projected, rounded where they must be, and the rest projected anew."""
        x, _ = project(program, RELAXED, self._threads)
        per_action = 1.0 / reach.action_per_position
        step = self._step * per_action
        origin = reach.least + (-1.0 - reach.executed_least) * per_action
        x = whole_settings(program, x, step, origin, PENALTY, threads=self._threads)
        whole = step > 0.0
        if whole.all():
            return x
        rest = program.with_(
            least=np.where(whole, x, program.least), most=np.where(whole, x, program.most)
        )
        return project(rest, RELAXED, self._threads)[0]

    def _search_neighbours(self, before: Snapshot, part: Decision) -> None:
        """Move one setting at a time, the best by power flow, where projecting did not do."""
        n = len(self._step)
        whole = np.flatnonzero(self._step > 0.0)
        for _ in range(SWEEPS):
            at = np.flatnonzero(~part.safe & np.isfinite(part.excess))
            if not len(at) or not len(whole):
                return
            moves = np.zeros((2 * len(whole), n))
            moves[np.arange(2 * len(whole)), np.repeat(whole, 2)] = np.tile(
                [1.0, -1.0], len(whole)
            ) * np.repeat(self._step[whole], 2)
            held = executed_of(self.case, part.after.moves)[at]
            action = np.clip(held[:, None] + moves, -1.0, 1.0).reshape(-1, n)
            rows = np.repeat(at, len(moves))
            tried = self._tried(before.lanes(rows), self._represented(action), Reason.NEIGHBOUR)
            excess = tried.excess.reshape(len(at), -1)
            best = excess.argmin(axis=1) + np.arange(len(at)) * len(moves)
            part.improve(at, tried.lanes(best))

    # ---- when nothing is safe -----------------------------------------------------

    def _fall_back(self, before: Snapshot, part: Decision, reach: Reach, last_safe: Floats) -> None:
        """Local controls, the last safe setting, or holding; else what leaves limits least."""
        at = np.flatnonzero(~part.safe)
        if not len(at):
            return
        before, reach, last_safe = before.lanes(at), reach.lanes(at), last_safe[at]
        held = self.holding(before)
        known = np.where(np.isnan(last_safe), self.levers.position(before.setpoint), last_safe)
        candidates = (
            (self.local(before, reach), Reason.LOCAL_CONTROLS),
            (reach.action(np.clip(known, reach.least, reach.most)), Reason.LAST_SAFE),
            (held, Reason.HELD),
        )
        for action, reason in candidates:
            part.improve(at, self._tried(before, self._represented(action), reason))

    def holding(self, before: Snapshot) -> Floats:
        """The action that leaves devices as they are, and idle: (lane, action)."""
        moment = moment_at(self.case, before.next_row)
        nothing = np.zeros((len(before.step), len(self.levers.each)))
        _, moves = moved(self.case, before.states, nothing, moment)
        return self._represented(executed_of(self.case, moves))

    def local(self, before: Snapshot, reach: Reach | None = None) -> Floats:
        """The action nearest to where the devices' own controls come to rest: (lane, action)."""
        moment = moment_at(self.case, before.next_row)
        reach = self.levers.reach(before, moment) if reach is None else reach
        states, moves = moved(self.case, before.states, self.holding(before), moment)
        held = setpoint_of(self.case, moment, states, moves)
        hour = (moment.row % self.case.year.steps_per_day) * self.case.year.step_h
        settled = self._backup.settled(held, hour, before.flow, self._threads)
        position = np.clip(self.levers.position(settled), reach.least, reach.most)
        return self._represented(reach.action(position))


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
