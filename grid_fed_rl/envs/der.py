"""The DER task: PV, batteries and flexible loads, least cost of energy within limits.

The substation's energy is bought at the price of the hour, and what flows back is paid
for at another; regulators and capacitors follow their own controls. An episode is a day
of a utility's year.
"""

from dataclasses import dataclass, field, replace
from os import PathLike

import numpy as np

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.make import assemble
from grid_fed_rl.envs.objective import Energy
from grid_fed_rl.envs.observation import PriceForecast
from grid_fed_rl.envs.parts import Prices
from grid_fed_rl.envs.site import STORAGE_BUSES, Equipment, Site, limits_of, opened, site_of
from grid_fed_rl.envs.vvo import PV_SITES, VOLTAGES
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import Feeder
from grid_fed_rl.safety import Limits
from grid_fed_rl.scenarios import (
    Tariff,
    UtilityConfig,
    draw_dynamic_tariff,
    net_load_kw,
    time_of_use_tariff,
)

__all__ = ["TARIFFS", "DERConfig", "der_case", "tariff_of"]

TARIFFS = ("time-of-use", "dynamic")


@dataclass(frozen=True)
class DERConfig:
    """Equipment, prices and limits of the DER task.

    Limits of the substation are shares of what the utility's loads draw at their peak, and
    batteries together have a share of the feeder's nominal load, so that both mean the same
    on every feeder. `limits` says all else: where not given, the feeder's voltage limits.

    Raises:
        TaskError: a value is out of bounds.
    """

    import_share: float = 0.7  # of the peak load, that the substation may deliver
    export_share: float = 0.0  # of the peak load, that may flow back
    prices: Prices = field(
        # What is owed at midnight costs more than energy does at any hour.
        default_factory=lambda: Prices(energy_usd_per_kwh=0.45)
    )
    battery_share: float = 0.3  # of the nominal load, all batteries together
    battery_h: float = 4.0  # at full power
    equipment: Equipment | None = None  # instead of such batteries and the utility's PV
    limits: Limits | None = None

    def __post_init__(self) -> None:
        for name in ("import_share", "export_share"):
            if not getattr(self, name) >= 0.0:
                raise TaskError(f"DERConfig: {name} is {getattr(self, name)}; expected 0 or more")
        for name in ("battery_share", "battery_h"):
            if not getattr(self, name) > 0.0:
                raise TaskError(f"DERConfig: {name} is {getattr(self, name)}; expected above 0")


DEFAULT = DERConfig()


def _batteries(feeder: Feeder, share: float, hours: float) -> Equipment:
    """Equal batteries on a feeder's buses for them, to ten kW, and the utility's PV."""
    n = max(len(STORAGE_BUSES.get(feeder.name, ())), 1)
    kw = 10.0 * max(1, round(share * sum(one.kw for one in feeder.loads.values()) / n / 10.0))
    return Equipment(pv_sites=PV_SITES.get(feeder.name), battery_kw=kw, battery_kwh=hours * kw)


def tariff_of(kind: str, site: Site) -> Tariff:
    """Prices for every row of a site's year.

    Raises:
        TaskError: there is no such kind.
    """
    year = site.year
    if kind == "time-of-use":
        return time_of_use_tariff(year.n_days, year.step_h)
    if kind == "dynamic":
        rng = np.random.default_rng(list(f"{site.key}:price".encode()))
        net = net_load_kw(year).sum(axis=1)
        return draw_dynamic_tariff(net, year.temperature_c, year.step_h, rng)
    raise TaskError(f"no tariff {kind!r}; known: {', '.join(TARIFFS)}")


def der_case(
    feeder: str | PathLike[str] | Feeder,
    utility: str | UtilityConfig = "desert",
    year_seed: int = 0,
    split: str = "train",
    observe: str = "zones",
    tariff: str = "time-of-use",
    local_controls: bool = True,
    config: DERConfig = DEFAULT,
) -> Case:
    """Assemble the DER task.

    Args:
        feeder: A shipped name, a folder of tables, an OpenDSS script, or a feeder.
        utility: Whose customers and climate: a name or a configuration.
        year_seed: Which year of load and sun is drawn.
        split: Days an episode may fall on: ``train``, ``validation``, ``test``,
            ``stress-heat-wave``, ``stress-high-pv``, ``stress-high-ev``, ``stress-n-1``
            or ``all``.
        observe: ``nodes``, ``zones`` or ``meters``.
        tariff: ``time-of-use`` or ``dynamic``.
        local_controls: Let regulators and capacitors follow their own controls; else
            they stay as the feeder has them.
        config: Equipment, prices and limits.

    Raises:
        FeederError: no feeder of that name; the message lists those that are known.
        TaskError: another argument names or is nothing that is known.
    """
    if not isinstance(config, DERConfig):
        raise TaskError(f"config is {config!r}; expected a DERConfig")
    if observe not in VOLTAGES:
        raise TaskError(f"cannot observe {observe!r}; known: {', '.join(VOLTAGES)}")
    feeder = opened(feeder)
    equipment = config.equipment
    if equipment is None:
        equipment = _batteries(feeder, config.battery_share, config.battery_h)
    site = site_of(feeder, utility, year_seed, equipment, split=split)
    price = tariff_of(tariff, site)
    limits = (
        limits_of(site.network.feeder, served_only=True) if config.limits is None else config.limits
    )
    peak_kw = float(site.year.load_kw.sum(axis=1).max())
    return assemble(
        site,
        ("pv", "batteries", "flexible_loads"),
        (
            Energy(site.network, price.import_usd_per_kwh, price.export_usd_per_kwh),
            "wear",
            "borrowed_energy",
        ),
        observation=(
            observe,
            "devices",
            "forecast",
            PriceForecast(price.import_usd_per_kwh),
            "clock",
        ),
        limits=replace(
            limits,
            import_kw=config.import_share * peak_kw,
            export_kw=config.export_share * peak_kw,
        ),
        prices=config.prices,
        split=split,
        local_controls=local_controls,
    )
