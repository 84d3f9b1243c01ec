"""The vector environment of a case: the implementation. The single one is a lane of it.

A step has no Python loop over lanes: device groups move all lanes at once, one
batched power flow solves them, and the parts of the case look at the whole
snapshot (`dynamics`). Seeds and ends of episodes are in `lane_env`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.logger import warn
from gymnasium.vector import AutoresetMode
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.action import ActionMode, actions_of
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.dynamics import Attempt, advance, concluded, moment_at, rest
from grid_fed_rl.envs.info import reward_terms, vector_info
from grid_fed_rl.envs.lane_env import LaneVectorEnv
from grid_fed_rl.envs.rendering import NOT_RENDERED, RENDER_FPS, Renderer, known_render_mode
from grid_fed_rl.envs.snapshot import Snapshot

__all__ = ["GridVectorEnv"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.bool_]


class GridVectorEnv(LaneVectorEnv[Snapshot]):
    """Many copies of a case, stepped together.

    Observations are float32 in [-1, 1]; actions are float32 in [-1, 1], one
    entry a device, or choices of the same devices. ``info`` carries, a lane each and
    masked as Gymnasium does:

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
        action_mode: ``continuous`` or ``multidiscrete``.
        render_mode: None, or ``rgb_array`` to draw every lane in `render`.

    Raises:
        TaskError: `num_envs`, `autoreset_mode`, `action_mode` or `render_mode` is none of
            these, or matplotlib, which draws, is not installed.
    """

    option = "day"
    option_words = "day of the year"

    def __init__(
        self,
        case: Case,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
        action_mode: ActionMode = "continuous",
        render_mode: str | None = None,
    ) -> None:
        self.case = case
        self._actions = actions_of(action_mode, case.action_names, case.action_choices)
        self._foreseen: tuple[Floats, Attempt] | None = None
        super().__init__(
            _unit_box(len(case.observation_names)),
            self._actions.space,
            case.days,
            case.year.n_days,
            num_envs,
            autoreset_mode,
            threads,
        )
        self.metadata |= {"render_modes": ["rgb_array"], "render_fps": RENDER_FPS}
        self.render_mode = known_render_mode(render_mode, self.metadata["render_modes"])
        self._renderer = None if render_mode is None else Renderer(case, num_envs)

    def checked(self, action: ArrayLike, lead: tuple[int, ...]) -> Floats:
        """An action of shape ``(*lead, action)`` as numbers from -1 to 1.

        Raises:
            ActionError: the action has the wrong shape, is not finite or lies
                outside its space; the message names lane and device.
        """
        return self._actions.numbers(action, (*lead, len(self.case.action_names)))

    @property
    def threads(self) -> int | None:
        """Threads of the power flow; None for all processors."""
        return self._threads

    @property
    def action_step(self) -> Floats:
        """(action,) distance of the choices of each entry; 0 where any number will do."""
        return self._actions.step

    def stated(self, numbers: Floats) -> NDArray[Any]:
        """The action of the space nearest to numbers from -1 to 1: (lane, action)."""
        return self._actions.stated(numbers)

    def _rest(self, episode: NDArray[np.int64], chance: NDArray[np.uint64]) -> Snapshot:
        return rest(self.case, episode, self._threads, chance)

    def foresee(self, action: Floats, made: Attempt) -> None:
        """Hand over where the next step will lead, if that has been worked out already.

        Nothing is solved again if the step takes this action; otherwise it is forgotten.

        Args:
            action: (lane, action) of the lanes that go on, as `checked` gives it.
            made: What `dynamics.attempt` makes of it.
        """
        self._foreseen = action, made

    def _advance(self, before: Snapshot, action: Floats) -> Snapshot:
        foreseen, self._foreseen = self._foreseen, None
        if foreseen is not None and np.array_equal(foreseen[0], action):
            moment = moment_at(self.case, before.next_row)
            return concluded(self.case, before, moment, foreseen[1], self._threads)
        return advance(self.case, before, action, self._threads)

    def _observe(self, snapshot: Snapshot) -> NDArray[np.float32]:
        blocks = [part(snapshot) for part in self.case.observation]
        return np.concatenate(blocks, axis=1, dtype=np.float32, casting="same_kind")

    def _terms(self, snapshot: Snapshot) -> dict[str, Floats]:
        return reward_terms(self.case, snapshot)

    def _info(self, snapshot: Snapshot, terms: Mapping[str, Floats]) -> dict[str, Any]:
        return vector_info(self.case, snapshot, terms)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new episode in every lane; see `LaneVectorEnv.reset`."""
        self._foreseen = None
        observation, info = super().reset(seed=seed, options=options)
        self._count(info)
        return observation, info

    def take(
        self, action: NDArray[Any]
    ) -> tuple[NDArray[np.float32], Floats, Lanes, Lanes, dict[str, Any]]:
        """See `LaneVectorEnv.take`."""
        result = super().take(action)
        self._count(result[-1])
        return result

    # ---- pictures ---------------------------------------------------------------

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
