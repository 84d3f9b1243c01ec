"""Quasi-static time series: a power flow a step.

Where no control couples the steps, all steps of a chunk are one batch. Where
regulators or capacitors act, steps go in order: each begins with the taps,
capacitor steps and voltages that the one before ended with, and the scenarios,
if there are several, are the batch. This is OpenDSS's static control mode at
every step: delays count in the order in which controls act, not in seconds.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.timeseries.folder import Folder
from grid_fed_rl.powerflow.timeseries.identity import manifest
from grid_fed_rl.powerflow.timeseries.quantities import DEFAULT, measure, quantities_of
from grid_fed_rl.powerflow.timeseries.result import TimeSeries
from grid_fed_rl.powerflow.timeseries.scenario import Scenario
from grid_fed_rl.powerflow.timeseries.walk import (
    Carried,
    Solver,
    State,
    acting_on,
    carried_by,
    joined,
)

if TYPE_CHECKING:
    from grid_fed_rl.powerflow.controls import LocalControls

__all__ = ["run_timeseries"]

_CHUNK_BYTES = 2**26  # of voltages, so that a chunk of a large feeder fits into memory

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run does to a chunk."""

    solver: Solver
    scenarios: tuple[Scenario, ...]
    record: tuple[str, ...]
    carried: Carried | None  # None where no control couples the steps

    def chunk(
        self, first: int, last: int, state: State | None, advance: Advance
    ) -> tuple[dict[str, NDArray], State | None]:
        """Values (scenario, step, ...) of the steps from `first` to `last`, and the end."""
        parts = [scenario.setpoint(first, last) for scenario in self.scenarios]
        setpoint = joined(parts)
        hours = _hours(self.scenarios[0], first, last)
        if self.carried is None:
            flow = self.solver.together(setpoint, np.tile(hours, len(parts)))
            advance(last - first)
        else:
            flow, state = self.solver.in_order(
                setpoint, hours, len(parts), self.carried, state, advance
            )
        values = measure(self.solver.network, flow, quantities_of(self.record))
        shape = (len(parts), last - first)
        return {
            name: array.reshape(*shape, *array.shape[1:]) for name, array in values.items()
        }, state


def run_timeseries(
    network: Network,
    scenario: Scenario | Sequence[Scenario],
    *,
    controls: "LocalControls | bool" = False,
    record: Sequence[str] = DEFAULT,
    out: Path | str | None = None,
    chunk_steps: int | None = None,
    engine: Literal["batched", "opendss"] = "batched",
    tolerance_pu: float = 1e-8,
    max_iterations: int = 100,
    threads: int | None = None,
    progress: bool = False,
) -> TimeSeries:
    """Solve a power flow at every step of one scenario, or of several side by side.

    Regulators and capacitors with a control of their own start where the
    scenario's first set-point has them and then stay where they come to rest.
    Everything else follows the scenario.

    Args:
        network: The compiled feeder.
        scenario: Set-points over time; `SeriesScenario.of` makes one from arrays.
            Several scenarios must have as many equal steps.
        controls: As in `solve`; the hour of the day is the scenario's.
        record: Names of quantities; see `quantities.QUANTITIES`.
        out: Folder to write to, a Parquet file a chunk; in memory where not given.
            A run that was stopped goes on where it was, with the same result to
            the last bit.
        chunk_steps: Steps of a chunk; such that its voltages take 64 MB by default.
        engine: As in `solve`.
        tolerance_pu: As in `solve`.
        max_iterations: As in `solve`.
        threads: As in `solve`.
        progress: Show a progress bar on the console.

    Raises:
        PowerFlowError: a quantity is unknown, scenarios do not fit each other, a
            set-point does not fit the network, or the folder holds another run.
    """
    several = not isinstance(scenario, Scenario)
    scenarios = tuple(scenario) if several else (scenario,)
    _check(scenarios)
    quantities = quantities_of(record)
    n_steps = scenarios[0].n_steps
    if chunk_steps is None:
        row_bytes = 16 * network.n_nodes * len(scenarios)
        chunk_steps = max(1, min(n_steps, _CHUNK_BYTES // row_bytes))
    elif chunk_steps < 1:
        raise PowerFlowError(f"chunk_steps is {chunk_steps}; expected 1 or more")
    acting = acting_on(network, controls)
    solver = Solver(network, acting, engine, tolerance_pu, max_iterations, threads)
    run = _Run(solver, scenarios, tuple(quantities), carried_by(acting))
    columns = {name: q.columns and q.columns(network) for name, q in quantities.items()}
    with _progress(n_steps if progress else None) as advance:
        if out is None:
            values = _in_memory(run, n_steps, chunk_steps, advance)
            read = (lambda name: values[name]) if several else (lambda name: values[name][0])
            return TimeSeries(scenarios[0].step_h, scenarios[0].first_hour, columns, read)
        folder = Folder.open(Path(out), manifest(solver, scenarios, several, columns, chunk_steps))
        _to_folder(run, folder, advance)
        return folder.series()


def _in_memory(run: _Run, n_steps: int, chunk_steps: int, advance: Advance) -> dict[str, NDArray]:
    parts: list[dict[str, NDArray]] = []
    state = None
    for first in range(0, n_steps, chunk_steps):
        values, state = run.chunk(first, min(first + chunk_steps, n_steps), state, advance)
        parts.append(values)
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}


def _to_folder(run: _Run, folder: Folder, advance: Advance) -> None:
    state: State | None = None
    before: int | None = None  # first step of the chunk before, where it was found done
    for first, last in folder.edges():
        if folder.has(first):
            before = first
            advance(last - first)
            continue
        if run.carried is not None and before is not None:
            state = State(**folder.state(before))
        values, state = run.chunk(first, last, state, advance)
        folder.write(first, values, state and state.arrays())
        before = None


def _check(scenarios: tuple[Scenario, ...]) -> None:
    if not scenarios:
        raise PowerFlowError("run_timeseries: no scenario; give one or several")
    steps = {(s.n_steps, s.step_h, s.first_hour) for s in scenarios}
    if len(steps) > 1:
        raise PowerFlowError(
            "run_timeseries: scenarios differ in n_steps, step_h or first_hour: "
            f"{', '.join(map(str, sorted(steps)))}; expected the same of all"
        )


def _hours(scenario: Scenario, first: int, last: int) -> NDArray[np.float64]:
    """(step,) hour of the day at which each step begins."""
    steps = np.arange(first, last, dtype=np.float64)
    return (scenario.first_hour + scenario.step_h * steps) % 24.0


@contextmanager
def _progress(n_steps: int | None) -> Iterator[Advance]:
    if n_steps is None:
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress() as bar:
        task = bar.add_task("power flows", total=n_steps)
        yield lambda steps: bar.advance(task, steps)
