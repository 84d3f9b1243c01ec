"""Safety: limits, and what keeps a policy within them."""

from grid_fed_rl.safety.limits import Limits, VoltageLimits

__all__ = ["Limits", "VoltageLimits"]
