"""A case: everything that stays the same through an episode.

A `Case` is assembled from parts, so that a new task is a new list of parts and
never a new environment.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.costs import CostChannel
from grid_fed_rl.envs.groups import DeviceGroup
from grid_fed_rl.envs.objective import RewardTerm
from grid_fed_rl.envs.observation import ObservationPart
from grid_fed_rl.envs.outages import Outages
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import Connection, Feeder
from grid_fed_rl.powerflow import Network, Setpoint, nominal_setpoint
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.scenarios import Year

__all__ = ["Case", "is_delta"]


@dataclass(frozen=True, eq=False)
class Case:
    """What an environment is made of.

    Attributes:
        network: The compiled feeder.
        year: Load and sun that days are drawn from.
        days: Days of the year that a reset may draw.
        groups: Controlled devices; their actions follow each other in order.
        observation: Blocks of the observation, in order.
        reward: Terms that add up to the reward.
        costs: Constraint channels, apart from the reward.
        horizon: Steps of an episode.
        local_controls: If given, regulators and capacitors follow their own
            controls, settled in every step, and ignore the action.
        outages: If given, what is out of service on each day.

    Raises:
        TaskError: the parts do not fit each other; the message says which.
    """

    network: Network
    year: Year
    days: NDArray[np.int64]
    groups: tuple[DeviceGroup, ...]
    observation: tuple[ObservationPart, ...]
    reward: tuple[RewardTerm, ...]
    costs: tuple[CostChannel, ...]
    horizon: int
    local_controls: LocalControls | None = None
    outages: Outages | None = None

    def __post_init__(self) -> None:
        days = np.array(self.days, dtype=np.int64)
        days.flags.writeable = False
        object.__setattr__(self, "days", days)
        if not len(days):
            raise TaskError("case has no days to draw from; choose a split that holds some")
        if days.min() < 0 or days.max() >= self.year.n_days:
            raise TaskError(
                f"case draws from days {days.min()} to {days.max()}; year {self.year.name!r} has "
                f"0 to {self.year.n_days - 1}"
            )
        if not 1 <= self.horizon <= self.year.steps_per_day * self.year.n_days:
            raise TaskError(f"horizon is {self.horizon}; expected 1 step to one year of them")
        feeder = self.network.feeder
        for kind, series, wanted in (
            ("loads", self.year.load_kw, len(feeder.loads)),
            ("pvs", self.year.pv_kw, len(feeder.pvs)),
        ):
            if series.shape[1] != wanted:
                raise TaskError(
                    f"year {self.year.name!r} has {series.shape[1]} {kind}; feeder "
                    f"{feeder.name!r} has {wanted}"
                )
        _refuse_twice("device groups", (group.state_name for group in self.groups))
        _refuse_twice("reward terms", (term.name for term in self.reward))
        _refuse_twice("cost channels", (channel.name for channel in self.costs))

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """Device behind each entry of the action."""
        return tuple(name for group in self.groups for name in group.names)

    @property
    def action_choices(self) -> tuple[int, ...]:
        """Choices that each entry of the action has where actions are discrete."""
        return tuple(n for group in self.groups for n in group.choices)

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Meaning of each entry of the observation."""
        return tuple(name for part in self.observation for name in part.names)

    @cached_property
    def next_phase(self) -> NDArray[np.int64] | None:
        """(node,) column of the bus's next phase; None where loads stand to ground.

        On a delta feeder customers are served by the voltage between phases.
        """
        if not is_delta(self.network.feeder):
            return None
        index, columns = self.network.node_index, []
        for name in self.network.node_names:
            bus, _, phase = name.rpartition(".")
            k = int(phase)
            others = (k % 3 + 1, (k + 1) % 3 + 1)
            columns.append(next(index[f"{bus}.{j}"] for j in others if f"{bus}.{j}" in index))
        return np.array(columns)

    def service_pu(self, v_pu: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Magnitude of the voltages that customers are served by: (lane, node).

        Of every node to ground; on a delta feeder, of every phase to the next, on the
        nominal line-to-line voltage.
        """
        if self.next_phase is None:
            return np.abs(v_pu)
        return np.abs(v_pu - v_pu[:, self.next_phase]) / math.sqrt(3.0)

    @cached_property
    def nominal(self) -> Setpoint:
        """One row: what holds for devices that no group controls."""
        return nominal_setpoint(self.network)


def is_delta(feeder: Feeder) -> bool:
    """Whether every load stands between phases, so that no voltage to ground serves one."""
    loads = feeder.loads.values()
    return bool(loads) and all(one.connection is Connection.DELTA for one in loads)


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    """Raise if a name comes twice, for results are kept by name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TaskError(f"case has two {what} named {name!r}; names must differ")
        seen.add(name)
