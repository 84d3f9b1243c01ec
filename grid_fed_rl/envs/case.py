"""A case: everything that stays the same through an episode.

A `Case` is assembled from parts, so that a new task is a new list of parts and
never a new environment.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import DeviceGroup
from grid_fed_rl.envs.objective import CostChannel, RewardTerm
from grid_fed_rl.envs.observation import ObservationPart
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.scenarios import Year

__all__ = ["Case"]


@dataclass(frozen=True)
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

    def __post_init__(self) -> None:
        if not len(self.days):
            raise TaskError("case has no days to draw from; choose a split that holds some")
        if not 1 <= self.horizon <= self.year.steps_per_day * self.year.n_days:
            raise TaskError(f"horizon is {self.horizon}; expected 1 step to one year of them")
        if self.year.load_kw.shape[1] != len(self.network.loads):
            raise TaskError(
                f"year {self.year.name!r} has {self.year.load_kw.shape[1]} loads; feeder "
                f"{self.network.feeder.name!r} has {len(self.network.loads)}"
            )

    @property
    def action_names(self) -> tuple[str, ...]:
        """Device behind each entry of the action."""
        return tuple(name for group in self.groups for name in group.names)

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Meaning of each entry of the observation."""
        return tuple(name for part in self.observation for name in part.names)
