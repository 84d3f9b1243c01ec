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

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import steps_per_day
from grid_fed_rl.scenarios.ev import Sessions

__all__ = ["SessionTable", "session_table", "uncontrolled_kw"]


@dataclass(frozen=True, eq=False)
class SessionTable:
    """Sessions of each episode day, dense; all arrays are read-only.

    Lanes index by their day, `table.occupant[day, step]` is (lane, plug), and
    what the car there asks for is `table.energy_kwh[day, plug, slot]`. A slot
    without a session has arrival and departure 0 and no energy. Cars of a plug
    fill its slots in the order in which they come.
    """

    step_h: float
    first_hour: float  # at which an episode begins
    plug_station: npt.NDArray[np.int64]  # (plug,) index into the sessions' stations
    arrival_step: npt.NDArray[np.int32]  # (day, plug, slot) first step with the car
    departure_step: npt.NDArray[np.int32]  # (day, plug, slot) first step without it
    energy_kwh: npt.NDArray[np.float32]  # (day, plug, slot) asked for
    due_kwh: npt.NDArray[np.float32]  # (day, plug, slot) of it, by the episode's end
    max_kw: npt.NDArray[np.float32]  # (day, plug, slot)
    occupant: npt.NDArray[np.int16]  # (day, step, plug) slot of the car there, or -1
    left_out_kwh: float  # of sessions that the steps are too long to see

    def __post_init__(self) -> None:
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.flags.writeable = False


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
    n_plugs = len(sessions.plug_station)
    key = (day * n_plugs + plug)[order]
    slot = np.arange(len(key)) - np.searchsorted(key, key)
    n_slots = int(slot.max(initial=0)) + 1
    at = (day[order], plug[order], slot)

    def dense(values: npt.NDArray, dtype: type) -> npt.NDArray:
        array = np.zeros((n_days, n_plugs, n_slots), dtype=dtype)
        array[at] = values[order]
        return array

    occupant = np.full((n_days, n_steps, n_plugs), -1, dtype=np.int16)
    stay = np.minimum(end, n_steps)[order] - begin[order]
    step = np.arange(stay.sum()) - np.repeat(np.cumsum(stay) - stay, stay)
    step += np.repeat(begin[order], stay)
    occupant[np.repeat(at[0], stay), step, np.repeat(at[1], stay)] = np.repeat(slot, stay)
    return SessionTable(
        step_h,
        first_hour,
        sessions.plug_station,
        dense(begin, np.int32),
        dense(end, np.int32),
        dense(energy_kwh, np.float32),
        dense(due_kwh, np.float32),
        dense(max_kw, np.float32),
        occupant,
        left_out_kwh,
    )


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
