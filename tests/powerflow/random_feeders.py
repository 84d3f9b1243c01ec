"""Feeders that nobody wrote: one seed is one feeder, of everything the records allow.

A feeder grows from its source, bus by bus, over lines, switches, reactors and
transformers of any connection. Then come loops between nodes of like voltage, and what
stands on one bus, small enough beside the short-circuit power there that the feeder can
be solved. `random_setpoint` draws rows: any tap, step and switch, loads of 0 to 150 %.

Left out is what OpenDSS itself gets wrong or cannot say:

- A load whose law jumps (motor, cvr, fixed_q, fixed_x; a machine between two phases)
  stands well inside or well outside its window: at the jump a feeder has two solutions.
- A wye winding or load to the neutral "0" of three legs is a plain wye.
- The highest state of charge of a battery is 1: OpenDSS has no other.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import (
    Feeder,
)
from grid_fed_rl.powerflow import (
    Network,
    Setpoint,
    nominal_setpoint,
    solve,
)
from tests.powerflow.random_branches import Branches, Draw
from tests.powerflow.random_shunts import Shunts

__all__ = ["random_feeder", "random_setpoint"]


def random_feeder(seed: int) -> Feeder:
    """The feeder of a seed: 3 to 15 buses, as found with any switch open."""
    draw = Draw(seed)
    branches = Branches(draw, f"random{seed}")
    n_buses = int(draw.rng.integers(3, 16))
    while len(branches.buses) < n_buses:
        branches.grow()
    branches.mesh()
    n = int(draw.rng.integers(2, 2 * len(branches.buses) + 2))
    shunts = Shunts(draw, branches, n)
    kinds = ("loads", "loads", "loads", "capacitors", "pvs", "storages", "generators", "reactors")
    for _ in range(n):
        kind = draw.one(kinds)
        if kind == "reactors":
            reactor = shunts.reactor()
            branches.reactors[reactor.name] = reactor
        else:
            shunts.add(kind)
    return replace(branches.feeder(), **shunts.records)


def random_setpoint(network: Network, seed: int, n_rows: int) -> Setpoint:
    """The feeder as found, then rows of any taps, steps, switches, and loads to 150 %."""
    rng = np.random.default_rng((seed, 1))
    nominal = nominal_setpoint(network, n_rows)
    shape = nominal.load_kw.shape
    share, turn = rng.uniform(0.0, 1.5, shape), rng.uniform(0.0, 1.5, shape)
    size = (n_rows, len(network.regulators))
    taps = rng.integers(network.tap_lowest, network.tap_highest + 1, size)
    steps = rng.integers(0, network.capacitor_steps + 1, nominal.capacitor_step.shape)
    closed = rng.random(nominal.switch_closed.shape) < 0.7
    der = rng.uniform(-0.5, 1.0, nominal.der_kw.shape)
    random = nominal.with_(
        tap_position=taps,
        capacitor_step=steps,
        switch_closed=closed,
        load_kw=nominal.load_kw * share,
        load_kvar=nominal.load_kvar * turn,
        der_kw=nominal.der_kw * der,
        der_kvar=nominal.der_kvar * der,
    )
    first = np.arange(n_rows) == 0
    random = random.with_rows(first, nominal.rows(first))
    return random.with_(switch_closed=closed_where_cut(network, random))


def closed_where_cut(network: Network, setpoint: Setpoint) -> NDArray[np.bool_]:
    """Switches of every row, all closed where something hangs between live and dead.

    A load to a neutral that is cut off from every earth has no way back: its neutral
    has any voltage.
    """
    feeder, zero = network.feeder, np.zeros((1, 1))
    off = {f"{kind}_{unit}": zero for kind in ("load", "der") for unit in ("kw", "kvar")}
    dead = solve(network, setpoint.with_(**off)).v_pu == 0.0
    closed = setpoint.switch_closed.copy()
    for kind in ("loads", "pvs", "storages", "generators", "capacitors"):
        for one in getattr(feeder, kind).values():
            at = [k for k in network.nodes_of(one.terminal) if k >= 0]
            closed[dead[:, at].any(axis=1) & ~dead[:, at].all(axis=1)] = True
    return closed
