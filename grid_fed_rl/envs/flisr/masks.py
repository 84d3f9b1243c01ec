"""Which actions are legal, and why the others are not.

Action 0 does nothing, ``1 + 2 k`` opens switch k and ``2 + 2 k`` closes it.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.sections import PHASES, Sections, Standing

__all__ = ["Refusal", "refusals", "split_action"]

Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


class Refusal(IntEnum):
    """Why an action is not carried out."""

    NONE = 0
    ALREADY = 1
    LOOP = 2
    FAULT = 3

    @property
    def words(self) -> str:
        """The reason, to follow the switch."""
        return {
            Refusal.NONE: "can be operated",
            Refusal.ALREADY: "stands like that already",
            Refusal.LOOP: "would close a loop",
            Refusal.FAULT: "would energise a section that is faulted or may be",
        }[self]


def split_action(action: Index) -> tuple[Index, Flags, Flags]:
    """Switch, whether it opens, and whether it closes; switch 0 where nothing is done."""
    acts = action > 0
    return np.maximum(action - 1, 0) // 2, acts & (action % 2 == 1), acts & (action % 2 == 0)


def refusals(
    sections: Sections,
    closed: Flags,
    standing: Standing,
    suspected: Flags,
    *,
    radial: bool,
    guard_faults: bool,
) -> NDArray[np.int8]:
    """(lane, action) `Refusal` of every action; 0 where it is legal.

    Args:
        sections: What switches divide.
        closed: (lane, switch).
        standing: How these join the sections.
        suspected: (lane, section) where a fault is or may be.
        radial: Whether loops are refused.
        guard_faults: Whether energising what is suspected is.
    """
    n_lanes, n_switches = closed.shape
    code = np.zeros((n_lanes, 2 * n_switches + 1), dtype=np.int8)
    opens, closes = code[:, 1::2], code[:, 2::2]
    if guard_faults:
        closes[_energises(sections, standing, suspected)] = Refusal.FAULT
    if radial:
        label = standing.label
        loop = label[:, sections.edge_from] == label[:, sections.edge_to]
        closes[sections.by_switch(loop)] = Refusal.LOOP
    closes[closed] = Refusal.ALREADY
    opens[~closed] = Refusal.ALREADY
    return code


def _energises(sections: Sections, standing: Standing, suspected: Flags) -> Flags:
    """(lane, switch) whether closing it would join something live and something suspected."""
    label, live = standing.label, standing.live
    n_lanes, n = label.shape
    tainted = np.repeat(suspected, PHASES, axis=1) & sections.exists
    at = label + n * np.arange(n_lanes)[:, None]
    count = np.bincount(at[tainted], minlength=n_lanes * n)
    taints = (count > 0)[at]  # (lane, vertex) whether anything it hangs with is suspected
    one, other = sections.edge_from, sections.edge_to
    onto = (live[:, one] & taints[:, other]) | (live[:, other] & taints[:, one])
    return sections.by_switch(onto)
