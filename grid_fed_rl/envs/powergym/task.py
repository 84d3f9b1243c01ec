"""All that stays the same through an episode of the benchmark."""

from dataclasses import dataclass
from functools import cached_property
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.powergym.data import (
    Battery,
    read_batteries,
    read_feeder,
    read_profiles,
    system_folder,
)
from grid_fed_rl.envs.powergym.systems import TAPS, System, known_system
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network, Setpoint, compile_network, nominal_setpoint

__all__ = ["PowerGymTask", "powergym_task"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TAP_LOWEST = 16  # steps below neutral of setting 0


@dataclass(frozen=True, eq=False)
class PowerGymTask:
    """A system of the benchmark, ready to be stepped.

    Attributes:
        system: Its script and weights.
        network: The compiled feeder.
        profiles: (profile, hour, load) multipliers of the loads.
        batteries: In the order of the action.
    """

    system: System
    network: Network
    profiles: Floats
    batteries: tuple[Battery, ...]

    def __post_init__(self) -> None:
        self.profiles.flags.writeable = False
        network = self.network
        lowest, highest = network.tap_lowest.tolist(), network.tap_highest.tolist()
        for name, *found in zip(network.regulators, lowest, highest, strict=True):
            if found != [-TAP_LOWEST, TAPS - 1 - TAP_LOWEST]:
                raise TaskError(
                    f"regulator {name!r} has taps {found[0]} to {found[1]}; the benchmark's "
                    f"have {TAPS} settings from 0.9 to 1.1"
                )

    @cached_property
    def regulators(self) -> Integers:
        """(regulator,) column of the set-point of each regulator of the action.

        The benchmark lists regulators as OpenDSS lists their transformers, which is
        not the order of their controls.
        """
        feeder, place = self.network.feeder, {}
        for column, name in enumerate(self.network.regulators):
            place[feeder.regulators[name].transformer] = column
        return np.array([place[t] for t in feeder.transformers if t in place], dtype=np.int64)

    @cached_property
    def ders(self) -> Integers:
        """(battery,) column of the set-point of each battery."""
        names = [self.network.ders.index(battery.name) for battery in self.batteries]
        return np.array(names, dtype=np.int64)

    @cached_property
    def ratings(self) -> Floats:
        """(4, battery) largest kW, kvar a kW, kWh when full, and kWh at the start."""
        rows = [(b.max_kw, 1.0 / b.pf, b.max_kwh, b.initial_kwh) for b in self.batteries]
        return np.array(rows).reshape(-1, 4).T

    @cached_property
    def bus_starts(self) -> Integers:
        """(bus,) column of the first node of each bus."""
        buses = [name.rpartition(".")[0] for name in self.network.node_names]
        return np.array([k for k, bus in enumerate(buses) if k == 0 or bus != buses[k - 1]])

    @cached_property
    def nominal(self) -> Setpoint:
        """One row: what no action and no profile changes."""
        return nominal_setpoint(self.network)

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """Device behind each entry of the action."""
        regulators = (self.network.regulators[k] for k in self.regulators)
        return (*self.network.capacitors, *regulators, *(b.name for b in self.batteries))

    @cached_property
    def choices(self) -> Integers:
        """(device,) number of choices that the action has for it."""
        n_capacitors = len(self.network.capacitors)
        n_others = len(self.action_names) - n_capacitors
        return np.array([2] * n_capacitors + [TAPS] * n_others, dtype=np.int64)

    @cached_property
    def observation_names(self) -> tuple[str, ...]:
        """Meaning of each entry of the observation."""
        n_capacitors, n_batteries = len(self.network.capacitors), len(self.batteries)
        names = self.action_names
        return (
            *(f"v:{node}" for node in self.network.node_names),
            *(f"capacitor_closed:{name}" for name in names[:n_capacitors]),
            *(f"tap_pu:{name}" for name in names[n_capacitors : len(names) - n_batteries]),
            *(f"{what}:{b.name}" for b in self.batteries for what in ("soc", "discharge")),
        )


def powergym_task(system: str, data: str | PathLike[str] | None = None) -> PowerGymTask:
    """Read a system of the benchmark.

    Args:
        system: ``"13Bus"``, ``"34Bus"`` or ``"123Bus"``, or one of these and ``"_soc"``.
        data: The benchmark's folder ``systems``, or the system's own within it.

    Raises:
        TaskError: `data` is missing or not the benchmark's, or a file of it is; the
            message says what was looked for and where it can be had.
    """
    known = known_system(system)
    folder = system_folder(f"GridFedRL/PowerGym-{system}-v0", known, data)
    feeder = read_feeder(folder, known)
    return PowerGymTask(
        system=known,
        network=compile_network(feeder),
        profiles=read_profiles(folder, feeder),
        batteries=read_batteries(folder, feeder),
    )
