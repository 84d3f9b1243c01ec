"""PowerGym's volt-var tasks on the batched engine, step for step as that benchmark has them.

The benchmark: T.-H. Fan, X. Y. Lee and Y. Wang, "PowerGym: A reinforcement learning
environment for Volt-Var control in power distribution systems", L4DC 2022,
arXiv:2109.03970. Its data are read from the user's own copy of them.
"""

from grid_fed_rl.envs.powergym.env import PowerGymEnv, PowerGymVectorEnv
from grid_fed_rl.envs.powergym.task import PowerGymTask, powergym_task

__all__ = ["PowerGymEnv", "PowerGymTask", "PowerGymVectorEnv", "powergym_task"]
