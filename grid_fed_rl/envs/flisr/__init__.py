"""Fault location, isolation and service restoration (FLISR): switching after an outage."""

from grid_fed_rl.envs.flisr.case import FLISRCase, flisr_case
from grid_fed_rl.envs.flisr.config import FLISRConfig
from grid_fed_rl.envs.flisr.env import FLISREnv, FLISRVectorEnv
from grid_fed_rl.envs.flisr.equipment import EQUIPMENT, SwitchGear, equipped
from grid_fed_rl.envs.flisr.exact import Exact
from grid_fed_rl.envs.flisr.masks import Refusal
from grid_fed_rl.envs.flisr.milp import Restoration
from grid_fed_rl.envs.flisr.rules import Nothing, RuleBased

__all__ = [
    "EQUIPMENT",
    "Exact",
    "FLISRCase",
    "FLISRConfig",
    "FLISREnv",
    "FLISRVectorEnv",
    "Nothing",
    "Refusal",
    "Restoration",
    "RuleBased",
    "SwitchGear",
    "equipped",
    "flisr_case",
]
