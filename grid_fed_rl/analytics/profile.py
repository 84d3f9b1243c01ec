"""Where every node stands in a voltage profile: its distance, and what it hangs on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import Feeder
from grid_fed_rl.feeders.topology import places

__all__ = ["ProfileLayout", "profile_layout"]


class ProfileLayout(NamedTuple):
    """The geometry of a voltage profile."""

    distance_km: NDArray[np.float64]  # (node,) length of line to the source; NaN if unreached
    phase: NDArray[np.int64]  # (node,) 1, 2 or 3
    segments: NDArray[np.int64]  # (segment, 2) a node and the one it hangs on


def profile_layout(feeder: Feeder, node_names: Sequence[str]) -> ProfileLayout:
    """Lay out nodes, given as ``bus.phase``, in their order.

    Raises:
        FeederError: a node is not of this form.
    """
    nodes: list[tuple[str, int]] = []
    for name in node_names:
        bus, _, phase = name.rpartition(".")
        if not bus or phase not in {"1", "2", "3"}:
            raise FeederError(f"node {name!r}: expected 'bus.phase' with phase 1, 2 or 3")
        nodes.append((bus, int(phase)))
    index = {node: n for n, node in enumerate(nodes)}
    place_of = places(feeder)
    distance_km = np.full(len(nodes), np.nan)
    segments: list[tuple[int, int]] = []
    for node, n in index.items():
        place = place_of.get(node)
        if place is None:
            continue
        distance_km[n] = place.distance_km
        if place.parent in index:
            segments.append((n, index[place.parent]))
    return ProfileLayout(
        distance_km,
        np.array([phase for _, phase in nodes], dtype=np.int64),
        np.array(segments, dtype=np.int64).reshape(-1, 2),
    )
