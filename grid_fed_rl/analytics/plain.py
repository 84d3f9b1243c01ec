"""From typed values to plain JSON, strictly: nothing is guessed and nothing lost."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from grid_fed_rl.errors import GridFedRLError

__all__ = ["plain"]


def plain(value: object, where: str) -> object:
    """Turn a value into dictionaries, lists, strings, numbers, booleans and None.

    Args:
        value: may hold dataclasses, mappings with string keys, sequences, sets
            (which are sorted), arrays, paths and enumerations.
        where: what `value` is called in messages.

    Raises:
        GridFedRLError: a number is not finite or a value has no JSON form; the
            message names its place.
    """
    if isinstance(value, Enum):
        return plain(value.value, where)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise GridFedRLError(f"{where}: {value!r}; JSON holds finite numbers only")
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist(), where)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), f"{where}.{f.name}") for f in fields(value)}
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise GridFedRLError(f"{where}: key {key!r}; JSON has string keys only")
        return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, Set):
        return [plain(item, where) for item in sorted(value)]
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item, f"{where}[{n}]") for n, item in enumerate(value)]
    raise GridFedRLError(f"{where}: {type(value).__name__} has no JSON form")
