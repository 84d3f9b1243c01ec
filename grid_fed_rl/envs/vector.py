"""The vector environment: the implementation. The single one is a lane of it.

State is arrays with a leading lane axis, and a step has no Python loop over
lanes: device groups move all lanes at once, one batched power flow solves them,
and the parts of the case look at the whole snapshot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.groups import Capacitors, Move, Regulators
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.errors import ActionError, TaskError
from grid_fed_rl.powerflow import Setpoint, nominal_setpoint, solve
from grid_fed_rl.powerflow.measures import losses_kw
from grid_fed_rl.scenarios import draw_index, lane_keys

__all__ = ["GridVectorEnv"]

Floats = NDArray[np.float64]
Lanes = NDArray[np.bool_]
LOCALLY_CONTROLLED = ("tap_position", "capacitor_closed")


class GridVectorEnv(VectorEnv):
    """Many copies of a case, stepped together.

    Observations are float32 in [-1, 1]; actions are float32 in [-1, 1], one
    entry a device. ``info`` carries, a lane each and masked as Gymnasium does:
    ``cost`` (all channels added up), ``costs`` (a magnitude a channel),
    ``violations`` (a count a channel), ``reward_terms``, ``loss_kwh``,
    ``operations``, ``action_executed``, ``day`` and ``converged``.

    `reset` takes ``options={"day": ...}``, a day of the year for every lane;
    without it each lane draws from the days of the case. A lane whose power flow
    does not converge is terminated; one that reaches the horizon is truncated.

    Args:
        case: What the environment is made of.
        num_envs: Lanes.
        autoreset_mode: ``NEXT_STEP`` or ``SAME_STEP``.
        threads: Threads of the power flow; all processors by default.
    """

    def __init__(
        self,
        case: Case,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
    ) -> None:
        mode = AutoresetMode(autoreset_mode)
        if mode is AutoresetMode.DISABLED:
            raise TaskError("autoreset_mode is 'Disabled'; expected NextStep or SameStep")
        if num_envs < 1:
            raise TaskError(f"num_envs is {num_envs}; expected at least 1")
        self.case = case
        self.num_envs = num_envs
        self.metadata = {"render_modes": [], "autoreset_mode": mode}
        self._mode = mode
        self._threads = threads
        n_obs, n_act = len(case.observation_names), len(case.action_names)
        self.single_observation_space = spaces.Box(-1.0, 1.0, (n_obs,), np.float32)
        self.single_action_space = spaces.Box(-1.0, 1.0, (n_act,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        widths = [len(group.names) for group in case.groups]
        self._slices = np.cumsum(widths)[:-1]
        self._base = nominal_setpoint(case.network)
        self._n_pv = len(case.network.feeder.pvs)
        self._key = np.zeros(num_envs, dtype=np.uint64)
        self._draws = np.zeros(num_envs, dtype=np.uint64)
        self._seeded = False
        self._day = np.zeros(num_envs, dtype=np.int64)
        self._step = np.zeros(num_envs, dtype=np.int64)
        self._ended = np.zeros(num_envs, dtype=bool)
        self._states: dict[str, NDArray] = {}
        self._v: NDArray[np.complex128] | None = None
        self._snapshot: Snapshot | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The feeder as the last reset or step left it.

        Raises:
            TaskError: the environment was never reset.
        """
        if self._snapshot is None:
            raise TaskError("environment was not reset; call reset() before step()")
        return self._snapshot

    # ---- episodes -------------------------------------------------------------

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new episode in every lane.

        Args:
            seed: Lane i of seed s draws what a single environment of seed s + i
                draws; a sequence gives each lane its own.
            options: ``{"day": day or (lane,) days}`` to choose instead of draw.

        Raises:
            TaskError: a day that the year does not have, or seeds of the wrong
                number.
        """
        self._seed(seed)
        everyone = np.ones(self.num_envs, dtype=bool)
        self._begin(everyone, options)
        self._ended[:] = False
        self._snapshot = self._advance({}, everyone)
        return self._observe(), self._info({}, ~everyone)

    def _seed(self, seed: int | Sequence[int | None] | None) -> None:
        if seed is None and self._seeded:
            return
        if seed is None or isinstance(seed, int | np.integer):
            entropy = np.random.SeedSequence().generate_state(1, np.uint64)[0]
            number = int(entropy >> np.uint64(2)) if seed is None else int(seed)
            self._key = lane_keys(number, self.num_envs)
            self._draws[:] = 0
        else:
            if len(seed) != self.num_envs:
                raise TaskError(f"{len(seed)} seeds for {self.num_envs} lanes; give one a lane")
            for lane, number in enumerate(seed):
                if number is not None:
                    self._key[lane] = lane_keys(number, 1)[0]
                    self._draws[lane] = 0
        self._seeded = True

    def _begin(self, lanes: Lanes, options: Mapping[str, Any] | None = None) -> None:
        """Put lanes at the start of a day, devices at rest."""
        unknown = set(options or ()) - {"day"}
        if unknown:
            raise TaskError(f"reset option {sorted(unknown)[0]!r} is unknown; known: 'day'")
        if options and "day" in options:
            self._day[:] = self._chosen_days(options["day"])
        else:
            drawn = self.case.days[draw_index(self._key, self._draws, len(self.case.days))]
            self._day = np.where(lanes, drawn, self._day)
            self._draws += lanes.astype(np.uint64)
        self._step[lanes] = 0
        for group in self.case.groups:
            rest = group.rest(self.num_envs)
            state = self._states.get(group.columns, rest)
            self._states[group.columns] = np.where(lanes[:, None], rest, state)

    def _chosen_days(self, day: ArrayLike) -> NDArray[np.int64]:
        days = np.asarray(day)
        n_days = self.case.year.n_days
        if days.shape not in {(), (self.num_envs,)} or not np.issubdtype(days.dtype, np.integer):
            raise TaskError(
                f"reset option 'day' is {day!r}; expected one day of the year or "
                f"{self.num_envs} of them, as integers"
            )
        if days.min() < 0 or days.max() >= n_days:
            raise TaskError(f"reset option 'day' is {day!r}; expected 0 to {n_days - 1}")
        return days.astype(np.int64)

    # ---- steps ----------------------------------------------------------------

    def step(
        self, actions: ArrayLike
    ) -> tuple[NDArray[np.float32], Floats, Lanes, Lanes, dict[str, Any]]:
        """Carry out an action in every lane.

        In ``NEXT_STEP`` mode a lane that ended starts its next episode here,
        ignoring its action, with reward 0.

        Raises:
            ActionError: the actions have the wrong shape, are not finite or lie
                outside [-1, 1]; the message names lane and device.
            TaskError: the environment was never reset.
        """
        _ = self.snapshot
        action = self._checked(actions)
        resetting = self._ended.copy()
        moves = self._move(action)
        if resetting.any():
            self._begin(resetting)
        snapshot = self._advance(moves, resetting)
        terminated = ~snapshot.flow.converged & ~resetting
        truncated = snapshot.ends & ~terminated & ~resetting
        terms = {term.name: term(snapshot) for term in self.case.reward}
        reward = np.where(resetting, 0.0, sum(terms.values()))
        self._ended = terminated | truncated
        self._snapshot = snapshot
        info = self._info(terms, ~resetting)
        if self._mode is AutoresetMode.SAME_STEP and self._ended.any():
            self._restart(info)
        return self._observe(), reward, terminated, truncated, info

    def _restart(self, info: dict[str, Any]) -> None:
        """Begin the next episode of lanes that just ended (``SAME_STEP``)."""
        ended, before = self._ended.copy(), self.snapshot
        final_info = dict(info)
        info["final_obs"], info["_final_obs"] = self._observe(), ended
        info["final_info"], info["_final_info"] = final_info, ended
        self._begin(ended)
        fresh = self._advance({}, ended)
        self._snapshot = _where(ended, fresh, before)
        self._ended = np.zeros(self.num_envs, dtype=bool)

    def _checked(self, actions: ArrayLike) -> Floats:
        action = np.asarray(actions, dtype=np.float64)
        shape = (self.num_envs, len(self.case.action_names))
        if action.shape != shape:
            raise ActionError(
                f"action has shape {action.shape}; expected {shape}: one entry for each of "
                f"{', '.join(self.case.action_names)}"
            )
        wrong = ~(np.abs(action) <= 1.0 + 1e-6)
        if wrong.any():
            lane, k = np.argwhere(wrong)[0]
            raise ActionError(
                f"action of lane {lane} for {self.case.action_names[k]!r} is {action[lane, k]}; "
                f"expected a number from -1 to 1"
            )
        return np.clip(action, -1.0, 1.0)

    def _move(self, action: Floats) -> dict[str, Move]:
        moves = {}
        parts = np.split(action, self._slices, axis=1)
        for group, part in zip(self.case.groups, parts, strict=True):
            held = self.case.local_controls is not None and group.columns in LOCALLY_CONTROLLED
            wanted = np.zeros_like(part) if held else part
            move = group.step(self._states[group.columns], wanted, self.case.year.step_h)
            self._states[group.columns] = move.state
            moves[group.columns] = move
        return moves

    def _rows(self) -> NDArray[np.int64]:
        """Scenario row of each lane's next step."""
        year = self.case.year
        return (self._day * year.steps_per_day + self._step) % len(year.sun_pu)

    def _setpoint(self, row: NDArray[np.int64], moves: Mapping[str, Move]) -> Setpoint:
        year, zeros = self.case.year, np.zeros(self.num_envs, dtype=np.int64)
        der = np.zeros((self.num_envs, len(self.case.network.ders)))
        der[:, : self._n_pv] = year.pv_kw[row]
        base = self._base.rows(zeros)
        arrays: dict[str, NDArray] = {
            "tap_position": base.tap_position,
            "capacitor_closed": base.capacitor_closed,
            "load_kw": year.load_kw[row].astype(np.float64),
            "load_kvar": year.load_kvar[row].astype(np.float64),
            "der_kw": der,
            "der_kvar": np.zeros_like(der),
        }
        for group in self.case.groups:
            group.write(arrays, self._states[group.columns], moves.get(group.columns))
        return Setpoint(**arrays)

    def _advance(self, moves: dict[str, Move], resetting: Lanes) -> Snapshot:
        """Solve the present step of every lane and count it.

        Lanes in `resetting` are solved with their devices at rest and stay
        before their first step.
        """
        case = self.case
        row = self._rows()
        at_rest = {key: _rested(move, resetting) for key, move in moves.items()}
        setpoint = self._setpoint(row, at_rest)
        start = self._start(resetting)
        if case.local_controls is not None and moves:
            settled = case.local_controls.settle(setpoint, start_pu=start, threads=self._threads)
            held = _where(resetting, setpoint, settled.setpoint)
            for group in case.groups:
                if isinstance(group, Regulators | Capacitors):
                    before = self._states[group.columns]
                    after = getattr(held, group.columns).astype(before.dtype)
                    at_rest[group.columns] = group.moved(before, after)
                    self._states[group.columns] = after
            setpoint = held
        flow = solve(case.network, setpoint, start_pu=start, threads=self._threads)
        self._step += ~resetting
        alive = flow.converged
        self._v = np.where(alive[:, None], flow.v_pu, case.network.v_flat_pu)
        in_devices = sum((move.loss_kw for move in at_rest.values()), np.zeros(self.num_envs))
        in_network = losses_kw(case.network, setpoint, flow)
        return Snapshot(
            setpoint=setpoint,
            flow=flow,
            v_pu=np.abs(flow.v_pu) * alive[:, None],
            loss_kw=np.where(alive, in_network, 0.0) + in_devices,
            moves=at_rest,
            states=dict(self._states),
            row=row,
            next_row=self._rows(),
            step=self._step.copy(),
            ends=self._step >= case.horizon,
            step_h=case.year.step_h,
        )

    def _start(self, resetting: Lanes) -> NDArray[np.complex128]:
        flat = self.case.network.v_flat_pu[None]
        return flat if self._v is None else np.where(resetting[:, None], flat, self._v)

    # ---- what is seen ---------------------------------------------------------

    def _observe(self) -> NDArray[np.float32]:
        blocks = [part(self.snapshot) for part in self.case.observation]
        return np.concatenate(blocks, axis=1, dtype=np.float32, casting="same_kind")

    def _info(self, terms: Mapping[str, Floats], acted: Lanes) -> dict[str, Any]:
        """Gymnasium's vector info: an array and a mask a key."""
        snapshot = self.snapshot
        channels = {channel.name: channel(snapshot) for channel in self.case.costs}
        zero = np.zeros(self.num_envs)
        costs = {name: np.where(acted, cost, 0.0) for name, (cost, _) in channels.items()}
        executed = [snapshot.moves[g.columns].executed for g in self.case.groups if snapshot.moves]
        operations = [move.operations for move in snapshot.moves.values()]
        n_actions = len(self.case.action_names)
        values: dict[str, Any] = {
            "cost": sum(costs.values(), zero),
            "loss_kwh": np.where(acted, snapshot.loss_kw * snapshot.step_h, 0.0),
            "operations": np.sum(operations, axis=0) if operations else zero.astype(np.int64),
            "action_executed": np.concatenate(executed, axis=1, dtype=np.float32)
            if executed
            else np.zeros((self.num_envs, n_actions), dtype=np.float32),
            "day": self._day.copy(),
            "converged": snapshot.flow.converged,
        }
        counts = {name: np.where(acted, count, 0) for name, (_, count) in channels.items()}
        zeros = {term.name: zero for term in self.case.reward}
        nested = {
            "costs": costs,
            "violations": counts,
            "reward_terms": {k: np.where(acted, v, 0.0) for k, v in {**zeros, **terms}.items()},
        }
        everyone = np.ones(self.num_envs, dtype=bool)
        info: dict[str, Any] = {}
        for key, value in values.items():
            info[key], info[f"_{key}"] = value, everyone
        for key, block in nested.items():
            info[key] = {
                **block,
                **{f"_{name}": everyone for name in block},
            }
            info[f"_{key}"] = everyone
        return info


def _rested(move: Move, resetting: Lanes) -> Move:
    """A move with the lanes that are resetting left at rest."""
    if not resetting.any():
        return move
    keep = ~resetting
    return Move(
        state=move.state,
        executed=move.executed * keep[:, None],
        operations=move.operations * keep,
        wear_usd=move.wear_usd * keep,
        loss_kw=move.loss_kw * keep,
    )


def _where(lanes: Lanes, new: Any, old: Any) -> Any:
    """Take lanes from `new` and the others from `old`, field by field."""
    if isinstance(new, np.ndarray):
        return np.where(lanes.reshape(-1, *[1] * (new.ndim - 1)), new, old)
    if isinstance(new, Mapping):
        return {key: _where(lanes, new[key], old[key]) for key in new}
    if is_dataclass(new):
        parts = {f.name: (getattr(new, f.name), getattr(old, f.name)) for f in fields(new)}
        return replace(new, **{k: _where(lanes, a, b) for k, (a, b) in parts.items()})  # type: ignore[type-var]
    return new
