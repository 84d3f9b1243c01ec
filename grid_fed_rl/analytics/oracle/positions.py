"""The best shift of a tap, a bank of taps or a capacitor through a day, all else as it is.

Every shift of every step is solved in one batch, exactly; which sequence of them is
cheapest, wear included, is a dynamic programme (R. Bellman, 1957). Going round the devices
in turn is a coordinate descent over what a linear programme can only relax and round.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.yardstick import Yardstick
from grid_fed_rl.powerflow import PowerFlow, Setpoint, solve

__all__ = ["cheapest_shifts", "usd_of_shifts"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


def usd_of_shifts(
    yardstick: Yardstick,
    flow: PowerFlow,
    row: Index,
    array: str,
    columns: Sequence[int],
    positions: Index,
    threads: int | None = None,
) -> Floats:
    """What every step costs with devices in every set of positions: (step, shift).

    Args:
        yardstick: What is measured.
        flow: (step,) the day as it is.
        row: (step,) rows of the scenario.
        array: Of the set-point, that holds the positions.
        columns: (device,) of that array.
        positions: (step, shift, device)
        threads: Threads of the power flow.
    """
    n_steps, n, _ = positions.shape
    steps = np.repeat(np.arange(n_steps), n)
    arrays = {name: getattr(flow.setpoint, name)[steps] for name in Setpoint.__slots__}
    arrays[array][:, list(columns)] = positions.reshape(n_steps * n, -1)
    there = solve(
        yardstick.case.network, Setpoint(**arrays), start_pu=flow.v_pu[steps], threads=threads
    )
    return yardstick.usd(there, row[steps]).reshape(n_steps, n)


def cheapest_shifts(usd: Floats, positions: Index, usd_a_step: float, most: int) -> Index:
    """The cheapest sequence of positions, all devices being at 0 before it: (step, device).

    Args:
        usd: (step, shift) price of being there.
        positions: (step, shift, device)
        usd_a_step: Price of moving one device by one.
        most: Largest move of a device from one step to the next.
    """

    def move(distance: Index) -> Floats:
        """Price of moving so far, (..., device)."""
        wear = usd_a_step * distance.sum(axis=-1)
        return np.where(distance.max(axis=-1) <= most, wear, np.inf)

    here = usd[0] + move(np.abs(positions[0]))
    came_from = np.zeros(usd.shape, dtype=np.int64)
    for step in range(1, len(usd)):
        distance = np.abs(positions[step - 1][:, None] - positions[step])
        through = here[:, None] + move(distance)
        came_from[step] = through.argmin(axis=0)
        here = through.min(axis=0) + usd[step]
    path = np.zeros(len(usd), dtype=np.int64)
    path[-1] = here.argmin()
    for step in range(len(usd) - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return positions[np.arange(len(usd)), path]
