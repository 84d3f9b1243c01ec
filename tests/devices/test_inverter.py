"""Inverters: the capability circle and the volt-var curve of IEEE Std 1547-2018."""

import numpy as np
import pytest

from grid_fed_rl.devices import (
    pv_output,
    pv_output_at_power_factor,
    reactive_limit_kvar,
    volt_var_q_pu,
)


def test_the_circle_is_three_four_five():
    np.testing.assert_allclose(
        reactive_limit_kvar(5.0, np.array([0.0, 3.0, -4.0, 5.0, 6.0])), [5, 4, 3, 0, 0]
    )


@pytest.mark.parametrize(
    ("v_pu", "q_pu"),
    [
        (0.80, 0.44),
        (0.92, 0.44),
        (0.95, 0.22),
        (0.98, 0.0),
        (1.00, 0.0),
        (1.02, 0.0),
        (1.05, -0.22),
        (1.08, -0.44),
        (1.20, -0.44),
    ],
)
def test_category_b_default_curve(v_pu: float, q_pu: float):
    np.testing.assert_allclose(volt_var_q_pu(v_pu), q_pu, atol=1e-12)


def test_a_volt_var_curve_never_pushes_voltage_the_wrong_way():
    v_pu = np.linspace(0.7, 1.3, 1001).reshape(7, 143)
    q_pu = volt_var_q_pu(v_pu)
    assert q_pu.shape == v_pu.shape
    assert (np.diff(q_pu.ravel()) <= 0.0).all()
    assert (q_pu * (v_pu - 1.0) <= 0.0).all()


def test_active_power_has_priority():
    p_kw, q_kvar = pv_output(
        np.array([[3.0, 4.0, 5.0, 9.0, 0.0]]), 5.0, np.array([[9.0, -9.0, 1.0, -1.0, -9.0]])
    )
    np.testing.assert_allclose(p_kw, [[3.0, 4.0, 5.0, 5.0, 0.0]])
    np.testing.assert_allclose(q_kvar, [[4.0, -3.0, 0.0, 0.0, -5.0]])


def test_apparent_power_never_exceeds_the_rating():
    rng = np.random.default_rng(0)
    s_kva = rng.uniform(1.0, 10.0, size=20)
    available_kw = rng.uniform(0.0, 12.0, size=(300, 20))
    request_kvar = rng.normal(0.0, 8.0, size=(300, 20))
    p_kw, q_kvar = pv_output(available_kw, s_kva, request_kvar)
    assert (np.hypot(p_kw, q_kvar) <= s_kva * (1.0 + 1e-12)).all()
    assert (p_kw <= available_kw).all()
    assert (np.abs(q_kvar) <= np.abs(request_kvar)).all()
    power_factor = rng.choice([-0.9, 0.8, 1.0], size=20)
    p_kw, q_kvar = pv_output_at_power_factor(available_kw, s_kva, power_factor)
    assert (np.hypot(p_kw, q_kvar) <= s_kva * (1.0 + 1e-12)).all()
    np.testing.assert_allclose(p_kw, np.abs(power_factor) * np.hypot(p_kw, q_kvar))
    assert (np.sign(q_kvar) == np.sign(power_factor) * (np.abs(power_factor) < 1.0)).all()


def test_power_factor_literals():
    p_kw, q_kvar = pv_output_at_power_factor(np.array([[8.0, 20.0]]), 10.0, np.array([0.8, -0.8]))
    np.testing.assert_allclose(p_kw, [[8.0, 8.0]])
    np.testing.assert_allclose(q_kvar, [[6.0, -6.0]])
