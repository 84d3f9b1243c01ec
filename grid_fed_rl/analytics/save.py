"""A figure as a file, whole or not at all."""

from pathlib import Path

from matplotlib.figure import Figure

from grid_fed_rl.analytics.runs import write_atomic
from grid_fed_rl.drawing.style import png_bytes

__all__ = ["save_png"]


def save_png(figure: Figure, path: Path, dpi: float = 150.0) -> None:
    """Write the figure as a PNG file, whole or not at all."""
    write_atomic(path, png_bytes(figure, dpi))
