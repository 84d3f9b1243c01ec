"""How a feeder goes from one step to the next: pure functions over lanes.

A lane never sees another: every array is worked on row by row, and any subset of
lanes may be advanced by itself with the same numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.groups import Capacitors, Moment, Move, Regulators
from grid_fed_rl.envs.snapshot import LaneRecord, Snapshot
from grid_fed_rl.powerflow import PowerFlow, Setpoint, solve
from grid_fed_rl.powerflow.measures import losses_kw

__all__ = [
    "Attempt",
    "advance",
    "attempt",
    "concluded",
    "moment_at",
    "moved",
    "rest",
    "setpoint_of",
    "start_of",
]

Floats = NDArray[np.float64]
States = dict[str, NDArray]
Moves = dict[str, Move]

LOCALLY_CONTROLLED = Regulators | Capacitors  # what `LocalControls` moves


def rest(
    case: Case,
    day: NDArray[np.int64],
    threads: int | None = None,
    chance: NDArray[np.uint64] | None = None,
) -> Snapshot:
    """The feeder at the start of each day: its first load and sun, devices at rest.

    Args:
        case: What the environment is made of.
        day: (lane,) days of the year.
        threads: Threads of the power flow; all processors by default.
        chance: (lane,) keys of the streams that the noise of meters comes from; 0 by default.
    """
    n = len(day)
    moment = moment_at(case, case.year.steps_per_day * day)
    states = {group.state_name: group.rest(moment) for group in case.groups}
    moves = {group.state_name: Move.nothing(n, len(group.names)) for group in case.groups}
    setpoint = setpoint_of(case, moment, states, moves)
    flow = solve(case.network, setpoint, threads=threads)
    return _snapshot(
        case,
        day=day,
        step=np.zeros(n, dtype=np.int64),
        chance=np.zeros(n, dtype=np.uint64) if chance is None else chance,
        row=moment.row,
        states=states,
        moves=moves,
        operated={name: move.operations for name, move in moves.items()},
        setpoint=setpoint,
        der_kw_before=setpoint.der_kw,
        flow=flow,
        threads=threads,
    )


@dataclass(frozen=True, slots=True)
class Attempt(LaneRecord):
    """Where an action leads: devices and voltages, not yet measured.

    Attributes:
        states: (lane, device) state of each device group, by its `state_name`.
        moves: What each group did.
        flow: The solved feeder; its `setpoint` is what was solved.
    """

    states: States
    moves: Moves
    flow: PowerFlow


def advance(case: Case, before: Snapshot, action: Floats, threads: int | None = None) -> Snapshot:
    """Carry out an action of (lane, action) and solve the step that it governs.

    Devices move first, and then hold for the whole step. Where the case has
    local controls, regulators and capacitors ignore the action and settle with
    the load and sun of the step.

    Args:
        case: What the environment is made of.
        before: The feeder before the step.
        action: (lane, action) in [-1, 1].
        threads: Threads of the power flow; all processors by default.
    """
    moment = moment_at(case, before.next_row)
    made = attempt(case, before.states, start_of(case, before), moment, action, threads)
    return concluded(case, before, moment, made, threads)


def attempt(
    case: Case,
    states: Mapping[str, NDArray],
    start_pu: NDArray[np.complex128],
    moment: Moment,
    action: Floats,
    threads: int | None = None,
) -> Attempt:
    """What an action does to devices that stand so: the costly half of `advance`.

    Args:
        case: What the environment is made of.
        states: Of each device group, before the step.
        start_pu: (lane, node) voltages that the power flow starts from; see `start_of`.
        moment: The step.
        action: (lane, action) in [-1, 1].
        threads: Threads of the power flow; all processors by default.
    """
    after, moves = moved(case, states, action, moment)
    setpoint = setpoint_of(case, moment, after, moves)
    flow = _solved(case, moment.row, setpoint, start_pu, threads)
    failed = np.flatnonzero(~flow.converged)
    if len(failed):
        # At the edge of a load's window of voltage a good start may lead round in circles.
        again = _solved(case, moment.row[failed], setpoint.rows(failed), None, threads)
        flow = flow.with_rows(failed, again)
    if case.local_controls is not None:
        after, moves = _followed(case, after, moves, flow.setpoint)
    return Attempt(after, moves, flow)


def concluded(
    case: Case, before: Snapshot, moment: Moment, made: Attempt, threads: int | None = None
) -> Snapshot:
    """The feeder after an attempt that was carried out: the other half of `advance`."""
    return _snapshot(
        case,
        day=before.day,
        step=before.step + 1,
        chance=before.chance,
        row=moment.row,
        states=made.states,
        moves=made.moves,
        operated={
            name: done + made.moves[name].operations for name, done in before.operated.items()
        },
        setpoint=made.flow.setpoint,
        der_kw_before=before.setpoint.der_kw,
        flow=made.flow,
        threads=threads,
    )


def setpoint_of(
    case: Case, moment: Moment, states: Mapping[str, NDArray], moves: Mapping[str, Move]
) -> Setpoint:
    """What is solved when devices stand so in such a moment."""
    n, nominal = len(moment.row), case.nominal
    der_kw = np.zeros((n, len(case.network.ders)))
    der_kw[:, : moment.pv_kw.shape[1]] = moment.pv_kw
    arrays: dict[str, NDArray] = {
        "tap_position": np.repeat(nominal.tap_position, n, axis=0),
        "capacitor_step": np.repeat(nominal.capacitor_step, n, axis=0),
        "switch_closed": np.repeat(nominal.switch_closed, n, axis=0),
        "load_kw": moment.load_kw,
        "load_kvar": moment.load_kvar,
        "der_kw": der_kw,
        "der_kvar": np.zeros_like(der_kw),
    }
    for group in case.groups:
        group.write(arrays, states[group.state_name], moves[group.state_name])
    return Setpoint(**arrays)


def moment_at(case: Case, row: NDArray[np.int64]) -> Moment:
    """What the scenario brings in its rows, a lane each."""
    year = case.year
    return Moment(
        row=row,
        step_h=year.step_h,
        load_kw=year.load_kw.take(row, axis=0).astype(np.float64),
        load_kvar=year.load_kvar.take(row, axis=0).astype(np.float64),
        pv_kw=year.pv_kw.take(row, axis=0).astype(np.float64),
    )


def moved(
    case: Case, states: Mapping[str, NDArray], action: Floats, moment: Moment
) -> tuple[States, Moves]:
    """Every group carries out its part of an action: next states, and what was done."""
    if case.outages is not None:
        held = case.outages.held[moment.row // case.year.steps_per_day]
        action = np.where(held, 0.0, action)
    after: States = {}
    moves: Moves = {}
    first = 0
    for group in case.groups:
        last = first + len(group.names)
        wanted = action[:, first:last]
        first = last
        if case.local_controls is not None and isinstance(group, LOCALLY_CONTROLLED):
            wanted = np.zeros_like(wanted)
        name = group.state_name
        after[name], moves[name] = group.step(states[name], wanted, moment)
    return after, moves


def _solved(
    case: Case,
    row: NDArray[np.int64],
    setpoint: Setpoint,
    start_pu: NDArray[np.complex128] | None,
    threads: int | None,
) -> PowerFlow:
    """The power flow, settled where the case has local controls."""
    if case.local_controls is None:
        return solve(case.network, setpoint, start_pu=start_pu, threads=threads)
    hour = (row % case.year.steps_per_day) * case.year.step_h
    controls = replace(case.local_controls, hour=hour)
    return controls.settle(setpoint, start_pu=start_pu, threads=threads)


def start_of(case: Case, before: Snapshot) -> NDArray[np.complex128]:
    """Voltages to start from: the last ones; those without load where there are none."""
    flow = before.flow
    if flow.converged.all():
        return flow.v_pu
    return np.where(flow.converged[:, None], flow.v_pu, case.network.v_flat_pu)


def _followed(case: Case, states: States, moves: Moves, setpoint: Setpoint) -> tuple[States, Moves]:
    """States and moves once devices with their own controls have gone where these chose."""
    after, done = dict(states), dict(moves)
    for group in case.groups:
        if isinstance(group, LOCALLY_CONTROLLED):
            name = group.state_name
            after[name] = group.read(setpoint)
            done[name] = group.moved(states[name], after[name])
    return after, done


def _snapshot(
    case: Case,
    *,
    day: NDArray[np.int64],
    step: NDArray[np.int64],
    chance: NDArray[np.uint64],
    row: NDArray[np.int64],
    states: States,
    moves: Moves,
    operated: dict[str, NDArray[np.int64]],
    setpoint: Setpoint,
    der_kw_before: Floats,
    flow: PowerFlow,
    threads: int | None,
) -> Snapshot:
    if not flow.converged.all():
        flow = replace(flow, v_pu=np.where(flow.converged[:, None], flow.v_pu, 0.0))
    in_network = losses_kw(case.network, flow, threads)
    in_devices = sum((move.loss_kw for move in moves.values()), np.zeros(len(step)))
    year = case.year
    return Snapshot(
        day=day,
        step=step,
        chance=chance,
        row=row,
        next_row=(year.steps_per_day * day + step) % (year.steps_per_day * year.n_days),
        ends=step >= case.horizon,
        states=states,
        moves=moves,
        operated=operated,
        setpoint=setpoint,
        der_kw_before=der_kw_before,
        flow=flow,
        v_pu=case.service_pu(flow.v_pu),
        loss_kw=in_network + in_devices,
        step_h=year.step_h,
    )
