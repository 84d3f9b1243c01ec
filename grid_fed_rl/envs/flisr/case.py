"""What stays the same through an episode of restoration: feeder, sections, year, rules."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.flisr.config import FLISRConfig
from grid_fed_rl.envs.flisr.equipment import feeder_named
from grid_fed_rl.envs.flisr.sections import Sections, sections_of
from grid_fed_rl.errors import TaskError
from grid_fed_rl.feeders import Feeder
from grid_fed_rl.powerflow import LocalControls, Network, Setpoint, compile_network, measures
from grid_fed_rl.powerflow import nominal_setpoint as nominal_of
from grid_fed_rl.scenarios import UtilityConfig, Year, draw_year, five_utilities, split_days

__all__ = ["FLISRCase", "flisr_case"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FLISRCase:
    """What a restoration environment is made of.

    Attributes:
        network: The compiled feeder, its switches in their normal states.
        sections: What its switches divide.
        year: Load by the hour; its PV is left out, for it stands still in an outage.
        hours: Rows of the year that a reset may draw as the hour of the fault.
        config: Times, prices, rules.

    Raises:
        TaskError: the parts do not fit each other; the message says which.
    """

    network: Network
    sections: Sections
    year: Year
    hours: NDArray[np.int64]
    config: FLISRConfig

    def __post_init__(self) -> None:
        hours = np.array(self.hours, dtype=np.int64)
        hours.flags.writeable = False
        object.__setattr__(self, "hours", hours)
        rows = len(self.year.load_kw)
        if not len(hours) or hours.min() < 0 or hours.max() >= rows:
            raise TaskError(f"case draws from no hours, or from others than 0 to {rows - 1}")
        if self.year.load_kw.shape[1] != len(self.network.loads):
            raise TaskError(
                f"year {self.year.name!r} has {self.year.load_kw.shape[1]} loads; feeder "
                f"{self.network.feeder.name!r} has {len(self.network.loads)}"
            )
        if self.row_minutes % self.config.step_minutes:
            raise TaskError(
                f"a row of the year lasts {self.row_minutes} minutes; expected a multiple of "
                f"step_minutes, {self.config.step_minutes}"
            )
        for name, _ in self.config.failure_rates:
            if name not in self.sections.names[1:]:
                raise TaskError(
                    f"failure_rates: no section {name!r}; known: "
                    f"{', '.join(self.sections.names[1:])}"
                )
        if not self.failures_per_year.any():
            raise TaskError("no section of the feeder has line that may fail")

    @property
    def row_minutes(self) -> int:
        """Length of a row of the year."""
        return round(60.0 * self.year.step_h)

    @property
    def n_actions(self) -> int:
        """Nothing, and opening and closing of each switch."""
        return 2 * len(self.sections.switches) + 1

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """What each action does."""
        return (
            "nothing",
            *(f"{what} {name}" for name in self.sections.switches for what in ("open", "close")),
        )

    @cached_property
    def nominal(self) -> Setpoint:
        """One row: what holds for all that the task does not move, without DER."""
        one = nominal_of(self.network)
        return one.with_(der_kw=np.zeros_like(one.der_kw), der_kvar=np.zeros_like(one.der_kvar))

    @cached_property
    def controls(self) -> LocalControls | None:
        """The devices' own controls, where they act."""
        feeder = self.network.feeder
        acts = self.config.local_controls and (feeder.regulators or feeder.capacitors)
        return LocalControls(self.network) if acts else None

    @cached_property
    def regulated(self) -> tuple[str, ...]:
        """Transformers that regulators stand on, such as ``transformer.reg1a``."""
        regulators = self.network.feeder.regulators.values()
        return tuple(f"transformer.{one.transformer}" for one in regulators)

    @cached_property
    def into_regulator(self) -> Floats:
        """(conductor of `regulated`, regulator) 1 where the first winding takes power in."""
        conductors = self.network.branches.conductors
        columns = [k for name in self.regulated for k in conductors.indices(name)]
        at = conductors.take(columns)
        first = np.array(at.ends) == 1
        return (
            np.array(
                [[name == one for one in self.regulated] for name in at.elements], dtype=np.float64
            )
            * first[:, None]
        )

    @cached_property
    def load_kw(self) -> Floats:
        """(load,) nominal."""
        return np.array([one.kw for one in self.network.feeder.loads.values()])

    @cached_property
    def customers(self) -> NDArray[np.int64]:
        """(load,) how many each stands for."""
        counted = np.rint(self.load_kw / self.config.kw_per_customer).astype(np.int64)
        return np.maximum(counted, 1)

    @cached_property
    def section_kw(self) -> Floats:
        """(section,) nominal load."""
        n = len(self.sections.names)
        kw = np.bincount(self.sections.load_section, weights=self.load_kw, minlength=n)
        return np.asarray(kw, dtype=np.float64)

    @cached_property
    def failures_per_year(self) -> Floats:
        """(section,) relative; the substation's own section, the first, has none."""
        rate = dict(self.config.failure_rates)
        per_km = np.array([rate.get(name, 1.0) for name in self.sections.names])
        return per_km * self.sections.length_km * (np.arange(len(per_km)) > 0)

    @cached_property
    def rated(self) -> tuple[str, ...]:
        """Branches with a rating, such as ``switch.sw7``."""
        return measures.rated_branches(self.network)

    def row_at(self, hour: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.int64]:
        """(lane,) row of the year that holds so many steps after an hour began."""
        passed = step * self.config.step_minutes // self.row_minutes
        return (hour + passed) % len(self.year.load_kw)


@lru_cache(maxsize=8)
def _compiled(feeder: str) -> tuple[Network, Sections]:
    network = compile_network(feeder_named(feeder))
    return network, sections_of(network)


def flisr_case(
    feeder: str | Feeder,
    utility: str | UtilityConfig = "coastal",
    year_seed: int = 0,
    split: str = "train",
    config: FLISRConfig | None = None,
) -> FLISRCase:
    """Assemble the restoration task.

    Args:
        feeder: Name of a feeder in `EQUIPMENT`, or a feeder of one's own with switches.
        utility: Whose customers and climate: a name or a configuration.
        year_seed: Which year of load is drawn.
        split: Days the fault may fall on: ``train``, ``validation``, ``test`` or ``all``.
        config: Times, prices, rules.

    Raises:
        TaskError: an argument names or is nothing that is known, or the feeder cannot be
            restored; the message says why.
    """
    config = FLISRConfig() if config is None else config
    if not isinstance(config, FLISRConfig):
        raise TaskError(f"config is {config!r}; expected a FLISRConfig")
    if not isinstance(year_seed, int) or year_seed < 0:
        raise TaskError(f"year_seed is {year_seed}; expected a whole number, at least 0")
    known = {one.name: one for one in five_utilities()}
    if isinstance(utility, str) and utility not in known:
        raise TaskError(f"no utility {utility!r}; known: {', '.join(known)}")
    utility = known[utility] if isinstance(utility, str) else utility
    if isinstance(feeder, str):
        network, sections = _compiled(feeder)
    else:
        network = compile_network(feeder)
        sections = sections_of(network)
    year = _year(network, utility, year_seed)
    return FLISRCase(network, sections, year, _hours(year, utility, year_seed, split), config)


def _year(network: Network, utility: UtilityConfig, year_seed: int) -> Year:
    loads = network.feeder.loads.values()
    return draw_year(
        utility,
        np.array([one.kw for one in loads]),
        np.array([one.kvar for one in loads]),
        np.zeros(0),
        np.random.default_rng(year_seed),
    )


def _hours(year: Year, utility: UtilityConfig, year_seed: int, split: str) -> NDArray[np.int64]:
    """Rows of the days of a split; days are split as in the volt-var task."""
    splits = {
        **split_days(year.n_days, f"{utility.name}/{year_seed}"),
        "all": np.arange(year.n_days),
    }
    if split not in splits:
        raise TaskError(f"no split {split!r}; known: {', '.join(splits)}")
    of_day = np.arange(year.steps_per_day)
    return (splits[split][:, None] * year.steps_per_day + of_day).ravel()
