"""Charging sessions laid out by day and step, for many lanes at once.

An episode is a day: the 24 h that begin at `first_hour` of it. A session belongs
to the episode in which the car arrives. At the two ends of the episode:

- a car that came before and still stands there is there from step 0, and asks for
  what would be left had it charged at full power since it came;
- a car that stays beyond the end has a departure step beyond the last, and
  `due_kwh` says what it must have by the end so that the rest can still follow.

Homes are best seen from noon to noon (`first_hour=12`), where every car comes and
goes within one episode; workplaces and public stations from midnight.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import steps_per_day
from grid_fed_rl.scenarios.ev import Sessions

__all__ = ["SessionTable", "session_table", "uncontrolled_kw"]


@dataclass(frozen=True, eq=False)
class SessionTable:
    """Sessions of each episode day, and who is there by step; all arrays are read-only.

    Sessions are numbered in the order of day, plug and arrival; those of a day are
    `first_session[day]` to `first_session[day + 1]`, and one that several days see has
    a number in each. Row ``n_steps * day + step`` is a step of a day, and the sessions
    whose cars are there, in order, are ``there[first_there[row] : first_there[row + 1]]``.
    """

    step_h: float
    first_hour: float  # at which an episode begins
    plug_station: npt.NDArray[np.int64]  # (plug,) index into the sessions' stations
    first_session: npt.NDArray[np.int64]  # (day + 1,)
    plug: npt.NDArray[np.int32]  # (session,)
    arrival_step: npt.NDArray[np.int32]  # (session,) first step with the car
    departure_step: npt.NDArray[np.int32]  # (session,) first step without it
    energy_kwh: npt.NDArray[np.float32]  # (session,) asked for
    due_kwh: npt.NDArray[np.float32]  # (session,) of it, by the episode's end
    max_kw: npt.NDArray[np.float32]  # (session,)
    first_there: npt.NDArray[np.int64]  # (row + 1,)
    there: npt.NDArray[np.int32]  # sessions, row after row
    left_out_kwh: float  # of sessions that the steps are too long to see

    def __post_init__(self) -> None:
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.flags.writeable = False

    @property
    def n_steps(self) -> int:
        """Of a day."""
        return steps_per_day(self.step_h)

    @cached_property
    def station(self) -> npt.NDArray[np.int32]:
        """(session,) index of its station."""
        return self.plug_station[self.plug].astype(np.int32)

    @cached_property
    def later_kwh(self) -> npt.NDArray[np.float64]:
        """(session,) of what is asked for, what may follow after the episode."""
        return self.energy_kwh.astype(np.float64) - self.due_kwh


def session_table(sessions: Sessions, step_h: float, first_hour: float = 0.0) -> SessionTable:
    """Lay sessions out by episode day and step.

    Arrival and departure are rounded to the nearest step, so sessions that do not
    overlap still do not. One that rounds to no step at all is left out, and one
    that loses time asks for no more than still fits; both count in `left_out_kwh`.
    Steps of a quarter of an hour lose hardly anything; hours are too coarse for
    fast charging.

    Args:
        sessions: what `draw_sessions` gives.
        step_h: length of a step, which must divide a day.
        first_hour: at which an episode begins, a whole number of steps in [0, 24).
            Unless it is 0, the last day has no episode of its own.

    Raises:
        ScenarioError: `step_h` or `first_hour` is out of bounds.
    """
    n_steps = steps_per_day(step_h)
    offset = round(first_hour / step_h)
    if not 0 <= offset < n_steps or abs(offset * step_h - first_hour) > 1e-9:
        raise ScenarioError(
            f"session_table: first_hour = {first_hour:g}: must be whole steps of "
            f"{step_h:g} h in [0, 24)"
        )
    n_days = sessions.n_days - (offset > 0)
    arrival = np.rint(sessions.arrival_h / step_h).astype(np.int64) - offset
    departure = np.rint(sessions.departure_h / step_h).astype(np.int64) - offset
    fits_kwh = np.minimum(sessions.energy_kwh, sessions.max_kw * (departure - arrival) * step_h)
    left_out_kwh = float((sessions.energy_kwh - fits_kwh).sum())

    # A row for every episode that sees the car: the one it comes in, and the next
    # ones while it stays.
    seen = departure > arrival
    first_day = arrival // n_steps
    episodes = np.where(seen, (departure - 1) // n_steps - first_day + 1, 0)
    session = np.repeat(np.arange(len(sessions)), episodes)
    since = np.arange(len(session)) - np.repeat(np.cumsum(episodes) - episodes, episodes)
    day = first_day[session] + since
    within = (day >= 0) & (day < n_days)
    session, day = session[within], day[within]
    start = day * n_steps
    begin = np.maximum(arrival[session] - start, 0)
    end = departure[session] - start
    max_kw, plug = sessions.max_kw[session], sessions.plug[session]
    had_kwh = max_kw * np.maximum(start - arrival[session], 0) * step_h
    energy_kwh = np.maximum(fits_kwh[session] - had_kwh, 0.0)
    later_kwh = max_kw * np.maximum(end - n_steps, 0) * step_h
    due_kwh = np.maximum(energy_kwh - later_kwh, 0.0)

    order = np.lexsort((begin, plug, day))
    first_session = np.searchsorted(day[order], np.arange(n_days + 1))
    arrival_step, departure_step = begin[order].astype(np.int32), end[order].astype(np.int32)
    first_there, there = _there(first_session, arrival_step, departure_step, n_steps)
    return SessionTable(
        step_h,
        first_hour,
        sessions.plug_station,
        first_session,
        plug[order].astype(np.int32),
        arrival_step,
        departure_step,
        energy_kwh[order].astype(np.float32),
        due_kwh[order].astype(np.float32),
        max_kw[order].astype(np.float32),
        first_there,
        there,
        left_out_kwh,
    )


def _there(
    first_session: npt.NDArray[np.int64],
    arrival_step: npt.NDArray[np.int32],
    departure_step: npt.NDArray[np.int32],
    n_steps: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """`first_there` and `there` of a `SessionTable`."""
    n_days = len(first_session) - 1
    count = np.zeros(n_days * n_steps + 1, dtype=np.int64)
    steps = np.arange(n_steps)[:, None]
    there = [np.zeros(0, dtype=np.int32)]
    for day, (first, last) in enumerate(pairwise(first_session.tolist())):
        here = (arrival_step[first:last] <= steps) & (steps < departure_step[first:last])
        count[1 + day * n_steps : 1 + (day + 1) * n_steps] = here.sum(axis=1)
        there.append((first + np.nonzero(here)[1]).astype(np.int32))
    return np.cumsum(count), np.concatenate(there)


def uncontrolled_kw(sessions: Sessions, step_h: float) -> npt.NDArray[np.float32]:
    """Power drawn when every car charges at once and at full power, (step, station).

    Means over steps, exact to the energy: a step that a session begins or ends in
    has its share. What falls beyond the last day is left out.
    """
    n_steps = sessions.n_days * steps_per_day(step_h)
    power_kw = np.zeros((n_steps + 1, len(sessions.stations)))
    done_h = sessions.arrival_h + sessions.energy_kwh / sessions.max_kw
    first = np.minimum((sessions.arrival_h // step_h).astype(np.int64), n_steps)
    last = np.minimum((done_h // step_h).astype(np.int64), n_steps)
    # Differences of the running sum: whole steps between, then the two ends.
    station, kw = sessions.station, sessions.max_kw
    np.add.at(power_kw, (first, station), kw)
    np.add.at(power_kw, (last, station), -kw)
    power_kw = np.cumsum(power_kw, axis=0)
    begun = (sessions.arrival_h / step_h - first) * kw
    np.add.at(power_kw, (first, station), -begun)
    np.add.at(power_kw, (last, station), np.clip(done_h / step_h - last, 0.0, 1.0) * kw)
    return np.maximum(power_kw[:n_steps], 0.0).astype(np.float32)
