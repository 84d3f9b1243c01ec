"""A policy: the one thing both towers know of each other.

A policy maps a batch of observations to a batch of actions, both NumPy arrays
with the lane axis first. The physics tower runs policies without knowing how
they were learned; the learning tower makes them without knowing a feeder.
Anything callable will do: a function, a rule with state, a trained network.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Policy"]


class Policy(Protocol):
    """Callable from observations to actions.

    Args:
        observation: (lane, feature) float32, as the vector environment returned it.

    Returns:
        (lane, device) float32, in the bounds of the environment's action space.
    """

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the action of every lane."""
        ...
