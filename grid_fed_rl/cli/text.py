"""Plain text for the console, with nothing but the standard library."""

import argparse
from collections.abc import Sequence
from pathlib import Path

__all__ = ["HelpFormatter", "columns", "picture"]


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions and examples, and gives options room."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=80)


def columns(heading: Sequence[str], rows: Sequence[Sequence[str | int | float]]) -> str:
    """Rows under a heading, in aligned columns: words to the left, numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[n]) for row in [heading, *cells]) for n in range(len(heading))]
    right = [bool(rows) and not isinstance(rows[0][n], str) for n in range(len(heading))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [heading, *cells]
    )


def picture(text: str) -> Path:
    """Type of an argument that names a picture to be written."""
    path = Path(text)
    if path.suffix.lower() != ".png" or path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no file ending in .png")
    return path


def _cell(value: str | int | float) -> str:
    return value if isinstance(value, str) else f"{value:,}"
