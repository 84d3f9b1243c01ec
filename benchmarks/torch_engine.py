"""Power flows a second of the torch engine on a device, beside the compiled engine.

Both solve the same rows in the same run to the same tolerance, and both answers are
read as numpy arrays; the torch engine is also timed with its answer left on the device.
The largest difference between their voltages is printed with the speed. Figures are
medians of the repeats. Operations are those that torch hands to the device, views not
counted: about as many kernel launches, where the device is a GPU. The bytes are those
of their arguments and results.

    python benchmarks/torch_engine.py --device cuda --feeder ieee123 --batch 65536 --json
    python benchmarks/torch_engine.py --device cpu --batch 4096
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from both_sides import machine, processors, random_rows, seconds_of
from rich.console import Console
from rich.table import Table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from grid_fed_rl.feeders.library import open_feeder
from grid_fed_rl.powerflow import Setpoint, compile_network, solve
from grid_fed_rl.powerflow.torch_engine import TorchEngine

TOLERANCE_PU = 1e-8  # of both engines


class Operations(TorchDispatchMode):
    """Count what torch computes, and the bytes that this reads and writes."""

    count = 0
    moved_bytes = 0

    def __torch_dispatch__(
        self, function: Any, kinds: Any, arguments: Any = (), named: Any = None
    ) -> Any:
        aliases = [one.alias_info for one in function._schema.returns]
        is_view = any(one is not None and not one.is_write for one in aliases)
        result = function(*arguments, **(named or {}))
        if not is_view and "empty" not in function.name():
            self.count += 1
            # Of what it gathers from, a gather reads no more than it writes.
            read = result if "index_select" in function.name() else arguments
            tensors = [one for one in tree_leaves((read, result)) if torch.is_tensor(one)]
            self.moved_bytes += sum(one.numel() * one.element_size() for one in tensors)
        return result


def operations(engine: TorchEngine, rows: Setpoint, iterations: int) -> Operations:
    """Operations of a solve that stops after some iterations."""
    with Operations() as counted:
        engine.solve_on_device(rows, tolerance_pu=0.0, max_iterations=iterations)
    return counted


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Run both engines."""
    network = compile_network(open_feeder(options.feeder))
    rows = random_rows(network, options.batch, np.random.default_rng(0))
    engine = TorchEngine(network, options.device, chunk_rows=options.chunk_rows)
    few = rows.rows(slice(0, 1024))
    before, after = (operations(engine, few, k) for k in (5, 6))
    each = after.count - before.count
    each_bytes = (after.moved_bytes - before.moved_bytes) / few.n_rows

    def on_device() -> None:
        engine.solve_on_device(rows, tolerance_pu=TOLERANCE_PU)
        if engine.device.type == "cuda":
            torch.cuda.synchronize(engine.device)

    is_gpu = engine.device.type == "cuda"
    if is_gpu:
        torch.cuda.reset_peak_memory_stats(engine.device)
    device_s = seconds_of(on_device, options.repeats)
    peak = torch.cuda.max_memory_allocated(engine.device) if is_gpu else None
    read_s = seconds_of(lambda: engine.solve(rows, tolerance_pu=TOLERANCE_PU), options.repeats)
    compiled_s = seconds_of(
        lambda: solve(network, rows, tolerance_pu=TOLERANCE_PU), options.repeats
    )
    ours = engine.solve(rows, tolerance_pu=TOLERANCE_PU)
    theirs = solve(network, rows, tolerance_pu=TOLERANCE_PU)
    both = ours.converged & theirs.converged
    return {
        "feeder": options.feeder,
        "nodes": network.n_nodes,
        "batch": rows.n_rows,
        "device": str(engine.device),
        "tolerance_pu": TOLERANCE_PU,
        "repeats": options.repeats,
        "solves_per_s": rows.n_rows / read_s,
        "solves_per_s_on_device": rows.n_rows / device_s,
        "compiled_solves_per_s": rows.n_rows / compiled_s,
        "ratio": compiled_s / read_s,
        "threads": processors(),
        "max_dv_pu": float(np.abs(ours.v_pu - theirs.v_pu)[both].max(initial=0.0)),
        "same_status_share": float((ours.status == theirs.status).mean()),
        "converged_share": float(ours.converged.mean()),
        "iterations_mean": float(ours.iterations.mean()),
        "iterations_max": int(ours.iterations.max()),
        "operations_per_iteration": each,
        "operations_beside_iterations": before.count - 5 * each,
        "moved_bytes_per_row_and_iteration": each_bytes,
        "moved_bytes_per_row_beside": before.moved_bytes / few.n_rows - 5 * each_bytes,
        "bytes_per_row_estimated": engine.bytes_a_row,
        "bytes_per_row_peak": None if peak is None else peak / rows.n_rows,
        "machine": machine()
        | {"torch": torch.__version__, "gpu": torch.cuda.get_device_name() if is_gpu else None},
    }


def show(r: dict[str, object], console: Console) -> None:
    """Print the results as a table."""
    title = f"{r['feeder']}, {r['nodes']} nodes, {r['batch']} rows"
    table = Table("engine", "solves/s", title=title)
    table.add_row(f"torch, {r['device']}", f"{r['solves_per_s']:,.0f}")
    table.add_row("the same, answer left there", f"{r['solves_per_s_on_device']:,.0f}")
    table.add_row(f"compiled, {r['threads']} threads", f"{r['compiled_solves_per_s']:,.0f}")
    console.print(table)
    console.print(
        f"largest difference {r['max_dv_pu']:.1e} p.u.; converged {r['converged_share']:.2%}; "
        f"{r['iterations_mean']:.1f} iterations a row; {r['operations_per_iteration']} operations "
        f"an iteration and {r['operations_beside_iterations']} beside, whatever the rows; "
        f"{r['moved_bytes_per_row_and_iteration']:,.0f} bytes read or written a row and iteration "
        f"and {r['moved_bytes_per_row_beside']:,.0f} beside; about "
        f"{r['bytes_per_row_estimated']:,} bytes held a row"
    )


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--device", default="cuda", help="cuda, cuda:<number> or cpu")
    parser.add_argument("--feeder", default="ieee123", help="name, folder or .dss file")
    parser.add_argument("--batch", type=int, default=65536, help="rows")
    parser.add_argument("--chunk-rows", type=int, help="rows at a time; by free memory by default")
    parser.add_argument("--repeats", type=int, default=5, help="the median counts")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    for name in ("batch", "repeats", "chunk_rows"):
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
