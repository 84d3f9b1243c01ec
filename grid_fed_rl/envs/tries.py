"""What a shield tries in a step, and the best of it, lane by lane."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.dynamics import Attempt
from grid_fed_rl.envs.groups import Moment
from grid_fed_rl.envs.snapshot import Snapshot

__all__ = ["Best", "Decision", "Reason", "Start"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]


class Reason(IntEnum):
    """Where the executed action comes from."""

    AS_PROPOSED = 0
    PROJECTED = 1
    NEIGHBOUR = 2
    LOCAL_CONTROLS = 3
    LAST_SAFE = 4
    HELD = 5


@dataclass(frozen=True, slots=True)
class Decision:
    """What lanes do.

    Attributes:
        action: (lane, action) numbers from -1 to 1.
        made: Where that leads, by the guard's foresight.
        excess: (lane,) by how much limits are left then, in the units of `limited`, added
            up; infinite where the power flow does not converge.
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
class Start:
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

    def lanes(self, index: Lanes) -> "Start":
        """Some of them."""
        moment = self.moment
        arrays = (moment.load_kw, moment.load_kvar, moment.pv_kw)
        return Start(
            self.before,
            self.index[index],
            {name: state[index] for name, state in self.states.items()},
            Moment(moment.row[index], moment.step_h, *(array[index] for array in arrays)),
            self.start_pu[index],
        )

    def after(self, case: Case, made: Attempt) -> Snapshot:
        """An attempt as cost channels look at it; losses are not worked out: NaN."""
        before, lanes = self.before, self.index
        return Snapshot(
            day=before.day[lanes],
            step=before.step[lanes] + 1,
            chance=before.chance[lanes],
            row=self.moment.row,
            next_row=before.next_row[lanes],
            ends=before.ends[lanes],
            states=made.states,
            moves=made.moves,
            operated={
                name: done[lanes] + made.moves[name].operations
                for name, done in before.operated.items()
            },
            setpoint=made.flow.setpoint,
            der_kw_before=before.setpoint.der_kw[lanes],
            flow=made.flow,
            v_pu=case.service_pu(made.flow.v_pu),
            loss_kw=np.full(len(lanes), np.nan),
            step_h=self.moment.step_h,
        )


class Best:
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

    def offer(
        self,
        at: Lanes,
        tried: Decision,
        rows: Lanes | None = None,
        better: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take what was tried in these lanes (its `rows`) where it is better.

        That is, where it leaves limits by less, if it is not said.
        """
        rows = np.arange(len(at)) if rows is None else rows
        better = tried.excess[rows] < self.excess[at] if better is None else better
        at, rows = at[better], rows[better]
        self.tried.append(tried)
        self.action[at], self.excess[at] = tried.action[rows], tried.excess[rows]
        self.reason[at], self.which[at], self.row[at] = (
            tried.reason[rows],
            len(self.tried) - 1,
            rows,
        )

    def made(self, at: Lanes | None = None) -> Attempt:
        """Where the best leads, in these lanes; in all where not given."""
        first = self.tried[0].made if at is None else self.tried[0].made.lanes(at)
        which, row = (self.which, self.row) if at is None else (self.which[at], self.row[at])
        parts = []
        for k in np.unique(which[which > 0]).tolist():
            lanes = np.flatnonzero(which == k)
            parts.append((lanes, self.tried[k].made.lanes(row[lanes])))
        return first.with_parts(parts) if parts else first

    def decision(self) -> Decision:
        """All lanes put together."""
        return Decision(self.action, self.made(), self.excess, self.reason)
