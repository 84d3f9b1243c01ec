"""Device groups as a linear programme sees them: inputs, bounds, dynamics and prices.

An input is what the power flow answers to, in its own unit: a tap position, a bank's
state (0 to 1), kW or kvar. A block says for one group how a set-point changes with its
inputs, where they stand on a trajectory, what ties them together through the day, and
which action asks for them.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.programme import Programme
from grid_fed_rl.analytics.oracle.slopes import Nudge
from grid_fed_rl.analytics.oracle.trajectory import Trajectory
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.dynamics import moment_at
from grid_fed_rl.envs.groups import (
    DeviceGroup,
    Moment,
)
from grid_fed_rl.envs.objective import BorrowedEnergy, EnergyLoss

__all__ = ["NOTHING", "PROBE_KW", "Block", "Day"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

PROBE_KW = 2.0  # an injection is moved by so much for its slope: well above the tolerance
NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Day:
    """One day of a case: what its steps bring.

    Attributes:
        case: The case.
        day: Day of the year.
    """

    case: Case
    day: int

    @property
    def moment(self) -> Moment:
        """All steps, as lanes of one moment."""
        year = self.case.year
        first = year.steps_per_day * self.day
        rows = (first + np.arange(self.case.horizon)) % (year.steps_per_day * year.n_days)
        return moment_at(self.case, rows)

    def owed_usd_per_kwh(self, group: DeviceGroup) -> float:
        """Price of what a group owes at the end."""
        terms = self.case.reward
        return sum(
            t.usd_per_kwh for t in terms if isinstance(t, BorrowedEnergy) and t.group is group
        )

    @property
    def loss_usd_per_kwh(self) -> float:
        """Price of energy lost."""
        return sum(t.usd_per_kwh for t in self.case.reward if isinstance(t, EnergyLoss))


class Block(Protocol):
    """One device group in the programme."""

    def nudges(self, trajectory: Trajectory) -> list[Nudge]:
        """Its inputs, and how far to move each from where it stands."""
        ...

    def at(self, trajectory: Trajectory) -> Floats:
        """(step, input) where they stand."""
        ...

    @property
    def span(self) -> Floats:
        """(input,) range of each: a trust region is a share of it."""
        ...

    def add(self, programme: Programme, inputs: Index, at: Floats) -> Index:
        """Tie (step, input) variables together, and price them; `at` is where they stand.

        Returns further variables that the action rests on; none for most.
        """
        ...

    def bounds(self) -> tuple[Floats, Floats]:
        """Least and largest (step, input)."""
        ...

    def actions(self, inputs: Floats, further: Floats) -> Floats:
        """(step, action) that asks for (step, input), as far as it can be had.

        Args:
            inputs: Where they should stand.
            further: Values of what `add` returned.
        """
        ...
