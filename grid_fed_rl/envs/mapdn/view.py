"""The feeder of MAPDN's task as a step left it, a row a lane."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.snapshot import LaneRecord

__all__ = ["Drawn", "MAPDNView"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Drawn(LaneRecord):
    """Load and PV of a step: (lane, load) and (lane, pv)."""

    load_kw: Floats
    load_kvar: Floats
    pv_kw: Floats


@dataclass(frozen=True, slots=True)
class MAPDNView(LaneRecord):
    """The feeder after a step, a row a lane.

    Where the power flow did not converge it stands as it did before the step, but for
    `diverged` and `asked_kvar`.

    Attributes:
        start: (lane,) row of the profiles that the episode began with.
        step: (lane,) steps that are done.
        chance: (lane,) key of the stream of what the episode leaves to chance.
        ends: (lane,) whether this was the last step.
        diverged: (lane,) whether the step had no solution.
        solved: Load and PV that were solved.
        coming: Load and PV of the step to come.
        asked_kvar: (lane, pv) reactive power that the action asked for.
        pv_kvar: (lane, pv) reactive power that was solved.
        v_pu: (lane, node) complex voltage.
        bus_v_pu: (lane, bus) its magnitude at every bus.
        bus_angle_rad: (lane, bus) its angle.
        source_kva: (lane,) complex power of the substation.
        loss_kw: (lane,) losses of all lines.
    """

    start: Integers
    step: Integers
    chance: Keys
    ends: NDArray[np.bool_]
    diverged: NDArray[np.bool_]
    solved: Drawn
    coming: Drawn
    asked_kvar: Floats
    pv_kvar: Floats
    v_pu: NDArray[np.complex128]
    bus_v_pu: Floats
    bus_angle_rad: Floats
    source_kva: NDArray[np.complex128]
    loss_kw: Floats

    @property
    def acted(self) -> NDArray[np.bool_]:
        """(lane,) whether a step was taken."""
        return self.step > 0

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(lane,) whether the step had no solution."""
        return self.diverged

    def standing_as(self, before: Self) -> Self:
        """The same step, the feeder as it stood before it."""
        return replace(
            self,
            solved=before.solved,
            pv_kvar=before.pv_kvar,
            v_pu=before.v_pu,
            bus_v_pu=before.bus_v_pu,
            bus_angle_rad=before.bus_angle_rad,
            source_kva=before.source_kva,
            loss_kw=before.loss_kw,
        )
