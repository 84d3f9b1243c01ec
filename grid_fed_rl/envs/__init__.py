"""Environments: cases assembled from parts, stepped in lanes."""

from grid_fed_rl.envs.registration import ENV_IDS, POWERGYM_IDS, register

__all__ = ["ENV_IDS", "POWERGYM_IDS", "register"]
