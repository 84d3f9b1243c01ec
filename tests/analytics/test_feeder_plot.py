"""A feeder drawn: every bus has a place, and the picture says what it shows."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grid_fed_rl.analytics.feeder_layout import feeder_edges, feeder_layout
from grid_fed_rl.analytics.feeder_plot import draw_feeder, feeder_figure
from grid_fed_rl.analytics.profile_plot import draw_profile, flow_profile_figure
from grid_fed_rl.feeders import Feeder, load
from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve


def without_coordinates(feeder: Feeder, *names: str) -> Feeder:
    """The same feeder, some buses (all, if none is named) without coordinates."""
    nowhere = {n: replace(feeder.buses[n], x=math.nan, y=math.nan) for n in names or feeder.buses}
    return replace(feeder, buses={**feeder.buses, **nowhere})


def words(figure: object) -> str:
    """All text of a figure."""
    axes = figure.axes[0]  # pyright: ignore[reportAttributeAccessIssue]
    legend = figure.legends[0].get_texts()  # pyright: ignore[reportAttributeAccessIssue]
    texts = [axes.get_title(loc="left"), *(t.get_text() for t in [*legend, *axes.texts])]
    return "\n".join(texts)


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


def test_the_picture_names_what_stands_on_it(tmp_path: Path):
    figure = feeder_figure(load("ieee13"))
    text = words(figure)
    for word in ("source", "regulator", "capacitor", "closed switch", "671"):
        assert word in text
    assert "open switch" not in text
    assert "(p.u.)" in figure.axes[1].get_ylabel()
    draw_feeder(load("ieee13"), tmp_path / "feeder.png")
    assert (tmp_path / "feeder.png").read_bytes().startswith(b"\x89PNG")


def test_an_open_switch_and_what_it_cuts_off_are_shown():
    network = compile_network(load("ieee13"))
    opened = nominal_setpoint(network).with_(switch_closed=[[False] * len(network.switches)])
    text = words(feeder_figure(network.feeder, solve(network, opened), network, title="Fault"))
    assert text.startswith("Fault")
    assert "open switch" in text
    assert "buses without voltage" in text


def test_a_flow_that_did_not_converge_says_so():
    network = compile_network(load("ieee13"))
    nominal = nominal_setpoint(network)
    flow = solve(network, nominal.with_(load_kw=nominal.load_kw * 1e7), max_iterations=20)
    assert "NOT CONVERGED" in words(feeder_figure(network.feeder, flow, network))
    title = flow_profile_figure(network, flow).get_suptitle()
    assert "NOT CONVERGED" in title


def test_the_profile_marks_taps_and_counts_nodes_outside(tmp_path: Path):
    network = compile_network(load("ieee13"))
    setpoint = nominal_setpoint(network).with_(tap_position=[10, 8, 11])
    flow = solve(network, setpoint)
    figure = flow_profile_figure(network, flow)
    marks = "\n".join(text.get_text() for text in figure.axes[0].texts)
    assert "reg1 +10" in marks
    assert "reg3 +11" in marks
    v_pu = np.abs(flow.v_pu[0])
    n_outside = int(((v_pu < 0.95) | (v_pu > 1.05)).sum())
    assert f": {n_outside} of 41 nodes outside" in figure.get_suptitle()
    assert figure.axes[0].get_xlabel() == "Distance from the source (km)"
    draw_profile(network, flow, tmp_path / "profile.png")
    assert (tmp_path / "profile.png").read_bytes().startswith(b"\x89PNG")
