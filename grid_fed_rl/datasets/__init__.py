"""Logged operation: collected from environments, kept as Minari datasets.

Reading and writing (`grid_fed_rl.datasets.minari_io`) needs the `train` extra;
everything named here needs NumPy and Gymnasium alone.
"""

from grid_fed_rl.datasets.collect import collect
from grid_fed_rl.datasets.transitions import (
    FlatTransitions,
    Transitions,
    concatenate,
    dataset_hash,
)

__all__ = ["FlatTransitions", "Transitions", "collect", "concatenate", "dataset_hash"]
