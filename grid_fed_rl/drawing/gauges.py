"""A column of readings: sections, and in them rows of a name, a gauge and words."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.text import Text

from grid_fed_rl.drawing.readings import Section
from grid_fed_rl.drawing.style import INK, OUTSIDE, QUIET

__all__ = ["GaugeColumn"]

_ROW_PX, _GAP, _LEAST_PX = 20.0, 0.6, 14.0  # height of a row, between sections (rows), and least
_GAUGE = (0.37, 0.58)  # where gauges begin and end, of the width
_LONGEST = 14  # letters of a name
_FILL, _EMPTY = "#0072B2", "#ececec"


class GaugeColumn:
    """Rows on an axes of their own; names are drawn once, readings every time.

    Args:
        ax: Where to draw; its limits are set here.
        height_px: Its height.
        sections: What is shown first; later ones have the same titles and names.

    Attributes:
        moving: Artists that change from frame to frame.
    """

    moving: list[Artist]

    def __init__(self, ax: Axes, height_px: float, sections: Sequence[Section]) -> None:
        sections = [section for section in sections if section.names]
        wanted = sum(len(s.names) + 1 + _GAP for s in sections)
        row_px = min(_ROW_PX, max(_LEAST_PX, height_px / max(wanted, 1.0)))
        room = _rows_shown(sections, height_px / row_px)
        ax.set_axis_off()
        ax.set_xlim(0.0, 1.0)
        ax.set_ylim(height_px / row_px, 0.0)
        self._y: list[list[float]] = []
        self._words: list[list[Text]] = []
        y = 0.0
        for section, shown in zip(sections, room, strict=True):
            _write(ax, 0.0, y + 0.5, section.title, weight="bold", fontsize=8.5)
            ax.plot([0.0, 1.0], [y + 0.98] * 2, color=QUIET, lw=0.6)
            rows = [y + 1.5 + k for k in range(shown)]
            for name, here in zip(section.names, rows, strict=False):
                _write(ax, 0.0, here, _short(name), fontsize=8.0)
            y += 1.0 + shown
            if rest := len(section.names) - shown:
                _write(ax, 0.0, y + 0.5, f"and {rest} more", fontsize=8.0, color=QUIET)
                y += 1.0
            y += _GAP
            self._y.append(rows)
            self._words.append(
                [_write(ax, 1.0, here, "", fontsize=8.0, ha="right") for here in rows]
            )
        gauged = self._boxes(sections, full=True)
        ax.add_collection(PolyCollection(gauged, facecolors=_EMPTY, edgecolors="none"))
        for section, rows in zip(sections, self._y, strict=True):
            if 0.0 < section.origin < 1.0:
                x = _GAUGE[0] + section.origin * (_GAUGE[1] - _GAUGE[0])
                ax.vlines([x] * len(rows), *_around(rows, 0.4), color=QUIET, lw=0.8)
        self._fills = PolyCollection([], facecolors=_FILL, edgecolors="none")
        ax.add_collection(self._fills)
        self.moving = [self._fills, *(text for texts in self._words for text in texts)]

    def show(self, sections: Sequence[Section]) -> None:
        """Set the readings."""
        sections = [section for section in sections if section.names]
        self._fills.set_verts(self._boxes(sections, full=False))
        for section, texts in zip(sections, self._words, strict=True):
            for reading, text in zip(section.readings, texts, strict=False):
                text.set_text(reading.words)
                text.set_color(OUTSIDE if reading.alarm else INK)
                text.set_fontweight("bold" if reading.alarm else "normal")

    def _boxes(self, sections: Sequence[Section], full: bool) -> list[np.ndarray]:
        """Corners of the gauges, or of what is filled of them."""
        left, right = _GAUGE
        boxes = []
        for section, rows in zip(sections, self._y, strict=True):
            for reading, y in zip(section.readings, rows, strict=False):
                if reading.share is None:
                    continue
                ends = (0.0, 1.0) if full else sorted((section.origin, reading.share))
                x_1, x_2 = (left + min(max(end, 0.0), 1.0) * (right - left) for end in ends)
                boxes.append(
                    np.array([(x_1, y - 0.3), (x_2, y - 0.3), (x_2, y + 0.3), (x_1, y + 0.3)])
                )
        return boxes


def _rows_shown(sections: Sequence[Section], room: float) -> list[int]:
    """How many rows of each section there is room for: the longest give way first."""
    shown = [len(section.names) for section in sections]
    full = list(shown)
    while shown and max(shown) > 1:
        dropped = sum(n < m for n, m in zip(shown, full, strict=True))
        if sum(shown) + dropped + len(shown) * (1.0 + _GAP) <= room:
            break
        shown[shown.index(max(shown))] -= 1
    return shown


def _around(rows: Sequence[float], half: float) -> tuple[list[float], list[float]]:
    return [y - half for y in rows], [y + half for y in rows]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _write(ax: Axes, x: float, y: float, words: str, **look: object) -> Text:
    return ax.text(x, y, words, va="center_baseline", **look)  # pyright: ignore
