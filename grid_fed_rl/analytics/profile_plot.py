"""The voltage along a feeder as a picture: a line a phase, and where taps stand."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from grid_fed_rl.analytics.profile import ProfileLayout, profile_layout
from grid_fed_rl.analytics.save import save_png
from grid_fed_rl.drawing.style import (
    INK,
    LIMITS_PU,
    PHASES,
    QUIET,
    mark_limits,
    new_figure,
    styled,
)
from grid_fed_rl.powerflow import Network, PowerFlow

__all__ = ["draw_profile", "flow_profile_figure"]

_CLOSE = 0.06  # of the axis: regulators nearer than this share one label


def draw_profile(
    network: Network, flow: PowerFlow, path: Path | str, title: str | None = None
) -> None:
    """Draw the first row of a flow into a PNG file.

    Args:
        network: What was solved.
        flow: Its power flow.
        path: Where to.
        title: Above the picture; the feeder's own title where not given.
    """
    save_png(flow_profile_figure(network, flow, title), Path(path))


def flow_profile_figure(network: Network, flow: PowerFlow, title: str | None = None) -> Figure:
    """Voltage over distance from the source: one colour a phase, range A shaded around."""
    phases = [k for k, name in enumerate(network.node_names) if name[-2:] in {".1", ".2", ".3"}]
    layout = profile_layout(network.feeder, [network.node_names[k] for k in phases])
    v_pu = np.abs(flow.v_pu[0, phases])
    live = np.isfinite(layout.distance_km) & (v_pu > 0.0)
    with styled():
        figure = new_figure(10.0, 5.0)
        ax = figure.subplots()
        large = len(phases) > 1000
        for number, (letter, colour) in PHASES.items():
            here = live & (layout.phase == number)
            ends = layout.segments[here[layout.segments].all(axis=1)]
            points = np.stack([layout.distance_km[ends], v_pu[ends]], axis=-1)
            thin = 0.7 if large else 1.3
            ax.add_collection(LineCollection(list(points), colors=colour, linewidths=thin))
            ax.plot(
                layout.distance_km[here],
                v_pu[here],
                ".",
                color=colour,
                ms=1.5 if large else 4.0,
                label=f"Phase {letter}",
            )
        ax.set_xlabel("Distance from the source (km)")
        ax.set_ylabel("Voltage (p.u.)")
        ax.margins(x=0.03, y=0.08)
        mark_limits(ax, LIMITS_PU)
        n_outside = int(((v_pu < LIMITS_PU[0]) | (v_pu > LIMITS_PU[1]))[live].sum())
        words = f"{n_outside} of {int(live.sum())} nodes outside ANSI C84.1 range A"
        if n_dead := int((v_pu == 0.0).sum()):
            words += f"; {n_dead} nodes without voltage"
        if not flow.converged[0]:
            words = "NOT CONVERGED"
        heading = title or network.feeder.title or network.feeder.name
        figure.suptitle(f"{heading}: {words}", x=0.01, ha="left", fontsize=10)
        _mark_taps(ax, network, flow, layout, [network.node_names[k] for k in phases])
        handles, names = ax.get_legend_handles_labels()
        # A scale between 0 and 1 says nothing of the marker: the same dots as elsewhere.
        figure.legend(
            handles, names, loc="outside lower center", ncols=3, markerscale=6 if large else 3
        )
    return figure


def _mark_taps(
    ax: Axes, network: Network, flow: PowerFlow, layout: ProfileLayout, names: list[str]
) -> None:
    """A line at every regulator, and above it the taps of those that stand there."""
    column = {name: k for k, name in enumerate(names)}
    low, high = ax.get_xlim()
    at: list[tuple[float, list[str]]] = []
    found = []
    for k, regulator in enumerate(network.feeder.regulators.values()):
        windings = network.feeder.transformers[regulator.transformer].windings
        terminal = windings[regulator.winding - 1].terminal
        nodes = [f"{terminal.bus}.{phase}" for phase in terminal.phases]
        distance = [layout.distance_km[column[node]] for node in nodes if node in column]
        if distance and np.isfinite(distance[0]):
            tap = int(flow.setpoint.tap_position[0, k])
            found.append((float(distance[0]), f"{regulator.name} {tap:+d}"))
    for where, text in sorted(found, key=lambda one: one[0]):
        if at and where - at[-1][0] < _CLOSE * (high - low):
            at[-1][1].append(text)
        else:
            at.append((where, [text]))
        ax.axvline(where, color=QUIET, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
    for where, texts in at:
        ax.annotate(
            "\n".join(texts),
            (where, 1.0),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="left" if where < low + 0.1 * (high - low) else "center",
            va="bottom",
            fontsize=7.5,
            color=INK,
        )
