"""Taps that keep the backup within reach: what a shield looks further than one step for.

Taps move a few steps at a time, so a policy can leave them where the next step cannot be
held. All else that a backup sets is there in every step: banks switch, inverters, batteries,
loads and chargers do as they are told. So it is enough to keep taps near the backup's.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.dynamics import concluded, rest
from grid_fed_rl.envs.levers import Levers
from grid_fed_rl.envs.limited import Limited
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.envs.tries import Decision, Start

__all__ = ["Corridor"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]

NODES_AT_ONCE = 8192  # of days that are run through together, though some are not met yet
REACH = 1.0  # positions that a full action moves a tap by
TRUST = 0.8  # share of a move to the limits, by slopes of another load, that keeps within them
MOVES = 0.01  # units by which a full action of all taps moves what it does move


class Corridor:
    """Where taps may stand in every step of a day.

    Let b(t) be the taps that the backup, alone from rest, sets in step t, and C(t) a box of
    taps around them, so many steps up and so many down, that holds the limits by slopes about
    the backup's power flow; any taps where the backup itself leaves them. From the last step
    to the first, C(t) is cut to what is in reach of C(t + 1): b(t) always is, for the backup
    moves no faster. Whoever keeps taps within reach of C(t + 1) in every step t, as `ends`
    says, can in every step do as the backup does, with taps in C(t), and keep them so.

    The day of the backup is worked out when a lane first meets it, along with others of the
    case where a feeder is small, and kept.

    Args:
        case: What the environment is made of.
        levers: The levers.
        limited: The limits.
        act: What the backup does: the start of a step, and where it leads.
        threads: Threads of the power flow.
    """

    def __init__(
        self,
        case: Case,
        levers: Levers,
        limited: Limited,
        act: Callable[[Snapshot], tuple[Start, Decision]],
        threads: int | None,
    ) -> None:
        self._case, self._levers, self._limited = case, levers, limited
        self._act, self._threads = act, threads
        self.taps = levers.of("tap_position")
        self._at_once = NODES_AT_ONCE // len(case.network.node_names)
        n_days, horizon = case.year.n_days, case.horizon
        self._known = np.zeros(n_days, dtype=np.bool_)
        self._position = np.empty((n_days, horizon, len(levers.each)))
        self._least = np.full((n_days, horizon + 1, len(self.taps)), -np.inf)
        self._most = np.full_like(self._least, np.inf)  # whatever follows the last step

    def backup(self, before: Snapshot, lanes: Lanes) -> Floats:
        """(lane, lever) positions that the backup sets in the step to come."""
        day = self._met(before.day[lanes])
        return self._position[day, before.step[lanes]]

    def ends(self, before: Snapshot, lanes: Lanes) -> tuple[Floats, Floats]:
        """Least and most position of taps after the step to come: (lane, tap) each."""
        day, step = self._met(before.day[lanes]), before.step[lanes] + 1
        return self._least[day, step] - REACH, self._most[day, step] + REACH

    def _met(self, day: Lanes) -> Lanes:
        """The same days, with the backup's run through those that are new."""
        known = self._known[day]
        if not known.all():
            new = np.unique(day[~known])
            others = np.setdiff1d(self._case.days[~self._known[self._case.days]], new)
            self._follow(np.concatenate([new, others[: max(self._at_once - len(new), 0)]]))
        return day

    def _follow(self, days: Lanes) -> None:
        """Run the backup through days."""
        at = rest(self._case, days, self._threads)
        for step in range(self._case.horizon):
            start, done = self._act(at)
            position = self._levers.position(done.made.flow.setpoint)
            up, down = self._room(done)
            self._position[days, step] = position
            self._least[days, step] = position[:, self.taps] - down[:, None]
            self._most[days, step] = position[:, self.taps] + up[:, None]
            at = concluded(self._case, at, start.moment, done.made, self._threads)
        for step in range(self._case.horizon - 1, -1, -1):
            least, most = self._least[days, step + 1], self._most[days, step + 1]
            self._least[days, step] = np.maximum(self._least[days, step], least - REACH)
            self._most[days, step] = np.minimum(self._most[days, step], most + REACH)
        self._known[days] = True

    def _room(self, done: Decision) -> tuple[Floats, Floats]:
        """(lane,) how far all taps may move up, and down, where limits hold; else anywhere."""
        rows = self._limited.rows(done.made.flow)
        n = len(done.excess)
        shared = np.abs(rows.shared[:, self.taps]).sum(axis=1)
        own = np.abs(rows.own[:, :, self.taps]).sum(axis=2)
        by = np.concatenate([np.broadcast_to(shared, (n, len(shared))), own], axis=1)
        step = self._levers.step[self.taps].max()

        def steps(room: Floats) -> Floats:
            far = np.divide(room, by, out=np.full_like(room, np.inf), where=by > MOVES)
            far = np.where(done.safe, far.min(axis=1, initial=np.inf), np.inf)
            return np.maximum(step * np.floor(TRUST * far / step), 0.0)

        return steps(rows.high), steps(-rows.low)
