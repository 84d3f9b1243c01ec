"""The best positions of one tap or bank through a day, all else as it is.

Every position of every step is solved in one batch, exactly; which sequence of them is
cheapest, wear included, is a dynamic programme (R. Bellman, 1957). Going round the devices
in turn is a coordinate descent over what a linear programme can only relax and round.
"""

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.yardstick import Yardstick
from grid_fed_rl.powerflow import PowerFlow, Setpoint, solve

__all__ = ["cheapest_path", "usd_of_positions"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


def usd_of_positions(
    yardstick: Yardstick,
    flow: PowerFlow,
    row: Index,
    array: str,
    column: int,
    positions: Index,
    threads: int | None = None,
) -> Floats:
    """What every step costs in every position of a device: (step, position).

    Args:
        yardstick: What is measured.
        flow: (step,) the day as it is.
        row: (step,) rows of the scenario.
        array: Of the set-point, that holds the position.
        column: Of that array.
        positions: (position,)
        threads: Threads of the power flow.
    """
    n, steps = len(positions), np.repeat(np.arange(len(row)), len(positions))
    arrays = {name: getattr(flow.setpoint, name)[steps] for name in Setpoint.__slots__}
    arrays[array][:, column] = np.tile(positions, len(row))
    there = solve(
        yardstick.case.network, Setpoint(**arrays), start_pu=flow.v_pu[steps], threads=threads
    )
    return yardstick.usd(there, row[steps]).reshape(-1, n)


def cheapest_path(usd: Floats, positions: Index, first: int, usd_a_step: float, most: int) -> Index:
    """The cheapest sequence of positions: (step,).

    Args:
        usd: (step, position) price of being there.
        positions: (position,)
        first: Position before the first step.
        usd_a_step: Price of moving by one.
        most: Largest move from one step to the next.
    """
    distance = np.abs(positions[:, None] - positions)
    move = np.where(distance <= most, usd_a_step * distance, np.inf)
    begin = np.abs(positions - first)
    here = usd[0] + np.where(begin <= most, usd_a_step * begin, np.inf)
    came_from = np.zeros(usd.shape, dtype=np.int64)
    for step in range(1, len(usd)):
        through = here[:, None] + move
        came_from[step] = through.argmin(axis=0)
        here = through.min(axis=0) + usd[step]
    path = np.zeros(len(usd), dtype=np.int64)
    path[-1] = here.argmin()
    for step in range(len(usd) - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return positions[path]
