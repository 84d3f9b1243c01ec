"""What each entry of an action pulls at, and how voltages answer to it.

A lever is a column of the set-point: a tap, a capacitor's steps, the power of an
inverter, battery or load. Its position is that column over what a full action moves,
so that positions of all lanes share one matrix of sensitivities, while what an action
can reach (state of charge, taps at their ends, the sun) differs from lane to lane.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.dynamics import moved, setpoint_of
from grid_fed_rl.envs.groups import (
    Batteries,
    Capacitors,
    DeviceGroup,
    FlexibleLoads,
    Inverters,
    Moment,
    Move,
    Regulators,
)
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network, PowerFlow, Setpoint, nominal_setpoint, solve
from grid_fed_rl.powerflow.sensitivity import Response, sensitivity

ACTIVE_POWER = 10.0
"""How dear active power is beside taps and reactive power: it is energy, which costs money
and is missing at another time, while four tap steps cost cents."""

__all__ = ["Lever", "Levers", "Reach", "executed_of"]

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
        p: Elements or nodes whose active power it moves, and kW a unit of each.
        q: The same of reactive power, in kvar.
        tap: Regulator whose tap it is.
    """

    array: str
    column: int
    full: float
    step: float = 0.0
    dear: float = 1.0
    p: tuple[tuple[str, float], ...] = ()
    q: tuple[tuple[str, float], ...] = ()
    tap: str | None = None


@dataclass(frozen=True)
class Reach:
    """What actions of some lanes can reach in a step: (lane, lever) each.

    Attributes:
        least: Position after an action of -1.
        most: After an action of 1.
        executed_least: That action as carried out.
        executed_most: The other.
    """

    least: Floats
    most: Floats
    executed_least: Floats
    executed_most: Floats

    @property
    def fixed(self) -> NDArray[np.bool_]:
        """Whether nothing moves it."""
        return (self.most - self.least) <= 1e-9

    @property
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
    """The levers of a case, and the sensitivity of every voltage to them.

    Sensitivities are those of one operating point, the mean load and sun of the year
    with the devices at rest. They change by some percent with load and taps; whoever
    goes by them looks again with a power flow.

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
        self.operating_point = _usual(case)
        self.by_voltage = self._by_voltage()

    def position(self, setpoint: Setpoint) -> Floats:
        """(lane, lever) where they stand in a set-point."""
        columns = [getattr(setpoint, lever.array)[:, lever.column] for lever in self.each]
        return np.stack(columns, axis=1).astype(np.float64) / self.full

    def reach(self, states: Mapping[str, NDArray], moment: Moment) -> Reach:
        """What can be reached in a step by devices that stand so."""
        ends = []
        for action in (-1.0, 1.0):
            given = np.full((len(moment.row), len(self.each)), action)
            after, moves = moved(self.case, states, given, moment)
            position = self.position(setpoint_of(self.case, moment, after, moves))
            ends.append((position, executed_of(self.case, moves)))
        (low, executed_low), (high, executed_high) = ends
        return Reach(np.minimum(low, high), np.maximum(low, high), executed_low, executed_high)

    def _by_voltage(self) -> Floats:
        """(node, lever) change of the magnitude of service voltage by one position."""
        network = self.case.network
        flow = solve(network, self.operating_point, threads=1)
        names = [{name for lever in self.each for name, _ in power(lever)} for power in (_p, _q)]
        taps = [lever.tap for lever in self.each if lever.tap is not None]
        s = sensitivity(network, flow, p=sorted(names[0]), q=sorted(names[1]), taps=taps)
        columns = []
        for lever in self.each:
            column = np.zeros(network.n_nodes)
            for response, moved_by in ((s.p, lever.p), (s.q, lever.q)):
                for name, amount in moved_by:
                    column += amount * self._of_service(flow, response, name)
            if lever.tap is not None:
                column += self._of_service(flow, s.taps, lever.tap)
            columns.append(column * lever.full)
        return np.stack(columns, axis=1)

    def _of_service(self, flow: PowerFlow, response: Response, name: str) -> Floats:
        """(node,) derivative of the voltages that customers are served by."""
        k, following = response.index(name), self.case.next_phase
        if following is None:
            return response.v_magnitude_pu[0, :, k]
        v, dv = flow.v_pu[0], response.v_pu[0, :, k]
        v, dv = v - v[following], dv - dv[following]
        return (v.conj() * dv).real / (np.abs(v) * math.sqrt(3.0))


def executed_of(case: Case, moves: Mapping[str, Move]) -> Floats:
    """(lane, action) the action as carried out."""
    return np.concatenate([moves[group.state_name].executed for group in case.groups], axis=1)


def _p(lever: Lever) -> tuple[tuple[str, float], ...]:
    return lever.p


def _q(lever: Lever) -> tuple[tuple[str, float], ...]:
    return lever.q


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
                Lever("tap_position", k, group.most_steps, 1.0 / group.most_steps, tap=name)
                for k, name in enumerate(network.regulators)
            ]
        case Capacitors():
            return [
                Lever("capacitor_step", k, 0.5, 2.0, q=_bank(network, name))
                for k, name in enumerate(network.capacitors)
            ]
        case Batteries():
            n_pv = len(feeder.pvs)
            return [
                Lever(
                    "der_kw", n_pv + k, float(kw), dear=ACTIVE_POWER, p=((f"storage.{name}", 1.0),)
                )
                for k, (name, kw) in enumerate(
                    zip(group.names, group.ratings.p_max_kw, strict=True)
                )
            ]
        case Inverters():
            kvar = [
                Lever("der_kvar", k, group.q_limit_pu * pv.kva, q=((f"pv.{pv.name}", 1.0),))
                for k, pv in enumerate(feeder.pvs.values())
            ]
            kw = [
                Lever("der_kw", k, pv.kva, dear=ACTIVE_POWER, p=((f"pv.{pv.name}", 1.0),))
                for k, pv in enumerate(feeder.pvs.values())
            ]
            return [*kvar, *kw] if group.curtails else kvar
        case FlexibleLoads():
            return [_flexible(network, k, group.share) for k in group.columns.tolist()]
    raise TaskError(
        f"the shield has no lever for devices with state {group.state_name!r}; it knows "
        f"regulators, capacitors, batteries, inverters and flexible loads"
    )


def _bank(network: Network, name: str) -> tuple[tuple[str, float], ...]:
    """Kvar a step of a bank injects at each of its nodes, at nominal voltage."""
    bank = network.feeder.capacitors[name]
    nodes = [k for k in network.nodes_of(bank.terminal) if k >= 0]
    kvar = bank.kvar / bank.n_steps / len(nodes)
    return tuple((network.node_names[k], kvar) for k in nodes)


def _flexible(network: Network, column: int, share: float) -> Lever:
    name = network.loads[column]
    load = network.feeder.loads[name]
    kvar = load.kvar / load.kw if load.kw else 0.0
    own = f"load.{name}"
    return Lever(
        "load_kw",
        column,
        -share * load.kw,
        dear=ACTIVE_POWER,
        p=((own, -1.0),),
        q=((own, -kvar),),
    )
