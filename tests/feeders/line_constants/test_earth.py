"""Carson's correction against the integral it is, and the laws it obeys."""

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.line_constants import Earth, EarthModel, carson_correction
from grid_fed_rl.feeders.line_constants.earth import earth_return


def integral(k: float, theta: float) -> complex:
    """Carson's integral, by quadrature at thirty digits."""
    near, side = k * math.cos(theta), k * math.sin(theta)

    def integrand(u):
        return (mpmath.sqrt(u * u + 1j) - u) * mpmath.exp(-u * near) * mpmath.cos(u * side)

    with mpmath.workdps(30):
        value: Any = mpmath.quad(integrand, [c / near for c in (0, 0.5, 1, 2, 4, 8, 16, 32, 60)])
    return complex(value)


@pytest.mark.parametrize(
    ("k", "share"), [(1e-3, 1e-14), (0.05, 1e-14), (1.0, 1e-14), (5.0, 1e-12), (30.0, 1e-9)]
)
@pytest.mark.parametrize("theta", [0.0, 0.3, 1.2])
def test_the_correction_is_carson_s_integral(k: float, theta: float, share: float):
    expected = integral(k, theta)
    assert abs(complex(carson_correction(k, theta)) - expected) < share * abs(expected)


def test_the_two_series_meet():
    below, above = (carson_correction([k], [0.6])[0] for k in (16.0 - 1e-9, 16.0 + 1e-9))
    assert abs(below - above) < 1e-7 * abs(below)


def test_the_first_terms_are_those_of_the_modified_equations():
    """Kersting, section 4.1.5: pi/8, and -0.0386 + ln(2/k)/2."""
    k = 0.031
    first = complex(carson_correction(k, 0.4, n_terms=0))
    assert first.real == pytest.approx(math.pi / 8, rel=1e-15)
    assert first.imag == pytest.approx(-0.0386 + 0.5 * math.log(2 / k), abs=1e-5)
    # and the next is k cos(theta) / (3 sqrt 2), off P and on Q
    step = complex(carson_correction(k, 0.4, n_terms=1)) - first
    assert step == pytest.approx((-1 + 1j) * k * math.cos(0.4) / (3 * math.sqrt(2)), rel=1e-12)


def test_terms_come_nearer_and_nearer():
    exact = complex(carson_correction(0.8, 0.5))
    errors = [abs(complex(carson_correction(0.8, 0.5, n)) - exact) for n in range(0, 15, 2)]
    assert all(b < a for a, b in itertools.pairwise(errors))
    assert errors[-1] < 1e-12


def test_modified_equations_have_kersting_s_constants():
    """0.00158836 f + j 0.00202237 f (7.6786 + ln(rho / f) / 2), ohm a mile of distances in feet."""
    f, rho = 50.0, 30.0
    z = earth_return(Earth(rho, f), np.array([10.0]), np.zeros((1, 1)))[0, 0] * 1609.344
    feet = 0.00202237 * f * math.log(0.3048)  # metres in ln(1 / D)
    expected = complex(0.00158836 * f, 0.00202237 * f * (7.6786 + 0.5 * math.log(rho / f)) + feet)
    assert z.real == pytest.approx(expected.real, rel=1e-5)
    assert z.imag == pytest.approx(expected.imag, rel=1e-5)


def test_all_models_meet_where_wires_are_low():
    heights, apart = np.array([0.01, 0.01]), np.array([[0.0, 0.5], [0.5, 0.0]])
    modified, carson, deri = (
        earth_return(Earth(model=model), heights, apart) for model in EarthModel
    )
    assert np.abs(carson - modified).max() < 1e-3 * np.abs(modified).max()
    # A. Deri's depth is an approximation of P + jQ, known to be up to some per cent off.
    assert np.abs(deri - carson).max() < 0.02 * np.abs(carson).max()


@pytest.mark.parametrize("wrong", [{"resistivity_ohm_m": 0.0}, {"frequency_hz": math.nan}])
def test_impossible_earth_is_refused(wrong: dict):
    with pytest.raises(FeederError, match=f"{next(iter(wrong))} is .*; expected a number above 0"):
        Earth(**wrong)


def test_negative_terms_are_refused():
    with pytest.raises(FeederError, match="n_terms is -1; expected 0 or more"):
        Earth(n_terms=-1)
