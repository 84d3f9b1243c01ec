"""Utilities: who their customers are, what climate they live in, how much PV they have."""

import math
from dataclasses import dataclass

from grid_fed_rl.errors import ScenarioError

__all__ = ["UtilityConfig", "five_utilities"]


@dataclass(frozen=True)
class UtilityConfig:
    """One utility's customers and climate.

    Raises:
        ScenarioError: a value is out of the bounds given beside it, or the
            class shares do not sum to 1.
    """

    name: str
    latitude_deg: float  # [-66, 66], positive north
    residential_share: float  # share of the loads, [0, 1]; the three sum to 1
    commercial_share: float
    industrial_share: float
    pv_share: float  # PV rating over peak load, [0, 3]
    peak_scale: float  # peak of the year over the feeder's nominal load, (0, 3]
    temperature_mean_c: float  # of the year, [-20, 40]
    temperature_swing_c: float  # half of summer less winter, [0, 30]
    diurnal_swing_c: float = 5.0  # half of afternoon less night, [0, 15]
    clear_share: float = 0.45  # share of clear days, [0, 1]
    overcast_share: float = 0.20  # share of overcast days, [0, 1 - clear_share]
    cooling_share: float = 0.5  # share of customers with electric cooling, [0, 1]
    heating_share: float = 0.3  # share of customers with electric heating, [0, 1]

    def __post_init__(self) -> None:
        if not self.name:
            raise ScenarioError("utility: name is empty: must be a word to call it by")
        bounds = {
            "latitude_deg": (-66.0, 66.0),
            "residential_share": (0.0, 1.0),
            "commercial_share": (0.0, 1.0),
            "industrial_share": (0.0, 1.0),
            "pv_share": (0.0, 3.0),
            "peak_scale": (0.0, 3.0),
            "temperature_mean_c": (-20.0, 40.0),
            "temperature_swing_c": (0.0, 30.0),
            "diurnal_swing_c": (0.0, 15.0),
            "clear_share": (0.0, 1.0),
            "overcast_share": (0.0, 1.0),
            "cooling_share": (0.0, 1.0),
            "heating_share": (0.0, 1.0),
        }
        for field, (low, high) in bounds.items():
            value = getattr(self, field)
            if not low <= value <= high:
                raise self._error(field, value, f"in [{low:g}, {high:g}]")
        if self.peak_scale == 0.0:
            raise self._error("peak_scale", self.peak_scale, "above 0")
        if not math.isclose(sum(self.class_shares), 1.0, abs_tol=1e-9):
            raise ScenarioError(
                f"utility '{self.name}': residential_share + commercial_share + "
                f"industrial_share = {sum(self.class_shares):g}: must be 1"
            )
        if self.clear_share + self.overcast_share > 1.0 + 1e-9:
            raise self._error("overcast_share", self.overcast_share, "at most 1 - clear_share")

    @property
    def class_shares(self) -> tuple[float, float, float]:
        """Shares in the order of `grid_fed_rl.scenarios.load.CUSTOMER_CLASSES`."""
        return (self.residential_share, self.commercial_share, self.industrial_share)

    def _error(self, field: str, value: float, rule: str) -> ScenarioError:
        return ScenarioError(f"utility '{self.name}': {field} = {value:g}: must be {rule}")


def five_utilities() -> tuple[UtilityConfig, ...]:
    """Five utilities that differ in every respect a controller can feel.

    - coastal: mostly homes in a mild climate, a good deal of PV, light loading;
    - desert: cooling makes a summer-evening peak; PV nearly as large as the peak
      load turns the feeder around on clear spring days;
    - prairie: mixed customers, cold winters and hot summers;
    - northern: homes heated with electricity, a winter peak in the dark, hardly
      any PV, the heaviest loading;
    - milltown: mostly industry, flat by day and idle at weekends, when its PV
      meets little load.

    They are invented; the numbers are round ones within what such places show.
    """
    return (
        UtilityConfig(
            name="coastal",
            latitude_deg=37.0,
            residential_share=0.65,
            commercial_share=0.30,
            industrial_share=0.05,
            pv_share=0.50,
            peak_scale=0.90,
            temperature_mean_c=15.0,
            temperature_swing_c=5.0,
            diurnal_swing_c=4.0,
            clear_share=0.50,
            overcast_share=0.15,
            cooling_share=0.45,
            heating_share=0.25,
        ),
        UtilityConfig(
            name="desert",
            latitude_deg=33.0,
            residential_share=0.55,
            commercial_share=0.40,
            industrial_share=0.05,
            pv_share=0.90,
            peak_scale=1.05,
            temperature_mean_c=22.0,
            temperature_swing_c=9.0,
            diurnal_swing_c=7.0,
            clear_share=0.75,
            overcast_share=0.05,
            cooling_share=0.75,
            heating_share=0.20,
        ),
        UtilityConfig(
            name="prairie",
            latitude_deg=44.0,
            residential_share=0.45,
            commercial_share=0.30,
            industrial_share=0.25,
            pv_share=0.25,
            peak_scale=1.00,
            temperature_mean_c=9.0,
            temperature_swing_c=14.0,
            diurnal_swing_c=6.0,
            clear_share=0.45,
            overcast_share=0.25,
            cooling_share=0.85,
            heating_share=0.25,
        ),
        UtilityConfig(
            name="northern",
            latitude_deg=56.0,
            residential_share=0.65,
            commercial_share=0.25,
            industrial_share=0.10,
            pv_share=0.10,
            peak_scale=1.15,
            temperature_mean_c=6.0,
            temperature_swing_c=10.0,
            diurnal_swing_c=3.5,
            clear_share=0.25,
            overcast_share=0.45,
            cooling_share=0.05,
            heating_share=0.65,
        ),
        UtilityConfig(
            name="milltown",
            latitude_deg=41.0,
            residential_share=0.25,
            commercial_share=0.20,
            industrial_share=0.55,
            pv_share=0.40,
            peak_scale=0.96,
            temperature_mean_c=11.0,
            temperature_swing_c=11.0,
            diurnal_swing_c=5.0,
            clear_share=0.40,
            overcast_share=0.30,
            cooling_share=0.90,
            heating_share=0.20,
        ),
    )
