"""What a power flow is judged by, in dollars: the reward's terms, and limits at a price.

Reward terms and cost channels of a case look at snapshots. Here the same quantities are
functions of rows of a power flow, so that they can be differentiated and tabulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.costs import CostChannel, HeadCost, LoadingCost, UnbalanceCost, VoltageCost
from grid_fed_rl.envs.objective import (
    BorrowedEnergy,
    Conservation,
    Energy,
    EnergyLoss,
    UnservedEnergy,
    Wear,
)
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import PowerFlow, measures

__all__ = ["PRICES", "USD_PER_VIOLATED_H", "Limited", "Yardstick"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

PRICES: Mapping[str, float] = {
    "voltage": 100.0,  # per unit and hour, summed over nodes
    "thermal": 100.0,  # rating and hour, summed over branches
    "unbalance": 1.0,  # percent and hour, summed over buses
    "head": 1.0,  # kWh
    "soc": 100.0,  # battery's energy and hour
    "ramp": 1.0,  # kW an hour, and hour
    "operations": 10.0,  # operation and hour
}
"""Dollars for an hour of one unit beyond a limit, by cost channel.

They weigh return against violation in a score and state no damage: an hour of ten nodes
at 0.94 per unit costs ten dollars. Channels of other names cost 1 dollar.
"""


USD_PER_VIOLATED_H = 10.0
"""What an oracle pays besides for an hour in which any limit is left, however little.

Without it the last ten thousandths of a volt would be sold for a tap's wear.
"""


@dataclass(frozen=True)
class Limited:
    """A quantity of every row and its limits, which are infinite where there is none.

    Attributes:
        name: The cost channel.
        value: (row, thing)
        low: What it should not fall below.
        high: What it should not exceed.
    """

    name: str
    value: Floats
    low: float
    high: float

    @property
    def excess(self) -> Floats:
        """(row, thing) how far each is beyond the nearer limit; 0 within."""
        return np.maximum(np.maximum(self.low - self.value, self.value - self.high), 0.0)


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Prices and limits of a case.

    Args:
        case: The case.
        heavier: Times `PRICES` that a limit counts: an oracle has to hold limits, and
            pays more for leaving them than a score does.

    Raises:
        TaskError: the case has a cost channel that is no function of a power flow, or a
            reward term that is not known here.
    """

    case: Case
    heavier: float = 10.0
    _channels: tuple[CostChannel, ...] = field(init=False)

    def __post_init__(self) -> None:
        known = VoltageCost | LoadingCost | UnbalanceCost | HeadCost
        for channel in self.case.costs:
            if not isinstance(channel, known):
                raise TaskError(
                    f"the oracle knows no cost channel {channel.name!r}; known: voltage, thermal, "
                    f"unbalance, head"
                )
        paid = EnergyLoss | Energy | Conservation | Wear | BorrowedEnergy | UnservedEnergy
        for term in self.case.reward:
            if not isinstance(term, paid):
                raise TaskError(
                    f"the oracle knows no reward term {term.name!r}; known: loss, energy, "
                    f"conservation, wear, borrowed_energy, owed_load, unserved"
                )
        object.__setattr__(self, "_channels", self.case.costs)

    def usd_per_unit(self, channel: str) -> float:
        """Price of one unit beyond a limit through one step."""
        return self.heavier * PRICES.get(channel, 1.0) * self.case.year.step_h

    def limited(self, flow: PowerFlow) -> tuple[Limited, ...]:
        """Every quantity that has limits."""
        return tuple(self._one(channel, flow) for channel in self._channels)

    def _one(self, channel: CostChannel, flow: PowerFlow) -> Limited:
        network = self.case.network
        match channel:
            case VoltageCost():
                limits = channel.limits
                value = channel.counted(self.case.service_pu(flow.v_pu))
                return Limited(channel.name, value, limits.v_min_pu, limits.v_max_pu)
            case LoadingCost():
                value, high = measures.loading(network, flow).share, channel.most
            case UnbalanceCost():
                value = measures.sequence_unbalance_percent(network, flow)
                high = channel.most_percent
            case HeadCost():
                high = np.inf if channel.import_kw is None else channel.import_kw
                low = -np.inf if channel.export_kw is None else -channel.export_kw
                return Limited(channel.name, measures.source_kw(network, flow)[:, None], low, high)
            case _:
                raise TaskError(f"the oracle knows no cost channel {channel.name!r}")
        value = np.where(np.isfinite(value), value, 0.0)  # what is dead is within its limits
        return Limited(channel.name, value, -np.inf, high)

    @property
    def loss_usd_per_kwh(self) -> float:
        """Price of energy lost; 0 where the reward has none."""
        return sum(one.usd_per_kwh for one in self.case.reward if isinstance(one, EnergyLoss))

    @property
    def drawn_usd_per_kwh(self) -> float:
        """Price of what loads really draw; 0 where the reward has none."""
        return sum(one.usd_per_kwh for one in self.case.reward if isinstance(one, Conservation))

    def metered_usd(self, flow: PowerFlow) -> Floats:
        """(row,) what losses, and what loads draw, cost at prices that never change."""
        network, usd = self.case.network, np.zeros(len(flow.v_pu))
        if self.loss_usd_per_kwh:
            usd += self.loss_usd_per_kwh * measures.losses_kw(network, flow)
        if self.drawn_usd_per_kwh:
            usd += self.drawn_usd_per_kwh * measures.load_kw(network, flow).sum(axis=1)
        return usd * self.case.year.step_h

    @property
    def energy(self) -> Energy | None:
        """The reward's price of energy through the substation, where it has one."""
        return next((one for one in self.case.reward if isinstance(one, Energy)), None)

    def usd(self, flow: PowerFlow, row: Index) -> Floats:
        """What the power flow of every row costs: (row,); devices' wear and losses are not in it.

        Args:
            flow: The power flow.
            row: (row,) rows of the scenario, for their prices.
        """
        network, step_h = self.case.network, self.case.year.step_h
        paid = self.metered_usd(flow)
        if self.energy is not None:
            kwh = measures.source_kw(network, flow) * step_h
            paid += self.energy.import_usd_per_kwh[row] * np.maximum(kwh, 0.0)
            paid -= self.energy.export_usd_per_kwh[row] * np.maximum(-kwh, 0.0)
        violated = np.zeros(len(row), dtype=bool)
        for one in self.limited(flow):
            excess = one.excess.sum(axis=1)
            paid += self.usd_per_unit(one.name) * excess
            violated |= excess > 0.0
        paid += self.heavier * USD_PER_VIOLATED_H * step_h * violated
        return np.where(flow.converged, paid, np.inf)
