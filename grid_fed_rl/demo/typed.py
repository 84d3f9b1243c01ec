"""From plain nested mappings to typed records, naming every fault by its dotted entry."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from grid_fed_rl.errors import GridFedRLError

__all__ = ["build", "require"]

Record = TypeVar("Record")

_TYPES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    type(None): "null",
}


def build(kind: type[Record], mapping: object) -> Record:
    """Build a dataclass, and those in its fields, from mappings of the same names.

    An integer may stand for a float and a list for a tuple; nothing else is converted,
    and nothing is left to a default.

    Raises:
        GridFedRLError: an entry is missing, unknown, of the wrong type, not finite or
            refused by its record; the message names it.
    """
    return _build(kind, mapping, "")


def require(holds: bool, entry: str, value: object, expected: str) -> None:
    """Raise `GridFedRLError` about an entry unless something holds of it."""
    if not holds:
        raise GridFedRLError(f"configuration: {entry} is {value!r}; expected {expected}")


def _build(kind: type[Record], mapping: object, where: str) -> Record:
    assert dataclasses.is_dataclass(kind)
    mapping = _mapping(mapping, where.rstrip(".") or "it")
    hints = get_type_hints(kind)
    names = [item.name for item in dataclasses.fields(kind)]
    for wrong in sorted(set(mapping) ^ set(names), key=str):
        state = "unknown" if wrong in mapping else "missing"
        raise GridFedRLError(f"configuration: {where}{wrong} is {state}; known: {', '.join(names)}")
    values = {name: _value(hints[name], mapping[name], where + name) for name in names}
    try:
        return kind(**values)
    except GridFedRLError as error:
        raise GridFedRLError(_named(str(error), where, names)) from error


def _named(message: str, where: str, names: Sequence[str]) -> str:
    """What a room below says of a value, under the name that the value has here."""
    if message.startswith("configuration: "):
        return message
    entry = next((word for word in re.findall(r"\w+", message) if word in names), "")
    for known in (where.rstrip("."), entry):
        message = message.removeprefix(f"{known}: ")
    return f"configuration: {where}{entry}: {message}"


def _value(hint: Any, value: object, where: str) -> object:
    origin, parts = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        return _build(hint, value, f"{where}.")
    if origin is dict:
        items = _mapping(value, where).items()
        return {str(k): _value(parts[1], v, f"{where}.{k}") for k, v in items}
    if origin is tuple:
        return tuple(
            _value(parts[0], item, f"{where}[{k}]")
            for k, item in enumerate(_list(value, where, None if ... in parts else len(parts)))
        )
    if origin is Literal:
        require(value in parts, where, value, " or ".join(map(repr, parts)))
        return value
    allowed = parts or (hint,)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = " or ".join(_TYPES[one] for one in allowed)
    require(type(value) in allowed, where, value, expected)
    require(not isinstance(value, float) or math.isfinite(value), where, value, "a finite number")
    return value


def _mapping(value: object, where: str) -> Mapping[Any, object]:
    if isinstance(value, Mapping):
        return value
    raise GridFedRLError(f"configuration: {where} is {value!r}; expected entries")


def _list(value: object, where: str, n_items: int | None) -> list[object] | tuple[object, ...]:
    if isinstance(value, list | tuple) and n_items in (None, len(value)):
        return value
    expected = "a list" if n_items is None else f"a list of {n_items}"
    raise GridFedRLError(f"configuration: {where} is {value!r}; expected {expected}")
