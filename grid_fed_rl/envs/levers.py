"""What each entry of an action pulls at, and how a feeder answers to it.

A lever is a column of the set-point: a tap, a capacitor's steps, the power of an
inverter, battery, load or charging station. Its position is that column over what a full
action moves, so that positions of all lanes share one matrix of sensitivities, while what
an action can reach (state of charge, taps at their ends, the sun, the cars that are there)
differs from lane to lane.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.dynamics import LOCALLY_CONTROLLED, moved, setpoint_of
from grid_fed_rl.envs.groups import (
    Batteries,
    Capacitors,
    DeviceGroup,
    EvStations,
    FlexibleLoads,
    Inverters,
    Moment,
    Move,
    Regulators,
)
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network, PowerFlow, Setpoint, nominal_setpoint, solve

ACTIVE_POWER = 10.0
"""How dear active power is beside taps and reactive power: it is energy, which costs money
and is missing at another time, while four tap steps cost cents."""

NUDGE = 0.05  # of a full action, by which a lever without settings is moved for its slope

__all__ = ["ACTIVE_POWER", "Lever", "Levers", "Reach", "executed_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lever:
    """One entry of an action.

    Attributes:
        array: Array of the set-point that it moves.
        column: Column of that.
        full: What a full action moves it by, in its unit: steps, kW or kvar; negative
            where an action of 1 lowers it.
        step: Distance of its settings, of a full action; 0 where it has any.
        dear: What a distance counts beside that of a tap, where actions are to stay near
            to others.
        idle: The action that asks nothing of the feeder.
        kvar_per_kw: Reactive power that goes with its active power.
    """

    array: str
    column: int
    full: float
    step: float = 0.0
    dear: float = 1.0
    idle: float = 0.0
    kvar_per_kw: float = 0.0


@dataclass(frozen=True)
class Reach:
    """What actions of some lanes can reach in a step: (lane, lever) each.

    Attributes:
        least: Position after an action of -1.
        most: After an action of 1.
        executed_least: That action as carried out.
        executed_most: The same of 1.
    """

    least: Floats
    most: Floats
    executed_least: Floats
    executed_most: Floats

    @cached_property
    def fixed(self) -> NDArray[np.bool_]:
        """Whether nothing moves it."""
        return (self.most - self.least) <= 1e-9

    @cached_property
    def action_per_position(self) -> Floats:
        """How far an action goes for a position; 1 where nothing moves."""
        span = np.where(self.fixed, 1.0, self.most - self.least)
        slope = (self.executed_most - self.executed_least) / span
        return np.where(self.fixed | (slope <= 0.0), 1.0, slope)

    def action(self, position: Floats) -> Floats:
        """The action that leads to a position within reach."""
        action = self.executed_least + (position - self.least) * self.action_per_position
        return np.clip(action, self.executed_least, self.executed_most)

    def lanes(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> "Reach":
        """Some lanes alone."""
        return Reach(
            self.least[index],
            self.most[index],
            self.executed_least[index],
            self.executed_most[index],
        )


class Levers:
    """The levers of a case.

    Attributes:
        each: (lever,) in the order of the action; `full`, `dear`, `step` and `idle` are theirs.
        groups: Device groups, and which levers are theirs.

    Args:
        case: What the environment is made of.

    Raises:
        TaskError: a group's devices are of no kind that is known here.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.each = tuple(lever for group in case.groups for lever in _levers_of(case, group))
        self.full = np.array([lever.full for lever in self.each])
        self.dear = np.array([lever.dear for lever in self.each])
        self.step = np.array([lever.step for lever in self.each])
        self.idle = np.array([lever.idle for lever in self.each])
        arrays = sorted({lever.array for lever in self.each})
        self._columns = tuple(
            (array, self.of(array), np.array([self.each[k].column for k in self.of(array)]))
            for array in arrays
        )
        ends = np.cumsum([0, *(len(group.names) for group in case.groups)]).tolist()
        self.groups = tuple(
            (group, np.arange(first, last))
            for group, first, last in zip(case.groups, ends[:-1], ends[1:], strict=True)
        )

    @property
    def followed(self) -> NDArray[np.int64]:
        """Levers that local controls move, where the case has such."""
        return np.concatenate(
            [np.empty(0, dtype=np.int64)]
            + [at for group, at in self.groups if isinstance(group, LOCALLY_CONTROLLED)]
        )

    def of(self, array: str) -> NDArray[np.int64]:
        """Levers that move an array of the set-point."""
        return np.flatnonzero([lever.array == array for lever in self.each])

    def position(self, setpoint: Setpoint) -> Floats:
        """(lane, lever) where they stand in a set-point."""
        stands = np.empty((len(setpoint.tap_position), len(self.each)))
        for array, at, columns in self._columns:
            stands[:, at] = getattr(setpoint, array)[:, columns]
        return stands / self.full

    def reach(self, states: Mapping[str, NDArray], moment: Moment) -> Reach:
        """What can be reached in a step by devices that stand so."""
        n = len(moment.row)
        twice = np.tile(np.arange(n), 2)  # one after an action of -1, the other of 1
        arrays = (moment.load_kw, moment.load_kvar, moment.pv_kw)
        both = Moment(moment.row[twice], moment.step_h, *(array[twice] for array in arrays))
        given = np.repeat([-1.0, 1.0], n)[:, None].repeat(len(self.each), axis=1)
        stands = {name: state[twice] for name, state in states.items()}
        after, moves = moved(self.case, stands, given, both)
        position = self.position(setpoint_of(self.case, both, after, moves))
        low, high = position[:n], position[n:]
        executed = executed_of(self.case, moves)
        return Reach(np.minimum(low, high), np.maximum(low, high), executed[:n], executed[n:])

    def nudged(self, threads: int | None = None) -> "Nudged":
        """Power flows in which each lever has moved a little by itself.

        They are about one operating point, the mean load and sun of the year with the
        devices at neutral. Slopes change by some percent with load and taps; whoever goes by
        them looks again with a power flow.
        """
        usual, n = _usual(self.case), len(self.each)
        arrays = {name: np.repeat(getattr(usual, name), n + 1, axis=0) for name in usual.__slots__}
        by = np.where(self.step > 0.0, self.step, NUDGE)
        for k, lever in enumerate(self.each):
            if lever.array == "capacitor_step" and usual.capacitor_step[0, lever.column] > 0:
                by[k] = -by[k]
            change = lever.full * by[k]
            row = arrays[lever.array][k + 1]
            row[lever.column] += np.asarray(change).astype(row.dtype)
            if lever.kvar_per_kw:
                arrays["load_kvar"][k + 1, lever.column] += lever.kvar_per_kw * change
        return Nudged(solve(self.case.network, Setpoint(**arrays), threads=threads), by)


@dataclass(frozen=True, eq=False)
class Nudged:
    """Power flows around an operating point.

    Attributes:
        flow: (1 + lever,) the operating point, and each lever moved by itself.
        by: (lever,) by how much, as a position.
    """

    flow: PowerFlow
    by: Floats

    def slopes(self, measure: Callable[[PowerFlow], NDArray[Any]]) -> NDArray[Any]:
        """Derivative of a measure of (row, thing) by one position of each lever: (thing, lever).

        0 by a lever whose power flow does not converge.
        """
        value, found = measure(self.flow), self.flow.converged
        slopes = (value[1:] - value[0]) / self.by[:, None]
        return np.where((found[1:] & found[0])[:, None], slopes, 0.0).T


def executed_of(case: Case, moves: Mapping[str, Move]) -> Floats:
    """(lane, action) the action as carried out."""
    return np.concatenate([moves[group.state_name].executed for group in case.groups], axis=1)


def _usual(case: Case) -> Setpoint:
    """One row: the year's mean load and sun, devices as the feeder has them at neutral."""
    year, one = case.year, nominal_setpoint(case.network)
    der_kw = np.zeros_like(one.der_kw)
    der_kw[:, : year.pv_kw.shape[1]] = year.pv_kw.mean(axis=0)
    return one.with_(
        tap_position=np.zeros_like(one.tap_position),
        load_kw=year.load_kw.mean(axis=0)[None].astype(np.float64),
        load_kvar=year.load_kvar.mean(axis=0)[None].astype(np.float64),
        der_kw=der_kw,
        der_kvar=np.zeros_like(der_kw),
    )


def _levers_of(case: Case, group: DeviceGroup) -> Sequence[Lever]:
    """A lever for each entry of the group's action, in order."""
    network, feeder = case.network, case.network.feeder
    match group:
        case Regulators():
            return [
                Lever("tap_position", k, group.most_steps, 1.0 / group.most_steps)
                for k in range(len(network.regulators))
            ]
        case Capacitors():
            return [Lever("capacitor_step", k, 0.5, 2.0) for k in range(len(network.capacitors))]
        case Batteries():
            n_pv = len(feeder.pvs)
            return [
                Lever("der_kw", n_pv + k, float(kw), dear=ACTIVE_POWER)
                for k, kw in enumerate(group.ratings.p_max_kw)
            ]
        case Inverters():
            pvs = list(feeder.pvs.values())
            kvar = [Lever("der_kvar", k, group.q_limit_pu * pv.kva) for k, pv in enumerate(pvs)]
            kw = [Lever("der_kw", k, pv.kva, dear=ACTIVE_POWER) for k, pv in enumerate(pvs)]
            return [*kvar, *kw] if group.curtails else kvar
        case FlexibleLoads():
            return [_flexible(network, k, group.share) for k in group.columns.tolist()]
        case EvStations():
            return _stations(network, group)
    raise TaskError(
        f"the shield has no lever for devices with state {group.state_name!r}; it knows "
        f"regulators, capacitors, batteries, inverters, flexible loads and charging stations"
    )


def _flexible(network: Network, column: int, share: float) -> Lever:
    load = network.feeder.loads[network.loads[column]]
    kvar = load.kvar / load.kw if load.kw else 0.0
    return Lever("load_kw", column, -share * load.kw, dear=ACTIVE_POWER, kvar_per_kw=kvar)


def _stations(network: Network, group: EvStations) -> list[Lever]:
    """Power of every station, then reactive power where it can be set."""
    columns = [network.loads.index(name) for name in group.loads]
    rated_kw = group.rated_kw.tolist()
    tangent = 0.0 if group.reactive else math.tan(math.acos(group.power_factor))
    kw = [
        Lever("load_kw", k, full, dear=ACTIVE_POWER, idle=-1.0, kvar_per_kw=tangent)
        for k, full in zip(columns, rated_kw, strict=True)
    ]
    if not group.reactive:
        return kw
    return [
        *kw,
        *(
            Lever("load_kvar", k, -full / group.power_factor)
            for k, full in zip(columns, rated_kw, strict=True)
        ),
    ]
