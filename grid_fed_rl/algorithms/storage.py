"""Tensors on disk: one safetensors file, with JSON in its header and no pickle."""

import json
import os
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open

from grid_fed_rl.algorithms.networks import Tensors
from grid_fed_rl.errors import TrainingError

__all__ = ["read_tensors", "write_tensors"]

_VERSION = 1


def write_tensors(path: str | Path, tensors: Tensors, kind: str, header: dict[str, Any]) -> None:
    """Write tensors and a JSON header; a reader sees the old file or the new one, never half.

    Args:
        path: of the file; missing folders are made.
        tensors: by name.
        kind: what the file holds, such as "policy".
        header: anything JSON can hold.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    whole = {"kind": kind, "version": _VERSION, "names": list(tensors), **header}
    contiguous = {name: value.detach().contiguous() for name, value in tensors.items()}
    safetensors.torch.save_file(contiguous, partial, {"grid_fed_rl": json.dumps(whole)})
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)


def read_tensors(path: str | Path, kind: str) -> tuple[Tensors, dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Raises:
        TrainingError: there is no such file, it is broken, or it holds something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {}).get("grid_fed_rl", "{}"))
            # the order of names is the order of a flat vector of them; safetensors forgets it
            tensors = {name: file.get_tensor(name) for name in header.get("names", [])}
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise TrainingError(
            f"file '{path}': unreadable ({error}); a safetensors file of a {kind} is needed"
        ) from error
    if header.get("kind") != kind or header.get("version") != _VERSION:
        raise TrainingError(
            f"file '{path}': holds kind={header.get('kind')}, version={header.get('version')}; "
            f"kind={kind}, version={_VERSION} is needed"
        )
    return tensors, header
