"""Safety: limits, and what keeps a policy within them."""

from grid_fed_rl.safety.limits import VoltageLimits

__all__ = ["VoltageLimits"]
