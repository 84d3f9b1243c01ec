"""Restoration by rule, as an operator's handbook has it."""

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.env import FLISRVectorEnv
from grid_fed_rl.envs.flisr.judge import Judge
from grid_fed_rl.envs.flisr.snapshot import FLISRSnapshot

__all__ = ["Nothing", "RuleBased", "towards"]

Flags = NDArray[np.bool_]
Actions = NDArray[np.int64]


class Nothing:
    """Waits for the repair."""

    def __call__(self, observation: NDArray[np.float32], /) -> Actions:
        """An action of 0 for every lane."""
        return np.zeros(len(observation), dtype=np.int64)


class RuleBased:
    """Waits until the fault is located, isolates it, and restores one switch at a time.

    1. Opens every closed switch of the faulted sections.
    2. Closes again what normally feeds sections that are sound.
    3. Closes, of the ties that bring load back within limits, the one that leaves the
       most spare capacity.

    Nothing is cut to make room: what no tie can carry waits for the repair. Limits are
    those of `Judge`. Once no fault is left, switches go back to normal.

    Args:
        env: The environment that it acts in; it reads its snapshot as an operator reads
            instruments, and takes from it only what an operator knows.
    """

    def __init__(self, env: FLISRVectorEnv) -> None:
        self._env = env
        self._case = env.case
        self._nothing_fits: dict[int, bytes] = {}  # lane -> how it stood when nothing did

    def __call__(self, observation: NDArray[np.float32], /) -> Actions:
        """(lane,) actions."""
        del observation
        snapshot = self._env.snapshot
        return np.array([self._act(snapshot, k) for k in range(len(snapshot.step))], dtype=np.int64)

    def _act(self, snapshot: FLISRSnapshot, lane: int) -> int:
        one = snapshot.lanes(np.array([lane]))
        sections = self._case.sections
        if not one.suspected.any():
            return towards(one, sections.normal)
        if (one.active & ~one.located).any():
            return 0
        touching = one.suspected[0][sections.ends].any(axis=1)
        isolating = np.flatnonzero(one.closed[0] & touching)
        if len(isolating):
            return 1 + 2 * int(isolating[0])
        row = self._case.row_at(one.hour, one.step)  # within an hour nothing else changes
        stands = one.outage + one.closed.tobytes() + row.tobytes()
        if self._nothing_fits.get(lane) == stands:
            return 0
        action = self._restore(one)
        if action == 0:
            self._nothing_fits[lane] = stands
        return action

    def _restore(self, one: FLISRSnapshot) -> int:
        sections = self._case.sections
        candidates = np.flatnonzero(one.legal[0, 2::2])
        closed = np.repeat(one.closed, len(candidates), axis=0)
        closed[np.arange(len(candidates)), candidates] = True
        gain_kw = served_kw(self._env, one, closed) - served_kw(self._env, one, one.closed)
        gains = gain_kw > 0.0
        candidates, closed, gain_kw = candidates[gains], closed[gains], gain_kw[gains]
        if not len(candidates):
            return 0
        judge = Judge(self._case, one)
        fits = judge.within(closed)
        candidates, closed, gain_kw = candidates[fits], closed[fits], gain_kw[fits]
        if not len(candidates):
            return 0
        usual = sections.normal[candidates]
        if usual.any():
            best = np.argmax(np.where(usual, gain_kw, -np.inf))
        else:
            best = np.argmax(judge.spare(closed))
        return 2 + 2 * int(candidates[best])


def served_kw(env: FLISRVectorEnv, one: FLISRSnapshot, closed: Flags) -> NDArray[np.float64]:
    """(row,) demand of now that switch states (row, switch) would serve in a lane."""
    sections = env.case.sections
    live = sections.standing(closed).live
    return (sections.serves(live) * one.demand_kw).sum(axis=1)


def towards(one: FLISRSnapshot, wanted: Flags) -> int:
    """The next action of a lane on its way to switch states: openings first, all legal.

    Args:
        one: A snapshot of one lane.
        wanted: (switch,) whether it should be closed.
    """
    legal = one.legal[0]
    for k in np.flatnonzero(one.closed[0] & ~wanted):
        if legal[1 + 2 * k]:
            return 1 + 2 * int(k)
    for k in np.flatnonzero(~one.closed[0] & wanted):
        if legal[2 + 2 * k]:
            return 2 + 2 * int(k)
    return 0
