"""A feeder drawn by its coordinates: voltage as colour, loading as width."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from grid_fed_rl.analytics.save import save_png
from grid_fed_rl.drawing.layout import Edge
from grid_fed_rl.drawing.marks import (
    DEAD,
    DOTS_UP_TO,
    MARKS,
    VoltageScale,
    mark_handle,
    voltage_scale,
    write_names,
)
from grid_fed_rl.drawing.shape import FeederShape, bus_nodes, farthest_pu
from grid_fed_rl.drawing.style import LIMITS_PU, OUTSIDE, QUIET, new_figure, styled
from grid_fed_rl.feeders import Feeder
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    compile_network,
    measures,
    nominal_setpoint,
    solve,
)

__all__ = ["draw_feeder", "feeder_figure"]

_SPAN_PU = 0.05  # least half width of the colour bar around 1 p.u.
_THIN, _THICK = 0.8, 6.0  # points: carries nothing; is full, or carries the most


class _Widths(NamedTuple):
    """How wide each edge is drawn, and how the legend says so."""

    points: NDArray[np.float64]  # (edge,)
    title: str
    samples: Sequence[tuple[str, float]]  # text and points
    over: NDArray[np.bool_]  # (edge,) beyond its rating
    note: str


@dataclass(frozen=True)
class _Picture:
    """What is drawn: a feeder, where it is, and one row of its power flow."""

    shape: FeederShape
    v_pu: NDArray[np.float64]  # (bus,) of the phase farthest from nominal; 0 where dead
    widths: _Widths

    @property
    def scale(self) -> VoltageScale:
        """Voltage as colour: as far as this row goes."""
        live = self.v_pu[self.v_pu > 0.0]
        farthest = float(np.abs(live - 1.0).max(initial=0.0))
        return voltage_scale(LIMITS_PU, max(_SPAN_PU, farthest))


def draw_feeder(
    feeder: Feeder,
    path: Path | str,
    flow: PowerFlow | None = None,
    network: Network | None = None,
    title: str | None = None,
) -> None:
    """Draw a feeder into a PNG file.

    Args:
        feeder: What to draw.
        path: Where to.
        flow: Its power flow, the first row of which is drawn; that of the feeder as
            found, taps and all, where not given.
        network: What the flow was solved on; compiled where not given.
        title: Above the picture; the feeder's own title where not given.

    Raises:
        FeederError: the feeder cannot be compiled.
    """
    save_png(feeder_figure(feeder, flow, network, title), Path(path))


def feeder_figure(
    feeder: Feeder,
    flow: PowerFlow | None = None,
    network: Network | None = None,
    title: str | None = None,
) -> Figure:
    """The figure that `draw_feeder` writes."""
    if network is None:
        network = compile_network(feeder)
    if flow is None:
        flow = solve(network, nominal_setpoint(network))
    flow = flow.rows(slice(0, 1))
    shape = FeederShape.of(feeder)
    shape = replace(shape, edges=_as_solved(shape.edges, network, flow))
    v_pu = farthest_pu(bus_nodes(network), np.abs(flow.v_pu[0]))
    picture = _Picture(shape, v_pu, _widths(shape.edges, network, flow))
    with styled():
        figure = new_figure(10.0, 7.2)
        ax = figure.subplots()
        _draw_branches(ax, picture)
        _draw_elements(ax, picture)
        ax.set_axis_off()
        ax.margins(0.04)
        if not shape.layout.is_tree:
            ax.set_aspect("equal", adjustable="datalim")
        ax.set_title(_heading(picture, flow, title), loc="left", linespacing=1.5)
        _colour_bar(figure, ax, picture)
        figure.legend(
            handles=_legend(picture), loc="outside lower center", ncols=5, columnspacing=1.6
        )
        write_names(figure, ax, shape)
    return figure


def _as_solved(edges: list[Edge], network: Network, flow: PowerFlow) -> list[Edge]:
    """Edges with the switches as the flow had them."""
    closed = dict(zip(network.switches, flow.setpoint.switch_closed[0].tolist(), strict=True))
    return [
        edge._replace(closed=closed.get(edge.element.removeprefix("switch."), True))
        if edge.element.startswith("switch.")
        else edge
        for edge in edges
    ]


def _widths(edges: list[Edge], network: Network, flow: PowerFlow) -> _Widths:
    """By loading where most branches have a rating, else by current."""
    loading = measures.loading(network, flow)
    share_of = dict(zip(loading.elements, loading.share[0].tolist(), strict=True))
    share = np.array([share_of.get(edge.element, math.nan) for edge in edges])
    rated = np.isfinite(share)
    is_line = np.array([edge.element.startswith("line.") for edge in edges], dtype=bool)
    if is_line.any() and rated[is_line].mean() >= 0.5:
        full = np.clip(np.nan_to_num(share), 0.0, 1.3)
        n_unrated = int((~rated).sum())
        note = f"{n_unrated} branches without a rating are thin" if n_unrated else ""
        samples = [(f"{percent} %", percent / 100.0) for percent in (25, 50, 100)]
        title = "Loading:"
    else:
        flows = measures.branch_flows(network, flow)
        largest = dict.fromkeys(flows.conductors.elements, 0.0)
        for element, amps in zip(
            flows.conductors.elements, np.abs(flows.current_a[0]), strict=True
        ):
            largest[element] = max(largest[element], float(amps))
        # The low side of a transformer would outweigh the lines.
        amps = [0.0 if e.element.startswith("transformer") else largest[e.element] for e in edges]
        most = max(amps, default=0.0) or 1.0
        full, note, title = np.array(amps) / most, "", "Current:"
        steps = [_round(most * part) for part in (0.25, 0.5, 1.0)]
        samples = [(f"{step:g} A", step / most) for step in steps]
    points = _THIN + (_THICK - _THIN) * full
    sampled = [(text, _THIN + (_THICK - _THIN) * part) for text, part in samples]
    return _Widths(points, title, sampled, rated & (np.nan_to_num(share) > 1.0), note)


def _round(amps: float) -> float:
    """To two digits at most, downwards."""
    size = 10.0 ** math.floor(math.log10(amps))
    return math.floor(2.0 * amps / size) / 2.0 * size


def _draw_branches(ax: Axes, picture: _Picture) -> None:
    shape, v_pu = picture.shape, picture.v_pu
    colours, norm = picture.scale
    ends, points = shape.ends, shape.segments
    closed = np.array([edge.closed for edge in shape.edges], dtype=bool)
    dead = closed & (v_pu[ends] == 0.0).any(axis=1)
    over, live = closed & picture.widths.over, closed & ~dead
    halo_points = picture.widths.points[over] + 6.0
    ax.add_collection(
        LineCollection(
            list(points[over]),
            colors=OUTSIDE,
            alpha=0.35,
            capstyle="round",
            linewidths=halo_points,
        )
    )
    for some, colour, style in ((~closed, QUIET, (0, (3, 3))), (dead, DEAD, "-")):
        ax.add_collection(
            LineCollection(list(points[some]), colors=colour, linewidths=1.2, linestyles=[style])
        )
    lines = LineCollection(
        list(points[live]),
        array=v_pu[ends[live, 1]],
        cmap=colours,
        norm=norm,
        linewidths=picture.widths.points[live],
        capstyle="round",
    )
    ax.add_collection(lines)
    ax.autoscale_view()
    if len(v_pu) <= DOTS_UP_TO:
        here = v_pu > 0.0
        x, y = shape.layout.x, shape.layout.y
        ax.scatter(x[~here], y[~here], s=20, c=DEAD, zorder=3)
        ax.scatter(
            x[here],
            y[here],
            s=20,
            c=v_pu[here],
            cmap=colours,
            norm=norm,
            ec="white",
            lw=0.5,
            zorder=3,
        )


def _places(shape: FeederShape) -> dict[str, list[tuple[float, float]]]:
    """Where each kind of mark stands."""
    feeder = shape.feeder
    switches = [edge for edge in shape.edges if edge.element.startswith("switch.")]
    at = {
        "closed": [shape.middle(edge) for edge in switches if edge.closed],
        "open": [shape.middle(edge) for edge in switches if not edge.closed],
        "capacitor": [shape.at(c.terminal.bus) for c in feeder.capacitors.values()],
        "regulator": [shape.middle(edge) for edge in shape.regulated.values()],
        "source": [shape.at(feeder.source.bus)],
    }
    return {kind: list(dict.fromkeys(places)) for kind, places in at.items() if places}


def _draw_elements(ax: Axes, picture: _Picture) -> None:
    for kind, places in _places(picture.shape).items():
        mark = MARKS[kind]
        x, y = zip(*places, strict=True)
        ax.plot(
            x,
            y,
            linestyle="",
            marker=mark.marker,
            ms=mark.size,
            mfc=mark.face,
            mec=mark.edge,
            mew=0.9,
            zorder=4 + (kind == "source"),
        )


def _heading(picture: _Picture, flow: PowerFlow, title: str | None) -> str:
    feeder, layout = picture.shape.feeder, picture.shape.layout
    live = picture.v_pu[picture.v_pu > 0.0]
    notes = []
    if not flow.converged[0]:
        notes.append("NOT CONVERGED")
    elif live.size:
        notes.append(f"{live.min():.3f} to {live.max():.3f} p.u.")
    if n_dead := int((picture.v_pu == 0.0).sum()):
        notes.append(f"{n_dead} buses without voltage")
    if layout.is_tree:
        notes.append("no coordinates: drawn as a tree")
    if layout.beside:
        notes.append(
            f"{len(layout.beside)} buses without coordinates stand beside their neighbours"
        )
    if picture.widths.note:
        notes.append(picture.widths.note)
    return f"{title or feeder.title or feeder.name}\n{'; '.join(notes)}"


def _colour_bar(figure: Figure, ax: Axes, picture: _Picture) -> None:
    scale = ScalarMappable(picture.scale.norm, picture.scale.colours)
    bar = figure.colorbar(scale, ax=ax, shrink=0.7, aspect=30, pad=0.01)
    bar.set_label("Voltage of the phase farthest from 1 p.u. (p.u.)")
    bar.outline.set_visible(False)


def _legend(picture: _Picture) -> list[Line2D]:
    handles = [mark_handle(MARKS[kind]) for kind in reversed(_places(picture.shape))]
    widths = picture.widths
    handles += [
        Line2D([], [], color=QUIET, lw=points, label=f"{widths.title} {text}" if not n else text)
        for n, (text, points) in enumerate(widths.samples)
    ]
    if widths.over.any():
        handles.append(
            Line2D([], [], color=OUTSIDE, alpha=0.35, lw=_THICK + 4.0, label="over its rating")
        )
    if (picture.v_pu == 0.0).any():
        handles.append(Line2D([], [], color=DEAD, lw=1.5, label="no voltage"))
    return handles
