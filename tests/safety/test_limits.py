"""Voltage limits."""

import numpy as np
import pytest

from grid_fed_rl.errors import TaskError
from grid_fed_rl.safety import VoltageLimits


def test_default_is_range_a_of_ansi_c84_1():
    """114 to 126 V on a 120 V base."""
    limits = VoltageLimits()
    assert limits.v_min_pu * 120.0 == pytest.approx(114.0)
    assert limits.v_max_pu * 120.0 == pytest.approx(126.0)


def test_excursion_is_the_distance_to_the_nearer_limit():
    v_pu = np.array([[0.90, 0.95, 1.00], [1.05, 1.08, 0.0]])
    np.testing.assert_allclose(
        VoltageLimits().excursion_pu(v_pu), [[0.05, 0.0, 0.0], [0.0, 0.03, 0.95]]
    )


@pytest.mark.parametrize(("low", "high"), [(1.05, 0.95), (1.0, 1.0), (0.0, 1.05), (np.nan, 1.05)])
def test_limits_must_leave_room(low, high):
    with pytest.raises(TaskError, match=f"voltage limits: {low} to {high}; expected 0 < v_min_pu"):
        VoltageLimits(low, high)
