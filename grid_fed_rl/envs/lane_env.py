"""What every vector environment of the package shares: seeds, draws, ends of episodes.

A task says how its lanes begin, go on and look; when they begin anew, which
episode each draws, and Gymnasium's two ways of handing over are here, once. The
single environment is one lane of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.info import first_lane, masked, with_masks
from grid_fed_rl.errors import TaskError
from grid_fed_rl.scenarios import draw_bits, draw_index, lane_keys

__all__ = ["LaneEnv", "LaneVectorEnv", "LaneView"]

# So that chance within an episode has nothing to do with which episode is drawn.
_OF_CHANCE = np.uint64(0x5851F42D4C957F2D)

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]
Integers = NDArray[np.int64]
Observations = NDArray[np.float32]
Lanes = NDArray[np.bool_]


class LaneView(Protocol):
    """What is asked of the record that a task keeps of its lanes after a step."""

    @property
    def terminated(self) -> Lanes:
        """(lane,) whether the step ended the episode by its physics."""
        ...

    @property
    def ends(self) -> Lanes:
        """(lane,) whether it was the last step of the horizon."""
        ...

    def lanes(self, index: Integers) -> Self:
        """Some lanes alone."""
        ...

    def with_lanes(self, index: Integers, part: Self) -> Self:
        """A copy whose lanes at `index` are those of `part`."""
        ...


View = TypeVar("View", bound=LaneView)


class LaneVectorEnv(VectorEnv[Observations, ArrayLike, NDArray[Any]], ABC, Generic[View]):
    """Many copies of a task, stepped together.

    A lane that ended begins its next episode by itself: in ``NEXT_STEP`` mode in
    the step after, which ignores the lane's action and rewards 0; in
    ``SAME_STEP`` mode at once, with the last observation and info of the old
    episode under ``final_obs`` and ``final_info``.

    Args:
        single_observation_space: Of one lane.
        single_action_space: Of one lane.
        drawn_from: Episodes that a reset may draw.
        n_episodes: Episodes that ``options`` may choose: 0 to one less.
        num_envs: Lanes.
        autoreset_mode: ``NEXT_STEP`` or ``SAME_STEP``.
        threads: Threads of the power flow; all processors by default.

    Raises:
        TaskError: `num_envs` or `autoreset_mode` is none of these.
    """

    option: ClassVar[str]  # of `reset`, by which an episode is chosen
    option_words: ClassVar[str]  # what that is a number of

    def __init__(
        self,
        single_observation_space: spaces.Space,
        single_action_space: spaces.Space,
        drawn_from: Integers,
        n_episodes: int,
        num_envs: int,
        autoreset_mode: AutoresetMode | str,
        threads: int | None,
    ) -> None:
        if num_envs < 1:
            raise TaskError(f"num_envs is {num_envs}; expected at least 1")
        self.num_envs = num_envs
        self.metadata = {"render_modes": [], "autoreset_mode": _known_mode(autoreset_mode)}
        self.single_observation_space = single_observation_space
        self.single_action_space = single_action_space
        self.observation_space = batch_space(single_observation_space, num_envs)
        self.action_space = batch_space(single_action_space, num_envs)
        self._drawn_from = drawn_from
        self._n_episodes = n_episodes
        self._threads = threads
        self._key = lane_keys(_entropy(), num_envs)
        self._draws = np.zeros(num_envs, dtype=np.uint64)
        self._begun = np.zeros(num_envs, dtype=np.uint64)
        self._ended = np.zeros(num_envs, dtype=bool)
        self._snapshot: View | None = None

    # ---- what a task says -------------------------------------------------------

    @abstractmethod
    def checked(self, action: ArrayLike, lead: tuple[int, ...]) -> NDArray[Any]:
        """An action whose axes before the devices are `lead`, checked.

        Raises:
            ActionError: it is none; the message names lane and device.
        """

    @abstractmethod
    def _rest(self, episode: Integers, chance: Keys) -> View:
        """Lanes at the beginning of these episodes.

        Args:
            episode: (lane,) which.
            chance: (lane,) keys of the streams that all else they leave to chance
                is drawn from; new in every episode.
        """

    @abstractmethod
    def _advance(self, before: View, action: NDArray[Any]) -> View:
        """Lanes one step on."""

    @abstractmethod
    def _observe(self, snapshot: View) -> Observations:
        """(lane, entry) what is seen."""

    @abstractmethod
    def _terms(self, snapshot: View) -> dict[str, Floats]:
        """What the reward is made of, by name, each (lane,); 0 right after a reset."""

    @abstractmethod
    def _info(self, snapshot: View, terms: Mapping[str, Floats]) -> dict[str, Any]:
        """What is reported beside the reward, without masks; see `info`."""

    # ---- episodes -------------------------------------------------------------

    @property
    def snapshot(self) -> View:
        """The feeder as the last reset or step left it.

        Raises:
            TaskError: the environment was never reset.
        """
        if self._snapshot is None:
            raise TaskError("environment was not reset; call reset() before step() or render()")
        return self._snapshot

    @property
    def ended(self) -> Lanes:
        """(lane,) whether the next step begins a new episode there (``NEXT_STEP``)."""
        return self._ended.copy()

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Observations, dict[str, Any]]:
        """Begin a new episode in every lane.

        Args:
            seed: Lane i of seed s draws what a single environment of seed s + i
                draws; a sequence gives each lane its own.
            options: ``{option: number or (lane,) numbers}`` to choose the episode
                instead of drawing it; `option` is the class's own word.

        Raises:
            TaskError: an unknown option, an episode that is not there, or seeds of
                the wrong number.
        """
        chosen = self._chosen(options or {})
        self._seed(seed)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        self._snapshot = snapshot = self._begin(np.arange(self.num_envs), chosen)
        info = self._info(snapshot, self._terms(snapshot))
        return self._observe(snapshot), with_masks(info, self.num_envs)

    def _seed(self, seed: int | Sequence[int | None] | None) -> None:
        if seed is None:
            return
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
            self._key = lane_keys(int(seed), self.num_envs)
            self._draws = np.zeros(self.num_envs, dtype=np.uint64)
            self._begun = np.zeros(self.num_envs, dtype=np.uint64)
            return
        if len(seed) != self.num_envs:
            raise TaskError(f"{len(seed)} seeds for {self.num_envs} lanes; give one a lane")
        for lane, number in enumerate(seed):
            if number is not None:
                self._key[lane] = lane_keys(int(number), 1)[0]
                self._draws[lane] = self._begun[lane] = 0

    def _begin(self, lanes: Integers, chosen: Integers | None = None) -> View:
        """These lanes at the beginning of an episode: the chosen, or the next of their streams."""
        key = self._key[lanes]
        if chosen is None:
            drawn = draw_index(key, self._draws[lanes], len(self._drawn_from))
            self._draws[lanes] += np.uint64(1)
            chosen = self._drawn_from[drawn]
        chance = draw_bits(key ^ _OF_CHANCE, self._begun[lanes])
        self._begun[lanes] += np.uint64(1)
        return self._rest(chosen, chance)

    def _chosen(self, options: Mapping[str, Any]) -> Integers | None:
        unknown = sorted(options.keys() - {self.option})
        if unknown:
            raise TaskError(f"reset option {unknown[0]!r} is unknown; known: {self.option!r}")
        if self.option not in options:
            return None
        given = options[self.option]
        chosen = np.asarray(given)
        if chosen.shape not in {(), (self.num_envs,)} or chosen.dtype.kind not in "iu":
            raise TaskError(
                f"reset option {self.option!r} is {given!r}; expected one {self.option_words} or "
                f"{self.num_envs} of them, as integers"
            )
        if chosen.min() < 0 or chosen.max() >= self._n_episodes:
            raise TaskError(
                f"reset option {self.option!r} is {given!r}; expected 0 to {self._n_episodes - 1}"
            )
        return np.full(self.num_envs, chosen, dtype=np.int64)

    # ---- steps ----------------------------------------------------------------

    def step(self, actions: ArrayLike) -> tuple[Observations, Floats, Lanes, Lanes, dict[str, Any]]:
        """Carry out an action in every lane.

        Raises:
            ActionError: the actions have the wrong shape or hold what none can be;
                the message names lane and device.
            TaskError: the environment was never reset.
        """
        observation, reward, terminated, truncated, info = self.take(
            self.checked(actions, (self.num_envs,))
        )
        return observation, reward, terminated, truncated, with_masks(info, self.num_envs)

    def take(
        self, action: NDArray[Any]
    ) -> tuple[Observations, Floats, Lanes, Lanes, dict[str, Any]]:
        """A step with an action that `checked` gave, (lane, action); its info has no masks."""
        self._snapshot = snapshot = self._next(action)
        terminated = snapshot.terminated
        truncated = snapshot.ends & ~terminated
        terms = self._terms(snapshot)
        reward = sum(terms.values(), np.zeros(self.num_envs))
        info = self._info(snapshot, terms)
        self._ended = terminated | truncated
        if self.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP and self._ended.any():
            info = self._restart(info)
        return self._observe(self.snapshot), reward, terminated, truncated, info

    def _next(self, action: NDArray[Any]) -> View:
        """Advance lanes, except those that ended before: they begin their next episode."""
        before = self.snapshot
        if not self._ended.any():
            return self._advance(before, action)
        ended = np.flatnonzero(self._ended)
        fresh = self._begin(ended)
        if len(ended) == self.num_envs:
            return fresh
        going = np.flatnonzero(~self._ended)
        moved = self._advance(before.lanes(going), action[going])
        return before.with_lanes(going, moved).with_lanes(ended, fresh)

    def _restart(self, last_info: dict[str, Any]) -> dict[str, Any]:
        """Begin the next episode of the lanes that just ended (``SAME_STEP``)."""
        over, ended = self._ended, np.flatnonzero(self._ended)
        last_observation = self._observe(self.snapshot)
        final = np.full(self.num_envs, None, dtype=object)
        for lane in ended:  # an array of arrays, which is what Gymnasium's wrappers expect
            final[lane] = last_observation[lane]
        fresh = self._begin(ended)
        self._snapshot = snapshot = self.snapshot.with_lanes(ended, fresh)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return {
            **self._info(snapshot, self._terms(snapshot)),
            "final_obs": final,
            "_final_obs": over,
            "final_info": masked(with_masks(last_info, self.num_envs), over),
            "_final_info": over.copy(),
        }


class LaneEnv(gymnasium.Env[NDArray[np.float32], ArrayLike]):
    """One lane of a vector environment as an environment of its own.

    `info` holds the same entries, without masks.

    Args:
        lanes: A vector environment of one lane, in ``NEXT_STEP`` mode.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(self, lanes: LaneVectorEnv[Any]) -> None:
        self.lanes = lanes
        self.observation_space = lanes.single_observation_space
        self.action_space = lanes.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new episode; `options` may choose it, as of the vector environment."""
        super().reset(seed=seed)
        observation, info = self.lanes.reset(seed=seed, options=options)
        return observation[0], first_lane(info)

    def step(
        self, action: ArrayLike
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Carry out an action of shape (device,).

        Raises:
            ActionError: the action has the wrong shape or holds what none can be.
            TaskError: the episode is over, or never began.
        """
        if self.lanes.ended[0]:
            raise TaskError("episode is over; call reset() before step()")
        checked = self.lanes.checked(action, ())
        observation, reward, terminated, truncated, info = self.lanes.take(checked[None])
        return (
            observation[0],
            float(reward[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            first_lane(info),
        )


def _entropy() -> int:
    """A seed for lanes that were given none; below 2**62, so that adding a lane fits."""
    return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(2))


def _known_mode(mode: AutoresetMode | str) -> AutoresetMode:
    known = (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP)
    if mode not in (*known, *(one.value for one in known)):
        raise TaskError(
            f"autoreset_mode is {mode!r}; known: {', '.join(repr(one.value) for one in known)}"
        )
    return AutoresetMode(mode)
