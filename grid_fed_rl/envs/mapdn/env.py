"""The environments of MAPDN's 33-bus task: lanes, and one of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.devices import reactive_limit_kvar
from grid_fed_rl.envs.action import checked_action
from grid_fed_rl.envs.lane_env import LaneEnv, LaneVectorEnv
from grid_fed_rl.envs.mapdn.barriers import BARRIERS
from grid_fed_rl.envs.mapdn.drawing_kernels import look_up, stray
from grid_fed_rl.envs.mapdn.feeder import V_HIGH_PU, V_LOW_PU
from grid_fed_rl.envs.mapdn.profiles import STEPS_PER_DAY
from grid_fed_rl.envs.mapdn.task import MAPDNTask
from grid_fed_rl.envs.mapdn.view import Drawn, MAPDNView
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Setpoint, measures, solve
from grid_fed_rl.powerflow.threads import over_rows
from grid_fed_rl.scenarios import draw_uniform

if TYPE_CHECKING:
    from grid_fed_rl.envs.mapdn.agents import PVTeam

__all__ = ["MAPDNEnv", "MAPDNVectorEnv"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]
_OF_ACTION = np.uint64(0x9FB21C651E98DF25)  # apart from what strays from the profiles
LANES_A_PART = 64  # lanes whose draws are worth a thread's while
_MW = 1e-3
_MOST_MW = 100.0  # bound of what is observed of powers, as of MAPDN's external grid


class MAPDNVectorEnv(LaneVectorEnv[MAPDNView]):
    """Many copies of MAPDN's 33-bus task, stepped together.

    An action is a number a PV from -0.8 to 0.8: its reactive power over
    ``sqrt((1.2 p_max)^2 - p^2)``, positive where it injects. An observation is MAPDN's
    state, in its units: of every bus what it takes, in MW, then in Mvar (the substation
    gives, and so has negative ones); of every PV the active power of the step to come,
    in MW, and the reactive power of the last, in Mvar; of every bus the voltage, per
    unit, then its angle in degrees.

    The reward is ``-mean over buses of l(v) - 0.1 mean over PV of |q| in Mvar``, and 200
    less where the power flow has no solution, which ends the episode: where it does not
    converge, or a bus leaves 0.6 to 1.4 per unit, within which loads and PV are of
    constant power. The other terms are then those of the step before.

    ``info`` carries, beside ``cost``, ``costs``, ``violations``, ``reward_terms``,
    ``action_executed``, ``day`` and ``converged`` as of `GridVectorEnv`, and ``start``,
    the metrics: ``controllable``, 1 where every bus is within limits, else 0;
    ``reactive_loss_mvar``, mean of |q|; ``line_loss_mw``, of all lines. All are 0 right
    after a reset.

    `reset` takes ``options={"start": row}``, a row of the profiles.

    Args:
        task: What it is made of.
        num_envs: Lanes.
        autoreset_mode: ``NEXT_STEP`` or ``SAME_STEP``.
        threads: Threads of the power flow; all processors by default.
    """

    option = "start"
    option_words = "row of the profiles"

    def __init__(
        self,
        task: MAPDNTask,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
    ) -> None:
        self.task = task
        n_bus, n_pv, most = len(task.buses), len(task.agents), task.config.most
        power, volt, angle = (np.full(n_bus, bound) for bound in (_MOST_MW, 2.0, 180.0))
        pv = np.full(2 * n_pv, _MOST_MW)
        high = np.concatenate([power, power, pv, volt, angle]).astype(np.float32)
        low = np.concatenate([-power, -power, -pv, 0.0 * volt, -angle]).astype(np.float32)
        super().__init__(
            spaces.Box(low, high, dtype=np.float32),
            spaces.Box(-most, most, (n_pv,), np.float32),
            task.starts,
            task.profiles.n_rows - task.config.horizon,
            num_envs,
            autoreset_mode,
            threads,
        )

    def checked(self, action: ArrayLike, lead: tuple[int, ...]) -> Floats:
        """An action of shape ``(*lead, pv)``, checked.

        Raises:
            ActionError: the action has the wrong shape, is not finite or lies outside its
                space; the message names lane and PV.
        """
        names = self.task.agents
        return checked_action(action, (*lead, len(names)), names, self.task.config.most)

    def drawn(self, start: Integers, step: Integers, chance: Keys) -> Drawn:
        """Load and PV of a step of an episode, with what strays from the profiles."""
        task, row = self.task, start + step
        series = (task.profiles.load_kw, task.profiles.load_kvar, task.profiles.pv_kw)
        begins = np.cumsum([0, *(one.shape[1] for one in series)])
        out, spread = np.empty((len(row), begins[-1])), np.concatenate(task.spread)

        def run(first: int, last: int) -> None:
            for begin, one in zip(begins.tolist(), series, strict=False):
                look_up(first, last, row, one, begin, out)
            if task.config.noise:
                stray(first, last, chance, step, spread, out)

        over_rows(run, len(row), self._threads, LANES_A_PART)
        return Drawn(*np.split(out, begins[1:-1], axis=1))

    def _rest(self, episode: Integers, chance: Keys) -> MAPDNView:
        step = np.zeros(len(episode), dtype=np.int64)
        drawn = self.drawn(episode, step, chance)
        q_kvar = np.zeros_like(drawn.pv_kw)
        if self.task.config.random_start:
            number = np.arange(q_kvar.shape[1], dtype=np.uint64)
            share = 2.0 * draw_uniform((chance ^ _OF_ACTION)[:, None], number) - 1.0
            q_kvar = self.task.config.most * share * self._room(drawn.pv_kw)
        return self._solved(episode, step, chance, drawn, q_kvar, drawn, None)

    def _advance(self, before: MAPDNView, action: Floats) -> MAPDNView:
        step = before.step + 1
        coming = self.drawn(before.start, step, before.chance)
        q_kvar = action * self._room(before.coming.pv_kw)
        after = self._solved(
            before.start, step, before.chance, before.coming, q_kvar, coming, before.v_pu
        )
        stuck = np.flatnonzero(after.diverged)
        if not len(stuck):
            return after
        was, now = before.lanes(stuck), after.lanes(stuck)
        return after.with_lanes(stuck, now.standing_as(was))

    def _room(self, pv_kw: Floats) -> Floats:
        return reactive_limit_kvar(self.task.rating_kva, pv_kw)

    def _solved(
        self,
        start: Integers,
        step: Integers,
        chance: Keys,
        drawn: Drawn,
        q_kvar: Floats,
        coming: Drawn,
        start_pu: NDArray[np.complex128] | None,
    ) -> MAPDNView:
        network, setpoint = self.task.network, self.setpoint_of(drawn, q_kvar)
        flow = solve(network, setpoint, start_pu=start_pu, threads=self._threads)
        bus_pu = _of_buses(flow.v_pu, self.task.nodes)
        size_pu = np.abs(bus_pu)
        held = flow.converged & ((size_pu >= V_LOW_PU) & (size_pu <= V_HIGH_PU)).all(axis=1)
        lost: NDArray[np.complex128] = measures.element_losses(network, flow).kva.sum(axis=1)
        source = lost + drawn.load_kw.sum(axis=1) + 1j * drawn.load_kvar.sum(axis=1)
        source -= drawn.pv_kw.sum(axis=1) + 1j * q_kvar.sum(axis=1)
        v_pu = flow.v_pu
        if not held.all():  # no numbers of what was not solved, should it be the first step
            v_pu = np.where(held[:, None], v_pu, network.v_flat_pu)
            bus_pu = _of_buses(v_pu, self.task.nodes)
            size_pu = np.abs(bus_pu)
            source[~held] = lost[~held] = 0.0
        return MAPDNView(
            start=start,
            step=step,
            chance=chance,
            ends=step >= self.task.config.horizon,
            diverged=(step > 0) & ~held,
            solved=drawn,
            coming=coming,
            asked_kvar=q_kvar,
            pv_kvar=q_kvar,
            v_pu=v_pu,
            bus_v_pu=size_pu,
            bus_angle_rad=np.angle(bus_pu),
            source_kva=source,
            loss_kw=lost.real,
        )

    def setpoint_of(self, drawn: Drawn, q_kvar: Floats) -> Setpoint:
        """What is solved for such load and PV, and (lane, pv) reactive power."""
        nominal, n = self.task.nominal, len(q_kvar)
        return nominal.with_(
            tap_position=np.repeat(nominal.tap_position, n, axis=0),
            capacitor_step=np.repeat(nominal.capacitor_step, n, axis=0),
            switch_closed=np.repeat(nominal.switch_closed, n, axis=0),
            load_kw=drawn.load_kw,
            load_kvar=drawn.load_kvar,
            der_kw=drawn.pv_kw,
            der_kvar=q_kvar,
        )

    def bus_load_mw_mvar(self, view: MAPDNView) -> tuple[Floats, Floats]:
        """What the loads of every bus take: (lane, bus) MW, and Mvar."""
        shape = len(view.step), len(self.task.buses)
        mw, mvar = np.zeros(shape), np.zeros(shape)
        mw[:, self.task.load_bus] = _MW * view.solved.load_kw
        mvar[:, self.task.load_bus] = _MW * view.solved.load_kvar
        return mw, mvar

    def _observe(self, snapshot: MAPDNView) -> NDArray[np.float32]:
        mw, mvar = self.bus_load_mw_mvar(snapshot)
        pv_mw, pv_mvar = _MW * snapshot.solved.pv_kw, _MW * snapshot.pv_kvar
        mw[:, self.task.pv_bus] -= pv_mw
        mvar[:, self.task.pv_bus] -= pv_mvar
        mw[:, 0] -= _MW * snapshot.source_kva.real
        mvar[:, 0] -= _MW * snapshot.source_kva.imag
        blocks = [
            mw,
            mvar,
            _MW * snapshot.coming.pv_kw,
            pv_mvar,
            snapshot.bus_v_pu,
            np.degrees(snapshot.bus_angle_rad),
        ]
        return np.concatenate(blocks, axis=1, dtype=np.float32, casting="same_kind")

    def _terms(self, snapshot: MAPDNView) -> dict[str, Floats]:
        config, acted = self.task.config, snapshot.acted
        barrier = BARRIERS[config.barrier](snapshot.bus_v_pu).mean(axis=1)
        q_mvar = _MW * np.abs(snapshot.pv_kvar).mean(axis=1)
        return {
            "voltage": np.where(acted, -config.voltage_weight * barrier, 0.0),
            "reactive": np.where(acted, -config.reactive_weight * q_mvar, 0.0),
            "divergence": np.where(snapshot.diverged, -config.divergence_cost, 0.0),
        }

    def _info(self, snapshot: MAPDNView, terms: Mapping[str, Floats]) -> dict[str, Any]:
        acted = snapshot.acted
        excursion = self.task.config.limits.excursion_pu(snapshot.bus_v_pu)
        outside = (excursion > 0.0).sum(axis=1)
        cost = np.where(acted, excursion.sum(axis=1), 0.0)
        room = self._room(snapshot.solved.pv_kw)
        share = np.divide(snapshot.asked_kvar, room, out=np.zeros_like(room), where=room > 0.0)
        executed = np.where((acted & ~snapshot.diverged)[:, None], share, 0.0)
        return {
            "cost": cost,
            "costs": {"voltage": cost.copy()},
            "violations": {"voltage": np.where(acted, outside, 0)},
            "reward_terms": terms,
            "controllable": (acted & ~snapshot.diverged & (outside == 0)).astype(np.float64),
            "reactive_loss_mvar": np.where(
                acted, _MW * np.abs(snapshot.asked_kvar).mean(axis=1), 0.0
            ),
            "line_loss_mw": np.where(acted, _MW * snapshot.loss_kw, 0.0),
            "action_executed": executed.astype(np.float32),
            "start": snapshot.start.copy(),
            "day": snapshot.start // STEPS_PER_DAY,
            "converged": ~snapshot.diverged,
        }


class MAPDNEnv(LaneEnv):
    """MAPDN's 33-bus task as one environment; see `MAPDNVectorEnv`.

    Args:
        task: What it is made of.
    """

    lanes: MAPDNVectorEnv

    def __init__(self, task: MAPDNTask) -> None:
        super().__init__(MAPDNVectorEnv(task, 1, AutoresetMode.NEXT_STEP, 1))

    @property
    def task(self) -> MAPDNTask:
        """What it is made of."""
        return self.lanes.task

    def team(self, agents: str) -> "PVTeam":
        """PV as agents, for `parallel_env`.

        Raises:
            TaskError: other agents were asked for.
        """
        from grid_fed_rl.envs.mapdn.agents import PVTeam

        if agents != "devices":
            raise TaskError(f"MAPDN has no agents {agents!r}; known: devices")
        return PVTeam(self.lanes)


def _of_buses(v_pu: NDArray[np.complex128], nodes: Integers) -> NDArray[np.complex128]:
    """(lane, bus); in C order, so that a sum over buses rounds alike for any number of lanes."""
    return np.ascontiguousarray(v_pu[:, nodes])
