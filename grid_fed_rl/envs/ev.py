"""The EV task: charging stations, cars served at the least cost within limits.

Homes, workplaces, public places and fast chargers stand on the feeder; cars come, ask
for energy and leave when they must. Regulators and capacitors follow their own controls.
An episode is a day of a utility's year in quarters of an hour.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from os import PathLike

import numpy as np

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.der import tariff_of
from grid_fed_rl.envs.groups import EvStations
from grid_fed_rl.envs.make import assemble
from grid_fed_rl.envs.objective import Energy, UnservedEnergy
from grid_fed_rl.envs.observation import Charging, PriceForecast
from grid_fed_rl.envs.site import (
    Equipment,
    Site,
    is_shipped,
    limits_of,
    opened,
    site_of,
    whole_connection,
)
from grid_fed_rl.envs.vvo import PV_SITES, VOLTAGES
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import Feeder, Load, LoadModel, Terminal, load
from grid_fed_rl.feeders.topology import Node, places
from grid_fed_rl.safety import RANGE_B, Limits, VoltageLimits
from grid_fed_rl.scenarios import (
    EvConfig,
    EvStation,
    SessionTable,
    UtilityConfig,
    draw_sessions,
    more_plugs,
    session_table,
)

__all__ = ["EVConfig", "ev_case", "place_stations"]

VOLTAGE_LIMITS: Mapping[str, VoltageLimits] = {
    # By night its own regulators leave 1.05, but never range B, with every car paused, too.
    "ieee8500": VoltageLimits(v_max_pu=RANGE_B.v_max_pu),
}


@dataclass(frozen=True)
class EVConfig:
    """Stations, cars, prices and limits of the EV task.

    Stations stand at the three-phase primary buses that serve the most load, with what
    hangs on them up to the next ones, and are one after the other of `kinds`; together
    their plugs have `plug_share` of the feeder's nominal load.

    Raises:
        TaskError: a value is out of bounds.
    """

    plug_share: float = 4.0
    import_share: float | None = 1.0  # of the peak load without cars, at the substation
    loading: float = 1.2  # of every rating, for the hours of a peak; assumed
    kinds: tuple[str, ...] = ("home-l2", "workplace-l2", "public-l2", "dcfc")
    stations: int = 8
    reactive: bool = False
    unserved_usd_per_kwh: float = 2.0  # assumed: several times what energy costs
    step_h: float = 0.25
    cars: EvConfig = field(default_factory=EvConfig)
    equipment: Equipment = field(default_factory=lambda: Equipment(storage_buses=()))
    limits: Limits | None = None  # where not given, the feeder's voltages, and `loading`

    def __post_init__(self) -> None:
        for name in ("plug_share", "import_share", "loading"):
            value = getattr(self, name)
            if value is not None and not value > 0.0:
                raise TaskError(f"EVConfig: {name} is {value}; expected above 0")
        if self.stations < 1 or not self.kinds:
            raise TaskError(
                f"EVConfig: {self.stations} stations of {len(self.kinds)} kinds; expected one "
                f"or more"
            )
        if not self.unserved_usd_per_kwh > 0.0:
            raise TaskError(
                f"EVConfig: unserved_usd_per_kwh is {self.unserved_usd_per_kwh}; expected above 0"
            )


DEFAULT = EVConfig()


def place_stations(feeder: Feeder, config: EVConfig) -> tuple[Feeder, tuple[EvStation, ...]]:
    """The feeder with a load of no power of its own for every station, and the stations.

    Raises:
        TaskError: the feeder has no three-phase bus that serves load.
    """
    served_kw = _served_kw(feeder)
    if not served_kw:
        raise TaskError(f"feeder {feeder.name!r} has no three-phase bus for a station")
    buses = sorted(served_kw, key=lambda bus: -served_kw[bus])[: config.stations]
    total_kw = config.plug_share * sum(one.kw for one in feeder.loads.values())
    stations, loads = [], dict(feeder.loads)
    for k, bus in enumerate(buses):
        kind = config.kinds[k % len(config.kinds)]
        plug_kw = EvStation("any", kind).max_kw
        station = EvStation(f"ev_{bus}", kind, max(1, round(total_kw / len(buses) / plug_kw)))
        stations.append(station)
        loads[station.name] = Load(
            station.name,
            Terminal(bus, (1, 2, 3)),
            whole_connection(feeder),
            LoadModel.PQ,
            kw=0.0,
            kvar=0.0,
            kv=feeder.buses[bus].kv_ll,
        )
    return replace(feeder, loads=loads), tuple(stations)


def _served_kw(feeder: Feeder) -> dict[str, float]:
    """Load on each three-phase primary bus and on what hangs on it up to the next ones."""
    whole = {bus for bus in feeder.buses if {1, 2, 3} <= set(feeder.phases_of(bus))}
    levels = Counter(feeder.buses[bus].kv_ll for bus in whole)
    primary_kv = levels.most_common(1)[0][0] if levels else 0.0
    whole = {bus for bus in whole if feeder.buses[bus].kv_ll == primary_kv}
    at, served_kw = places(feeder), dict[str, float]()
    for one in feeder.loads.values():
        node: Node | None = (one.terminal.bus, one.terminal.phases[0])
        while node is not None and node[0] not in whole:
            node = at[node].parent
        if node is not None:
            served_kw[node[0]] = served_kw.get(node[0], 0.0) + one.kw
    return served_kw


Charged = tuple[Site, tuple[EvStation, ...], SessionTable]


@lru_cache(maxsize=16)
def _charged_shipped(
    feeder: str, utility: str | UtilityConfig, year_seed: int, split: str, config: EVConfig
) -> Charged:
    return _charged(load(feeder), utility, year_seed, split, config)


def _charged(
    feeder: Feeder, utility: str | UtilityConfig, year_seed: int, split: str, config: EVConfig
) -> Charged:
    """A site with stations, and who comes when."""
    whole, stations = place_stations(feeder, config)
    # A stress of many cars brings them to these stations, not to homes beside them.
    crowded = split == "stress-high-ev"
    calm = "test" if crowded else split
    site = site_of(whole, utility, year_seed, config.equipment, config.step_h, calm)
    stations = more_plugs(stations) if crowded else stations
    rng = np.random.default_rng(list(f"{site.key}:cars".encode()))
    sessions = draw_sessions(config.cars, stations, site.year.n_days, rng, site.year.temperature_c)
    return site, stations, session_table(sessions, config.step_h)


def ev_case(
    feeder: str | PathLike[str] | Feeder,
    utility: str | UtilityConfig = "coastal",
    year_seed: int = 0,
    split: str = "train",
    observe: str = "zones",
    tariff: str = "time-of-use",
    local_controls: bool = True,
    config: EVConfig = DEFAULT,
) -> Case:
    """Assemble the EV task.

    Args:
        feeder: A shipped name, a folder of tables, an OpenDSS script, or a feeder.
        utility: Whose customers and climate: a name or a configuration.
        year_seed: Which year of load, sun and cars is drawn.
        split: Days an episode may fall on: ``train``, ``validation``, ``test``,
            ``stress-heat-wave``, ``stress-high-pv``, ``stress-high-ev``, ``stress-n-1``
            or ``all``.
        observe: ``nodes``, ``zones`` or ``meters``.
        tariff: ``time-of-use`` or ``dynamic``.
        local_controls: Let regulators and capacitors follow their own controls; else
            they stay as the feeder has them.
        config: Stations, cars, prices and limits.

    Raises:
        FeederError: no feeder of that name; the message lists those that are known.
        TaskError: another argument names or is nothing that is known.
    """
    if not isinstance(config, EVConfig):
        raise TaskError(f"config is {config!r}; expected an EVConfig")
    if observe not in VOLTAGES:
        raise TaskError(f"cannot observe {observe!r}; known: {', '.join(VOLTAGES)}")
    feeder = opened(feeder)
    if config.equipment.pv_sites is None and feeder.name in PV_SITES:
        pv_sites = PV_SITES[feeder.name]
        config = replace(config, equipment=replace(config.equipment, pv_sites=pv_sites))
    known = (utility, year_seed, split, config)
    site, stations, table = (
        _charged_shipped(feeder.name, *known) if is_shipped(feeder) else _charged(feeder, *known)
    )
    names: Sequence[str] = [one.name for one in stations]
    group = EvStations(site.network, stations, tuple(names), table, config.reactive)
    price = tariff_of(tariff, site)
    limits = config.limits
    if limits is None:
        limits = replace(limits_of(site.network.feeder, served_only=True), loading=config.loading)
        limits = replace(limits, voltage=VOLTAGE_LIMITS.get(feeder.name, limits.voltage))
    if config.import_share is not None:
        peak_kw = float(site.year.load_kw.sum(axis=1).max())
        limits = replace(limits, import_kw=config.import_share * peak_kw)
    return assemble(
        site,
        (group,),
        (
            Energy(site.network, price.import_usd_per_kwh, price.export_usd_per_kwh),
            UnservedEnergy(group, config.unserved_usd_per_kwh),
        ),
        observation=(
            observe,
            Charging(group),
            "forecast",
            PriceForecast(price.import_usd_per_kwh, 16),
            "clock",
        ),
        limits=limits,
        split="test" if split == "stress-high-ev" else split,
        local_controls=local_controls,
    )
