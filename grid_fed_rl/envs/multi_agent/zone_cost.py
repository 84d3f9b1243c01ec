"""What a zone's share of leaving the voltage limits is."""

from grid_fed_rl.envs.case import Case
from grid_fed_rl.envs.costs import VoltageCost
from grid_fed_rl.envs.multi_agent.views import ZoneView
from grid_fed_rl.envs.snapshot import Snapshot

__all__ = ["ZoneCost"]


class ZoneCost:
    """Excursions of the nodes of each zone added up, per unit.

    Over all zones of a feeder they add up to the case's voltage cost.

    Args:
        case: The task, whose voltage limits count; where it has none there is no cost.
        zones: Which zones.
    """

    def __init__(self, case: Case, zones: ZoneView) -> None:
        limits = [one.limits for one in case.costs if isinstance(one, VoltageCost)]
        self._limits = limits[0] if limits else None
        self._zones = zones

    def __call__(self, snapshot: Snapshot) -> dict[str, float]:
        """Of a snapshot of one lane, by zone; 0 right after a reset."""
        if self._limits is None or not snapshot.acted[0]:
            return dict.fromkeys(self._zones.zones, 0.0)
        excursion = self._limits.excursion_pu(snapshot.v_pu[0])
        pairs = zip(self._zones.zones, self._zones.nodes, strict=True)
        return {zone: float(excursion[nodes].sum()) for zone, nodes in pairs}
