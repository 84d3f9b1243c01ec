"""PettingZoo's parallel environment: the same task, acted on by a team.

Physics, seeds and numbers are those of the single environment: a step puts the
agents' actions together and takes one step of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray
from pettingzoo import ParallelEnv

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.lane_env import LaneEnv
from grid_fed_rl.envs.multi_agent.devices import DeviceTeam
from grid_fed_rl.envs.multi_agent.team import HasTeam, Info, Team
from grid_fed_rl.envs.multi_agent.zones import ZoneTeam
from grid_fed_rl.envs.observation import ObservationPart
from grid_fed_rl.envs.single import GridEnv
from grid_fed_rl.errors import TaskError

__all__ = ["GridParallelEnv", "parallel_env"]

Observations = dict[str, NDArray[np.float32]]


class GridParallelEnv(ParallelEnv[str, NDArray[np.float32], ArrayLike]):
    """A task with an agent for each device, or for each zone.

    Every agent is given the reward of the task: they are one team. `state` is the
    observation of the single environment. All agents live until the end of the episode,
    which is the same for all. `reset` ignores options that the task does not know, as
    PettingZoo's own test asks.

    Args:
        env: The single environment.
        team: Who acts on it.
        name: What to call it.
    """

    def __init__(self, env: LaneEnv, team: Team, name: str) -> None:
        self.env = env
        self.team = team
        self.metadata = {
            **env.metadata,
            "name": name,
            "is_parallelizable": True,
        }
        self.possible_agents = list(team.action_spaces)
        self.agents: list[str] = []
        self.observation_spaces = dict(team.observation_spaces)
        self.action_spaces = dict(team.action_spaces)
        self.state_space = env.observation_space
        self._state: NDArray[np.float32] | None = None

    @property
    def render_mode(self) -> str | None:
        """That of the single environment."""
        return self.env.render_mode

    def observation_space(self, agent: str) -> spaces.Space:
        """What an agent sees; the same for agents of a kind."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        """What an agent does; the same for agents of a kind."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Info]]:
        """Begin a new episode, that which the single environment would begin."""
        known = {key: one for key, one in (options or {}).items() if key == self.env.lanes.option}
        self._state, info = self.env.reset(seed=seed, options=known)
        self.agents = list(self.possible_agents)
        return self._seen(), self.team.infos(self.env.lanes.snapshot, info)

    def step(
        self, actions: Mapping[str, ArrayLike]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]]:
        """Carry out an action of every agent: one step of the single environment.

        Raises:
            ActionError: an agent's action is missing, or none of its space.
            TaskError: the episode is over, or never began.
        """
        if not self.agents:
            raise TaskError("no agent is alive; call reset() before step()")
        joint = self.team.joint(actions)
        self._state, reward, terminated, truncated, info = self.env.step(joint)
        acted = self.agents
        if terminated or truncated:
            self.agents = []
        return (
            self._seen(),
            dict.fromkeys(acted, reward),
            dict.fromkeys(acted, terminated),
            dict.fromkeys(acted, truncated),
            self.team.infos(self.env.lanes.snapshot, info),
        )

    def state(self) -> NDArray[np.float32]:
        """The observation of the single environment.

        Raises:
            TaskError: the environment was never reset.
        """
        if self._state is None:
            raise TaskError("environment was not reset; call reset() before state()")
        return self._state.copy()

    def render(self) -> Any:
        """What the single environment draws."""
        return self.env.render()

    def close(self) -> None:
        """Close the single environment."""
        self.env.close()

    def _seen(self) -> Observations:
        seen = self.team.observe(self.env.lanes.snapshot)
        return {agent: one[0] for agent, one in seen.items()}


def parallel_env(
    task: str | Case,
    agents: str = "devices",
    *,
    common: Sequence[ObservationPart] | None = None,
    slots: Mapping[str, int] | None = None,
    **options: Any,
) -> GridParallelEnv:
    """A task as a PettingZoo environment of many agents.

    ::

        env = parallel_env("GridFedRL/IEEE123-VVO-v0", agents="devices")
        observations, infos = env.reset(seed=1)
        while env.agents:
            actions = {agent: env.action_space(agent).sample() for agent in env.agents}
            observations, rewards, terminations, truncations, infos = env.step(actions)

    Args:
        task: An id, or a case.
        agents: ``devices``, an agent for each device (see `DeviceTeam`), or ``zones``,
            an agent for each regulation zone (see `ZoneTeam`).
        common: Parts of the observation that every agent sees; forecast totals and clock
            where not given.
        slots: Devices of each kind that a zone has room for.
        **options: Of `gymnasium.make`, or of `GridEnv` for a case.

    Raises:
        TaskError: there are no such agents, the id is of another kind of task, or an
            option is unknown.
    """
    if isinstance(task, Case):
        env, name = GridEnv(task, **options), task.network.feeder.name
    else:
        made = gymnasium.make(task, disable_env_checker=True, **options)
        env, name = made.unwrapped, task
    if isinstance(env, HasTeam) and isinstance(env, LaneEnv):
        if common is not None or slots is not None:
            raise TaskError(f"{task!r} has agents of its own; common and slots are of cases")
        return GridParallelEnv(env, env.team(agents), f"{name}/{agents}")
    if isinstance(env, LaneEnv) and not isinstance(env, GridEnv):
        raise TaskError(f"{task!r} is a task of one agent; parallel_env has no team for it")
    if not isinstance(env, GridEnv):
        raise TaskError(
            f"{task!r} makes a {type(env).__name__}; parallel_env takes ids of this package"
        )
    teams = {
        "devices": lambda: DeviceTeam(env.case, env.action_space, common),
        "zones": lambda: ZoneTeam(env.case, env.action_space, common, slots),
    }
    if agents not in teams:
        raise TaskError(f"no agents {agents!r}; known: {', '.join(teams)}")
    return GridParallelEnv(env, teams[agents](), f"{name}/{agents}")
