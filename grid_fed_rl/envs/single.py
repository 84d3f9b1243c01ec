"""The single environment: one lane of the vector environment."""

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.logger import warn
from gymnasium.vector import AutoresetMode
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.action import ActionMode
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.lane_env import LaneEnv
from grid_fed_rl.envs.rendering import NOT_RENDERED, RENDER_FPS, known_render_mode
from grid_fed_rl.envs.vector import GridVectorEnv

if TYPE_CHECKING:
    from grid_fed_rl.drawing.window import Window

__all__ = ["GridEnv"]


class GridEnv(LaneEnv):
    """A case as one environment; same numbers as a lane of `GridVectorEnv`.

    `info` holds the entries that `GridVectorEnv` describes, without masks;
    ``options={"day": 12}`` of `reset` chooses the day.

    Args:
        case: What the environment is made of.
        action_mode: ``continuous`` or ``multidiscrete``.
        render_mode: None; ``rgb_array`` to draw in `render`; or ``human`` to show
            every reset and step in a window.

    Raises:
        TaskError: `action_mode` or `render_mode` is none of these, or matplotlib, which
            draws, is not installed.
    """

    metadata = {  # noqa: RUF012 - Gymnasium's own convention
        "render_modes": ["human", "rgb_array"],
        "render_fps": RENDER_FPS,
    }

    def __init__(
        self,
        case: Case,
        action_mode: ActionMode = "continuous",
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = known_render_mode(render_mode, self.metadata["render_modes"])
        drawn = None if render_mode is None else "rgb_array"
        self._grid = GridVectorEnv(case, 1, AutoresetMode.NEXT_STEP, 1, action_mode, drawn)
        super().__init__(self._grid)
        self._window: Window | None = None

    @property
    def case(self) -> Case:
        """What the environment is made of."""
        return self._grid.case

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new episode; ``options={"day": 12}`` chooses its day.

        Raises:
            TaskError: there is no such option or day; or no display to show it on.
        """
        result = super().reset(seed=seed, options=options)
        self._show()
        return result

    def step(
        self, action: ArrayLike
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Carry out an action of shape (action,).

        Raises:
            ActionError: the action has the wrong shape or holds what none can be.
            TaskError: the episode is over, or never began; or there is no display to
                show it on.
        """
        result = super().step(action)
        self._show()
        return result

    def render(self) -> NDArray[np.uint8] | None:
        """Draw the feeder as the last reset or step left it: (height, width, 3).

        Nothing is returned in mode ``human``, which shows every reset and step by itself.

        Raises:
            TaskError: the environment was never reset.
        """
        if self.render_mode is None:
            warn(f"{NOT_RENDERED}, here gymnasium.make(..., render_mode='rgb_array')")
            return None
        if self.render_mode == "human":
            self._show()
            return None
        return self._frame()

    def close(self) -> None:
        """Close the window, if there is one, and let go of what was drawn."""
        if self._window is not None:
            self._window.close()
            self._window = None
        self.lanes.close()

    def _frame(self) -> NDArray[np.uint8]:
        frames = self._grid.render()
        assert frames is not None
        return frames[0]

    def _show(self) -> None:
        """Bring the window up to date."""
        if self.render_mode != "human":
            return
        if self._window is None:
            from grid_fed_rl.drawing.window import Window

            name = self.spec.id if self.spec is not None else self.case.network.feeder.name
            self._window = Window(name, RENDER_FPS)
        self._window.show(self._frame())
