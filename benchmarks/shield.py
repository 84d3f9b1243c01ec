"""What the shield keeps, what it takes, and what it costs: with it and without, in one run.

On every test day of a utility, a day a lane, from rest:

- a random policy, unshielded and shielded: the share of steps in which any limit is left;
- the backup controller alone (local controls by actions of the same space): the steps in
  which it holds the limits, and how often the shielded random policy leaves them there;
- a good policy (operators' rules without exploration) unshielded and shielded: its return;
- the same with a foresight of persistence and a margin;
- seconds of a step, unshielded and shielded, in turn, for both policies.

    python benchmarks/shield.py
    python benchmarks/shield.py --env GridFedRL/IEEE13-VVO-v0 --utility northern --json
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median
from time import perf_counter
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from grid_fed_rl import ENV_IDS, GridVectorEnv
from grid_fed_rl.envs.baselines import Behaviour, BehaviourConfig
from grid_fed_rl.envs.shield import Reason, ShieldVector

UTILITIES = ("coastal", "desert", "prairie", "northern", "milltown")
GOOD = BehaviourConfig(v_shift_spread=0.0, exploration=0.0, battery_rules=(1.0, 0.0, 0.0))
VERSIONS = ("numpy", "numba", "gymnasium")

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Act = Callable[[NDArray[np.float32]], NDArray[Any]]


@dataclass(frozen=True)
class Options:
    """What is measured."""

    env_ids: tuple[str, ...]
    utilities: tuple[str, ...]
    seed: int
    days: int | None
    num_envs: int
    steps: int
    repeats: int
    margin: float
    json: bool


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--env", action="append", choices=ENV_IDS, help="all VVO ids by default")
    parser.add_argument("--utility", action="append", help="all five by default")
    parser.add_argument("--seed", type=int, default=0, help="of the random policy")
    parser.add_argument("--days", type=int, help="test days, the first so many; all by default")
    parser.add_argument("--num-envs", type=int, default=256, help="lanes that are timed")
    parser.add_argument("--steps", type=int, default=48, help="steps of a timed repeat")
    parser.add_argument("--repeats", type=int, default=7, help="the median counts")
    parser.add_argument(
        "--margin", type=float, default=0.01, help="per unit, where the foresight is persistence"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    given = vars(parser.parse_args(arguments))
    for name in ("days", "num_envs", "steps", "repeats"):
        if given[name] is not None and given[name] <= 0:
            parser.error(f"--{name.replace('_', '-')} is {given[name]}; expected above 0")
    env_ids = given.pop("env") or [one for one in ENV_IDS if "-VVO-" in one]
    utilities = given.pop("utility") or UTILITIES
    return Options(env_ids=tuple(env_ids), utilities=tuple(utilities), **given)


def make(env_id: str, utility: str, num_envs: int, split: str = "test") -> GridVectorEnv:
    """A vector environment."""
    env = gymnasium.make_vec(env_id, num_envs=num_envs, utility=utility, split=split).unwrapped
    assert isinstance(env, GridVectorEnv)
    return env


def random_policy(env: GridVectorEnv, seed: int) -> Act:
    """Any action of the space, equally likely."""
    rng, n = np.random.default_rng(seed), len(env.case.action_names)
    return lambda observation: rng.uniform(-1.0, 1.0, (len(observation), n)).astype(np.float32)


def good_policy(env: GridVectorEnv, seed: int) -> Act:
    """Operators' rules, followed to the letter."""
    return Behaviour(env, GOOD, np.random.default_rng(seed))


def run_day(env: VectorEnv, act: Act, days: NDArray[np.int64]) -> tuple[Bools, Floats, Floats]:
    """A day a lane: steps that left any limit, returns, and reasons of the shield by share."""
    observation, _ = env.reset(options={"day": days})
    lanes = env.unwrapped
    assert isinstance(lanes, GridVectorEnv)
    violated, total = [], np.zeros(len(days))
    reasons, running = np.zeros(len(Reason)), np.ones(len(days), dtype=bool)
    for _ in range(lanes.case.horizon):
        observation, reward, terminated, _, info = env.step(act(observation))
        violated.append(np.where(running, (info["cost"] > 0.0) | terminated, True))
        total += np.where(running, reward, 0.0)
        if "shield" in info:
            reasons += np.bincount(info["shield"]["reason"][running], minlength=len(Reason))
        running &= ~terminated
    return np.array(violated), total, reasons / max(reasons.sum(), 1.0)


def share_of(violated: Bools, among: Bools) -> float:
    """Share of some steps that are violated; 0 of none."""
    return float(violated[among].sum() / max(among.sum(), 1))


def kept_of(unshielded: Floats, shielded: Floats) -> float:
    """Share of the return that is kept; returns are money paid, below zero."""
    return float(1.0 - (unshielded.mean() - shielded.mean()) / abs(unshielded.mean()))


def quality(options: Options, env_id: str, utility: str) -> dict[str, Any]:
    """Violations and returns on the test days of a utility."""
    days = make(env_id, utility, 1).case.days[: options.days]
    n, seed = len(days), options.seed
    plain, env = make(env_id, utility, n), make(env_id, utility, n)
    shield = ShieldVector(env)
    backed, _, _ = run_day(plain, _backup_of(plain), days)
    unshielded, _, _ = run_day(plain, random_policy(plain, seed), days)
    shielded, _, reasons = run_day(shield, random_policy(env, seed), days)
    good, good_return, _ = run_day(plain, good_policy(plain, seed), days)
    kept, kept_return, good_reasons = run_day(shield, good_policy(env, seed), days)
    unforeseen, _, _ = run_day(
        ShieldVector(env, margin_pu=options.margin, foresight="persistence"),
        random_policy(env, seed),
        days,
    )
    held, calm = ~backed, ~kept.any(axis=0)
    return {
        "env_id": env_id,
        "utility": utility,
        "days": n,
        "steps": int(backed.size),
        "violated_backup": float(backed.mean()),
        "violated_random": float(unshielded.mean()),
        "violated_random_shielded": float(shielded.mean()),
        "violated_random_shielded_where_backup_holds": share_of(shielded, held),
        "violated_first_step_shielded": float(shielded[0].mean()),
        "violated_persistence": float(unforeseen.mean()),
        "violated_persistence_where_backup_holds": share_of(unforeseen, held),
        "interventions_random": float(1.0 - reasons[Reason.AS_PROPOSED]),
        "reasons_random": {one.name: float(reasons[one]) for one in Reason},
        "violated_good": float(good.mean()),
        "violated_good_shielded": float(kept.mean()),
        "interventions_good": float(1.0 - good_reasons[Reason.AS_PROPOSED]),
        "return_good": float(good_return.mean()),
        "return_good_shielded": float(kept_return.mean()),
        "return_kept": kept_of(good_return, kept_return),
        "days_held": int(calm.sum()),
        "return_kept_on_days_held": kept_of(good_return[calm], kept_return[calm])
        if calm.any()
        else 0.0,
    }


def _backup_of(env: GridVectorEnv) -> Act:
    shield = ShieldVector(env)

    def act(observation: NDArray[np.float32]) -> NDArray[Any]:
        del observation  # controls see their own instruments
        return shield.backup_action()

    return act


def seconds_of(env: VectorEnv, act: Act, n_steps: int, seed: int) -> float:
    """Of a step, resets included on both sides."""
    observation, _ = env.reset(seed=seed)
    began = perf_counter()
    for _ in range(n_steps):
        observation = env.step(act(observation))[0]
    return (perf_counter() - began) / n_steps


def cost(options: Options, env_id: str) -> dict[str, Any]:
    """Seconds of a step, the two sides in turn."""
    plain, inner = (make(env_id, "coastal", options.num_envs, "train") for _ in range(2))
    shield = ShieldVector(inner)
    result: dict[str, Any] = {"env_id": env_id, "num_envs": options.num_envs}
    for name, policy in (("random", random_policy), ("good", good_policy)):
        sides: tuple[list[float], list[float]] = ([], [])
        for repeat in range(options.repeats + 1):
            for side, env, acts in ((0, plain, plain), (1, shield, inner)):
                act = policy(acts, repeat)
                seconds = seconds_of(env, act, options.steps, repeat)
                if repeat:  # the first compiles
                    sides[side].append(seconds)
        result[f"step_s_{name}"], result[f"step_s_{name}_shielded"] = sides
        result[f"ratio_{name}"] = median(sides[1]) / median(sides[0])
    return result


def measure(options: Options) -> dict[str, Any]:
    """Everything."""
    return {
        "quality": [
            quality(options, env_id, utility)
            for env_id in options.env_ids
            for utility in options.utilities
        ],
        "cost": [cost(options, env_id) for env_id in options.env_ids],
        "margin_pu": options.margin,
        "seed": options.seed,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in VERSIONS},
    }


def show(results: dict[str, Any], console: Console) -> None:
    """Print the results as tables."""
    table = Table(title="Share of steps that leave the limits; return kept by a good policy")
    for heading in ("id", "utility", "steps", "backup", "random", "shielded", "where backup holds"):
        table.add_column(heading)
    for heading in (
        "by persistence",
        "where backup holds",
        "good",
        "shielded",
        "return kept",
        "on days held",
    ):
        table.add_column(heading)
    for one in results["quality"]:
        shares = (
            "violated_backup",
            "violated_random",
            "violated_random_shielded",
            "violated_random_shielded_where_backup_holds",
            "violated_persistence",
            "violated_persistence_where_backup_holds",
            "violated_good",
            "violated_good_shielded",
            "return_kept",
            "return_kept_on_days_held",
        )
        table.add_row(
            one["env_id"].split("/")[1],
            one["utility"],
            str(one["steps"]),
            *(f"{one[key]:.2%}" for key in shares),
        )
    console.print(table)
    table = Table(title="Seconds of a step, shielded over unshielded, median of repeats")
    for heading in ("id", "lanes", "random policy", "good policy"):
        table.add_column(heading)
    for one in results["cost"]:
        ratios = (f"{one[f'ratio_{name}']:.2f}" for name in ("random", "good"))
        table.add_row(one["env_id"].split("/")[1], str(one["num_envs"]), *ratios)
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the results where asked."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    results = measure(options)
    if options.json:
        print(json.dumps(results))
    else:
        show(results, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
