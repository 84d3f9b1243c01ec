"""N-1: on every day of a year one device of a site is out of service.

What may be out is every regulator, capacitor and battery that the action moves, and every
PV. It is out for the whole day: a regulator stays at neutral, a capacitor open, a battery
idle and a PV gives nothing. A hash of site and day fixes first the kind, each as often, and
then the device. The loss of a section of line is a task of its own, restoration.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import Batteries, Capacitors, DeviceGroup, Regulators
from grid_fed_rl.errors import TaskError
from grid_fed_rl.scenarios import Year, outage_on

__all__ = ["Outages", "lose_one"]


@dataclass(frozen=True, eq=False)
class Outages:
    """What is out on which day.

    Attributes:
        devices: (day,) the one that is out.
        held: (day, action) entries of the action that move nothing on that day.
    """

    devices: tuple[str, ...]
    held: NDArray[np.bool_]


def lose_one(
    year: Year, key: str, pvs: Sequence[str], groups: Sequence[DeviceGroup], *, local_controls: bool
) -> tuple[Year, Outages]:
    """A year in which one device is missing on every day.

    Args:
        year: Load and sun.
        key: Names the site: another has other outages.
        pvs: The PV, as the year has them.
        groups: What the action controls, in order.
        local_controls: Whether regulators and capacitors follow their own controls instead
            of the action; then none of them is out.

    Returns:
        The year that the loss of PV makes of it, and what is out when.

    Raises:
        TaskError: nothing there can be out.
    """
    kinds = (Batteries,) if local_controls else (Regulators, Capacitors, Batteries)
    moved = {one.state_name: one.names for one in groups if isinstance(one, kinds)}
    by_kind = {kind: names for kind, names in {**moved, "pv": tuple(pvs)}.items() if names}
    if not by_kind:
        raise TaskError(
            "split 'stress-n-1': there is no PV, and no battery, regulator or capacitor that the "
            "action moves, to be out of service; choose another split"
        )
    devices = tuple(
        outage_on(day, by_kind[outage_on(day, list(by_kind), key)], key)
        for day in range(year.n_days)
    )
    entries = [name for group in groups for name in group.names]
    held = np.zeros((year.n_days, len(entries)), dtype=bool)
    pv_kw = year.pv_kw.reshape(year.n_days, year.steps_per_day, len(pvs)).copy()
    for day, device in enumerate(devices):
        held[day] = [entry in (device, f"{device}.kvar", f"{device}.kw") for entry in entries]
        if device in pvs:
            pv_kw[day, :, pvs.index(device)] = 0.0
    return replace(year, pv_kw=pv_kw.reshape(year.pv_kw.shape)), Outages(devices, held)
