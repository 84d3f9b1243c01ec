"""PV as agents that see their zone, as MAPDN has them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.mapdn.env import MAPDNVectorEnv
from grid_fed_rl.envs.mapdn.task import ZONES
from grid_fed_rl.envs.mapdn.view import MAPDNView
from grid_fed_rl.envs.multi_agent.team import Entries, Info, joint_action

__all__ = ["PVTeam"]


class PVTeam:
    """An agent for each PV: ``pv_0`` to ``pv_5``.

    An agent sees its zone as MAPDN's do, in its units: of every bus of the zone the load
    in MW, then in Mvar; the PV's own active power of the step to come, in MW, and its
    reactive power of the last, in Mvar; of every bus the voltage, per unit, then its
    angle in radians. Zones of fewer buses are filled up with 0 at the end, so that all
    agents have the spaces of the largest: 12 buses, 50 entries.

    Args:
        lanes: The vector environment.
    """

    def __init__(self, lanes: MAPDNVectorEnv) -> None:
        self._lanes, task = lanes, lanes.task
        zone_of = {bus: zone for zone, buses in ZONES.items() for bus in buses}
        self.zones = {
            f"pv_{k}": zone_of[task.buses[bus]] for k, bus in enumerate(task.pv_bus.tolist())
        }
        self._buses = {
            zone: np.array([task.buses.index(bus) for bus in ZONES[zone]])
            for zone in self.zones.values()
        }
        self._n = 4 * max(map(len, self._buses.values())) + 2
        most = task.config.most
        high = max(100.0, np.pi)
        self.observation_spaces: dict[str, spaces.Space] = {
            agent: spaces.Box(-high, high, (self._n,), np.float32) for agent in self.zones
        }
        self.action_spaces: dict[str, spaces.Space] = {
            agent: spaces.Box(-most, most, (1,), np.float32) for agent in self.zones
        }
        self._entries: dict[str, Entries] = {
            agent: ((0,), (k,)) for k, agent in enumerate(self.zones)
        }

    def observation_names(self, agent: str) -> tuple[str, ...]:
        """What each entry of an agent's observation is; ``-`` where it is filled up."""
        buses = ZONES[self.zones[agent]]
        parts = [
            *(f"load_mw:{bus}" for bus in buses),
            *(f"load_mvar:{bus}" for bus in buses),
            "pv_mw_next",
            "pv_mvar",
            *(f"v_pu:{bus}" for bus in buses),
            *(f"angle_rad:{bus}" for bus in buses),
        ]
        return (*parts, *["-"] * (self._n - len(parts)))

    def joint(self, actions: Mapping[str, ArrayLike]) -> NDArray[Any]:
        """The action of the task: (pv,).

        Raises:
            ActionError: an agent's is missing or has another shape.
        """
        return joint_action(actions, self.action_spaces, self._entries, len(self.zones))

    def observe(self, snapshot: MAPDNView) -> dict[str, NDArray[np.float32]]:
        """What every agent sees: (lane, entry) each."""
        load_mw, load_mvar = self._lanes.bus_load_mw_mvar(snapshot)
        seen: dict[str, NDArray[np.float32]] = {}
        for k, (agent, zone) in enumerate(self.zones.items()):
            buses = self._buses[zone]
            pv_mw = 1e-3 * snapshot.coming.pv_kw[:, k : k + 1]
            pv_mvar = 1e-3 * snapshot.pv_kvar[:, k : k + 1]
            blocks = [
                load_mw[:, buses],
                load_mvar[:, buses],
                pv_mw,
                pv_mvar,
                snapshot.bus_v_pu[:, buses],
                snapshot.bus_angle_rad[:, buses],
            ]
            out = np.zeros((len(snapshot.step), self._n), dtype=np.float32)
            out[:, : 4 * len(buses) + 2] = np.concatenate(blocks, axis=1)
            seen[agent] = out
        return seen

    def infos(self, snapshot: MAPDNView, info: Info) -> dict[str, Info]:
        """Those of the task, with the agent's PV, its zone, and what it carried out."""
        del snapshot
        names = self._lanes.task.agents
        return {
            agent: {
                **info,
                "device": names[k],
                "zone": zone,
                "action_executed": info["action_executed"][k : k + 1],
            }
            for k, (agent, zone) in enumerate(self.zones.items())
        }
