"""Safety: limits, and what keeps a policy within them."""

from grid_fed_rl.safety.limits import RANGE_B, Limits, VoltageLimits

__all__ = ["RANGE_B", "Limits", "VoltageLimits"]
