"""Environments as pictures: from a case and its snapshots to frames.

Drawing needs matplotlib, the extra `plot`; it is loaded with the first frame.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.costs import VoltageCost
from grid_fed_rl.envs.groups import Batteries
from grid_fed_rl.envs.readings import clock, sections
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.errors import TaskError
from grid_fed_rl.safety import VoltageLimits

if TYPE_CHECKING:
    from grid_fed_rl.drawing.picture import FeederPicture

__all__ = ["NOT_RENDERED", "RENDER_FPS", "Renderer", "known_render_mode"]

Frame = NDArray[np.uint8]
Counts = NDArray[np.int64]

RENDER_FPS = 4  # a day of hours in six seconds
NOT_RENDERED = "nothing is drawn: choose a render mode when the environment is made"


def known_render_mode(mode: str | None, known: Sequence[str]) -> str | None:
    """The mode, if it is one and can be drawn.

    Raises:
        TaskError: no such mode, or matplotlib is not installed.
    """
    if mode is None:
        return None
    if mode not in known:
        raise TaskError(f"render_mode is {mode!r}; known: {', '.join(map(repr, known))} and None")
    if find_spec("matplotlib") is None:
        raise TaskError(
            f"render_mode {mode!r} needs matplotlib, which is not installed: "
            "pip install 'grid-fed-rl[plot]'"
        )
    return mode


class Renderer:
    """Draws lanes of a case, and keeps count of what each violated since its reset.

    Args:
        case: What the environment is made of.
        n_lanes: Lanes.
    """

    def __init__(self, case: Case, n_lanes: int) -> None:
        self._case = case
        self._now = {channel.name: np.zeros(n_lanes, dtype=np.int64) for channel in case.costs}
        self._so_far = dict(self._now)
        self._picture: FeederPicture | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What is copied and pickled: all but the picture, which is drawn again."""
        return {**self.__dict__, "_picture": None}

    def count(self, snapshot: Snapshot, violations: Mapping[str, Counts]) -> None:
        """Add the violations of a step, (lane,) by channel; a lane just reset has none."""
        for name in self._now:
            self._now[name] = np.where(snapshot.acted, violations[name], 0)
            self._so_far[name] = np.where(snapshot.acted, self._so_far[name] + violations[name], 0)

    def counts(self, lane: int) -> dict[str, tuple[int, int]]:
        """Violations of a lane by channel: in its last step, and since its reset."""
        return {
            name: (int(self._now[name][lane]), int(self._so_far[name][lane])) for name in self._now
        }

    def frame(self, snapshot: Snapshot, lane: int) -> Frame:
        """Draw a lane: (height, width, 3)."""
        from grid_fed_rl.drawing.live import DeviceStates
        from grid_fed_rl.drawing.picture import FeederPicture

        case, row = self._case, snapshot.lanes(np.array([lane]))
        feeder, setpoint = case.network.feeder, row.setpoint
        read = sections(case, row, self.counts(lane))
        if self._picture is None:
            title = f"{feeder.title or feeder.name}, {case.year.name}"
            self._picture = FeederPicture(case.network, _limits(case), title, read)
        unknown = np.full((1, len(feeder.storages)), np.nan)
        states = DeviceStates(
            v_pu=row.v_pu[0],
            tap_position=setpoint.tap_position[0],
            capacitor_closed=setpoint.capacitor_step[0] > 0,
            switch_closed=setpoint.switch_closed[0].astype(bool),
            pv_kw=setpoint.der_kw[0, : len(feeder.pvs)],
            soc=row.states.get(Batteries.state_name, unknown)[0],
        )
        collapsed = not row.flow.converged[0]
        return self._picture.frame(states, clock(case, row), read, alarm=collapsed)

    def close(self) -> None:
        """Let go of the picture."""
        self._picture = None


def _limits(case: Case) -> tuple[float, float]:
    """Voltage limits of the case; range A where it has none."""
    limits = [one.limits for one in case.costs if isinstance(one, VoltageCost)]
    first = limits[0] if limits else VoltageLimits()
    return first.v_min_pu, first.v_max_pu
