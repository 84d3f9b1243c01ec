"""What agents see: blocks of the same layout on every feeder, scaled to -1..1.

Scales are those of `observation`. A block leads with the lane, and most with the
device or zone next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.multi_agent.standing import NOWHERE, Kind, zone_nodes
from grid_fed_rl.envs.observation import Clock, Forecast, ObservationPart, scaled_voltage
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.powerflow import Network, Setpoint

__all__ = ["Common", "DeviceView", "ZoneView", "common_parts"]

Floats = NDArray[np.float64]
PHASES = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class DeviceView:
    """What each device of a kind sees of itself and its bus: (lane, device, entry).

    Its state; the voltage of its bus on phase 1, 2 and 3, 0 where it does not stand on
    the phase; whether it does, 1 or 0; the active and reactive power that it injects
    over its rating, 0 of a regulator or capacitor, which has none of its own.

    Args:
        kind: Which.
    """

    kind: Kind

    @property
    def names(self) -> tuple[str, ...]:
        """What each entry is."""
        volts = tuple(f"v:{phase}" for phase in PHASES)
        stands = tuple(f"stands_on:{phase}" for phase in PHASES)
        return (*self.kind.states, *volts, *stands, "p", "q")

    @cached_property
    def _nodes(self) -> NDArray[np.int64]:
        return np.array([one.nodes for one in self.kind.devices], dtype=np.int64).reshape(-1, 3)

    @cached_property
    def _states(self) -> NDArray[np.int64]:
        shape = (len(self.kind.devices), len(self.kind.states))
        return np.array([one.states for one in self.kind.devices], dtype=np.int64).reshape(shape)

    @cached_property
    def _kva(self) -> Floats:
        return np.array([one.kva for one in self.kind.devices])

    def __call__(self, snapshot: Snapshot) -> Floats:
        """See the class."""
        group, stands = self.kind.group, self._nodes != NOWHERE
        shape = (len(snapshot.step), *self._nodes.shape)
        seen = group.observe(snapshot.states[group.state_name])[:, self._states]
        v = np.where(stands, scaled_voltage(snapshot.v_pu[:, self._nodes]), 0.0)
        power = self._injected(snapshot.setpoint) / self._kva[:, None]
        return np.concatenate(
            [seen, v, np.broadcast_to(stands, shape), np.clip(power, -1.0, 1.0)], axis=2
        )

    def _injected(self, setpoint: Setpoint) -> Floats:
        """Power as the set-point has it: (lane, device, 2) kW and kvar."""
        out = np.zeros((len(setpoint.load_kw), len(self.kind.devices), 2))
        for k, device in enumerate(self.kind.devices):
            if device.der != NOWHERE:
                out[:, k, 0] = setpoint.der_kw[:, device.der]
                out[:, k, 1] = setpoint.der_kvar[:, device.der]
            elif device.load != NOWHERE:
                out[:, k, 0] = -setpoint.load_kw[:, device.load]
                out[:, k, 1] = -setpoint.load_kvar[:, device.load]
        return out


@dataclass(frozen=True, eq=False)
class ZoneView:
    """Lowest and highest voltage of zones.

    Args:
        network: The compiled feeder.
        zones: Names of zones, as in `standing`.
    """

    network: Network
    zones: tuple[str, ...]

    @staticmethod
    def all_zones(network: Network) -> tuple[str, ...]:
        """Every zone, in the order in which the network first meets it."""
        return tuple(zone_nodes(network))

    @cached_property
    def nodes(self) -> tuple[NDArray[np.int64], ...]:
        """Nodes of each zone."""
        found = zone_nodes(self.network)
        return tuple(found[zone] for zone in self.zones)

    @cached_property
    def _by_phase(self) -> tuple[tuple[NDArray[np.int64], ...], ...]:
        phase = np.array([int(name.rsplit(".", 1)[1]) for name in self.network.node_names])
        return tuple(tuple(nodes[phase[nodes] == k] for k in PHASES) for nodes in self.nodes)

    def extremes(self, snapshot: Snapshot) -> Floats:
        """Of all phases: (lane, zone, 2)."""
        return np.stack([_ends(snapshot.v_pu, nodes) for nodes in self.nodes], axis=1)

    def by_phase(self, snapshot: Snapshot) -> Floats:
        """Lowest of each phase, highest, and whether the zone has it: (lane, zone, 9)."""
        blocks = []
        for phases in self._by_phase:
            ends = np.stack([_ends(snapshot.v_pu, nodes) for nodes in phases], axis=2)
            there = np.array([len(nodes) > 0 for nodes in phases], dtype=np.float64)
            rows = (len(snapshot.step), len(PHASES))
            flat = ends.reshape(len(snapshot.step), -1)
            blocks.append(np.concatenate([flat, np.broadcast_to(there, rows)], axis=1))
        return np.stack(blocks, axis=1)


def _ends(v_pu: Floats, nodes: NDArray[np.int64]) -> Floats:
    """Lowest and highest, scaled: (lane, 2); 0 where there is no node."""
    if not len(nodes):
        return np.zeros((len(v_pu), 2))
    v = v_pu[:, nodes]
    return scaled_voltage(np.stack([v.min(axis=1), v.max(axis=1)], axis=1))


@dataclass(frozen=True, eq=False)
class Common:
    """What every agent sees: (lane, entry)."""

    parts: tuple[ObservationPart, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What each entry is."""
        return tuple(name for part in self.parts for name in part.names)

    def __call__(self, snapshot: Snapshot) -> Floats:
        """The parts, one after the other."""
        blocks = [np.zeros((len(snapshot.step), 0)), *(part(snapshot) for part in self.parts)]
        return np.concatenate(blocks, axis=1)


def common_parts(case: Case, parts: Sequence[ObservationPart] | None) -> Common:
    """The given parts, or forecast and clock of the case."""
    if parts is None:
        parts = (Forecast(case.network, case.year), Clock(case.year))
    return Common(tuple(parts))
