"""The geometry of a voltage profile, against the published section lengths."""

import numpy as np
import pytest

from grid_fed_rl.analytics.profile import profile_layout
from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders import load

FOOT_KM = 0.0003048


def test_distances_of_ieee_13():
    # 650 to 632 is 2000 ft, 632 to 671 is 2000 ft, 671 to 680 is 1000 ft.
    names = ["650.1", "632.2", "671.3", "680.1"]
    layout = profile_layout(load("ieee13"), names)
    expected_km = np.array([0, 2000, 4000, 5000]) * FOOT_KM
    np.testing.assert_allclose(layout.distance_km, expected_km, rtol=1e-6)
    assert layout.phase.tolist() == [1, 2, 3, 1]


def test_segments_lead_towards_the_source_on_the_same_line():
    feeder = load("ieee123")
    names = [f"{bus}.{phase}" for bus in feeder.buses for phase in feeder.phases_of(bus)]
    layout = profile_layout(feeder, names)
    outer, inner = layout.segments.T
    assert (layout.distance_km[outer] >= layout.distance_km[inner]).all()
    assert len(layout.segments) == len(names) - 3  # all but the three nodes of the source
    assert len(set(outer.tolist())) == len(outer)


def test_permuting_nodes_permutes_the_layout():
    feeder = load("ieee13")
    names = [f"{bus}.{phase}" for bus in feeder.buses for phase in feeder.phases_of(bus)]
    order = np.random.default_rng(0).permutation(len(names))
    plain = profile_layout(feeder, names)
    moved = profile_layout(feeder, [names[k] for k in order])
    np.testing.assert_array_equal(moved.distance_km, plain.distance_km[order])
    pairs = {tuple(pair) for pair in plain.segments.tolist()}
    assert {(int(order[a]), int(order[b])) for a, b in moved.segments} == pairs


def test_a_node_that_the_source_does_not_reach_has_no_place():
    layout = profile_layout(load("ieee13"), ["650.1", "nowhere.1"])
    assert np.isnan(layout.distance_km[1])
    assert len(layout.segments) == 0


@pytest.mark.parametrize("name", ["650", "650.4", ".1"])
def test_a_name_that_is_no_node_is_refused(name: str):
    with pytest.raises(FeederError, match=r"expected 'bus\.phase'"):
        profile_layout(load("ieee13"), [name])
