"""Safety: limits, and what keeps a policy within them."""

from grid_fed_rl.safety.limits import RANGE_B, Limits, VoltageLimits
from grid_fed_rl.safety.ride_through import (
    RideThroughCategory,
    RideThroughMode,
    least_ride_through_s,
    must_trip,
    ride_through_mode,
    trip_after_s,
)

__all__ = [
    "RANGE_B",
    "Limits",
    "RideThroughCategory",
    "RideThroughMode",
    "VoltageLimits",
    "least_ride_through_s",
    "must_trip",
    "ride_through_mode",
    "trip_after_s",
]
