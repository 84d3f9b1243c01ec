"""Batteries."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import Battery, battery_step
from grid_fed_rl.envs.groups.group import Moment, Move
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network

__all__ = ["Batteries"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Batteries:
    """Batteries: an action of 1 discharges at full power, -1 charges.

    The state is the state of charge. Conversion losses count as losses, and
    every kWh through the terminals costs `wear_usd_per_kwh`.
    """

    network: Network
    wear_usd_per_kwh: float
    soc_at_rest: float = 0.5
    state_name: ClassVar[str] = "soc"

    def __post_init__(self) -> None:
        ratings = self.ratings
        outside = (self.soc_at_rest < ratings.soc_min) | (self.soc_at_rest > ratings.soc_max)
        if outside.any():
            k = int(np.argmax(outside))
            raise TaskError(
                f"batteries: soc_at_rest is {self.soc_at_rest}; battery {self.names[k]!r} takes "
                f"{ratings.soc_min[k]:g} to {ratings.soc_max[k]:g}"
            )

    @cached_property
    def ratings(self) -> Battery:
        """Ratings of the feeder's storage."""
        stores = self.network.feeder.storages.values()
        return Battery(
            names=tuple(one.name for one in stores),
            p_max_kw=np.array([one.kw for one in stores]),
            energy_kwh=np.array([one.kwh for one in stores]),
            efficiency_charge=np.array([one.efficiency_charge for one in stores]),
            efficiency_discharge=np.array([one.efficiency_discharge for one in stores]),
            soc_min=np.array([one.soc_min for one in stores]),
            soc_max=np.array([one.soc_max for one in stores]),
            s_kva=np.array([one.kva for one in stores]),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The batteries."""
        return self.ratings.names

    @property
    def choices(self) -> tuple[int, ...]:
        """Eleven: idle, and fifths of full power either way."""
        return (11,) * len(self.names)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The same."""
        return self.names

    def rest(self, moment: Moment) -> Floats:
        """Every battery at its state of charge at rest."""
        return np.full((len(moment.row), len(self.names)), self.soc_at_rest)

    def step(self, state: NDArray, action: Floats, moment: Moment) -> tuple[NDArray, Move]:
        """Charge or discharge within power, energy and efficiency limits."""
        dt_h = moment.step_h
        after, p_kw = battery_step(self.ratings, state, action * self.ratings.p_max_kw, dt_h)
        released_kw = (state - after) * self.ratings.energy_kwh / dt_h
        return after, Move(
            executed=p_kw / self.ratings.p_max_kw,
            operations=np.zeros(after.shape, dtype=np.int64),
            wear_usd=np.abs(p_kw).sum(axis=1) * dt_h * self.wear_usd_per_kwh,
            loss_kw=(released_kw - p_kw).sum(axis=1),
        )

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move) -> None:
        """Power of the batteries, which stand behind the PV among the DER."""
        del state
        n_pv = len(self.network.feeder.pvs)
        stores = slice(n_pv, n_pv + len(self.names))
        setpoint["der_kw"][:, stores] = move.executed * self.ratings.p_max_kw

    def owed_kwh(self, state: NDArray) -> Floats:
        """Stored energy missing against what was there at rest: (lane,)."""
        short = np.maximum(self.soc_at_rest - state, 0.0)
        return (short * self.ratings.energy_kwh).sum(axis=1)

    def observe(self, state: NDArray) -> Floats:
        """State of charge: -1 empty, 1 full."""
        return 2.0 * state - 1.0
