"""What is read off one lane of an environment: the words and gauges of its picture."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from grid_fed_rl.drawing.readings import MINUS, Reading, Section, signed
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
        "substation": Reading(_kw(bought_kw)),
        "load": Reading(_kw(drawn_kw)),
        "losses": Reading(_kw(lane.loss_kw[0], 1)),
    }
    if pvs := case.network.feeder.pvs.values():
        kw = float(lane.setpoint.der_kw[0, : len(pvs)].sum())
        rated_kw = sum(one.kw_dc for one in pvs)
        readings["PV"] = Reading(_kw(kw), kw / rated_kw if rated_kw > 0.0 else 0.0)
    return readings


def _kw(kw: float, digits: int = 0, sign: str = "") -> str:
    number = round(float(kw), digits) or 0.0  # no minus before a zero
    return f"{number:{sign if number else ''},.{digits}f} kW".replace("-", MINUS)


class _Words(NamedTuple):
    """How one kind of device is read."""

    title: str
    origin: float
    say: Callable[[float], str]


_WORDS = {
    Regulators.state_name: _Words("Regulators, tap", 0.5, lambda tap: signed(int(tap))),
    Capacitors.state_name: _Words("Capacitors", 0.0, lambda on: "closed" if on else "open"),
    Batteries.state_name: _Words("Batteries, charge", 0.0, lambda soc: f"{100.0 * soc:.0f} %"),
}


def _groups(case: Case, lane: Snapshot) -> list[Section]:
    """A section a group of devices; its gauges show the state as the group observes it."""
    found = []
    for group in case.groups:
        name = group.state_name
        words = _WORDS.get(name, _Words(name.replace("_", " "), 0.0, "{:.2f}".format))
        state, seen = lane.states[name], group.observe(lane.states[name])[0]
        said = [words.say(float(one)) for one in (state[0] if name in _WORDS else seen)]
        if isinstance(group, Batteries):
            power_kw = lane.moves[name].executed[0] * group.ratings.p_max_kw
            said = [f"{word}, {_kw(kw, sign='+')}" for word, kw in zip(said, power_kw, strict=True)]
        shares = (seen + 1.0) / 2.0
        readings = [Reading(word, float(share)) for word, share in zip(said, shares, strict=True)]
        found.append(Section(words.title, group.state_names, readings, words.origin))
    return found
