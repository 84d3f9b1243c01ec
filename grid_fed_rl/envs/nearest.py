"""The nearest action that holds the limits, by the slopes of `limited`. No power flow here.

Whoever asks looks at the answer with one, and asks again about that.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.levers import ACTIVE_POWER, Levers, Reach
from grid_fed_rl.envs.limited import Limited
from grid_fed_rl.powerflow import PowerFlow
from grid_fed_rl.safety.projection import Program, project, whole_settings

__all__ = ["NOTEWORTHY", "Nearest", "Room"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.int64]

NOTEWORTHY = 0.01  # share of a full action below which nothing is refined
ENOUGH = 0.02  # units by which a limit may be missed, eased, so that a trial is worth it
SPARE = 0.05  # units that limits must be held by, so that less active power is worth a trial
STRICT = 1e6  # price of missing a limit by a unit, where it can be held
WORTH = 1e2  # the same where it cannot: about a full action of active power
PENALTY = 1e4  # the same in the search of settings
NEIGHBOURS = 12  # settings beside those that stand, the most promising, that are worth a trial


@dataclass(frozen=True, slots=True)
class Room:
    """What some lanes may do: what is in reach, and within limits of a lever's own.

    Attributes:
        reach: Of the step.
        least: (lane, lever) position.
        most: (lane, lever) position.
    """

    reach: Reach
    least: Floats
    most: Floats

    def lanes(self, index: Lanes) -> "Room":
        """Some of them."""
        return Room(self.reach.lanes(index), self.least[index], self.most[index])

    def within(self, levers: NDArray[np.int64], least: Floats, most: Floats) -> "Room":
        """The same, some levers within (lane, lever) ends; what is nearest where out of reach."""
        low, high = self.least.copy(), self.most.copy()
        low[:, levers], high[:, levers] = (
            np.clip(end, self.least[:, levers], self.most[:, levers]) for end in (least, most)
        )
        return Room(self.reach, low, high)

    def action(self, position: Floats) -> Floats:
        """The action that leads to the nearest position that is allowed."""
        return self.reach.action(np.clip(position, self.least, self.most))


class Nearest:
    """Finds positions of levers.

    Args:
        limited: The limits.
        levers: The levers.
        step: (lever,) distance of the settings of an action; 0 where any number will do.
        threads: Threads of the projection.
    """

    def __init__(self, limited: Limited, levers: Levers, step: Floats, threads: int) -> None:
        self._limited, self._levers, self._threads = limited, levers, threads
        self._step = step
        self._is_dear = levers.dear >= ACTIVE_POWER

    def positions(
        self, seen: PowerFlow, centre: Floats, room: Room, wider: float
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """The positions nearest to others that hold the limits.

        Active power stays where it is if the rest will do. Where even all of it does not, as
        much is spent as what it brings back is worth.

        Args:
            seen: Where the lanes stand.
            centre: (lane, lever) what to stay near to.
            room: What they may do.
            wider: Times that voltages are aimed within their limits.

        Returns:
            position: (lane, lever).
            missed: (lane,) whether nothing holds the limits, by the slopes.
        """
        rows, position, reach = self._limited.rows(seen, wider), self._position(seen), room.reach
        per_action = reach.action_per_position
        # What its own control has moved stays there.
        ends = (np.where(reach.fixed, 0.0, end - position) for end in (room.least, room.most))
        least, most = ends
        program = Program(
            rows=rows.shared,
            centre=centre - position,
            weight=(self._levers.dear * per_action) ** 2,
            low=rows.low,
            high=rows.high,
            least=least,
            most=most,
            own=rows.own,
        )
        step = self._step / per_action
        origin = reach.least + (-1.0 - reach.executed_least) / per_action - position

        def solved(program: Program, at: Lanes, price: float) -> tuple[Floats, Floats]:
            return self._solved(program.lanes(at), rows.ease, step[at], origin[at], price)

        at = np.arange(len(position))
        x, missed = np.empty_like(position), np.zeros(len(position), dtype=np.bool_)
        if not self._is_dear.all():
            spared = np.broadcast_to(self._is_dear, least.shape)
            sparing = program.with_fixed(spared, np.clip(program.centre, least, most))
            x, _ = solved(sparing, at, STRICT)
            at = np.flatnonzero(rows.missed(x) > ENOUGH)
        if len(at):
            some = rows.lanes(at)
            x[at], relaxed = solved(program, at, STRICT)
            missed[at] = some.missed(relaxed) > ENOUGH
            at = at[some.missed(x[at]) > ENOUGH]
        if len(at):
            x[at], _ = solved(program, at, WORTH)
        return position + x, missed

    @property
    def may_spend(self) -> NDArray[np.bool_]:
        """(lever,) whether it moves active power, and by any amount."""
        return self._is_dear & (self._step <= 0.0)

    def spares(self, seen: PowerFlow) -> NDArray[np.bool_]:
        """(lane,) whether limits are held with so much room that less would be worth a trial."""
        rows = self._limited.rows(seen)
        left = np.minimum(rows.high, -rows.low) + rows.ease
        return left.min(axis=1, initial=np.inf) > SPARE

    def _position(self, seen: PowerFlow) -> Floats:
        return self._levers.position(seen.setpoint)

    def _solved(
        self, program: Program, ease: Floats, step: Floats, origin: Floats, price: float
    ) -> tuple[Floats, Floats]:
        """Moves, settings whole and the rest refined; and before any was rounded."""
        whole = step > 0.0
        if not self._step.any():
            x = project(program.eased(ease), price, self._threads)[0]
            return x, x
        relaxed, _ = project(program, price, self._threads)
        x, excess = whole_settings(program, relaxed, step, origin, PENALTY, threads=self._threads)
        pulled = (np.abs(x - program.centre) > NOTEWORTHY) & ~whole
        again = np.flatnonzero((excess > 0.0) | pulled.any(axis=1))
        if len(again) and not (whole | (program.least == program.most)).all():
            rest = program.lanes(again).with_fixed(whole[again], x[again]).eased(ease)
            x[again] = project(rest, price, self._threads)[0]
        return x, relaxed

    def neighbours(self, seen: PowerFlow, room: Room) -> Floats:
        """Moves of one setting by one, those that promise most: (lane, move, action).

        Args:
            seen: Where the lanes stand.
            room: What they may do.
        """
        whole = np.flatnonzero((self._step > 0.0) & ~room.reach.fixed.all(axis=0))
        moves = np.zeros((2, len(whole), len(self._step)))
        moves[:, np.arange(len(whole)), whole] = np.outer([1.0, -1.0], self._step[whole])
        moves = moves.reshape(-1, len(self._step))
        n = min(NEIGHBOURS, len(moves))
        if not n:
            return np.empty((len(seen.v_pu), 0, len(self._step)))
        position = self._position(seen)[:, None]
        to = position + moves / room.reach.action_per_position[:, None]
        x = np.clip(to, room.least[:, None], room.most[:, None]) - position
        outside = self._limited.rows(seen).outside(np.where(moves != 0.0, x, 0.0))
        promise = np.square(outside).sum(axis=2)
        return moves[np.argpartition(promise, n - 1, axis=1)[:, :n]]
