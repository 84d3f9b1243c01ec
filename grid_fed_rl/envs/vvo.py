"""The volt-var task: taps, capacitors, batteries and inverters, least loss within limits.

Each day begins with the devices at rest: regulators at neutral, capacitors open,
batteries half full. An episode is a day of a utility's year.
"""

from dataclasses import dataclass, replace
from os import PathLike

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.make import assemble
from grid_fed_rl.envs.parts import Prices
from grid_fed_rl.envs.site import Equipment, limits_of, opened, site_of
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import Feeder
from grid_fed_rl.safety import VoltageLimits
from grid_fed_rl.scenarios import UtilityConfig

__all__ = ["VVOConfig", "vvo_case"]

VOLTAGES = ("nodes", "zones", "meters")
OBJECTIVES = {"loss": "loss", "cvr": "conservation"}
# PV beside so many loads, the largest, of feeders that have very many.
PV_SITES = {"ieee8500": 100}


@dataclass(frozen=True)
class VVOConfig:
    """Prices, ranges and ratings of the volt-var task; see `Prices` and `Equipment`.

    Raises:
        TaskError: a value is out of bounds.
    """

    energy_usd_per_kwh: float = 0.12
    tap_usd_per_step: float = 0.05
    capacitor_usd_per_switching: float = 0.50
    battery_usd_per_kwh: float = 0.02
    most_tap_steps: int = 4
    battery_kw: float = 150.0
    battery_kwh: float = 600.0
    battery_efficiency: float = 0.96
    capacitor_v_on: float = 118.0
    capacitor_v_off: float = 128.0
    pt_ratio: float | None = None
    pv_sites: int | None = None
    limits: VoltageLimits | None = None  # those of the feeder, see `site.LIMITS`

    def __post_init__(self) -> None:
        self.prices()
        self.equipment()

    def prices(self) -> Prices:
        """What things cost."""
        return Prices(
            self.energy_usd_per_kwh,
            self.tap_usd_per_step,
            self.capacitor_usd_per_switching,
            self.battery_usd_per_kwh,
            self.most_tap_steps,
        )

    def equipment(self, pv_sites: int | None = None) -> Equipment:
        """What is put on the feeder; PV beside so many loads where not configured."""
        return Equipment(
            pv_sites=self.pv_sites if self.pv_sites is not None else pv_sites,
            battery_kw=self.battery_kw,
            battery_kwh=self.battery_kwh,
            battery_efficiency=self.battery_efficiency,
            capacitor_v_on=self.capacitor_v_on,
            capacitor_v_off=self.capacitor_v_off,
            pt_ratio=self.pt_ratio,
        )


DEFAULT = VVOConfig()


def vvo_case(
    feeder: str | PathLike[str] | Feeder,
    utility: str | UtilityConfig = "coastal",
    year_seed: int = 0,
    split: str = "train",
    observe: str = "nodes",
    local_controls: bool = False,
    inverters: bool = False,
    objective: str = "loss",
    config: VVOConfig = DEFAULT,
) -> Case:
    """Assemble the volt-var task.

    Args:
        feeder: A shipped name, a folder of tables, an OpenDSS script, or a feeder.
        utility: Whose customers and climate: a name or a configuration.
        year_seed: Which year of load and sun is drawn.
        split: Days an episode may fall on: ``train``, ``validation``, ``test``,
            ``stress-heat-wave``, ``stress-high-pv``, ``stress-high-ev``, ``stress-n-1``
            or ``all``.
        observe: ``nodes`` (every node's voltage), ``zones`` (the lowest and highest of
            each regulation zone and phase) or ``meters`` (the substation and what devices
            stand on, with the error of meters).
        local_controls: Let regulators and capacitors follow their own controls.
        inverters: Let the action set the reactive power of every PV inverter, too.
        objective: ``loss``, energy lost; or ``cvr``, what customers draw, which falls
            with the voltage.
        config: Prices, ranges and ratings.

    Raises:
        FeederError: no feeder of that name; the message lists those that are known.
        TaskError: another argument names or is nothing that is known.
    """
    if not isinstance(config, VVOConfig):
        raise TaskError(f"config is {config!r}; expected a VVOConfig")
    if observe not in VOLTAGES:
        raise TaskError(f"cannot observe {observe!r}; known: {', '.join(VOLTAGES)}")
    if objective not in OBJECTIVES:
        raise TaskError(f"no objective {objective!r}; known: {', '.join(OBJECTIVES)}")
    devices = ["regulators", "capacitors", "batteries", *(["inverters"] if inverters else [])]
    feeder = opened(feeder)
    equipment = config.equipment(PV_SITES.get(feeder.name))
    site = site_of(feeder, utility, year_seed, equipment, split=split)
    limits = limits_of(site.network.feeder)
    if config.limits is not None:
        limits = replace(limits, voltage=config.limits)
    return assemble(
        site,
        devices,
        (OBJECTIVES[objective], "wear", "borrowed_energy"),
        observation=(observe, "devices", "forecast", "clock"),
        limits=limits,
        prices=config.prices(),
        split=split,
        local_controls=local_controls,
    )
