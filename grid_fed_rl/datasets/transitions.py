"""Logged operation as arrays: one trajectory is one day at one site.

The trajectory is kept whole because it is the unit of privacy: a site may
select, count, clip or forget days, never single steps.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import DatasetError

__all__ = ["FlatTransitions", "Metadata", "Transitions", "concatenate", "dataset_hash"]

Metadata = dict[str, str | int | float]


class FlatTransitions(NamedTuple):
    """Every live step of every trajectory in a row, for minibatches."""

    observation: NDArray[np.float32]  # (sample, feature)
    action: NDArray[np.float32]  # (sample, device)
    reward: NDArray[np.float32]  # (sample,)
    cost: NDArray[np.float32]  # (sample,)
    next_observation: NDArray[np.float32]  # (sample, feature)
    terminated: NDArray[np.bool_]  # (sample,)


@dataclass(frozen=True, eq=False)
class Transitions:
    """A log of trajectories of up to `n_steps` steps each.

    A trajectory may end early. `mask` is then False from there on, and whatever
    stood there is set to zero, so that it can neither be learned from nor change
    the hash. `terminated` marks a physical end, and only on the last live step;
    a trajectory that ends without it was cut off, and its last observation still
    has a value. Arrays are copied and read-only.

    Attributes:
        observation: (trajectory, step + 1, feature) float32; the last one is the
            true final observation, not the first of another day.
        action: (trajectory, step, device) float32, the action as carried out.
        reward: (trajectory, step) float32, without the cost of violations.
        cost: (trajectory, step) float32, zero or more.
        terminated: (trajectory, step) bool.
        mask: (trajectory, step) bool, True on the steps that happened.
        metadata: where the log comes from, JSON scalars by name.

    Raises:
        DatasetError: an array is of another shape, not finite, or contradicts
            the others; the message names the episode, the step and the value.
    """

    observation: NDArray[np.float32]
    action: NDArray[np.float32]
    reward: NDArray[np.float32]
    cost: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    metadata: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every array, blank what lies after an early end, and freeze."""
        _check_shapes(self)
        mask = _as_bool("mask", self.mask)
        _check_mask(mask)
        end = mask.sum(axis=1)  # (trajectory,) number of live steps
        n_steps = mask.shape[1]
        seen = np.arange(n_steps + 1) <= end[:, None]  # the final observation is live too
        cleaned = {
            "observation": _as_float("observation", self.observation, seen),
            "action": _as_float("action", self.action, mask),
            "reward": _as_float("reward", self.reward, mask),
            "cost": _as_float("cost", self.cost, mask),
            "terminated": _as_bool("terminated", self.terminated) & mask,
            "mask": mask,
        }
        _check_cost(cleaned["cost"])
        _check_terminated(cleaned["terminated"], end)
        for name, array in cleaned.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        _check_metadata(self.metadata)
        object.__setattr__(self, "metadata", dict(self.metadata))

    def __len__(self) -> int:
        """Return the number of trajectories."""
        return self.mask.shape[0]

    @property
    def n_trajectories(self) -> int:
        """Number of trajectories, that is, of site-days."""
        return self.mask.shape[0]

    @property
    def n_steps(self) -> int:
        """Steps of a whole trajectory."""
        return self.mask.shape[1]

    @property
    def n_transitions(self) -> int:
        """Live steps in all trajectories together."""
        return int(self.mask.sum())

    @property
    def n_features(self) -> int:
        """Length of an observation."""
        return self.observation.shape[2]

    @property
    def n_devices(self) -> int:
        """Length of an action."""
        return self.action.shape[2]

    def select(self, indices: ArrayLike) -> "Transitions":
        """Return the trajectories at `indices` (integers or a bool for each), in that order.

        Raises:
            DatasetError: an index is out of range or not an integer.
        """
        index = np.asarray(indices)
        n = self.n_trajectories
        if index.dtype == np.bool_:
            if index.shape != (n,):
                raise DatasetError(
                    f"select: {index.size} booleans for {n} trajectories; one for each is needed"
                )
            index = np.flatnonzero(index)
        if index.size == 0:
            index = index.astype(np.int64)
        if index.ndim != 1 or not np.issubdtype(index.dtype, np.integer):
            raise DatasetError(
                f"select: indices of shape {index.shape} and type {index.dtype}; "
                "a list of integers is needed"
            )
        outside = index[(index < -n) | (index >= n)]
        if outside.size:
            raise DatasetError(
                f"select: no trajectory {outside[0]}; there are {n}, numbered 0 to {n - 1}"
            )
        return replace(
            self,
            observation=self.observation[index],
            action=self.action[index],
            reward=self.reward[index],
            cost=self.cost[index],
            terminated=self.terminated[index],
            mask=self.mask[index],
        )

    def flat(self) -> FlatTransitions:
        """Return the live steps in a row, trajectory by trajectory."""
        live = self.mask
        return FlatTransitions(
            observation=self.observation[:, :-1][live],
            action=self.action[live],
            reward=self.reward[live],
            cost=self.cost[live],
            next_observation=self.observation[:, 1:][live],
            terminated=self.terminated[live],
        )


def concatenate(logs: Sequence[Transitions]) -> Transitions:
    """Put logs of the same task one after another.

    Metadata that all logs share is kept; what differs between them is dropped.

    Raises:
        DatasetError: there is no log, or features, devices or steps differ.
    """
    if not logs:
        raise DatasetError("concatenate: no log was given; at least one is needed")
    first = logs[0]
    for number, log in enumerate(logs):
        for name in ("n_features", "n_devices", "n_steps"):
            if getattr(log, name) != getattr(first, name):
                raise DatasetError(
                    f"concatenate: log {number} has {name}={getattr(log, name)}, "
                    f"log 0 has {getattr(first, name)}; only logs of one task can be joined"
                )
    shared = {
        key: value
        for key, value in first.metadata.items()
        if all(key in log.metadata and log.metadata[key] == value for log in logs)
    }
    return Transitions(
        observation=np.concatenate([log.observation for log in logs]),
        action=np.concatenate([log.action for log in logs]),
        reward=np.concatenate([log.reward for log in logs]),
        cost=np.concatenate([log.cost for log in logs]),
        terminated=np.concatenate([log.terminated for log in logs]),
        mask=np.concatenate([log.mask for log in logs]),
        metadata=shared,
    )


def dataset_hash(transitions: Transitions) -> str:
    """Return the SHA-256 of the arrays, in hexadecimal; metadata does not count."""
    digest = hashlib.sha256()
    for name in ("observation", "action", "reward", "cost", "terminated", "mask"):
        array: NDArray[np.generic] = getattr(transitions, name)
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{name} {little.dtype.str} {little.shape}\n".encode())
        digest.update(little.tobytes())
    return digest.hexdigest()


def _check_shapes(log: Transitions) -> None:
    """Hold every array against the shape the others give it."""
    ranks = {"observation": 3, "action": 3, "reward": 2, "cost": 2, "terminated": 2, "mask": 2}
    shapes = {name: np.shape(getattr(log, name)) for name in ranks}
    for name, rank in ranks.items():
        if len(shapes[name]) != rank:
            raise DatasetError(f"field '{name}': shape {shapes[name]}; {rank} axes are needed")
    n, n_steps = shapes["reward"]
    if n_steps == 0:
        raise DatasetError("field 'reward': trajectories of no step; at least one is needed")
    expected = {
        "observation": (n, n_steps + 1, shapes["observation"][2]),
        "action": (n, n_steps, shapes["action"][2]),
        "cost": (n, n_steps),
        "terminated": (n, n_steps),
        "mask": (n, n_steps),
    }
    for name, shape in expected.items():
        if shapes[name] != shape:
            raise DatasetError(
                f"field '{name}': shape {shapes[name]}; {shape} is needed beside a reward of "
                f"shape {(n, n_steps)} (trajectory, step)"
            )


def _check_metadata(metadata: Metadata) -> None:
    for key, value in metadata.items():
        if not isinstance(value, str | int | float):
            raise DatasetError(
                f"metadata '{key}': {value!r} of type {type(value).__name__}; "
                "str, int or float is needed"
            )


def _as_bool(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    array = np.array(values)
    if array.dtype != np.bool_:
        raise DatasetError(f"field '{name}': type {array.dtype}; bool is needed")
    return array


def _as_float(name: str, values: ArrayLike, live: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a float32 copy, zero where `live` is False, refusing what is not finite elsewhere."""
    array = np.array(values)
    if not np.issubdtype(array.dtype, np.floating) and not np.issubdtype(array.dtype, np.integer):
        raise DatasetError(f"field '{name}': type {array.dtype}; real numbers are needed")
    with np.errstate(over="ignore"):  # too large for float32 is infinite, refused below
        array = array.astype(np.float32)
    array[~live] = 0.0
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        episode, step, *rest = wrong[0].tolist()
        position = f", position {rest[0]}" if rest else ""
        raise DatasetError(
            f"episode {episode}, field '{name}', step {step}{position}: "
            f"{array[tuple(wrong[0])]}; finite float32 numbers are needed"
        )
    return array


def _check_mask(mask: NDArray[np.bool_]) -> None:
    late = ~mask[:, 0] | (mask[:, 1:] & ~mask[:, :-1]).any(axis=1)
    if late.any():
        episode = int(np.flatnonzero(late)[0])
        raise DatasetError(
            f"episode {episode}, field 'mask': {mask[episode].astype(int).tolist()}; "
            "live steps come first, at least one, and none follows an end"
        )


def _check_cost(cost: NDArray[np.float32]) -> None:
    wrong = np.argwhere(cost < 0)
    if len(wrong):
        episode, step = (int(i) for i in wrong[0])
        raise DatasetError(
            f"episode {episode}, field 'cost', step {step}: {cost[episode, step]}; "
            "a cost is zero or more"
        )


def _check_terminated(terminated: NDArray[np.bool_], end: NDArray[np.int64]) -> None:
    step_number = np.arange(terminated.shape[1])
    wrong = np.argwhere(terminated & (step_number < end[:, None] - 1))
    if len(wrong):
        episode, step = (int(i) for i in wrong[0])
        raise DatasetError(
            f"episode {episode}, field 'terminated', step {step}: True, but the trajectory goes "
            f"on to step {int(end[episode]) - 1}; only the last live step can be the end"
        )
