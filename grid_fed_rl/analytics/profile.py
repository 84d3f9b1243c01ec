"""Where every node stands in a voltage profile: its distance, and what it hangs on."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import Feeder
from grid_fed_rl.feeders.topology import Place, places

__all__ = ["ProfileLayout", "feeding_phases", "profile_layout"]

Node = tuple[str, int]  # bus, phase


class ProfileLayout(NamedTuple):
    """The geometry of a voltage profile."""

    distance_km: NDArray[np.float64]  # (node,) length of line to the source; NaN if unreached
    phase: NDArray[np.int64]  # (node,) 1, 2 or 3
    segments: NDArray[np.int64]  # (segment, 2) a node and the one it hangs on


def profile_layout(feeder: Feeder, node_names: Sequence[str]) -> ProfileLayout:
    """Lay out nodes, given as ``bus.phase``, in their order.

    The phase of a service behind a one-phase transformer is the phase that feeds it.

    Raises:
        FeederError: a node is not of this form.
    """
    nodes: list[Node] = []
    for name in node_names:
        bus, _, phase = name.rpartition(".")
        if not bus or phase not in {"1", "2", "3"}:
            raise FeederError(f"node {name!r}: expected 'bus.phase' with phase 1, 2 or 3")
        nodes.append((bus, int(phase)))
    index = {node: n for n, node in enumerate(nodes)}
    place_of = places(feeder)
    phase_of = feeding_phases(feeder, place_of)
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
        np.array([phase_of.get(node, node[1]) for node in nodes], dtype=np.int64),
        np.array(segments, dtype=np.int64).reshape(-1, 2),
    )


def feeding_phases(feeder: Feeder, place_of: Mapping[Node, Place]) -> dict[Node, int]:
    """Phase of the three-phase system that feeds each node the source reaches.

    Nodes 1 and 2 of a 120/240 V service are two halves of one coil; both are of
    the phase, or of the first of two, that its transformer stands on.
    """
    services = {
        winding.terminal.bus
        for transformer in feeder.transformers.values()
        if transformer.n_phases == 1
        for winding in transformer.windings[1:]
    }
    found: dict[Node, int] = {}
    inherits: set[Node] = set()
    for node, place in place_of.items():  # a parent comes before what hangs on it
        parent = place.parent
        if parent is not None and (parent in inherits or node[0] in services):
            inherits.add(node)
            found[node] = found[parent]
        else:
            found[node] = node[1]
    return found
