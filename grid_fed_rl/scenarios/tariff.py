"""What energy costs: time-of-use and dynamic prices, for taking and for giving.

Prices of a tariff are a number a step, in US dollars a kilowatt-hour, positive
when the customer pays for import and when it is paid for export.

The time-of-use plan has the periods of Pacific Gas and Electric's E-TOU-C: peak
from 16 to 21 h every day, summer from 1 June to 30 September. Its generation rates
are those that Peninsula Clean Energy quotes for that plan (peak and off-peak in
summer 0.22403 and 0.14103 $/kWh, in winter 0.16398 and 0.13730); to them comes a
delivery charge that is a round assumption. What export earns is an assumption,
too: less than energy costs in any period.

The dynamic price is a wholesale price drawn for each hour. Its logarithm rises
with the feeder's net load, as the supply stack does, and with heat, and reverts
to its mean with occasional spikes: the well-known features of spot prices
(R. Weron, Int. J. Forecasting 30, 2014, doi:10.1016/j.ijforecast.2014.08.008;
H. Geman and A. Roncoroni, J. Business 79, 2006, doi:10.1086/500675). The numbers
of it are this project's own and stand for no market.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import DAYS_PER_YEAR, HOURS_PER_DAY, is_weekend, mid_step_h
from grid_fed_rl.scenarios.noise import draw_ar1

__all__ = [
    "DynamicPriceConfig",
    "Tariff",
    "TimeOfUseConfig",
    "demand_charge_usd",
    "draw_dynamic_tariff",
    "month_of",
    "time_of_use_tariff",
]

Floats = npt.NDArray[np.float64]

MONTH_ENDS: Final = np.cumsum([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""First day after each month, days since the start of the year."""


@dataclass(frozen=True, eq=False)
class Tariff:
    """Prices through some days; arrays are read-only.

    Raises:
        ScenarioError: the two arrays do not match, a price is not finite, energy
            earns more than it costs at once, or the demand charge is negative.
    """

    name: str
    step_h: float
    import_usd_per_kwh: Floats  # (step,)
    export_usd_per_kwh: Floats  # (step,) at most the import price
    demand_usd_per_kw: float = 0.0  # of the highest import of each month

    def __post_init__(self) -> None:
        for field in ("import_usd_per_kwh", "export_usd_per_kwh"):
            prices = np.array(getattr(self, field), dtype=np.float64)
            if prices.ndim != 1:
                raise self._error(f"{field} has shape {prices.shape}: must be (step,)")
            if not np.isfinite(prices).all():
                k = int(np.argmin(np.isfinite(prices)))
                raise self._error(f"{field}[{k}] = {prices[k]:g}: must be finite")
            prices.flags.writeable = False
            object.__setattr__(self, field, prices)
        given, taken = self.export_usd_per_kwh, self.import_usd_per_kwh
        if len(given) != len(taken):
            raise self._error(
                f"export_usd_per_kwh has {len(given)} steps: must have {len(taken)}, "
                "as import_usd_per_kwh has"
            )
        if (given > taken).any():  # else buying and selling at once earns money
            k = int(np.argmax(given > taken))
            raise self._error(
                f"export_usd_per_kwh[{k}] = {given[k]:g}: must be at most the import price "
                f"of {taken[k]:g}"
            )
        if not 0.0 <= self.demand_usd_per_kw < math.inf:
            raise self._error(f"demand_usd_per_kw = {self.demand_usd_per_kw:g}: must be at least 0")

    def _error(self, fault: str) -> ScenarioError:
        return ScenarioError(f"tariff '{self.name}': {fault}")


@dataclass(frozen=True)
class TimeOfUseConfig:
    """A plan of two periods and two seasons; see the module for its source.

    Raises:
        ScenarioError: the peak hours do not rise in [0, 24], or a price is negative.
    """

    peak_h: tuple[float, float] = (16.0, 21.0)
    peak_at_weekends: bool = True
    summer_days: tuple[int, int] = (151, 273)  # 1 June up to and without 1 October
    summer_peak_usd_per_kwh: float = 0.22403
    summer_off_peak_usd_per_kwh: float = 0.14103
    winter_peak_usd_per_kwh: float = 0.16398
    winter_off_peak_usd_per_kwh: float = 0.13730
    delivery_usd_per_kwh: float = 0.20  # at all times; assumed
    export_usd_per_kwh: float = 0.06  # at all times; assumed
    demand_usd_per_kw: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.peak_h[0] < self.peak_h[1] <= HOURS_PER_DAY:
            raise ScenarioError(f"TimeOfUseConfig: peak_h = {self.peak_h}: must rise in [0, 24]")
        for field, value in vars(self).items():
            if field.endswith(("_kwh", "_kw")) and not 0.0 <= value < math.inf:
                raise ScenarioError(f"TimeOfUseConfig: {field} = {value:g}: must be at least 0")


def time_of_use_tariff(
    n_days: int,
    step_h: float,
    config: TimeOfUseConfig = TimeOfUseConfig(),
    name: str = "time-of-use",
) -> Tariff:
    """Prices of a time-of-use plan through some days from 1 January, a Monday.

    A step has the price of its middle.

    Raises:
        ScenarioError: the step does not divide a day, or see `Tariff`.
    """
    time_h = mid_step_h(n_days, step_h)
    hour, day = time_h % HOURS_PER_DAY, time_h // HOURS_PER_DAY % DAYS_PER_YEAR
    peak = (hour >= config.peak_h[0]) & (hour < config.peak_h[1])
    if not config.peak_at_weekends:
        peak &= ~is_weekend(time_h)
    summer = (day >= config.summer_days[0]) & (day < config.summer_days[1])
    energy = np.select(
        [summer & peak, summer, peak],
        [
            config.summer_peak_usd_per_kwh,
            config.summer_off_peak_usd_per_kwh,
            config.winter_peak_usd_per_kwh,
        ],
        config.winter_off_peak_usd_per_kwh,
    )
    return Tariff(
        name,
        step_h,
        energy + config.delivery_usd_per_kwh,
        np.full(len(energy), config.export_usd_per_kwh),
        config.demand_usd_per_kw,
    )


@dataclass(frozen=True)
class DynamicPriceConfig:
    """Shape of the drawn wholesale price. All numbers are assumptions.

    Raises:
        ScenarioError: a value is negative.
    """

    mean_usd_per_kwh: float = 0.05  # of the wholesale price over the record, exactly
    per_net_load_sd: float = 0.35  # of the logarithm, a standard deviation of net load
    per_c_above_30: float = 0.05  # of the logarithm, a degree of air above 30 C
    noise_sd: float = 0.20  # of the logarithm
    noise_time_constant_h: float = 8.0
    spikes_a_year: float = 12.0
    spike_factor: float = 4.0  # mean price of a spike's first hour over the usual
    spike_time_constant_h: float = 2.0
    delivery_usd_per_kwh: float = 0.10  # what import costs on top
    demand_usd_per_kw: float = 0.0

    def __post_init__(self) -> None:
        for field, value in vars(self).items():
            if not 0.0 <= value < math.inf:
                raise ScenarioError(f"DynamicPriceConfig: {field} = {value:g}: must be at least 0")
        if self.spike_factor < 1.0:
            raise ScenarioError(
                f"DynamicPriceConfig: spike_factor = {self.spike_factor:g}: must be at least 1"
            )


def draw_dynamic_tariff(
    net_load_kw: npt.ArrayLike,
    temperature_c: npt.ArrayLike,
    step_h: float,
    rng: np.random.Generator,
    config: DynamicPriceConfig = DynamicPriceConfig(),
    name: str = "dynamic",
) -> Tariff:
    """Draw hourly prices that follow net load and heat.

    `log price = a + b n + c max(T - 30 C, 0) + sd y + s`, where n is the hour's net
    load less its mean over its standard deviation, y is AR(1), and s are spikes
    that come at random and fade exponentially; a makes the mean of the record
    `mean_usd_per_kwh`. Export earns the price, import costs delivery on top. No
    price is negative, a simplification.

    Args:
        net_load_kw: (step,) of the feeder or system, whole days.
        temperature_c: (step,) air.
        step_h: length of a step, a whole part of an hour.
        rng: source of all randomness.
        config: the shape.
        name: what to call the tariff.

    Raises:
        ScenarioError: the arrays are not finite, do not match, or are not whole days
            of steps that divide an hour.
    """
    an_hour = round(1.0 / step_h) if step_h > 0.0 else 0
    if an_hour < 1 or abs(an_hour * step_h - 1.0) > 1e-9:
        raise ScenarioError(f"tariff '{name}': step_h = {step_h:g}: must divide an hour")
    net_kw, air_c = np.asarray(net_load_kw, float), np.asarray(temperature_c, float)
    if net_kw.ndim != 1 or net_kw.shape != air_c.shape or not len(net_kw):
        raise ScenarioError(
            f"tariff '{name}': net_load_kw and temperature_c have shapes {net_kw.shape} and "
            f"{air_c.shape}: must both be (step,)"
        )
    if len(net_kw) % (24 * an_hour) or not np.isfinite([net_kw, air_c]).all():
        raise ScenarioError(
            f"tariff '{name}': net_load_kw and temperature_c have {len(net_kw)} steps: must be "
            f"finite and whole days of {24 * an_hour}"
        )
    by_hour_kw, by_hour_c = (x.reshape(-1, an_hour).mean(axis=1) for x in (net_kw, air_c))
    noise_rng, spike_rng = rng.spawn(2)
    n_hours, sd_kw = len(by_hour_kw), by_hour_kw.std()
    noise = draw_ar1(n_hours, 1, config.noise_time_constant_h, 1.0, noise_rng)[:, 0]
    above_mean = (by_hour_kw - by_hour_kw.mean()) / sd_kw if sd_kw > 0.0 else 0.0
    log_price = (
        config.per_net_load_sd * above_mean
        + config.per_c_above_30 * np.maximum(by_hour_c - 30.0, 0.0)
        + config.noise_sd * noise
        + _draw_spikes(config, n_hours, spike_rng)
    )
    price = np.exp(log_price)
    price = np.repeat(price * config.mean_usd_per_kwh / price.mean(), an_hour)
    return Tariff(
        name, step_h, price + config.delivery_usd_per_kwh, price, config.demand_usd_per_kw
    )


def _draw_spikes(config: DynamicPriceConfig, n_hours: int, rng: np.random.Generator) -> Floats:
    """What spikes add to the logarithm of the price, (hour,)."""
    starts = rng.random(n_hours) < config.spikes_a_year / (DAYS_PER_YEAR * HOURS_PER_DAY)
    height = starts * rng.exponential(math.log(config.spike_factor), n_hours)
    fade = np.exp(-np.arange(24) / config.spike_time_constant_h)  # after a day nothing is left
    return np.convolve(height, fade)[:n_hours]


def month_of(time_h: Floats) -> npt.NDArray[np.int64]:
    """Month of each time, 0 to 11, going on from 12 in the next year."""
    day = (np.asarray(time_h) // HOURS_PER_DAY).astype(np.int64)
    year, day = np.divmod(day, DAYS_PER_YEAR)
    return 12 * year + np.searchsorted(MONTH_ENDS, day, side="right")


def demand_charge_usd(tariff: Tariff, import_kw: npt.ArrayLike) -> float:
    """Charge for the highest import of each month, summed.

    Args:
        tariff: whose record begins on 1 January.
        import_kw: (step,) taken from the grid; what is negative counts as none.

    Raises:
        ScenarioError: there are not as many steps as prices.
    """
    kw = np.asarray(import_kw, dtype=np.float64)
    if kw.shape != tariff.import_usd_per_kwh.shape:
        raise ScenarioError(
            f"tariff '{tariff.name}': import_kw has shape {kw.shape}: must be "
            f"{tariff.import_usd_per_kwh.shape}, as the prices have"
        )
    month = month_of((np.arange(len(kw), dtype=np.float64) + 0.5) * tariff.step_h)
    peak_kw = np.zeros(month.max(initial=0) + 1)
    np.maximum.at(peak_kw, month, kw)
    return float(tariff.demand_usd_per_kw * peak_kw.sum())
