"""Random, no control, local rules and an oracle on test days of every id.

A run of one baseline on one day is kept in `runs/baselines` by the process that made it, as
soon as it is done, and not done again while nothing in the package changed; stopping at any
moment loses no more than the runs in progress. So it is with a restorer. The page
docs/benchmarks.md is written from them.

    python benchmarks/baselines.py
    python benchmarks/baselines.py --ids GridFedRL/IEEE13-VVO-v0 --days 20 --page /tmp/page.md
"""

import argparse
import hashlib
import json
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import baselines_page
import gymnasium
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from grid_fed_rl import ENV_IDS
from grid_fed_rl.analytics.baselines import BASELINES, DayResult, run_day
from grid_fed_rl.analytics.restoration import RESTORERS, RestorationResult, judge_restorer
from grid_fed_rl.analytics.runs import write_atomic
from grid_fed_rl.envs.registration import FLISR_IDS
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.powerflow.threads import processors

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
KEPT = ROOT / "runs" / "baselines"
LARGE = tuple(env_id for env_id in ENV_IDS if "IEEE8500" in env_id)


class Job(NamedTuple):
    """One baseline on one day."""

    env_id: str
    baseline: str
    day: int


Results = dict[Job, DayResult]


def days_of(env_id: str, n: int) -> list[int]:
    """So many test days, evenly spread over the year."""
    env = gymnasium.make_vec(env_id, num_envs=1, split="test").unwrapped
    assert isinstance(env, GridVectorEnv)
    days = env.case.days
    places = np.linspace(0, len(days) - 1, n + 2)[1:-1].round().astype(np.int64)
    return sorted(set(days[places].tolist()))


def code_hash() -> str:
    """A hash of everything that a result depends on."""
    digest = hashlib.blake2b(digest_size=16)
    package = ROOT / "grid_fed_rl"
    rooms = ("feeders", "powerflow", "devices", "scenarios", "safety", "envs")
    files = [path for room in rooms for path in (package / room).rglob("*.*")]
    files += [*(package / "analytics" / "oracle").glob("*.py")]
    files += [package / "analytics" / f"{name}.py" for name in ("baselines", "restoration")]
    for path in sorted(files):
        if "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def file_of(kept: Path, env_id: str, name: str, number: int) -> Path:
    """Where a result is kept: of a baseline on a day, or a restorer on so many outages."""
    return kept / env_id.removeprefix("GridFedRL/") / f"{name.replace(' ', '-')}-{number}.json"


def read_kept(file: Path, code: str) -> dict[str, Any] | None:
    """The fields of a result, if it was made by this very code."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found["result"] if found.get("code") == code else None


def keep(file: Path, code: str, result: DayResult | RestorationResult) -> None:
    """Keep a result, whole or not at all."""
    write_atomic(file, json.dumps({"code": code, "result": asdict(result)}).encode())


def work(job: Job, kept: Path, code: str) -> DayResult:
    """Run a job in a process of its own, which keeps what it found."""
    task, _ = ENV_IDS[job.env_id]
    baseline = next(one for one in BASELINES[task] if one.name == job.baseline)
    result = run_day(job.env_id, baseline, job.day, threads=1)
    keep(file_of(kept, *job), code, result)
    return result


def run(jobs: Sequence[Job], kept: Path, code: str, processes: int) -> Results:
    """Results of all jobs, the longest begun first; those that are kept are not made again."""
    done = {
        job: DayResult(**found)
        for job in jobs
        if (found := read_kept(file_of(kept, *job), code)) is not None
    }
    words = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*words) as progress:
        bars = {
            env_id: progress.add_task(env_id, total=sum(job.env_id == env_id for job in jobs))
            for env_id in dict.fromkeys(job.env_id for job in jobs)
        }
        for job in done:
            progress.advance(bars[job.env_id])
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, spawn) as pool:
            left = [job for job in jobs if job not in done]
            left.sort(key=lambda job: (job.env_id in LARGE, job.baseline == "oracle"), reverse=True)
            waiting = {pool.submit(work, job, kept, code): job for job in left}
            try:
                for future in as_completed(waiting):
                    job = waiting[future]
                    done[job] = future.result()
                    progress.advance(bars[job.env_id])
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return done


def by_id(results: Results) -> dict[str, dict[str, list[DayResult]]]:
    """Results by id and baseline, in the order of the registry and of days."""
    ids = {job.env_id for job in results}
    return {
        env_id: {
            baseline.name: [
                results[job]
                for job in sorted(results, key=lambda one: one.day)
                if job[:2] == (env_id, baseline.name)
            ]
            for baseline in BASELINES[task]
        }
        for env_id, (task, _) in ENV_IDS.items()
        if env_id in ids
    }


def restored(
    ids: Sequence[str], outages: int, kept: Path, code: str
) -> dict[str, dict[str, RestorationResult]]:
    """Every restorer of each id, on the same outages; those that are kept are not made again."""
    with Progress() as progress:
        bar = progress.add_task("restoration", total=len(ids) * len(RESTORERS))
        found: dict[str, dict[str, RestorationResult]] = {}
        for env_id in ids:
            found[env_id] = {}
            for name in RESTORERS:
                file = file_of(kept, env_id, name, outages)
                known = read_kept(file, code)
                if known is None:
                    found[env_id][name] = judge_restorer(env_id, name, outages)
                    keep(file, code, found[env_id][name])
                else:
                    found[env_id][name] = RestorationResult(**known)
                progress.advance(bar)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the baselines, and write the page."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    known = [*ENV_IDS, *FLISR_IDS]
    parser.add_argument("--ids", nargs="+", choices=known, default=known, metavar="ID")
    parser.add_argument("--days", type=int, default=5, help="test days of each id")
    parser.add_argument("--large-days", type=int, default=1, help="of each id of IEEE 8500")
    parser.add_argument("--outages", type=int, default=20, help="of each id of restoration")
    parser.add_argument("--processes", type=int, default=processors())
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder of finished runs")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write")
    options = parser.parse_args(arguments)
    for name in ("days", "large_days", "outages", "processes"):
        if (given := getattr(options, name)) < 1:
            parser.error(f"--{name.replace('_', '-')} is {given}; expected 1 or more")
    jobs = [
        Job(env_id, baseline.name, day)
        for env_id in options.ids
        if env_id in ENV_IDS
        for day in days_of(env_id, options.large_days if env_id in LARGE else options.days)
        for baseline in BASELINES[ENV_IDS[env_id][0]]
    ]
    code, kept = code_hash(), options.kept
    results = by_id(run(jobs, kept, code, options.processes))
    restoring = [one for one in options.ids if one in FLISR_IDS]
    outages = restored(restoring, options.outages, kept, code)
    given = sys.argv[1:] if arguments is None else arguments
    command = " ".join(["python benchmarks/baselines.py", *given])
    write_atomic(options.page, baselines_page.page(results, outages, command).encode())
    print(f"Written to {options.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
