"""Faults: which section, when, how long; and what protection does about them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.case import FLISRCase
from grid_fed_rl.envs.flisr.sections import Sections
from grid_fed_rl.envs.snapshot import LaneRecord
from grid_fed_rl.scenarios import draw_uniform

__all__ = ["MOST_FAULTS", "Faults", "area_of", "draw_faults", "tripped"]

MOST_FAULTS = 2
NEVER = np.int64(2**31)  # a step that no episode reaches

Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Faults(LaneRecord):
    """The faults of an episode, the first at its beginning and one more at most.

    Attributes:
        section: (lane, fault) where.
        strikes: (lane, fault) steps that are done when it strikes.
        repaired: (lane, fault) steps that are done when it is repaired.
        area: (lane, fault, section) where it may be until it is located: all that lay
            behind the same protective switches when it struck.
    """

    section: Index
    strikes: Index
    repaired: Index
    area: NDArray[np.bool_]

    def active(self, time: Index) -> Flags:
        """(lane, fault) whether it is there, so many steps done."""
        return (self.strikes <= time[:, None]) & (time[:, None] < self.repaired)

    def located(self, step: Index, location_steps: int) -> Flags:
        """(lane, fault) whether its section is known in what a step shows."""
        shown = self.strikes + (self.strikes > 0)  # the first step that can show it
        return step[:, None] >= shown + location_steps

    def at(self, flags: Flags, n_sections: int) -> Flags:
        """(lane, section) whether one of the faults flagged is there."""
        there = self.section[:, :, None] == np.arange(n_sections)
        return (there & flags[:, :, None]).any(axis=1)

    def suspected(self, active: Flags, located: Flags) -> Flags:
        """(lane, section) where a fault is, or where one not located yet may be."""
        n = self.area.shape[2]
        unknown = (self.area & (active & ~located)[:, :, None]).any(axis=1)
        return unknown | self.at(active, n)


def draw_faults(case: FLISRCase, chance: NDArray[np.uint64], first: Index | None) -> Faults:
    """The faults of new episodes, drawn from their streams.

    Sections are drawn by failure rate times length, repairs evenly between shortest and
    longest, and the step of a second fault evenly over the horizon.

    Args:
        case: What the environment is made of.
        chance: (lane,) keys.
        first: (lane,) sections of the first fault, if they are chosen and not drawn.
    """
    n, config = len(chance), case.config
    u = [draw_uniform(chance, np.full(n, k, dtype=np.uint64)) for k in range(6)]
    rates = case.failures_per_year
    one = _by_rate(np.tile(rates, (n, 1)), u[0]) if first is None else first
    others = np.where(np.arange(len(rates)) == one[:, None], 0.0, rates)
    second = (u[1] < config.second_fault) & others.any(axis=1) & (config.horizon > 1)
    later = 1 + (u[3] * (config.horizon - 1)).astype(np.int64)
    strikes = np.stack([np.zeros(n, dtype=np.int64), np.where(second, later, NEVER)], axis=1)
    shortest, longest = config.repair_h
    hours = shortest + (longest - shortest) * np.stack([u[4], u[5]], axis=1)
    steps = np.maximum(np.rint(hours / config.step_h).astype(np.int64), 1)
    return Faults(
        section=np.stack([one, _by_rate(others, u[2])], axis=1),
        strikes=strikes,
        repaired=strikes + steps,
        area=np.zeros((n, MOST_FAULTS, len(rates)), dtype=bool),
    )


def _by_rate(rates: NDArray[np.float64], u: NDArray[np.float64]) -> Index:
    """(lane,) a section each, as likely as its rate: (lane, section)."""
    upper = rates.cumsum(axis=1)
    found = (upper <= u[:, None] * upper[:, -1:]).sum(axis=1)
    return np.minimum(found, rates.shape[1] - 1)


def area_of(sections: Sections, closed: Flags, section: Index) -> Flags:
    """(lane, section) what protection cannot tell from a fault in a section."""
    together = sections.areas(closed & ~sections.protective)
    return together == np.take_along_axis(together, section[:, None], axis=1)


def tripped(sections: Sections, closed: Flags, section: Index, live: Flags) -> Flags:
    """(lane, switch) what opens by itself because a section is faulted.

    On a radial feeder that is the first protective switch upstream of the fault; where
    loops are closed, every protective switch through which the fault is fed.

    Args:
        sections: What switches divide.
        closed: (lane, switch) before.
        section: (lane,) the faulted one.
        live: (lane,) whether it is energised; nothing trips where it is not.
    """
    area = area_of(sections, closed, section)
    inside = area[:, sections.ends]  # (lane, switch, end)
    around = sections.areas(closed & ~inside.any(axis=2))
    fed = (around == around[:, :1])[:, sections.ends] & ~inside
    border = closed & sections.protective & (inside.sum(axis=2) == 1)
    return border & fed.any(axis=2) & live[:, None]
