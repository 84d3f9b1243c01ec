"""A dataset from a CYME export, whichever format it is in."""

from pathlib import Path

from grid_fed_rl.feeders.cyme.dataset import CymeDataset
from grid_fed_rl.feeders.cyme.places import CymeFault, Place, raise_all
from grid_fed_rl.feeders.cyme.text_reader import read_text

__all__ = ["read_dataset"]

_JET = (b"Standard Jet DB", b"Standard ACE DB")


def read_dataset(path: str | Path, *, encoding: str | None = None) -> CymeDataset:
    """Read a text export (a folder, or a file with everything), a database or a study as XML.

    The format is told by the content, not by the name. `encoding` is that of text exports.

    Raises:
        CymeError: the path cannot be read or is no CYME export, or has faults; lists them all.
    """
    path = Path(path)
    if path.is_dir():
        return read_text(path, encoding=encoding)
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise_all([CymeFault(Place(str(path)), "", None, f"a file or folder to read: {error}")])
        raise
    if head[4:19] in _JET:
        from grid_fed_rl.feeders.cyme.mdb_reader import read_mdb

        return read_mdb(path)
    if head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
        from grid_fed_rl.feeders.cyme.xml_reader import read_xml

        return read_xml(path)
    return read_text(path, encoding=encoding)
