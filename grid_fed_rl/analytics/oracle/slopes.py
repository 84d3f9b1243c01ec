"""How money, the substation's power and all limited quantities answer to every input.

Differences of power flows: each input of each step is moved by itself, and all these rows
are solved in one batch. That gives at once what has no derivative in `sensitivity`, a
capacitor's switching or a whole tap, and every quantity that has a limit, whatever it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.curvature import curvature
from grid_fed_rl.analytics.oracle.yardstick import Limited, Yardstick
from grid_fed_rl.powerflow import PowerFlow, Setpoint, measures, solve

__all__ = ["Nudge", "Slopes", "moved_setpoint", "slopes"]

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

VALUES_A_BATCH = 20_000_000  # voltages held at once, which bounds the memory
POWERS = ("der_kw", "der_kvar", "load_kw")


@dataclass(frozen=True)
class Nudge:
    """One input: what a set-point changes by when it moves by one unit.

    Attributes:
        changes: Array of the set-point, its column, and (step,) change by one unit.
        by: (step,) how far it is moved for the difference, in its own unit.
    """

    changes: tuple[tuple[str, int, Floats], ...]
    by: Floats


@dataclass(frozen=True, eq=False)
class Slopes:
    """A trajectory's quantities and their derivatives by every input.

    Attributes:
        metered_usd: (step, input) derivative of `Yardstick.metered_usd`.
        loss_bends: (step, input, input) their second derivative by powers; 0 by taps and
            banks, whose bend is another.
        source_kw_at: (step,) what the substation delivers.
        source_kw: (step, input) its derivative.
        limited: Quantities that have limits, (step, thing).
        by_limited: (step, thing, input) derivative of each.
    """

    metered_usd: Floats
    loss_bends: Floats
    source_kw_at: Floats
    source_kw: Floats
    limited: tuple[Limited, ...]
    by_limited: tuple[Floats, ...]

    def predicted(self, change: Floats) -> tuple[Floats, ...]:
        """(step, thing) limited quantities once inputs have moved by (step, input)."""
        return tuple(
            one.value + np.einsum("stk,sk->st", slope, change)
            for one, slope in zip(self.limited, self.by_limited, strict=True)
        )


def moved_setpoint(
    setpoint: Setpoint, nudges: Sequence[Nudge], steps: Index, repeat: int
) -> Setpoint:
    """Rows of steps, each as often as there are inputs, input k moved in the k-th."""
    rows = np.repeat(steps, repeat)
    arrays = {name: getattr(setpoint, name)[rows] for name in Setpoint.__slots__}
    for k, nudge in enumerate(nudges):
        for name, column, change in nudge.changes:
            by = (change * nudge.by)[steps]
            arrays[name][k::repeat, column] += by.astype(arrays[name].dtype)
    return Setpoint(**arrays)


def slopes(
    yardstick: Yardstick, flow: PowerFlow, nudges: Sequence[Nudge], threads: int | None = None
) -> Slopes:
    """Linearise at every row of a power flow.

    Args:
        yardstick: What is measured.
        flow: (step,) the trajectory; its set-point is what local controls came to.
        nudges: The inputs.
        threads: Threads of the power flow.
    """
    network, n = yardstick.case.network, len(nudges)
    by = np.stack([one.by for one in nudges], axis=1)
    at = yardstick.limited(flow)
    usd, bends, source, limited = [], [], [], []
    is_power = np.array([one.changes[0][0] in POWERS for one in nudges])
    a_batch = max(1, VALUES_A_BATCH // (n * network.n_nodes))
    for first in range(0, len(flow.v_pu), a_batch):
        steps = np.arange(first, min(first + a_batch, len(flow.v_pu)))
        beside = solve(
            network,
            moved_setpoint(flow.setpoint, nudges, steps, n),
            start_pu=np.repeat(flow.v_pu[steps], n, axis=0),
            threads=threads,
        )
        usd.append(yardstick.metered_usd(beside).reshape(-1, n))
        source.append(measures.source_kw(network, beside).reshape(-1, n))
        dv = beside.v_pu.reshape(len(steps), n, -1) - flow.v_pu[steps, None]
        dv *= is_power[:, None] / by[steps, :, None]
        bends.append(curvature(network, flow.rows(steps), dv.swapaxes(1, 2)))
        moved = yardstick.limited(beside)
        limited.append([one.value.reshape(len(steps), n, -1).swapaxes(1, 2) for one in moved])
    source_at = measures.source_kw(network, flow)
    return Slopes(
        metered_usd=(np.concatenate(usd) - yardstick.metered_usd(flow)[:, None]) / by,
        loss_bends=np.concatenate(bends),
        source_kw_at=source_at,
        source_kw=(np.concatenate(source) - source_at[:, None]) / by,
        limited=at,
        by_limited=tuple(
            (np.concatenate(parts) - one.value[:, :, None]) / by[:, None, :]
            for one, parts in zip(at, zip(*limited, strict=True), strict=True)
        ),
    )
