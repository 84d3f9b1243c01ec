"""``feeder.toml`` of a folder of tables, and the folders it builds upon."""

import json
import tomllib
from pathlib import Path
from typing import Any

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.records import Source

__all__ = ["FILE", "Head", "chain", "head_text"]

FILE = "feeder.toml"
_ENTRIES = ("name", "title", "provenance", "frequency_hz", "extends", "source")
_OF_SOURCE = (
    *("name", "bus", "kv_ll", "v_pu", "angle_deg"),
    *("r1_ohm", "x1_ohm", "r0_ohm", "x0_ohm"),
)


class Head:
    """``feeder.toml``, or a table of it, that knows where it stands."""

    def __init__(
        self, entries: dict[str, Any], where: str, known: tuple[str, ...] = _ENTRIES
    ) -> None:
        for key in entries:
            if key not in known:
                raise FeederError(f"{where}: unknown entry {key!r}; known: {', '.join(known)}")
        self._entries = entries
        self._where = where

    def _entry(self, key: str, expected: str, *kinds: type) -> Any:  # TOML holds any type
        if key not in self._entries:
            raise FeederError(f"{self._where} has no entry {key!r}; expected {expected}")
        value = self._entries[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise FeederError(f"{self._where}: {key} is {value!r}; expected {expected}")
        return value

    def text(self, key: str) -> str:
        """Return a text, without the blanks around it."""
        return self._entry(key, "a text", str).strip()

    def number(self, key: str) -> float:
        """Return a number."""
        return float(self._entry(key, "a number", int, float))

    def source(self) -> Source:
        """Return the source, of the table of that name."""
        entries = self._entry("source", "a table", dict)
        table = Head(entries, f"{self._where} [source]", _OF_SOURCE)
        return Source(
            name=table.text("name"),
            bus=table.text("bus"),
            kv_ll=table.number("kv_ll"),
            v_pu=table.number("v_pu"),
            angle_deg=table.number("angle_deg"),
            z1_ohm=complex(table.number("r1_ohm"), table.number("x1_ohm")),
            z0_ohm=complex(table.number("r0_ohm"), table.number("x0_ohm")),
        )

    def base(self) -> str | None:
        """Return the folder that this one extends, if any."""
        return self.text("extends") if "extends" in self._entries else None

    def over(self, base: "Head") -> "Head":
        """Return these entries, and where one is lacking that of another head.

        What a feeder is called is no other's to say.
        """
        inherited = {k: v for k, v in base._entries.items() if k not in {"name", "extends"}}
        return Head(inherited | self._entries, self._where)


def _read(folder: Path) -> Head:
    path = folder / FILE
    where = f"{folder.name}/{FILE}"
    if not path.exists():
        raise FeederError(f"{folder}: no {FILE}; a feeder folder holds one beside its tables")
    try:
        return Head(tomllib.loads(path.read_bytes().decode("utf-8-sig")), where)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FeederError(f"{where}: not valid TOML: {error}") from None


def chain(folder: Path) -> tuple[Head, list[Path]]:
    """Read the head of a folder, and list the folders whose tables count, its own first.

    Raises:
        FeederError: a ``feeder.toml`` is missing or malformed, or the folders
            extend each other in a ring.
    """
    folder = folder.resolve()
    head, folders = _read(folder), [folder]
    base = head.base()
    while base is not None:
        parent = folder.parent / base
        where = f"{folders[-1].name}/{FILE}: extends is {base!r}"
        if Path(base).name != base or not parent.is_dir():
            raise FeederError(f"{where}; expected the name of a folder beside this one")
        if parent in folders:
            raise FeederError(f"{where}; expected a folder that does not extend this one")
        folders.append(parent)
        below = _read(parent)
        head, base = head.over(below), below.base()
    return head, folders


def head_text(feeder: Feeder, extends: str | None = None) -> str:
    """Return the text of a feeder's ``feeder.toml``."""
    source = feeder.source
    text = {key: getattr(feeder, key) for key in ("name", "title", "provenance")}
    text |= {"extends": extends} if extends else {}
    ohms = {
        f"{part}{n}_ohm": value
        for n, z in ((1, source.z1_ohm), (0, source.z0_ohm))
        for part, value in (("r", z.real), ("x", z.imag))
    }
    numbers = {key: getattr(source, key) for key in ("kv_ll", "v_pu", "angle_deg")} | ohms
    lines = [
        *(f"{key} = {_toml(value)}" for key, value in text.items()),
        f"frequency_hz = {float(feeder.frequency_hz)!r}",
        "",
        "[source]",
        f"name = {_toml(source.name)}",
        f"bus = {_toml(source.bus)}",
        *(f"{key} = {float(value)!r}" for key, value in numbers.items()),
    ]
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    """Return a text as TOML; one of several lines keeps them.

    A JSON string is a TOML string too, but for escaped surrogates and an
    unescaped delete character.
    """
    lines = [json.dumps(line, ensure_ascii=False)[1:-1] for line in text.split("\n")]
    escaped = "\n".join(lines).replace("\x7f", "\\u007f")
    if len(lines) == 1:
        return f'"{escaped}"'
    plain = escaped.replace('\\"', '"').replace('"""', '""\\"')  # only three in a row would end it
    return f'"""\n{plain}\n"""'
