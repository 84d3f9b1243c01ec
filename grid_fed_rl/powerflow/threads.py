"""Rows spread over threads: compiled kernels release the interpreter lock."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

__all__ = ["over_rows", "processors"]

PARTS_A_THREAD = 4  # so that a thread whose rows are easy takes more of them


def processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over_rows(
    run: Callable[[int, int], object], n_rows: int, threads: int | None, block: int
) -> None:
    """Run rows [first, last) in parts, by several threads; parts share nothing.

    Args:
        run: What to do with the rows from `first` up to but not including `last`.
        n_rows: How many rows there are.
        threads: How many threads; all processors by default.
        block: Rows that stay together, and that are worth a thread's while.
    """
    threads = threads or processors()
    blocks = -(-n_rows // block)
    if threads == 1 or blocks <= 1:
        if n_rows:
            run(0, n_rows)
        return
    parts = min(blocks, threads * PARTS_A_THREAD)
    edges = [min(n_rows, block * (blocks * k // parts)) for k in range(parts + 1)]
    list(_pool(os.getpid(), threads).map(run, edges[:-1], edges[1:]))


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Worker threads of this process (a forked child makes its own)."""
    del process
    return ThreadPoolExecutor(threads, thread_name_prefix="rows")
