"""Limits that a lever holds or leaves by itself, as bounds on its position."""

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import Batteries
from grid_fed_rl.envs.levers import Levers, Reach
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.safety import Limits

__all__ = ["STATED", "bounds"]

Floats = NDArray[np.float64]

STATED = 1e-6  # of a position: an action is stated in single precision


def bounds(
    limits: Limits, levers: Levers, before: Snapshot, lanes: NDArray[np.int64], reach: Reach
) -> tuple[Floats, Floats]:
    """Least and most position within reach and limits of a lever's own: (lane, lever) each.

    Where nothing within reach holds them, the nearest to it.

    Args:
        limits: Of ramps, states of charge and operations; others are no lever's own.
        levers: The levers.
        before: All lanes before the step.
        lanes: Which of them.
        reach: Of these.
    """
    if limits.ramp_kw_per_h is limits.operations_per_day is limits.soc is None:
        return reach.least, reach.most
    low, high = np.full_like(reach.least, -np.inf), np.full_like(reach.most, np.inf)
    stands = levers.position(before.setpoint.rows(lanes))

    def narrow(at: NDArray[np.int64], least: Floats, most: Floats) -> None:
        low[:, at] = np.maximum(low[:, at], least)
        high[:, at] = np.minimum(high[:, at], most)

    if limits.ramp_kw_per_h is not None:
        at = levers.of("der_kw")
        by = limits.ramp_kw_per_h * before.step_h / levers.full[at] - STATED
        narrow(at, stands[:, at] - by, stands[:, at] + by)
    for group, at in levers.groups:
        if limits.operations_per_day is not None and (levers.step[at] > 0.0).all():
            left = np.maximum(
                limits.operations_per_day - before.operated[group.state_name][lanes], 0
            )
            by = left / levers.full[at]
            narrow(at, stands[:, at] - by, stands[:, at] + by)
        if limits.soc is not None and isinstance(group, Batteries):
            soc = before.states[group.state_name][lanes]
            narrow(at, *_power_within(group, limits.soc, soc, before.step_h))
    least, most = (np.clip(one, reach.least, reach.most) for one in (low, high))
    between = np.where(least > most, 0.5 * (least + most), least)  # two that cannot both hold
    return between, np.maximum(most, between)


def _power_within(
    group: Batteries, within: tuple[float, float], soc: Floats, step_h: float
) -> tuple[Floats, Floats]:
    """Least and most power, as a share of the rating, that leaves a charge within two."""
    ratings = group.ratings
    stored_kw, room_kw = (
        share * ratings.energy_kwh / (step_h * ratings.p_max_kw)
        for share in (soc - within[0], within[1] - soc)
    )
    into, out = ratings.efficiency_charge, ratings.efficiency_discharge
    most = np.where(stored_kw > 0.0, stored_kw * out, stored_kw / into)
    least = -np.where(room_kw > 0.0, room_kw / into, room_kw * out)
    return least + STATED, most - STATED
