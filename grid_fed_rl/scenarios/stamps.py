"""Time stamps of a series: checked to be equal steps, and brought to standard time.

The clock of this package has days of 24 hours. A record in local time loses an hour
each spring and has one twice each autumn; with UTC offsets it is brought to
standard time, without them it is refused, as nothing is filled or dropped.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import steps_per_day

__all__ = ["parse_stamp", "step_of_stamps"]


def parse_stamp(text: str, time_format: str | None, place: str) -> datetime:
    """Read one stamp: ISO 8601, or by a format of `datetime.strptime`.

    Args:
        text: the stamp.
        time_format: None for ISO 8601.
        place: file, column and row, for the error.

    Raises:
        ScenarioError: it cannot be read.
    """
    try:
        if time_format is None:
            return datetime.fromisoformat(text)
        return datetime.strptime(text, time_format)
    except ValueError as error:
        wanted = "an ISO 8601 time such as 2024-01-01T00:15" if time_format is None else time_format
        raise ScenarioError(f"{place} = '{text}': must be {wanted}") from error


def step_of_stamps(stamps: Sequence[datetime], places: Sequence[str]) -> tuple[float, datetime]:
    """Length of the steps in hours, and the first stamp in standard time.

    Stamps are the beginnings of the steps. Those with UTC offsets are brought to
    the least of their offsets, which is standard time where clocks change.

    Args:
        stamps: (step,) all with a UTC offset or all without.
        places: (step,) file, column and row of each, for errors.

    Raises:
        ScenarioError: there are fewer than two, only some have an offset, one comes
            twice or too early, one is missing, the step does not divide a day, or
            the first is not at midnight.
    """
    if len(stamps) < 2:
        where = f"{places[0]}: " if places else ""
        raise ScenarioError(f"{where}{len(stamps)} time stamps: must be two at least")
    offsets = [stamp.utcoffset() for stamp in stamps]
    aware = offsets[0] is not None
    for stamp, offset, place in zip(stamps, offsets, places, strict=True):
        if (offset is not None) != aware:
            rule = "must have a UTC offset" if aware else "must have no UTC offset"
            raise ScenarioError(f"{place} = '{stamp.isoformat()}': {rule}, as the first one has")
    known = [offset for offset in offsets if offset is not None]
    if known:
        standard = min(known)
        times = [stamp.astimezone(UTC).replace(tzinfo=None) + standard for stamp in stamps]
    else:
        times = list(stamps)
    step = times[1] - times[0]
    for k in range(1, len(times)):
        if times[k] - times[k - 1] != step:
            raise _fault(stamps, times[k] - times[k - 1], step, k, places[k], aware)
    step_h = step / timedelta(hours=1)
    if step <= timedelta(0):
        raise ScenarioError(
            f"{places[1]} = '{stamps[1].isoformat()}': must come after the one before"
        )
    try:
        steps_per_day(step_h)
    except ScenarioError as error:
        raise ScenarioError(f"{places[1]} = '{stamps[1].isoformat()}': {error}") from error
    first = times[0]
    if first != datetime(first.year, first.month, first.day):
        raise ScenarioError(
            f"{places[0]} = '{stamps[0].isoformat()}': must be midnight"
            + (", standard time" if aware else "")
        )
    return step_h, first


def _fault(
    stamps: Sequence[datetime],
    found: timedelta,
    step: timedelta,
    k: int,
    place: str,
    aware: bool,
) -> ScenarioError:
    """What is wrong between two stamps, and whether clocks that change may be why."""
    if found <= timedelta(0):
        what = "comes twice or is out of order"
    elif found > step:
        what = f"leaves a gap of {found - step} before it"
    else:
        what = f"comes {found} after the one before, not {step}"
    hint = ""
    if not aware and abs(found - step) == timedelta(hours=1):
        hint = "; where clocks change, give standard time or stamps with UTC offsets"
    return ScenarioError(
        f"{place} = '{stamps[k].isoformat()}': {what}, after '{stamps[k - 1].isoformat()}'{hint}"
    )
