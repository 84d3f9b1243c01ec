"""The volt-var task: taps, capacitors and batteries, least loss within limits.

Each day begins with the devices at rest: regulators at neutral, capacitors open,
batteries half full. An episode is a day of a utility's year.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.costs import VoltageCost
from grid_fed_rl.envs.groups import Batteries, Capacitors, Regulators
from grid_fed_rl.envs.objective import BorrowedEnergy, EnergyLoss, Wear
from grid_fed_rl.envs.observation import (
    Clock,
    DeviceStates,
    Forecast,
    NodeVoltages,
    ZoneVoltages,
)
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import (
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    Pv,
    Storage,
    Terminal,
    load,
)
from grid_fed_rl.powerflow import Network, compile_network
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.safety import VoltageLimits
from grid_fed_rl.scenarios import (
    UtilityConfig,
    Year,
    draw_year,
    five_utilities,
    size_pv,
    split_days,
)

__all__ = ["VVOConfig", "utility_named", "vvo_case"]

STORAGE_BUSES = {
    "ieee13": ("680",),
    "ieee123": ("47", "76", "83", "101"),
}

VOLTAGES: Mapping[str, type[NodeVoltages] | type[ZoneVoltages]] = {
    "nodes": NodeVoltages,
    "zones": ZoneVoltages,
}


@dataclass(frozen=True)
class VVOConfig:
    """Prices, ranges and ratings of the volt-var task.

    The wear of a tap step or a capacitor switching is the price of the device
    over the operations it is good for; both prices are assumptions, set here.
    """

    energy_usd_per_kwh: float = 0.12
    tap_usd_per_step: float = 0.05
    capacitor_usd_per_switching: float = 0.50
    battery_usd_per_kwh: float = 0.02
    most_tap_steps: int = 4  # that one action may move a regulator
    battery_kw: float = 150.0
    battery_kwh: float = 600.0
    battery_efficiency: float = 0.96  # each way
    capacitor_v_on: float = 118.0  # local control where the feeder has none, 120 V base
    capacitor_v_off: float = 128.0
    pt_ratio: float = 20.0
    limits: VoltageLimits = field(default_factory=VoltageLimits)

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self) if one.name != "limits"):
            value = getattr(self, name)
            if not value > 0:
                raise TaskError(f"VVOConfig: {name} is {value}; expected a number above 0")
        if self.most_tap_steps != int(self.most_tap_steps):
            raise TaskError(
                f"VVOConfig: most_tap_steps is {self.most_tap_steps}; expected a whole number"
            )
        if self.battery_efficiency > 1:
            raise TaskError(
                f"VVOConfig: battery_efficiency is {self.battery_efficiency}; expected at most 1"
            )
        if self.capacitor_v_on >= self.capacitor_v_off:
            raise TaskError(
                f"VVOConfig: capacitor_v_on is {self.capacitor_v_on}; expected below "
                f"capacitor_v_off, {self.capacitor_v_off}"
            )


DEFAULT = VVOConfig()


def utility_named(name: str) -> UtilityConfig:
    """One of the five utilities, by name.

    Raises:
        TaskError: no utility of that name.
    """
    known = {utility.name: utility for utility in five_utilities()}
    if name not in known:
        raise TaskError(f"no utility {name!r}; known: {', '.join(known)}")
    return known[name]


def _equipped(feeder: Feeder, config: VVOConfig, utility: UtilityConfig) -> Feeder:
    """The feeder with the utility's PV, batteries and capacitor controls on it."""
    loads = list(feeder.loads.values())
    ratings_kw = size_pv(utility, np.array([one.kw for one in loads]))
    pvs = [
        Pv(f"pv_{one.name}", one.terminal, one.connection, one.kv, float(kw), float(kw))
        for one, kw in zip(loads, ratings_kw, strict=True)
    ]
    storages = [
        Storage(
            f"battery_{bus}",
            Terminal(bus, (1, 2, 3)),
            Connection.WYE,
            feeder.buses[bus].kv_ll,
            config.battery_kw,
            config.battery_kwh,
            config.battery_kw,
            config.battery_efficiency,
            config.battery_efficiency,
        )
        for bus in STORAGE_BUSES.get(feeder.name, ())
    ]
    control = CapacitorControl(
        CapacitorControlKind.VOLTAGE, config.capacitor_v_on, config.capacitor_v_off, config.pt_ratio
    )
    capacitors = {
        name: one if one.control else replace(one, control=control)
        for name, one in feeder.capacitors.items()
    }
    return replace(feeder.with_(pvs=pvs, storages=storages), capacitors=capacitors)


@lru_cache(maxsize=32)
def _site(
    feeder: str, utility: UtilityConfig, year_seed: int, config: VVOConfig
) -> tuple[Network, Year]:
    """A utility's feeder and its year; splits and observations share them."""
    equipped = _equipped(load(feeder), config, utility)
    loads = list(equipped.loads.values())
    year = draw_year(
        utility,
        np.array([one.kw for one in loads]),
        np.array([one.kvar for one in loads]),
        np.array([one.kw_dc for one in equipped.pvs.values()]),
        np.random.default_rng(year_seed),
    )
    return compile_network(equipped), year


def vvo_case(
    feeder: str,
    utility: str | UtilityConfig = "coastal",
    year_seed: int = 0,
    split: str = "train",
    observe: str = "nodes",
    local_controls: bool = False,
    config: VVOConfig = DEFAULT,
) -> Case:
    """Assemble the volt-var task.

    Args:
        feeder: Name of a shipped feeder.
        utility: Whose customers and climate: a name or a configuration.
        year_seed: Which year of load and sun is drawn.
        split: Days an episode may fall on: ``train``, ``validation``, ``test``
            or ``all``.
        observe: ``nodes`` (every node's voltage) or ``zones`` (the lowest and
            highest of each regulation zone and phase).
        local_controls: Let regulators and capacitors follow their own controls.
        config: Prices, ranges and ratings.

    Raises:
        FeederError: no feeder of that name; the message lists those that are known.
        TaskError: another argument names or is nothing that is known.
    """
    if not isinstance(year_seed, int) or year_seed < 0:
        raise TaskError(f"year_seed is {year_seed}; expected a whole number, at least 0")
    if not isinstance(config, VVOConfig):
        raise TaskError(f"config is {config!r}; expected a VVOConfig")
    if observe not in VOLTAGES:
        raise TaskError(f"cannot observe {observe!r}; known: {', '.join(VOLTAGES)}")
    utility = utility_named(utility) if isinstance(utility, str) else utility
    network, year = _site(feeder, utility, year_seed, config)
    groups = (
        Regulators(network, config.most_tap_steps, config.tap_usd_per_step),
        Capacitors(network, config.capacitor_usd_per_switching),
        batteries := Batteries(network, config.battery_usd_per_kwh),
    )
    return Case(
        network=network,
        year=year,
        days=_days(year, f"{utility.name}/{year_seed}", split),
        groups=groups,
        observation=(
            VOLTAGES[observe](network),
            DeviceStates(groups),
            Forecast(network, year),
            Clock(year),
        ),
        reward=(
            EnergyLoss(config.energy_usd_per_kwh),
            Wear(),
            BorrowedEnergy(batteries, config.energy_usd_per_kwh),
        ),
        costs=(VoltageCost(config.limits),),
        horizon=year.steps_per_day,
        local_controls=LocalControls(network) if local_controls else None,
    )


def _days(year: Year, key: str, split: str) -> NDArray[np.int64]:
    """Days of a split; each utility and year splits its own way."""
    splits = {**split_days(year.n_days, key), "all": np.arange(year.n_days)}
    if split not in splits:
        raise TaskError(f"no split {split!r}; known: {', '.join(splits)}")
    return splits[split]
