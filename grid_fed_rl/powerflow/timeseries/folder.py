"""A time series on disk: a Parquet file a chunk, and what it is a run of.

::

    <folder>/
        manifest.json             what was run: hashes of feeder, scenario, options
        steps-00000000.parquet    a row a step (and scenario), a column an element
        state-00000000.npz        where taps, capacitors and voltages were at its end

Every file is written beside its place and then moved there, the state before
its chunk. A chunk that is there is therefore whole, and a run that was stopped
goes on with the first one that is not.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow.timeseries.result import TimeSeries

__all__ = ["Folder", "read_timeseries"]

_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Folder:
    """The folder of one run.

    Attributes:
        path: Where it is.
        manifest: What it is a run of; plain JSON.
    """

    path: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path, manifest: Mapping[str, Any]) -> "Folder":
        """Make the folder, or find the same run in it.

        Raises:
            PowerFlowError: it holds another run, or something else.
        """
        plain = json.loads(json.dumps(manifest))
        if (path / _MANIFEST).exists():
            found = _manifest(path)
            differs = [key for key in {**found, **plain} if found.get(key) != plain.get(key)]
            if differs:
                raise PowerFlowError(
                    f"folder {path} holds another run, of feeder {found.get('feeder')!r}; it "
                    f"differs in {', '.join(differs)}. Choose another folder or remove this one"
                )
        else:
            path.mkdir(parents=True, exist_ok=True)
            if other := next(path.iterdir(), None):
                raise PowerFlowError(
                    f"folder {path} holds {other.name!r} and no time series; choose an empty or "
                    "a new folder"
                )
            text = json.dumps(plain, indent=2) + "\n"
            _move_into(path / _MANIFEST, lambda to: to.write_text(text, encoding="utf-8"))
        return cls(path, plain)

    def edges(self) -> list[tuple[int, int]]:
        """First and last step, the last not included, of every chunk."""
        n_steps, chunk = self.manifest["n_steps"], self.manifest["chunk_steps"]
        return [(first, min(first + chunk, n_steps)) for first in range(0, n_steps, chunk)]

    def has(self, first: int) -> bool:
        """Whether the chunk that begins with a step is there."""
        return self._chunk(first).exists()

    def write(
        self, first: int, values: Mapping[str, NDArray], state: Mapping[str, NDArray] | None
    ) -> None:
        """Write a chunk; arrays are (scenario, step) or (scenario, step, element)."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        n_scenarios, n_steps = values["converged"].shape
        step = np.tile(np.arange(first, first + n_steps), n_scenarios)
        table: dict[str, NDArray] = {}
        if self.manifest["several"]:
            table["scenario"] = np.repeat(np.arange(n_scenarios, dtype=np.int32), n_steps)
        table["step"] = step
        table["hour"] = self.manifest["first_hour"] + self.manifest["step_h"] * step
        for name, array in values.items():
            flat = array.reshape(n_scenarios * n_steps, -1)
            for column, series in zip(self._columns(name), flat.T, strict=True):
                table[column] = np.ascontiguousarray(series)
        if state is not None:
            _move_into(self._state(first), lambda to: _save(to, state))
        _move_into(self._chunk(first), lambda to: pq.write_table(pa.table(table), to))

    def state(self, first: int) -> dict[str, NDArray]:
        """Where the chunk that begins with a step ended."""
        with np.load(self._state(first), allow_pickle=False) as held:
            return {name: held[name] for name in held.files}

    def series(self) -> TimeSeries:
        """The whole run.

        Raises:
            PowerFlowError: it was not finished.
        """
        missing = sum(not self.has(first) for first, _ in self.edges())
        if missing:
            raise PowerFlowError(
                f"folder {self.path}: {missing} of {len(self.edges())} chunks are missing; call "
                "run_timeseries with the same arguments to go on"
            )
        m = self.manifest
        columns = {k: None if v is None else tuple(v) for k, v in m["columns"].items()}
        return TimeSeries(m["step_h"], m["first_hour"], columns, self._read)

    def _read(self, name: str) -> NDArray:
        import pyarrow.parquet as pq

        wanted, parts = self._columns(name), []
        for first, _ in self.edges():
            table = pq.read_table(self._chunk(first), columns=wanted)
            by_column = [table[column].to_numpy() for column in wanted]
            empty = np.empty((table.num_rows, 0))
            flat = np.stack(by_column, axis=1) if by_column else empty
            parts.append(flat.reshape(self.manifest["n_scenarios"], -1, len(wanted)))
        whole = np.concatenate(parts, axis=1)
        if self.manifest["columns"][name] is None:
            whole = whole[..., 0]
        return whole if self.manifest["several"] else whole[0]

    def _columns(self, name: str) -> list[str]:
        elements = self.manifest["columns"][name]
        return [name] if elements is None else [f"{name}.{element}" for element in elements]

    def _chunk(self, first: int) -> Path:
        return self.path / f"steps-{first:08d}.parquet"

    def _state(self, first: int) -> Path:
        return self.path / f"state-{first:08d}.npz"


def read_timeseries(folder: Path | str) -> TimeSeries:
    """Open a run that `run_timeseries` wrote and finished.

    Raises:
        PowerFlowError: there is none, or it was not finished.
    """
    path = Path(folder)
    return Folder(path, _manifest(path)).series()


def _manifest(path: Path) -> dict[str, Any]:
    try:
        found = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PowerFlowError(f"folder {path}: no time series there ({error})") from None
    return cast(dict[str, Any], found)


def _save(path: Path, arrays: Mapping[str, NDArray]) -> None:
    with path.open("wb") as file:  # given a name, numpy would add one of its own
        np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]


def _move_into(path: Path, write: Any) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
