"""The vector environment: the implementation. The single one is a lane of it.

A step has no Python loop over lanes: device groups move all lanes at once, one
batched power flow solves them, and the parts of the case look at the whole
snapshot (`dynamics`). What is here is Gymnasium's side: spaces, seeds, the
check of actions, and when lanes begin anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.logger import warn
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.action import checked_action
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.dynamics import advance, rest
from grid_fed_rl.envs.info import masked, reward_terms, vector_info
from grid_fed_rl.envs.rendering import NOT_RENDERED, RENDER_FPS, Renderer, known_render_mode
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.errors import TaskError
from grid_fed_rl.scenarios import draw_index, lane_keys

__all__ = ["GridVectorEnv"]

Floats = NDArray[np.float64]
Observations = NDArray[np.float32]
Lanes = NDArray[np.bool_]


class GridVectorEnv(VectorEnv[Observations, ArrayLike, NDArray[Any]]):
    """Many copies of a case, stepped together.

    Observations are float32 in [-1, 1]; actions are float32 in [-1, 1], one
    entry a device. ``info`` carries, a lane each and masked as Gymnasium does:

    - ``cost``: all cost channels added up;
    - ``costs``, ``violations``: magnitude and count of each channel;
    - ``reward_terms``: what the reward is made of;
    - ``loss_kwh``: energy lost in the network and in devices;
    - ``operations``: tap steps and capacitor switchings;
    - ``action_executed``: (lane, device) the action as carried out;
    - ``day``: day of the year on which the episode began;
    - ``converged``: whether the power flow did.

    `reset` takes ``options={"day": ...}``, a day of the year for every lane;
    without it each lane draws from the days of the case. A lane whose power flow
    does not converge is terminated; one that reaches the horizon is truncated.

    A lane that ended begins its next episode by itself: in ``NEXT_STEP`` mode in
    the step after, which ignores the lane's action and rewards 0; in
    ``SAME_STEP`` mode at once, with the last observation and info of the old
    episode under ``final_obs`` and ``final_info``.

    Args:
        case: What the environment is made of.
        num_envs: Lanes.
        autoreset_mode: ``NEXT_STEP`` or ``SAME_STEP``.
        threads: Threads of the power flow; all processors by default.
        render_mode: None, or ``rgb_array`` to draw every lane in `render`.

    Raises:
        TaskError: `num_envs`, `autoreset_mode` or `render_mode` is none of these, or
            matplotlib, which draws, is not installed.
    """

    def __init__(
        self,
        case: Case,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        if num_envs < 1:
            raise TaskError(f"num_envs is {num_envs}; expected at least 1")
        self.case = case
        self.num_envs = num_envs
        self.metadata = {
            "render_modes": ["rgb_array"],
            "render_fps": RENDER_FPS,
            "autoreset_mode": _known_mode(autoreset_mode),
        }
        self.render_mode = known_render_mode(render_mode, self.metadata["render_modes"])
        self._renderer = None if render_mode is None else Renderer(case, num_envs)
        self.single_observation_space = _unit_box(len(case.observation_names))
        self.single_action_space = _unit_box(len(case.action_names))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._threads = threads
        self._key = lane_keys(_entropy(), num_envs)
        self._draws = np.zeros(num_envs, dtype=np.uint64)
        self._ended = np.zeros(num_envs, dtype=bool)
        self._snapshot: Snapshot | None = None

    @property
    def snapshot(self) -> Snapshot:
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

    # ---- episodes -------------------------------------------------------------

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
            options: ``{"day": day or (lane,) days}`` to choose instead of draw.

        Raises:
            TaskError: an unknown option, a day that the year does not have, or
                seeds of the wrong number.
        """
        chosen = self._chosen_days(options or {})
        self._seed(seed)
        days = self._drawn_days(np.arange(self.num_envs)) if chosen is None else chosen
        self._ended = np.zeros(self.num_envs, dtype=bool)
        self._snapshot = rest(self.case, days, self._threads)
        info = self._info(self._reward_terms())
        self._count(info)
        return self._observation(), info

    def _seed(self, seed: int | Sequence[int | None] | None) -> None:
        if seed is None:
            return
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
            self._key = lane_keys(int(seed), self.num_envs)
            self._draws = np.zeros(self.num_envs, dtype=np.uint64)
            return
        if len(seed) != self.num_envs:
            raise TaskError(f"{len(seed)} seeds for {self.num_envs} lanes; give one a lane")
        for lane, number in enumerate(seed):
            if number is not None:
                self._key[lane] = lane_keys(int(number), 1)[0]
                self._draws[lane] = 0

    def _drawn_days(self, lanes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The next day of the streams of these lanes."""
        drawn = draw_index(self._key[lanes], self._draws[lanes], len(self.case.days))
        self._draws[lanes] += np.uint64(1)
        return self.case.days[drawn]

    def _chosen_days(self, options: Mapping[str, Any]) -> NDArray[np.int64] | None:
        unknown = sorted(options.keys() - {"day"})
        if unknown:
            raise TaskError(f"reset option {unknown[0]!r} is unknown; known: 'day'")
        if "day" not in options:
            return None
        days = np.asarray(options["day"])
        if days.shape not in {(), (self.num_envs,)} or days.dtype.kind not in "iu":
            raise TaskError(
                f"reset option 'day' is {options['day']!r}; expected one day of the year or "
                f"{self.num_envs} of them, as integers"
            )
        n_days = self.case.year.n_days
        if days.min() < 0 or days.max() >= n_days:
            raise TaskError(f"reset option 'day' is {options['day']!r}; expected 0 to {n_days - 1}")
        return np.full(self.num_envs, days, dtype=np.int64)

    # ---- steps ----------------------------------------------------------------

    def step(self, actions: ArrayLike) -> tuple[Observations, Floats, Lanes, Lanes, dict[str, Any]]:
        """Carry out an action in every lane.

        Raises:
            ActionError: the actions have the wrong shape, are not finite or lie
                outside [-1, 1]; the message names lane and device.
            TaskError: the environment was never reset.
        """
        shape = (self.num_envs, len(self.case.action_names))
        action = checked_action(actions, shape, self.case.action_names)
        self._snapshot = snapshot = self._next(action)
        terminated = snapshot.acted & ~snapshot.flow.converged
        truncated = snapshot.ends & ~terminated
        terms = self._reward_terms()
        reward = sum(terms.values(), np.zeros(self.num_envs))
        info = self._info(terms)
        self._ended = terminated | truncated
        if self.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP and self._ended.any():
            info = self._restart(info)
        self._count(info)
        return self._observation(), reward, terminated, truncated, info

    def _next(self, action: Floats) -> Snapshot:
        """Advance lanes, except those that ended before: they begin their next episode."""
        before = self.snapshot
        if not self._ended.any():
            return advance(self.case, before, action, self._threads)
        ended = np.flatnonzero(self._ended)
        fresh = rest(self.case, self._drawn_days(ended), self._threads)
        if len(ended) == self.num_envs:
            return fresh
        going = np.flatnonzero(~self._ended)
        moved = advance(self.case, before.lanes(going), action[going], self._threads)
        return before.with_lanes(going, moved).with_lanes(ended, fresh)

    def _restart(self, last_info: dict[str, Any]) -> dict[str, Any]:
        """Begin the next episode of the lanes that just ended (``SAME_STEP``)."""
        over, ended = self._ended, np.flatnonzero(self._ended)
        last_observation = self._observation()
        final = np.full(self.num_envs, None, dtype=object)
        for lane in ended:  # an array of arrays, which is what Gymnasium's wrappers expect
            final[lane] = last_observation[lane]
        fresh = rest(self.case, self._drawn_days(ended), self._threads)
        self._snapshot = self.snapshot.with_lanes(ended, fresh)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return {
            **self._info(self._reward_terms()),
            "final_obs": final,
            "_final_obs": over,
            "final_info": masked(last_info, over),
            "_final_info": over.copy(),
        }

    # ---- what is seen ---------------------------------------------------------

    def _observation(self) -> Observations:
        blocks = [part(self.snapshot) for part in self.case.observation]
        return np.concatenate(blocks, axis=1, dtype=np.float32, casting="same_kind")

    def _reward_terms(self) -> dict[str, Floats]:
        return reward_terms(self.case, self.snapshot)

    def _info(self, terms: Mapping[str, Floats]) -> dict[str, Any]:
        return vector_info(self.case, self.snapshot, terms)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Draw every lane as the last reset or step left it: (height, width, 3) each.

        Raises:
            TaskError: the environment was never reset.
        """
        if self._renderer is None:
            warn(f"{NOT_RENDERED}, here gymnasium.make_vec(..., render_mode='rgb_array')")
            return None
        return tuple(self._renderer.frame(self.snapshot, k) for k in range(self.num_envs))

    def _count(self, info: Mapping[str, Any]) -> None:
        if self._renderer is not None:
            self._renderer.count(self.snapshot, info["violations"])

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of what was drawn."""
        del kwargs
        if self._renderer is not None:
            self._renderer.close()


def _unit_box(n: int) -> spaces.Box:
    return spaces.Box(-1.0, 1.0, (n,), np.float32)


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
