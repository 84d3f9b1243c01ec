"""Every bus of a feeder has a place."""

import math
from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.drawing.layout import feeder_edges, feeder_layout
from grid_fed_rl.feeders import Feeder, load


def without_coordinates(feeder: Feeder, *names: str) -> Feeder:
    """The same feeder, some buses (all, if none is named) without coordinates."""
    nowhere = {n: replace(feeder.buses[n], x=math.nan, y=math.nan) for n in names or feeder.buses}
    return replace(feeder, buses={**feeder.buses, **nowhere})


def test_buses_stand_where_their_coordinates_are():
    feeder = load("ieee123")
    layout = feeder_layout(feeder)
    for k, bus in enumerate(feeder.buses.values()):
        if math.isfinite(bus.x):
            assert (layout.x[k], layout.y[k]) == (bus.x, bus.y)
    assert np.isfinite(layout.x).all()
    assert not layout.is_tree


def test_a_bus_without_coordinates_goes_between_its_neighbours():
    feeder = load("ieee13")
    layout = feeder_layout(without_coordinates(feeder, "632"))
    k = list(feeder.buses).index("632")
    around = {
        e.to if e.from_ == "632" else e.from_ for e in feeder_edges(feeder) if "632" in e[1:3]
    }
    x = np.mean([feeder.buses[name].x for name in around])
    assert layout.x[k] == pytest.approx(x)
    assert layout.beside == ("632",)


def test_one_at_an_end_goes_beside_its_neighbour():
    feeder = load("ieee13")
    layout = feeder_layout(without_coordinates(feeder, "680"))
    names = list(feeder.buses)
    here, there = names.index("680"), names.index("671")
    step = math.hypot(layout.x[here] - layout.x[there], layout.y[here] - layout.y[there])
    size = math.hypot(np.ptp(layout.x), np.ptp(layout.y))
    assert 0.0 < step < 0.02 * size


def test_without_any_coordinates_it_is_a_tree_with_a_place_for_every_bus():
    layout = feeder_layout(without_coordinates(load("ieee123")))
    assert layout.is_tree
    places = set(zip(layout.x.tolist(), layout.y.tolist(), strict=True))
    assert len(places) == len(layout.x)
