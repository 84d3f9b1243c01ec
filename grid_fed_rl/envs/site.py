"""A site: a feeder with what a utility has on it, compiled, and a year of its load and sun.

Tasks are parts put together on a site.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import is_delta
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import (
    CapacitorControl,
    CapacitorControlKind,
    Connection,
    Feeder,
    LineDropControl,
    Load,
    Pv,
    Regulator,
    Storage,
    Terminal,
    load,
    names,
    open_feeder,
)
from grid_fed_rl.powerflow import Network, compile_network
from grid_fed_rl.safety import RANGE_B, Limits
from grid_fed_rl.scenarios import (
    SPLITS,
    EvConfig,
    EvStation,
    UtilityConfig,
    Year,
    draw_sessions,
    draw_year,
    five_utilities,
    heat_wave,
    high_pv,
    size_pv,
    stress_days,
    with_charging,
)

__all__ = [
    "Equipment",
    "Site",
    "is_shipped",
    "limits_of",
    "opened",
    "site_of",
    "utility_named",
    "whole_connection",
]

KNOWN_SPLITS = (*SPLITS, "all")

# Charging at home where a stress brings many cars: a plug for so much nominal load.
KW_A_CAR = 10.0

STORAGE_BUSES: Mapping[str, tuple[str, ...]] = {
    "ieee13": ("680",),
    "ieee34": ("848", "840"),
    "ieee37": ("730", "711"),
    "ieee123": ("47", "76", "83", "101"),
    "ieee8500": ("m1047763", "m1069376", "m1069533", "m1089112"),
}

LIMITS: Mapping[str, Limits] = {
    # As published, 890 stands at 0.917 and 800 at 1.05: within range B and not within A.
    "ieee34": Limits(RANGE_B, served_only=True),
    # Bus 799, between the substation's transformer and the regulator, serves nobody.
    "ieee37": Limits(served_only=True),
    # Its service transformers and secondaries are in it, and its primary is run at 1.054.
    "ieee8500": Limits(served_only=True),
}


@dataclass(frozen=True)
class Equipment:
    """What a utility puts on a feeder that has none.

    Attributes:
        pv: Whether PV of the utility's share stands beside loads.
        pv_sites: How many loads PV stand beside, the largest first, each of the size that
            it has where it stands beside all of them, which it does where not given.
        storage_buses: Buses of batteries; those this package chose for its feeders
            where not given.
        battery_kw: Power of each battery, and its inverter's kVA.
        battery_kwh: Its energy.
        battery_efficiency: Each way.
        regulator_v: What a regulator without a control of its own holds at its terminal, by its
            local rule, on a 120 V base.
        regulator_band_v: Width of the band around it.
        capacitor_v_on: Below this voltage on a 120 V base a capacitor without a control
            of its own closes, by its local rule.
        capacitor_v_off: Above this it opens.
        pt_ratio: Of its potential transformer; to 120 V by the bus where not given.

    Raises:
        TaskError: a value is out of bounds.
    """

    pv: bool = True
    pv_sites: int | None = None
    storage_buses: tuple[str, ...] | None = None
    battery_kw: float = 150.0
    battery_kwh: float = 600.0
    battery_efficiency: float = 0.96
    regulator_v: float = 122.0
    regulator_band_v: float = 2.0
    capacitor_v_on: float = 118.0
    capacitor_v_off: float = 128.0
    pt_ratio: float | None = None

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self)):
            value = getattr(self, name)
            if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0:
                raise TaskError(f"equipment: {name} is {value}; expected a number above 0")
        if self.battery_efficiency > 1:
            raise TaskError(
                f"equipment: battery_efficiency is {self.battery_efficiency}; expected at most 1"
            )
        if self.capacitor_v_on >= self.capacitor_v_off:
            raise TaskError(
                f"equipment: capacitor_v_on is {self.capacitor_v_on}; expected below "
                f"capacitor_v_off, {self.capacitor_v_off}"
            )


@dataclass(frozen=True, eq=False)
class Site:
    """A compiled feeder and a year on it.

    Attributes:
        network: The compiled feeder, with its equipment.
        year: Load and sun; columns are the feeder's loads and PV.
        key: Names its splits: another site parts its days another way.
    """

    network: Network
    year: Year
    key: str

    def days(self, split: str) -> NDArray[np.int64]:
        """Days of a split: ``train``, ``validation``, ``test``, a stress, or ``all``.

        Raises:
            TaskError: there is no such split.
        """
        if split not in KNOWN_SPLITS:
            raise TaskError(f"no split {split!r}; known: {', '.join(KNOWN_SPLITS)}")
        if split == "all":
            return np.arange(self.year.n_days)
        return stress_days(split, self.year, self.key)


def limits_of(feeder: Feeder, *, served_only: bool = False) -> Limits:
    """Voltage limits that this package holds a feeder to; range A mostly.

    Args:
        feeder: The feeder.
        served_only: Where loads stand only, also on feeders that are held at every node.
    """
    limits = LIMITS.get(feeder.name, Limits())
    return replace(limits, served_only=True) if served_only else limits


def opened(feeder: str | PathLike[str] | Feeder) -> Feeder:
    """A feeder, whatever says which: itself, a shipped name, a folder or a script.

    Raises:
        FeederError: there is no such feeder, or it cannot be read.
    """
    return feeder if isinstance(feeder, Feeder) else open_feeder(str(feeder))


def is_shipped(feeder: Feeder) -> bool:
    """Whether it came with the package as it is, so that what is made of it may be kept."""
    return feeder.name in names() and load(feeder.name) is feeder


def utility_named(name: str) -> UtilityConfig:
    """One of the five utilities, by name.

    Raises:
        TaskError: no utility of that name.
    """
    known = {utility.name: utility for utility in five_utilities()}
    if name not in known:
        raise TaskError(f"no utility {name!r}; known: {', '.join(known)}")
    return known[name]


def _equipped(feeder: Feeder, equipment: Equipment, utility: UtilityConfig) -> Feeder:
    """The feeder with PV, batteries and local controls on it; what it has, it keeps.

    Raises:
        TaskError: a battery's bus is not a three-phase bus of the feeder.
    """
    pvs = _pvs(feeder, equipment, utility) if equipment.pv and not feeder.pvs else []
    buses = equipment.storage_buses
    if buses is None:
        buses = () if feeder.storages else STORAGE_BUSES.get(feeder.name, ())
    storages = [_storage(feeder, bus, equipment) for bus in buses]
    capacitors = {
        name: one
        if one.control
        else replace(one, control=_control(feeder, one.terminal.bus, equipment))
        for name, one in feeder.capacitors.items()
    }
    regulators = {
        name: one if one.control else replace(one, control=_line_drop(feeder, one, equipment))
        for name, one in feeder.regulators.items()
    }
    whole = feeder.with_(pvs=pvs, storages=storages)
    return replace(whole, capacitors=capacitors, regulators=regulators)


def _pvs(feeder: Feeder, equipment: Equipment, utility: UtilityConfig) -> list[Pv]:
    loads = [one for one in feeder.loads.values() if one.kw > 0.0]
    beside = _largest(loads, equipment.pv_sites)
    ratings_kw = size_pv(utility, np.array([one.kw for one in loads]))
    return [
        Pv(f"pv_{one.name}", one.terminal, one.connection, one.kv, float(kw), float(kw))
        for one, kw in zip((loads[k] for k in beside), ratings_kw[beside], strict=True)
    ]


def _largest(loads: Sequence[Load], n: int | None) -> NDArray[np.int64]:
    """The `n` largest loads, in the order of the feeder."""
    kw = np.array([one.kw for one in loads])
    return np.sort(np.argsort(-kw, kind="stable")[: len(loads) if n is None else n])


def whole_connection(feeder: Feeder) -> Connection:
    """How what stands on three phases is connected: as delta where all loads are.

    Such a feeder has no earth to speak of, which a wye would give it.
    """
    return Connection.DELTA if is_delta(feeder) else Connection.WYE


def _storage(feeder: Feeder, bus: str, equipment: Equipment) -> Storage:
    if bus not in feeder.buses or not {1, 2, 3} <= set(feeder.phases_of(bus)):
        raise TaskError(
            f"equipment: no three-phase bus {bus!r} for a battery in feeder {feeder.name!r}"
        )
    return Storage(
        f"battery_{bus}",
        Terminal(bus, (1, 2, 3)),
        whole_connection(feeder),
        feeder.buses[bus].kv_ll,
        equipment.battery_kw,
        equipment.battery_kwh,
        equipment.battery_kw,
        equipment.battery_efficiency,
        equipment.battery_efficiency,
    )


def _control(feeder: Feeder, bus: str, equipment: Equipment) -> CapacitorControl:
    volts = feeder.buses[bus].kv_ll * 1000.0 / math.sqrt(3.0)
    return CapacitorControl(
        CapacitorControlKind.VOLTAGE,
        equipment.capacitor_v_on,
        equipment.capacitor_v_off,
        equipment.pt_ratio or float(max(1, round(volts / 120.0))),
    )


def _line_drop(feeder: Feeder, regulator: Regulator, equipment: Equipment) -> LineDropControl:
    winding = feeder.transformers[regulator.transformer].windings[regulator.winding - 1]
    several_wye = winding.n_coils > 1 and winding.connection is not Connection.DELTA
    volts = winding.kv * 1000.0 / (math.sqrt(3.0) if several_wye else 1.0)
    return LineDropControl(
        v_reg=equipment.regulator_v,
        band_v=equipment.regulator_band_v,
        pt_ratio=volts / 120.0,
        ct_primary_a=100.0,  # of no effect: it compensates no drop
        r_v=0.0,
        x_v=0.0,
    )


def site_of(
    feeder: str | PathLike[str] | Feeder,
    utility: str | UtilityConfig = "coastal",
    year_seed: int = 0,
    equipment: Equipment | None = None,
    step_h: float = 1.0,
    split: str = "train",
) -> Site:
    """A utility's feeder and its year, under the stress of a split.

    Args:
        feeder: A shipped name, a folder of tables, an OpenDSS script, or a feeder.
        utility: Whose customers and climate: a name or a configuration.
        year_seed: Which year of load and sun is drawn.
        equipment: What is put on the feeder.
        step_h: Length of a step.
        split: A stress makes a harder year; others leave it as it is.

    Raises:
        FeederError: there is no such feeder, or it cannot be read.
        TaskError: another argument names or is nothing that is known.
    """
    if not isinstance(year_seed, int) or year_seed < 0:
        raise TaskError(f"year_seed is {year_seed}; expected a whole number, at least 0")
    known = utility_named(utility) if isinstance(utility, str) else utility
    equipment = Equipment() if equipment is None else equipment
    feeder = opened(feeder)
    if is_shipped(feeder):
        site = _shipped_site(feeder.name, known, year_seed, equipment, step_h)
    else:
        site = _site(feeder, known, year_seed, equipment, step_h)
    return _stressed(site, split, known)


@lru_cache(maxsize=32)
def _shipped_site(
    feeder: str, utility: UtilityConfig, year_seed: int, equipment: Equipment, step_h: float
) -> Site:
    """One for all splits and observations of it."""
    return _site(load(feeder), utility, year_seed, equipment, step_h)


def _site(
    feeder: Feeder, utility: UtilityConfig, year_seed: int, equipment: Equipment, step_h: float
) -> Site:
    whole = _equipped(feeder, equipment, utility)
    loads = list(whole.loads.values())
    column = {(one.terminal, one.connection): k for k, one in enumerate(loads)}
    pvs = list(whole.pvs.values())
    year = draw_year(
        utility,
        np.array([one.kw for one in loads]),
        np.array([one.kvar for one in loads]),
        np.array([one.kw_dc for one in pvs]),
        np.random.default_rng(year_seed),
        step_h,
        np.array([column.get((pv.terminal, pv.connection), 0) for pv in pvs], dtype=np.int64),
    )
    return Site(compile_network(whole), year, f"{utility.name}/{year_seed}")


def _stressed(site: Site, split: str, utility: UtilityConfig) -> Site:
    """The site in the year that a stress makes of its own; the same for other splits."""
    if split == "stress-heat-wave":
        return replace(site, year=heat_wave(site.year, site.days(split), utility))
    if split == "stress-high-pv":
        return replace(site, year=high_pv(site.year))
    if split == "stress-high-ev":
        loads = [one for one in site.network.feeder.loads.values() if one.kw > 0.0]
        homes = [
            EvStation(f"cars_{one.name}", "home-l2", max(1, round(one.kw / KW_A_CAR)))
            for one in loads
        ]
        rng = np.random.default_rng(list(f"{site.key}:{split}".encode()))
        sessions = draw_sessions(EvConfig(), homes, site.year.n_days, rng, site.year.temperature_c)
        beside = [site.network.loads.index(one.name) for one in loads]
        return replace(site, year=with_charging(site.year, sessions, beside))
    return site
