"""What a reader cuts a file into: tables of text, each with its place."""

from collections.abc import Sequence
from dataclasses import dataclass

from grid_fed_rl.feeders.cyme.code_tables import Dialect
from grid_fed_rl.feeders.cyme.places import Place

__all__ = ["RawTable"]


@dataclass(frozen=True, slots=True)
class RawTable:
    """Rows of one section, table or kind of element, every cell as text.

    Attributes:
        dialect: Whose codes the cells are in.
        file: The file's name.
        section: The section's, table's or element's name, as the file writes it.
        columns: Names of the columns, as the file writes them.
        rows: Cells, as many in each row as there are columns.
        lines: Each row's line (text, XML) or number (database).
        imperial: Whether figures are in imperial units.
        line: Line of the header.
    """

    dialect: Dialect
    file: str
    section: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]
    imperial: bool = False
    line: int = 0

    def place(self, row: int) -> Place:
        """Where a row stands."""
        return Place(self.file, self.section, self.lines[row])
