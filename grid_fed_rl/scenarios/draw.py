"""Draw a utility's year of load, sun and temperature."""

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios.clock import DAYS_PER_YEAR, mid_step_h, steps_per_day
from grid_fed_rl.scenarios.load import assign_classes, class_load_pu, draw_diversity
from grid_fed_rl.scenarios.sun import (
    STANDARD_SUN_W_M2,
    clear_sky_ghi_w_m2,
    cos_zenith,
    draw_cloud_cover,
    draw_cloud_state,
    pv_output_pu,
    transmittance,
)
from grid_fed_rl.scenarios.utilities import UtilityConfig
from grid_fed_rl.scenarios.weather import draw_temperature_c, winter_pu
from grid_fed_rl.scenarios.year import Year

__all__ = ["draw_year", "size_pv"]

Floats = npt.NDArray[np.float64]

PV_SITE_FACTOR = (0.9, 1.0)
"""Range of a PV site's own output over the common one: soiling, shade, orientation."""


def size_pv(
    config: UtilityConfig,
    load_kw_nominal: Floats,
    pv_load_index: npt.NDArray[np.integer] | None = None,
) -> Floats:
    """Ratings of PV that together are the utility's share of its peak load.

    The sum is `pv_share * peak_scale * sum(load_kw_nominal)`, divided between
    the PV in proportion to the nominal load each stands beside.

    Args:
        config: the utility.
        load_kw_nominal: (load,) nominal load.
        pv_load_index: (pv,) load beside each PV; by default one beside every load.

    Returns:
        (pv,) rating in kW.

    Raises:
        ScenarioError: a nominal load is negative or not finite, or there is no
            load beside the PV.
    """
    nominal_kw = _checked(config, "load_kw_nominal", load_kw_nominal)
    beside_kw = nominal_kw if pv_load_index is None else nominal_kw[pv_load_index]
    if beside_kw.sum() <= 0.0:
        raise ScenarioError(
            f"utility '{config.name}': the loads beside PV are 0 kW in all: "
            "PV is sized by the load beside it, which must be above 0"
        )
    total_kw = config.pv_share * config.peak_scale * nominal_kw.sum()
    return total_kw * beside_kw / beside_kw.sum()


def draw_year(
    config: UtilityConfig,
    load_kw_nominal: Floats,
    load_kvar_nominal: Floats,
    pv_kw_rated: Floats,
    rng: np.random.Generator,
    step_h: float = 1.0,
    pv_load_index: npt.NDArray[np.integer] | None = None,
) -> Year:
    """Draw one year of 365 days.

    Each load belongs to a class by the utility's mix, follows that class with
    its own noise around it, and keeps its nominal power factor. All are scaled
    by one factor, so that the highest total of the year is exactly `peak_scale`
    times the nominal total. All PV shares one sky.

    Weather and load come from separate children of `rng`, so the same generator
    gives the same weather whatever the feeder.

    Args:
        config: the utility.
        load_kw_nominal: (load,) nominal load, zero or more, not all zero.
        load_kvar_nominal: (load,) nominal reactive load.
        pv_kw_rated: (pv,) ratings, zero or more; `size_pv` gives some.
        rng: source of all randomness.
        step_h: length of a step; must divide a day.
        pv_load_index: (pv,) load beside each PV; by default PV k beside load k.

    Raises:
        ScenarioError: an array has a wrong shape or value.
    """
    nominal_kw = _checked(config, "load_kw_nominal", load_kw_nominal)
    rated_kw = _checked(config, "pv_kw_rated", pv_kw_rated)
    nominal_kvar = np.asarray(load_kvar_nominal, dtype=np.float64)
    if nominal_kvar.shape != nominal_kw.shape:
        raise ScenarioError(
            f"utility '{config.name}': load_kvar_nominal has shape {nominal_kvar.shape}: "
            f"must be {nominal_kw.shape}, as load_kw_nominal has"
        )
    if nominal_kw.sum() <= 0.0:
        raise ScenarioError(
            f"utility '{config.name}': load_kw_nominal is 0 kW in all: must be above 0"
        )
    temperature_rng, cloud_rng, class_rng, load_rng, pv_rng = rng.spawn(5)
    time_h = mid_step_h(DAYS_PER_YEAR, step_h)
    temperature_c = draw_temperature_c(
        time_h,
        config.latitude_deg,
        config.temperature_mean_c,
        config.temperature_swing_c,
        config.diurnal_swing_c,
        temperature_rng,
    )
    sun_pu = _draw_sun_pu(config, time_h, steps_per_day(step_h), cloud_rng)

    customer_class = assign_classes(config.class_shares, len(nominal_kw), class_rng)
    by_class_pu = class_load_pu(
        time_h,
        winter_pu(time_h, config.latitude_deg),
        temperature_c,
        config.cooling_share,
        config.heating_share,
    )
    load_pu = by_class_pu[:, customer_class]  # (step, load)
    load_pu *= draw_diversity(customer_class, len(time_h), step_h, load_rng)
    load_pu *= config.peak_scale * nominal_kw.sum() / (load_pu @ nominal_kw).max()

    site_factor = pv_rng.uniform(*PV_SITE_FACTOR, size=len(rated_kw))
    pv_kw = np.outer(pv_output_pu(sun_pu, temperature_c), rated_kw * site_factor)
    index = np.arange(len(rated_kw)) if pv_load_index is None else pv_load_index
    return Year(
        name=config.name,
        step_h=step_h,
        load_kw=(load_pu * nominal_kw).astype(np.float32),
        load_kvar=(load_pu * nominal_kvar).astype(np.float32),
        pv_kw=pv_kw.astype(np.float32),
        temperature_c=temperature_c.astype(np.float32),
        sun_pu=sun_pu.astype(np.float32),
        pv_load_index=np.asarray(index, dtype=np.int64),
    )


def _draw_sun_pu(
    config: UtilityConfig, time_h: Floats, steps_a_day: int, rng: np.random.Generator
) -> Floats:
    """Irradiance under the clouds of the year, (step,), over 1000 W/m2."""
    clear_w_m2 = clear_sky_ghi_w_m2(cos_zenith(time_h, config.latitude_deg))
    state = draw_cloud_state(DAYS_PER_YEAR, config.clear_share, config.overcast_share, rng)
    cover = draw_cloud_cover(state, steps_a_day, rng)
    return clear_w_m2 / STANDARD_SUN_W_M2 * transmittance(cover)


def _checked(config: UtilityConfig, field: str, given: Floats) -> Floats:
    values = np.asarray(given, dtype=np.float64)
    if values.ndim != 1:
        raise ScenarioError(
            f"utility '{config.name}': {field} has shape {values.shape}: must have one axis"
        )
    kept = np.isfinite(values) & (values >= 0.0)
    if not kept.all():
        k = int(np.argmin(kept))
        raise ScenarioError(
            f"utility '{config.name}': {field}[{k}] = {values[k]:g}: must be finite and at least 0"
        )
    return values
