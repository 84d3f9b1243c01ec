"""Steps a second of PowerGym's tasks here, beside OpenDSS driven through the same steps.

All run on this machine, in this run, with random actions and the same profiles: one
environment, a vector of them, and a loop over OpenDSS that does what the benchmark does
in a step and no more (`powergym_opendss`); the benchmark itself takes longer over it.
Resets are paid for and not counted as steps. Speeds are medians of the repeats.

With them come the largest differences of observation and reward over whole episodes:
from OpenDSS held to 1e-10, and from OpenDSS as the benchmark runs it, which stops at
1e-4 and rounds stored energy by what that leaves. For the second, stored energy is made
equal before every step, since a kWh more lets a battery do another thing.

    python benchmarks/powergym.py --data path/to/powergym/systems
    python benchmarks/powergym.py --data path/to/powergym/systems --system 123Bus_soc --json
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from both_sides import machine, processors
from powergym_opendss import OpenDSSPowerGym
from rich.console import Console
from rich.table import Table

from grid_fed_rl.envs.powergym import PowerGymEnv, PowerGymTask, PowerGymVectorEnv, powergym_task
from grid_fed_rl.envs.powergym.systems import HORIZON, SYSTEMS

TIGHT = 1e-10  # tolerance of OpenDSS where it is the reference


def random_actions(task: PowerGymTask, n: int, seed: int) -> np.ndarray:
    """(step, lane, device) for one episode of `n` lanes."""
    return np.random.default_rng(seed).integers(task.choices, size=(HORIZON, n, len(task.choices)))


def rate(episode: Callable[[int], int], seconds: float) -> float:
    """Steps a second over as many episodes as the seconds hold, one at least."""
    done, k, began = 0, 0, perf_counter()
    while not k or perf_counter() - began < seconds:
        done += episode(k)
        k += 1
    return done / (perf_counter() - began)


def single_episode(task: PowerGymTask) -> Callable[[int], int]:
    """Episode of the single environment."""
    env = PowerGymEnv(task)
    actions = random_actions(task, 1, 0)[:, 0]

    def run(k: int) -> int:
        env.reset(options={"profile": k % len(task.profiles)})
        for action in actions:
            env.step(action)
        return HORIZON

    return run


def vector_episode(task: PowerGymTask, n: int, threads: int) -> Callable[[int], int]:
    """Episode of all lanes of the vector environment."""
    envs = PowerGymVectorEnv(task, n, threads=threads)
    actions = random_actions(task, n, 0)

    def run(k: int) -> int:
        envs.reset(options={"profile": (np.arange(n) + k) % len(task.profiles)})
        for action in actions:
            envs.step(action)
        return HORIZON * n

    return run


def opendss_episode(task: PowerGymTask, loop: OpenDSSPowerGym) -> Callable[[int], int]:
    """Episode of the loop over OpenDSS."""
    actions = random_actions(task, 1, 0)[:, 0]

    def run(k: int) -> int:
        loop.reset(k % loop.n_profiles)
        for action in actions:
            loop.step(action)
        return HORIZON

    return run


def differences(
    task: PowerGymTask, loop: OpenDSSPowerGym, episodes: int, same_energy: bool
) -> dict[str, float]:
    """Largest differences over some episodes of random actions."""
    envs = PowerGymVectorEnv(task, 1)
    n_nodes = task.network.n_nodes
    volts, rewards, others, steps = 0.0, 0.0, 0.0, 0
    for k in range(episodes):
        profile = k * loop.n_profiles // episodes
        envs.reset(options={"profile": profile})
        loop.reset(profile)
        for action in random_actions(task, 1, k):
            if same_energy:
                loop.kwh = envs.snapshot.energy_kwh[0].tolist()
            observation, reward, *_ = envs.step(action)
            expected = loop.step(action[0])
            apart = np.abs(observation[0] - expected.observation)
            volts = max(volts, float(apart[:n_nodes].max()))
            others = max(others, float(apart[n_nodes:].max()))
            rewards = max(rewards, abs(float(reward[0]) - expected.reward))
            steps += 1
    return {"steps": steps, "v_pu": volts, "devices": others, "reward": rewards}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run all sides."""
    task = powergym_task(options.system, options.data)
    found: dict[str, Any] = {"system": options.system, "num_envs": options.num_envs}
    with tempfile.TemporaryDirectory(prefix="powergym-") as name:
        tight, as_is = Path(name) / "tight", Path(name) / "as_is"
        for folder in (tight, as_is):
            folder.mkdir()
        data = Path(options.data)
        reference = OpenDSSPowerGym(data, options.system, tight, TIGHT, exact_halves=True)
        loop = OpenDSSPowerGym(data, options.system, as_is)
        sides = {
            "single_steps_per_s": single_episode(task),
            "vector_steps_per_s": vector_episode(task, options.num_envs, options.threads),
            "opendss_steps_per_s": opendss_episode(task, loop),
        }
        for side, episode in sides.items():
            episode(0)  # compiles
            rates = [rate(episode, options.seconds) for _ in range(options.repeats)]
            found[side] = median(rates)
        found["difference"] = differences(task, reference, options.episodes, same_energy=False)
        found["difference_default_tolerance"] = differences(
            task, loop, options.episodes, same_energy=True
        )
    for side in ("single", "vector"):
        found[f"{side}_ratio"] = found[f"{side}_steps_per_s"] / found["opendss_steps_per_s"]
    return {**found, "threads": options.threads, "repeats": options.repeats, **machine()}


def show(found: dict[str, Any], console: Console) -> None:
    """Print the results as a table."""
    table = Table(title=f"PowerGym {found['system']}, random actions")
    for heading in ("", "steps/s", "ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row(
        "one environment", f"{found['single_steps_per_s']:,.0f}", f"{found['single_ratio']:.1f}"
    )
    table.add_row(
        f"{found['num_envs']} lanes, {found['threads']} threads",
        f"{found['vector_steps_per_s']:,.0f}",
        f"{found['vector_ratio']:.1f}",
    )
    table.add_row("OpenDSS, one process", f"{found['opendss_steps_per_s']:,.0f}", "1.0")
    console.print(table)
    for key, words in (
        ("difference", f"OpenDSS held to {TIGHT:.0e}"),
        ("difference_default_tolerance", "OpenDSS at its default tolerance, stored energy equal"),
    ):
        apart = found[key]
        console.print(
            f"{words}: within {apart['v_pu']:.1e} per unit, {apart['devices']:.1e} of devices' "
            f"entries and {apart['reward']:.1e} of reward in {apart['steps']} steps",
            soft_wrap=True,
        )


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--data", required=True, help="the benchmark's folder 'systems'")
    parser.add_argument("--system", default="13Bus", choices=SYSTEMS)
    parser.add_argument("--num-envs", type=int, default=256, help="lanes")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a repeat")
    parser.add_argument("--repeats", type=int, default=5, help="the median counts")
    parser.add_argument("--episodes", type=int, default=10, help="compared with OpenDSS")
    parser.add_argument("--threads", type=int, default=processors(), help="of the power flow")
    parser.add_argument("--json", action="store_true", help="print one object instead")
    options = parser.parse_args(arguments)
    for name in ("num_envs", "seconds", "repeats", "episodes", "threads"):
        if getattr(options, name) <= 0:
            parser.error(
                f"--{name.replace('_', '-')} is {getattr(options, name)}; expected above 0"
            )
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    found = measure(options)
    if options.json:
        print(json.dumps(found))
    else:
        show(found, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
