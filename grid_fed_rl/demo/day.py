"""One unseen day in detail, for the pictures of the report."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.demo.sites import Utility
from grid_fed_rl.policy import Policy
from grid_fed_rl.safety import VoltageLimits

__all__ = ["Day", "worst_day"]


@dataclass(frozen=True)
class Day:
    """A day in detail.

    Attributes:
        utility: whose day.
        day: of the year, from 0.
        v_pu: (hour, node) voltage magnitudes, by policy.
    """

    utility: str
    day: int
    v_pu: Mapping[str, NDArray[np.float64]]

    @property
    def worst_hour(self) -> int:
        """Hour in which voltages are furthest outside their limits without control."""
        return int(VoltageLimits().excursion_pu(self.v_pu["no_control"]).sum(axis=1).argmax())


def worst_day(
    utilities: Mapping[str, Utility], policies: Mapping[str, Mapping[str, Policy]]
) -> Day:
    """The unseen day that no control handles worst, run by several policies.

    Args:
        utilities: by name.
        policies: by policy, then by utility, ``no_control`` among them;
            ``local_rules`` runs the devices' own controls.
    """
    worst = (-1.0, "", 0)
    for name, utility in utilities.items():
        days = utility.days("test")
        violation = utility.run(utility.hold, days)["violation_pu"]
        k = int(np.argmax(violation))
        worst = max(worst, (float(violation[k]), name, int(days[k])))
    _, name, day = worst
    utility = utilities[name]
    return Day(
        name,
        day,
        {
            label: _voltages(utility, by_utility[name], day, label == "local_rules")
            for label, by_utility in policies.items()
        },
    )


def _voltages(
    utility: Utility, policy: Policy, day: int, own_controls: bool
) -> NDArray[np.float64]:
    env = utility.own_controls if own_controls else utility.env
    observation, _ = env.reset(options={"day": day})
    hours = []
    for _ in range(env.case.horizon):
        observation, *_ = env.step(policy(observation))
        hours.append(env.snapshot.v_pu[0].copy())
    return np.stack(hours)
