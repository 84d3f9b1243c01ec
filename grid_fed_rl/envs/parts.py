"""Parts of a task by name, so that a task is a few words.

A part is made from a `Site` (and, for reward and observation, the device groups): a name
of the tables here, a function that makes it, or the thing itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from grid_fed_rl.envs.groups import (
    Batteries,
    Capacitors,
    DeviceGroup,
    FlexibleLoads,
    Inverters,
    Regulators,
)
from grid_fed_rl.envs.meters import MeteredVoltages, metered_nodes
from grid_fed_rl.envs.objective import (
    BorrowedEnergy,
    Conservation,
    EnergyLoss,
    RewardTerm,
    Wear,
)
from grid_fed_rl.envs.observation import (
    Clock,
    DeviceStates,
    Forecast,
    NodeVoltages,
    ObservationPart,
    ZoneVoltages,
)
from grid_fed_rl.envs.site import Site
from grid_fed_rl.errors import TaskError

__all__ = [
    "DEVICES",
    "OBSERVATIONS",
    "REWARDS",
    "Prices",
    "Workshop",
    "made",
]

Part = TypeVar("Part")

FLEXIBLE_LOADS = 8  # the largest ones, where they are not named


@dataclass(frozen=True)
class Prices:
    """What things cost; all are assumptions, set here.

    The wear of a tap step or a capacitor switching is the price of the device over the
    operations it is good for.

    Raises:
        TaskError: a price is not above 0.
    """

    energy_usd_per_kwh: float = 0.12
    tap_usd_per_step: float = 0.05
    capacitor_usd_per_switching: float = 0.50
    battery_usd_per_kwh: float = 0.02
    most_tap_steps: int = 4  # that one action may move a regulator

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self)):
            if not getattr(self, name) > 0:
                raise TaskError(
                    f"prices: {name} is {getattr(self, name)}; expected a number above 0"
                )
        if self.most_tap_steps != int(self.most_tap_steps):
            raise TaskError(
                f"prices: most_tap_steps is {self.most_tap_steps}; expected a whole number"
            )


@dataclass(frozen=True, eq=False)
class Workshop:
    """What parts are made from.

    Attributes:
        site: Feeder and year.
        prices: What things cost.
        groups: The device groups, once they are made.
    """

    site: Site
    prices: Prices
    groups: tuple[DeviceGroup, ...] = ()


Maker = Callable[[Workshop], Part]


def _borrowed(shop: Workshop) -> tuple[RewardTerm, ...]:
    """A term for every group that can owe energy."""
    price = shop.prices.energy_usd_per_kwh
    borrowers = [one for one in shop.groups if isinstance(one, Batteries | FlexibleLoads)]
    names = {Batteries: "borrowed_energy", FlexibleLoads: "owed_load"}
    return tuple(BorrowedEnergy(one, price, names[type(one)]) for one in borrowers)


def _flexible(shop: Workshop) -> FlexibleLoads:
    loads = list(shop.site.network.feeder.loads.values())
    largest = np.argsort([-load.kw for load in loads], kind="stable")[:FLEXIBLE_LOADS]
    return FlexibleLoads(shop.site.network, tuple(loads[k].name for k in sorted(largest)))


DEVICES: Mapping[str, Maker[DeviceGroup]] = {
    "regulators": lambda shop: Regulators(
        shop.site.network, shop.prices.most_tap_steps, shop.prices.tap_usd_per_step
    ),
    "capacitors": lambda shop: Capacitors(
        shop.site.network, shop.prices.capacitor_usd_per_switching
    ),
    "batteries": lambda shop: Batteries(shop.site.network, shop.prices.battery_usd_per_kwh),
    "inverters": lambda shop: Inverters(shop.site.network),
    "pv": lambda shop: Inverters(shop.site.network, curtails=True),
    "flexible_loads": _flexible,
}

OBSERVATIONS: Mapping[str, Maker[ObservationPart]] = {
    "nodes": lambda shop: NodeVoltages(shop.site.network),
    "zones": lambda shop: ZoneVoltages(shop.site.network),
    "meters": lambda shop: MeteredVoltages(shop.site.network, metered_nodes(shop.site.network)),
    "devices": lambda shop: DeviceStates(shop.groups),
    "forecast": lambda shop: Forecast(shop.site.network, shop.site.year),
    "clock": lambda shop: Clock(shop.site.year),
}

REWARDS: Mapping[str, Maker[RewardTerm | tuple[RewardTerm, ...]]] = {
    "loss": lambda shop: EnergyLoss(shop.prices.energy_usd_per_kwh),
    "wear": lambda _: Wear(),
    "borrowed_energy": _borrowed,
    "conservation": lambda shop: Conservation(shop.site.network, shop.prices.energy_usd_per_kwh),
}


def made(
    what: str, given: Sequence[Any], table: Mapping[str, Maker[Any]], shop: Workshop
) -> tuple[Any, ...]:
    """Every part that is asked for: by name, by a function of the workshop, or as it is.

    Args:
        what: Kind of part, for the error.
        given: Names, functions and parts.
        table: The names.
        shop: What parts are made from.

    Raises:
        TaskError: there is no part of that name.
    """
    parts: list[Any] = []
    for one in given:
        if isinstance(one, str):
            if one not in table:
                raise TaskError(f"no {what} {one!r}; known: {', '.join(table)}")
            one = table[one](shop)
        elif _is_maker(one):
            one = one(shop)
        parts += one if isinstance(one, tuple) else (one,)
    return tuple(parts)


def _is_maker(one: Any) -> bool:
    """Whether it is a function of a workshop, and not a part, which can be called, too."""
    return callable(one) and not hasattr(one, "name") and not hasattr(one, "names")
