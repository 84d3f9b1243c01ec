"""The folder of one run: what it made, from what, with what, and how long it took.

::

    runs/<name>/
        stages.json     seconds of each finished stage, rewritten after each
        run.json        written last: where it is, the run is finished
        ...             whatever the run writes

Every file is written beside its place and then moved there, so that a run that
is stopped at any moment leaves whole files only.
"""

import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from grid_fed_rl.analytics.plain import plain
from grid_fed_rl.analytics.provenance import git_state, machine, versions
from grid_fed_rl.errors import GridFedRLError

__all__ = ["RunFolder", "finished_stages", "new_name", "write_atomic"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class RunFolder:
    """An open run folder. Make one with `create`.

    Attributes:
        path: the folder, absolute: it stays the same when the working folder changes.
        timings_s: seconds spent in each stage so far, over all visits.
    """

    def __init__(self, path: Path, timings_s: Mapping[str, float]) -> None:
        self.path = path
        self.timings_s = dict(timings_s)
        self._started = datetime.now(UTC)

    @classmethod
    def create(cls, root: Path | str, name: str | None = None, *, resume: bool = False) -> Self:
        """Make ``root/name``, or open it again.

        Args:
            root: folder of all runs; made if it is not there.
            name: letters, digits and ``. _ -``; drawn by `new_name` if None.
            resume: go on in a folder that is there, whether its run was finished
                or not. A finished run counts as unfinished from then on.

        Raises:
            GridFedRLError: the name is not possible, or the folder holds
                something and `resume` is not set.
        """
        if name is None:
            name = new_name()
        if not _NAME.fullmatch(name):
            raise GridFedRLError(
                f"run name {name!r}: must be letters, digits, '.', '_' and '-', and begin with a "
                "letter or digit"
            )
        path = Path(root).resolve() / name
        try:
            path.mkdir(parents=True, exist_ok=True)
            taken = any(path.iterdir())
        except OSError as error:
            raise GridFedRLError(f"run folder {path}: {error.strerror}") from None
        if taken and not resume:
            finished = (path / "run.json").exists()
            state = "was finished" if finished else "was begun and not finished"
            way_out = "choose another name" if finished else "resume it, choose another name"
            raise GridFedRLError(f"run {name!r} {state} in {path}; {way_out} or remove the folder")
        timings_s = _read_stages(path)
        (path / "run.json").unlink(missing_ok=True)
        return cls(path, timings_s)

    @property
    def name(self) -> str:
        """Name of the run, which is that of its folder."""
        return self.path.name

    def write_json(self, filename: str, data: object) -> Path:
        """Write JSON atomically into the folder and return its path.

        Dataclasses, mappings, sequences, arrays, paths and enumerations become
        plain JSON.

        Raises:
            GridFedRLError: a number is not finite or a value has no JSON form;
                the message says where it stands.
        """
        path = self.path / filename
        text = json.dumps(plain(data, filename), indent=2, ensure_ascii=False)
        write_atomic(path, f"{text}\n".encode())
        return path

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a part of the run; it counts as finished only if nothing was raised in it."""
        start_s = time.perf_counter()
        yield
        spent_s = time.perf_counter() - start_s
        self.timings_s[name] = round(self.timings_s.get(name, 0.0) + spent_s, 3)
        self.write_json("stages.json", self.timings_s)

    def finish(
        self,
        *,
        configuration: Mapping[str, object],
        seeds: Mapping[str, object],
        inputs: Mapping[str, str],
    ) -> Path:
        """Write `run.json`, which makes the run a finished one, and return its path.

        Args:
            configuration: resolved: every value that the run used.
            seeds: by what they seeded.
            inputs: SHA-256 of everything that was read, by name. See
                `grid_fed_rl.analytics.provenance.feeder_hashes`.

        Raises:
            GridFedRLError: something of it has no JSON form.
        """
        return self.write_json(
            "run.json",
            {
                "name": self.name,
                "started": self._started.isoformat(timespec="seconds"),
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "configuration": configuration,
                "seeds": seeds,
                "versions": versions(),
                "machine": machine(),
                "git": git_state(),
                "inputs": inputs,
                "timings_s": self.timings_s,
            },
        )


def new_name() -> str:
    """A name for a run: the time (UTC) and four random digits, ``20250131-142500-3f9a``."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def finished_stages(path: Path) -> tuple[str, ...]:
    """Stages that a run folder's run has finished, in order; none if it was never begun."""
    return tuple(_read_stages(path))


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a crash leaves the former file as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _read_stages(path: Path) -> dict[str, float]:
    try:
        text = (path / "stages.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        return {str(name): float(spent_s) for name, spent_s in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError):
        raise GridFedRLError(
            f"{path / 'stages.json'}: expected an object of stage names and seconds; remove it to "
            "begin anew"
        ) from None
