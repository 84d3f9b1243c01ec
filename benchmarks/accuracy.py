"""How far the batched engine is from OpenDSS and from the published solutions.

Every shipped feeder is solved by both engines, to 1e-10 per unit each:

- ``base``      as found
- ``random``    taps and capacitor steps anywhere in their range, every load at 0 to
                150 %; switches as found in a third of the rows, one of them thrown
                on average in another, and each with a chance of one in five in the rest
- ``controls``  regulators and capacitors acting until none wants to, from the
                taps as found: nominal loads, then every load at 0 to 150 %

Rows are solved in chunks by a process a processor; a chunk that is done is kept
in `runs/accuracy` and not done again while nothing in the package changed. The
page docs/accuracy.md is written from them.

    python benchmarks/accuracy.py
    python benchmarks/accuracy.py --feeders ieee13 ieee123 --rows 100 --page /tmp/page.md
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import accuracy_page
import numpy as np
from both_sides import processors
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from grid_fed_rl.feeders import load, names
from grid_fed_rl.powerflow import (
    Network,
    PowerFlow,
    Setpoint,
    compile_network,
    nominal_setpoint,
    solve,
)
from grid_fed_rl.powerflow.opendss import OpenDSS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "accuracy.md"
KEPT = ROOT / "runs" / "accuracy"
TOLERANCE_PU = 1e-10  # of both engines
TARGET_PU = 1e-6
KINDS = ("base", "random", "controls")
SWITCH_THROWN = 0.2
CHUNK = {"base": 1, "random": 50, "controls": 10}
LARGE_NODES = 2000  # beyond, chunks are a fifth as long

Chunk = tuple[str, str, int, int, int]  # feeder, kind, rows in all, first and last of these
Result = dict[str, Any]


# ---- what is solved ---------------------------------------------------------------


def rows_of(network: Network, kind: str, n_rows: int) -> Setpoint:
    """The rows of a kind; the same for the same feeder and number."""
    nominal = nominal_setpoint(network)
    if kind == "base":
        return nominal
    rng = np.random.default_rng([n_rows, *network.feeder.name.encode()])
    level = rng.uniform(0.0, 1.5, (n_rows, len(network.loads)))
    if kind == "controls":
        level[0] = 1.0
        return nominal.with_(load_kw=nominal.load_kw * level, load_kvar=nominal.load_kvar * level)
    chance = rng.choice([0.0, 1.0 / max(1, len(network.switches)), SWITCH_THROWN], n_rows)
    thrown = rng.random((n_rows, len(network.switches))) < chance[:, None]
    return nominal.with_(
        tap_position=rng.integers(
            network.tap_lowest, network.tap_highest + 1, (n_rows, len(network.regulators))
        ),
        capacitor_step=rng.integers(
            0, network.capacitor_steps + 1, (n_rows, len(network.capacitors))
        ),
        switch_closed=nominal.switch_closed ^ thrown,
        load_kw=nominal.load_kw * level,
        load_kvar=nominal.load_kvar * level,
    )


def has_controls(network: Network) -> bool:
    """Whether anything on the feeder acts by itself."""
    feeder = network.feeder
    able = (*feeder.regulators.values(), *feeder.capacitors.values(), *feeder.pvs.values())
    return any(one.control is not None for one in (*able, *feeder.storages.values()))


@cache
def _sides(feeder: str) -> tuple[Network, OpenDSS]:
    """Both engines, once a worker process."""
    network = compile_network(load(feeder))
    return network, OpenDSS(network, TOLERANCE_PU)


def solve_chunk(chunk: Chunk) -> Result:
    """Solve some rows with both engines and compare them."""
    feeder, kind, n_rows, first, last = chunk
    network, engine = _sides(feeder)
    rows = rows_of(network, kind, n_rows).rows(slice(first, last))
    controls = kind == "controls"
    began = perf_counter()
    theirs = engine.solve(rows, controls=controls)
    between = perf_counter()
    ours = solve(network, rows, controls=controls, tolerance_pu=TOLERANCE_PU, threads=1)
    spent = perf_counter() - between
    settled = theirs.settled & ours.settled
    same = (ours.setpoint.tap_position == theirs.setpoint.tap_position).all(axis=1)
    same &= (ours.setpoint.capacitor_step == theirs.setpoint.capacitor_step).all(axis=1)
    compared = settled & same
    difference = np.abs(ours.v_pu - theirs.v_pu).max(axis=1)
    twice = second_solutions(network, ours, theirs, compared & (difference > TARGET_PU))
    alone = [_solved_alone(network, ours.rows(slice(k, k + 1))) for k in np.flatnonzero(twice)]
    rest = np.where(compared & ~twice, difference, 0.0)
    row = int(rest.argmax())
    node = int(np.abs(ours.v_pu[row] - theirs.v_pu[row]).argmax())
    return {
        "rows": rows.n_rows,
        "opendss_converged": int(theirs.settled.sum()),
        "both_converged": int(settled.sum()),
        "ours_converged": int(ours.settled.sum()),
        "same_positions": int(compared.sum()),
        "max_dv_pu": float(rest[row]),
        "live_nodes": float((theirs.v_pu != 0.0).mean(axis=1).sum()),
        "above_target": int((rest > TARGET_PU).sum()),
        "two_solutions": int(twice.sum()),
        "two_solutions_alone": sum(alone),
        "max_dv_two_solutions_pu": float(difference[twice].max(initial=0.0)),
        "worst_row": first + row,
        "worst_node": network.node_names[node],
        "missed_rows": [first + int(k) for k in np.flatnonzero(theirs.settled & ~ours.settled)],
        "other_rows": [first + int(k) for k in np.flatnonzero(settled & ~same)],
        "opendss_s": between - began,
        "ours_s": spent,
    }


def second_solutions(
    network: Network, ours: PowerFlow, theirs: PowerFlow, suspects: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which of the suspects have OpenDSS's voltages as a solution of our equations, too.

    A load whose law has a step at the edge of its window may satisfy the
    equations on either side. Started from OpenDSS's voltages the batched engine
    then stays there.
    """
    found = np.zeros_like(suspects)
    where = np.flatnonzero(suspects)
    if len(where):
        again = solve(
            network,
            ours.setpoint.rows(where),
            start_pu=theirs.v_pu[where],
            tolerance_pu=TOLERANCE_PU,
            threads=1,
        )
        near = np.abs(again.v_pu - theirs.v_pu[where]).max(axis=1) <= TARGET_PU
        found[where] = again.converged & near
    return found


def _solved_alone(network: Network, ours: PowerFlow) -> bool:
    """Whether OpenDSS, with no row solved before, comes to our voltages of one row."""
    theirs = OpenDSS(network, TOLERANCE_PU).solve(ours.setpoint)
    near = np.abs(ours.v_pu - theirs.v_pu).max() <= TARGET_PU
    return bool(theirs.converged[0] and near)


# ---- chunks, kept ------------------------------------------------------------------


def code_hash() -> str:
    """A hash of everything that an answer depends on."""
    digest = hashlib.blake2b(digest_size=16)
    package = ROOT / "grid_fed_rl"
    files = [Path(__file__)]
    files += [path for room in ("feeders", "powerflow") for path in (package / room).rglob("*.*")]
    for path in sorted(files):
        if "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def chunks_of(feeder: str, rows: int, control_rows: int) -> list[Chunk]:
    """Every chunk of a feeder."""
    network = compile_network(load(feeder))
    asked = {"base": 1, "random": rows, "controls": control_rows if has_controls(network) else 0}
    found = []
    for kind, n_rows in asked.items():
        size = CHUNK[kind]
        if network.n_nodes > LARGE_NODES:
            size = max(1, size // 5)
        found += [
            (feeder, kind, n_rows, first, min(first + size, n_rows))
            for first in range(0, n_rows, size)
        ]
    return found


def _file(kept: Path, chunk: Chunk) -> Path:
    return kept / ("-".join(map(str, chunk)) + ".json")


def read_kept(kept: Path, chunk: Chunk, code: str) -> Result | None:
    """The result of a chunk, if it was made by this very code."""
    try:
        found = json.loads(_file(kept, chunk).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found["result"] if found.get("code") == code else None


def keep(kept: Path, chunk: Chunk, code: str, result: Result) -> None:
    """Write a result, whole or not at all."""
    kept.mkdir(parents=True, exist_ok=True)
    path = _file(kept, chunk)
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps({"code": code, "result": result}), encoding="utf-8")
    beside.replace(path)


def run(chunks: Sequence[Chunk], kept: Path, code: str, processes: int) -> dict[Chunk, Result]:
    """Results of all chunks; those that are kept are not made again."""
    done = {chunk: found for chunk in chunks if (found := read_kept(kept, chunk, code)) is not None}
    todo = [chunk for chunk in chunks if chunk not in done]
    words = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*words) as progress:
        bars = {
            feeder: progress.add_task(feeder, total=sum(c[0] == feeder for c in chunks))
            for feeder in dict.fromkeys(chunk[0] for chunk in chunks)
        }
        for chunk in done:
            progress.advance(bars[chunk[0]])
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, spawn) as pool:
            waiting = {pool.submit(solve_chunk, chunk): chunk for chunk in todo}
            try:
                for future in as_completed(waiting):
                    chunk = waiting[future]
                    done[chunk] = future.result()
                    keep(kept, chunk, code, done[chunk])
                    progress.advance(bars[chunk[0]])
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return done


def together(results: Sequence[Result]) -> Result:
    """One result of many."""
    worst = max(results, key=lambda one: one["max_dv_pu"])
    total: Result = {
        key: sum(one[key] for one in results)
        for key, value in worst.items()
        if isinstance(value, int | float) and not key.startswith(("max", "worst"))
    }
    for key in ("max_dv_pu", "worst_row", "worst_node"):
        total[key] = worst[key]
    total["max_dv_two_solutions_pu"] = max(one["max_dv_two_solutions_pu"] for one in results)
    for key in ("missed_rows", "other_rows"):
        total[key] = sorted(row for one in results for row in one[key])
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and write the page."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--feeders", nargs="+", choices=names(), default=list(names()))
    parser.add_argument("--rows", type=int, default=1000, help="random settings a feeder")
    parser.add_argument("--control-rows", type=int, default=1000, help="with settled controls")
    parser.add_argument("--processes", type=int, default=processors())
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder of finished chunks")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write")
    parser.add_argument("--json", action="store_true", help="print one JSON object, write no page")
    options = parser.parse_args(arguments)
    for name in ("rows", "control_rows", "processes"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be 1 or more")
    chunks = [
        chunk
        for feeder in options.feeders
        for chunk in chunks_of(feeder, options.rows, options.control_rows)
    ]
    done = run(chunks, options.kept, code_hash(), options.processes)
    by_kind: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for chunk in chunks:
        by_kind[chunk[:2]].append(done[chunk])
    results = {
        feeder: {kind: together(found) for kind in KINDS if (found := by_kind.get((feeder, kind)))}
        for feeder in options.feeders
    }
    if options.json:
        print(json.dumps(results))
    else:
        options.page.write_text(accuracy_page.page(results, ROOT / "tests" / "cases"), "utf-8")
        print(f"Written to {options.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
