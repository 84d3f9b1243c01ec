"""How the benchmark goes from one step to the next: pure functions over lanes.

OpenDSS's clock stands at 0 h when a profile is loaded and moves on before every
step. So step k, from 1, is solved with hour k of the profile, and a reset with
its last hour, which is what OpenDSS reads at 0 h.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.powergym.battery import SETTINGS, energy_after, feasible_setting, power_kw
from grid_fed_rl.envs.powergym.systems import HORIZON, TAPS
from grid_fed_rl.envs.powergym.task import TAP_LOWEST, PowerGymTask
from grid_fed_rl.envs.snapshot import LaneRecord
from grid_fed_rl.powerflow import PowerFlow, Setpoint, solve
from grid_fed_rl.powerflow.measures import der_kw, losses_kw, source_kw

__all__ = ["PowerGymSnapshot", "advance", "rest"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PowerGymSnapshot(LaneRecord):
    """The feeder after a step, one row a lane.

    Attributes:
        profile: (lane,) load profile of the episode.
        step: (lane,) steps that are done; 0 right after a reset.
        closed: (lane, capacitor) 1 closed, 0 open.
        tap: (lane, regulator) setting, 0 to 32.
        battery: (lane, battery) setting as carried out, 0 to 32.
        energy_kwh: (lane, battery) stored.
        delivered_kw: (lane, battery) what each gave to the grid.
        switched: (lane, capacitor) change of `closed` in the step, 0 or 1.
        tapped: (lane, regulator) change of `tap` in the step, 0 or more.
        loss_share: (lane,) losses over what the substation delivers, not yet clipped.
        flow: The solved power flow, with 0 V in a lane that did not converge.
        v_pu: (lane, node) voltage magnitude.
    """

    profile: Integers
    step: Integers
    closed: Integers
    tap: Integers
    battery: Integers
    energy_kwh: Floats
    delivered_kw: Floats
    switched: Integers
    tapped: Integers
    loss_share: Floats
    flow: PowerFlow
    v_pu: Floats

    @property
    def acted(self) -> NDArray[np.bool_]:
        """(lane,) whether a step was taken."""
        return self.step > 0

    @property
    def ends(self) -> NDArray[np.bool_]:
        """(lane,) whether this was the last step."""
        return self.step >= HORIZON

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """(lane,) whether the power flow of the step did not converge."""
        return self.acted & ~self.flow.converged


def rest(task: PowerGymTask, profile: Integers, threads: int | None = None) -> PowerGymSnapshot:
    """The feeder before the first step: capacitors closed, taps at 1.1, batteries idle.

    Args:
        task: The system.
        profile: (lane,) profile of each lane.
        threads: Threads of the power flow; all processors by default.
    """
    n, network = len(profile), task.network
    closed = np.ones((n, len(network.capacitors)), dtype=np.int64)
    tap = np.full((n, len(task.regulators)), TAPS - 1, dtype=np.int64)
    battery = np.full((n, len(task.batteries)), SETTINGS // 2, dtype=np.int64)
    step = np.zeros(n, dtype=np.int64)
    setpoint = _setpoint(task, profile, step, closed, tap, battery)
    flow = _solved(task, setpoint, None, threads)
    return PowerGymSnapshot(
        profile=profile,
        step=step,
        closed=closed,
        tap=tap,
        battery=battery,
        energy_kwh=np.repeat(task.ratings[3:4], n, axis=0),
        delivered_kw=_delivered_kw(task, flow),
        switched=np.zeros_like(closed),
        tapped=np.zeros_like(tap),
        loss_share=_loss_share(task, flow),
        flow=flow,
        v_pu=np.abs(flow.v_pu),
    )


def advance(
    task: PowerGymTask, before: PowerGymSnapshot, action: Integers, threads: int | None = None
) -> PowerGymSnapshot:
    """Set all devices, solve the hour, and take from the batteries what they gave.

    Args:
        task: The system.
        before: The feeder before the step.
        action: (lane, device) settings: capacitors, regulators, batteries.
        threads: Threads of the power flow; all processors by default.
    """
    max_kw, _, max_kwh, _ = task.ratings
    n_capacitors = before.closed.shape[1]
    n_switched = n_capacitors + before.tap.shape[1]
    closed, tap = action[:, :n_capacitors], action[:, n_capacitors:n_switched]
    battery = feasible_setting(action[:, n_switched:], before.energy_kwh, max_kw, max_kwh)
    step = before.step + 1
    setpoint = _setpoint(task, before.profile, step, closed, tap, battery)
    flow = _solved(task, setpoint, before.flow, threads)
    delivered_kw = _delivered_kw(task, flow)
    return PowerGymSnapshot(
        profile=before.profile,
        step=step,
        closed=closed,
        tap=tap,
        battery=battery,
        energy_kwh=energy_after(before.energy_kwh, delivered_kw, max_kwh),
        delivered_kw=delivered_kw,
        switched=np.abs(closed - before.closed),
        tapped=np.abs(tap - before.tap),
        loss_share=_loss_share(task, flow),
        flow=flow,
        v_pu=np.abs(flow.v_pu),
    )


def _setpoint(
    task: PowerGymTask,
    profile: Integers,
    step: Integers,
    closed: Integers,
    tap: Integers,
    battery: Integers,
) -> Setpoint:
    nominal, n = task.nominal, len(profile)
    times = task.profiles[profile, (step - 1) % HORIZON]
    max_kw, kvar_per_kw, _, _ = task.ratings
    tap_position = np.repeat(nominal.tap_position, n, axis=0)
    tap_position[:, task.regulators] = tap - TAP_LOWEST
    der_kw_, der_kvar = (np.repeat(x, n, axis=0) for x in (nominal.der_kw, nominal.der_kvar))
    der_kw_[:, task.ders] = power_kw(battery, max_kw)
    der_kvar[:, task.ders] = der_kw_[:, task.ders] * kvar_per_kw
    return Setpoint(
        tap_position=tap_position,
        capacitor_step=closed.astype(np.int32),
        switch_closed=np.repeat(nominal.switch_closed, n, axis=0),
        load_kw=times * nominal.load_kw,
        load_kvar=times * nominal.load_kvar,
        der_kw=der_kw_,
        der_kvar=der_kvar,
    )


def _solved(
    task: PowerGymTask, setpoint: Setpoint, last: PowerFlow | None, threads: int | None
) -> PowerFlow:
    start = None
    if last is not None:
        start = np.where(last.converged[:, None], last.v_pu, task.network.v_flat_pu)
    flow = solve(task.network, setpoint, start_pu=start, threads=threads)
    if flow.converged.all():
        return flow
    return replace(flow, v_pu=np.where(flow.converged[:, None], flow.v_pu, 0.0))


def _delivered_kw(task: PowerGymTask, flow: PowerFlow) -> Floats:
    return der_kw(task.network, flow)[:, task.ders]


def _loss_share(task: PowerGymTask, flow: PowerFlow) -> Floats:
    """Losses over what the substation delivers; 1 where the power flow did not converge."""
    lost_kw, taken_kw = losses_kw(task.network, flow), source_kw(task.network, flow)
    return np.divide(lost_kw, taken_kw, out=np.ones_like(lost_kw), where=taken_kw != 0.0)
