"""What the shield keeps, what it takes, and what it costs: with it and without, in one run.

On test days of every utility, a day a lane, from rest:

- a random policy, unshielded and shielded: the share of steps in which any limit is left;
- the backup controller alone (local controls by actions of the same space, batteries and
  chargers idle): the steps in which it holds the limits, and how often the shielded random
  policy leaves them there;
- a good policy (the rules that operators go by in that task), unshielded and shielded: its
  return, in all, on days on which the shield held the limits, and less violations at the
  price of the score (`analytics.oracle.PRICES`);
- both with the foresight of a forecast and margins;
- seconds of a step, unshielded and shielded, in turn, for both policies, on days met before;
  and for the random policy with a shield that meets its days for the first time.

    python benchmarks/shield.py
    python benchmarks/shield.py --task VVO --days 90 --part quality
    python benchmarks/shield.py --env GridFedRL/IEEE13-VVO-v0 --utility northern --json
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from statistics import median
from time import perf_counter
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from grid_fed_rl import ENV_IDS, GridVectorEnv
from grid_fed_rl.analytics.oracle import PRICES
from grid_fed_rl.envs.baselines import Behaviour, BehaviourConfig
from grid_fed_rl.envs.rules import Shave, Spread
from grid_fed_rl.envs.shield import Reason, ShieldVector

UTILITIES = ("coastal", "desert", "prairie", "northern", "milltown")
OWN_UTILITY = {"VVO": "coastal", "DER": "desert", "EV": "coastal"}  # where an id is not told
GOOD = BehaviourConfig(v_shift_spread=0.0, exploration=0.0, battery_rules=(1.0, 0.0, 0.0))
MARGIN_PU, MARGIN_SHARE = 0.002, 0.01  # where load and sun are known by their totals
LARGE_LANES = 4  # of IEEE 8500 that are timed
VERSIONS = ("numpy", "numba", "gymnasium")

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Days = NDArray[np.int64]
Act = Callable[[NDArray[np.float32]], NDArray[Any]]


@dataclass(frozen=True)
class Options:
    """What is measured."""

    env_ids: tuple[str, ...]
    utilities: tuple[str, ...]
    part: str
    seed: int
    days: int
    large_days: int
    num_envs: int
    steps: int
    repeats: int
    each: bool
    json: bool


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--env", action="append", choices=ENV_IDS, help="all ids by default")
    parser.add_argument("--task", action="append", choices=list(OWN_UTILITY), help="of these only")
    parser.add_argument("--utility", action="append", choices=UTILITIES, help="all by default")
    parser.add_argument("--part", choices=("both", "quality", "cost"), default="both")
    parser.add_argument("--seed", type=int, default=0, help="of the random policy")
    parser.add_argument("--days", type=int, default=6, help="test days, evenly spaced, at most")
    parser.add_argument("--large-days", type=int, default=2, help="the same of IEEE 8500")
    parser.add_argument("--num-envs", type=int, default=256, help="lanes that are timed")
    parser.add_argument("--steps", type=int, default=24, help="steps of a timed repeat")
    parser.add_argument("--repeats", type=int, default=7, help="the median counts")
    parser.add_argument("--each", action="store_true", help="a line for each utility")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    given = vars(parser.parse_args(arguments))
    for name in ("days", "large_days", "num_envs", "steps", "repeats"):
        if given[name] <= 0:
            parser.error(f"--{name.replace('_', '-')} is {given[name]}; expected above 0")
    tasks = given.pop("task") or OWN_UTILITY
    env_ids = [one for one in given.pop("env") or ENV_IDS if ENV_IDS[one][0] in tasks]
    utilities = given.pop("utility") or UTILITIES
    return Options(env_ids=tuple(env_ids), utilities=tuple(utilities), **given)


def is_large(env_id: str) -> bool:
    """Whether it is a feeder of thousands of nodes."""
    return ENV_IDS[env_id][1] == "ieee8500"


def make(env_id: str, utility: str, num_envs: int, split: str = "test") -> GridVectorEnv:
    """A vector environment."""
    env = gymnasium.make_vec(env_id, num_envs=num_envs, utility=utility, split=split).unwrapped
    assert isinstance(env, GridVectorEnv)
    return env


def random_policy(env: GridVectorEnv, seed: int) -> Act:
    """Any action of the space, equally likely."""
    rng, n = np.random.default_rng(seed), len(env.case.action_names)
    return lambda observation: rng.uniform(-1.0, 1.0, (len(observation), n)).astype(np.float32)


def good_policy(env: GridVectorEnv, seed: int, task: str) -> Act:
    """The rules of a task, followed to the letter."""
    if task == "VVO":
        return Behaviour(env, GOOD, np.random.default_rng(seed))
    return {"DER": Shave, "EV": Spread}[task](env)


@dataclass
class Run:
    """A day a lane.

    Attributes:
        violated: (step, lane) whether any limit was left.
        reward: (lane,) return.
        price: (lane,) of the violations.
        reasons: Of the shield, shares of its steps.
    """

    violated: Bools
    reward: Floats
    price: Floats
    reasons: Floats = field(default_factory=lambda: np.zeros(len(Reason)))

    @property
    def held(self) -> Bools:
        """(lane,) days on which the limits held throughout."""
        return np.asarray(~self.violated.any(axis=0))


def run_day(env: VectorEnv, act: Act, days: Days) -> Run:
    """Run a day in every lane; one that collapses is violated until its end."""
    observation, _ = env.reset(options={"day": days})
    lanes = env.unwrapped
    assert isinstance(lanes, GridVectorEnv)
    n, step_h = len(days), lanes.case.year.step_h
    run = Run(np.ones((lanes.case.horizon, n), dtype=bool), np.zeros(n), np.zeros(n))
    running = np.ones(n, dtype=bool)
    for step in range(lanes.case.horizon):
        observation, reward, terminated, _, info = env.step(act(observation))
        run.violated[step] = np.where(running, (info["cost"] > 0.0) | terminated, True)
        run.reward += np.where(running, reward, 0.0)
        for channel in lanes.case.costs:
            usd = PRICES.get(channel.name, 1.0) * info["costs"][channel.name] * step_h
            run.price += np.where(running, usd, 0.0)
        if "shield" in info:
            run.reasons += np.bincount(info["shield"]["reason"][running], minlength=len(Reason))
        running &= ~terminated
    run.reasons /= max(run.reasons.sum(), 1.0)
    return run


def share_of(violated: Bools, among: Bools) -> float:
    """Share of some steps that are violated; 0 of none."""
    return float(violated[among].sum() / max(among.sum(), 1))


def kept_of(before: Floats, after: Floats) -> float | None:
    """Share of a mean return that is kept; returns are money paid, below zero. None of none."""
    if not len(before):
        return None
    return float(1.0 - (before.mean() - after.mean()) / abs(before.mean()))


def quality(options: Options, env_id: str, utility: str) -> dict[str, Any]:
    """Violations and returns on test days of a utility."""
    task, seed = ENV_IDS[env_id][0], options.seed
    test_days = make(env_id, utility, 1).case.days
    wanted = options.large_days if is_large(env_id) else options.days
    n = min(wanted, len(test_days))
    days = test_days[np.linspace(0, len(test_days) - 1, n).astype(int)]
    plain, env = make(env_id, utility, n), make(env_id, utility, n)
    exact = ShieldVector(env)
    forecast = ShieldVector(
        env, margin_pu=MARGIN_PU, margin_share=MARGIN_SHARE, foresight="forecast"
    )
    backup = run_day(plain, backup_of(plain), days)
    unshielded = run_day(plain, random_policy(plain, seed), days)
    shielded = run_day(exact, random_policy(env, seed), days)
    foreseen = run_day(forecast, random_policy(env, seed), days)
    good = run_day(plain, good_policy(plain, seed, task), days)
    kept = run_day(exact, good_policy(env, seed, task), days)
    kept_foreseen = run_day(forecast, good_policy(env, seed, task), days)
    holds = ~backup.violated
    return {
        "env_id": env_id,
        "utility": utility,
        "days": n,
        "steps": int(holds.size),
        "steps_backup_holds": int(holds.sum()),
        "violated_backup": float(backup.violated.mean()),
        "violated_random": float(unshielded.violated.mean()),
        "violated_random_shielded": float(shielded.violated.mean()),
        "violated_random_shielded_where_backup_holds": share_of(shielded.violated, holds),
        "violated_random_forecast": float(foreseen.violated.mean()),
        "violated_random_forecast_where_backup_holds": share_of(foreseen.violated, holds),
        "interventions_random": float(1.0 - shielded.reasons[Reason.AS_PROPOSED]),
        "reasons_random": {one.name: float(shielded.reasons[one]) for one in Reason},
        "violated_good": float(good.violated.mean()),
        "violated_good_shielded": float(kept.violated.mean()),
        "violated_good_forecast": float(kept_foreseen.violated.mean()),
        "interventions_good": float(1.0 - kept.reasons[Reason.AS_PROPOSED]),
        "return_good": float(good.reward.mean()),
        "return_good_shielded": float(kept.reward.mean()),
        "days_held": int(kept.held.sum()),
        "days_own": int(good.held.sum()),
        "kept": kept_of(good.reward, kept.reward),
        "kept_on_days_held": kept_of(good.reward[kept.held], kept.reward[kept.held]),
        "kept_at_price": kept_of(good.reward - good.price, kept.reward - kept.price),
        "kept_forecast_on_own_days": kept_of(
            good.reward[good.held], kept_foreseen.reward[good.held]
        ),
    }


def backup_of(env: GridVectorEnv) -> Act:
    """The backup controller of a shield as a policy."""
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
    task = ENV_IDS[env_id][0]
    n = min(options.num_envs, LARGE_LANES) if is_large(env_id) else options.num_envs
    plain, inner = (make(env_id, OWN_UTILITY[task], n, "train") for _ in range(2))
    shield = ShieldVector(inner)
    result: dict[str, Any] = {"env_id": env_id, "num_envs": n}
    for name in ("random", "good"):
        sides: tuple[list[float], list[float]] = ([], [])
        for repeat in range(options.repeats + 1):
            for side, env, acts in ((0, plain, plain), (1, shield, inner)):
                act = (
                    random_policy(acts, repeat)
                    if name == "random"
                    else good_policy(acts, repeat, task)
                )
                seconds = seconds_of(env, act, options.steps, options.seed)
                if repeat:  # the first compiles, and the shield meets the days
                    sides[side].append(seconds)
        result[f"step_s_{name}"], result[f"step_s_{name}_shielded"] = sides
        result[f"ratio_{name}"] = median(sides[1]) / median(sides[0])
    fresh = make(env_id, OWN_UTILITY[task], n, "train")
    new_days = seconds_of(ShieldVector(fresh), random_policy(fresh, 0), options.steps, options.seed)
    result["step_s_random_new_days"] = new_days
    result["ratio_new_days"] = new_days / median(result["step_s_random"])
    return result


def utilities_of(options: Options, env_id: str) -> Sequence[str]:
    """Those whose days are run; of a large feeder the id's own, unless others are named."""
    if is_large(env_id) and options.utilities == UTILITIES:
        return (OWN_UTILITY[ENV_IDS[env_id][0]],)
    return options.utilities


RATIOS = ("random", "good", "new_days")
LIMITS = (
    ("backup", "violated_backup"),
    ("random", "violated_random"),
    ("shielded", "violated_random_shielded"),
    ("where held", "violated_random_shielded_where_backup_holds"),
    ("forecast", "violated_random_forecast"),
    ("where held", "violated_random_forecast_where_backup_holds"),
)
RETURNS = (
    ("good", "violated_good"),
    ("shielded", "violated_good_shielded"),
    ("kept", "kept"),
    ("days held", "kept_on_days_held"),
    ("at price", "kept_at_price"),
    ("own, fcst", "kept_forecast_on_own_days"),
)


def percent(share: float | None) -> str:
    """A share in words."""
    return "-" if share is None else f"{share:.2%}"


def has_worst(key: str) -> bool:
    """Whether the worst utility is told beside all together."""
    return "kept" in key or key.endswith("where_backup_holds")


def line(row: dict[str, Any], columns: Sequence[tuple[str, str]]) -> str:
    """A row of a table; where it stands for utilities together, the worst of them, too."""
    text = f"{row['env_id'].split('/')[1]:16} {row['utility']:9}"
    for _, key in columns:
        worst = row.get("worst", {}).get(key)
        cell = percent(row[key]) + ("" if worst is None else f" ({percent(worst)})")
        text += f"{cell:>{18 if has_worst(key) else 9}}"
    return text


def heading(columns: Sequence[tuple[str, str]]) -> str:
    """The first line of a table."""
    cells = (f"{name:>{18 if has_worst(key) else 9}}" for name, key in columns)
    return f"{'id':16} {'utility':9}" + "".join(cells)


def together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Utilities of an id together, steps and days weighing alike, and the worst of them."""
    one: dict[str, Any] = {"env_id": rows[0]["env_id"], "utility": "together", "worst": {}}
    for _, key in (*LIMITS, *RETURNS):
        by = "steps_backup_holds" if key.endswith("where_backup_holds") else "steps"
        known = [(row[key], row[by]) for row in rows if row[key] is not None]
        shares, weights = zip(*known, strict=True) if known else ((), ())
        one[key] = float(np.average(shares, weights=weights)) if sum(weights) else None
        if known and has_worst(key):
            one["worst"][key] = min(shares) if "kept" in key else max(shares)
    return one


def qualities(options: Options) -> list[dict[str, Any]]:
    """Violations and returns of all; printed, the first as soon as they are there."""
    rows, shown = [], []
    if not options.json:
        print(f"Share of steps that leave the limits\n{heading(LIMITS)}")
    for env_id in options.env_ids:
        utilities = utilities_of(options, env_id)
        found = [quality(options, env_id, utility) for utility in utilities]
        rows += found
        shown += found if options.each or len(found) == 1 else [together(found)]
        if not options.json:
            for row in shown[-len(found) if options.each else -1 :]:
                print(line(row, LIMITS), flush=True)
    if not options.json:
        print(f"Of a good policy: steps that leave the limits, return kept\n{heading(RETURNS)}")
        for row in shown:
            print(line(row, RETURNS))
    return rows


def costs(options: Options) -> list[dict[str, Any]]:
    """Seconds of a step of all; printed as soon as they are there."""
    rows = []
    if not options.json:
        print("Seconds of a step, shielded over unshielded, median of repeats")
        print(f"{'id':16} {'lanes':9}{'random':>10}{'good':>10}{'new days':>10}")
    for env_id in options.env_ids:
        rows.append(cost(options, env_id))
        if not options.json:
            ratios = "".join(f"{rows[-1][f'ratio_{name}']:10.2f}" for name in RATIOS)
            name, lanes = env_id.split("/")[1], rows[-1]["num_envs"]
            print(f"{name:16} {lanes:<9}{ratios}", flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print tables or one object."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    results = {
        "quality": [] if options.part == "cost" else qualities(options),
        "cost": [] if options.part == "quality" else costs(options),
    }
    if options.json:
        told = {
            "options": asdict(options),
            "margin_pu": MARGIN_PU,
            "margin_share": MARGIN_SHARE,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "versions": {name: version(name) for name in VERSIONS},
        }
        print(json.dumps({**results, **told}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
