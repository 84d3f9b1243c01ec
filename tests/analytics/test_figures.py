"""Figures say what they show: axes with units, every line named, no global state."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from grid_fed_rl.analytics.figures import (
    day_figure,
    learning_figure,
    metrics_figure,
    png_bytes,
    profile_figure,
    save_png,
    svg_text,
)
from grid_fed_rl.errors import GridFedRLError

Metrics = dict[str, dict[str, dict[str, float]]]

HOURS = np.arange(24.0)
BAND = (np.full(24, 0.97), np.full(24, 1.02))


V_AFTER_PU = np.array([1.0, 1.06, 0.99, 0.98])


def profile(v_after_pu: NDArray[np.float64] = V_AFTER_PU) -> Figure:
    return profile_figure(
        distance_km=np.array([0.0, 0.0, 1.0, 1.0]),
        phase=np.array([1, 2, 1, 2]),
        v_before_pu=np.array([1.0, 1.0, 0.93, 0.0]),
        v_after_pu=v_after_pu,
        segments=np.array([[2, 0], [3, 1]]),
        labels=("No control", "Federated"),
    )


def test_profile_names_axes_with_units_and_counts_nodes_outside():
    before, after = profile().axes
    assert before.get_ylabel() == "Voltage (p.u.)"
    assert before.get_xlabel() == after.get_xlabel() == "Distance from the substation (km)"
    # The node without voltage is not counted: it is out of service, not out of limits.
    assert before.get_title(loc="left") == "No control: 1 of 3 nodes outside"
    assert after.get_title(loc="left") == "Federated: 1 of 4 nodes outside"
    assert before.get_ylim() == after.get_ylim()
    low, high = before.get_ylim()
    assert low < 0.93
    assert high > 1.06


def test_profile_joins_live_nodes_of_the_same_phase_only():
    before, after = profile().axes
    drawn = [ax.findobj(LineCollection) for ax in (before, after)]
    assert [sum(len(c.get_paths()) for c in lines) for lines in drawn] == [1, 2]


def test_profile_refuses_arrays_of_another_length():
    with pytest.raises(GridFedRLError, match=r"v_after_pu.*\(3,\).*\(4,\)"):
        profile(v_after_pu=np.ones(3))


def test_day_has_a_panel_a_policy_on_one_scale():
    figure = day_figure(HOURS, {"no_control": BAND, "federated": BAND, "mine": BAND})
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["No control", "Federated", "Mine"]
    assert figure.axes[0].get_ylabel() == "Lowest and highest\nvoltage (p.u.)"
    assert {ax.get_xlabel() for ax in figure.axes} == {"Time of day (h)"}
    assert len({ax.get_ylim() for ax in figure.axes}) == 1


def test_day_of_seven_policies_labels_hours_under_every_column():
    names = ["no_control", "local_rules", "behaviour", "local_only", "pooled", "federated", "x"]
    axes = day_figure(HOURS, dict.fromkeys(names, BAND)).axes
    assert len(axes) == 8
    assert [bool(ax.get_xlabel()) for ax in axes] == [False] * 3 + [True] * 4 + [False]
    with pytest.raises(GridFedRLError, match="no policy"):
        day_figure(HOURS, {})


def test_learning_names_every_curve():
    steps = np.arange(3.0)
    figure = learning_figure(
        {"federated": (steps, steps), "mine": (steps, -steps)}, "Rounds", "Score ($ per day)"
    )
    assert figure.axes[0].get_xlabel() == "Rounds"
    assert figure.axes[0].get_ylabel() == "Score ($ per day)"
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Federated", "Mine"]
    with pytest.raises(GridFedRLError, match="no curve"):
        learning_figure({})


def test_metrics_show_every_policy_with_units(metrics: Metrics):
    figure = metrics_figure(metrics)
    labels = [ax.get_xlabel() for ax in figure.axes[:5]]
    assert labels == ["$ per day", "kWh per day", "% of node-steps", "p.u. per day", "per day"]
    rows = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert rows == [
        *("No control", "Local rules", "Behaviour", "Local only"),
        *("Pooled", "Federated", "Federated, private"),
    ]
    interval, mean = figure.axes[2].get_lines()[:2]
    np.testing.assert_allclose(np.asarray(mean.get_xdata()), [18.2])  # shown in percent
    np.testing.assert_allclose(np.asarray(interval.get_xdata()), [17.29, 19.11])


def test_drawing_is_repeatable_and_leaves_no_trace(metrics: Metrics, tmp_path: Path):
    before = matplotlib.rcParams.copy()
    first, second = (svg_text(metrics_figure(metrics)) for _ in range(2))
    assert first == second
    assert png_bytes(metrics_figure(metrics)) == png_bytes(metrics_figure(metrics))
    save_png(profile(), tmp_path / "profile.png")
    assert (tmp_path / "profile.png").read_bytes().startswith(b"\x89PNG")
    assert matplotlib.rcParams.copy() == before
