"""Every fault of a feeder at once, as a list.

`validate` looks at what a solver would stumble over: names that point nowhere,
nodes that no conductor brings, impossible lengths and ratings, voltages that do
not belong together, buses that no switch can join to the source. `check` raises
one error that carries them all.
"""

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.issues import Issue
from grid_fed_rl.feeders.network_faults import (
    island_faults,
    loop_faults,
    name_faults,
    reference_faults,
    voltage_faults,
)
from grid_fed_rl.feeders.record_faults import record_faults

__all__ = ["Issue", "check", "validate"]

_MOST = 20  # faults in one message


def validate(feeder: Feeder, *, radial: bool = False, ratings: bool = True) -> list[Issue]:
    """Return every fault of a feeder; an empty list means it can be solved.

    Voltages, nodes and paths to the source are looked at only where every
    reference holds, since one wrong name would cut off all that is behind it.

    Args:
        feeder: What to look at.
        radial: Whether a loop of closed branches is a fault too, for those who
            need a tree. The engine does not.
        ratings: Whether a rated voltage that does not fit its bus is a fault. The
            engine solves it, as OpenDSS does.
    """
    broken = list(reference_faults(feeder))
    issues = [*name_faults(feeder), *broken, *record_faults(feeder)]
    if broken:
        return issues
    issues += [*(voltage_faults(feeder) if ratings else ()), *island_faults(feeder)]
    return [*issues, *loop_faults(feeder)] if radial else issues


def check(feeder: Feeder, *, ratings: bool = True) -> None:
    """Raise one `FeederError` that lists the faults, if there are any.

    Of very many it lists the first; `validate` returns all.

    Args:
        feeder: What to look at.
        ratings: As in `validate`.
    """
    issues = validate(feeder, ratings=ratings)
    if issues:
        lines = [str(issue) for issue in issues[:_MOST]]
        if len(issues) > _MOST:
            lines.append(f"and {len(issues) - _MOST} more")
        faults = "\n  ".join(lines)
        raise FeederError(f"feeder {feeder.name!r} has {len(issues)} fault(s):\n  {faults}")
