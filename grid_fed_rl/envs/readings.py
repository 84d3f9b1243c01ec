"""What is read off one lane of an environment: the words and gauges of its picture."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from grid_fed_rl.drawing.readings import Reading, Section
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.groups import Batteries, Capacitors, Regulators
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.powerflow.measures import load_kw, source_kw

__all__ = ["clock", "sections"]


def clock(case: Case, lane: Snapshot) -> str:
    """Which time of which day is shown, and whether it has a solution.

    Args:
        case: What the environment is made of.
        lane: One lane of a snapshot.
    """
    day, of_day = divmod(int(lane.row[0]), case.year.steps_per_day)
    begin, end = (_time(k * case.year.step_h) for k in (of_day, of_day + 1))
    done = int(lane.step[0])
    of_episode = f"step {done} of {case.horizon}" if done else "before the first step"
    words = f"Day {day}, {begin} to {end}; {of_episode}"
    return words if lane.flow.converged[0] else f"{words}; NO SOLUTION: the voltage collapsed"


def _time(hours: float) -> str:
    minutes = round(60.0 * hours)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def sections(case: Case, lane: Snapshot, counts: Mapping[str, tuple[int, int]]) -> list[Section]:
    """Readings of one lane: violations, the feeder, and each group of devices.

    Args:
        case: What the environment is made of.
        lane: One lane of a snapshot.
        counts: Violations of each cost channel, in the last step and in the episode.
    """
    violations = [
        Reading(f"{now:,} now, {so_far:,} so far", alarm=now > 0) for now, so_far in counts.values()
    ]
    feeder = _feeder(case, lane)
    return [
        Section("Violations", tuple(counts), violations),
        Section("Feeder", tuple(feeder), list(feeder.values())),
        *_groups(case, lane),
    ]


def _feeder(case: Case, lane: Snapshot) -> dict[str, Reading]:
    """Voltages and powers of the whole feeder; zero where it has no solution."""
    live = lane.v_pu[0][lane.v_pu[0] > 0.0]
    voltage = f"{live.min():.3f} to {live.max():.3f} p.u." if live.size else "none"
    bought_kw = source_kw(case.network, lane.flow)[0] if live.size else 0.0
    drawn_kw = load_kw(case.network, lane.flow)[0].sum() if live.size else 0.0
    readings = {
        "voltage": Reading(voltage),
        "substation": Reading(f"{bought_kw:,.0f} kW"),
        "load": Reading(f"{drawn_kw:,.0f} kW"),
        "losses": Reading(f"{lane.loss_kw[0]:,.1f} kW"),
    }
    if pvs := case.network.feeder.pvs.values():
        kw = float(lane.setpoint.der_kw[0, : len(pvs)].sum())
        rated_kw = sum(one.kw_dc for one in pvs)
        readings["PV"] = Reading(f"{kw:,.0f} kW", kw / rated_kw if rated_kw > 0.0 else 0.0)
    return readings


class _Words(NamedTuple):
    """How one kind of device is read."""

    title: str
    origin: float
    say: Callable[[float, float], str]  # state, and the move executed as -1 to 1


def _taps(state: float, move: float) -> str:
    del move
    return f"{state:+.0f}".replace("-", "−") if state else "0"


def _capacitor(state: float, move: float) -> str:
    del move
    return "closed" if state else "open"


def _battery(state: float, move: float) -> str:
    """Charge, and which way it goes."""
    way = "discharges" if move > 0.0 else "charges" if move < 0.0 else "idle"
    return f"{100.0 * state:.0f} %, {way}"


_WORDS = {
    Regulators.state_name: _Words("Regulators, tap", 0.5, _taps),
    Capacitors.state_name: _Words("Capacitors", 0.0, _capacitor),
    Batteries.state_name: _Words("Batteries, charge", 0.0, _battery),
}


def _groups(case: Case, lane: Snapshot) -> list[Section]:
    """A section a group of devices; its gauges show the state as the group observes it."""
    found = []
    for group in case.groups:
        plain = _Words(group.state_name.replace("_", " "), 0.0, lambda state, _: f"{state:.2f}")
        words = _WORDS.get(group.state_name, plain)
        states = lane.states[group.state_name]
        readings = [
            Reading(words.say(float(state), float(move)), float(share))
            for state, move, share in zip(
                states[0],
                lane.moves[group.state_name].executed[0],
                (group.observe(states)[0] + 1.0) / 2.0,
                strict=True,
            )
        ]
        found.append(Section(words.title, group.names, readings, words.origin))
    return found
