"""Whether one policy beats another, in a sentence.

Policies meet the same days, so they are compared seed by seed: the interval is that
of the difference, which what the days have in common has left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grid_fed_rl.analytics.statistics import Interval, interval
from grid_fed_rl.analytics.vocabulary import policy_text
from grid_fed_rl.demo.judge import BySeed, Results

__all__ = ["Verdict", "in_words", "verdicts"]

_MOST_MORE_PLACES = 4


@dataclass(frozen=True)
class Verdict:
    """Whether one policy beats another on violations and on losses.

    Attributes:
        better: both means are lower.
        text: the comparison in one sentence or two.
        difference: the other policy and the paired 95 % interval of each
            difference, as part of a sentence.
    """

    better: bool
    text: str
    difference: str


@dataclass(frozen=True)
class _Measure:
    metric: str
    label: str
    unit: str
    unit_again: str  # where the unit was said before
    unit_of_difference: str
    shown_per_unit: float
    places: int  # decimals, unless more are needed to tell two numbers apart


_MEASURES = (
    _Measure(
        "violation_rate",
        "voltage violations",
        "\u00a0% of node-steps",
        "\u00a0%",
        " percentage points",
        100.0,
        2,
    ),
    _Measure("loss_kwh", "energy loss", "\u00a0kWh a day", "", "\u00a0kWh a day", 1.0, 0),
)


def verdicts(results: Results, policy: str, others: Sequence[str]) -> list[Verdict]:
    """Compare a policy with each of some others."""
    return [_verdict(results, policy, other) for other in others]


def in_words(found: Sequence[Verdict]) -> str:
    """The paired differences of all verdicts in one sentence."""
    differences = "; ".join(verdict.difference for verdict in found)
    return (
        "Policies met the same days, so they are compared seed by seed; with 95\u00a0% confidence, "
        f"the differences are: {differences}."
    )


def _verdict(results: Results, policy: str, other: str) -> Verdict:
    name, others_name = policy_text(policy).label, policy_text(other).label.lower()
    differences = {one: _difference(one, results[policy], results[other]) for one in _MEASURES}
    better = all(difference.mean < 0.0 for difference in differences.values())
    compared = [_compared(one, results[policy], results[other]) for one in _MEASURES]
    text = f"{name} {_beats(others_name, differences)}: {', '.join(compared)}."
    unsure = [one.label for one, difference in differences.items() if difference.high >= 0.0]
    if better and unsure:
        text += f" The difference in {' and in '.join(unsure)} may be chance."
    likely = [_likely(one, difference) for one, difference in differences.items()]
    return Verdict(better, text, f"against {others_name}, {' and '.join(likely)}")


def _beats(other: str, differences: Mapping[_Measure, Interval]) -> str:
    lower = [one.label for one, difference in differences.items() if difference.mean < 0.0]
    rest = [one.label for one, difference in differences.items() if difference.mean >= 0.0]
    if not lower:
        return f"does not beat {other}"
    if not rest:
        return f"beats {other}"
    return f"beats {other} on {' and '.join(lower)} but not on {' and '.join(rest)}"


def _difference(measure: _Measure, mine: BySeed, theirs: BySeed) -> Interval:
    return interval((mine[measure.metric] - theirs[measure.metric]) * measure.shown_per_unit)


def _compared(measure: _Measure, mine: BySeed, theirs: BySeed) -> str:
    """Such as "energy loss 638 kWh a day instead of 714"."""
    means = [float(np.mean(one[measure.metric])) * measure.shown_per_unit for one in (mine, theirs)]
    here, there = _told_apart(means[0], means[1], measure.places)
    if here == there:
        return f"{measure.label} {here}{measure.unit} for both"
    return f"{measure.label} {here}{measure.unit} instead of {there}{measure.unit_again}"


def _likely(measure: _Measure, difference: Interval) -> str:
    """Such as "energy loss 70 to 82 kWh a day lower"."""
    near, far = sorted((abs(difference.low), abs(difference.high)))
    enough = [n for n in _places(measure.places) if round(far, n) > 0.0]
    if not enough:
        return f"{measure.label} the same"
    places = enough[0]
    near, far = f"{near:,.{places}f}", f"{far:,.{places}f}"
    unit = measure.unit_of_difference
    if difference.low <= 0.0 <= difference.high:
        lower, higher = (near, far) if -difference.low < difference.high else (far, near)
        return f"{measure.label} from {lower} lower to {higher}{unit} higher"
    way = "lower" if difference.high < 0.0 else "higher"
    return f"{measure.label} {far if near == far else f'{near} to {far}'}{unit} {way}"


def _told_apart(a: float, b: float, places: int) -> tuple[str, str]:
    """Two numbers of at least 0 with as many decimals as show which is larger."""
    for n in _places(places):
        shown = (f"{a:,.{n}f}", f"{b:,.{n}f}")
        if shown[0] != shown[1]:
            return shown
    return f"{a:,.{places}f}", f"{b:,.{places}f}"


def _places(least: int) -> range:
    return range(least, least + _MOST_MORE_PLACES + 1)
