"""An agent for each regulation zone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.multi_agent.standing import Kind, kinds_of
from grid_fed_rl.envs.multi_agent.team import Entries, Info, joint_action
from grid_fed_rl.envs.multi_agent.views import Common, DeviceView, ZoneView, common_parts
from grid_fed_rl.envs.multi_agent.zone_cost import ZoneCost
from grid_fed_rl.envs.observation import ObservationPart
from grid_fed_rl.envs.snapshot import Snapshot
from grid_fed_rl.errors import TaskError

__all__ = ["SLOTS", "ZoneTeam"]

SLOTS: Mapping[str, int] = MappingProxyType(
    {"regulator": 3, "capacitor": 4, "battery": 4, "inverter": 16, "flexible_load": 8}
)
"""Devices of each kind that a zone has room for."""


@dataclass(frozen=True, slots=True)
class _Section:
    """The slots of one kind: which devices of the kind stand in them, zone by zone.

    Attributes:
        view: What such devices see.
        slots: How many there are.
        filled: For every zone, the devices' numbers within the kind.
        entries: Where the slots begin in an agent's action.
    """

    view: DeviceView
    slots: int
    filled: tuple[tuple[int, ...], ...]
    entries: int

    @property
    def kind(self) -> Kind:
        return self.view.kind


class ZoneTeam:
    """Zones as agents: ``zone_0``, ``zone_1``, ... in the order of the network.

    A zone in which no device stands has no agent. All agents have the same spaces, on
    every feeder: for each kind of device that the case controls a number of slots, the
    devices of the zone in the first of them. An agent sees, each from -1 to 1,

    - the lowest and the highest voltage of its zone on phase 1, 2 and 3, 0 where it has
      no node of the phase; whether it has, 1 or 0, on phase 1, 2 and 3;
    - for every kind, in the order of the action, for every slot: whether there is a
      device, 1 or 0; what that device sees as an agent of its own (`DeviceTeam`), but for
      the zone and what all see; 0 where there is none;
    - what every agent sees: forecast totals and clock, if no parts are given.

    Its action has the entries of every slot; those of an empty one are ignored.

    Args:
        case: The task.
        space: Its action space.
        common: Parts of the observation that every agent sees.
        slots: Slots of each kind where they are not those of `SLOTS`; a kind that is in
            neither has 4.

    Raises:
        TaskError: a zone has more devices of a kind than there are slots.
    """

    def __init__(
        self,
        case: Case,
        space: spaces.Space,
        common: Sequence[ObservationPart] | None = None,
        slots: Mapping[str, int] | None = None,
    ) -> None:
        kinds = kinds_of(case)
        stood_in = {one.zone for kind in kinds for one in kind.devices}
        names = tuple(zone for zone in ZoneView.all_zones(case.network) if zone in stood_in)
        self._n_entries = len(case.action_names)
        self._common: Common = common_parts(case, common)
        self._zones = ZoneView(case.network, names)
        self._zone_cost = ZoneCost(case, self._zones)
        self._sections = _sections(kinds, names, {**SLOTS, **(slots or {})})
        self.zones = {f"zone_{k}": zone for k, zone in enumerate(names)}
        choices = tuple(n for one in self._sections for n in one.kind.choices * one.slots)
        discrete = not isinstance(space, spaces.Box)
        n_seen, self._n_own = len(self._names), len(choices)
        self.action_spaces: dict[str, spaces.Space] = {
            agent: spaces.MultiDiscrete(np.array(choices))
            if discrete
            else spaces.Box(-1.0, 1.0, (len(choices),), np.float32)
            for agent in self.zones
        }
        self.observation_spaces: dict[str, spaces.Space] = {
            agent: spaces.Box(-1.0, 1.0, (n_seen,), np.float32) for agent in self.zones
        }
        self._entries = {agent: _entries(self._sections, k) for k, agent in enumerate(self.zones)}

    def filled(self, agent: str) -> NDArray[np.bool_]:
        """(entry,) whether a device stands behind each entry of an agent's action."""
        own, _ = self._entries[agent]
        return np.isin(np.arange(self._n_own), own)

    def observation_names(self, agent: str) -> tuple[str, ...]:
        """What each entry of an agent's observation is; the same for all."""
        del agent
        return self._names

    @cached_property
    def _names(self) -> tuple[str, ...]:
        ends = tuple(f"{end}:{phase}" for end in ("v_min", "v_max", "has") for phase in (1, 2, 3))
        slots = tuple(
            f"{section.kind.name}_{slot}:{name}"
            for section in self._sections
            for slot in range(section.slots)
            for name in ("present", *section.view.names)
        )
        return (*ends, *slots, *self._common.names)

    def joint(self, actions: Mapping[str, ArrayLike]) -> NDArray[Any]:
        """The action of the case: (action,).

        Raises:
            ActionError: an agent's is missing or has another shape.
        """
        return joint_action(actions, self.action_spaces, self._entries, self._n_entries)

    def observe(self, snapshot: Snapshot) -> dict[str, NDArray[np.float32]]:
        """What every agent sees: (lane, entry) each."""
        lanes, ends = len(snapshot.step), self._zones.by_phase(snapshot)
        common = self._common(snapshot)
        blocks = [_slotted(section, section.view(snapshot)) for section in self._sections]
        seen: dict[str, NDArray[np.float32]] = {}
        for k, agent in enumerate(self.zones):
            mine = [ends[:, k], *(block[:, k].reshape(lanes, -1) for block in blocks), common]
            seen[agent] = np.concatenate(mine, axis=1, dtype=np.float32, casting="same_kind")
        return seen

    def infos(self, snapshot: Snapshot, info: Info) -> dict[str, Info]:
        """Those of the task, with the agent's zone, and what its devices carried out."""
        cost = self._zone_cost(snapshot)
        infos: dict[str, Info] = {}
        for agent, zone in self.zones.items():
            own, whole = self._entries[agent]
            executed = np.zeros(self._n_own, dtype=np.float32)
            executed[list(own)] = info["action_executed"][list(whole)]
            infos[agent] = {
                **info,
                "zone": zone,
                "zone_cost": cost[zone],
                "action_executed": executed,
            }
        return infos


def _sections(
    kinds: Sequence[Kind], zones: tuple[str, ...], slots: Mapping[str, int]
) -> tuple[_Section, ...]:
    sections: list[_Section] = []
    first = 0
    for kind in kinds:
        room = slots.get(kind.name, 4)
        filled = tuple(
            tuple(k for k, one in enumerate(kind.devices) if one.zone == zone) for zone in zones
        )
        for zone, devices in zip(zones, filled, strict=True):
            if len(devices) > room:
                raise TaskError(
                    f"zone {zone!r} has {len(devices)} devices of kind {kind.name!r} and "
                    f"{room} slots for them; give slots={{{kind.name!r}: {len(devices)}}} or more"
                )
        sections.append(_Section(DeviceView(kind), room, filled, first))
        first += room * len(kind.choices)
    return tuple(sections)


def _entries(sections: tuple[_Section, ...], zone: int) -> Entries:
    """Entries of a zone's action that a device stands behind, and the case's for them."""
    own: list[int] = []
    whole: list[int] = []
    for section in sections:
        n = len(section.kind.choices)
        for slot, k in enumerate(section.filled[zone]):
            own += range(section.entries + slot * n, section.entries + (slot + 1) * n)
            whole += section.kind.devices[k].entries
    return tuple(own), tuple(whole)


def _slotted(section: _Section, seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """From (lane, device, entry) to (lane, zone, slot, present and entry)."""
    lanes, _, n = seen.shape
    out = np.zeros((lanes, len(section.filled), section.slots, n + 1))
    for zone, devices in enumerate(section.filled):
        out[:, zone, : len(devices), 0] = 1.0
        out[:, zone, : len(devices), 1:] = seen[:, list(devices)]
    return out
