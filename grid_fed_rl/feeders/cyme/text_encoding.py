"""The text of a file whose encoding nobody wrote down."""

import codecs
from collections.abc import Sequence

from grid_fed_rl.feeders.cyme.places import CymeFault, Place

__all__ = ["decode"]

_MARKS: Sequence[tuple[bytes, str]] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_JET = (b"Standard Jet DB", b"Standard ACE DB")


def decode(name: str, data: bytes, encoding: str | None = None) -> tuple[str, list[CymeFault]]:
    """Decode a file: by its byte order mark, else as UTF-8, else as Windows wrote it (cp1252).

    UTF-16 without a mark is known by its zero bytes. An `encoding` overrides all of this.

    Returns:
        The text, with line feeds only, and the faults; with any of these the text is empty.
    """
    if not data.strip():
        return "", [CymeFault(Place(name), "", None, "a CYME export; the file is empty")]
    if data[4:19] in _JET:
        return "", [CymeFault(Place(name), "", None, "a text export; this is a database")]
    if encoding is None:
        encoding = next((e for mark, e in _MARKS if data.startswith(mark)), _by_zeros(data))
    tries = (encoding,) if encoding else ("utf-8", "cp1252")
    problem: UnicodeError | LookupError | None = None
    for attempt in tries:
        try:
            text = data.decode(attempt)
        except (UnicodeError, LookupError) as error:
            problem = problem or error
            continue
        if "\0" in text:
            return "", [_zero(name, text)]
        return text.replace("\r\n", "\n").replace("\r", "\n"), []
    return "", [_undecodable(name, data, tries, problem)]


def _by_zeros(data: bytes) -> str | None:
    """Tell UTF-16 without a mark: every other byte of ASCII is zero."""
    head = data[:400]
    half = len(head) // 2
    if half and head[1::2].count(0) > 0.8 * half:
        return "utf-16-le"
    if half and head[0::2].count(0) > 0.8 * half:
        return "utf-16-be"
    return None


def _zero(name: str, text: str) -> CymeFault:
    line = text.count("\n", 0, text.index("\0")) + 1
    return CymeFault(
        Place(name, "", line),
        "",
        "\0",
        "text; a zero byte means another encoding, or damage",
    )


def _undecodable(
    name: str, data: bytes, tries: Sequence[str], problem: UnicodeError | LookupError | None
) -> CymeFault:
    start = problem.start if isinstance(problem, UnicodeDecodeError) else 0
    byte = data[start : start + 1].hex()
    return CymeFault(
        Place(name, "", data.count(b"\n", 0, start) + 1),
        "encoding",
        f"byte 0x{byte}" if isinstance(problem, UnicodeDecodeError) else str(problem),
        f"text in {' or '.join(tries)}; say `encoding` where it is another",
    )
