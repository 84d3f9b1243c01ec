"""From episodes as Minari holds them to one log, checked on the way.

An episode of n steps has n rewards, actions and end flags, n + 1 observations,
and n + 1 costs, the first of which belongs to the reset. Exactly its last step
is terminated or truncated.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Space
from numpy.typing import NDArray

from grid_fed_rl.datasets.transitions import Metadata, Transitions
from grid_fed_rl.errors import DatasetError

__all__ = ["assemble", "check_spaces"]

_RANK = {
    "observations": 2,
    "actions": 2,
    "rewards": 1,
    "terminations": 1,
    "truncations": 1,
    "infos/cost": 1,
}
_ROWS_BEYOND_STEPS = {"observations": 1, "infos/cost": 1}


def assemble(raw: Iterable[dict[str, Any]], n_steps: int | None, metadata: Metadata) -> Transitions:
    """Stack episodes of different lengths into one log, padded to whole days.

    Args:
        raw: the episodes, as a Minari storage gives them.
        n_steps: length of a whole day; that of the longest episode if None.
        metadata: of the log.

    Raises:
        DatasetError: an episode is broken; the message names it and the field.
    """
    episodes = [_fields(number, episode) for number, episode in enumerate(raw)]
    if not episodes:
        raise DatasetError("no episode; one or more are needed")
    longest = max(len(episode["rewards"]) for episode in episodes)
    whole = longest if n_steps is None else n_steps
    n, first = len(episodes), episodes[0]
    observation = np.zeros((n, whole + 1, first["observations"].shape[1]), np.float32)
    action = np.zeros((n, whole, first["actions"].shape[1]), np.float32)
    reward, cost = np.zeros((2, n, whole), np.float32)
    terminated, mask = np.zeros((2, n, whole), bool)
    with np.errstate(over="ignore"):  # too large for float32 is infinite, which is refused below
        for number, episode in enumerate(episodes):
            end = len(episode["rewards"])
            if end > whole:
                raise DatasetError(
                    f"episode {number}, field 'rewards': {end} steps; at most {whole} make a day"
                )
            for name, target in (("observations", observation), ("actions", action)):
                values = episode[name]
                if values.shape[1] != target.shape[2]:
                    raise DatasetError(
                        f"episode {number}, field '{name}': {values.shape[1]} columns; "
                        f"{target.shape[2]} are needed, as in episode 0"
                    )
                target[number, : len(values)] = values
            reward[number, :end] = episode["rewards"]
            cost[number, :end] = episode["infos/cost"][1:]
            terminated[number, :end] = episode["terminations"]
            mask[number, :end] = True
    return Transitions(observation, action, reward, cost, terminated, mask, metadata)


def check_spaces(log: Transitions, observation_space: Space[Any], action_space: Space[Any]) -> None:
    """Hold every live observation and action against its Box.

    Raises:
        DatasetError: a space is no Box of the right shape, or a value lies outside.
    """
    live = np.pad(log.mask, ((0, 0), (1, 0)), constant_values=True)
    _check_space("observations", observation_space, log.observation, live)
    _check_space("actions", action_space, log.action, log.mask)


def _fields(number: int, raw: dict[str, Any]) -> dict[str, NDArray[np.generic]]:
    """Return the fields of one episode, their lengths held against each other."""
    infos = raw.get("infos") or {}
    if "cost" not in infos:
        raise DatasetError(
            f"episode {number}, field 'infos/cost': missing; "
            "one number a step, and one for the reset, are needed"
        )
    fields = {
        name: np.asarray(infos["cost"] if name == "infos/cost" else raw[name]) for name in _RANK
    }
    n_steps = len(fields["rewards"])
    for name, values in fields.items():
        n_rows = n_steps + _ROWS_BEYOND_STEPS.get(name, 0)
        if values.ndim != _RANK[name] or len(values) != n_rows:
            raise DatasetError(
                f"episode {number}, field '{name}': shape {values.shape}; {_RANK[name]} axes and "
                f"{n_rows} rows are needed beside {n_steps} rewards"
            )
    ended = fields["terminations"].astype(bool) | fields["truncations"].astype(bool)
    if n_steps == 0 or not ended[-1] or ended[:-1].any():
        raise DatasetError(
            f"episode {number}, fields 'terminations' and 'truncations': an end at steps "
            f"{np.flatnonzero(ended).tolist()} of {n_steps}; "
            "the last step, and no other, is an end"
        )
    return fields


def _check_space(
    name: str, space: Space[Any], values: NDArray[np.float32], live: NDArray[np.bool_]
) -> None:
    n_columns = values.shape[-1]
    if not isinstance(space, Box) or space.shape != (n_columns,) or space.dtype != np.float32:
        raise DatasetError(
            f"field '{name}': {n_columns} columns beside the space {space}; "
            f"a Box of shape ({n_columns},) and type float32 is needed"
        )
    outside = ((values < space.low) | (values > space.high)) & live[:, :, None]
    if outside.any():
        episode, step, column = (int(i) for i in np.argwhere(outside)[0])
        raise DatasetError(
            f"episode {episode}, field '{name}', step {step}, column {column}: "
            f"{values[episode, step, column]}; "
            f"{space.low[column]} to {space.high[column]} is the range of the space"
        )
