"""An oracle: the best plan it can find for a day that it knows in advance.

It sees the whole day's load, sun, cars and prices, which no policy does. Starting from
no control, it linearises the power flow along the day, solves the horizon problem, and
carries the answer out with the environment's own dynamics; what comes out better is where
it linearises next, and what does not halves the share of each range that it trusts
(successive linear programming: F. Palacios-Gomez, L. Lasdon and M. Engquist, "Nonlinear
optimization by successive linear programming", Management Science 28(10), 1982,
doi:10.1287/mnsc.28.10.1106). Taps and banks, relaxed and rounded there, then go round in
a coordinate descent by dynamic programmes on exact power flows.

It is a bound by example and not by proof: what it reaches can be reached, and a better
plan may exist.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.oracle.blocks import Block, Day
from grid_fed_rl.analytics.oracle.charging import ChargingBlock
from grid_fed_rl.analytics.oracle.horizon import MARGINS, Horizon
from grid_fed_rl.analytics.oracle.positions import cheapest_shifts, usd_of_shifts
from grid_fed_rl.analytics.oracle.powers import BatteryBlock, LoadBlock, PvBlock
from grid_fed_rl.analytics.oracle.slopes import slopes
from grid_fed_rl.analytics.oracle.switched import CapacitorBlock, TapBlock
from grid_fed_rl.analytics.oracle.trajectory import Trajectory, run
from grid_fed_rl.analytics.oracle.yardstick import Yardstick
from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.groups import (
    Batteries,
    Capacitors,
    DeviceGroup,
    EvStations,
    FlexibleLoads,
    Inverters,
    Regulators,
)
from grid_fed_rl.envs.rules import LocalRules
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow.controls import LocalControls

__all__ = ["Follow", "OracleConfig", "Plan", "blocks_of", "horizon_at", "plan_day"]

Floats = NDArray[np.float64]

SHARES = (1.0, 0.5, 0.25, 0.125)  # of the way to an answer that are tried
PASS_TRUST = 0.25  # part of the ranges that a further pass begins with
MOST_MARGINS = 100.0  # times `MARGINS` that the search may keep within a limit


@dataclass(frozen=True)
class OracleConfig:
    """How long the oracle looks for a better plan.

    Attributes:
        rounds: Horizon problems a pass.
        passes: Of horizon problems, and then of going round taps and banks.
        least_trust: Part of the ranges below which it stops.
        least_gain: Of all that was gained so far, for a round or pass to be followed
            by another.
        heavier: Times the prices of `yardstick.PRICES` that it pays for violations.
        reach: Tap positions either way that going round looks at.
    """

    rounds: int = 8
    passes: int = 3
    least_trust: float = 0.01
    least_gain: float = 0.005
    heavier: float = 10.0
    reach: int = 8

    def __post_init__(self) -> None:
        for name in ("rounds", "passes", "reach", "heavier", "least_trust", "least_gain"):
            if not getattr(self, name) > 0:
                raise TaskError(f"oracle: {name} is {getattr(self, name)}; expected above 0")


@dataclass(frozen=True, eq=False)
class Plan:
    """What to do on a day, and what comes of it.

    Attributes:
        day: Day of the year.
        trajectory: The day under the plan, simulated; its `actions` are the plan.
        error_pu: Largest difference of a voltage between the linearised and the simulated
            day, in the last step from one trajectory to a better one; 0 if there was none.
    """

    day: int
    trajectory: Trajectory
    error_pu: float


class Follow:
    """A policy that carries plans out in an environment.

    Args:
        env: The environment, whose snapshot tells day and step.
        plans: By day.
    """

    def __init__(self, env: GridVectorEnv, plans: dict[int, Floats]) -> None:
        self._env, self._plans = env, plans

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        """The planned action of every lane; where the episode is over, its last.

        Raises:
            TaskError: there is no plan for a lane's day.
        """
        del observation
        snapshot, actions = self._env.snapshot, []
        for day, step in zip(snapshot.day.tolist(), snapshot.step.tolist(), strict=True):
            if day not in self._plans:
                raise TaskError(f"there is no plan for day {day}")
            plan = self._plans[day]
            actions.append(plan[min(step, len(plan) - 1)])
        return np.array(actions, dtype=np.float32)


def plan_day(
    case: Case,
    day: int,
    config: OracleConfig | None = None,
    *,
    threads: int | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Plan a day.

    Args:
        case: The case.
        day: Day of the year.
        config: How long to look.
        threads: Threads of the power flow.
        report: Called with a few words after every trial.

    Raises:
        TaskError: the case has devices, or costs, that the oracle does not know.
    """
    config = OracleConfig() if config is None else config
    return _Search(case, day, config, threads, report).plan()


def blocks_of(day: Day) -> list[Block]:
    """Every group of a day's case as a block, in order.

    Raises:
        TaskError: there are devices that the oracle does not know.
    """
    return [_block(group, day) for group in day.case.groups]


def horizon_at(
    yardstick: Yardstick, blocks: Sequence[Block], there: Trajectory, threads: int | None = None
) -> Horizon:
    """The day's problem, linearised at a trajectory."""
    nudges = [one for block in blocks for one in block.nudges(there)]
    return Horizon(
        yardstick,
        blocks,
        there.row,
        [block.at(there) for block in blocks],
        slopes(yardstick, there.flow, nudges, threads),
    )


def _block(group: DeviceGroup, day: Day) -> Block:
    match group:
        case Regulators():
            return TapBlock(day, group)
        case Capacitors():
            return CapacitorBlock(day, group)
        case Batteries():
            return BatteryBlock(day, group)
        case Inverters():
            return PvBlock(day, group)
        case FlexibleLoads():
            return LoadBlock(day, group)
        case EvStations():
            return ChargingBlock(day, group)
    raise TaskError(f"the oracle does not know devices with state {group.state_name!r}")


class _Search:
    """The best trajectory so far, and ways to a better one."""

    def __init__(
        self,
        case: Case,
        day: int,
        config: OracleConfig,
        threads: int | None,
        report: Callable[[str], None],
    ) -> None:
        for group in case.groups:
            if case.local_controls is not None and isinstance(group, Regulators | Capacitors):
                raise TaskError(
                    f"the oracle plans no case whose {group.state_name} is in the action and left "
                    f"to local controls"
                )
        self._case, self._day, self._config, self._threads = case, day, config, threads
        self._report = report
        self._yardstick = Yardstick(case, config.heavier)
        self._blocks = blocks_of(Day(case, day))
        self._error_pu = 0.0
        n_actions = len(case.action_names)
        (self._best,) = run(case, day, np.zeros((1, case.horizon, n_actions)), threads)
        self._first_usd = self._merit(self._best)
        self._trust = 1.0
        self._learned = False  # of the last trial, that it left limits
        self._margins = [
            np.full(case.horizon, MARGINS.get(one.name, 0.0))
            for one in self._yardstick.limited(self._best.flow)
        ]
        self._report(self._words("no control", self._best))

    def plan(self) -> Plan:
        """Look for the best."""
        self._begin_with_rules()
        for _ in range(self._config.passes):
            before = self._merit(self._best)
            self._linear_steps()
            self._round_devices()
            if self._best.holds and not self._worth(before):
                break
            self._trust = max(self._trust, PASS_TRUST)
        return Plan(self._day, self._best, self._error_pu)

    def _merit(self, trajectory: Trajectory) -> float:
        return trajectory.merit_usd(self._config.heavier)

    def _words(self, what: str, one: Trajectory) -> str:
        return f"{what}: {one.return_usd:.2f} $, violations {one.violated_usd:.3f} $"

    def _worth(self, before: float) -> bool:
        """Whether enough was gained since `before` to go on."""
        now = self._merit(self._best)
        return now - before > self._config.least_gain * (now - self._first_usd)

    def _try(self, what: str, plans: Floats) -> int | None:
        """Simulate plans of (plan, step, action), and keep the best if it is better: its number."""
        trials = run(self._case, self._day, plans, self._threads)
        k = int(np.argmax([self._merit(one) for one in trials]))
        self._report(self._words(f"{what} [{k}]", trials[k]))
        self._learned = not trials[k].holds
        self._learn(trials[k])
        if self._merit(trials[k]) <= self._merit(self._best) + 1e-6:
            return None
        self._best = trials[k]
        return k

    def _learn(self, trial: Trajectory) -> None:
        """Keep further within limits that were left, in the steps in which they were.

        By as much as they were left: that is also what a regulator's step, which the
        linearisation does not see, takes away.
        """
        for one, margin in zip(self._yardstick.limited(trial.flow), self._margins, strict=True):
            worst = one.excess.max(axis=1)
            least = MARGINS.get(one.name, 0.0)
            more = np.where(worst > 0.0, worst + least, 0.0)
            np.minimum(margin + more, MOST_MARGINS * least, out=margin)

    def _begin_with_rules(self) -> None:
        """Local rules, taps and banks as their controls move them, within what an action can."""
        case = self._case
        if not any(isinstance(group, Regulators | Capacitors) for group in case.groups):
            self._try("local rules", self._by_rules()[None])
            return
        ruled = replace(case, local_controls=LocalControls(case.network))
        (there,) = run(ruled, self._day, self._best.actions[None], self._threads)
        parts = [
            block.actions(_reachable(block, block.at(there)), np.zeros(0)) for block in self._blocks
        ]
        self._try("local rules", np.concatenate(parts, axis=1)[None])

    def _by_rules(self) -> Floats:
        """(step, action) of `LocalRules`."""
        env = GridVectorEnv(self._case, 1, threads=self._threads)
        policy, actions = LocalRules(env), []
        observation, _ = env.reset(options={"day": self._day})
        for _ in range(self._case.horizon):
            actions.append(policy(observation)[0])
            observation, *_ = env.step(actions[-1][None])
        return np.array(actions, dtype=np.float64)

    def _linear_steps(self) -> None:
        """Horizon problems, each at the best trajectory so far."""
        problem = None
        for _ in range(self._config.rounds):
            if self._trust < self._config.least_trust:
                break
            problem = self._horizon() if problem is None else problem
            before = self._merit(self._best)
            plans = problem.actions(self._trust, self._margins, SHARES)
            better = self._try(f"horizon, trust {self._trust:g}", plans)
            if better is None:
                self._trust *= 0.5 if self._learned else SHARES[-1]
                continue
            self._trust = min(1.0, 2.0 * SHARES[better % len(SHARES)] * self._trust)
            self._error_pu = self._difference(problem)
            problem = None
            if self._best.holds and not self._worth(before):
                break

    def _horizon(self) -> Horizon:
        return horizon_at(self._yardstick, self._blocks, self._best, self._threads)

    def _difference(self, before: Horizon) -> float:
        """Largest voltage error of the linearisation where the search has just gone."""
        there = np.concatenate([block.at(self._best) for block in self._blocks], axis=1)
        predicted = before.slopes.predicted(there - np.concatenate(before.at, axis=1))
        simulated = self._yardstick.limited(self._best.flow)
        pairs = zip(predicted, simulated, strict=True)
        return max(
            (float(np.abs(p - s.value).max()) for p, s in pairs if s.name == "voltage"), default=0.0
        )

    def _round_devices(self) -> None:
        """Every tap and bank in turn, along its cheapest path, until none has a better one."""
        improved = True
        while improved:
            improved = False
            for k, block in enumerate(self._blocks):
                if isinstance(block, TapBlock | CapacitorBlock):
                    for columns in block.units:
                        improved |= self._one_unit(k, block, columns)

    def _one_unit(self, k: int, block: TapBlock | CapacitorBlock, columns: list[int]) -> bool:
        best, at = self._best, np.rint(block.at(self._best)).astype(np.int64)
        positions = block.shifted(at[:, columns], columns, self._config.reach)
        usd = usd_of_shifts(
            self._yardstick, best.flow, best.row, block.array, columns, positions, self._threads
        )
        path = cheapest_shifts(usd, positions, block.usd_a_step, block.most)
        if (path == at[:, columns]).all():
            return False
        moved = at.copy()
        moved[:, columns] = path
        first = sum(one.at(best).shape[1] for one in self._blocks[:k])
        actions = best.actions.copy()
        actions[:, first : first + moved.shape[1]] = block.actions(
            moved.astype(np.float64), np.zeros(0)
        )
        words = ", ".join(block.group.names[column] for column in columns)
        return self._try(words, actions[None]) is not None


def _reachable(block: Block, inputs: Floats) -> Floats:
    """Tap positions cut to what an action can move; all else as it is."""
    if not isinstance(block, TapBlock):
        return inputs
    most, position, reached = block.group.most_steps, np.zeros(inputs.shape[1]), []
    for wanted in inputs:
        position = position + np.clip(wanted - position, -most, most)
        reached.append(position)
    return np.array(reached)
