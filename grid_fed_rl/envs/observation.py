"""Parts of an observation: each a (lane, k) block scaled to -1..1.

Every part scales by physical limits, never by statistics of data, so that the
same number means the same voltage, load or hour at every utility, and nothing
about a utility's data leaks through a normaliser.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import DeviceGroup, EvStations
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.feeders.topology import places
from grid_fed_rl.powerflow import Network
from grid_fed_rl.scenarios import Year

__all__ = [
    "Charging",
    "Clock",
    "DeviceStates",
    "Forecast",
    "NodeVoltages",
    "ObservationPart",
    "PriceForecast",
    "ZoneVoltages",
    "scaled_voltage",
]

Floats = NDArray[np.float64]
V_SPAN_PU = 0.1  # 0.9 to 1.1 per unit maps to -1..1: the range of a regulator


class ObservationPart(Protocol):
    """A block of the observation."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each of its entries is."""
        ...

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Return the block, (lane, len(names)), in -1..1."""
        ...


def scaled_voltage(v_pu: Floats) -> Floats:
    """(v - 1) / 0.1, clipped to -1..1."""
    scaled = (v_pu - 1.0) / V_SPAN_PU
    return np.clip(scaled, -1.0, 1.0, out=scaled)


@dataclass(frozen=True, eq=False)
class NodeVoltages:
    """Voltage magnitude of every node."""

    network: Network

    @property
    def names(self) -> tuple[str, ...]:
        """One entry a node."""
        return tuple(f"v:{name}" for name in self.network.node_names)

    def __call__(self, snapshot: Snapshot) -> Floats:
        """(v - 1) / 0.1, clipped."""
        return scaled_voltage(snapshot.v_pu)


@dataclass(frozen=True, eq=False)
class ZoneVoltages:
    """Lowest and highest voltage of each regulation zone and phase.

    What bellwether meters report: the extremes that a regulator must hold.
    """

    network: Network

    @cached_property
    def _groups(self) -> dict[tuple[str, int], list[int]]:
        groups: dict[tuple[str, int], list[int]] = {}
        at = places(self.network.feeder)
        for k, name in enumerate(self.network.node_names):
            bus, phase = name.rsplit(".", 1)
            groups.setdefault((at[bus, int(phase)].zone, int(phase)), []).append(k)
        return dict(sorted(groups.items()))

    @cached_property
    def _gather(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Nodes zone by zone, and where each zone begins, for `reduceat`."""
        members = list(self._groups.values())
        starts = np.cumsum([0] + [len(m) for m in members[:-1]])
        return np.array([k for m in members for k in m]), starts

    @property
    def names(self) -> tuple[str, ...]:
        """Lowest of every zone and phase, then highest."""
        zones = [f"{zone}.{phase}" for zone, phase in self._groups]
        return tuple(f"v_{end}:{zone}" for end in ("min", "max") for zone in zones)

    def __call__(self, snapshot: Snapshot) -> Floats:
        """(v - 1) / 0.1, clipped."""
        nodes, starts = self._gather
        v = snapshot.v_pu[:, nodes]
        ends = [f.reduceat(v, starts, axis=1) for f in (np.minimum, np.maximum)]
        return scaled_voltage(np.concatenate(ends, axis=1))


@dataclass(frozen=True, eq=False)
class DeviceStates:
    """State of every controlled device."""

    groups: tuple[DeviceGroup, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """One entry a device, two an inverter."""
        return tuple(f"{g.state_name}:{name}" for g in self.groups for name in g.state_names)

    def __call__(self, snapshot: Snapshot) -> Floats:
        """As each group scales its state."""
        blocks = [group.observe(snapshot.states[group.state_name]) for group in self.groups]
        return np.concatenate(blocks, axis=1)


@dataclass(frozen=True, eq=False)
class Forecast:
    """Load and PV of the step to come, over connected load and PV rating."""

    network: Network
    year: Year

    @property
    def names(self) -> tuple[str, ...]:
        """Two entries."""
        return ("load_next", "pv_next")

    @cached_property
    def _totals(self) -> Floats:
        feeder = self.network.feeder
        connected_kw = 2.0 * sum(load.kw for load in feeder.loads.values())
        rated_kw = sum(pv.kw_dc for pv in feeder.pvs.values())
        load = self.year.load_kw.sum(axis=1, dtype=np.float64) / connected_kw
        pv = self.year.pv_kw.sum(axis=1, dtype=np.float64) / max(rated_kw, 1e-9)
        return np.clip(2.0 * np.stack([load, pv], axis=1) - 1.0, -1.0, 1.0)

    def __call__(self, snapshot: Snapshot) -> Floats:
        """-1 at nothing, 1 at twice the connected load and at the PV rating."""
        return self._totals[snapshot.next_row]


@dataclass(frozen=True, eq=False)
class Clock:
    """Hour of day and day of year on the unit circle, and whether it is a weekend."""

    year: Year

    @property
    def names(self) -> tuple[str, ...]:
        """Five entries."""
        return ("sin_hour", "cos_hour", "sin_day", "cos_day", "weekend")

    @cached_property
    def _table(self) -> Floats:
        steps = np.arange(len(self.year.sun_pu))
        day = steps // self.year.steps_per_day
        hour = 2.0 * np.pi * (steps % self.year.steps_per_day) / self.year.steps_per_day
        season = 2.0 * np.pi * day / self.year.n_days
        weekend = np.where(day % 7 >= 5, 1.0, -1.0)
        return np.stack([np.sin(hour), np.cos(hour), np.sin(season), np.cos(season), weekend], 1)

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Of the step to come."""
        return self._table[snapshot.next_row]


@dataclass(frozen=True, eq=False)
class Charging:
    """Each charging station as the step to come finds it, over the power of its plugs.

    Power if every car charges as fast as it can; least power that still serves every
    car in time, were it spread evenly; and the share of plugs with a car.
    """

    stations: EvStations

    @property
    def names(self) -> tuple[str, ...]:
        """Three entries a station."""
        kinds = ("fastest", "needed", "cars")
        return tuple(f"{kind}:{one.name}" for kind in kinds for one in self.stations.stations)

    @cached_property
    def _plugs(self) -> Floats:
        """(station,) how many it has."""
        return np.array([float(one.plugs) for one in self.stations.stations])

    def __call__(self, snapshot: Snapshot) -> Floats:
        """-1 at nothing, 1 at the power, or number, of all plugs."""
        group = self.stations
        demand = group.demand(snapshot.states[group.state_name], snapshot.next_row, snapshot.step_h)
        shares = (
            demand.fastest_kw / group.rated_kw,
            demand.needed_kw / group.rated_kw,
            demand.cars / self._plugs,
        )
        return np.clip(2.0 * np.concatenate(shares, axis=1) - 1.0, -1.0, 1.0)


@dataclass(frozen=True, eq=False)
class PriceForecast:
    """Price of energy now and in the steps to come, over the highest of the scenario.

    Args:
        usd_per_kwh: (row,) price of every row of the scenario.
        steps: How many steps ahead, the step to come being the first.
    """

    usd_per_kwh: Floats
    steps: int = 6

    @property
    def names(self) -> tuple[str, ...]:
        """One entry a step."""
        return tuple(f"price:{k}" for k in range(self.steps))

    def __call__(self, snapshot: Snapshot) -> Floats:
        """-1 at no price or one below, 1 at the highest."""
        rows = (snapshot.next_row[:, None] + np.arange(self.steps)) % len(self.usd_per_kwh)
        share = self.usd_per_kwh[rows] / self.usd_per_kwh.max()
        return np.clip(2.0 * share - 1.0, -1.0, 1.0)
