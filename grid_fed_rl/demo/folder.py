"""The folder of a run: a new one, or that of a run which was begun and goes on.

What is in a folder was made with the settings it was begun with, so these are
kept in `configuration.json`, and a run by the same name with others is refused
before anything is done.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grid_fed_rl.analytics.runs import RunFolder
from grid_fed_rl.demo.config import DemoConfig
from grid_fed_rl.errors import GridFedRLError

__all__ = ["open_folder"]

_FILE = "configuration.json"
_FREE = ("run", "runs_dir", "tracking")  # entries that change nothing in the folder


def open_folder(config: DemoConfig) -> RunFolder:
    """Open the folder of a run.

    Raises:
        GridFedRLError: a run of this name is finished, or was begun with other
            settings, each of which the message names.
    """
    begun = None if config.run is None else Path(config.runs_dir) / config.run
    resume = begun is not None and (begun / _FILE).exists() and not (begun / "run.json").exists()
    if begun is not None and resume:
        _require_same_settings(begun, config)
    folder = RunFolder.create(config.runs_dir, config.run, resume=resume)
    folder.write_json(_FILE, config)
    return folder


def _require_same_settings(folder: Path, config: DemoConfig) -> None:
    try:
        before = _entries(json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except (ValueError, AttributeError, TypeError, KeyError):
        raise GridFedRLError(
            f"{folder / _FILE}: expected the settings that run {config.run!r} was begun with; "
            "remove the folder to begin anew"
        ) from None
    now = _entries(asdict(config))
    changed = [
        f"{name} was {before.get(name, 'missing')}, is {now.get(name, 'missing')}"
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    ]
    if changed:
        raise GridFedRLError(
            f"run {config.run!r} was begun in {folder} with other settings: {'; '.join(changed)}. "
            "Go on with those, choose another name or remove the folder"
        )


def _entries(settings: Mapping[str, Any]) -> dict[str, str]:
    """Every setting that counts, by its dotted name, and the order of the utilities."""
    counted = {name: value for name, value in settings.items() if name not in _FREE}
    return {"utilities": ", ".join(counted["utilities"]), **dict(_flat(counted, ""))}


def _flat(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, json.dumps(value)
