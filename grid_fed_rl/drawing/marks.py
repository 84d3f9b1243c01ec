"""What stands on a feeder, as marks; voltage as colour; names where there is room."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from grid_fed_rl.drawing.shape import FeederShape
from grid_fed_rl.drawing.style import INK, OUTSIDE

__all__ = [
    "DEAD",
    "DOTS_UP_TO",
    "MARKS",
    "WHITE_EDGE",
    "Mark",
    "VoltageScale",
    "mark_handle",
    "voltage_scale",
    "write_names",
]

DEAD = "#e0e0e0"  # without voltage
DOTS_UP_TO = 600  # buses; beyond, lines alone say more
WHITE_EDGE = [withStroke(linewidth=2.0, foreground="white")]  # words over lines stay legible

_NAMES_UP_TO = 45  # buses
_CORNERS = (  # offset in points and alignment of a name, the likeliest to be free first
    ((5, 5), "left", "bottom"),
    ((5, -5), "left", "top"),
    ((-5, 5), "right", "bottom"),
    ((-5, -5), "right", "top"),
)


class VoltageScale(NamedTuple):
    """Voltage as colour."""

    colours: LinearSegmentedColormap
    norm: Normalize  # per unit


def voltage_scale(limits: tuple[float, float], span_pu: float) -> VoltageScale:
    """Grey at nominal, blue at the lower limit, orange at the upper, darker beyond.

    Grey in the middle, not white, which would vanish on paper.

    Args:
        limits: Lower and upper limit, per unit.
        span_pu: Half width of the scale around 1 p.u.
    """
    norm = Normalize(1.0 - span_pu, 1.0 + span_pu)
    low, high = (float(share) for share in norm(np.array(limits)))
    middle = (0.5, "#a8a8a8")
    if not low < 0.5 < high:  # both limits on one side of nominal
        middle = ((low + high) / 2.0, "#a8a8a8")
    ends = [(low, "#0072B2"), middle, (high, "#D55E00")]
    if low > 0.0:
        ends.insert(0, (0.0, "#001a4d"))
    if high < 1.0:
        ends.append((1.0, "#5c0f00"))
    within = [(min(max(share, 0.0), 1.0), colour) for share, colour in ends]
    return VoltageScale(LinearSegmentedColormap.from_list("voltage", within, N=512), norm)


class Mark(NamedTuple):
    """How one kind of element is marked."""

    text: str
    marker: str
    size: float
    face: str
    edge: str


MARKS = {
    "source": Mark("source", "*", 15.0, "#F0E442", INK),
    "regulator": Mark("regulator", "D", 8.0, "#CC79A7", INK),
    "capacitor": Mark("capacitor", "v", 9.0, "#009E73", INK),
    "closed": Mark("closed switch", "s", 5.5, INK, INK),
    "open": Mark("open switch", "s", 6.5, "white", OUTSIDE),
}


def mark_handle(mark: Mark) -> Line2D:
    """A mark for a legend."""
    return Line2D(
        [],
        [],
        ls="",
        marker=mark.marker,
        ms=mark.size,
        mfc=mark.face,
        mec=mark.edge,
        label=mark.text,
    )


def write_names(
    figure: Figure,
    ax: Axes,
    shape: FeederShape,
    taken: Iterable[Bbox] = (),
    *,
    over_lines: bool = True,
) -> list[Annotation]:
    """Names of buses where there is room: beside the bus, over no other name.

    A corner without a branch in it is taken before one with.

    Args:
        figure: What is drawn on.
        ax: Its part with the feeder.
        shape: The feeder; one with many buses gets no names.
        taken: Where no name may stand, in pixels.
        over_lines: Whether a name may stand over a branch where it has no other place.

    Returns:
        The names that were written.
    """
    if len(shape.feeder.buses) > _NAMES_UP_TO:
        return []
    figure.draw_without_rendering()  # now it is known how large everything is
    renderer = figure.canvas.get_renderer()  # pyright: ignore[reportAttributeAccessIssue]
    lines = _points_along(ax, shape)
    boxes, names = list(taken), []
    for bus in shape.feeder.buses:
        found: list[tuple[bool, int, Bbox]] = []
        for k in range(len(_CORNERS)):
            text = _name(ax, shape, bus, k)
            box = text.get_window_extent(renderer)
            text.remove()
            if not any(box.padded(3.0).overlaps(other) for other in boxes):
                crossed = ((lines > box.min) & (lines < box.max)).all(axis=1).any()
                if over_lines or not crossed:
                    found.append((bool(crossed), k, box))
        if found:
            _, k, box = min(found, key=lambda one: one[:2])
            boxes.append(box.padded(3.0))
            names.append(_name(ax, shape, bus, k))
    return names


def _name(ax: Axes, shape: FeederShape, bus: str, corner: int) -> Annotation:
    offset, ha, va = _CORNERS[corner]
    return ax.annotate(
        bus,
        shape.at(bus),
        offset,
        textcoords="offset points",
        fontsize=7.5,
        color=INK,
        path_effects=WHITE_EDGE,
        ha=ha,
        va=va,
    )


def _points_along(ax: Axes, shape: FeederShape) -> NDArray[np.float64]:
    """(point, xy) of every branch, in pixels, close enough that none passes a name unseen."""
    share = np.linspace(0.0, 1.0, 101)[:, None, None]
    first, last = shape.segments[:, 0], shape.segments[:, 1]
    return ax.transData.transform(((1.0 - share) * first + share * last).reshape(-1, 2))
