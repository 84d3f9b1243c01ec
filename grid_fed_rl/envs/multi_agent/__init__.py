"""Cases with many agents: PettingZoo's parallel environment, an agent a device or a zone."""

from grid_fed_rl.envs.multi_agent.devices import DeviceTeam
from grid_fed_rl.envs.multi_agent.parallel import GridParallelEnv, parallel_env
from grid_fed_rl.envs.multi_agent.team import Team
from grid_fed_rl.envs.multi_agent.zones import ZoneTeam

__all__ = ["DeviceTeam", "GridParallelEnv", "Team", "ZoneTeam", "parallel_env"]
