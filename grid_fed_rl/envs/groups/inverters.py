"""PV inverters: reactive power, and active power below what the sun offers."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.devices import reactive_limit_kvar
from grid_fed_rl.envs.groups.group import Moment, Move
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow import Network

__all__ = ["Inverters"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Inverters:
    """The PV inverters of a feeder, each with one or two entries of the action.

    Reactive power: an action of 1 injects, -1 absorbs, all that the inverter may.
    That is `q_limit_pu` of its kVA (0.44 in category B of IEEE Std 1547-2018) and no
    more than its active power leaves room for, which has priority.

    Active power, where `curtails`: at 0 and above the inverter gives what the sun
    offers; below, it gives that share less, and nothing at -1.

    The state is what is given, in kW and then kvar; at rest, all of the sun and no kvar.
    """

    network: Network
    curtails: bool = False
    q_limit_pu: float = 0.44
    state_name: ClassVar[str] = "inverter"

    def __post_init__(self) -> None:
        if not 0.0 <= self.q_limit_pu <= 1.0:
            raise TaskError(
                f"inverters: q_limit_pu is {self.q_limit_pu}; expected 0 to 1, of the rated kVA"
            )

    @cached_property
    def kva(self) -> Floats:
        """(pv,) ratings."""
        return np.array([pv.kva for pv in self.network.feeder.pvs.values()])

    @property
    def names(self) -> tuple[str, ...]:
        """Reactive power of every inverter, then active power where it can be cut."""
        pvs = self.network.feeder.pvs
        kinds = ("kvar", "kw") if self.curtails else ("kvar",)
        return tuple(f"{pv}.{kind}" for kind in kinds for pv in pvs)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Active power of every inverter, then reactive power."""
        return tuple(f"{pv}.{kind}" for kind in ("kw", "kvar") for pv in self.network.feeder.pvs)

    @property
    def choices(self) -> tuple[int, ...]:
        """Eleven: nothing, and fifths of the limit either way."""
        return (11,) * len(self.names)

    def rest(self, moment: Moment) -> Floats:
        """What the sun offers, and no reactive power."""
        offered = np.minimum(moment.pv_kw, self.kva)
        return np.concatenate([offered, np.zeros_like(offered)], axis=1)

    def step(self, state: NDArray, action: Floats, moment: Moment) -> tuple[NDArray, Move]:
        """Give active power first, and reactive power within what it leaves."""
        del state
        n_lanes, n = len(action), len(self.kva)
        offered = np.minimum(moment.pv_kw, self.kva)
        executed = action.copy()
        p_kw = offered
        if self.curtails:
            cut = np.minimum(action[:, n:], 0.0)
            executed[:, n:] = cut
            p_kw = offered * (1.0 + cut)
        limit = np.minimum(reactive_limit_kvar(self.kva, p_kw), self.q_limit_pu * self.kva)
        q_kvar = action[:, :n] * limit
        return np.concatenate([p_kw, q_kvar], axis=1), Move(
            executed=executed,
            operations=np.zeros(action.shape, dtype=np.int64),
            wear_usd=np.zeros(n_lanes),
            loss_kw=np.zeros(n_lanes),
        )

    def write(self, setpoint: dict[str, NDArray], state: NDArray, move: Move) -> None:
        """Power of the PV, which stand first among the DER."""
        del move
        n = len(self.kva)
        setpoint["der_kw"][:, :n] = state[:, :n]
        setpoint["der_kvar"][:, :n] = state[:, n:]

    def observe(self, state: NDArray) -> Floats:
        """Active power from -1, nothing, to 1, the rating; reactive power over the rating."""
        n = len(self.kva)
        share = state / np.concatenate([self.kva, self.kva])
        share[:, :n] = 2.0 * share[:, :n] - 1.0
        return np.clip(share, -1.0, 1.0)
