"""Days as they come out when plans are carried out: the simulation that verifies them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.yardstick import PRICES, USD_PER_VIOLATED_H
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.dynamics import advance, rest
from grid_fed_rl.envs.info import reward_terms
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.powerflow import PowerFlow

__all__ = ["Trajectory", "run"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One day of a case under a plan.

    Attributes:
        snapshots: After every step, of all plans that were simulated together.
        lane: Which lane of them is this plan's.
        actions: (step, action) what was asked for.
        reward_usd: (step,)
        costs: By channel, (step,) magnitudes.
        step_h: Length of a step.
    """

    snapshots: tuple[Snapshot, ...]
    lane: int
    actions: Floats
    reward_usd: Floats
    costs: dict[str, Floats]
    step_h: float

    @property
    def return_usd(self) -> float:
        """Reward of the whole day."""
        return float(self.reward_usd.sum())

    @property
    def violated_usd(self) -> float:
        """What its violations cost at `PRICES`."""
        costs = self.costs.items()
        return float(sum(PRICES.get(name, 1.0) * cost.sum() for name, cost in costs) * self.step_h)

    @property
    def violated(self) -> NDArray[np.bool_]:
        """(step,) whether any limit was left; a collapse leaves that of voltage."""
        return np.any([cost > 0.0 for cost in self.costs.values()], axis=0)

    @property
    def holds(self) -> bool:
        """Whether no limit was left in any step."""
        return not self.violated.any()

    def merit_usd(self, heavier: float) -> float:
        """Return less so many times what violations, and hours with any, cost."""
        violated_h = float(self.violated.sum()) * self.step_h
        return self.return_usd - heavier * (self.violated_usd + USD_PER_VIOLATED_H * violated_h)

    @property
    def flow(self) -> PowerFlow:
        """Power flow of every step: (step, ...)."""
        return stacked([one.flow.rows(slice(self.lane, self.lane + 1)) for one in self.snapshots])

    def state(self, name: str) -> NDArray[Any]:
        """(step, entry) state of a device group after every step."""
        return np.array([one.states[name][self.lane] for one in self.snapshots])

    def executed(self, name: str) -> Floats:
        """(step, action) what a device group carried out in every step."""
        return np.array([one.moves[name].executed[self.lane] for one in self.snapshots])

    @property
    def row(self) -> NDArray[np.int64]:
        """(step,) rows of the scenario."""
        return np.array([one.row[self.lane] for one in self.snapshots])


def stacked(records: Any) -> Any:
    """Records of one row each as one record of many rows."""
    first = records[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(records)
    names = type(first).__slots__
    return type(first)(**{name: stacked([getattr(one, name) for one in records]) for name in names})


def run(case: Case, day: int, plans: Floats, threads: int | None = None) -> tuple[Trajectory, ...]:
    """Carry out plans of one day, step by step, with the environment's own dynamics.

    Args:
        case: The case.
        day: Day of the year.
        plans: (plan, step, action)
        threads: Threads of the power flow.
    """
    # What a policy gives an environment is float32.
    plans = np.asarray(plans, dtype=np.float32).astype(np.float64)
    here = rest(case, np.full(len(plans), day), threads)
    snapshots, rewards = [], []
    costs: dict[str, list[Floats]] = {channel.name: [] for channel in case.costs}
    for step in range(case.horizon):
        here = advance(case, here, plans[:, step], threads)
        snapshots.append(here)
        rewards.append(sum(reward_terms(case, here).values(), np.zeros(len(plans))))
        for channel in case.costs:
            costs[channel.name].append(channel(here)[0])
    return tuple(
        Trajectory(
            tuple(snapshots),
            k,
            plan,
            np.array([one[k] for one in rewards]),
            {name: np.array([one[k] for one in values]) for name, values in costs.items()},
            case.year.step_h,
        )
        for k, plan in enumerate(plans)
    )
