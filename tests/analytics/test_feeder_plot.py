"""A feeder drawn: the picture says what it shows."""

from pathlib import Path

import numpy as np

from grid_fed_rl.analytics.feeder_plot import draw_feeder, feeder_figure
from grid_fed_rl.analytics.profile_plot import draw_profile, flow_profile_figure
from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve


def words(figure: object) -> str:
    """All text of a figure."""
    axes = figure.axes[0]  # pyright: ignore[reportAttributeAccessIssue]
    legend = figure.legends[0].get_texts()  # pyright: ignore[reportAttributeAccessIssue]
    texts = [axes.get_title(loc="left"), *(t.get_text() for t in [*legend, *axes.texts])]
    return "\n".join(texts)


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
