"""Offline learning: per-sample losses, the loop that descends them, and what comes out."""

from grid_fed_rl.algorithms.iql import IQLConfig
from grid_fed_rl.algorithms.learner import Learner, mean_gradient
from grid_fed_rl.algorithms.policy import LearnedPolicy
from grid_fed_rl.algorithms.train import TrainConfig, Trained, train

__all__ = [
    "IQLConfig",
    "LearnedPolicy",
    "Learner",
    "TrainConfig",
    "Trained",
    "mean_gradient",
    "train",
]
