"""Reward and report of the benchmark, from what a step left."""

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.powergym.battery import power_kw
from grid_fed_rl.envs.powergym.dynamics import PowerGymSnapshot
from grid_fed_rl.envs.powergym.task import PowerGymTask

__all__ = ["observe", "report", "reward_terms"]

Floats = NDArray[np.float64]

_LOWEST_PU, _HIGHEST_PU = 0.95, 1.05
_TAP_LOWEST_PU, _TAP_STEP_PU = 0.9, 0.00625
_NOT_ZERO = 1e-10  # what the benchmark adds to a number of devices before it divides by it


def observe(task: PowerGymTask, snapshot: PowerGymSnapshot) -> NDArray[np.float32]:
    """(lane, entry): voltages, capacitors, tap ratios, and of each battery SOC and power."""
    max_kw, _, max_kwh, _ = task.ratings
    batteries = np.stack([snapshot.energy_kwh / max_kwh, snapshot.delivered_kw / max_kw], axis=2)
    tap_pu = _TAP_LOWEST_PU + snapshot.tap * _TAP_STEP_PU
    blocks = (snapshot.v_pu, snapshot.closed, tap_pu, batteries.reshape(len(tap_pu), -1))
    return np.concatenate(blocks, axis=1, dtype=np.float32, casting="same_kind")


def reward_terms(task: PowerGymTask, snapshot: PowerGymSnapshot) -> dict[str, Floats]:
    """Terms that add up to the reward, each (lane,); 0 right after a reset.

    ``power_reward`` weighs losses, ``vol_reward`` sums over buses how far the
    highest phase is above 1.05 and the lowest below 0.95, and ``ctrl_reward``
    weighs moves, discharge and, in the last step, the distance from the first
    state of charge.
    """
    system = task.system
    highest = np.maximum.reduceat(snapshot.v_pu, task.bus_starts, axis=1)
    lowest = np.minimum.reduceat(snapshot.v_pu, task.bus_starts, axis=1)
    outside = np.minimum(_HIGHEST_PU - highest, 0.0) + np.minimum(lowest - _LOWEST_PU, 0.0)
    moves = snapshot.switched.sum(axis=1) + snapshot.tapped.sum(axis=1)
    control = system.move_weight * moves
    control = control + system.discharge_weight * _discharge(task, snapshot).sum(axis=1)
    last = system.soc_weight * _soc_error(task, snapshot).sum(axis=1)
    control = control + np.where(snapshot.ends, last, 0.0)
    terms = {
        "power_reward": -system.loss_weight * np.clip(snapshot.loss_share, 0.0, 1.0),
        "vol_reward": outside.sum(axis=1),
        "ctrl_reward": -control,
    }
    return {name: np.where(snapshot.acted, term, 0.0) for name, term in terms.items()}


def report(task: PowerGymTask, snapshot: PowerGymSnapshot) -> dict[str, Floats]:
    """The benchmark's own entries of info, each (lane,)."""
    share = np.where(snapshot.acted, np.clip(snapshot.loss_share, 0.0, 1.0), 0.0)
    return {
        "power_loss_ratio": share,
        "av_cap_err": _mean(snapshot.switched),
        "av_reg_err": _mean(snapshot.tapped),
        "av_dis_err": _mean(_discharge(task, snapshot)),
        "av_soc_err": _mean(_soc_error(task, snapshot)),
        "av_soc": _mean(snapshot.energy_kwh / task.ratings[2]),
    }


def _discharge(task: PowerGymTask, snapshot: PowerGymSnapshot) -> Floats:
    """(lane, battery) discharge that was set, as a share of the rating."""
    max_kw = task.ratings[0]
    return np.maximum(power_kw(snapshot.battery, max_kw), 0.0) / max_kw


def _soc_error(task: PowerGymTask, snapshot: PowerGymSnapshot) -> Floats:
    """(lane, battery) distance from the first state of charge."""
    _, _, max_kwh, first_kwh = task.ratings
    return np.abs(snapshot.energy_kwh - first_kwh) / max_kwh


def _mean(values: NDArray) -> Floats:
    return values.sum(axis=1) / (values.shape[1] + _NOT_ZERO)
