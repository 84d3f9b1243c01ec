"""What a team of agents is: who acts on a task, and what each of them sees."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import ActionError

__all__ = ["Entries", "HasTeam", "Team", "joint_action", "own_space"]

Info = dict[str, Any]
Entries = tuple[tuple[int, ...], tuple[int, ...]]  # of an agent's action, of the task's


class Team(Protocol):
    """Agents of a task; all arrays lead with the lane."""

    @property
    def observation_spaces(self) -> Mapping[str, spaces.Space]:
        """Of every agent, in order."""
        ...

    @property
    def action_spaces(self) -> Mapping[str, spaces.Space]:
        """Of every agent, in order."""
        ...

    def observation_names(self, agent: str) -> tuple[str, ...]:
        """What each entry of an agent's observation is."""
        ...

    def joint(self, actions: Mapping[str, ArrayLike]) -> NDArray[Any]:
        """The action of the task: (action,).

        Raises:
            ActionError: an agent's is missing or has another shape.
        """
        ...

    def observe(self, snapshot: Any) -> dict[str, NDArray[np.float32]]:
        """What every agent sees: (lane, entry) each."""
        ...

    def infos(self, snapshot: Any, info: Info) -> dict[str, Info]:
        """What is reported of every agent, of a snapshot of one lane and its info."""
        ...


@runtime_checkable
class HasTeam(Protocol):
    """A task whose agents are its own."""

    def team(self, agents: str) -> Team:
        """Its agents.

        Raises:
            TaskError: there are no such agents.
        """
        ...


def own_space(space: spaces.Space, choices: tuple[int, ...]) -> spaces.Space:
    """An agent's part of an action space that is continuous or discrete.

    Args:
        space: Of the task.
        choices: How many choices each entry of the agent has where it is discrete.
    """
    if isinstance(space, spaces.Box):
        return spaces.Box(-1.0, 1.0, (len(choices),), np.float32)
    return (
        spaces.Discrete(choices[0])
        if len(choices) == 1
        else spaces.MultiDiscrete(np.array(choices))
    )


def joint_action(
    actions: Mapping[str, ArrayLike],
    own_spaces: Mapping[str, spaces.Space],
    entries: Mapping[str, Entries],
    n_entries: int,
) -> NDArray[Any]:
    """Actions of all agents put together: (action,).

    Args:
        actions: Of every agent.
        own_spaces: Their action spaces.
        entries: Of every agent, which entries of its action go to which of the task's.
        n_entries: Of the task's action.

    Raises:
        ActionError: an agent is unknown or missing, or its action has another shape or
            type; the message names it.
    """
    for agent in actions.keys() - own_spaces.keys():
        raise ActionError(f"no agent {agent!r} acts; expected {', '.join(own_spaces)}")
    discrete = not isinstance(next(iter(own_spaces.values())), spaces.Box)
    joint = np.zeros(n_entries, dtype=np.int64 if discrete else np.float64)
    for agent, space in own_spaces.items():
        if agent not in actions:
            raise ActionError(f"agent {agent!r} has no action; each of {len(own_spaces)} needs one")
        action = np.asarray(actions[agent])
        if action.shape != space.shape or action.dtype.kind not in ("iu" if discrete else "iuf"):
            raise ActionError(
                f"action of agent {agent!r} has shape {action.shape} and type {action.dtype}; "
                f"expected {space}"
            )
        own, whole = entries[agent]
        joint[list(whole)] = np.atleast_1d(action)[list(own)]
    return joint
