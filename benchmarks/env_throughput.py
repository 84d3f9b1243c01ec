"""Steps a second of the vector environment, beside OpenDSS solving the same steps.

Both sides run on this machine, in this run, one after the other. The vector
environment takes random actions; resets are paid for and not counted as steps.
What it solved in some lanes of one day is then given to OpenDSS row by row, in
one process and in as many as asked for: taps, capacitors, loads and DER are set,
the row is solved, and its voltages are read. That is less than a step, since
OpenDSS is spared the devices, the observation, the reward and the costs. About
half of its time goes into setting several hundred values by a call each, as in
any loop over OpenDSS; the vector environment sets whole arrays.

The speed claim carries its exactness: the largest difference between the
voltages of the two is printed with it.

    python benchmarks/env_throughput.py
    python benchmarks/env_throughput.py --env GridFedRL/IEEE13-VVO-v0 --num-envs 1024
"""

import argparse
import json
import math
import multiprocessing
import platform
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from grid_fed_rl import ENV_IDS, GridVectorEnv, Network, Setpoint
from grid_fed_rl.envs.mapdn import MAPDNVectorEnv
from grid_fed_rl.envs.registration import MAPDN_IDS
from grid_fed_rl.powerflow.opendss import OpenDSS
from grid_fed_rl.powerflow.threads import processors

TOLERANCE_PU = 1e-8  # of both engines
STEPS_A_DAY = 24
VERSIONS = ("numpy", "numba", "gymnasium", "opendssdirect.py", "dss-python")


@dataclass(frozen=True)
class Options:
    """What is measured, and for how long."""

    env_id: str
    num_envs: int
    seconds: float
    steps: int | None
    rows: int
    repeats: int
    threads: int
    processes: int
    json: Path | None


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--env", default="GridFedRL/IEEE123-VVO-v0", choices=[*ENV_IDS, *MAPDN_IDS])
    parser.add_argument("--num-envs", type=int, default=256, help="lanes")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a repeat")
    parser.add_argument("--steps", type=int, help="vector steps of a repeat, instead of seconds")
    parser.add_argument("--rows", type=int, default=480, help="steps that OpenDSS does, too")
    parser.add_argument("--repeats", type=int, default=5, help="the median counts")
    parser.add_argument("--threads", type=int, default=processors(), help="of the power flow")
    parser.add_argument(
        "--processes", type=int, default=processors(), help="of the second run of OpenDSS"
    )
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    given = vars(parser.parse_args(arguments))
    for name in ("num_envs", "seconds", "steps", "rows", "repeats", "threads", "processes"):
        if given[name] is not None and given[name] <= 0:
            parser.error(f"--{name.replace('_', '-')} is {given[name]}; expected above 0")
    return Options(env_id=given.pop("env"), **given)


# ---- the vector environment ---------------------------------------------------


Env = GridVectorEnv | MAPDNVectorEnv


def make(options: Options) -> Env:
    """The environment, compiled and past its first steps."""
    env = gymnasium.make_vec(
        options.env_id, num_envs=options.num_envs, threads=options.threads
    ).unwrapped
    assert isinstance(env, Env)
    env.reset(seed=0)
    for action in random_actions(env, 3, seed=0):
        env.step(action)
    return env


def random_actions(env: Env, n_steps: int, seed: int) -> NDArray[np.float32]:
    """(step, lane, device) from the whole action space."""
    assert isinstance(env.single_action_space, Box)
    shape = (n_steps, env.num_envs, *(env.single_action_space.shape))
    share = np.random.default_rng(seed).uniform(-1.0, 1.0, shape).astype(np.float32)
    return share * env.single_action_space.high


def run_vector(env: Env, n_steps: int, seed: int) -> float:
    """Steps a second over `n_steps` calls."""
    actions = random_actions(env, min(n_steps, STEPS_A_DAY), seed)
    env.reset(seed=seed)
    done = 0
    began = perf_counter()
    for k in range(n_steps):
        done += int(np.count_nonzero(~env.ended))  # a lane that ended only resets
        env.step(actions[k % len(actions)])
    return done / (perf_counter() - began)


def n_steps_of(options: Options, env: Env) -> int:
    """Calls of a repeat: as asked, or as many as its seconds hold."""
    if options.steps is not None:
        return options.steps
    rate = run_vector(env, STEPS_A_DAY, seed=0)
    return max(STEPS_A_DAY, math.ceil(options.seconds * rate / options.num_envs))


# ---- OpenDSS ------------------------------------------------------------------


def network_of(env: Env) -> Network:
    """The feeder that it solves."""
    return env.case.network if isinstance(env, GridVectorEnv) else env.task.network


def solved(env: Env) -> tuple[Setpoint, NDArray[np.complex128]]:
    """Set-point and voltages of its last step."""
    if isinstance(env, GridVectorEnv):
        return env.snapshot.setpoint, env.snapshot.flow.v_pu
    view = env.snapshot
    return env.setpoint_of(view.solved, view.pv_kvar), view.v_pu


def record(env: Env, n_rows: int) -> tuple[Setpoint, NDArray[np.complex128]]:
    """Set-points and voltages of a day in some lanes, about `n_rows` of them."""
    n_lanes = min(env.num_envs, max(1, round(n_rows / STEPS_A_DAY)))
    lanes = np.linspace(0, env.num_envs - 1, n_lanes).astype(np.int64)
    env.reset(seed=1)
    setpoints, v_pu = [], []
    for action in random_actions(env, min(STEPS_A_DAY, n_rows), seed=1):
        env.step(action)
        setpoint, voltages = solved(env)
        setpoints.append(setpoint.rows(lanes))
        v_pu.append(voltages[lanes])
    arrays = {
        field.name: np.concatenate([getattr(one, field.name) for one in setpoints])
        for field in fields(Setpoint)
    }
    return Setpoint(**arrays), np.concatenate(v_pu)


def run_opendss(engine: OpenDSS, setpoint: Setpoint) -> float:
    """Rows a second in this process."""
    began = perf_counter()
    engine.solve(setpoint)
    return setpoint.n_rows / (perf_counter() - began)


_engine: OpenDSS | None = None  # of a worker process


def _start_worker(network: Network) -> None:
    global _engine
    _engine = OpenDSS(network, TOLERANCE_PU)


def _work(setpoint: Setpoint) -> int:
    assert _engine is not None
    _engine.solve(setpoint)
    return setpoint.n_rows


def run_opendss_processes(
    network: Network, setpoint: Setpoint, processes: int, repeats: int
) -> list[float]:
    """Rows a second of worker processes that share the rows, each repeat."""
    parts = [
        setpoint.rows(index) for index in np.array_split(np.arange(setpoint.n_rows), processes)
    ]
    rates = []
    with ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(network,),
    ) as pool:
        list(pool.map(_work, parts))  # starts the workers
        for _ in range(repeats):
            began = perf_counter()
            list(pool.map(_work, parts))
            rates.append(setpoint.n_rows / (perf_counter() - began))
    return rates


# ---- both ---------------------------------------------------------------------


def measure(options: Options, console: Console) -> dict[str, object]:
    """Run both sides and put the results together."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("compiling", total=2 * options.repeats + 2)
        env = make(options)
        n_steps = n_steps_of(options, env)
        ours: list[float] = []
        for repeat in range(options.repeats):
            progress.update(task, advance=1, description="vector environment")
            ours.append(run_vector(env, n_steps, seed=repeat))
        setpoint, v_pu = record(env, options.rows)
        engine = OpenDSS(network_of(env), TOLERANCE_PU)
        v_opendss_pu = engine.solve(setpoint).v_pu
        theirs: list[float] = []
        for _ in range(options.repeats):
            progress.update(task, advance=1, description="OpenDSS")
            theirs.append(run_opendss(engine, setpoint))
        shared: list[float] = []
        if options.processes > 1:
            progress.update(task, advance=1, description="OpenDSS in several processes")
            shared = run_opendss_processes(
                network_of(env), setpoint, options.processes, options.repeats
            )
    return {
        "env_id": options.env_id,
        "num_envs": options.num_envs,
        "threads": options.threads,
        "processes": options.processes,
        "processors": processors(),
        "vector_steps_per_s": ours,
        "opendss_rows_per_s": theirs,
        "opendss_processes_rows_per_s": shared,
        "rows_compared": setpoint.n_rows,
        "largest_v_difference_pu": float(np.abs(v_pu - v_opendss_pu).max()),
        "tolerance_pu": TOLERANCE_PU,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in VERSIONS},
    }


def show(results: dict[str, object], console: Console) -> None:
    """Print the results as a table."""
    table = Table(title=f"{results['env_id']}, {results['num_envs']} lanes, random actions")
    table.add_column("")
    for heading in ("steps/s", "of repeats", "ratio"):
        table.add_column(heading, justify="right")
    fastest = 0.0
    for name, key in (
        (f"vector environment, {results['threads']} threads", "vector_steps_per_s"),
        ("OpenDSS, 1 process", "opendss_rows_per_s"),
        (f"OpenDSS, {results['processes']} processes", "opendss_processes_rows_per_s"),
    ):
        rates = results[key]
        assert isinstance(rates, list)
        if rates:
            fastest = fastest or median(rates)
            spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
            table.add_row(name, f"{median(rates):,.0f}", spread, f"{fastest / median(rates):.1f}")
    console.print(table)
    console.print(
        f"Largest voltage difference over {results['rows_compared']} steps: "
        f"{results['largest_v_difference_pu']:.1e} per unit",
        f"(both solve to {results['tolerance_pu']:.0e}).",
        sep="\n",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the results where asked."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    console = Console()
    results = measure(options, console)
    show(results, console)
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
        console.print(f"Written to {options.json}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
