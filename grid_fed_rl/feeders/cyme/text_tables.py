"""Sections, FORMAT lines and rows of one text export.

The parser knows nothing of what a section means, but for three things: the preamble, the lines
``FEEDER=...`` that say which network the following sections belong to, and [LINE CONFIGURATION],
whose rows are overhead lines or cables as their own column says.
"""

import csv
from dataclasses import dataclass, field

from grid_fed_rl.feeders.cyme.all_kinds import kind_of
from grid_fed_rl.feeders.cyme.ignored import is_ignored_section
from grid_fed_rl.feeders.cyme.kinds import section_name, simplify
from grid_fed_rl.feeders.cyme.places import CymeFault, Place
from grid_fed_rl.feeders.cyme.raw import RawTable

__all__ = ["TextFile", "parse"]

_CONTEXTS = {
    "feeder": "FEEDER",
    "substation": "NETWORK SUBSTATION",
    "generalnetwork": "GENERAL NETWORK",
}
_UNITS = {"si": "SI", "imperial": "IMPERIAL"}


@dataclass(slots=True)
class _Block:
    """Rows under one FORMAT line."""

    section: str
    columns: tuple[str, ...]
    line: int
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(slots=True)
class TextFile:
    """What one file says: its preamble and its sections."""

    name: str
    general: dict[str, str] = field(default_factory=dict)
    units: list[tuple[str, int]] = field(default_factory=list)  # with the line
    sections: list[str] = field(default_factory=list)
    blocks: list[_Block] = field(default_factory=list)
    faults: list[CymeFault] = field(default_factory=list)

    @property
    def is_cyme(self) -> bool:
        """Whether any section is one of CYME's."""
        known = (s for s in self.sections if kind_of(s, "text") or is_ignored_section(s))
        return any(known) or any("version" in key for key in self.general)

    @property
    def tables(self) -> list[RawTable]:
        """The sections' rows, in the units of the file."""
        imperial = bool(self.units) and self.units[0][0] == "IMPERIAL"
        return [
            RawTable(
                "text", self.name, b.section, b.columns, b.rows, b.lines, imperial, line=b.line
            )
            for b in self.blocks
        ]


def parse(name: str, text: str) -> TextFile:
    """Cut the text of a file into sections and rows; faults are in the result."""
    return _Parser(TextFile(name)).run(text)


class _Parser:
    def __init__(self, file: TextFile) -> None:
        self.file = file
        self.section = ""
        self.block: _Block | None = None
        self.contexts: dict[str, _Block] = {}  # by the name before "="
        self.network = ""
        self.told: set[str] = set()  # sections whose rows have no FORMAT line

    def run(self, text: str) -> TextFile:
        for number, line in enumerate(text.split("\n"), start=1):
            if not line or line.isspace():
                continue
            first = line[0]
            if first == "[" and self._header(line.strip(), number):
                continue
            if first in "Ff" and line[:7].upper() == "FORMAT_":
                self._format(line, number)
            elif self.section == "general":
                key, _, value = line.partition("=")
                self.file.general[key.strip().lower()] = value.strip()
            else:
                self._row(line, number)
        self._finish()
        return self.file

    def _fault(self, line: int, expected: str, field: str = "", value: object = None) -> None:
        section = self.file.sections[-1] if self.file.sections else ""
        place = Place(self.file.name, f"[{section}]" if section else "", line)
        self.file.faults.append(CymeFault(place, field, value, expected))

    def _header(self, line: str, number: int) -> bool:
        if not line.endswith("]"):
            if "," in line:
                return False
            self._fault(number, "a section header with a closing bracket", "header", line)
            self.section, self.block = "", None
            return True
        title = line[1:-1].strip()
        self.section, self.block, self.contexts = section_name(title), None, {}
        if self.section in _UNITS:
            self.file.units.append((_UNITS[self.section], number))
        elif self.section != "general":
            self.file.sections.append(title)
        return True

    def _format(self, line: str, number: int) -> None:
        head, equals, tail = line.partition("=")
        columns = tuple(name.strip() for name in tail.split(","))
        if not equals or not any(columns):
            self._fault(number, "FORMAT_NAME=column,column,...", "FORMAT", line.strip()[:60])
            return
        if not self.file.sections:
            self._fault(number, "a section header before it", "FORMAT", line.strip()[:60])
            return
        name = simplify(head[7:])
        if self.section == "section" and name in _CONTEXTS:
            self.contexts[name] = _Block(_CONTEXTS[name], columns, number)
            self.file.blocks.append(self.contexts[name])
            return
        self.block = _Block(self.file.sections[-1], columns, number)
        if self.section == "section" and "networkid" not in map(simplify, columns):
            self.block.columns += ("NetworkID",)
        self.file.blocks.append(self.block)

    def _row(self, line: str, number: int) -> None:
        if '"' in line:
            cells = self._quoted(line, number)
            if cells is None:
                return
        else:
            cells = line.split(",")
        if self.section == "section" and "=" in cells[0]:
            name = simplify(cells[0].partition("=")[0])
            if name in _CONTEXTS:
                cells[0] = cells[0].partition("=")[2]
                self._context(name, cells, number)
                return
        block = self.block
        if block is None:
            if self.section not in self.told:
                self.told.add(self.section)
                self._fault(number, "a FORMAT_ line with the columns' names before any row")
            return
        if self.section == "section" and block.columns[-1] == "NetworkID":
            cells.append(self.network)
        self._add(block, cells, number)

    def _quoted(self, line: str, number: int) -> list[str] | None:
        try:
            return next(csv.reader([line], strict=True))
        except csv.Error:
            self._fault(number, "a closing quotation mark", "row", line.strip()[:60])
            return None

    def _context(self, name: str, cells: list[str], number: int) -> None:
        self.network = cells[0].strip()
        block = self.contexts.get(name)
        if block is None:
            self._fault(number, f"a FORMAT_{name.upper()} line before it", name, self.network)
            return
        wanted = [simplify(column) for column in block.columns]
        if self._add(block, cells, number) and "networkid" in wanted:
            self.network = cells[wanted.index("networkid")].strip()

    def _add(self, block: _Block, cells: list[str], number: int) -> bool:
        """Add a row of as many cells as there are columns; a fault where it has not as many."""
        size = len(block.columns)
        if len(cells) > size:
            if simplify(block.columns[-1]) == "comments":
                cells[size - 1 :] = [",".join(cells[size - 1 :])]
            elif not any(cell.strip() for cell in cells[size:]):
                del cells[size:]
        if len(cells) != size:
            short = "; the file may be cut off here" if len(cells) < size else ""
            expected = f"{size} values, as the FORMAT line {block.line} has columns{short}"
            self._fault(number, expected, "row", f"{len(cells)} values")
            return False
        block.rows.append(cells)
        block.lines.append(number)
        return True

    def _finish(self) -> None:
        split = [part for block in self.file.blocks for part in _by_construction(block)]
        self.file.blocks = split


def _by_construction(block: _Block) -> list[_Block]:
    """Split [LINE CONFIGURATION], which has overhead lines and cables in one table."""
    if section_name(block.section) != "lineconfiguration":
        return [block]
    names = [simplify(column) for column in block.columns]
    if "overhead" not in names or "sectionid" not in names:
        return [block]
    overhead, section = names.index("overhead"), names.index("sectionid")
    parts = {
        flag: _Block(title, block.columns, block.line)
        for flag, title in ((True, "OVERHEADLINE SETTING"), (False, "UNDERGROUNDLINE SETTING"))
    }
    numbered = "devicenumber" in names
    for row, line in zip(block.rows, block.lines, strict=True):
        part = parts[row[overhead].strip() not in ("0", "")]
        part.rows.append(row if numbered else [*row, row[section]])
        part.lines.append(line)
    for part in parts.values():
        if not numbered:
            part.columns += ("DeviceNumber",)
    return list(parts.values())
