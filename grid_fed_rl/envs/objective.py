"""Reward terms.

The reward is money: what the operator pays for energy and for devices worn, as a
negative number. Leaving the limits is a cost of its own (`costs`), in its own unit,
and never enters the reward.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.powerflow import Network, measures

__all__ = [
    "BorrowedEnergy",
    "Borrower",
    "Charger",
    "Conservation",
    "Energy",
    "EnergyLoss",
    "RewardTerm",
    "UnservedEnergy",
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


class Borrower(Protocol):
    """A group that can end an episode owing energy: batteries, flexible loads."""

    state_name: ClassVar[str]

    def owed_kwh(self, state: NDArray) -> Floats:
        """Energy owed in a state: (lane,)."""
        ...


@dataclass(frozen=True, eq=False)
class BorrowedEnergy:
    """Energy that is owed at the end of the horizon, at a price.

    Without it a policy would sell what the batteries held at the start.
    """

    group: Borrower
    usd_per_kwh: float
    name: str = "borrowed_energy"

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Negative price of what is owed, at the last step only."""
        owed_kwh = self.group.owed_kwh(snapshot.states[self.group.state_name])
        return -self.usd_per_kwh * owed_kwh * snapshot.ends


@dataclass(frozen=True, eq=False)
class Energy:
    """What the substation delivers, at the price of the hour; what flows back is paid for.

    Args:
        network: The compiled feeder.
        import_usd_per_kwh: (row,) price of every row of the scenario.
        export_usd_per_kwh: (row,) what is paid for a kWh that flows back.
    """

    network: Network
    import_usd_per_kwh: Floats
    export_usd_per_kwh: Floats
    name: str = "energy"

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Negative price of the step."""
        kwh = measures.source_kw(self.network, snapshot.flow) * snapshot.step_h
        bought, sold = np.maximum(kwh, 0.0), np.maximum(-kwh, 0.0)
        row = snapshot.row
        return self.export_usd_per_kwh[row] * sold - self.import_usd_per_kwh[row] * bought


@dataclass(frozen=True, eq=False)
class Conservation:
    """Conservation voltage reduction: what customers draw, at a price.

    Customers whose load falls with the voltage draw less where it is low; with this
    term the least voltage that the limits allow is the best.
    """

    network: Network
    usd_per_kwh: float
    name: str = "conservation"

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Negative price of the energy that loads really draw."""
        drawn_kw = measures.load_kw(self.network, snapshot.flow).sum(axis=1)
        return -self.usd_per_kwh * drawn_kw * snapshot.step_h


class Charger(Protocol):
    """A group whose customers may leave without what they asked for."""

    state_name: ClassVar[str]

    def unserved_kwh(self, state: NDArray) -> Floats:
        """Energy they went without in the step: (lane,)."""
        ...


@dataclass(frozen=True)
class UnservedEnergy:
    """Energy that cars left without, at a price."""

    group: Charger
    usd_per_kwh: float
    name: str = "unserved"

    def __call__(self, snapshot: Snapshot) -> Floats:
        """Negative price of what cars that left with the step went without."""
        state = snapshot.states[self.group.state_name]
        return -self.usd_per_kwh * self.group.unserved_kwh(state)
