"""Sun and PV: geometry of the almanac, pvlib's Haurwitz numbers, cloud statistics."""

import numpy as np
import numpy.typing as npt
import pytest

from grid_fed_rl.scenarios.clock import mid_step_h
from grid_fed_rl.scenarios.sun import (
    clear_sky_ghi_w_m2,
    cos_zenith,
    declination_deg,
    draw_cloud_cover,
    draw_cloud_state,
    pv_output_pu,
    transmittance,
)


def noon_h(day_of_year: int) -> npt.NDArray[np.float64]:
    return np.array([(day_of_year - 1) * 24.0 + 12.0])


def test_declination_at_solstices_and_equinox():
    declination = declination_deg(np.array([172.0, 355.0, 81.0]))
    np.testing.assert_allclose(declination, [23.45, -23.45, 0.0], atol=0.02)


def test_declination_is_that_of_pvlib():
    # pvlib-python 0.16.1, numpy.degrees(pvlib.solarposition.declination_cooper69(day))
    found = declination_deg(np.array([1.0, 100.0, 172.0, 281.0]))
    np.testing.assert_allclose(
        found, [-23.01163673, 7.53377357, 23.44978285, -6.95791561], atol=5e-9
    )


@pytest.mark.parametrize(
    ("latitude_deg", "day", "zenith_deg"),
    [(40.0, 172, 40.0 - 23.45), (40.0, 355, 40.0 + 23.45), (-35.0, 355, 35.0 - 23.45), (0, 81, 0)],
)
def test_noon_zenith_is_latitude_less_declination(latitude_deg: float, day: int, zenith_deg: float):
    found_deg = np.degrees(np.arccos(np.minimum(cos_zenith(noon_h(day), latitude_deg), 1.0)))
    np.testing.assert_allclose(found_deg, zenith_deg, atol=0.05)


def test_day_length_matches_the_sunset_equation():
    time_h = mid_step_h(365, 1.0 / 60.0)
    up = cos_zenith(time_h, 52.0).reshape(365, -1) > 0.0
    day = np.arange(1, 366)
    half_day = np.arccos(
        -np.tan(np.radians(52.0)) * np.tan(np.radians(declination_deg(day.astype(float))))
    )
    np.testing.assert_allclose(up.sum(axis=1) / 60.0, 24.0 * half_day / np.pi, atol=0.04)


def test_clear_sky_is_the_haurwitz_model_of_pvlib():
    zenith_deg = np.array([110.0, 90.05, 85.0, 80.0, 60.0, 40.0, 0.0])
    ghi = clear_sky_ghi_w_m2(np.cos(np.radians(zenith_deg)))
    # pvlib-python, tests of pvlib.clearsky.haurwitz
    expected = [0.0, 0.0, 48.6298687941956, 135.741748091813, 487.894132885425]
    np.testing.assert_allclose(ghi, [*expected, 778.766689344363, 1035.09203253450], rtol=1e-9)


def test_sky_shares_are_the_stationary_law():
    state = draw_cloud_state(40_000, 0.5, 0.2, np.random.default_rng(0))
    shares = np.bincount(state, minlength=3) / len(state)
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=0.015)


def test_skies_persist():
    state = draw_cloud_state(40_000, 0.5, 0.2, np.random.default_rng(0))
    stayed = (state[1:] == state[:-1]).mean()
    np.testing.assert_allclose(stayed, 0.4 + 0.6 * (0.25 + 0.09 + 0.04), atol=0.015)


def test_clouds_dim_linearly_as_in_pvlib():
    # Solar Forecast Arbiter, tests of cloud_cover_to_ghi_linear, which comes from
    # pvlib: covers of 0, 50 and 100 % leave these of 1000 W/m2 at its usual offset.
    share = transmittance(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(1000.0 * share, [1000.0, 675.0, 350.0])


def test_cover_follows_the_sky_of_the_day():
    state = np.repeat([0, 1, 2], 3000)
    cover = draw_cloud_cover(state, 24, np.random.default_rng(0))
    assert cover.min() >= 0.0
    assert cover.max() <= 1.0
    by_sky = cover.reshape(3, -1)
    np.testing.assert_allclose(by_sky.mean(axis=1), [0.05, 0.61, 0.97], atol=0.02)
    assert by_sky[1].std() > by_sky[2].std() > by_sky[0].std()
    hour = by_sky[1] - by_sky[1].mean()
    correlation = (hour[1:] * hour[:-1]).mean() / hour.var()
    np.testing.assert_allclose(correlation, np.exp(-1.0 / 1.5), atol=0.03)


def test_pv_at_standard_conditions_and_its_derate():
    # A cell at 25 C gives the rating less the 14 % losses: air at 25 - 31.25 C.
    np.testing.assert_allclose(pv_output_pu(np.array([1.0]), np.array([-6.25])), [0.86])
    # 35 C air warms the cell to 66.25 C: 41.25 * 0.35 % = 14.4375 % less.
    np.testing.assert_allclose(
        pv_output_pu(np.array([1.0, 0.0]), np.array([35.0, 35.0])), [0.86 * 0.855625, 0.0]
    )


def test_pv_falls_with_heat_and_rises_with_sun():
    sun, temperature = np.meshgrid(np.linspace(0.0, 1.1, 23), np.linspace(-20.0, 45.0, 14))
    output = pv_output_pu(sun, temperature)
    assert (np.diff(output, axis=0)[:, 1:] < 0.0).all()
    assert (np.diff(output, axis=1) > 0.0).all()
