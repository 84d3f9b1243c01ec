"""Power flows a second of the batched engine, beside OpenDSS solving the same rows.

Both engines solve the same rows on this machine, in this run, to the same
tolerance on voltage, on all processors. OpenDSS has its loads, taps and
capacitors set by a call each, as in any loop over it, and its voltages read;
one context a thread and one a process are both tried, and the faster counts; where
one row a call is measured, one context alone. The largest difference between the
voltages is printed with the speed. Figures are medians of the repeats.

Modes:

- ``random``  every row with taps, capacitors and loads of its own (50 to 150 %)
- ``year``    8,760 hours of one feeder, loads moving, no controls
- ``single``  one row a call, from a flat start
- ``warm``    one row a call, from the voltages of the row before, as in an
              environment of one lane; loads moving, and once with taps moving too

    python benchmarks/powerflow.py --feeder ieee123 --batch 4096 --json
    python benchmarks/powerflow.py --feeder ieee123 --mode year
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from both_sides import (
    machine,
    peak_memory_bytes,
    processors,
    random_rows,
    seconds_of,
    solve_in_order,
)
from rich.console import Console
from rich.table import Table

from grid_fed_rl.cli.bench import HOURS, year_multiplier
from grid_fed_rl.feeders.library import open_feeder
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    Setpoint,
    compile_network,
    nominal_setpoint,
    solve,
)

TOLERANCE_PU = 1e-8  # of both engines
MODES = ("random", "year", "single", "warm")
CALLS = 500  # rows of the modes that solve one a call


def rows_of(network: Network, mode: str, batch: int) -> Setpoint:
    """The rows of a mode."""
    rng = np.random.default_rng(0)
    if mode in {"random", "single"}:
        return random_rows(network, batch if mode == "random" else CALLS, rng)
    nominal = nominal_setpoint(network)
    if mode == "year":
        level = year_multiplier(HOURS, len(network.loads), rng)
    else:
        steps = rng.normal(0.0, 0.02, (CALLS, len(network.loads)))
        level = np.clip(1.0 + steps.cumsum(axis=0), 0.5, 1.5)
    return nominal.with_(load_kw=nominal.load_kw * level, load_kvar=nominal.load_kvar * level)


def with_moving_taps(network: Network, rows: Setpoint) -> Setpoint:
    """The same rows, every tap a step up or down from row to row."""
    rng = np.random.default_rng(1)
    shape = rows.tap_position.shape
    taps = rng.integers(-1, 2, shape).cumsum(axis=0) + rows.tap_position
    return rows.with_(tap_position=np.clip(taps, network.tap_lowest, network.tap_highest))


def call_by_call(
    network: Network, rows: Setpoint, threads: int, warm: bool, repeats: int
) -> tuple[float, float]:
    """Median seconds of all calls, one row each, and their mean iterations."""
    singles = [rows.rows(slice(k, k + 1)) for k in range(rows.n_rows)]

    iterations = np.zeros(len(singles))

    def work() -> None:
        start = None
        for k, row in enumerate(singles):
            flow = solve(network, row, start_pu=start, tolerance_pu=TOLERANCE_PU, threads=threads)
            start = flow.v_pu if warm else None
            iterations[k] = flow.iterations[0]

    return seconds_of(work, repeats), float(iterations.mean())


def memory(rows: Setpoint, flow: PowerFlow, grown_bytes: int) -> dict[str, float]:
    """Bytes a row takes: its set-point, its answer, and what the process grew by."""
    asked = sum(getattr(rows, name).nbytes for name in rows.__slots__)
    answers = (flow.v_pu, flow.status, flow.iterations, flow.residual_pu, flow.settled)
    answered = sum(array.nbytes for array in answers)
    return {
        "setpoint_bytes_per_row": asked / rows.n_rows,
        "answer_bytes_per_row": answered / rows.n_rows,
        "process_grew_bytes_per_row": max(0, grown_bytes) / rows.n_rows,
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run both sides."""
    network = compile_network(open_feeder(options.feeder))
    rows = rows_of(network, options.mode, options.batch)
    threads = options.threads or processors()
    # Kernels are compiled, or fetched from the disk, before anything is measured.
    solve(network, rows.rows(slice(0, 16 * threads)), tolerance_pu=TOLERANCE_PU, threads=threads)
    before = peak_memory_bytes()
    flow = solve(network, rows, tolerance_pu=TOLERANCE_PU, threads=threads)
    held = memory(rows, flow, peak_memory_bytes() - before)
    more: dict[str, object] = {}
    if options.mode in {"random", "year"}:
        ours_s = seconds_of(
            lambda: solve(network, rows, tolerance_pu=TOLERANCE_PU, threads=threads),
            options.repeats,
        )
    else:
        warm = options.mode == "warm"
        ours_s, mean = call_by_call(network, rows, threads, warm, options.repeats)
        more["iterations_mean"] = mean
        more["microseconds_per_call"] = 1e6 * ours_s / rows.n_rows
        if warm:
            moving = with_moving_taps(network, rows)
            moved_s, _ = call_by_call(network, moving, threads, warm, options.repeats)
            more["microseconds_per_call_taps_moving"] = 1e6 * moved_s / rows.n_rows
    few = rows.rows(slice(0, options.opendss_rows or rows.n_rows))
    # One row a call leaves nothing to share: then OpenDSS loops alone, too.
    workers = processors() if options.mode in {"random", "year"} else 1
    theirs = solve_in_order(network, few, TOLERANCE_PU, options.repeats, workers)
    ours = flow.rows(slice(0, few.n_rows))
    both = ours.converged & theirs.converged
    difference = np.abs(ours.v_pu - theirs.v_pu)[both]
    ours_rate, theirs_rate = rows.n_rows / ours_s, few.n_rows / theirs.seconds
    return {
        "feeder": options.feeder,
        "mode": options.mode,
        "nodes": network.n_nodes,
        "batch": rows.n_rows,
        "opendss_rows": few.n_rows,
        "threads": threads,
        "tolerance_pu": TOLERANCE_PU,
        "repeats": options.repeats,
        "solves_per_s": ours_rate,
        "opendss_solves_per_s": theirs_rate,
        "ratio": ours_rate / theirs_rate,
        "max_dv_pu": float(difference.max(initial=0.0)),
        "converged_share": float(flow.converged.mean()),
        "converged_share_where_opendss_does": _share(ours.converged, theirs.converged),
        "opendss_converged_share": float(theirs.converged.mean()),
        "seconds": ours_s,
        "opendss_seconds": theirs.seconds,
        "opendss_workers": workers,
        "opendss_faster_in": theirs.how,
        "opendss_solves_per_s_threads": few.n_rows / theirs.seconds_threads,
        "opendss_solves_per_s_processes": few.n_rows / theirs.seconds_processes,
        "iterations_mean": float(flow.iterations[flow.converged].mean()),
        "iterations_max": int(flow.iterations.max()),
        "opendss_iterations_mean": float(theirs.iterations.mean()),
        **more,
        **held,
        "machine": machine(),
    }


def _share(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(ours[theirs].mean()) if theirs.any() else 1.0


def show(r: dict[str, Any], console: Console) -> None:
    """Print the results as a table."""
    title = f"{r['feeder']}, {r['nodes']} nodes, {r['mode']}, {r['batch']} rows"
    table = Table("engine", "solves/s", "seconds", title=title)
    reference = f"OpenDSS, {r['opendss_workers']} {r['opendss_faster_in']}"
    rows = (
        (f"grid_fed_rl, {r['threads']} threads", "solves_per_s", "seconds"),
        (
            reference,
            "opendss_solves_per_s",
            "opendss_seconds",
        ),
    )
    for words, rate, seconds in rows:
        table.add_row(words, f"{r[rate]:,.0f}", f"{r[seconds]:.3f}")
    console.print(table)
    console.print(
        f"{r['ratio']:.1f} times OpenDSS; largest difference {r['max_dv_pu']:.1e} p.u.; converged "
        f"{r['converged_share']:.2%} (OpenDSS {r['opendss_converged_share']:.2%}); "
        f"{r['iterations_mean']:.1f} iterations a row"
    )
    for key in ("microseconds_per_call", "microseconds_per_call_taps_moving"):
        if key in r:
            console.print(f"{key.replace('_', ' ')}: {r[key]:.1f}")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--feeder", default="ieee123", help="name, folder or .dss file")
    parser.add_argument("--mode", choices=MODES, default="random")
    parser.add_argument("--batch", type=int, default=4096, help="rows of mode random")
    parser.add_argument("--opendss-rows", type=int, help="only so many rows for OpenDSS")
    parser.add_argument("--repeats", type=int, default=5, help="the median counts")
    parser.add_argument("--threads", type=int, help="of the batched engine; all by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    for name in ("batch", "repeats", "opendss_rows", "threads"):
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} is {value}; expected 1 or more")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    result = measure(options)
    if options.json:
        print(json.dumps(result))
    else:
        show(result, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
