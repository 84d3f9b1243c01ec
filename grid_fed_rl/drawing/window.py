"""A window that shows one frame after the other."""

import os
import time

from matplotlib import pyplot
from matplotlib.backends.registry import backend_registry
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from grid_fed_rl.errors import TaskError

__all__ = ["Window"]

_DPI = 100.0


class Window:
    """A matplotlib window, opened with the first frame and again if it was closed.

    A backend without windows, which matplotlib falls back to where there is no
    display, is refused unless the variable MPLBACKEND asks for it.

    Args:
        title: Of the window.
        fps: Most frames a second.
    """

    def __init__(self, title: str, fps: float) -> None:
        self._title, self._fps = title, fps
        self._figure: Figure | None = None
        self._image: AxesImage | None = None
        self._shown_s = 0.0

    def show(self, frame: NDArray) -> None:
        """Show a frame, (height, width, 3), once the one before had its time.

        Raises:
            TaskError: there is no display.
        """
        if self._image is None or self._figure not in _open_figures():
            self._figure, self._image = self._opened(frame)
        assert self._figure is not None
        self._image.set_data(frame)
        if not _has_windows():
            self._figure.canvas.draw()
            return
        self._figure.canvas.draw_idle()
        rest_s = 1.0 / self._fps - (time.monotonic() - self._shown_s)
        self._figure.canvas.start_event_loop(max(rest_s, 0.001))  # draws, and answers the mouse
        self._shown_s = time.monotonic()

    def close(self) -> None:
        """Close the window."""
        if self._figure is not None:
            pyplot.close(self._figure)
        self._figure = self._image = None

    def _opened(self, frame: NDArray) -> tuple[Figure, AxesImage]:
        if not _has_windows() and "MPLBACKEND" not in os.environ:
            raise TaskError(
                f"render_mode is 'human' and there is no display: matplotlib chose the backend "
                f"{pyplot.get_backend()!r}, which has no windows; use 'rgb_array', or set "
                f"MPLBACKEND=agg to draw without a window"
            )
        height, width, _ = frame.shape
        figure = pyplot.figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
        if figure.canvas.manager is not None:
            figure.canvas.manager.set_window_title(self._title)
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        ax.set_axis_off()
        image = ax.imshow(frame)
        if _has_windows():
            figure.show()
        return figure, image


def _open_figures() -> list[Figure]:
    return [pyplot.figure(number) for number in pyplot.get_fignums()]


def _has_windows() -> bool:
    """Whether the backend of pyplot opens windows."""
    _, framework = backend_registry.resolve_backend(pyplot.get_backend())
    return framework is not None
