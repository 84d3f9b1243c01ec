"""A copy of a script tree that OpenDSS can read on any system and that writes nothing.

OpenDSS takes file names as they are, so that scripts from Windows fail on Linux
where only the case of a name differs. Its reports and plots write files beside
the script. So every script is copied to a folder of its own, with the files it
names found whatever their case and written out whole, and with the commands
that only report left out. Lines keep their numbers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grid_fed_rl.errors import FeederError

__all__ = ["Staged", "stage"]

# OpenDSS takes any beginning of a command; shorter ones than these are too many
# things to be sure of.
_INCLUDES = ("redirect", "compile")
_COORDINATES = ("buscoords", "latlongcoords")
_REPORTS = (
    "show", "export", "plot", "dump", "visualize", "save", "fileedit", "formedit",
    "closedi", "di_plot", "panel", "about", "help", "cd", "dos", "quit",
)  # fmt: skip
_SHORTEST = 4

_WORD = re.compile(r"\s*([a-z_]+)\b\s*=?\s*(.*)", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r"""(?:\w+\s*=\s*)?("[^"]*"|'[^']*'|\([^)]*\)|\[[^\]]*\]|\{[^}]*\}|[^\s,!]+)""")
_FILE = re.compile(
    r"""\b(\w*file)\s*=\s*("[^"]*"|'[^']*'|[^\s,()\[\]{}"']+)""",
    re.IGNORECASE,
)
# OpenDSS dies of what it cannot hold, without a word.
_CONDUCTORS = re.compile(r"\b(?:n?phases|nconds|windings)\s*=\s*(\d+)", re.IGNORECASE)
_MOST = 100
_DATAPATH = re.compile(
    r"""\b(?:datapath|datap|editor)\s*=\s*("[^"]*"|'[^']*'|\([^)]*\)|\S+)""", re.IGNORECASE
)


@dataclass
class Staged:
    """The copy: where it starts, and which script each file of it is a copy of."""

    folder: Path
    master: Path
    without_solve: bool = False
    origin: dict[str, Path] = field(default_factory=dict)

    def explain(self, message: str) -> str:
        """OpenDSS's message with the user's own files in it."""
        for copy, original in self.origin.items():
            message = message.replace(copy, str(original))
        return re.sub(r'\s*\[file: "(.*?)", line: (\d+)\]', r"\n  in \1, line \2", message).strip()


def stage(path: Path, folder: Path, *, without_solve: bool = False) -> Staged:
    """Copy a script and all that it includes.

    Args:
        path: The script to begin with.
        folder: An empty folder to copy to.
        without_solve: Leave out the script's own ``solve`` commands.

    Raises:
        FeederError: a file is not there, cannot be read, or includes itself.
    """
    staged = Staged(folder, folder, without_solve)
    staged.master = _copy(path.resolve(), staged, ())
    return staged


def _copy(path: Path, staged: Staged, above: tuple[Path, ...]) -> Path:
    if path in above:
        raise FeederError(f"script {path} includes itself, by way of {above[-1]}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FeederError(f"script {path}: cannot be read: {error.strerror}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:  # of an older Windows: any byte is a character of Latin-1
        text = content.decode("latin-1")
    copy = staged.folder / f"{len(staged.origin):04d}.dss"
    staged.origin[str(copy)] = path
    lines = list(_lines(text, path, staged, (*above, path)))
    copy.write_text("\n".join(lines), encoding="utf-8")
    return copy


def _lines(text: str, path: Path, staged: Staged, above: tuple[Path, ...]) -> Iterator[str]:
    in_comment = False
    for number, line in enumerate(text.splitlines(), start=1):
        if in_comment or line.lstrip().startswith("/*"):
            in_comment = "*/" not in line
            yield line
        else:
            yield _line(line, path, number, staged, above)


def _begins(word: str, commands: tuple[str, ...]) -> bool:
    return any(
        command == word or (len(word) >= _SHORTEST and command.startswith(word))
        for command in commands
    )


def _line(line: str, path: Path, number: int, staged: Staged, above: tuple[Path, ...]) -> str:
    for many in _CONDUCTORS.finditer(line):
        if int(many[1]) > _MOST:
            raise FeederError(
                f"script {path}, line {number}: {many[0]!r}; expected {_MOST} or less"
            )
    match = _WORD.match(line)
    word = match[1].lower() if match else ""
    if match is None or word == "rem":
        return line
    if _begins(word, _REPORTS) or (staged.without_solve and _begins(word, ("solve",))):
        return f"! {line}"
    if _begins(word, _INCLUDES) or _begins(word, _COORDINATES):
        named = _NAME.match(match[2])
        if named is None:
            return line
        name = named[1].strip("\"'()[]{}").strip()
        found = _find(name, path, staged)
        if found is None:
            raise FeederError(
                f"script {path}, line {number}: {line.strip()!r}: no file {name!r} beside it, "
                f"in any case"
            )
        if _begins(word, _INCLUDES):
            found = _copy(found, staged, above)
        return f'{word} "{found}"'
    if word == "set":
        return _DATAPATH.sub("", line)
    return _FILE.sub(lambda m: _written_out(m, path, staged), line)


def _written_out(match: re.Match[str], path: Path, staged: Staged) -> str:
    found = _find(match[2].strip("\"'"), path, staged)
    return match[0] if found is None else f'{match[1]}="{found}"'


def _find(name: str, script: Path, staged: Staged) -> Path | None:
    """The file of that name beside a script or beside the first one, in any case."""
    first = next(iter(staged.origin.values()))
    parts = Path(name.replace("\\", "/"))
    for folder in dict.fromkeys((script.parent, first.parent)):
        found = _in_any_case(folder, parts)
        if found is not None:
            return found
    return None


def _in_any_case(folder: Path, name: Path) -> Path | None:
    exact = folder / name
    if exact.is_file():
        return exact.resolve()
    if name.is_absolute():
        return None
    here = folder
    for part in name.parts:
        if part == ".." or (here / part).exists():
            here = here / part
            continue
        matches = [p for p in _listing(here) if p.name.lower() == part.lower()]
        if not matches:
            return None
        here = min(matches)
    return here.resolve() if here.is_file() else None


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
