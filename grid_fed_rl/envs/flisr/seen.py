"""What an operator sees: switch states, what is dark, where the fault may be, what is loaded."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.case import FLISRCase
from grid_fed_rl.envs.flisr.sections import PHASES
from grid_fed_rl.envs.flisr.snapshot import FLISRSnapshot
from grid_fed_rl.envs.observation import scaled_voltage

__all__ = ["Seen"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Seen:
    """The observation of a case: names, and values from -1 to 1."""

    case: FLISRCase

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each entry is."""
        sections = self.case.sections
        vertices = np.flatnonzero(sections.exists)
        phases = (f"{sections.names[v // PHASES]}.{v % PHASES + 1}" for v in vertices)
        return (
            *(f"closed:{name}" for name in sections.switches),
            *(f"live:{phase}" for phase in phases),
            *(f"fault:{name}" for name in sections.names),
            *(f"load_next:{name}" for name in sections.names),
            *(f"v_min:{name}" for name in sections.names),
            *(f"loading:{self.case.rated[k].partition('.')[2]}" for k in self._rated_switches),
            "repair_left",
            "steps_left",
            "sin_hour",
            "cos_hour",
        )

    def __call__(self, snapshot: FLISRSnapshot) -> NDArray[np.float32]:
        """(lane, entry)."""
        blocks = (
            _signs(snapshot.closed),
            _signs(snapshot.live[:, self.case.sections.exists]),
            self._faults(snapshot),
            self._load_next(snapshot),
            self._lowest_voltage(snapshot),
            np.clip(2.0 * snapshot.loading[:, self._rated_switches] - 1.0, -1.0, 1.0),
            self._clock(snapshot),
        )
        return np.concatenate(blocks, axis=1, dtype=np.float32, casting="same_kind")

    @cached_property
    def _rated_switches(self) -> NDArray[np.int64]:
        found = [k for k, name in enumerate(self.case.rated) if name.startswith("switch.")]
        return np.array(found, dtype=np.int64)

    def _faults(self, snapshot: FLISRSnapshot) -> Floats:
        """1 where a fault is known to be, 0 where one may be, -1 elsewhere."""
        known = snapshot.faults.at(snapshot.located, len(self.case.sections.names))
        return known.astype(np.float64) + snapshot.suspected - 1.0

    def _load_next(self, snapshot: FLISRSnapshot) -> Floats:
        """Demand of the step to come over nominal load; 1 at twice of it."""
        case = self.case
        row = case.row_at(snapshot.hour, snapshot.step)
        load_kw = case.year.load_kw[row].astype(np.float64)
        section_kw = np.stack([load_kw[:, at].sum(axis=1) for at in self._loads_of], axis=1)
        share = section_kw / np.maximum(case.section_kw, 1e-9)
        return np.clip(share - 1.0, -1.0, 1.0)

    @cached_property
    def _loads_of(self) -> list[NDArray[np.int64]]:
        at = self.case.sections.load_section
        return [np.flatnonzero(at == k) for k in range(len(self.case.sections.names))]

    @cached_property
    def _nodes_of(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        at = self.case.sections.node_section
        order = np.argsort(at, kind="stable")
        return order, np.flatnonzero(np.diff(at[order], prepend=-1))

    def _lowest_voltage(self, snapshot: FLISRSnapshot) -> Floats:
        """Of the live nodes of each section; -1 where all are dark."""
        alive = self.case.sections.energises(snapshot.live)
        v = np.where(alive, snapshot.v_pu, np.inf)
        order, first = self._nodes_of
        lowest = np.minimum.reduceat(v[:, order], first, axis=1)
        return scaled_voltage(np.where(np.isfinite(lowest), lowest, 0.0))

    def _clock(self, snapshot: FLISRSnapshot) -> Floats:
        """Repair and steps that are left, and the hour of day."""
        case, config = self.case, self.case.config
        left = (snapshot.faults.repaired - snapshot.step[:, None]) * snapshot.located
        longest = config.repair_h[1] / config.step_h
        repair = np.clip(2.0 * left.max(axis=1) / longest - 1.0, -1.0, 1.0)
        steps = 1.0 - 2.0 * snapshot.step / config.horizon
        minutes = snapshot.hour * case.row_minutes + snapshot.step * config.step_minutes
        angle = 2.0 * np.pi * (minutes % 1440) / 1440.0
        return np.stack([repair, steps, np.sin(angle), np.cos(angle)], axis=1)


def _signs(flags: NDArray[np.bool_]) -> Floats:
    return np.where(flags, 1.0, -1.0)
