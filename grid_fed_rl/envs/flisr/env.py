"""The restoration task as environments: lanes of it, and one lane."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.flisr.case import FLISRCase
from grid_fed_rl.envs.flisr.dynamics import advance, rest
from grid_fed_rl.envs.flisr.outcome import info_of, refusal_words, terms_of
from grid_fed_rl.envs.flisr.seen import Seen
from grid_fed_rl.envs.flisr.snapshot import FLISRSnapshot
from grid_fed_rl.envs.lane_env import LaneEnv, LaneVectorEnv
from grid_fed_rl.errors import ActionError, TaskError

__all__ = ["FLISREnv", "FLISRVectorEnv"]

Index = NDArray[np.int64]


class FLISRVectorEnv(LaneVectorEnv[FLISRSnapshot]):
    """Many outages of one feeder, restored together.

    An action is one number: 0 does nothing, ``1 + 2 k`` opens switch k, ``2 + 2 k``
    closes it (`case.action_names`). ``info`` carries, a lane each:

    - ``action_mask``: (lane, action) int8, 1 where the next action is legal;
    - ``action_executed``, ``refused``: what was carried out, and the `Refusal` if that
      is not what was asked for;
    - ``cost``, ``costs``, ``violations``: see `outcome.costs_of`;
    - ``reward_terms``: what the reward is made of;
    - ``customers_interrupted``, ``customer_minutes``, ``saidi_minutes``,
      ``not_served_kwh``, ``served_kwh``: what customers had of the step;
    - ``operations``, ``crew_operations``, ``tripped``: switches moved by the agent, by
      the crew after the last repair, and by protection;
    - ``fault_section``: where the first fault is, located or not: no policy may use it;
    - ``hour``: row of the year in which it struck; ``converged``.

    `reset` takes ``options={"hour": ..., "section": ...}``: the row of the year, and the
    section of the first fault by name, one or one a lane. Without them hours are drawn
    from those of the case and sections by failure rate.

    Args:
        case: What the environment is made of.
        num_envs: Lanes.
        autoreset_mode: ``NEXT_STEP`` or ``SAME_STEP``.
        threads: Threads of the power flow; all processors by default.

    Raises:
        TaskError: `num_envs` or `autoreset_mode` is none of these.
    """

    option = "hour"
    option_words = "hour of the year"

    def __init__(
        self,
        case: FLISRCase,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
    ) -> None:
        self.case = case
        self.seen = Seen(case)
        self._first: Index | None = None
        super().__init__(
            spaces.Box(-1.0, 1.0, (len(self.seen.names),), np.float32),
            spaces.Discrete(case.n_actions),
            case.hours,
            len(case.year.load_kw),
            num_envs,
            autoreset_mode,
            threads,
        )

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new outage in every lane; see the class and `LaneVectorEnv.reset`."""
        rest_of = dict(options or {})
        self._first = self._sections(rest_of.pop("section", None))
        try:
            return super().reset(seed=seed, options=rest_of)
        finally:
            self._first = None

    def action_masks(self) -> NDArray[np.bool_]:
        """(lane, action) which next actions are legal; what sb3-contrib asks for."""
        return self.snapshot.legal

    def checked(self, action: ArrayLike, lead: tuple[int, ...]) -> Index:
        """Actions of shape `lead`, checked.

        Raises:
            ActionError: they are not whole numbers of the space, have another shape, or
                the case is strict and one is masked; the message names lane and switch.
        """
        given = np.asarray(action)
        if given.shape != lead:
            raise ActionError(f"action has shape {given.shape}; expected {lead}: a number a lane")
        if given.dtype.kind not in "iu":
            raise ActionError(f"action is of type {given.dtype}; expected whole numbers")
        wrong = (given < 0) | (given >= self.case.n_actions)
        if wrong.any():
            raise ActionError(
                f"action{_whose(wrong)} is {given[wrong][0]}; expected 0 to "
                f"{self.case.n_actions - 1}"
            )
        numbers = given.astype(np.int64)
        if self.case.config.strict:
            self._refuse(numbers)
        return numbers

    def _refuse(self, action: Index) -> None:
        lanes = np.arange(self.num_envs)
        asked = np.broadcast_to(action, (self.num_envs,))
        code = self.snapshot.refusals[lanes, asked] * ~self.ended
        if code.any():
            lane = int(np.flatnonzero(code)[0])
            words = refusal_words(self.case, int(asked[lane]), int(code[lane]))
            raise ActionError(f"action of lane {lane}, {words}")

    def _sections(self, given: Any) -> Index | None:
        """(lane,) sections by their names."""
        if given is None:
            return None
        names = [given] * self.num_envs if isinstance(given, str) else list(given)
        known = self.case.sections.names[1:]
        if len(names) != self.num_envs or any(name not in known for name in names):
            raise TaskError(
                f"reset option 'section' is {given!r}; expected one or {self.num_envs} of "
                f"{', '.join(known)}"
            )
        return np.array([self.case.sections.names.index(name) for name in names])

    def _rest(self, episode: Index, chance: NDArray[np.uint64]) -> FLISRSnapshot:
        return rest(self.case, episode, chance, self._first, self._threads)

    def _advance(self, before: FLISRSnapshot, action: NDArray[Any]) -> FLISRSnapshot:
        return advance(self.case, before, action, self._threads)

    def _observe(self, snapshot: FLISRSnapshot) -> NDArray[np.float32]:
        return self.seen(snapshot)

    def _terms(self, snapshot: FLISRSnapshot) -> dict[str, NDArray[np.float64]]:
        terms = terms_of(self.case, snapshot)
        return {name: np.where(snapshot.acted, term, 0.0) for name, term in terms.items()}

    def _info(
        self, snapshot: FLISRSnapshot, terms: Mapping[str, NDArray[np.float64]]
    ) -> dict[str, Any]:
        return info_of(self.case, snapshot, terms)


class FLISREnv(LaneEnv):
    """One outage as an environment of its own; same numbers as a lane of `FLISRVectorEnv`.

    `info` holds the same entries, without masks.

    Args:
        case: What the environment is made of.
    """

    def __init__(self, case: FLISRCase) -> None:
        super().__init__(FLISRVectorEnv(case, 1, AutoresetMode.NEXT_STEP, 1))
        self._case = case

    @property
    def case(self) -> FLISRCase:
        """What the environment is made of."""
        return self._case

    def action_masks(self) -> NDArray[np.bool_]:
        """(action,) which next actions are legal; what sb3-contrib asks for."""
        return self.lanes.snapshot.legal[0]


def _whose(wrong: NDArray[np.bool_]) -> str:
    return f" of lane {np.flatnonzero(wrong)[0]}" if wrong.ndim else ""
