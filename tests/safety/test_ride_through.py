"""Ride-through and trips against the printed tables of IEEE Std 1547-2018, clause 6.4."""

import numpy as np
import pytest

from grid_fed_rl.errors import TaskError
from grid_fed_rl.safety.ride_through import (
    RideThroughMode,
    least_ride_through_s,
    must_trip,
    ride_through_mode,
    trip_after_s,
)

CEASE = RideThroughMode.CEASE_TO_ENERGIZE
CONTINUOUS, MANDATORY = RideThroughMode.CONTINUOUS, RideThroughMode.MANDATORY
PERMISSIVE, MOMENTARY = RideThroughMode.PERMISSIVE, RideThroughMode.MOMENTARY_CESSATION

# A voltage of every row of tables 14, 15 and 16, with its mode and least time.
TABLES = {
    "I": [
        (1.21, CEASE, 0.0),
        (1.20, PERMISSIVE, 0.2),
        (1.175, PERMISSIVE, 0.5),
        (1.15, PERMISSIVE, 1.0),
        (1.10, CONTINUOUS, np.inf),
        (0.88, CONTINUOUS, np.inf),
        (0.80, MANDATORY, 0.7 + 4.0 * 0.10),
        (0.70, MANDATORY, 0.7),
        (0.69, PERMISSIVE, 0.16),
        (0.50, PERMISSIVE, 0.16),
        (0.49, CEASE, 0.0),
    ],
    "II": [
        (1.21, CEASE, 0.0),
        (1.20, PERMISSIVE, 0.2),
        (1.175, PERMISSIVE, 0.5),
        (1.15, PERMISSIVE, 1.0),
        (1.10, CONTINUOUS, np.inf),
        (0.88, CONTINUOUS, np.inf),
        (0.75, MANDATORY, 3.0 + 8.7 * 0.10),
        (0.65, MANDATORY, 3.0),
        (0.64, PERMISSIVE, 0.32),
        (0.44, PERMISSIVE, 0.16),
        (0.29, CEASE, 0.0),
    ],
    "III": [
        (1.21, CEASE, 0.0),
        (1.20, MOMENTARY, 12.0),
        (1.11, MOMENTARY, 12.0),
        (1.10, CONTINUOUS, np.inf),
        (0.88, CONTINUOUS, np.inf),
        (0.87, MANDATORY, 20.0),
        (0.70, MANDATORY, 20.0),
        (0.69, MANDATORY, 10.0),
        (0.50, MANDATORY, 10.0),
        (0.49, MOMENTARY, 1.0),
    ],
}

# Tables 11, 12 and 13, defaults: (UV2, UV1, OV1, OV2) as (voltage, clearing time).
TRIPS = {
    "I": ((0.45, 0.16), (0.70, 2.0), (1.10, 2.0), (1.20, 0.16)),
    "II": ((0.45, 0.16), (0.70, 10.0), (1.10, 2.0), (1.20, 0.16)),
    "III": ((0.50, 2.0), (0.88, 21.0), (1.10, 13.0), (1.20, 0.16)),
}


@pytest.mark.parametrize("category", TABLES)
def test_every_row_of_the_ride_through_tables(category):
    v_pu, modes, least_s = map(list, zip(*TABLES[category], strict=True))
    np.testing.assert_array_equal(ride_through_mode(v_pu, category), modes)
    np.testing.assert_allclose(least_ride_through_s(v_pu, category), least_s)


@pytest.mark.parametrize("category", TRIPS)
def test_every_trip_at_its_voltage_and_not_before(category):
    (uv2, uv2_s), (uv1, uv1_s), (ov1, ov1_s), (ov2, ov2_s) = TRIPS[category]
    v_pu = [uv2, uv2 + 0.001, uv1, uv1 + 0.001, 1.0, ov1 - 0.001, ov1, ov2 - 0.001, ov2]
    after_s = [uv2_s, uv1_s, uv1_s, np.inf, np.inf, np.inf, ov1_s, ov1_s, ov2_s]
    np.testing.assert_array_equal(trip_after_s(v_pu, category), after_s)


@pytest.mark.parametrize("category", TABLES)
def test_nothing_trips_while_it_must_ride_through(category):
    """Between the thresholds; at a threshold itself both tables hold and they differ."""
    v_pu = np.linspace(0.0005, 1.3005, 1301)
    assert (trip_after_s(v_pu, category) >= least_ride_through_s(v_pu, category)).all()


def test_an_hour_out_of_continuous_operation_trips_category_iii_and_nothing_else_does():
    v_pu = np.array([0.87, 0.89, 1.0, 1.09, 1.11])
    np.testing.assert_array_equal(must_trip(v_pu, 3600.0, "III"), [True, False, False, False, True])
    assert not must_trip(v_pu, 10.0, "III").any()


def test_errors_name_the_category_and_the_voltage():
    with pytest.raises(TaskError, match=r"'B'; expected 'I', 'II' or 'III' \(A and B are"):
        trip_after_s(1.0, "B")
    with pytest.raises(TaskError, match="v_pu is nan; expected 0 or more"):
        least_ride_through_s([1.0, np.nan])
