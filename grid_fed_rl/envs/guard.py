"""What a shield does in a step: predict, project, verify, fall back. No episodes here.

`Guard.decide` is given the lanes that go on and what their policy proposes; it answers
with actions and with where they lead.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.bounds import STATED, bounds
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.corridor import Corridor
from grid_fed_rl.envs.dynamics import attempt, moment_at, moved, setpoint_of, start_of
from grid_fed_rl.envs.groups import Inverters, Moment
from grid_fed_rl.envs.levers import Levers, executed_of
from grid_fed_rl.envs.limited import Limited
from grid_fed_rl.envs.nearest import NOTEWORTHY, Nearest, Room
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.envs.tries import Best, Decision, Reason, Start
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Setpoint
from grid_fed_rl.powerflow.measures import source_kw
from grid_fed_rl.powerflow.threads import processors
from grid_fed_rl.safety import Limits
from grid_fed_rl.safety.backup import BackupControls

__all__ = ["Foresight", "Guard"]

Foresight = Literal["exact", "forecast", "persistence"]
Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]
Represented = Callable[[Floats], Floats]  # (lane, action) to the nearest that can be stated

BACKUPS = (Reason.LOCAL_CONTROLS, Reason.LAST_SAFE, Reason.HELD)
# Times that limits of voltage are aimed within, as far as slopes ask for: of projections one
# after the other, each about the power flow of the last. Local controls undo part of a move.
AIMS = (1.0, 1.0, 2.0, 3.0, 4.0)
GIVEN_UP = 2  # of them in a row that say that nothing holds
HALVINGS = 3  # of active power that is spent in vain
CUT = 1.02  # times what flows back that PV is cut by: what is lost is less then


class Guard:
    """Keeps actions within limits.

    Args:
        case: What the environment is made of.
        limits: What must hold after every step.
        margins: Distances that predictions keep from limits; see `limited.Limited`.
        foresight: See `shield.ShieldVector`.
        represented: The nearest action that the environment can be given.
        step: (action,) distance of the choices of an action, 0 where it is continuous.
        threads: Threads of power flow and projection; all processors by default.

    Raises:
        TaskError: a margin leaves no room, there is no such foresight, or the limits are
            on what the case does not have.
    """

    def __init__(
        self,
        case: Case,
        limits: Limits,
        margins: tuple[float, float],
        foresight: Foresight,
        represented: Represented,
        step: Floats,
        threads: int | None,
    ) -> None:
        if foresight not in get_args(Foresight):
            known = ", ".join(repr(one) for one in get_args(Foresight))
            raise TaskError(f"foresight is {foresight!r}; known: {known}")
        self.case, self._foresight = case, foresight
        self._threads = threads or processors()
        self._limits = limits
        self._represented = represented
        self.levers = Levers(case)
        self._limited = Limited(case, limits, margins, self.levers, self._threads)
        whole = np.where(self.levers.step > 0.0, self.levers.step, step)
        if case.local_controls is not None:
            whole[self.levers.followed] = 0.0
        self._nearest = Nearest(self._limited, self.levers, whole, self._threads)
        self._pv_kw = np.array(
            [
                k
                for group, at in self.levers.groups
                if isinstance(group, Inverters)
                for k in at.tolist()
                if self.levers.each[k].array == "der_kw"
            ],
            dtype=np.int64,
        )
        follows = any(isinstance(group, Inverters) for group in case.groups)
        self._backup = BackupControls(case.network, volt_var=follows)
        self._corridor = None
        if foresight == "exact" and case.local_controls is None and case.network.regulators:
            parts = case, self.levers, self._limited, self._backup_step, self._threads
            self._corridor = Corridor(*parts)

    def decide(self, before: Snapshot, proposed: Floats, last_safe: Floats) -> Decision:
        """What to do instead of what is proposed, where that leaves the limits.

        Args:
            before: The lanes before the step.
            proposed: (lane, action) numbers from -1 to 1.
            last_safe: (lane, lever) positions that held the limits last; NaN for none.
        """
        start = self._start(before)
        first = self._tried(start, proposed, Reason.AS_PROPOSED)
        taps, ends = self._ends(start)
        position = self.levers.position(first.made.flow.setpoint)[:, taps]
        outside = ((position < ends[0] - STATED) | (position > ends[1] + STATED)).any(axis=1)
        best = Best(replace(first, excess=np.where(outside, np.inf, first.excess)))
        at = best.unsafe
        if not len(at):
            return first
        start = start.lanes(at)
        room = self._room(start).within(taps, ends[0][at], ends[1][at])
        self._project(start, room, best, at)
        self._spare(start, room, best, at)
        self._search_neighbours(start, room, best, at)
        self._fall_back(start, room, best, at, last_safe[at])
        return best.decision()

    def _start(self, before: Snapshot) -> Start:
        lanes = np.arange(len(before.row))
        moment = self._foreseen(before)
        return Start(before, lanes, before.states, moment, start_of(self.case, before))

    def _foreseen(self, before: Snapshot) -> Moment:
        """The step to come, as far as it is known."""
        if self._foresight == "persistence":
            return moment_at(self.case, before.row)
        moment = moment_at(self.case, before.next_row)
        if self._foresight == "exact":
            return moment
        now = moment_at(self.case, before.row)
        load, load_next = (one.load_kw.sum(axis=1, keepdims=True) for one in (now, moment))
        by = load_next / np.maximum(load, 1e-9)
        sun, sun_next = (one.pv_kw.sum(axis=1, keepdims=True) for one in (now, moment))
        rated_kw = np.array([pv.kw_dc for pv in self.case.network.feeder.pvs.values()])
        share = np.where(
            sun > 0.0, now.pv_kw / np.maximum(sun, 1e-9), rated_kw / max(rated_kw.sum(), 1e-9)
        )
        return replace(
            moment, load_kw=by * now.load_kw, load_kvar=by * now.load_kvar, pv_kw=share * sun_next
        )

    def _room(self, start: Start) -> Room:
        reach = self.levers.reach(start.states, start.moment)
        ends = bounds(self._limits, self.levers, start.before, start.index, reach)
        return Room(reach, *ends)

    def _ends(self, start: Start) -> tuple[Lanes, tuple[Floats, Floats]]:
        """Taps, and between what they keep the backup within reach: (lane, tap) each."""
        if self._corridor is None:
            nothing = np.empty((len(start.index), 0))
            return np.empty(0, dtype=np.int64), (nothing, nothing)
        return self._corridor.taps, self._corridor.ends(start.before, start.index)

    def _tried(self, start: Start, action: Floats, reason: Reason | NDArray[np.int8]) -> Decision:
        """Where an action leads, by power flow."""
        case, states, moment = self.case, start.states, start.moment
        made = attempt(case, states, start.start_pu, moment, action, self._threads)
        excess = self._limited.excess(start.after(case, made))
        excess[~made.flow.converged] = np.inf
        return Decision(action, made, excess, np.full(len(action), reason, dtype=np.int8))

    # ---- the nearest safe action ------------------------------------------------

    def _project(self, start: Start, room: Room, best: Best, at: Lanes) -> None:
        """Project proposals, verify, and project anew about the answer.

        A proposal that does not converge is projected from where devices stand.
        """
        seen = best.tried[0].made.flow.rows(at)
        centre = np.clip(self.levers.position(seen.setpoint), room.least, room.most)
        lost = np.flatnonzero(~seen.converged)
        if len(lost):
            stands, within = start.lanes(lost), room.lanes(lost)
            held = within.action(self.levers.position(self._standing(stands)))
            tried = self._tried(stands, self._represented(held), Reason.HELD)
            seen = seen.with_rows(lost, tried.made.flow)
        hopeless = np.zeros(len(at), dtype=np.int64)  # projections in a row that found nothing
        for wider in AIMS:
            left = np.flatnonzero((best.excess[at] > 0.0) & seen.converged & (hopeless < GIVEN_UP))
            if not len(left):
                return
            if len(left) < len(at):
                at, seen, start = at[left], seen.rows(left), start.lanes(left)
                room, centre, hopeless = room.lanes(left), centre[left], hopeless[left]
            nearest, missed = self._nearest.positions(seen, centre, room, wider)
            tried = self._tried(start, self._represented(room.action(nearest)), Reason.PROJECTED)
            best.offer(at, tried)
            seen, hopeless = tried.made.flow, np.where(missed, hopeless + 1, 0)

    def _spare(self, start: Start, room: Room, best: Best, at: Lanes) -> None:
        """Spend less active power where limits are held with room to spare.

        Loads jump at the end of a window of their law, which no slope foresees.
        """
        asked = executed_of(self.case, best.tried[0].made.moves)
        spends = self._nearest.may_spend & (np.abs(best.action[at] - asked[at]) > NOTEWORTHY)
        left = np.flatnonzero((best.excess[at] <= 0.0) & spends.any(axis=1))
        if len(left):
            left = left[self._nearest.spares(best.made(at[left]).flow)]
        if not len(left):
            return
        at, start, room, spends = at[left], start.lanes(left), room.lanes(left), spends[left]
        there = self.levers.position(best.made(at).flow.setpoint)
        asked = self.levers.position(best.tried[0].made.flow.setpoint.rows(at))
        asked = np.clip(asked, room.least, room.most)
        share = np.ones((len(at), 1))
        for k in range(1, HALVINGS + 1):
            less = share - 0.5**k
            position = np.where(spends, asked + less * (there - asked), there)
            tried = self._tried(start, self._represented(room.action(position)), Reason.PROJECTED)
            holds = tried.excess <= 0.0
            best.offer(at, tried, better=holds)
            share = np.where(holds[:, None], less, share)

    def _search_neighbours(self, start: Start, room: Room, best: Best, at: Lanes) -> None:
        """Move one setting at a time, the best by power flow, where projecting did not do."""
        left = np.flatnonzero((best.excess[at] > 0.0) & np.isfinite(best.excess[at]))
        if not len(left):
            return
        at, start = at[left], start.lanes(left)
        moves = self._nearest.neighbours(best.made(at).flow, room.lanes(left))
        n = moves.shape[1]
        if not n:
            return
        action = np.clip(best.action[at][:, None] + moves, -1.0, 1.0)
        action = self._represented(action.reshape(-1, moves.shape[2]))
        tried = self._tried(start.lanes(np.repeat(np.arange(len(at)), n)), action, Reason.NEIGHBOUR)
        first = np.arange(len(at)) * n
        best.offer(at, tried, first + tried.excess.reshape(len(at), n).argmin(axis=1))

    # ---- when nothing is safe -----------------------------------------------------

    def _fall_back(
        self, start: Start, room: Room, best: Best, at: Lanes, last_safe: Floats
    ) -> None:
        """Local controls, the last safe setting, or holding; else what leaves limits least."""
        left = np.flatnonzero(best.excess[at] > 0.0)
        if not len(left):
            return
        at, start, room, last_safe = at[left], start.lanes(left), room.lanes(left), last_safe[left]
        held = self._standing(start)
        known = np.asarray(np.isfinite(last_safe).all(axis=1))
        last = np.where(known[:, None], last_safe, self.levers.position(held))
        n = len(at)
        actions = (
            self._backup_of(start, room, held),
            self._represented(room.action(last)),
            self._represented(room.action(self.levers.position(held))),
        )
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
        start = self._start(before)
        return self._local(start, self._room(start), self._standing(start))

    def _backup_step(self, before: Snapshot) -> tuple[Start, Decision]:
        """What the backup does by itself."""
        start, action = self._start(before), self.local(before)
        return start, self._tried(start, action, Reason.LOCAL_CONTROLS)

    def _backup_of(self, start: Start, room: Room, held: Setpoint) -> Floats:
        """The action nearest to the backup's, had it had the day to itself; else from here."""
        if self._corridor is None:
            return self._local(start, room, held)
        position = self._corridor.backup(start.before, start.index)
        return self._represented(room.action(position))

    def _local(self, start: Start, room: Room, held: Setpoint) -> Floats:
        year = self.case.year
        hour = np.asarray((start.moment.row % year.steps_per_day) * year.step_h, dtype=np.float64)
        flow = self._backup.settle(held, hour, start.start_pu, self._threads)
        position = self.levers.position(flow.setpoint)
        if self._limits.export_kw is not None and len(self._pv_kw):
            back_kw = -source_kw(self.case.network, flow) - self._limits.export_kw
            pv_kw = flow.setpoint.der_kw[:, : start.moment.pv_kw.shape[1]].sum(axis=1)
            cut = np.clip(CUT * back_kw / np.maximum(pv_kw, 1e-9), 0.0, 1.0)
            position[:, self._pv_kw] *= 1.0 - cut[:, None]
        return self._represented(room.action(position))

    def _standing(self, start: Start) -> Setpoint:
        """What is solved when devices stay as they are and ask nothing of the feeder."""
        idle = np.repeat(self.levers.idle[None], len(start.index), axis=0)
        states, moves = moved(self.case, start.states, idle, start.moment)
        return setpoint_of(self.case, start.moment, states, moves)
