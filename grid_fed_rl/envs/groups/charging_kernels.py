"""Charging, compiled: the cars that are there in a lane's row, one after the other.

Lanes do not see each other, and a station's cars are added up in the order of their plugs,
so that a lane is the same to the last bit alone and in any company.
"""

from typing import Any, NamedTuple

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
    station: NDArray[np.int32]
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
def _places(cars: Cars, row: int) -> tuple[int, int, int]:
    """Where the cars of a row begin and end in `there`, and where those of the row before begin."""
    return cars.first_there[row], cars.first_there[row + 1], cars.first_there[max(row - 1, 0)]


@njit(**COMPILED)
def _wanted(cars: Cars, step: int, car: int, before: int, was: int, left: Floats) -> Any:
    """What a car wants as a step begins, and where it stood in `there` the step before.

    It is what it asked for if it comes, as all do in a day's first step, else what is
    `left`: (car of the step before,). `was` is where the search begins, cars of both steps
    being in the same order.
    """
    if cars.arrival_step[car] == step:
        return np.float64(cars.energy_kwh[car]), was
    while cars.there[was] < car:
        was += 1
    return left[was - before], was


@njit(**COMPILED)
def wanted(cars: Cars, row: Index, state: Floats, wanted_kwh: Floats) -> None:
    """What each car wants, into (lane, car)."""
    for lane in range(len(row)):
        first, last, before = _places(cars, row[lane])
        step, was = row[lane] % cars.n_steps, before
        for k in range(first, last):
            kwh, was = _wanted(cars, step, cars.there[k], before, was, state[lane])
            wanted_kwh[lane, k - first] = kwh


@njit(**COMPILED)
def charge(
    cars: Cars, row: Index, step_h: float, state: Floats, share: Floats, after: Floats
) -> None:
    """Charge for a step at a share of the fastest: (lane, station).

    `after` is the state to come, all 0; see `EvStations`.
    """
    n, end = share.shape[1], after.shape[1]
    for lane in range(len(row)):
        still = after[lane, end - 3 * n :]
        unserved, drawn = still[n:], still[2 * n :]
        first, last, before = _places(cars, row[lane])
        step, was = row[lane] % cars.n_steps, before
        for k in range(first, last):
            car = cars.there[k]
            at = cars.station[car]
            left, was = _wanted(cars, step, car, before, was, state[lane])
            given = share[lane, at] * min(cars.max_kw[car] * step_h, left)
            left -= given
            after[lane, k - first] = left
            still[at] += left
            drawn[at] += given
            if min(cars.departure_step[car], cars.n_steps) == step + 1:
                unserved[at] += max(left - cars.later_kwh[car], 0.0)
        for at in range(n):
            drawn[at] /= step_h


@njit(**COMPILED)
def demanded(cars: Cars, row: Index, step_h: float, state: Floats, demand: Demand) -> None:
    """Add up what is asked of every station into `demand`, all 0."""
    fastest, needed, hurry = demand.fastest_kw, demand.needed_kw, demand.hurry
    for lane in range(len(row)):
        first, last, before = _places(cars, row[lane])
        step, was = row[lane] % cars.n_steps, before
        for k in range(first, last):
            car = cars.there[k]
            at = cars.station[car]
            left, was = _wanted(cars, step, car, before, was, state[lane])
            kw = min(cars.max_kw[car], left / step_h)
            due = max(left - cars.later_kwh[car], 0.0)
            stays_h = (min(cars.departure_step[car], cars.n_steps) - step) * step_h
            fastest[lane, at] += kw
            needed[lane, at] += due / stays_h
            # A car takes no more in a step than it still wants, of which a share is less yet.
            if due > hurry[lane, at] * kw * stays_h:
                hurry[lane, at] = due / (kw * stays_h)
            demand.cars[lane, at] += 1.0
