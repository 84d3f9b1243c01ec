"""What bounds a power flow here: arithmetic, or the way to the cache.

Measured on this machine, on all threads: the most floating-point operations a
second (fused multiply-adds in registers), and the most bytes a second between
registers and arrays as large as the solver's own working set, and arrays far too
large for any cache. Counted from the feeder's elimination: the operations and
bytes of one solve. Together they give two times that no solver of this method
can beat on this machine, and how near the solver comes to the larger one.

    python benchmarks/roofline.py --feeder ieee123 --batch 4096
    python benchmarks/roofline.py --feeder ieee8500 --batch 64 --json
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from both_sides import machine, processors, random_rows, seconds_of
from numba import njit
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from grid_fed_rl.feeders.library import open_feeder
from grid_fed_rl.powerflow import Network, compile_network, solve
from grid_fed_rl.powerflow.lanes import COMPILED, LANES, fused, spread, store
from grid_fed_rl.powerflow.linear_kernels import Columns

COMPLEX = 16  # bytes
MULTIPLY_SUBTRACT = 8  # flops of a complex one
LEG = 40  # flops of a leg's law and current, about; a root or a division counts as one
SITE = 47  # flops of mixing a step with the last three, a node that loads stand on
SITE_ARRAYS = 10  # complex numbers that mixing and injecting keep of each such node
LARGE_BYTES = 2**27  # of each array in memory, beyond any cache


class Count(NamedTuple):
    """What one row costs, by the elimination of its network."""

    flops: float
    cache_bytes: float
    flops_an_iteration: float
    bytes_an_iteration: float
    working_set_bytes: int  # of a block of lanes


# ---- the machine ----------------------------------------------------------------------


@njit(**COMPILED)
def _multiply_add(n: int, out: NDArray[np.float64]) -> None:
    """Six independent chains of vector multiply-adds."""
    a, b = spread(0.999999, out), spread(1e-6, out)
    x0, x1, x2 = spread(0.1, out), spread(0.2, out), spread(0.3, out)
    x3, x4, x5 = spread(0.4, out), spread(0.5, out), spread(0.6, out)
    for _ in range(n):
        x0, x1, x2 = fused(x0, a, b), fused(x1, a, b), fused(x2, a, b)
        x3, x4, x5 = fused(x3, a, b), fused(x4, a, b), fused(x5, a, b)
    store(out, 0, x0)
    store(out, 1, x1)
    store(out, 2, x2)
    store(out, 3, x3)
    store(out, 4, x4)
    store(out, 5, x5)


@njit(**COMPILED)
def _multiply_add_few(n: int, out: NDArray[np.float64]) -> None:
    """Three chains, for processors whose registers six would overflow."""
    a, b = spread(0.999999, out), spread(1e-6, out)
    x0, x1, x2 = spread(0.1, out), spread(0.2, out), spread(0.3, out)
    for _ in range(n):
        x0, x1, x2 = fused(x0, a, b), fused(x1, a, b), fused(x2, a, b)
    store(out, 0, x0)
    store(out, 1, x1)
    store(out, 2, x2)


@njit(nogil=True, cache=True, fastmath=True)
def _triad(n: int, a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> None:
    """A = b + s c over arrays, some times: two reads and a write an element."""
    for k in range(n):
        scale = 1.0 + 1e-9 * k
        for i in range(len(a)):
            a[i] = b[i] + scale * c[i]


def _rate(work: Callable[[int], None], amount: float, threads: int) -> float:
    """The most of `amount` a second that threads do together, of three tries."""
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))  # compile
        for _ in range(3):
            began = perf_counter()
            list(pool.map(work, range(threads)))
            best = max(best, amount * threads / (perf_counter() - began))
    return best


def peak_flops(threads: int) -> float:
    """Floating-point operations a second, double precision, from registers."""
    n = 20_000_000
    out = np.zeros((threads, 8, LANES))
    six = _rate(lambda k: _multiply_add(n, out[k]), 2.0 * 6 * LANES * n, threads)
    three = _rate(lambda k: _multiply_add_few(n, out[k]), 2.0 * 3 * LANES * n, threads)
    return max(six, three)


def peak_bytes(threads: int, working_set_bytes: int) -> float:
    """Bytes a second between registers and arrays that take so much in all, a thread."""
    length = max(64, working_set_bytes // 24)
    n = max(1, int(2e9 / (24 * length)))
    arrays = np.ones((threads, 3, length))
    return _rate(lambda k: _triad(n, *arrays[k]), 24.0 * length * n, threads)


# ---- the solve ------------------------------------------------------------------------


def _substitution(columns: Columns, begin: int, own_factors: bool) -> tuple[float, float]:
    """Operations and bytes, a row, of both substitutions through some columns.

    A panel of columns keeps its pivots in registers; forward, what stands below is
    read and written once a panel, backward it is read. Factors are read twice, by
    every lane where rows have their own.
    """
    flops = moved = 0.0
    for k in range(begin, len(columns.width)):
        width = int(columns.width[k])
        if width == 0:
            continue
        entries = int(columns.column[k + width] - columns.column[k])
        below = int(columns.column[k + width] - columns.column[k + width - 1])
        flops += MULTIPLY_SUBTRACT * (2 * entries + width)
        moved += COMPLEX * (3 * below + 4 * width)
        moved += 2 * COMPLEX * entries * (1.0 if own_factors else 1.0 / LANES)
    return flops, moved


def count(network: Network, iterations: float) -> Count:
    """Operations and bytes of a row, from what the kernels do to each entry."""
    e, interior, boundary = network.elimination, network.interior, network.boundary
    n_sites, n_legs = len(network.sites.position), len(network.legs.start)
    inside = _substitution(interior.columns, e.n_quiet, own_factors=False)
    border = _substitution(boundary.columns, 0, own_factors=True)
    n_loud = e.n_nodes - e.n_quiet
    flops_iteration = inside[0] + border[0] + LEG * n_legs + SITE * n_sites
    bytes_iteration = (
        inside[1]
        + border[1]
        + COMPLEX
        * (
            n_loud  # cleared
            + 6 * n_legs  # voltages of two ends, their currents read and written
            + 4 * n_sites  # currents cleared, gathered, added to the right-hand side
            + 11 * n_sites  # the last step against those before it
            + 6 * n_sites  # the next voltages from the last four steps
        )
    )
    n_entries, n_terms = len(boundary.base_re), len(boundary.term_entry)
    n_updates = len(boundary.target)
    quiet = int(interior.columns.column[e.n_quiet])
    n_elements = len(network.loads) + len(network.ders)
    flops_once = MULTIPLY_SUBTRACT * (n_updates + n_entries + quiet) + 4 * n_terms
    bytes_once = COMPLEX * (
        4 * n_updates + 5 * n_entries + 2.5 * n_terms + quiet + 2 * e.n_nodes + 2 * n_elements
    )
    by_lane = e.n_nodes + n_entries + SITE_ARRAYS * n_sites + n_elements
    return Count(
        flops_once + iterations * flops_iteration,
        bytes_once + iterations * bytes_iteration,
        flops_iteration,
        bytes_iteration,
        COMPLEX * LANES * by_lane,
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the machine and the solver, and put them together."""
    threads = options.threads or processors()
    network = compile_network(open_feeder(options.feeder))
    rows = random_rows(network, options.batch, np.random.default_rng(0))
    flow = solve(network, rows, threads=threads)
    seconds = seconds_of(lambda: solve(network, rows, threads=threads), options.repeats)
    cost = count(network, float(flow.iterations.mean()))
    flops_peak = peak_flops(threads)
    bytes_peak = peak_bytes(threads, cost.working_set_bytes)
    rate = rows.n_rows / seconds
    by_flops, by_bytes = flops_peak / cost.flops, bytes_peak / cost.cache_bytes
    bound = min(by_flops, by_bytes)
    return {
        "feeder": options.feeder,
        "nodes": network.n_nodes,
        "batch": rows.n_rows,
        "threads": threads,
        "iterations_mean": float(flow.iterations.mean()),
        "solves_per_s": rate,
        "flops_a_solve": cost.flops,
        "bytes_a_solve": cost.cache_bytes,
        "flops_an_iteration": cost.flops_an_iteration,
        "bytes_an_iteration": cost.bytes_an_iteration,
        "working_set_bytes": cost.working_set_bytes,
        "peak_flops_per_s": flops_peak,
        "peak_bytes_per_s_working_set": bytes_peak,
        "peak_bytes_per_s_memory": peak_bytes(threads, 3 * LARGE_BYTES),
        "flops_per_s": rate * cost.flops,
        "bytes_per_s": rate * cost.cache_bytes,
        "bound_solves_per_s_flops": by_flops,
        "bound_solves_per_s_bytes": by_bytes,
        "bound_by": "arithmetic" if by_flops < by_bytes else "bytes",
        "share_of_bound": rate / bound,
        "machine": machine(),
    }


def show(r: dict[str, Any], console: Console) -> None:
    """Print the results as a table."""
    table = Table("", "a solve", "here, a second", "most, a second", "bound, solves/s")
    kilobytes = r["working_set_bytes"] / 1024
    table.title = f"{r['feeder']}, {r['nodes']} nodes, {r['batch']} rows, {r['threads']} threads"
    table.add_row(
        "operations",
        f"{r['flops_a_solve']:,.0f}",
        f"{r['flops_per_s'] / 1e9:.1f} G",
        f"{r['peak_flops_per_s'] / 1e9:.1f} G",
        f"{r['bound_solves_per_s_flops']:,.0f}",
    )
    table.add_row(
        f"bytes, {kilobytes:,.0f} KiB a block",
        f"{r['bytes_a_solve']:,.0f}",
        f"{r['bytes_per_s'] / 1e9:.1f} G",
        f"{r['peak_bytes_per_s_working_set'] / 1e9:.1f} G",
        f"{r['bound_solves_per_s_bytes']:,.0f}",
    )
    console.print(table)
    console.print(
        f"{r['solves_per_s']:,.0f} solves/s at {r['iterations_mean']:.1f} iterations: "
        f"{r['share_of_bound']:.0%} of the bound by {r['bound_by']}"
    )
    console.print(f"memory gives {r['peak_bytes_per_s_memory'] / 1e9:.1f} GB/s")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--feeder", default="ieee123", help="name, folder or .dss file")
    parser.add_argument("--batch", type=int, default=4096, help="rows, random as in powerflow.py")
    parser.add_argument("--repeats", type=int, default=5, help="the median counts")
    parser.add_argument("--threads", type=int, help="all by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    for name in ("batch", "repeats"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be 1 or more")
    result = measure(options)
    if options.json:
        print(json.dumps(result))
    else:
        show(result, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
