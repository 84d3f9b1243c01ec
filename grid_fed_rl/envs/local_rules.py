"""Local rules as policies: volt-var curves with a clock for batteries, and even charging.

Each device sees what stands beside it and the time of day, and nobody coordinates them.
Regulators and capacitors have rules of their own (``local_controls=True``).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import volt_var_q_pu
from grid_fed_rl.envs.groups import Batteries, DeviceGroup, EvStations, Inverters
from grid_fed_rl.envs.vector import GridVectorEnv

__all__ = ["LocalRules"]

Floats = NDArray[np.float64]

CHARGE_FROM_H, CHARGE_TO_H = 10.0, 15.0
DISCHARGE_FROM_H, DISCHARGE_TO_H = 17.0, 21.0
BATTERY_SHARE = 0.4  # of full power: from half full, no battery of four hours is ever full


class LocalRules:
    """What devices do by themselves; those without a rule hold.

    - PV inverters inject reactive power by the curve of IEEE Std 1547-2018 for category
      B at the voltage that they last saw, and give all of the sun.
    - Batteries charge over noon and discharge in the evening, as OpenDSS's
      StorageController does in its time mode.
    - Charging stations charge no faster than the car in the greatest hurry needs, so that
      every car has what it asked for when it leaves.

    Args:
        env: The environment it acts in, whose snapshot it reads.
    """

    def __init__(self, env: GridVectorEnv) -> None:
        self._env = env
        self._rules = [self._rule_of(group) for group in env.case.groups]

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        """The action of every lane."""
        del observation  # every device reads its own instruments: the snapshot
        return np.concatenate([rule() for rule in self._rules], axis=1, dtype=np.float32)

    def _rule_of(self, group: DeviceGroup) -> Callable[[], Floats]:
        match group:
            case Inverters():
                return lambda: self._volt_var(group)
            case Batteries():
                return lambda: self._clock(group)
            case EvStations():
                return lambda: self._evenly(group)
        return lambda: np.zeros((self._env.num_envs, len(group.names)))

    def _volt_var(self, group: Inverters) -> Floats:
        network, v_pu = group.network, self._env.snapshot.v_pu
        action = np.zeros((len(v_pu), len(group.names)))
        for k, pv in enumerate(network.feeder.pvs.values()):
            nodes = [node for node in network.nodes_of(pv.terminal) if node >= 0]
            q_pu = volt_var_q_pu(v_pu[:, nodes].mean(axis=1))
            action[:, k] = np.clip(q_pu / group.q_limit_pu, -1.0, 1.0)
        return action

    def _clock(self, group: Batteries) -> Floats:
        snapshot, year = self._env.snapshot, self._env.case.year
        hour = (snapshot.next_row % year.steps_per_day) * year.step_h
        share = np.where((hour >= CHARGE_FROM_H) & (hour < CHARGE_TO_H), -BATTERY_SHARE, 0.0)
        evening = (hour >= DISCHARGE_FROM_H) & (hour < DISCHARGE_TO_H)
        share = np.where(evening, BATTERY_SHARE, share)
        return np.repeat(share[:, None], len(group.names), axis=1)

    def _evenly(self, group: EvStations) -> Floats:
        snapshot, step_h = self._env.snapshot, self._env.case.year.step_h
        plugs = group.plugs(snapshot.next_row)
        wanted = group.wanted_kwh(snapshot.states[group.state_name], plugs)
        due_kwh = np.maximum(wanted - plugs.later_kwh, 0.0)
        # A car takes no more in a step than it still wants, of which a share is less yet.
        fastest_kwh = np.minimum(plugs.max_kw * step_h, wanted)
        by_then_kwh = plugs.steps_left * fastest_kwh
        hurry = np.divide(due_kwh, by_then_kwh, out=np.zeros_like(due_kwh), where=by_then_kwh > 0.0)
        first = [int(np.argmax(group.table.plug_station == k)) for k in range(len(group.stations))]
        share = np.minimum(np.maximum.reduceat(hurry, first, axis=1), 1.0)
        action = np.zeros((len(share), len(group.names)))
        action[:, : share.shape[1]] = share - 1.0
        return action
