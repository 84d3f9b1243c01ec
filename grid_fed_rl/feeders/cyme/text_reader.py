"""Text exports: network, equipment and load files, or a folder with them, whatever their names."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from grid_fed_rl.feeders.cyme.assemble import assemble
from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.places import CymeFault, Place, raise_all
from grid_fed_rl.feeders.cyme.text_encoding import decode
from grid_fed_rl.feeders.cyme.text_tables import TextFile, parse

__all__ = ["read_text", "read_text_data"]

_NEEDS = "give the network file (it has a [SECTION] section), with the equipment and load files"


def read_text(
    paths: str | Path | Iterable[str | Path], *, encoding: str | None = None
) -> CymeDataset:
    """Read a text export of CYME, versions 5 to 9, in SI or imperial units.

    Args:
        paths: Files, or a folder. Files are told by their sections, not their names; files of a
            folder that are no CYME export are passed over.
        encoding: What the files are in; without it UTF-8 (with or without a mark), UTF-16 and
            Windows' cp1252 are told apart.

    Raises:
        CymeError: a file cannot be read or is no CYME export, or has faults; lists them all.
    """
    given = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    faults: list[CymeFault] = []
    files: list[tuple[str, bytes]] = []
    optional: set[str] = set()
    for path in given:
        inside = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        for file in inside:
            try:
                files.append((file.name, file.read_bytes()))
            except OSError as error:
                faults.append(CymeFault(Place(str(file)), "", None, f"a file to read: {error}"))
            if path.is_dir():
                optional.add(file.name)
    raise_all(faults)
    return read_text_data(files, encoding=encoding, optional=optional)


def read_text_data(
    files: Sequence[tuple[str, bytes]],
    *,
    encoding: str | None = None,
    optional: Iterable[str] = (),
) -> CymeDataset:
    """Read a text export from names and contents; `optional` files need not be CYME's.

    Raises:
        CymeError: as `read_text`.
    """
    parsed: list[TextFile] = []
    faults: list[CymeFault] = []
    passed_over = set(optional)
    for name, data in files:
        text, wrong = decode(name, data, encoding)
        file = parse(name, text)
        if file.is_cyme and not wrong:
            parsed.append(file)
            faults += file.faults + _units(file)
        elif name not in passed_over or _looks_like_cyme(data):
            faults += wrong or [_foreign(name)]
    if not parsed and not faults:
        faults.append(CymeFault(Place(), "", None, f"a CYME text export: {_NEEDS}"))
    general = [file.general for file in parsed]
    return assemble(
        [table for file in parsed for table in file.tables],
        faults=faults,
        files=tuple(file.name for file in parsed),
        version=_first(general, "cyme_version", "version"),
        date=_first(general, "date"),
        units=parsed[0].units[0][0] if parsed and parsed[0].units else "",
        needs=_NEEDS,
    )


def _units(file: TextFile) -> list[CymeFault]:
    if len({unit for unit, _ in file.units}) == 1:
        return []
    if not file.units:
        place = Place(file.name)
        return [CymeFault(place, "unit header", None, "[SI] or [IMPERIAL] after [GENERAL]")]
    line = next(line for unit, line in file.units if unit != file.units[0][0])
    place = Place(file.name, "", line)
    return [CymeFault(place, "unit header", "[SI] and [IMPERIAL]", "one of them in a file")]


def _looks_like_cyme(data: bytes) -> bool:
    """Whether a file that cannot be decoded was meant: its sections show through."""
    head = data[:4000].replace(b"\0", b"").upper()
    return b"[GENERAL]" in head or b"FORMAT_" in head


def _foreign(name: str) -> CymeFault:
    return CymeFault(
        Place(name),
        "",
        None,
        "a CYME export: [GENERAL] with CYME_VERSION, and sections like [NODE]",
    )


def _first(general: Sequence[dict[str, str]], *keys: str) -> str:
    return next((part[key] for key in keys for part in general if key in part), "")
