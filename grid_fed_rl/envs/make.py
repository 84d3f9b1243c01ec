"""A task of one's own, in a dozen lines."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, overload

from grid_fed_rl.envs.action import ActionMode
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.costs import CostChannel, channels_of
from grid_fed_rl.envs.groups import DeviceGroup
from grid_fed_rl.envs.objective import RewardTerm
from grid_fed_rl.envs.observation import ObservationPart
from grid_fed_rl.envs.outages import lose_one
from grid_fed_rl.envs.parts import DEVICES, OBSERVATIONS, REWARDS, Prices, Workshop, made
from grid_fed_rl.envs.single import GridEnv
from grid_fed_rl.envs.site import Equipment, Site, site_of
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.feeders import Feeder, open_feeder
from grid_fed_rl.powerflow import compile_network
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.safety import Limits
from grid_fed_rl.scenarios import UtilityConfig, Year

__all__ = ["assemble", "make_env"]

Devices = Sequence[str | DeviceGroup | Callable[[Workshop], DeviceGroup]]
Observation = Sequence[str | ObservationPart | Callable[[Workshop], ObservationPart]]
Reward = Sequence[str | RewardTerm | Callable[[Workshop], RewardTerm]]
Costs = Sequence[CostChannel | Callable[[Workshop], CostChannel]]


def assemble(
    site: Site,
    devices: Devices,
    reward: Reward,
    *,
    observation: Observation = ("nodes", "devices", "forecast", "clock"),
    limits: Limits | None = None,
    costs: Costs = (),
    prices: Prices | None = None,
    split: str = "train",
    horizon: int | None = None,
    local_controls: bool = False,
) -> Case:
    """Put a case together from parts.

    Each part is a name, a function of a `Workshop` that makes it, or the part itself.

    Args:
        site: Feeder and year.
        devices: What the action controls: ``regulators``, ``capacitors``, ``batteries``,
            ``inverters`` (reactive power of PV), ``pv`` (active power, too),
            ``flexible_loads`` (the eight largest).
        reward: Terms that add up: ``loss``, ``wear``, ``borrowed_energy``,
            ``conservation``.
        observation: Blocks that follow each other: ``nodes``, ``zones`` or ``meters`` for
            voltages; ``devices``, ``forecast``, ``clock``.
        limits: What is a cost to leave; ANSI range A voltages where not given.
        costs: Further cost channels.
        prices: What things cost.
        split: Days an episode may fall on.
        horizon: Steps of an episode; a day where not given.
        local_controls: Let regulators and capacitors follow their own controls.

    Raises:
        TaskError: a part is unknown, or the parts do not fit.
    """
    prices = Prices() if prices is None else prices
    network = site.network
    groups = made("device", devices, DEVICES, Workshop(site, prices))
    outages = None
    if split == "stress-n-1":
        pvs = tuple(network.feeder.pvs)
        year, outages = lose_one(site.year, site.key, pvs, groups, local_controls=local_controls)
        site = replace(site, year=year)
    shop = Workshop(site, prices, groups)
    channels = channels_of(Limits() if limits is None else limits, network, groups)
    return Case(
        network=network,
        year=site.year,
        days=site.days(split),
        groups=groups,
        observation=made("observation", observation, OBSERVATIONS, shop),
        reward=made("reward", reward, REWARDS, shop),
        costs=(*channels, *made("cost", costs, {}, shop)),
        horizon=site.year.steps_per_day if horizon is None else horizon,
        local_controls=LocalControls(network) if local_controls else None,
        outages=outages,
    )


@overload
def make_env(
    feeder: str | Feeder,
    devices: Devices = ...,
    reward: Reward = ...,
    *,
    num_envs: None = None,
    **options: Any,
) -> GridEnv: ...
@overload
def make_env(
    feeder: str | Feeder,
    devices: Devices = ...,
    reward: Reward = ...,
    *,
    num_envs: int,
    **options: Any,
) -> GridVectorEnv: ...
def make_env(
    feeder: str | Feeder,
    devices: Devices = ("regulators", "capacitors", "batteries"),
    reward: Reward = ("loss", "wear", "borrowed_energy"),
    *,
    year: Year | None = None,
    utility: str | UtilityConfig = "coastal",
    year_seed: int = 0,
    step_h: float = 1.0,
    equipment: Equipment | None = None,
    num_envs: int | None = None,
    autoreset_mode: str = "NextStep",
    threads: int | None = None,
    action_mode: ActionMode = "continuous",
    **parts: Any,
) -> GridEnv | GridVectorEnv:
    """Make an environment on any feeder from named parts.

    ::

        env = make_env("mine/master.dss", ["regulators", "capacitors"], ["loss", "wear"])

    Args:
        feeder: A shipped name, a folder of tables, an OpenDSS script, or a `Feeder`.
        devices: See `assemble`, which takes all further keywords, too.
        reward: See `assemble`.
        year: Load and sun of one's own, a column a load and PV of the feeder, which is
            then taken as it is; a year of the utility is drawn where not given.
        utility: Whose customers and climate.
        year_seed: Which year is drawn.
        step_h: Length of a step of the drawn year.
        equipment: What is put on the feeder; PV, and batteries where this package has
            buses for them, where not given.
        num_envs: Lanes of a vector environment; a single one where not given.
        autoreset_mode: Of the vector environment.
        threads: Of the vector environment.
        action_mode: ``continuous`` or ``multidiscrete``.
        **parts: Of `assemble`: ``observation``, ``limits``, ``costs``, ``prices``,
            ``split``, ``horizon``, ``local_controls``.

    Raises:
        FeederError: there is no such feeder, or it has faults.
        TaskError: a part is unknown, or the parts do not fit.
    """
    if year is None:
        split = parts.get("split", "train")
        site = site_of(feeder, utility, year_seed, equipment, step_h, split)
    else:
        opened = open_feeder(feeder) if isinstance(feeder, str) else feeder
        site = Site(compile_network(opened), year, year.name)
    case = assemble(site, devices, reward, **parts)
    if num_envs is None:
        return GridEnv(case, action_mode)
    return GridVectorEnv(case, num_envs, autoreset_mode, threads, action_mode)
