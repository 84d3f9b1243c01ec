"""What stays the same through an episode of MAPDN's 33-bus task."""

from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.mapdn.barriers import BARRIERS
from grid_fed_rl.envs.mapdn.feeder import PV_BUSES, one_phase
from grid_fed_rl.envs.mapdn.profiles import (
    STEPS_PER_DAY,
    Profiles,
    drawn_profiles,
    read_profiles,
)
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import Network, Setpoint, compile_network, nominal_setpoint
from grid_fed_rl.safety import VoltageLimits
from grid_fed_rl.scenarios import split_days

__all__ = ["ZONES", "MAPDNConfig", "MAPDNTask", "mapdn_task"]

ZONES = MappingProxyType(
    {
        "main": tuple(str(bus) for bus in range(1, 7)),
        "zone1": tuple(str(bus) for bus in range(7, 19)),
        "zone2": tuple(str(bus) for bus in range(19, 23)),
        "zone3": tuple(str(bus) for bus in range(23, 26)),
        "zone4": tuple(str(bus) for bus in range(26, 34)),
    }
)
"""Buses of each zone: the main one from the substation, and the laterals. Buses are
numbered from 1, as by Baran and Wu; MAPDN's numbers are one less."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MAPDNConfig:
    """Settings of the task; the defaults are MAPDN's for training on 33 buses.

    Attributes:
        barrier: Which voltage barrier: a name of `BARRIERS`.
        horizon: Steps of an episode; MAPDN tests with 480.
        noise: Whether load and PV stray from the profiles, each by the absolute value of
            a normal number of 1 % of the profile's standard deviation; MAPDN tests
            without.
        random_start: Whether reactive power is random, rather than 0, right after a reset.
        most: Largest action, either way.
        oversize: Rating of an inverter over the largest power of its profile.
        voltage_weight: Of the mean barrier in the reward.
        reactive_weight: Of the mean reactive power, per Mvar.
        divergence_cost: Taken off where the power flow does not converge.
        limits: Of voltage, for cost and controllable rate. Barriers have their own.

    Raises:
        TaskError: a setting is out of bounds.
    """

    barrier: str = "l1"
    horizon: int = 240
    noise: bool = True
    random_start: bool = True
    most: float = 0.8
    oversize: float = 1.2
    voltage_weight: float = 1.0
    reactive_weight: float = 0.1
    divergence_cost: float = 200.0
    limits: VoltageLimits = VoltageLimits()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        if self.barrier not in BARRIERS:
            raise TaskError(f"no barrier {self.barrier!r}; known: {', '.join(BARRIERS)}")
        if not isinstance(self.horizon, int) or self.horizon < 1:
            raise TaskError(f"horizon is {self.horizon}; expected a whole number, 1 or more")
        if not 0.0 < self.most <= 1.0:
            raise TaskError(f"most is {self.most}; expected above 0, up to 1")
        if not self.oversize >= 1.0:
            raise TaskError(f"oversize is {self.oversize}; expected 1 or more")
        for name in ("voltage_weight", "reactive_weight", "divergence_cost"):
            if not getattr(self, name) >= 0.0:
                raise TaskError(f"{name} is {getattr(self, name)}; expected 0 or more")


@dataclass(frozen=True, eq=False)
class MAPDNTask:
    """Feeder, profiles, settings, and where episodes may begin.

    Attributes:
        network: The compiled feeder, by one phase, with a PV at each of `PV_BUSES`.
        profiles: Load and PV.
        config: Settings.
        starts: Rows of the profiles that an episode may begin with.
    """

    network: Network
    profiles: Profiles
    config: MAPDNConfig
    starts: NDArray[np.int64]

    @property
    def buses(self) -> tuple[str, ...]:
        """Buses, in order."""
        return tuple(self.network.feeder.buses)

    @property
    def agents(self) -> tuple[str, ...]:
        """The PV, in the order of the action."""
        return tuple(self.network.feeder.pvs)

    @cached_property
    def nodes(self) -> NDArray[np.int64]:
        """(bus,) node of each bus."""
        return np.array([self.network.node_index[f"{bus}.1"] for bus in self.buses])

    @cached_property
    def load_bus(self) -> NDArray[np.int64]:
        """(load,) number of the bus that each load stands at."""
        loads = self.network.feeder.loads.values()
        return np.array([self.buses.index(one.terminal.bus) for one in loads])

    @cached_property
    def pv_bus(self) -> NDArray[np.int64]:
        """(pv,) number of the bus that each PV stands at."""
        pvs = self.network.feeder.pvs.values()
        return np.array([self.buses.index(one.terminal.bus) for one in pvs])

    @cached_property
    def rating_kva(self) -> Floats:
        """(pv,) of each inverter."""
        return self.config.oversize * self.profiles.pv_kw.max(axis=0).astype(np.float64)

    @cached_property
    def spread(self) -> tuple[Floats, Floats, Floats]:
        """A hundredth of the standard deviation of load kW, load kvar and PV kW, by column."""
        parts = (self.profiles.load_kw, self.profiles.load_kvar, self.profiles.pv_kw)
        kw, kvar, pv = (0.01 * part.std(axis=0, dtype=np.float64) for part in parts)
        return kw, kvar, pv

    @cached_property
    def nominal(self) -> Setpoint:
        """One row: what no profile moves."""
        return nominal_setpoint(self.network)


def mapdn_task(
    data: str | PathLike[str] | None = None,
    split: str = "train",
    year_seed: int = 0,
    **settings: Any,
) -> MAPDNTask:
    """Assemble the 33-bus task.

    Args:
        data: Folder of MAPDN's own profiles, such as ``case33_3min_final``; drawn days,
            which are others, where not given.
        split: Days that an episode may touch: ``train``, ``validation``, ``test`` or
            ``all``. Days are split by a hash, about 60, 20 and 20 %.
        year_seed: Which year is drawn.
        **settings: Of `MAPDNConfig`, such as ``barrier="bowl"``.

    Raises:
        TaskError: a setting or the split is unknown or out of bounds.
        ScenarioError: the data are missing or of another form.
    """
    known = [one.name for one in fields(MAPDNConfig)]
    for name in settings:
        if name not in known:
            raise TaskError(
                f"no option {name!r}; known: data, split, year_seed, {', '.join(known)}"
            )
    if not isinstance(year_seed, int) or year_seed < 0:
        raise TaskError(f"year_seed is {year_seed}; expected a whole number, at least 0")
    config, whole = MAPDNConfig(**settings), load("baran_wu_33")
    loads = list(whole.loads.values())
    if data is None:
        nominal = (np.array([one.kw for one in loads]), np.array([one.kvar for one in loads]))
        profiles = drawn_profiles(*nominal, len(PV_BUSES), year_seed)
    else:
        profiles = read_profiles(data, len(loads), len(PV_BUSES))
    largest = profiles.pv_kw.max(axis=0)
    feeder = one_phase(whole, largest.tolist(), (config.oversize * largest).tolist())
    network = compile_network(feeder)
    return MAPDNTask(network, profiles, config, _starts(profiles, split, config.horizon))


def _starts(profiles: Profiles, split: str, horizon: int) -> NDArray[np.int64]:
    """Rows from which an episode, and the row after it, stay on days of the split."""
    splits = split_days(profiles.n_days, f"mapdn/{profiles.name}")
    splits["all"] = np.arange(profiles.n_days)
    if split not in splits:
        raise TaskError(f"no split {split!r}; known: {', '.join(splits)}")
    inside = np.zeros(profiles.n_days, dtype=np.int64)
    inside[splits[split]] = 1
    before = np.concatenate([[0], np.cumsum(np.repeat(inside, STEPS_PER_DAY))])
    n = horizon + 1
    starts = np.flatnonzero(before[n:] - before[:-n] == n)
    if not len(starts):
        raise TaskError(
            f"no {n} rows of split {split!r} follow each other in the {profiles.n_days} days of "
            f"{profiles.name!r}; choose a shorter horizon, or split 'all'"
        )
    return starts
