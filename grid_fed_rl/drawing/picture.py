"""A feeder while it runs: drawn once whole, and then only what changes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from grid_fed_rl.drawing.gauges import GaugeColumn
from grid_fed_rl.drawing.live import DeviceStates, LiveFeeder
from grid_fed_rl.drawing.marks import voltage_scale, write_names
from grid_fed_rl.drawing.readings import Section
from grid_fed_rl.drawing.style import INK, LIMITS_PU, OUTSIDE, styled
from grid_fed_rl.powerflow import Network

__all__ = ["FeederPicture"]

_SIZE_PX = (1120, 640)  # even numbers, which video formats ask for
_DPI = 100.0
_MAP = (0.01, 0.115, 0.66, 0.775)  # left, bottom, width and height, of the figure
_BAR = (0.68, 0.2, 0.011, 0.6)
_COLUMN = (0.77, 0.02, 0.215, 0.95)


class FeederPicture:
    """Frames of one feeder, all of one size, comparable with each other.

    The scale of voltage reaches from one range below the limits to one above
    nominal, the same in every frame, and marks the limits and range A of ANSI C84.1.

    Args:
        network: What is drawn.
        limits: Voltage limits, per unit.
        title: Above the feeder.
        sections: Of the column of readings; later ones have the same titles and names.
    """

    def __init__(
        self,
        network: Network,
        limits: tuple[float, float],
        title: str,
        sections: Sequence[Section],
    ) -> None:
        width, height = _SIZE_PX
        with styled():
            self.figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
            self._canvas = FigureCanvasAgg(self.figure)
            span_pu = 2.0 * max(abs(limit - 1.0) for limit in (*limits, *LIMITS_PU))
            scale = voltage_scale(limits, span_pu)
            self.ax = self.figure.add_axes(_MAP)
            self.feeder = LiveFeeder(self.ax, network, limits, scale)
            self.column = GaugeColumn(self.figure.add_axes(_COLUMN), _COLUMN[3] * height, sections)
            self.scale = scale
            marks = self._colour_bar(limits)
            self.figure.text(0.012, 0.975, title, va="top", weight="bold", fontsize=11.0)
            self._clock = self.figure.text(0.012, 0.932, "", va="top", fontsize=9.5)
            self._legend([*self.feeder.handles, *marks])
            self.figure.draw_without_rendering()  # now the feeder has its place
            taken = self.feeder.taken()
            write_names(self.figure, self.ax, self.feeder.shape, taken, over_lines=False)
        moving = sorted(self.feeder.moving, key=lambda one: one.get_zorder())
        self._moving: list[Artist] = [*moving, *self.column.moving, self._clock]
        for artist in self._moving:
            artist.set_animated(True)  # left out where the whole figure is drawn
        self._still = None

    def frame(
        self, states: DeviceStates, clock: str, sections: Sequence[Section], alarm: bool = False
    ) -> NDArray[np.uint8]:
        """Draw one frame.

        Args:
            states: Of the feeder.
            clock: The line below the title.
            sections: Readings.
            alarm: Whether the clock stands in red.

        Returns:
            (height, width, 3)
        """
        self.feeder.show(states)
        self.column.show(sections)
        self._clock.set_text(clock)
        self._clock.set_color(OUTSIDE if alarm else INK)
        with styled():
            if self._still is None:
                self._canvas.draw()
                self._still = self._canvas.copy_from_bbox(self.figure.bbox)
            self._canvas.restore_region(self._still)
            for artist in self._moving:
                self.figure.draw_artist(artist)
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()

    def _colour_bar(self, limits: tuple[float, float]) -> list[Line2D]:
        """The scale of voltage, and handles of what is marked on it."""
        ax = self.figure.add_axes(_BAR)
        bar = self.figure.colorbar(ScalarMappable(self.scale.norm, self.scale.colours), cax=ax)
        bar.set_label("Voltage, phase farthest from 1 p.u. (p.u.)", fontsize=8.5)
        bar.ax.tick_params(labelsize=8.5)
        bar.outline.set_visible(False)
        same = np.allclose(limits, LIMITS_PU)
        words = "limits (ANSI C84.1 range A)" if same else "limits"
        marked = [(limits, "-", words)]
        if not same:
            marked.append((LIMITS_PU, ":", "ANSI C84.1 range A"))
        for pair, style, _ in marked:
            ax.hlines(pair, -0.6, 1.6, color=INK, lw=1.6, ls=style, clip_on=False)
        return [Line2D([], [], color=INK, lw=1.6, ls=ls, label=label) for _, ls, label in marked]

    def _legend(self, handles: Sequence[Line2D]) -> None:
        self.figure.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0.005, 0.005),
            ncols=5,
            fontsize=8.0,
            columnspacing=1.4,
            handletextpad=0.4,
            labelspacing=0.4,
        )
