"""What the benchmarks share: rows to solve, OpenDSS on all processors, the machine."""

import multiprocessing
import platform
import resource
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.feeders import Feeder
from grid_fed_rl.powerflow import Network, Setpoint, compile_network, nominal_setpoint
from grid_fed_rl.powerflow.opendss import OpenDSS
from grid_fed_rl.powerflow.threads import processors

__all__ = [
    "OpenDSSSide",
    "machine",
    "peak_memory_bytes",
    "processors",
    "random_rows",
    "seconds_of",
    "solve_in_order",
]

VERSIONS = ("numpy", "numba", "opendssdirect.py", "dss-python")


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    cpu = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.exists():
        names = [line for line in about.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    return {
        "cpu": cpu,
        "processors": processors(),
        "python": platform.python_version(),
        **{name: version(name) for name in VERSIONS},
    }


def peak_memory_bytes() -> int:
    """The most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def random_rows(
    network: Network, n_rows: int, rng: np.random.Generator, load: tuple[float, float] = (0.5, 1.5)
) -> Setpoint:
    """Rows that differ in taps, capacitors and every load (shares of nominal)."""
    nominal = nominal_setpoint(network)
    level = rng.uniform(*load, (n_rows, len(network.loads)))
    return nominal.with_(
        tap_position=rng.integers(
            network.tap_lowest, network.tap_highest + 1, (n_rows, len(network.regulators))
        ),
        capacitor_step=rng.integers(
            0, network.capacitor_steps + 1, (n_rows, len(network.capacitors))
        ),
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
    )


def seconds_of(work: Callable[[], object], repeats: int) -> float:
    """Median seconds of some repeats, after one that does not count."""
    work()
    spent = []
    for _ in range(repeats):
        began = perf_counter()
        work()
        spent.append(perf_counter() - began)
    return median(spent)


# ---- OpenDSS on all processors ----------------------------------------------------


class OpenDSSSide(NamedTuple):
    """OpenDSS's voltages, and how long it took the faster way."""

    v_pu: NDArray[np.complex128]
    converged: NDArray[np.bool_]
    iterations: NDArray[np.int32]
    seconds: float
    how: str  # threads or processes
    seconds_threads: float
    seconds_processes: float


_engine: OpenDSS | None = None  # of a worker process


def _start_worker(feeder: Feeder, tolerance_pu: float) -> None:
    global _engine
    _engine = OpenDSS(compile_network(feeder), tolerance_pu)


def _work(setpoint: Setpoint) -> None:
    assert _engine is not None
    _engine.solve(setpoint)


def _parts(setpoint: Setpoint, n: int) -> list[Setpoint]:
    return [setpoint.rows(part) for part in np.array_split(np.arange(setpoint.n_rows), n)]


def solve_in_order(
    network: Network, setpoint: Setpoint, tolerance_pu: float, repeats: int, workers: int
) -> OpenDSSSide:
    """Let OpenDSS loop over the rows, one context a thread, then one a process.

    Each of the workers sets its share of the rows one after the other, solves, and
    reads the voltages. The faster of the two ways counts. Starting up is not counted.
    """
    n = min(workers, setpoint.n_rows)
    parts = _parts(setpoint, n)
    engines = [OpenDSS(network, tolerance_pu) for _ in parts]
    with ThreadPoolExecutor(n) as pool:

        def by_threads() -> None:
            list(pool.map(lambda engine, part: engine.solve(part), engines, parts))

        threads_s = seconds_of(by_threads, repeats)
    spawn = multiprocessing.get_context("spawn")
    given = (network.feeder, tolerance_pu)
    with ProcessPoolExecutor(n, spawn, _start_worker, given) as pool:
        processes_s = seconds_of(lambda: _all(pool, parts), repeats)
    flow = engines[0].solve(setpoint)
    return OpenDSSSide(
        flow.v_pu,
        flow.converged,
        flow.iterations,
        min(threads_s, processes_s),
        "threads" if threads_s < processes_s else "processes",
        threads_s,
        processes_s,
    )


def _all(pool: Executor, parts: Sequence[Setpoint]) -> None:
    list(pool.map(_work, parts))
