"""How OpenDSS writes numbers, matrices and places."""

from collections.abc import Iterable, Sequence

from grid_fed_rl.feeders.records import Connection, Terminal

__all__ = ["leg_place", "numbers", "place", "triangle"]


def numbers(values: Iterable[float]) -> str:
    """Write numbers in brackets, with all their digits."""
    return "[" + " ".join(map(repr, values)) + "]"


def triangle(rows: Sequence[Sequence[float]]) -> str:
    """Write the lower triangle of a symmetric matrix."""
    return "[" + " | ".join(" ".join(map(repr, row[: i + 1])) for i, row in enumerate(rows)) + "]"


def place(connection: Connection, terminal: Terminal) -> tuple[str, int, str]:
    """Say where a capacitor or reactor stands: first bus, number of phases, second bus.

    Both ends of a leg are written out. The second bus is empty for a delta of
    three conductors; one of two is written as a leg from node to node, which
    OpenDSS gets right where its one-phase delta does not.
    """
    n = connection.n_legs(len(terminal.phases))
    if connection is Connection.DELTA and n > 1:
        return str(terminal), n, ""
    if connection is Connection.DELTA:
        first, second = terminal.phases
        return f"{terminal.bus}.{first}", 1, f"{terminal.bus}.{second}"
    neutral = terminal.phases[-1] if connection is Connection.WYE_N else 0
    near = Terminal(terminal.bus, terminal.phases[:n])
    return str(near), n, str(Terminal(terminal.bus, (neutral,) * n))


def leg_place(connection: Connection, terminal: Terminal) -> tuple[str, str]:
    """Say where a winding, load or DER stands: bus with its neutral, connection."""
    if connection is Connection.DELTA:
        return str(terminal), "delta"
    return (f"{terminal}.0" if connection is Connection.WYE else str(terminal)), "wye"
