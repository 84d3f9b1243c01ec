"""CYME exports gone wrong: what `fuzz_cyme` and the tests feed to the readers.

A case is a kind of file and its contents, and follows from its seed alone. Samples are the test
fixtures, and other exports that are named, thinned to a few sections first: small cases are quick,
and a missing section is a mutation too.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["Case", "Samples", "draw"]

FIXTURES = Path(__file__).resolve().parents[1] / "tests" / "feeders" / "cyme" / "fixtures"

_NASTY = (
    *("", " ", "NULL", "NONE", "0", "-1", "1e999", "nan", "inf", "1_000", "0x10", "1,5", '"'),
    *('""', "99", "A", "AN", "ABCN", "CBA", "N\u0130", "\u00e9", "\u2028", "\x85", "\x0b", "\x00"),
    *("=", "a=b", "[", "]", "[SI]", "[IMPERIAL]", "FORMAT_", "FORMAT_X=", "FEEDER=", "FEEDER=X"),
    *("9" * 400, "1" * 5000, "-0.0", "1e308", "1e-320", "DEFAULT", "default", "<", ">", "&"),
    *("&amp;", "&x;", "<!--", "<![CDATA[", "]]>", "<a/>", "</a>", "\ufeff", "\ud7ff"),
    *("\U0001f50c", "\u0663", "\u00b2"),
)
_CODECS = ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "utf-32")


@dataclass(frozen=True, slots=True)
class Case:
    """Files by name, and whether they are XML."""

    xml: bool
    files: tuple[tuple[str, bytes], ...]


class Samples:
    """Exports and studies, whole and thinned."""

    def __init__(self, others: Sequence[Path] = (), thinned: int = 60) -> None:
        """Read the fixtures and other text exports (a folder each), and thin each often."""
        rng = random.Random("samples")
        exports = [
            [(f.name, f.read_text(encoding="utf-8")) for f in sorted(folder.glob("*.txt"))]
            for folder in (FIXTURES / "every_device", *others)
        ]
        studies = [f.read_text(encoding="utf-8") for f in sorted(FIXTURES.glob("*.sxst"))]
        self.texts = exports + [
            [(name, _thin_text(rng, text)) for name, text in export]
            for export in exports
            for _ in range(thinned)
        ]
        self.studies = studies + [_thin_study(rng, s) for s in studies for _ in range(thinned)]


def draw(samples: Samples, seed: str) -> Case:
    """Draw the case of a seed."""
    rng = random.Random(seed)
    if rng.random() < 0.3:
        text = _mutate(rng, rng.choice(samples.studies), xml=True)
        return Case(True, (("study.sxst", _encode(rng, text)),))
    files: list[tuple[str, bytes]] = []
    for name, text in rng.choice(samples.texts):
        if rng.random() < 0.05:
            continue
        changed = _mutate(rng, text, xml=False) if rng.random() < 0.6 else text
        files.append((name, _encode(rng, changed)))
    return Case(False, tuple(files))


def _thin_text(rng: random.Random, text: str) -> str:
    sections = re.split(r"(?m)^(?=\[)", text)
    head = [s for s in sections[:3] if s]
    rest = sections[3:]
    core = ("[NODE]", "[SECTION]")
    share = rng.choice((0.05, 0.2))
    short: list[str] = []
    for section in rest:
        if section.startswith(core):
            short.append(section)
            continue
        if rng.random() >= share:
            continue
        lines = section.split("\n")
        few = [
            line
            for line in lines
            if line.startswith(("[", "FORMAT_", "FEEDER=", "SUBSTATION=")) or rng.random() < 0.3
        ]
        short.append("\n".join(few) + "\n\n")
    return "".join(head + short)


def _thin_study(rng: random.Random, text: str) -> str:
    share = rng.choice((0.8, 0.97))
    root = ElementTree.fromstring(text)
    for holder in root.iter():
        if len(holder) > 3:
            for child in list(holder):
                thin = child.tag == "Section" or child.tag.endswith("DB")
                if thin and rng.random() < share:
                    holder.remove(child)
    return ElementTree.tostring(root, encoding="unicode")


def _encode(rng: random.Random, text: str) -> bytes:
    codec = "utf-8" if rng.random() < 0.85 else rng.choice(_CODECS)
    data = bytearray(text.encode(codec, "replace"))
    if rng.random() < 0.15:
        for _ in range(rng.randint(1, 8)):
            _damage(rng, data)
    return bytes(data)


def _damage(rng: random.Random, data: bytearray) -> None:
    if not data:
        return
    at = rng.randrange(len(data))
    how = rng.randrange(4)
    if how == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif how == 1:
        data[at] = rng.randrange(256)
    elif how == 2:
        del data[at : at + rng.randint(1, 40)]
    else:
        data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))


def _mutate(rng: random.Random, text: str, *, xml: bool) -> str:
    ways: Sequence[Callable[[random.Random, str], str]] = _LINE_WAYS + (
        _XML_WAYS if xml else _TEXT_WAYS
    )
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        text = rng.choice(ways)(rng, text)
    return text


# ---- ways for any text ------------------------------------------------------------


def _lines(
    change: Callable[[random.Random, list[str], int], None],
) -> Callable[[random.Random, str], str]:
    def way(rng: random.Random, text: str) -> str:
        lines = text.split("\n")
        change(rng, lines, rng.randrange(len(lines)))
        return "\n".join(lines)

    return way


def _drop(rng: random.Random, lines: list[str], at: int) -> None:
    del lines[at : at + rng.choice((1, 1, 3, 20))]


def _double(rng: random.Random, lines: list[str], at: int) -> None:
    lines[at:at] = lines[at : at + rng.choice((1, 1, 3))]


def _swap(rng: random.Random, lines: list[str], at: int) -> None:
    other = rng.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]


def _foreign(rng: random.Random, lines: list[str], at: int) -> None:
    lines.insert(at, rng.choice(_NASTY))


def _cut(rng: random.Random, text: str) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _insert(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(_NASTY) + text[at:]


def _erase(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + text[at + rng.randint(1, 30) :]


_LINE_WAYS: tuple[Callable[[random.Random, str], str], ...] = (
    _lines(_drop),
    _lines(_double),
    _lines(_swap),
    _lines(_foreign),
    _cut,
    _insert,
    _erase,
)


# ---- ways for text exports --------------------------------------------------------


def _cell(rng: random.Random, lines: list[str], at: int) -> None:
    cells = lines[at].split(",")
    cells[rng.randrange(len(cells))] = rng.choice(_NASTY)
    lines[at] = ",".join(cells)


def _shuffle(rng: random.Random, lines: list[str], at: int) -> None:
    formats = [i for i, line in enumerate(lines) if line.startswith("FORMAT_")] or [at]
    at = rng.choice(formats)
    head, equals, tail = lines[at].partition("=")
    columns = tail.split(",")
    how = rng.randrange(4)
    if how == 0:
        rng.shuffle(columns)
    elif how == 1:
        columns.pop(rng.randrange(len(columns)))
    elif how == 2:
        columns[rng.randrange(len(columns))] = rng.choice(columns)
    else:
        columns.append(rng.choice(_NASTY))
    lines[at] = head + equals + ",".join(columns)


def _quote(rng: random.Random, lines: list[str], at: int) -> None:
    cells = lines[at].split(",")
    i = rng.randrange(len(cells))
    cells[i] = f'"{cells[i]}{rng.choice(("", ",", chr(34) * 2))}"'
    lines[at] = ",".join(cells)


def _rename(rng: random.Random, lines: list[str], at: int) -> None:
    headers = [i for i, line in enumerate(lines) if line.startswith("[")] or [at]
    lines[rng.choice(headers)] = rng.choice(
        [lines[rng.choice(headers)], "[NOBODY KNOWS]", "[SI]", "[GENERAL]", "[]", "[ ]"]
    )


_TEXT_WAYS = tuple(map(_lines, (_cell, _cell, _cell, _shuffle, _quote, _rename)))


# ---- ways for XML -----------------------------------------------------------------


def _leaf(rng: random.Random, text: str) -> str:
    leaves = list(re.finditer(r">([^<>\n]*)</", text))
    if not leaves:
        return text
    found = rng.choice(leaves)
    value = rng.choice(_NASTY)
    if rng.random() < 0.7:
        value = value.replace("&", "&amp;").replace("<", "&lt;").replace("\x00", "")
    return text[: found.start(1)] + value + text[found.end(1) :]


def _tag(rng: random.Random, text: str) -> str:
    tags = list(re.finditer(r"</?([A-Za-z0-9_]+)", text))
    if not tags:
        return text
    found, other = rng.choice(tags), rng.choice(tags)
    name = found.group(1)
    if rng.random() < 0.5:
        return re.sub(rf"\b{name}\b", other.group(1), text)
    return text[: found.start(1)] + other.group(1) + text[found.end(1) :]


def _wrap(rng: random.Random, text: str) -> str:
    deep = rng.choice((1, 5, 70, 3000))
    at = text.find(">", rng.randrange(len(text) + 1)) + 1
    return text[:at] + "<a>" * deep + "</a>" * deep + text[at:]


def _entity(rng: random.Random, text: str) -> str:
    kinds = (
        '<!DOCTYPE Cyme [<!ENTITY x "y">]>',
        '<!DOCTYPE Cyme [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Cyme [<!ENTITY a "b"><!ENTITY x "&a;&a;&a;&a;">]>',
        '<!DOCTYPE Cyme SYSTEM "nowhere.dtd">',
        '<?xml version="1.0" encoding="klingon"?>',
        '<?xml version="1.0" encoding="utf-16"?>',
    )
    body = text.partition("?>")[2] if text.startswith("<?xml") else text
    return rng.choice(kinds) + body.replace("</Section", "&x;</Section", 1)


_XML_WAYS = (_leaf, _leaf, _leaf, _tag, _tag, _wrap, _entity)
