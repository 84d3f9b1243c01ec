"""Power flows a second of the batched engine, beside OpenDSS solving the same rows.

Both engines solve the same random rows (taps, capacitors, loads of 50 to 150 %)
on this machine, in this run. OpenDSS has its loads, taps and capacitors set by a
call each, as in any loop over it, and its voltages read. The largest difference
between the voltages is printed with the speed.

    python benchmarks/powerflow.py
    python benchmarks/powerflow.py --feeder ieee13 --rows 32768
"""

import argparse
import os
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from grid_fed_rl.feeders import load, names
from grid_fed_rl.powerflow import (
    Network,
    Setpoint,
    Status,
    compile_network,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.opendss import OpenDSS

REPEATS = 5


def random_rows(network: Network, n_rows: int) -> Setpoint:
    """Rows that differ in everything."""
    rng = np.random.default_rng(0)
    nominal = nominal_setpoint(network)
    level = rng.uniform(0.5, 1.5, (n_rows, len(network.loads)))
    return nominal.with_(
        tap_position=rng.integers(
            network.tap_lowest, network.tap_highest + 1, (n_rows, len(network.regulators))
        ),
        capacitor_step=rng.integers(0, 2, (n_rows, len(network.capacitors))),
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
    )


def rate(work: Callable[[], object], n_rows: int) -> float:
    """Rows a second: the median of some repeats, after one that does not count."""
    work()
    seconds = []
    for _ in range(REPEATS):
        began = perf_counter()
        work()
        seconds.append(perf_counter() - began)
    return n_rows / median(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--feeder", choices=names(), default="ieee123")
    parser.add_argument("--rows", type=int, default=4096, help="rows of the batched engine")
    parser.add_argument("--opendss-rows", type=int, default=256, help="of them for OpenDSS")
    arguments = parser.parse_args()

    network = compile_network(load(arguments.feeder))
    setpoint = random_rows(network, arguments.rows)
    few = setpoint.rows(slice(0, arguments.opendss_rows))
    reference = OpenDSS(network, tolerance_pu=1e-8)
    ours, theirs = solve(network, few), reference.solve(few)
    both = ours.converged & theirs.converged
    difference = np.abs(ours.v_pu - theirs.v_pu)[both].max()

    table = Table("engine", "rows/s", title=f"{arguments.feeder}, {network.n_nodes} nodes")
    for threads in sorted({1, os.cpu_count() or 1}):
        speed = rate(lambda n=threads: solve(network, setpoint, threads=n), setpoint.n_rows)
        table.add_row(f"grid_fed_rl, {threads} thread(s)", f"{speed:,.0f}")
    warm = solve(network, setpoint).v_pu
    speed = rate(lambda: solve(network, setpoint, start_pu=warm), setpoint.n_rows)
    table.add_row("grid_fed_rl, all threads, from the solution", f"{speed:,.0f}")
    speed = rate(lambda: reference.solve(few), few.n_rows)
    table.add_row("OpenDSS, one process", f"{speed:,.0f}")

    console = Console()
    console.print(table)
    failed = int((ours.status != Status.CONVERGED).sum())
    console.print(f"largest difference {difference:.1e} pu; {failed} row(s) not converged")


if __name__ == "__main__":
    main()
