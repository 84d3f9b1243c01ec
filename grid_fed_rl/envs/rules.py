"""Rules of thumb for DER and for charging: what a learned policy has to beat.

`LocalRules` see what stands beside each device and the clock, and nobody coordinates them.
`Shave` and `Spread` know the limits of the substation, too, and so show that a task can be
held. Like `baselines.Behaviour` all read what an operator would, the snapshot and the load
and sun of the step to come, and not the observation. Regulators and capacitors have rules of
their own (``local_controls=True``).
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import volt_var_q_pu
from grid_fed_rl.envs.costs import HeadCost
from grid_fed_rl.envs.dynamics import moment_at
from grid_fed_rl.envs.groups import (
    Batteries,
    DeviceGroup,
    EvStations,
    FlexibleLoads,
    Inverters,
    Moment,
)
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow.measures import source_kw

__all__ = ["LocalRules", "Shave", "Spread"]

Floats = NDArray[np.float64]
Group = TypeVar("Group")

CHARGE_FROM_H, CHARGE_TO_H = 10.0, 15.0
DISCHARGE_FROM_H, DISCHARGE_TO_H = 17.0, 21.0
BATTERY_SHARE = 0.4  # of full power: from half full, no battery of four hours is ever full

MARGIN = 0.95  # of the import limit; what is left of it is kept from both limits
LOSSES = 1.04  # times the load, what is delivered for it, about; for looking far ahead
EVENING_H = 15.0  # when batteries should be full


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
                return lambda: _volt_var(self._env, group)
            case Batteries():
                return lambda: self._clock(group)
            case EvStations():
                return lambda: self._evenly(group)
        return lambda: np.zeros((self._env.num_envs, len(group.names)))

    def _clock(self, group: Batteries) -> Floats:
        snapshot, year = self._env.snapshot, self._env.case.year
        hour = (snapshot.next_row % year.steps_per_day) * year.step_h
        share = np.where((hour >= CHARGE_FROM_H) & (hour < CHARGE_TO_H), -BATTERY_SHARE, 0.0)
        evening = (hour >= DISCHARGE_FROM_H) & (hour < DISCHARGE_TO_H)
        share = np.where(evening, BATTERY_SHARE, share)
        return np.repeat(share[:, None], len(group.names), axis=1)

    def _evenly(self, group: EvStations) -> Floats:
        snapshot, step_h = self._env.snapshot, self._env.case.year.step_h
        state = snapshot.states[group.state_name]
        share = np.minimum(group.demand(state, snapshot.next_row, step_h).hurry, 1.0)
        action = np.zeros((len(share), len(group.names)))
        action[:, : share.shape[1]] = share - 1.0
        return action


class Shave:
    """Runs batteries, flexible loads and PV so that the substation keeps its limits.

    Batteries give what is drawn beyond the import limit, take what would flow back beyond
    the export limit, and in between fill up for the evening and empty to half. What they
    cannot do, flexible loads put off, and PV gives up. Inverters follow the volt-var curve
    of IEEE Std 1547 on the voltage they last saw.

    Raises:
        TaskError: the environment has no limit at its substation, or lacks such devices.
    """

    def __init__(self, env: GridVectorEnv) -> None:
        self._env = env
        self._import_kw, self._export_kw = _head_kw(env)
        self._pv = _group(env, Inverters)
        self._stores = _group(env, Batteries)
        self._flexible = _group(env, FlexibleLoads)

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        """The action of every lane."""
        del observation
        case, snapshot = self._env.case, self._env.snapshot
        moment = moment_at(case, snapshot.next_row)
        drawn_kw = _delivered_for_a_kw(self._env) * moment.load_kw.sum(axis=1) - moment.pv_kw.sum(
            axis=1
        )
        spare_kw = (1.0 - MARGIN) * self._import_kw
        beyond_kw = drawn_kw - self._import_kw + spare_kw
        back_kw = -drawn_kw - self._export_kw + spare_kw
        store_kw = self._store_kw(moment, beyond_kw, back_kw)
        parts = {
            self._pv.state_name: self._inverters(moment, back_kw + np.minimum(store_kw, 0.0)),
            self._stores.state_name: store_kw[:, None]
            / self._stores.ratings.p_max_kw.sum()
            * np.ones(len(self._stores.names)),
            self._flexible.state_name: self._put_off(moment, beyond_kw - store_kw),
        }
        blocks = [parts[group.state_name] for group in case.groups]
        return np.concatenate(blocks, axis=1).clip(-1.0, 1.0).astype(np.float32)

    def _store_kw(self, moment: Moment, beyond_kw: Floats, back_kw: Floats) -> Floats:
        """What all batteries together should give: (lane,)."""
        ratings, year = self._stores.ratings, self._env.case.year
        soc = self._env.snapshot.states[self._stores.state_name].mean(axis=1)
        most_kw, energy_kwh = ratings.p_max_kw.sum(), ratings.energy_kwh.sum()
        left = (soc - ratings.soc_min.max()) * energy_kwh / moment.step_h
        room = (1.0 - soc) * energy_kwh / moment.step_h
        hour = moment.row % year.steps_per_day * year.step_h
        # Filling up leaves room for the sun where it will flow back.
        sunny = self._flows_back(moment)
        full = np.where(sunny & (hour < EVENING_H - 1.0), 0.6, 0.95)
        filling = (hour < EVENING_H) | (hour >= 22.0)
        full = np.where(hour >= 22.0, 0.55, full)
        fill_kw = np.where(filling, np.maximum(full - soc, 0.0) * energy_kwh / moment.step_h, 0.0)
        fill_kw = np.minimum(fill_kw, np.maximum(-beyond_kw, 0.0))
        kw = np.where(beyond_kw > 0.0, beyond_kw, np.where(back_kw > 0.0, -back_kw, -fill_kw))
        return np.clip(kw, -np.minimum(room, most_kw), np.minimum(left, most_kw))

    def _flows_back(self, moment: Moment) -> NDArray[np.bool_]:
        """Whether it will, later on that day: (lane,)."""
        year = self._env.case.year
        n = year.steps_per_day
        drawn_kw = LOSSES * year.load_kw.sum(axis=1) - year.pv_kw.sum(axis=1)
        return (drawn_kw.reshape(-1, n).min(axis=1) < -self._export_kw)[moment.row // n]

    def _inverters(self, moment: Moment, back_kw: Floats) -> Floats:
        """Reactive power by the voltage, active power less what would flow back."""
        offered_kw = np.maximum(moment.pv_kw.sum(axis=1), 1e-9)
        cut = np.clip(np.maximum(back_kw, 0.0) / offered_kw, 0.0, 1.0)
        action = _volt_var(self._env, self._pv)
        n = len(self._pv.kva)
        action[:, n:] = -cut[:, None]
        return action

    def _put_off(self, moment: Moment, beyond_kw: Floats) -> Floats:
        """All that can be put off where it must, and made up for where there is room."""
        owed_kwh = self._env.snapshot.states[self._flexible.state_name]
        most_kw = self._flexible.share * moment.load_kw[:, self._flexible.columns]
        total_kw = np.maximum(most_kw.sum(axis=1), 1e-9)
        need = np.clip(beyond_kw / total_kw, 0.0, 1.0)[:, None]
        room = np.clip(-beyond_kw / total_kw, 0.0, 1.0)[:, None]
        back = np.minimum(owed_kwh / np.maximum(most_kw * moment.step_h, 1e-9), room)
        return np.where(need > 0.0, need, -np.maximum(back, 0.0))


class Spread:
    """Charges at full speed where the substation has room for it, and spread out where not.

    Spread out is evenly over the time that each car stays. All cars of a station share
    one setting, so those that stay shortest come short.

    Raises:
        TaskError: the environment has no import limit at its substation, or no stations.
    """

    def __init__(self, env: GridVectorEnv) -> None:
        self._env = env
        self._stations = _group(env, EvStations)
        self._import_kw, _ = _head_kw(env)

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        """The action of every lane."""
        del observation
        group, snapshot = self._stations, self._env.snapshot
        moment = moment_at(self._env.case, snapshot.next_row)
        demand = group.demand(snapshot.states[group.state_name], moment.row, moment.step_h)
        fastest_kw, even_kw = demand.fastest_kw, demand.needed_kw
        a_kw = _delivered_for_a_kw(self._env)
        others_kw = a_kw * moment.load_kw.sum(axis=1) - moment.pv_kw.sum(axis=1)
        room_kw = (MARGIN * self._import_kw - others_kw) / a_kw - even_kw.sum(axis=1)
        more_kw = fastest_kw - even_kw
        more = np.clip(room_kw / np.maximum(more_kw.sum(axis=1), 1e-9), 0.0, 1.0)
        kw = even_kw + more[:, None] * more_kw
        share = np.divide(kw, fastest_kw, out=np.ones_like(kw), where=fastest_kw > 0.0)
        action = np.zeros((len(share), len(group.names)))
        action[:, : share.shape[1]] = share - 1.0
        return action.clip(-1.0, 0.0).astype(np.float32)


def _volt_var(env: GridVectorEnv, group: Inverters) -> Floats:
    """(lane, action) reactive power by the default curve of category B, IEEE Std 1547-2018.

    At the voltage that each inverter saw last; all of the sun is given.
    """
    network, v_pu = group.network, env.snapshot.v_pu
    action = np.zeros((len(v_pu), len(group.names)))
    for k, pv in enumerate(network.feeder.pvs.values()):
        nodes = [node for node in network.nodes_of(pv.terminal) if node >= 0]
        q_pu = volt_var_q_pu(v_pu[:, nodes].mean(axis=1))
        action[:, k] = np.clip(q_pu / group.q_limit_pu, -1.0, 1.0)
    return action


def _delivered_for_a_kw(env: GridVectorEnv) -> Floats:
    """What was delivered last for a kW of nominal load, losses included: (lane,)."""
    snapshot, setpoint = env.snapshot, env.snapshot.setpoint
    delivered_kw = source_kw(env.case.network, snapshot.flow) + setpoint.der_kw.sum(axis=1)
    load_kw = np.maximum(setpoint.load_kw.sum(axis=1), 1e-9)
    return np.where(snapshot.flow.converged, delivered_kw / load_kw, LOSSES)


def _head_kw(env: GridVectorEnv) -> tuple[float, float]:
    """Limits of import and of export at the substation; no limit of export is none at all."""
    for one in env.case.costs:
        if isinstance(one, HeadCost) and one.import_kw is not None:
            return one.import_kw, np.inf if one.export_kw is None else one.export_kw
    raise TaskError("the environment has no import limit at its substation, which the rule keeps")


def _group(env: GridVectorEnv, kind: type[Group]) -> Group:
    for one in env.case.groups:
        if isinstance(one, kind):
            return one
    raise TaskError(f"the environment has no {kind.__name__}, which the rule runs")
