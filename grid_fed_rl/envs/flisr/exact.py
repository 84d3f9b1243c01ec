"""The best restoration there is: what no policy can beat, and the switchings to it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.case import FLISRCase
from grid_fed_rl.envs.flisr.env import FLISRVectorEnv
from grid_fed_rl.envs.flisr.judge import Judge
from grid_fed_rl.envs.flisr.snapshot import FLISRSnapshot
from grid_fed_rl.errors import TaskError

__all__ = ["MOST_SWITCHES", "Configurations", "Exact", "best_configuration"]

MOST_SWITCHES = 14  # 16384 states of all switches together
AN_OPERATION = 1e-6  # kWh: fewest switchings among what serves the same energy

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Configurations:
    """Every state of all switches together; number c has switch k closed if its bit k is 1.

    Raises:
        TaskError: there are too many switches to look at all states.
    """

    case: FLISRCase

    def __post_init__(self) -> None:
        n = len(self.case.sections.switches)
        if n > MOST_SWITCHES:
            raise TaskError(
                f"{n} switches have too many states to look at each; expected at most "
                f"{MOST_SWITCHES}. `milp.Restoration` takes more"
            )

    @cached_property
    def closed(self) -> Flags:
        """(configuration, switch)."""
        n = len(self.case.sections.switches)
        return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)

    @cached_property
    def _looked_at(self) -> tuple[Flags, Flags, Flags]:
        sections = self.case.sections
        standing = sections.standing(self.closed)
        radial = np.asarray(sections.loops(self.closed, standing.label) == 0)
        served = sections.serves(standing.live)
        return radial, served, sections.any_phase(standing.live)

    @property
    def radial(self) -> Flags:
        """(configuration,) without a loop."""
        return self._looked_at[0]

    @property
    def served(self) -> Flags:
        """(configuration, load)."""
        return self._looked_at[1]

    @property
    def live(self) -> Flags:
        """(configuration, section) whether any phase is energised."""
        return self._looked_at[2]

    @cached_property
    def same_flow(self) -> Index:
        """(configuration,) number that those share whose live switches are the same."""
        sections = self.case.sections
        carries = self.closed & np.asarray(self.live[:, sections.ends].all(axis=2))
        return carries @ (1 << np.arange(carries.shape[1]))

    def number(self, closed: Flags) -> int:
        """Number of switch states (switch,)."""
        return int(closed @ (1 << np.arange(len(closed))))

    def within(self, judge: Judge, wanted: Flags) -> Flags:
        """(configuration,) which of those wanted keep within limits."""
        kinds, first, back = np.unique(self.same_flow, return_index=True, return_inverse=True)
        asked = np.zeros(len(kinds), dtype=bool)
        asked[back[wanted]] = True
        fits = np.zeros(len(kinds), dtype=bool)
        fits[asked] = judge.within(self.closed[first[asked]])
        return wanted & fits[back]


def best_configuration(
    states: Configurations, one: FLISRSnapshot, judge: Judge | None = None
) -> int:
    """The switch states that serve most of the present demand, nearest to those of a lane.

    Args:
        states: All there are.
        one: A snapshot of one lane; its faults are known.
        judge: Of the limits; none are kept without.
    """
    faulted = one.faults.at(one.active, states.live.shape[1])[0]
    fits = states.radial & ~states.live[:, faulted].any(axis=1)
    if judge is not None:
        now = fits & (np.arange(len(fits)) == states.number(one.closed[0]))
        fits = states.within(judge, fits) | now
    kw = np.where(fits, states.served @ one.demand_kw[0], -np.inf)
    operations = (states.closed != one.closed[0]).sum(axis=1)
    return int(np.lexsort((operations, -np.round(kw, 6)))[0])


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to do in each step from `begins`, and how switches stand before it."""

    outage: bytes
    begins: int
    before: Flags  # (step, switch)
    actions: Index  # (step,)

    def action(self, one: FLISRSnapshot) -> int | None:
        """Of this step, if all is as foreseen."""
        k = int(one.step[0]) - self.begins
        foreseen = (
            self.outage == one.outage
            and 0 <= k < len(self.actions)
            and bool((self.before[k] == one.closed[0]).all())
        )
        return int(self.actions[k]) if foreseen else None


class Exact:
    """Serves the most energy that any legal switching within limits can.

    Backwards over time, the value of every state of all switches together: a dynamic
    programme without approximation. It knows where the fault is, when it will be
    repaired and what load comes, and nothing of a second fault before it strikes; masks
    bind it as they bind everyone. Limits are those of `Judge`. Among plans that serve the
    same energy it has the one with the fewest switchings.

    Args:
        env: The environment that it acts in.

    Raises:
        TaskError: the feeder has more switches than `MOST_SWITCHES`.
    """

    def __init__(self, env: FLISRVectorEnv) -> None:
        self._env = env
        self._case = env.case
        self.states = Configurations(env.case)
        self._plans: dict[int, _Plan] = {}

    def __call__(self, observation: NDArray[np.float32], /) -> Index:
        """(lane,) actions."""
        del observation
        snapshot = self._env.snapshot
        return np.array([self._act(snapshot, k) for k in range(len(snapshot.step))], dtype=np.int64)

    def _act(self, snapshot: FLISRSnapshot, lane: int) -> int:
        one = snapshot.lanes(np.array([lane]))
        plan = self._plans.get(lane)
        action = None if plan is None else plan.action(one)
        if action is None:
            plan = self._plans[lane] = self._planned(one)
            action = plan.action(one)
        return action or 0

    def _planned(self, one: FLISRSnapshot) -> _Plan:
        states = self.states
        begins, ends = int(one.step[0]), self._ends(one)
        now = states.number(one.closed[0])
        before = np.repeat(one.closed, max(ends - begins, 1), axis=0)
        actions = np.zeros(len(before), dtype=np.int64)
        if ends > begins:
            best = self._solved(one, begins, ends, now)
            at = now
            for k in range(ends - begins):
                before[k] = states.closed[at]
                switch = int(best[k][at])
                if switch >= 0:
                    actions[k] = (1 if states.closed[at, switch] else 2) + 2 * switch
                    at ^= 1 << switch
        return _Plan(one.outage, begins, before, actions)

    def _ends(self, one: FLISRSnapshot) -> int:
        """The step at which the crew has everything back to normal, or the last one."""
        horizon = self._case.config.horizon
        if not self._case.config.crew_restores:
            return horizon
        return min(horizon, int((one.faults.repaired * one.active).max()))

    def _solved(self, one: FLISRSnapshot, begins: int, ends: int, now: int) -> list[NDArray]:
        """For each step, the switch that every state had best move; -1 for none."""
        case, states = self._case, self.states
        n = states.closed.shape[1]
        steps = np.arange(begins, ends)
        row = case.row_at(np.repeat(one.hour, len(steps)), steps)
        kwh = case.year.load_kw[row].astype(np.float64) @ states.served.T * case.config.step_h
        sound = [self._sound(one, int(step)) for step in steps]
        wanted = states.radial & np.any(sound, axis=0)
        fits = states.within(Judge(case, one), wanted)
        fits[now] = True
        value, best = np.zeros(len(fits)), []
        at = np.arange(len(fits))
        for k in range(len(steps))[::-1]:
            here = np.where(fits & sound[k], kwh[k] + value, -np.inf)
            moved = np.stack([here, *(here[at ^ (1 << j)] - AN_OPERATION for j in range(n))])
            choice = np.argmax(moved, axis=0)
            value = moved[choice, at]
            best.append((choice - 1).astype(np.int8))
        return best[::-1]

    def _sound(self, one: FLISRSnapshot, step: int) -> Flags:
        """(configuration,) whether nothing suspected is live, as the mask of a step has it."""
        if step == one.step[0]:
            suspected = one.suspected[0]
        else:
            active = one.active & one.faults.active(np.array([step - 1]))
            located = one.faults.located(np.array([step]), self._case.config.location_steps)
            suspected = one.faults.suspected(active, located)[0]
        return ~np.asarray(self.states.live[:, suspected].any(axis=1))
