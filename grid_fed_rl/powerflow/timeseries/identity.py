"""What a run is a run of: hashes by which a folder knows its own."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from grid_fed_rl.feeders import Feeder
from grid_fed_rl.powerflow.timeseries.scenario import Scenario, fingerprint
from grid_fed_rl.powerflow.timeseries.walk import Solver

if TYPE_CHECKING:
    from grid_fed_rl.powerflow.controls import LocalControls

__all__ = ["feeder_hash", "manifest"]

_FORMAT = 1  # of the folder; another number is another run


def feeder_hash(feeder: Feeder) -> str:
    """A hash of every record of a feeder."""
    digest = hashlib.blake2b(digest_size=16)
    for field in fields(feeder):
        value = getattr(feeder, field.name)
        plain = dict(value) if isinstance(value, Mapping) else value
        digest.update(f"{field.name}={plain!r};".encode())
    return digest.hexdigest()


def manifest(
    solver: Solver,
    scenarios: tuple[Scenario, ...],
    several: bool,
    columns: Mapping[str, tuple[str, ...] | None],
    chunk_steps: int,
) -> dict[str, object]:
    """All that decides a run's numbers and files, as plain JSON."""
    first = scenarios[0]
    return {
        "format": _FORMAT,
        "feeder": solver.network.feeder.name,
        "feeder_hash": feeder_hash(solver.network.feeder),
        "scenario_hash": [fingerprint(scenario) for scenario in scenarios],
        "n_scenarios": len(scenarios),
        "several": several,
        "n_steps": first.n_steps,
        "step_h": first.step_h,
        "first_hour": first.first_hour,
        "chunk_steps": chunk_steps,
        "controls": _described(solver.controls),
        "engine": solver.engine,
        "tolerance_pu": solver.tolerance_pu,
        "max_iterations": solver.max_iterations,
        "columns": {name: columns[name] for name in columns},
    }


def _described(controls: "LocalControls | None") -> object:
    """Settings of controls: their own fields, without what a run gives them."""
    if controls is None:
        return False
    given = {f.name: getattr(controls, f.name) for f in fields(controls) if f.repr}
    for name in ("network", "hour"):
        given.pop(name)
    return {k: v.tolist() if isinstance(v, np.ndarray) else repr(v) for k, v in given.items()}
