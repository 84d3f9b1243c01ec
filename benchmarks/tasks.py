"""Whether the tasks bind: doing nothing beside a rule of thumb, by id and utility.

python benchmarks/tasks.py --days 12
"""

import argparse
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl import ENV_IDS, Case, GridVectorEnv, Policy
from grid_fed_rl.envs.baselines import Hold
from grid_fed_rl.envs.registration import TASKS
from grid_fed_rl.envs.rules import Shave, Spread
from grid_fed_rl.scenarios import five_utilities

PolicyOf = Callable[[GridVectorEnv], Policy]

RULES: dict[str, PolicyOf] = {"DER": Shave, "EV": Spread}
CHANNELS = ("voltage", "thermal", "head")


def judged(case: Case, policy_of: PolicyOf, days: NDArray[np.int64]) -> dict[str, float]:
    """Share of steps in which each limit is left, and dollars a day."""
    env = GridVectorEnv(case, len(days))
    observation, _ = env.reset(options={"day": days})
    policy, outside, dollars = policy_of(env), dict.fromkeys(CHANNELS, 0.0), 0.0
    for _ in range(case.horizon):
        observation, reward, *_, info = env.step(policy(observation))
        dollars += reward.mean()
        for name in CHANNELS:
            if name in info["violations"]:
                outside[name] += (info["violations"][name] > 0).mean() / case.horizon
    return {**outside, "return": dollars}


def cases(task: str, feeder: str, utility: str) -> Iterator[tuple[str, Case, PolicyOf]]:
    """Each way of running the test days of a utility: name, case and policy."""
    module, function = TASKS[task]
    make = getattr(import_module(f"grid_fed_rl.envs.{module}"), function)
    case = make(feeder, utility=utility, split="test")
    yield "nothing", case, lambda env: Hold(len(env.case.action_names))
    if task == "VVO":
        local = make(feeder, utility=utility, split="test", local_controls=True)
        yield "local", local, lambda env: Hold(len(env.case.action_names))
    else:
        yield "rule", case, RULES[task]


def main() -> None:
    """Print a line for each id, utility and way."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=int, default=12, help="test days, evenly spaced")
    arguments.add_argument("--ids", default="", help="only those that contain this")
    given = arguments.parse_args()
    print("id                         utility    way       voltage  thermal     head  return $")
    for env_id, (task, feeder) in ENV_IDS.items():
        if given.ids not in env_id:
            continue
        for utility in (one.name for one in five_utilities()):
            for way, case, policy_of in cases(task, feeder, utility):
                spread = np.linspace(0, len(case.days) - 1, given.days).astype(int)
                day = judged(case, policy_of, case.days[spread])
                shares = " ".join(f"{day[name]:8.2%}" for name in CHANNELS)
                print(f"{env_id:26} {utility:10} {way:8} {shares} {day['return']:9.0f}", flush=True)


if __name__ == "__main__":
    main()
