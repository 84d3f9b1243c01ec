"""Reward terms and cost channels.

The reward is money: what the operator pays for energy lost and devices worn, as
a negative number. Leaving the limits is a cost of its own, in its own unit, and
never enters the reward.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import Battery
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.safety import VoltageLimits

__all__ = [
    "BorrowedEnergy",
    "CostChannel",
    "EnergyLoss",
    "RewardTerm",
    "VoltageCost",
    "Wear",
]

Floats = NDArray[np.float64]


class RewardTerm(Protocol):
    """One term of the reward, in dollars."""

    name: str

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Return (lane,)."""
        ...


class CostChannel(Protocol):
    """One kind of constraint: a magnitude, at least 0, and how many it counts."""

    name: str

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, NDArray[np.int64]]:
        """Return magnitude and count, each (lane,)."""
        ...


@dataclass(frozen=True)
class EnergyLoss:
    """Energy lost in the network and in converters, at a price."""

    usd_per_kwh: float
    name: str = "loss"

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Negative price of the losses of the step."""
        return -self.usd_per_kwh * snapshot.loss_kw * snapshot.step_h


@dataclass(frozen=True)
class Wear:
    """Wear of taps, capacitor switches and batteries."""

    name: str = "wear"

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Negative wear of the step."""
        wear = [move.wear_usd for move in snapshot.moves.values()]
        return -np.sum(wear, axis=0)


@dataclass(frozen=True)
class BorrowedEnergy:
    """Stored energy that is missing at the end of the horizon, at a price.

    Without it a policy would sell what the batteries held at the start.
    """

    ratings: Battery
    soc_at_rest: float
    usd_per_kwh: float
    name: str = "borrowed_energy"

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Negative price of the shortfall, at the last step only."""
        short = np.maximum(self.soc_at_rest - snapshot.states["soc"], 0.0)
        return -self.usd_per_kwh * (short * self.ratings.energy_kwh).sum(axis=1) * snapshot.ends


@dataclass(frozen=True)
class VoltageCost:
    """Excursions outside the voltage limits: summed over nodes, and how many."""

    limits: VoltageLimits
    name: str = "voltage"

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, NDArray[np.int64]]:
        """Per-unit excursions of all nodes added up; nodes outside."""
        excursion = self.limits.excursion_pu(snapshot.v_pu)
        return excursion.sum(axis=1), (excursion > 0.0).sum(axis=1)
