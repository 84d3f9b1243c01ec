"""How every figure looks, and what it is as SVG and PNG.

Figures are objects of their own; pyplot and its global state are not used.
Phases have the same colours everywhere, from the palette of Okabe and Ito
("Color universal design", 2008), which colour-blind readers can tell apart.
"""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.typing import RcKeyType
from numpy.typing import NDArray

__all__ = [
    "INK",
    "LIMITS_PU",
    "OUTSIDE",
    "PHASES",
    "QUIET",
    "mark_limits",
    "new_figure",
    "pixels_png",
    "png_bytes",
    "styled",
    "svg_text",
]

LIMITS_PU = (0.95, 1.05)  # ANSI C84.1, range A, service voltage

INK, QUIET, OUTSIDE = "#222222", "#8a8a8a", "#b3261e"
PHASES = {1: ("A", "#0072B2"), 2: ("B", "#D55E00"), 3: ("C", "#009E73")}
_STYLE: dict[RcKeyType, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so it is the same everywhere
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "grid-fed-rl",  # the same figure gives the same file
}


def svg_text(figure: Figure) -> str:
    """The figure as SVG, text as outlines, the same for the same figure."""
    buffer = io.StringIO()
    with styled():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def png_bytes(figure: Figure, dpi: float = 150.0) -> bytes:
    """The figure as PNG."""
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def pixels_png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels of (height, width, 3) as PNG."""
    buffer = io.BytesIO()
    imsave(buffer, pixels, format="png", metadata={"Software": ""})
    return buffer.getvalue()


def styled() -> AbstractContextManager[None]:
    """The look, for as long as a figure is drawn or written."""
    return matplotlib.rc_context(_STYLE)


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure whose parts make room for each other; make it while `styled`."""
    room = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06)
    figure = Figure(figsize=(width_in, height_in), layout=room)
    FigureCanvasAgg(figure)
    return figure


def mark_limits(ax: Axes, limits: Sequence[float]) -> None:
    """Draw the limits and shade what lies outside, without changing the view for it."""
    low, high = ax.get_ylim()
    low, high = min(low, limits[0] - 0.01), max(high, limits[1] + 0.01)
    for limit, edge in zip(limits, (low - 1.0, high + 1.0), strict=True):
        ax.axhspan(limit, edge, color=OUTSIDE, alpha=0.06, linewidth=0)
        ax.axhline(limit, color=OUTSIDE, linewidth=0.9, linestyle=(0, (4, 2)))
    ax.set_ylim(low, high)
