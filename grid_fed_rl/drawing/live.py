"""The feeder in a picture that changes: artists made once, then given new colours and shapes."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import Affine2D, Bbox, ScaledTranslation, Transform
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.drawing.marks import (
    DEAD,
    DOTS_UP_TO,
    MARKS,
    WHITE_EDGE,
    VoltageScale,
    mark_handle,
)
from grid_fed_rl.drawing.readings import signed
from grid_fed_rl.drawing.shape import FeederShape, bus_nodes, farthest_pu
from grid_fed_rl.drawing.style import INK, OUTSIDE, QUIET
from grid_fed_rl.powerflow import Network

__all__ = ["DeviceStates", "LiveFeeder"]

Floats = NDArray[np.float64]

_SUN, _SUN_EDGE, _CHARGE = "#F0E442", "#b8a000", "#56B4E9"
_PER_PHASE = {1: 1.3, 2: 1.9, 3: 2.8}  # points of width of a branch by its phases
_BATTERY = (8.0, 13.0)  # points wide and high
# Points to the right of and above their buses, which stay in sight.
_BATTERY_AT, _CAPACITOR_AT, _SOURCE_AT = (10.0, 9.0), (7.0, -8.0), (-9.0, 0.0)


@dataclass(frozen=True)
class DeviceStates:
    """What one frame shows of a feeder.

    Attributes:
        v_pu: (node,) magnitudes, 0 where dead.
        tap_position: (regulator,)
        capacitor_closed: (capacitor,)
        switch_closed: (switch,)
        pv_kw: (pv,)
        soc: (storage,) NaN where nobody keeps it.
    """

    v_pu: Floats
    tap_position: NDArray[np.integer]
    capacitor_closed: NDArray[np.bool_]
    switch_closed: NDArray[np.bool_]
    pv_kw: Floats
    soc: Floats


class LiveFeeder:
    """A feeder's artists on an axes.

    Branches and buses have the colour of the live phase farthest from 1 p.u.; a bus
    any live phase of which is outside the limits has a ring.

    Args:
        ax: Where to draw.
        network: What is drawn.
        limits: Voltage limits, per unit.
        scale: Voltage as colour.

    Attributes:
        shape: Where everything is.
        moving: Artists that change from frame to frame, the lowest first.
        handles: For a legend.
    """

    moving: list[Artist]
    handles: list[Line2D]

    def __init__(
        self, ax: Axes, network: Network, limits: tuple[float, float], scale: VoltageScale
    ) -> None:
        self.shape = FeederShape.of(network.feeder)
        self._ax, self._network, self._limits, self._scale = ax, network, limits, scale
        self._nodes = bus_nodes(network)
        self._large = len(self._nodes) > DOTS_UP_TO
        self.moving, self.handles = [], []
        ax.set_axis_off()
        ax.margins(0.05)
        if not self.shape.layout.is_tree:
            ax.set_aspect("equal", adjustable="datalim")
        self._branches()
        self._pvs()
        self._buses()
        self._switches()
        self._shunts()
        self._regulators()
        self._source()

    def show(self, states: DeviceStates) -> None:
        """Give every artist the colour and shape of these states."""
        v_pu = farthest_pu(self._nodes, states.v_pu)
        colours = self._colours(v_pu)
        self._show_branches(states, v_pu, colours)
        self._show_buses(states, colours)
        if self._pv_bus.size:
            share = np.bincount(self._pv_at, states.pv_kw, len(self._pv_bus)) / self._pv_rated
            faces = np.tile(to_rgba(_SUN), (len(share), 1))
            faces[:, 3] = np.clip(share, 0.0, 1.0)
            _paint(self._pv, faces)
        closed, opened = MARKS["closed"], MARKS["open"]
        if self.switch_dots is not None:
            here = states.switch_closed[self._switch_of]
            _paint(
                self.switch_dots,
                face=np.where(here, closed.face, opened.face),
                edge=np.where(here, closed.edge, opened.edge),
            )
        if self.capacitor_dots is not None:
            faces = np.where(states.capacitor_closed, MARKS["capacitor"].face, "white")
            _paint(self.capacitor_dots, faces)
        if self.battery_fills is not None:
            self.battery_fills.set_paths([_box(soc) for soc in np.nan_to_num(states.soc)])
        for text, which in self.tap_words:
            text.set_text(" ".join(signed(int(states.tap_position[k])) for k in which))

    def taken(self) -> list[Bbox]:
        """Where no name may stand, in pixels, as the axes is now."""
        feeder, still = self._network.feeder, (0.0, 0.0)
        marks = [(feeder.source.bus, _SOURCE_AT, (15.0, 15.0))]
        marks += [(c.terminal.bus, _CAPACITOR_AT, (9.0, 9.0)) for c in feeder.capacitors.values()]
        marks += [(s.terminal.bus, _BATTERY_AT, _BATTERY) for s in feeder.storages.values()]
        places = [(self.shape.at(bus), beside, size) for bus, beside, size in marks]
        places += [(self.shape.middle(e), still, (8.0, 8.0)) for e in self.shape.regulated.values()]
        boxes = [text.get_window_extent() for text, _ in self.tap_words]
        for place, beside, size in places:
            middle = self._beside(beside).transform(place)
            half = np.array(size) * self._figure.dpi / 144.0
            boxes.append(Bbox([middle - half, middle + half]))
        return boxes

    # ---- what is made once ----------------------------------------------------

    def _branches(self) -> None:
        shape, network = self.shape, self._network
        phases = np.array([len(network.feeder.phases_of(bus)) for bus in network.feeder.buses])
        widths = [_PER_PHASE[min(max(n, 1), 3)] for n in phases[shape.ends].min(axis=1)]
        if self._large:
            widths = [0.6 * width for width in widths]
        segments = list(shape.segments)
        self.branches = LineCollection(segments, linewidths=widths, capstyle="round", zorder=1)
        switch = {f"switch.{name}": k for k, name in enumerate(network.switches)}
        rows = [k for k, edge in enumerate(shape.edges) if edge.element in switch]
        self._switch_edges = np.array(rows, dtype=np.int64)
        self._switch_of = np.array([switch[shape.edges[k].element] for k in rows], dtype=np.int64)
        self._dashes = LineCollection(
            [segments[k] for k in rows], linewidths=1.2, linestyles=[(0, (3, 3))], zorder=1
        )
        for lines in (self.branches, self._dashes):
            self._ax.add_collection(lines)
            self.moving.append(lines)

    def _pvs(self) -> None:
        feeder = self._network.feeder
        buses = [one.terminal.bus for one in feeder.pvs.values()]
        self._pv_bus, self._pv_at = np.unique(
            np.array([self.shape.column[bus] for bus in buses], dtype=np.int64),
            return_inverse=True,
        )
        if not buses:
            return
        rated = np.bincount(self._pv_at, [one.kw_dc for one in feeder.pvs.values()])
        self._pv_rated = np.maximum(rated, 1e-9)
        # Where buses are close, below the branches, so that their colour is seen.
        size, edge, zorder = (12.0, 0.0, 0.5) if self._large else (70.0, 0.6, 2.0)
        self._pv = self._scatter(self._pv_bus, size, "o", zorder=zorder, ec=_SUN_EDGE, lw=edge)
        self.handles.append(_handle("PV, full at its rating", "o", 8.0, _SUN, _SUN_EDGE))

    def _buses(self) -> None:
        every = np.arange(len(self._nodes))
        size_of_ring, lw = (60.0, 1.0) if self._large else (130.0, 1.5)
        self.rings = self._scatter(every, size_of_ring, "o", zorder=7, fc="none", ec=OUTSIDE, lw=lw)
        self.dots = None
        if not self._large:
            self.dots = self._scatter(every, 22.0, "o", zorder=3, ec="white", lw=0.5)
        self.handles.append(_handle("outside the limits", "o", 9.0, "none", OUTSIDE, 1.4))

    def _switches(self) -> None:
        self.switch_dots = None
        if not self._switch_edges.size:
            return
        xy = self.shape.segments[self._switch_edges].mean(axis=1)
        size = 10.0 if self._large else 28.0
        self.switch_dots = self._ax.scatter(*xy.T, s=size, marker="s", zorder=4, lw=0.9)
        self.moving.append(self.switch_dots)
        self.handles += [mark_handle(MARKS["closed"]), mark_handle(MARKS["open"])]

    def _shunts(self) -> None:
        feeder, column = self._network.feeder, self.shape.column
        self.capacitor_dots = self.battery_fills = None
        if feeder.capacitors:
            at = np.array([column[one.terminal.bus] for one in feeder.capacitors.values()])
            mark = MARKS["capacitor"]
            self.capacitor_dots = self._scatter(
                at, mark.size**2, mark.marker, zorder=5, ec=mark.edge, lw=0.9
            )
            self.capacitor_dots.set_offset_transform(self._beside(_CAPACITOR_AT))
            self.handles += [
                mark_handle(mark._replace(text="capacitor, on")),
                mark_handle(mark._replace(text="capacitor, off", face="white")),
            ]
        if feeder.storages:
            at = np.array([column[one.terminal.bus] for one in feeder.storages.values()])
            self._batteries(at, "white", INK, 1.0)
            self.battery_fills = self._batteries(at, _CHARGE, "none", 0.0)
            self._batteries(at, "none", INK, 1.0)
            self.handles.append(_handle("battery, filled by its charge", "s", 8.0, _CHARGE, INK))

    def _batteries(self, at: NDArray[np.int64], face: str, edge: str, lw: float) -> PathCollection:
        """Upright boxes above buses."""
        boxes = PathCollection(
            [_box(1.0)] * len(at),
            offsets=self._xy(at),
            offset_transform=self._beside(_BATTERY_AT),
            facecolors=face,
            edgecolors=edge,
            linewidths=lw,
            zorder=5,
        )
        boxes.set_transform(Affine2D().scale(self._figure.dpi / 72.0))
        self._ax.add_collection(boxes)
        self.moving.append(boxes)
        return boxes

    def _regulators(self) -> None:
        self.tap_words: list[tuple[Annotation, list[int]]] = []
        groups = defaultdict[tuple[float, float], list[int]](list)
        for k, name in enumerate(self._network.regulators):
            if name in self.shape.regulated:
                groups[self.shape.middle(self.shape.regulated[name])].append(k)
        if not groups:
            return
        mark = MARKS["regulator"]
        x, y = zip(*groups, strict=True)
        dots = self._ax.scatter(
            x, y, s=mark.size**2, marker=mark.marker, fc=mark.face, ec=mark.edge, lw=0.9, zorder=5
        )
        self.moving.append(dots)
        for place, which in groups.items():
            words = self._ax.annotate(
                " ".join(["+16"] * len(which)),  # as long as it can be: names make room for it
                place,
                (0, 8),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=8.0,
                weight="bold",
                color=INK,
                path_effects=WHITE_EDGE,
                zorder=6,
            )
            self.tap_words.append((words, which))
            self.moving.append(words)
        self.handles.append(mark_handle(mark._replace(text="regulator, with its taps")))

    def _source(self) -> None:
        mark = MARKS["source"]
        at = self.shape.at(self._network.feeder.source.bus)
        star = self._ax.scatter(
            *at, s=mark.size**2, marker=mark.marker, fc=mark.face, ec=mark.edge, lw=0.9, zorder=4
        )
        star.set_offset_transform(self._beside(_SOURCE_AT))
        self.moving.append(star)
        self.handles.insert(0, mark_handle(mark))

    # ---- what is shown --------------------------------------------------------

    def _colours(self, v_pu: Floats) -> Floats:
        """Colour of each bus: (bus, rgba)."""
        colours = self._scale.colours(self._scale.norm(v_pu))
        colours[v_pu == 0.0] = to_rgba(DEAD)
        return colours

    def _show_branches(self, states: DeviceStates, v_pu: Floats, colours: Floats) -> None:
        ends = self.shape.ends
        lines = colours[ends[:, 1]]
        lines[(v_pu[ends] == 0.0).any(axis=1)] = to_rgba(DEAD)
        if self._switch_edges.size:
            opened = ~states.switch_closed[self._switch_of]
            lines[self._switch_edges[opened], 3] = 0.0
            dashes = np.tile(to_rgba(QUIET), (len(opened), 1))
            dashes[:, 3] = opened
            _paint(self._dashes, edge=dashes)
        _paint(self.branches, edge=lines)

    def _show_buses(self, states: DeviceStates, colours: Floats) -> None:
        here = np.where(self._nodes >= 0, states.v_pu[self._nodes], 0.0)
        low, high = self._limits
        outside = ((here > 0.0) & ((here < low) | (here > high))).any(axis=1)
        self.rings.set_offsets(self._every_xy[outside])
        if self.dots is not None:
            _paint(self.dots, colours)

    # ---- where ----------------------------------------------------------------

    @cached_property
    def _every_xy(self) -> Floats:
        return np.stack([self.shape.layout.x, self.shape.layout.y], axis=-1)

    def _xy(self, buses: NDArray[np.int64]) -> Floats:
        return self._every_xy[buses]

    @property
    def _figure(self) -> Figure:
        figure = self._ax.get_figure(root=True)
        assert figure is not None
        return figure

    def _beside(self, points: tuple[float, float]) -> Transform:
        """Where data are, and some points to the right and up."""
        right, up = points
        scale = self._figure.dpi_scale_trans
        return self._ax.transData + ScaledTranslation(right / 72.0, up / 72.0, scale)

    def _scatter(
        self, buses: NDArray[np.int64], size: float, marker: str, **look: object
    ) -> PathCollection:
        """Markers at buses."""
        x, y = self._xy(buses).T
        dots = self._ax.scatter(x, y, s=size, marker=marker, **look)  # pyright: ignore
        self.moving.append(dots)
        return dots


def _box(share: float) -> Path:
    """A battery, filled from below, in points around its middle."""
    width, height = _BATTERY
    low, high = -height / 2.0, height * (share - 0.5)
    x = width / 2.0
    return Path(np.array([(-x, low), (x, low), (x, high), (-x, high), (-x, low)]), closed=True)


def _paint(
    artist: Collection, face: ArrayLike | None = None, edge: ArrayLike | None = None
) -> None:
    """Give each member a colour; matplotlib's own types know no arrays of them."""
    if face is not None:
        artist.set_facecolor(np.asarray(face))  # pyright: ignore[reportArgumentType]
    if edge is not None:
        artist.set_edgecolor(np.asarray(edge))  # pyright: ignore[reportArgumentType]


def _handle(
    text: str, marker: str, size: float, face: str, edge: str, width: float = 0.8
) -> Line2D:
    return Line2D([], [], ls="", marker=marker, ms=size, mfc=face, mec=edge, mew=width, label=text)
