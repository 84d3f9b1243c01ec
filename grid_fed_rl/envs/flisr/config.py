"""What the restoration task assumes: times, prices, rules. Bounds are checked."""

from dataclasses import dataclass, field, fields

from grid_fed_rl.errors import TaskError
from grid_fed_rl.safety import VoltageLimits

__all__ = ["RANGE_B", "FLISRConfig"]

RANGE_B = VoltageLimits(0.917, 1.058)  # ANSI C84.1-2020 range B, service voltage


@dataclass(frozen=True)
class FLISRConfig:
    """Times, prices and rules of the restoration task.

    Prices and customers are assumptions, set here.

    Attributes:
        step_minutes: Time that one switching takes; must divide the hour.
        horizon: Steps of an episode.
        location_steps: Steps after which the faulted section is known; 0 at once.
        repair_h: Shortest and longest repair, hours; any time between is as likely.
        second_fault: Chance that a second section faults while the episode lasts.
        failure_rates: Section -> failures a year and kilometre, relative to the 1 that
            others have.
        kw_per_customer: Nominal load that counts as one customer; each load is one at
            least.
        lost_load_usd_per_kwh: Value of a kWh that is not served.
        operation_usd: Of opening or closing a switch.
        limits: Of every live node; range B of ANSI C84.1 by default, which is for
            times such as these.
        loading: Most of a branch's rating, where it has one.
        radial: Mask what would close a loop; otherwise loops are a cost only.
        guard_faults: Mask what would energise a section that is faulted or may be;
            otherwise protection trips again.
        strict: Refuse a masked action with an `ActionError`; otherwise nothing is done
            and ``info["refused"]`` says why.
        crew_restores: Once all is repaired the crew puts every switch back to normal;
            otherwise that is the agent's work, too.
        local_controls: Regulators and capacitors follow their own controls.
        cold_load_excess: What a load draws above its demand when it comes back after a
            long outage, as a share of it; 0 leaves cold-load pickup out.
        cold_load_rise_h: Time constant with which it builds up in the dark.
        cold_load_decay_h: Time constant with which it fades.

    Raises:
        TaskError: a value is out of bounds; the message names it.
    """

    step_minutes: int = 5
    horizon: int = 48
    location_steps: int = 2
    repair_h: tuple[float, float] = (1.0, 3.0)
    second_fault: float = 0.1
    failure_rates: tuple[tuple[str, float], ...] = ()
    kw_per_customer: float = 4.0
    lost_load_usd_per_kwh: float = 10.0
    operation_usd: float = 5.0
    limits: VoltageLimits = field(default_factory=lambda: RANGE_B)
    loading: float = 1.0
    radial: bool = True
    guard_faults: bool = True
    strict: bool = False
    crew_restores: bool = True
    local_controls: bool = True
    cold_load_excess: float = 0.0
    cold_load_rise_h: float = 1.0
    cold_load_decay_h: float = 1.0

    def __post_init__(self) -> None:
        for name in ("step_minutes", "horizon", "location_steps"):
            value, least = getattr(self, name), 0 if name == "location_steps" else 1
            if not isinstance(value, int) or value < least:
                self._refuse(name, f"a whole number, at least {least}")
        if 60 % self.step_minutes:
            self._refuse("step_minutes", "minutes that divide an hour")
        if not (len(self.repair_h) == 2 and 0.0 < self.repair_h[0] <= self.repair_h[1]):
            self._refuse("repair_h", "shortest and longest, above 0")
        for name in ("lost_load_usd_per_kwh", "operation_usd", "cold_load_excess"):
            if not getattr(self, name) >= 0.0:
                self._refuse(name, "0 or more")
        for name in ("kw_per_customer", "loading", "cold_load_rise_h", "cold_load_decay_h"):
            if not getattr(self, name) > 0.0:
                self._refuse(name, "a number above 0")
        if not 0.0 <= self.second_fault <= 1.0:
            self._refuse("second_fault", "a probability, 0 to 1")
        if any(not rate >= 0.0 for _, rate in self.failure_rates):
            self._refuse("failure_rates", "rates of 0 or more")
        flags = (one.name for one in fields(self) if one.type in (bool, "bool"))
        for name in flags:
            if not isinstance(getattr(self, name), bool):
                self._refuse(name, "True or False")

    def _refuse(self, name: str, wanted: str) -> None:
        raise TaskError(f"FLISRConfig: {name} is {getattr(self, name)!r}; expected {wanted}")

    @property
    def step_h(self) -> float:
        """Length of a step in hours."""
        return self.step_minutes / 60.0
