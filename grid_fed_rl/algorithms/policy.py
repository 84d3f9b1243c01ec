"""A learned policy, as the physics tower sees it: NumPy in, NumPy out."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from grid_fed_rl.algorithms.iql import IQLConfig, act
from grid_fed_rl.algorithms.networks import Tensors, n_inputs, n_outputs
from grid_fed_rl.algorithms.storage import read_tensors, write_tensors
from grid_fed_rl.errors import TrainingError

__all__ = ["LearnedPolicy"]

_KIND = "policy"


class LearnedPolicy:
    """The mean action of a trained actor; a `grid_fed_rl.policy.Policy`.

    It keeps a copy of the actor alone, which is all that acting takes.

    Args:
        params: parameters of a learner.
        config: the settings it was trained with, kept for the record.
    """

    def __init__(self, params: Tensors, config: IQLConfig) -> None:
        self.config = config
        self.params = {
            name: value.detach().clone()
            for name, value in params.items()
            if name.startswith("actor")
        }
        if "actor.0.weight" not in self.params:
            raise TrainingError(
                "policy: no parameter 'actor.0.weight'; those of an actor are needed"
            )

    @property
    def n_features(self) -> int:
        """Length of an observation."""
        return n_inputs(self.params, "actor")

    @property
    def n_devices(self) -> int:
        """Length of an action."""
        return n_outputs(self.params, "actor")

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the action (lane, device) for each observation (lane, feature).

        Raises:
            TrainingError: the observation is of another shape.
        """
        if observation.ndim != 2 or observation.shape[1] != self.n_features:
            raise TrainingError(
                f"policy: observation of shape {observation.shape}; "
                f"(lane, {self.n_features}) is needed"
            )
        with torch.inference_mode():
            features = torch.tensor(observation, dtype=torch.float32)
            return act(self.params, features).numpy()

    def save(self, path: str | Path) -> None:
        """Write the policy and its settings as one safetensors file."""
        header = {
            "n_features": self.n_features,
            "n_devices": self.n_devices,
            "config": asdict(self.config),
        }
        write_tensors(path, self.params, _KIND, header)

    @classmethod
    def load(
        cls, path: str | Path, *, n_features: int | None = None, n_devices: int | None = None
    ) -> "LearnedPolicy":
        """Read what `save` wrote.

        Args:
            path: of the file.
            n_features: the length its observations must have, if given.
            n_devices: the length its actions must have, if given.

        Raises:
            TrainingError: the file is missing, broken, no policy, or of another shape.
        """
        tensors, header = read_tensors(path, _KIND)
        policy = cls(tensors, IQLConfig(**header["config"]))
        for name, wanted in (("n_features", n_features), ("n_devices", n_devices)):
            found = getattr(policy, name)
            if found != header[name]:
                raise TrainingError(
                    f"policy '{path}', {name}: the tensors have {found}, the header says "
                    f"{header[name]}; the two must agree"
                )
            if wanted is not None and found != wanted:
                raise TrainingError(
                    f"policy '{path}', {name}: {found}; {wanted} is needed by this task"
                )
        return policy
