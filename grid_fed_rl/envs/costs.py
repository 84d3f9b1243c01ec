"""Cost channels: how far a step left the limits, apart from the reward.

A channel gives a magnitude, 0 or more in its own unit, and a count of what is outside.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import Batteries, DeviceGroup
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network, measures
from grid_fed_rl.safety import Limits, VoltageLimits

__all__ = [
    "CostChannel",
    "HeadCost",
    "LoadingCost",
    "OperationsCost",
    "RampCost",
    "SocCost",
    "UnbalanceCost",
    "VoltageCost",
    "channels_of",
    "limits_of",
    "narrowed",
    "served_nodes",
]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class CostChannel(Protocol):
    """One kind of constraint: a magnitude, at least 0, and how many it counts."""

    @property
    def name(self) -> str:
        """Its key in ``info["costs"]`` and ``info["violations"]``."""
        ...

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, Counts]:
        """Return magnitude and count, each (lane,)."""
        ...


def _added_up(excess: Floats) -> tuple[Floats, Counts]:
    """Magnitude and count of (lane, thing) excesses; what is not a number counts as none."""
    excess = np.where(excess > 0.0, excess, 0.0)
    return excess.sum(axis=1), (excess > 0.0).sum(axis=1)


@dataclass(frozen=True)
class VoltageCost:
    """Excursions outside the voltage limits: summed over nodes, per unit.

    Args:
        limits: What is inside.
        name: Of the channel.
        nodes: Columns of the nodes that count; all of them where not given.
    """

    limits: VoltageLimits
    name: str = "voltage"
    nodes: tuple[int, ...] | None = None

    @cached_property
    def _columns(self) -> NDArray[np.int64]:
        return np.array(self.nodes, dtype=np.int64)

    def counted(self, v_pu: Floats) -> Floats:
        """Of (lane, node) magnitudes those of the nodes that count."""
        if self.nodes is None:
            return v_pu
        # `take` lays lanes out one by one: sums are the same in any batch.
        return v_pu.take(self._columns, axis=1)

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, Counts]:
        """Per-unit excursions of these nodes added up; nodes outside."""
        excursion = self.limits.excursion_pu(self.counted(snapshot.v_pu))
        return excursion.sum(axis=1), (excursion > 0.0).sum(axis=1)


@dataclass(frozen=True, eq=False)
class LoadingCost:
    """Loading of lines, switches and transformers above a share of their rating."""

    network: Network
    most: float = 1.0
    name: str = "thermal"

    def __post_init__(self) -> None:
        if not measures.rated_branches(self.network):
            raise TaskError(
                f"feeder {self.network.feeder.name!r} has no rated line or transformer; "
                f"leave Limits.loading out, or give ratings"
            )

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, Counts]:
        """Shares above the limit added up; branches above it."""
        return _added_up(measures.loading(self.network, snapshot.flow).share - self.most)


@dataclass(frozen=True, eq=False)
class UnbalanceCost:
    """Voltage unbalance of three-phase buses, negative over positive sequence."""

    network: Network
    most_percent: float = 3.0
    name: str = "unbalance"

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, Counts]:
        """Percent above the limit added up; buses above it. A dead bus has none."""
        percent = measures.sequence_unbalance_percent(self.network, snapshot.flow)
        return _added_up(percent - self.most_percent)


@dataclass(frozen=True, eq=False)
class HeadCost:
    """Power of the substation above what it may deliver or take back, kW."""

    network: Network
    import_kw: float | None = None
    export_kw: float | None = None
    name: str = "head"

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, Counts]:
        """KW beyond either limit; 1 where there are any."""
        delivered = measures.source_kw(self.network, snapshot.flow)
        beyond = np.zeros((len(delivered), 2))
        if self.import_kw is not None:
            beyond[:, 0] = delivered - self.import_kw
        if self.export_kw is not None:
            beyond[:, 1] = -delivered - self.export_kw
        return _added_up(beyond)


@dataclass(frozen=True)
class SocCost:
    """State of charge outside a range of its own, narrower than what batteries can do."""

    batteries: Batteries
    least: float
    largest: float
    name: str = "soc"

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, Counts]:
        """Shares of the energy outside, added up; batteries outside."""
        soc = snapshot.states[self.batteries.state_name]
        return _added_up(np.maximum(self.least - soc, soc - self.largest))


@dataclass(frozen=True)
class RampCost:
    """Active power of DER that changes faster than a limit, kW an hour."""

    most_kw_per_h: float
    name: str = "ramp"

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, Counts]:
        """KW an hour beyond the limit added up; DER beyond it. None in the first step."""
        change_kw = np.abs(snapshot.setpoint.der_kw - snapshot.der_kw_before)
        return _added_up(change_kw / snapshot.step_h - self.most_kw_per_h)


@dataclass(frozen=True)
class OperationsCost:
    """Operations of regulators and capacitors beyond so many in an episode."""

    groups: tuple[DeviceGroup, ...]
    most: int
    name: str = "operations"

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, Counts]:
        """Operations of this step that were beyond, added up; devices that had any."""
        names = [group.state_name for group in self.groups]
        done = np.concatenate([snapshot.operated[name] for name in names], axis=1)
        now = np.concatenate([snapshot.moves[name].operations for name in names], axis=1)
        return _added_up(np.minimum(done - self.most, now).astype(np.float64))


def served_nodes(network: Network) -> tuple[int, ...]:
    """Columns of the nodes that loads stand on, in the order of the network."""
    terminals = [one.terminal for one in network.feeder.loads.values()]
    columns = {int(k) for terminal in terminals for k in network.nodes_of(terminal) if k >= 0}
    return tuple(sorted(columns))


def channels_of(
    limits: Limits, network: Network, groups: tuple[DeviceGroup, ...]
) -> tuple[CostChannel, ...]:
    """A channel for every limit that is set.

    Raises:
        TaskError: a limit is on what the feeder or the groups do not have.
    """
    channels: list[CostChannel] = []
    if limits.voltage is not None:
        nodes = served_nodes(network) if limits.served_only else None
        channels.append(VoltageCost(limits.voltage, nodes=nodes))
    if limits.loading is not None:
        channels.append(LoadingCost(network, limits.loading))
    if limits.unbalance_percent is not None:
        channels.append(UnbalanceCost(network, limits.unbalance_percent))
    if limits.import_kw is not None or limits.export_kw is not None:
        channels.append(HeadCost(network, limits.import_kw, limits.export_kw))
    if limits.ramp_kw_per_h is not None:
        channels.append(RampCost(limits.ramp_kw_per_h))
    if limits.operations_per_day is not None:
        channels.append(OperationsCost(groups, limits.operations_per_day))
    if limits.soc is not None:
        batteries = [group for group in groups if isinstance(group, Batteries)]
        if not batteries:
            raise TaskError("limits: soc is set, and no group holds batteries")
        channels.append(SocCost(batteries[0], *limits.soc))
    return tuple(channels)


def limits_of(channels: Iterable[CostChannel]) -> Limits:
    """The limits that channels measure; what `channels_of` makes channels of.

    Raises:
        TaskError: a channel is of a kind that is not known here.
    """
    found: dict[str, Any] = {"voltage": None}
    for channel in channels:
        match channel:
            case VoltageCost():
                found["voltage"] = channel.limits
                found["served_only"] = channel.nodes is not None
            case LoadingCost():
                found["loading"] = channel.most
            case UnbalanceCost():
                found["unbalance_percent"] = channel.most_percent
            case HeadCost():
                found["import_kw"] = channel.import_kw
                found["export_kw"] = channel.export_kw
            case RampCost():
                found["ramp_kw_per_h"] = channel.most_kw_per_h
            case OperationsCost():
                found["operations_per_day"] = channel.most
            case SocCost():
                found["soc"] = channel.least, channel.largest
            case _:
                raise TaskError(
                    f"the shield cannot tell the limit of cost channel {channel.name!r}; give it "
                    f"limits of its own"
                )
    return Limits(**found)


def narrowed(
    channel: CostChannel, margin_pu: float, margin_share: float, nominal_kw: float
) -> CostChannel:
    """The channel of limits that keep a margin.

    Args:
        channel: Of voltage, loading or the substation; others have no margin.
        margin_pu: Of voltages.
        margin_share: Of loading, as a share of ratings, and of the substation's power, as
            one of the nominal load.
        nominal_kw: That load.

    Raises:
        TaskError: a margin is below 0, or leaves no room.
    """
    for name, margin in (("margin_pu", margin_pu), ("margin_share", margin_share)):
        if not margin >= 0.0:
            raise TaskError(f"shield: {name} is {margin}; expected 0 or more")
    match channel:
        case VoltageCost(limits=limits):
            low, high = limits.v_min_pu + margin_pu, limits.v_max_pu - margin_pu
            if not low < high:
                raise TaskError(
                    f"shield: margin_pu is {margin_pu}; it leaves nothing within the limits"
                )
            return replace(channel, limits=VoltageLimits(low, high))
        case LoadingCost(most=most):
            return replace(channel, most=most - margin_share)
        case HeadCost(import_kw=import_kw, export_kw=export_kw):
            by_kw = margin_share * nominal_kw
            return replace(
                channel,
                import_kw=None if import_kw is None else import_kw - by_kw,
                export_kw=None if export_kw is None else export_kw - by_kw,
            )
    return channel
