"""The 33-bus task of MAPDN: reactive power of six PV inverters, against five barriers.

J. Wang, W. Xu, Y. Gu, W. Song and T. C. Green, "Multi-agent reinforcement learning for
active voltage control on power distribution networks", NeurIPS 2021, arXiv 2110.14300;
definitions as their published code has them.
"""

from grid_fed_rl.envs.mapdn.barriers import BARRIERS
from grid_fed_rl.envs.mapdn.env import MAPDNEnv, MAPDNVectorEnv
from grid_fed_rl.envs.mapdn.profiles import Profiles, drawn_profiles, read_profiles
from grid_fed_rl.envs.mapdn.task import MAPDNConfig, MAPDNTask, mapdn_task

__all__ = [
    "BARRIERS",
    "MAPDNConfig",
    "MAPDNEnv",
    "MAPDNTask",
    "MAPDNVectorEnv",
    "Profiles",
    "drawn_profiles",
    "mapdn_task",
    "read_profiles",
]
