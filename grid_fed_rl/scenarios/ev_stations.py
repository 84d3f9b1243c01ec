"""Charging stations, and how cars come to each kind of them.

Published figures, and what is made of them:

- Level 1 is 1.4 kW, Level 2 is 2.5 to 19.2 kW (here 7.2 or 11.5), fast charging
  is 50 to 350 kW (U.S. Department of Energy, Alternative Fuels Data Center;
  SAE J1772). `POWER_RANGES_KW` holds the bounds.
- A car is driven 30.3 miles (48.8 km) a day on average, with a median of 26.8
  miles (43.1 km), and does 82 % of its charging at home: J. Smart and S. Schey,
  "Battery electric vehicle driving and charging behavior observed early in The
  EV Project", SAE Int. J. Alt. Power. 1(1), 2012, doi:10.4271/2012-01-0199.
- At home it is plugged in 12 to 13 times a month and takes 200 to 250 kWh
  (Sagewell, "The basics of EV charging behavior", statistics of its programme);
  two to three times a week in the Electric Nation trial (F. Gonzalez Venegas,
  M. Petit and Y. Perez, "Plug-in behavior of electric vehicles users", 2021).
- Fast charging takes 42 minutes and 22 kWh on average where it is paid for (U.S.
  Department of Energy, Vehicle Technologies Office, December 2023: 2.3 million
  sessions, 2020 to 2023); the median is 28 to 36 minutes (J. A. Mahlberg,
  J. Desai and D. M. Bullock, World Electr. Veh. J. 14(11), 2023,
  doi:10.3390/wevj14110308). A lognormal dwell of mean 42 and median 36 minutes
  is both. A fast charger sees about 4 sessions a day (The EV Project, 2013).
- Employees plug in around 8 h or after lunch, around 13 h (ChargePoint, "Charging
  Forward at Work"), and a high share stay 8 to 10 h (C. Hecht et al.,
  eTransportation 6, 2020).
- Vehicle trips peak at 17 h on weekdays, with a morning peak at 7 h; on Saturdays
  they rise to 10 h and peak at noon (U.S. FHWA, Highway Statistics 2006, table
  NT-3). Arrival at home and departure from it follow these hours.

Everything else in `KINDS` is an assumption, marked so: spreads around a cited
hour, how often a public or workplace plug is sought, and what Level 1 homes do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from grid_fed_rl.errors import ScenarioError

__all__ = ["KINDS", "EvStation", "StationKind"]

Hours = tuple[tuple[float, float, float], ...]
"""A mixture of normal laws: (weight, mean in h, standard deviation in h)."""

Law = tuple[float, float]
"""Mean and standard deviation in h; for a dwell, mean and median."""


@dataclass(frozen=True)
class StationKind:
    """How cars come to a kind of station. Pairs are (weekday, weekend).

    A car leaves at an hour of the day (`leaves_h`), of the next one if it stays
    `overnight`, or after a lognormal time (`dwell_h`); one of the two is given.
    It asks for the energy of what it drove (`by_distance`: the share of it that
    this place serves), at home since it was last plugged in, elsewhere in a day;
    or for what `power_kw` on average gives in its dwell.
    """

    max_kw: float  # of a plug, unless the station says otherwise
    power_range: str  # which of POWER_RANGES_KW holds
    sessions_a_day: tuple[float, float]  # sought at each plug, mean
    arrives_h: tuple[Hours, Hours]
    leaves_h: tuple[Law, Law] | None = None
    dwell_h: Law | None = None  # mean and median
    overnight: bool = False
    by_distance: float = 0.0  # share of driving, [0, 1]; 0: energy by `power_kw`
    power_kw: Law = (0.0, 0.0)  # mean and median of a session's mean power


POWER_RANGES_KW: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"Level 1": (1.0, 1.9), "Level 2": (2.5, 19.2), "fast charging": (50.0, 350.0)}
)

_HOME_ARRIVES: tuple[Hours, Hours] = (
    ((1.0, 18.0, 2.5),),  # half an hour after the trips' peak; spread assumed
    ((1.0, 16.5, 3.0),),  # assumed: earlier and wider, as Saturday's trips are
)
_HOME_LEAVES: tuple[Law, Law] = ((7.5, 1.0), (10.0, 1.5))

KINDS: Mapping[str, StationKind] = MappingProxyType(
    {
        # Assumed: a car that charges at 1.4 kW is plugged in nine nights of ten,
        # near the 1.05 times a day of The EV Project's small batteries.
        "home-l1": StationKind(
            1.4, "Level 1", (0.9, 0.9), _HOME_ARRIVES, _HOME_LEAVES, None, True, 0.82
        ),
        # 12.5 times a month of 30.4 days.
        "home-l2": StationKind(
            7.2, "Level 2", (0.41, 0.41), _HOME_ARRIVES, _HOME_LEAVES, None, True, 0.82
        ),
        # Assumed: more cars than plugs on a weekday, one for twenty plugs on other
        # days; three of four come in the morning; a car takes what it drove since
        # the day before.
        "workplace-l2": StationKind(
            7.2,
            "Level 2",
            (1.2, 0.05),
            (((0.75, 8.0, 0.8), (0.25, 13.0, 0.8)), ((1.0, 10.0, 1.5),)),
            ((17.0, 1.0), (15.0, 1.5)),
            by_distance=1.0,
        ),
        # Assumed: once a day, by day; stays two hours and a half, two as a rule;
        # what it takes is 5 kW through its stay, as some leave full and others not.
        "public-l2": StationKind(
            11.5,
            "Level 2",
            (1.0, 1.2),
            (((1.0, 13.0, 3.5),), ((1.0, 13.5, 3.0),)),
            dwell_h=(2.5, 2.0),
            power_kw=(5.0, 4.5),
        ),
        # Assumed: a quarter more at weekends, later in the day; 31.4 kW are the
        # 22 kWh over 42 minutes, their spread is a guess.
        "dcfc": StationKind(
            150.0,
            "fast charging",
            (4.0, 5.0),
            (((1.0, 14.5, 4.0),), ((1.0, 14.0, 3.5),)),
            dwell_h=(0.7, 0.6),
            power_kw=(22.0 / 0.7, 27.0),
        ),
    }
)
"""Kinds of stations by name."""


@dataclass(frozen=True)
class EvStation:
    """A charging station: some equal plugs at one place.

    Raises:
        ScenarioError: the kind is unknown, there is no plug, or the power is not
            one of its kind.
    """

    name: str
    kind: str  # a key of KINDS
    plugs: int = 1
    max_kw: float = 0.0  # of a plug; 0: as the kind has it

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise self._error(f"kind = '{self.kind}': must be one of {', '.join(KINDS)}")
        if self.plugs < 1:
            raise self._error(f"plugs = {self.plugs}: must be at least 1")
        kind = KINDS[self.kind]
        if self.max_kw == 0.0:
            object.__setattr__(self, "max_kw", kind.max_kw)
        low_kw, high_kw = POWER_RANGES_KW[kind.power_range]
        if not low_kw <= self.max_kw <= high_kw:
            raise self._error(
                f"max_kw = {self.max_kw:g}: {kind.power_range} must be in "
                f"[{low_kw:g}, {high_kw:g}], or 0 for the usual {kind.max_kw:g}"
            )

    def _error(self, fault: str) -> ScenarioError:
        return ScenarioError(f"charging station '{self.name}': {fault}")
