"""What the job shows while it runs: progress bars, and sentences that wrap well."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

__all__ = ["bars", "say"]

_WIDEST = 80


@contextmanager
def bars(console: Console) -> Iterator[Progress]:
    """Progress bars, one a task."""
    columns = (
        TextColumn("{task.description:<28}", markup=False),
        BarColumn(bar_width=32),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield progress


def say(console: Console, text: str, style: str = "") -> None:
    """Print a sentence. Lines break at spaces alone, never between a number and its unit.

    Nothing in the text is taken for markup, and a path or another long word stays whole.
    """
    width = min(console.width, _WIDEST)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    console.print(Text("\n".join(lines), style), soft_wrap=True)
