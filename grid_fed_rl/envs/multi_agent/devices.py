"""An agent for each device."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.multi_agent.standing import Device, kinds_of
from grid_fed_rl.envs.multi_agent.team import Entries, Info, joint_action, own_space
from grid_fed_rl.envs.multi_agent.views import Common, DeviceView, ZoneView, common_parts
from grid_fed_rl.envs.multi_agent.zone_cost import ZoneCost
from grid_fed_rl.envs.observation import ObservationPart
from grid_fed_rl.envs.snapshot import Snapshot

__all__ = ["DeviceTeam"]


class DeviceTeam:
    """Devices as agents: ``regulator_0``, ``regulator_1``, ..., ``capacitor_0``, ...

    Agents of a kind have the same spaces on every feeder, so that they can share a
    policy. An agent sees, each from -1 to 1,

    - its state: of a regulator, capacitor, battery or flexible load one entry, of an
      inverter active and reactive power;
    - the voltage of its bus on phase 1, 2 and 3, 0 where it does not stand on the phase;
    - whether it does, 1 or 0, on phase 1, 2 and 3;
    - the power it injects over its rating, active and reactive; a regulator and a
      capacitor have none of their own, and see 0;
    - the lowest and highest voltage of its zone (see `standing`);
    - what every agent sees: forecast totals and clock, if no parts are given.

    Args:
        case: The task.
        space: Its action space.
        common: Parts of the observation that every agent sees.
    """

    def __init__(
        self, case: Case, space: spaces.Space, common: Sequence[ObservationPart] | None = None
    ) -> None:
        self._n_entries = len(case.action_names)
        self._kinds = tuple(kind for kind in kinds_of(case) if kind.devices)
        self._views = tuple(DeviceView(kind) for kind in self._kinds)
        self._common: Common = common_parts(case, common)
        self.devices: dict[str, Device] = {}
        self.action_spaces: dict[str, spaces.Space] = {}
        self.observation_spaces: dict[str, spaces.Space] = {}
        for view in self._views:
            n = len(view.names) + 2 + len(self._common.names)
            for k, device in enumerate(view.kind.devices):
                agent = f"{view.kind.name}_{k}"
                self.devices[agent] = device
                self.action_spaces[agent] = own_space(space, view.kind.choices)
                self.observation_spaces[agent] = spaces.Box(-1.0, 1.0, (n,), np.float32)
        self._entries: dict[str, Entries] = {
            agent: (tuple(range(len(one.entries))), one.entries)
            for agent, one in self.devices.items()
        }
        zones = tuple(dict.fromkeys(one.zone for one in self.devices.values()))
        self._zones = ZoneView(case.network, zones)
        self._zone_of = [
            np.array([zones.index(one.zone) for one in kind.devices]) for kind in self._kinds
        ]
        self._zone_cost = ZoneCost(case, self._zones)

    def observation_names(self, agent: str) -> tuple[str, ...]:
        """What each entry of an agent's observation is."""
        kind = agent.rpartition("_")[0]
        view = next(view for view in self._views if view.kind.name == kind)
        return (*view.names, "v_min:zone", "v_max:zone", *self._common.names)

    def joint(self, actions: Mapping[str, ArrayLike]) -> NDArray[Any]:
        """The action of the case: (action,).

        Raises:
            ActionError: an agent's is missing or has another shape.
        """
        return joint_action(actions, self.action_spaces, self._entries, self._n_entries)

    def observe(self, snapshot: Snapshot) -> dict[str, NDArray[np.float32]]:
        """What every agent sees: (lane, entry) each."""
        extremes, common = self._zones.extremes(snapshot), self._common(snapshot)[:, None]
        seen: dict[str, NDArray[np.float32]] = {}
        for view, zones in zip(self._views, self._zone_of, strict=True):
            shape = (common.shape[0], len(zones), common.shape[2])
            blocks = [view(snapshot), extremes[:, zones], np.broadcast_to(common, shape)]
            block = np.concatenate(blocks, axis=2, dtype=np.float32, casting="same_kind")
            seen |= {f"{view.kind.name}_{k}": block[:, k].copy() for k in range(len(zones))}
        return seen

    def infos(self, snapshot: Snapshot, info: Info) -> dict[str, Info]:
        """Those of the task, with the agent's device, its zone, and what it carried out."""
        cost = self._zone_cost(snapshot)
        return {
            agent: {
                **info,
                "device": one.name,
                "zone": one.zone,
                "zone_cost": cost[one.zone],
                "action_executed": info["action_executed"][list(one.entries)],
            }
            for agent, one in self.devices.items()
        }
