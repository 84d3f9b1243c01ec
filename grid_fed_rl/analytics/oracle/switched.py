"""Taps and capacitor banks in the linear programme: relaxed there, rounded in the action."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.blocks import NOTHING, Day
from grid_fed_rl.analytics.oracle.programme import Programme
from grid_fed_rl.analytics.oracle.slopes import Nudge
from grid_fed_rl.analytics.oracle.trajectory import Trajectory
from grid_fed_rl.envs.groups import Capacitors, Regulators

__all__ = ["CapacitorBlock", "TapBlock"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


def _changes(programme: Programme, inputs: Index, usd: float, most: float) -> None:
    """Price every change from step to step, the first from 0, and bound it."""
    change = programme.variables(0.0, most, usd, inputs.shape)
    later, before = inputs[1:], inputs[:-1]
    for sign in (1.0, -1.0):
        programme.tie(-np.inf, 0.0, (sign, later), (-sign, before), (-1.0, change[1:]))
        programme.tie(-np.inf, 0.0, (sign, inputs[0]), (-1.0, change[0]))


@dataclass(frozen=True, eq=False)
class TapBlock:
    """Taps, relaxed to real numbers; an action rounds them."""

    day: Day
    group: Regulators

    def nudges(self, trajectory: Trajectory) -> list[Nudge]:
        """A tap position each, moved up, but down from the highest."""
        position, highest = self.at(trajectory), self.group.network.tap_highest
        by = np.where(position < highest, 1.0, -1.0)
        ones = np.ones(len(by))
        return [Nudge((("tap_position", k, ones),), by[:, k]) for k in range(by.shape[1])]

    def at(self, trajectory: Trajectory) -> Floats:
        """Positions."""
        return trajectory.state(self.group.state_name).astype(np.float64)

    @property
    def span(self) -> Floats:
        """From lowest to highest."""
        network = self.group.network
        return (network.tap_highest - network.tap_lowest).astype(np.float64)

    def bounds(self) -> tuple[Floats, Floats]:
        """Lowest and highest position."""
        network, shape = self.group.network, (self.day.case.horizon, len(self.group.names))
        return (
            np.broadcast_to(network.tap_lowest.astype(np.float64), shape),
            np.broadcast_to(network.tap_highest.astype(np.float64), shape),
        )

    def add(self, programme: Programme, inputs: Index, at: Floats) -> Index:
        """Price steps; no more in one action than it may move."""
        del at
        group = self.group
        _changes(programme, inputs, group.wear_usd_per_step, float(group.most_steps))
        return NOTHING

    def actions(self, inputs: Floats, further: Floats) -> Floats:
        """To the nearest positions; a change of at most whole n stays so when ends are rounded."""
        del further
        position = np.floor(inputs + 0.5)
        change = np.diff(position, axis=0, prepend=0.0)
        return np.clip(change / self.group.most_steps, -1.0, 1.0)

    array: ClassVar[str] = "tap_position"

    @property
    def usd_a_step(self) -> float:
        """Wear of one step of one tap."""
        return self.group.wear_usd_per_step

    @property
    def most(self) -> int:
        """Steps that an action moves at most."""
        return self.group.most_steps

    @property
    def units(self) -> list[list[int]]:
        """Columns that are shifted together: every tap, and every bank of several."""
        feeder, banks = self.group.network.feeder, dict[str, list[int]]()
        for k, name in enumerate(self.group.names):
            windings = feeder.transformers[feeder.regulators[name].transformer].windings
            banks.setdefault(windings[-1].terminal.bus, []).append(k)
        single = [[k] for k in range(len(self.group.names))]
        return [*single, *(bank for bank in banks.values() if len(bank) > 1)]

    def shifted(self, now: Index, columns: list[int], reach: int) -> Index:
        """Positions (step, shift, device) so far beside those of now, (step, device)."""
        lowest, highest = self.bounds()
        near = now[:, None, :] + np.arange(-reach, reach + 1)[:, None]
        low, high = lowest[:, None, columns], highest[:, None, columns]
        return np.clip(near, low, high).astype(np.int64)


@dataclass(frozen=True, eq=False)
class CapacitorBlock:
    """Capacitor banks, relaxed to shares; an action closes those above a half."""

    day: Day
    group: Capacitors

    def nudges(self, trajectory: Trajectory) -> list[Nudge]:
        """A bank each, switched."""
        by = 1.0 - 2.0 * self.at(trajectory)
        ones = np.ones(len(by))
        return [Nudge((("capacitor_step", k, ones),), by[:, k]) for k in range(by.shape[1])]

    def at(self, trajectory: Trajectory) -> Floats:
        """1 closed, 0 open."""
        return trajectory.state(self.group.state_name).astype(np.float64)

    @property
    def span(self) -> Floats:
        """One each."""
        return np.ones(len(self.group.names))

    def bounds(self) -> tuple[Floats, Floats]:
        """Open and closed."""
        shape = (self.day.case.horizon, len(self.group.names))
        return np.zeros(shape), np.ones(shape)

    def add(self, programme: Programme, inputs: Index, at: Floats) -> Index:
        """Price switching."""
        del at
        _changes(programme, inputs, self.group.wear_usd_per_switching, 1.0)
        return NOTHING

    def actions(self, inputs: Floats, further: Floats) -> Floats:
        """Close or open."""
        del further
        return np.where(inputs > 0.5, 1.0, -1.0)

    array: ClassVar[str] = "capacitor_step"

    @property
    def usd_a_step(self) -> float:
        """Wear of one switching."""
        return self.group.wear_usd_per_switching

    @property
    def most(self) -> int:
        """Open to closed."""
        return 1

    @property
    def units(self) -> list[list[int]]:
        """Every bank."""
        return [[k] for k in range(len(self.group.names))]

    def shifted(self, now: Index, columns: list[int], reach: int) -> Index:
        """Open and closed: (step, shift, device)."""
        del columns, reach
        return np.repeat(np.array([0, 1])[None, :, None], len(now), axis=0)
