"""Reward terms and cost channels.

The reward is money: what the operator pays for energy lost and devices worn, as
a negative number. Leaving the limits is a cost of its own, in its own unit, and
never enters the reward.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import Batteries
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

    @property
    def name(self) -> str:
        """Its key in ``info["reward_terms"]``."""
        ...

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Return (lane,)."""
        ...


class CostChannel(Protocol):
    """One kind of constraint: a magnitude, at least 0, and how many it counts."""

    @property
    def name(self) -> str:
        """Its key in ``info["costs"]`` and ``info["violations"]``."""
        ...

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
        wear = (move.wear_usd for move in snapshot.moves.values())
        return -sum(wear, np.zeros(len(snapshot.step)))


@dataclass(frozen=True, eq=False)
class BorrowedEnergy:
    """Stored energy that is missing at the end of the horizon, at a price.

    Without it a policy would sell what the batteries held at the start.
    """

    batteries: Batteries
    usd_per_kwh: float
    name: str = "borrowed_energy"

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Negative price of the shortfall, at the last step only."""
        soc = snapshot.states[self.batteries.state_name]
        short = np.maximum(self.batteries.soc_at_rest - soc, 0.0)
        short_kwh = (short * self.batteries.ratings.energy_kwh).sum(axis=1)
        return -self.usd_per_kwh * short_kwh * snapshot.ends


@dataclass(frozen=True)
class VoltageCost:
    """Excursions outside the voltage limits: summed over nodes, and how many."""

    limits: VoltageLimits
    name: str = "voltage"

    def __call__(self, snapshot: Snapshot) -> tuple[Floats, NDArray[np.int64]]:
        """Per-unit excursions of all nodes added up; nodes outside."""
        excursion = self.limits.excursion_pu(snapshot.v_pu)
        return excursion.sum(axis=1), (excursion > 0.0).sum(axis=1)
