"""How a feeder goes from one step of restoration to the next: pure functions over lanes.

In a step the agent's switch moves first. Then what the step brings: repairs that are
done, a second fault, and protection wherever a fault is energised. The power flow is
that of the step's load with the switches as they then stand.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.case import FLISRCase
from grid_fed_rl.envs.flisr.faults import MOST_FAULTS, Faults, area_of, draw_faults, tripped
from grid_fed_rl.envs.flisr.masks import Refusal, refusals, split_action
from grid_fed_rl.envs.flisr.snapshot import FLISRSnapshot
from grid_fed_rl.powerflow import PowerFlow, Setpoint, measures, solve

__all__ = ["advance", "hour_of_day", "rest", "setpoint_of", "solved"]

LEAST_FORWARD_KW = 0.01  # through a regulator that is fed from its source side

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Events:
    """What a step brought, and how switches stand after it."""

    faults: Faults
    active: Flags
    closed: Flags
    tripped: Flags
    crew_operations: Index


def rest(
    case: FLISRCase,
    hour: Index,
    chance: NDArray[np.uint64],
    first: Index | None = None,
    threads: int | None = None,
) -> FLISRSnapshot:
    """The feeder right after the first fault of an episode: protection has tripped.

    Args:
        case: What the environment is made of.
        hour: (lane,) row of the year in which it strikes.
        chance: (lane,) keys of the streams that faults are drawn from.
        first: (lane,) sections of the first fault, if they are chosen.
        threads: Threads of the power flow; all processors by default.
    """
    n = len(hour)
    faults = draw_faults(case, chance, first)
    normal = np.repeat(case.sections.normal[None], n, axis=0)
    time = np.zeros(n, dtype=np.int64)
    before = _solved_before(case, normal, hour, threads)
    struck = faults.strikes == 0
    events = _protected(case, faults, struck, faults.active(time), normal, time)
    return _snapshot(
        case,
        hour=hour,
        step=time,
        events=events,
        action=time,
        refused=np.zeros(n, dtype=np.int8),
        pickup=np.zeros((n, len(case.network.loads))),
        before=before,
        threads=threads,
    )


def advance(
    case: FLISRCase, before: FLISRSnapshot, action: Index, threads: int | None = None
) -> FLISRSnapshot:
    """Carry out an action of (lane,) and let a step pass.

    An action that the mask of `before` excludes does nothing; why is in `refused`.
    """
    lanes = np.arange(len(action))
    refused = before.refusals[lanes, action]
    done = np.where(refused == Refusal.NONE, action, 0)
    switch, opens, closes = split_action(done)
    closed = before.closed.copy()
    closed[lanes, switch] = (closed[lanes, switch] | closes) & ~opens
    time = before.step  # the step begins when so many are done
    closed, restored = _repaired(case, before, closed, time)
    active = before.faults.active(time)
    struck = active & ~before.active
    events = _protected(case, before.faults, struck, active, closed, restored)
    return _snapshot(
        case,
        hour=before.hour,
        step=before.step + 1,
        events=events,
        action=done,
        refused=refused,
        pickup=_pickup(case, before),
        before=before.flow,
        threads=threads,
    )


def _repaired(
    case: FLISRCase, before: FLISRSnapshot, closed: Flags, time: Index
) -> tuple[Flags, Index]:
    """Switches after the crew, and how many it moved: all to normal once all is repaired."""
    faults = before.faults
    done = (faults.repaired == time[:, None]).any(axis=1)
    left = (faults.active(time) & before.active).any(axis=1)
    restores = done & ~left & case.config.crew_restores
    after = np.where(restores[:, None], case.sections.normal, closed)
    return after, (after != closed).sum(axis=1)


def _protected(
    case: FLISRCase,
    faults: Faults,
    struck: Flags,
    active: Flags,
    closed: Flags,
    crew_operations: Index,
) -> _Events:
    """Faults that strike now, and what trips because a faulted section is energised."""
    sections = case.sections
    area, opened = faults.area.copy(), np.zeros_like(closed)
    for k in range(MOST_FAULTS):
        here = area_of(sections, closed, faults.section[:, k])
        area[:, k] = np.where(struck[:, [k]], here, area[:, k])
        live = sections.any_phase(sections.standing(closed).live)
        energised = active[:, k] & np.take_along_axis(live, faults.section[:, [k]], axis=1)[:, 0]
        trips = tripped(sections, closed, faults.section[:, k], energised)
        opened |= trips
        closed = closed & ~trips
    return _Events(replace(faults, area=area), active, closed, opened, crew_operations)


def _pickup(case: FLISRCase, before: FLISRSnapshot) -> Floats:
    """(lane, load) the share of cold-load excess one step later."""
    config = case.config
    fade = np.exp(-config.step_h / config.cold_load_decay_h)
    rise = np.exp(-config.step_h / config.cold_load_rise_h)
    pickup = before.pickup
    return np.where(before.served, pickup * fade, 1.0 - (1.0 - pickup) * rise)


def setpoint_of(
    case: FLISRCase,
    closed: Flags,
    served: Flags,
    load_kw: Floats,
    load_kvar: Floats,
    taps: PowerFlow | None = None,
) -> Setpoint:
    """What is solved: a load that lacks a phase draws nothing.

    Args:
        case: What the environment is made of.
        closed: (row, switch).
        served: (row, load).
        load_kw: (row, load) demand.
        load_kvar: (row, load) demand.
        taps: Where regulators and capacitors stand at first; as the feeder has them by
            default.
    """
    n, nominal = len(closed), case.nominal
    stand = nominal if taps is None else taps.setpoint
    return Setpoint(
        tap_position=np.ascontiguousarray(
            np.broadcast_to(stand.tap_position, (n, nominal.tap_position.shape[1]))
        ),
        capacitor_step=np.ascontiguousarray(
            np.broadcast_to(stand.capacitor_step, (n, nominal.capacitor_step.shape[1]))
        ),
        switch_closed=np.ascontiguousarray(closed),
        load_kw=load_kw * served,
        load_kvar=load_kvar * served,
        der_kw=np.repeat(nominal.der_kw, n, axis=0),
        der_kvar=np.repeat(nominal.der_kvar, n, axis=0),
    )


def solved(
    case: FLISRCase,
    setpoint: Setpoint,
    hour_of_day: Floats,
    start_pu: NDArray[np.complex128] | None,
    threads: int | None,
) -> PowerFlow:
    """The power flow, local controls settled where the case has them."""
    network = case.network
    if case.controls is None:
        flow = solve(network, setpoint, start_pu=start_pu, threads=threads)
    else:
        controls = replace(case.controls, hour=hour_of_day)
        flow = controls.settle(setpoint, start_pu=start_pu, threads=threads)
        flow = _neutral_where_reversed(case, flow, threads)
    if flow.converged.all():
        return flow
    return replace(flow, v_pu=np.where(flow.converged[:, None], flow.v_pu, 0.0))


def _neutral_where_reversed(case: FLISRCase, flow: PowerFlow, threads: int | None) -> PowerFlow:
    """Taps at neutral where no power comes from a regulator's source side.

    Where it comes from the other side, the control would run to the end of its range, away
    from the voltage that it holds.
    """
    if not len(case.regulated):
        return flow
    into = measures.branch_flows(case.network, flow, case.regulated)
    forward_kw = into.power_kva.real @ case.into_regulator
    astray = (forward_kw < LEAST_FORWARD_KW) & (flow.setpoint.tap_position != 0)
    rows = np.flatnonzero(astray.any(axis=1) & flow.converged)
    if not len(rows):
        return flow
    before = flow.rows(rows)
    taps = np.where(astray[rows], 0, before.setpoint.tap_position)
    setpoint = before.setpoint.with_(tap_position=taps)
    again = solve(case.network, setpoint, start_pu=before.v_pu, threads=threads)
    return flow.with_rows(rows, again)


def hour_of_day(case: FLISRCase, row: Index) -> Floats:
    """(lane,) hour at which a row of the year begins, in its day."""
    return (row % case.year.steps_per_day).astype(np.float64) * case.year.step_h


def _solved_before(case: FLISRCase, normal: Flags, hour: Index, threads: int | None) -> PowerFlow:
    """The feeder before anything went wrong; it says where taps stand."""
    row = case.row_at(hour, np.zeros_like(hour))
    load_kw, load_kvar = _demand(case, row)
    served = np.ones(load_kw.shape, dtype=bool)
    setpoint = setpoint_of(case, normal, served, load_kw, load_kvar)
    return solved(case, setpoint, hour_of_day(case, row), None, threads)


def _demand(case: FLISRCase, row: Index) -> tuple[Floats, Floats]:
    year = case.year
    return year.load_kw[row].astype(np.float64), year.load_kvar[row].astype(np.float64)


def _snapshot(
    case: FLISRCase,
    *,
    hour: Index,
    step: Index,
    events: _Events,
    action: Index,
    refused: NDArray[np.int8],
    pickup: Floats,
    before: PowerFlow,
    threads: int | None,
) -> FLISRSnapshot:
    sections, config, closed = case.sections, case.config, events.closed
    standing = sections.standing(closed)
    served = sections.serves(standing.live)
    row = case.row_at(hour, np.maximum(step - 1, 0))
    demand_kw, demand_kvar = _demand(case, row)
    drawn = 1.0 + config.cold_load_excess * pickup
    setpoint = setpoint_of(case, closed, served, demand_kw * drawn, demand_kvar * drawn, before)
    start = np.where(before.v_pu == 0.0, case.network.v_flat_pu, before.v_pu)  # dead till now
    flow = solved(case, setpoint, hour_of_day(case, row), start, threads)
    located = events.faults.located(step, config.location_steps)
    suspected = events.faults.suspected(events.active, located)
    return FLISRSnapshot(
        hour=hour,
        step=step,
        ends=step >= config.horizon,
        faults=events.faults,
        active=events.active,
        located=located & events.active,
        suspected=suspected,
        closed=closed,
        tripped=events.tripped,
        action=action,
        refused=refused,
        crew_operations=events.crew_operations,
        live=standing.live,
        loops=sections.loops(closed, standing.label),
        served=served & flow.converged[:, None],
        demand_kw=demand_kw,
        pickup=pickup,
        refusals=refusals(
            sections,
            closed,
            standing,
            suspected,
            radial=config.radial,
            guard_faults=config.guard_faults,
        ),
        loading=measures.loading(case.network, flow).share,
        flow=flow,
        v_pu=np.abs(flow.v_pu),
    )
