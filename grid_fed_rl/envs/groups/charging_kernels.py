"""Charging, compiled: the cars that are there in a lane's row, one after the other.

Lanes do not see each other, and a station's cars are added up in the order of their plugs,
so that a lane is the same to the last bit alone and in any company.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from grid_fed_rl.powerflow.lanes import COMPILED

__all__ = ["Cars", "Demand", "charge", "demanded", "wanted"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


class Cars(NamedTuple):
    """A `SessionTable` as the kernels take it."""

    n_steps: int
    first_there: Index
    there: NDArray[np.int32]
    station: Index
    arrival_step: NDArray[np.int32]
    departure_step: NDArray[np.int32]
    energy_kwh: NDArray[np.float32]
    later_kwh: Floats
    max_kw: NDArray[np.float32]


class Demand(NamedTuple):
    """What the cars of a step ask of their stations: (lane, station) each.

    Attributes:
        fastest_kw: What a station draws if every car there charges as fast as it can.
        needed_kw: Least that still serves every car in time, were it spread evenly.
        hurry: Share of its fastest, at each step that it stays, that the car in the greatest
            hurry needs to have what is due; above 1 if that is too late.
        cars: How many are there.
    """

    fastest_kw: Floats
    needed_kw: Floats
    hurry: Floats
    cars: Floats


@njit(**COMPILED)
def _come_and_go(cars: Cars, row: int, state: Floats, wanted_kwh: Floats) -> None:
    """What each car in a row wants, in order: what it asked for if it comes, else what is left.

    What is left stands in `state`, in the order of the cars of the row before.
    """
    first_there, there = cars.first_there, cars.there
    step = row % cars.n_steps
    first = first_there[row]
    before = first_there[row - 1] if step > 0 else first
    was = before
    for k in range(first, first_there[row + 1]):
        car = there[k]
        if cars.arrival_step[car] == step:
            wanted_kwh[k - first] = cars.energy_kwh[car]
        else:
            while there[was] < car:
                was += 1
            wanted_kwh[k - first] = state[was - before]


@njit(**COMPILED)
def wanted(cars: Cars, row: Index, state: Floats, wanted_kwh: Floats) -> None:
    """What each car wants, into (lane, car)."""
    for lane in range(len(row)):
        _come_and_go(cars, row[lane], state[lane], wanted_kwh[lane])


@njit(**COMPILED)
def charge(
    cars: Cars, row: Index, step_h: float, state: Floats, share: Floats, after: Floats
) -> None:
    """Charge for a step at a share of the fastest: (lane, station).

    `after` is the state to come, all 0; see `EvStations`.
    """
    n = share.shape[1]
    end = after.shape[1]
    for lane in range(len(row)):
        first, step = cars.first_there[row[lane]], row[lane] % cars.n_steps
        left = after[lane]
        still, unserved, drawn = left[end - 3 * n :], left[end - 2 * n :], left[end - n :]
        _come_and_go(cars, row[lane], state[lane], left)
        for k in range(cars.first_there[row[lane] + 1] - first):
            car = cars.there[first + k]
            at = cars.station[car]
            given = share[lane, at] * min(cars.max_kw[car], left[k] / step_h) * step_h
            left[k] -= given
            still[at] += left[k]
            drawn[at] += given
            if min(cars.departure_step[car], cars.n_steps) == step + 1:
                unserved[at] += max(left[k] - cars.later_kwh[car], 0.0)
        for at in range(n):
            drawn[at] /= step_h


@njit(**COMPILED)
def demanded(cars: Cars, row: Index, step_h: float, state: Floats, demand: Demand) -> None:
    """Add up what is asked of every station into `demand`, all 0."""
    wanted_kwh = np.empty(state.shape[1])
    fastest, needed, hurry = demand.fastest_kw, demand.needed_kw, demand.hurry
    for lane in range(len(row)):
        first, step = cars.first_there[row[lane]], row[lane] % cars.n_steps
        _come_and_go(cars, row[lane], state[lane], wanted_kwh)
        for k in range(cars.first_there[row[lane] + 1] - first):
            car = cars.there[first + k]
            at = cars.station[car]
            kw = min(cars.max_kw[car], wanted_kwh[k] / step_h)
            due = max(wanted_kwh[k] - cars.later_kwh[car], 0.0)
            stays_h = (min(cars.departure_step[car], cars.n_steps) - step) * step_h
            fastest[lane, at] += kw
            needed[lane, at] += due / stays_h
            if due > hurry[lane, at] * kw * stays_h:
                hurry[lane, at] = due / (kw * stays_h)
            demand.cars[lane, at] += 1.0
