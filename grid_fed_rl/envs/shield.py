"""The shield: a wrapper that keeps whatever a policy does within limits."""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.costs import limits_of
from grid_fed_rl.envs.guard import Foresight, Guard
from grid_fed_rl.envs.info import first_lane, masked, with_masks
from grid_fed_rl.envs.single import GridEnv
from grid_fed_rl.envs.tries import Reason
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError
from grid_fed_rl.safety import Limits

__all__ = ["Reason", "Shield", "ShieldVector"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Info = dict[str, Any]


class _Shielded:
    """What shields of single and of vector environments share: all but the wrapping.

    That is a guard, and what is remembered of each lane's episode.
    """

    def _keep(
        self,
        lanes: GridVectorEnv,
        spaces: tuple[gymnasium.Space, gymnasium.Space],
        limits: Limits | None,
        margins: tuple[float, float],
        foresight: Foresight,
    ) -> None:
        """Get ready.

        Args:
            lanes: The vector environment at the bottom.
            spaces: Actions of a lane as the wrapped environment takes them, and its own.
            limits: See `ShieldVector`.
            margins: Of voltages, and of the rest.
            foresight: See `ShieldVector`.
        """
        if spaces[0] != spaces[1]:
            raise TaskError(
                f"the shield wraps an environment whose actions are {spaces[1]}; a wrapper below "
                f"makes them {spaces[0]}: put the shield inside"
            )
        case = lanes.case
        self._lanes, self._exact = lanes, foresight == "exact"
        self._guard = Guard(
            case,
            limits_of(case.costs) if limits is None else limits,
            margins,
            foresight,
            lambda numbers: lanes.checked(lanes.stated(numbers), numbers.shape[:1]),
            lanes.action_step,
            lanes.threads,
        )
        n, n_actions = lanes.num_envs, len(case.action_names)
        self._last_safe = np.full((n, n_actions), np.nan)
        self._steps, self._interventions = np.zeros(n), np.zeros(n)
        self._all_steps = self._all_interventions = 0

    @property
    def intervention_rate(self) -> float:
        """Share of all steps since the shield was made that it intervened in."""
        return self._all_interventions / max(self._all_steps, 1)

    def _begin(self, lanes: Bools | slice) -> None:
        """Forget lanes that begin an episode."""
        self._last_safe[lanes] = np.nan
        self._steps[lanes] = self._interventions[lanes] = 0.0

    def _log(self) -> Info:
        """The log of every lane, of nothing done yet."""
        n, blank = self._lanes.num_envs, self._lanes.stated(np.zeros(self._last_safe.shape))
        return {
            "intervened": np.zeros(n, dtype=np.bool_),
            "safe": np.zeros(n, dtype=np.bool_),
            "reason": np.zeros(n, dtype=np.int64),
            "proposed": np.zeros_like(blank),
            "executed": np.zeros_like(blank),
            "rate": np.zeros(n),
        }

    def _decide(self, given: NDArray[Any], numbers: Floats) -> tuple[NDArray[Any], Info]:
        """What to execute in every lane, and the log of it.

        Args:
            given: (lane, action) as proposed.
            numbers: The same from -1 to 1.
        """
        lanes, log = self._lanes, self._log()
        self._begin(lanes.ended)
        going = np.flatnonzero(~lanes.ended)
        if not len(going):
            return given, log
        every = len(going) == lanes.num_envs
        before = lanes.snapshot if every else lanes.snapshot.lanes(going)
        decision = self._guard.decide(before, numbers[going], self._last_safe[going])
        if self._exact:
            lanes.foresee(decision.action, decision.made)
        intervened = decision.reason != Reason.AS_PROPOSED
        executed = np.array(given)
        executed[going[intervened]] = lanes.stated(decision.action[intervened])
        safe = np.flatnonzero(decision.safe)
        position = self._guard.levers.position(decision.made.flow.setpoint)
        self._last_safe[going[safe]] = position[safe]
        self._steps[going] += 1
        self._interventions[going] += intervened
        self._all_steps += len(going)
        self._all_interventions += int(intervened.sum())
        for name, values in (
            ("intervened", intervened),
            ("safe", decision.safe),
            ("reason", decision.reason),
            ("proposed", given[going]),
            ("executed", executed[going]),
            ("rate", self._interventions[going] / self._steps[going]),
        ):
            log[name][going] = values
        return executed, log


class ShieldVector(_Shielded, VectorWrapper):
    """Keeps every lane of a vector environment within limits, whatever its policy does.

    In every step the proposed actions are carried out ahead of time, by the engine
    itself, all lanes in one batch. A lane that would leave the limits executes another
    action: the nearest one that holds them. That is found by projecting onto the limits,
    linearised by the sensitivities (`nearest`, `safety.projection`), rounding what has
    whole settings and searching their neighbours; each answer is verified by a power flow,
    and the projection repeated about it. Active power stays as proposed where taps, banks
    and reactive power will do. Where nothing safe is found the local controls (with the
    volt-var curve of category B), the last safe setting and holding are tried, and of all
    that was tried, what leaves the limits by least is executed. Only actions of the
    environment's own space are executed.

    What the guarantee is depends on the foresight:

    - ``exact``: load, sun and cars of the day are known. An action is judged by the very
      power flow that the step will have: if ``info["shield"]["safe"]`` is true, the step
      holds the limits. And taps stay where the backup's of the next step are within reach
      (`corridor`), so that what the backup holds in a step, any policy holds.
    - ``forecast``: of load and sun the totals are known, as the observation has them; every
      load and PV is taken to have the share of them that it has now.
    - ``persistence``: everything is taken to stay as it is.

    Without exact foresight ``safe`` says that the limits, each less its margin, would hold
    were it so; margins are what is left for what differs.

    A shield that does not intervene changes nothing, to the last bit. ``info["shield"]``
    has, a lane each, ``intervened``, ``reason`` (a `Reason`), ``safe``, ``proposed`` and
    ``executed`` (actions), and ``rate``, the share of the episode's steps intervened in.

    Args:
        env: A `GridVectorEnv`, or wrappers around one that leave actions alone.
        limits: What must hold; what the environment's cost channels measure by default.
        margin_pu: Distance that predicted voltages keep from their limits.
        foresight: ``exact``, ``forecast`` or ``persistence``.
        margin_share: Distance that predicted loading keeps from its limit, as a share of
            ratings, and the substation's power, as a share of the feeder's nominal load.

    Raises:
        TaskError: the environment is another, or an argument makes no sense.
    """

    def __init__(
        self,
        env: VectorEnv,
        limits: Limits | None = None,
        margin_pu: float = 0.0,
        foresight: Foresight = "exact",
        margin_share: float = 0.0,
    ) -> None:
        super().__init__(env)
        lanes = env.unwrapped
        if not isinstance(lanes, GridVectorEnv):
            raise TaskError(f"the shield wraps a GridVectorEnv; this is a {type(lanes).__name__}")
        spaces = env.single_action_space, lanes.single_action_space
        self._keep(lanes, spaces, limits, (margin_pu, margin_share), foresight)

    def backup_action(self) -> NDArray[Any]:
        """The action nearest to what local controls would do in the step to come.

        Regulators and capacitors follow their own controls, inverters the volt-var curve
        of category B; PV is cut where the substation must not take more back; batteries
        and flexible loads idle, and no car charges. (lane, action), of the environment's
        space.
        """
        return self._lanes.stated(self._guard.local(self._lanes.snapshot))

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Any, Info]:
        """Begin a new episode in every lane."""
        observation, info = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]
        self._begin(slice(None))
        return observation, {**info, **_logged(self._log())}

    def step(self, actions: ArrayLike) -> tuple[Any, Any, Any, Any, Info]:
        """Carry out the actions, or what the shield makes of them.

        Raises:
            ActionError: the actions have the wrong shape or hold what none can be.
            TaskError: the environment was never reset.
        """
        numbers = self._lanes.checked(actions, (self.num_envs,))
        executed, log = self._decide(np.asarray(actions), numbers)
        observation, reward, terminated, truncated, info = self.env.step(executed)
        logged = _logged(log)
        info = {**info, **logged}
        if self._lanes.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP:
            over = np.asarray(terminated | truncated)
            if over.any():
                self._begin(over)
                info |= masked(logged, ~over)
                info["final_info"] = {**info["final_info"], **masked(logged, over)}
        return observation, reward, terminated, truncated, info


class Shield(_Shielded, gymnasium.Wrapper):
    """Keeps a single environment within limits; see `ShieldVector`.

    Args:
        env: A `GridEnv`, or wrappers around one that leave actions alone.
        limits: What must hold; what the environment's cost channels measure by default.
        margin_pu: Distance that predicted voltages keep from their limits.
        foresight: ``exact``, ``forecast`` or ``persistence``.
        margin_share: Distance that predicted loading keeps from its limit, as a share of
            ratings, and the substation's power, as a share of the feeder's nominal load.

    Raises:
        TaskError: the environment is another, or an argument makes no sense.
    """

    def __init__(
        self,
        env: gymnasium.Env,
        limits: Limits | None = None,
        margin_pu: float = 0.0,
        foresight: Foresight = "exact",
        margin_share: float = 0.0,
    ) -> None:
        super().__init__(env)
        single = env.unwrapped
        if not isinstance(single, GridEnv) or not isinstance(single.lanes, GridVectorEnv):
            raise TaskError(f"the shield wraps a GridEnv; this is a {type(single).__name__}")
        spaces = env.action_space, single.action_space
        self._keep(single.lanes, spaces, limits, (margin_pu, margin_share), foresight)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, Info]:
        """Begin a new episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._begin(slice(None))
        return observation, {**info, **first_lane(_logged(self._log()))}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, Info]:
        """Carry out the action, or what the shield makes of it.

        Raises:
            ActionError: the action has the wrong shape or holds what none can be.
            TaskError: the episode is over, or never began.
        """
        if self._lanes.ended[0]:
            raise TaskError("episode is over; call reset() before step()")
        numbers = self._lanes.checked(action, ())
        executed, log = self._decide(np.asarray(action)[None], numbers[None])
        observation, reward, terminated, truncated, info = self.env.step(executed[0])
        info = {**info, **first_lane(_logged(log))}
        return observation, reward, terminated, truncated, info


def _logged(log: Info) -> Info:
    """The log as entries of a vector environment's info."""
    return with_masks({"shield": log}, len(log["rate"]))
