"""An oracle with foresight: plans a day on the linearised feeder, verified by power flow.

One idea a file: `programme` (a sparse linear programme), `yardstick` (prices and limits),
`slopes` and `curvature` (how the feeder answers), `blocks` and `charging` (devices),
`horizon` (the day's problem), `positions` (taps and banks), `trajectory` (simulation),
`plan` (the search).
"""

from grid_fed_rl.analytics.oracle.plan import Follow, OracleConfig, Plan, plan_day
from grid_fed_rl.analytics.oracle.trajectory import Trajectory, run
from grid_fed_rl.analytics.oracle.yardstick import PRICES, Yardstick

__all__ = [
    "PRICES",
    "Follow",
    "OracleConfig",
    "Plan",
    "Trajectory",
    "Yardstick",
    "plan_day",
    "run",
]
