"""The voltages of a study and of our solution along a feeder, in one picture."""

import math

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grid_fed_rl.analytics.profile import profile_layout
from grid_fed_rl.analytics.study import StudyComparison
from grid_fed_rl.drawing.style import INK, PHASES, QUIET, new_figure, png_bytes, styled
from grid_fed_rl.powerflow import Network, PowerFlow

__all__ = ["study_figure", "study_picture"]


def study_picture(network: Network, flow: PowerFlow, comparison: StudyComparison) -> bytes:
    """The picture as a PNG file's bytes."""
    return png_bytes(study_figure(network, flow, comparison))


def study_figure(network: Network, flow: PowerFlow, comparison: StudyComparison) -> Figure:
    """Voltage over distance: ours as lines, the study's as rings; deviations below.

    Args:
        network: What was solved.
        flow: Its power flow; the first row is drawn.
        comparison: Its study.
    """
    names = [name for name in network.node_names if name[-2:] in {".1", ".2", ".3"}]
    column = {name: network.node_index[name] for name in names}
    layout = profile_layout(network.feeder, names)
    v_pu = np.abs(flow.v_pu[0, [column[name] for name in names]])
    place = {name: k for k, name in enumerate(names)}
    with styled():
        figure = new_figure(10.0, 6.5)
        above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [2.2, 1.0]})
        for number, (letter, colour) in PHASES.items():
            live = np.isfinite(layout.distance_km) & (v_pu > 0.0) & (layout.phase == number)
            ends = layout.segments[live[layout.segments].all(axis=1)]
            points = np.stack([layout.distance_km[ends], v_pu[ends]], axis=-1)
            above.add_collection(LineCollection(list(points), colors=colour, linewidths=1.2))
            theirs = _rings(comparison, letter, number, place)
            x = np.array([layout.distance_km[k] for k, _, _ in theirs])
            above.plot(x, [v for _, v, _ in theirs], "o", mfc="none", mec=colour, ms=5.5, mew=1.1)
            below.plot(x, [off for _, _, off in theirs], "o", color=colour, ms=3.5)
        tolerance = comparison.tolerances.v_pu
        for level in (-tolerance, tolerance):
            below.axhline(level, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
        below.axhline(0.0, color=INK, linewidth=0.6)
        above.autoscale_view()
        above.margins(x=0.03, y=0.08)
        above.set_ylabel("Voltage (p.u.)")
        below.set_ylabel("Ours less study's (p.u.)")
        below.set_xlabel("Distance from the source (km); dashed: tolerance")
        figure.suptitle(
            f"{comparison.feeder} against {comparison.study}", x=0.01, ha="left", fontsize=10
        )
        lines = [Line2D([], [], color=c, label=f"Phase {p}") for p, c in PHASES.values()]
        ring = Line2D([], [], linestyle="", marker="o", mfc="none", mec=INK, label="study")
        figure.legend(handles=[*lines, ring], loc="outside lower center", ncols=4)
    return figure


def _rings(
    comparison: StudyComparison, letter: str, number: int, place: dict[str, int]
) -> list[tuple[int, float, float]]:
    """Node, the study's voltage there, and how far ours is off, of one phase of all buses."""
    found = []
    for d in comparison.deviations:
        if d.quantity != "v_pu" or d.phase != letter or math.isnan(d.theirs):
            continue
        k = place.get(f"{d.bus}.{number}")
        if k is not None:
            found.append((k, d.theirs, d.deviation))
    return found
