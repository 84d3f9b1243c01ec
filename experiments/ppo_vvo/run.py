"""Does plain PPO beat the devices' own controls? Stable-Baselines3 on the IEEE 13 volt-var task.

What counts was laid down before anything was trained: dollars a day minus a price for
every per-unit hour that a node spends outside the limits. Settings were chosen on
validation days (``--split validation``) with other seeds. Of a training the last policy
counts; no look at the days of the curve chooses anything.
"""

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecNormalize

import grid_fed_rl.envs
from grid_fed_rl.algorithms.sb3 import SB3Lanes
from grid_fed_rl.analytics.evaluate import run_days
from grid_fed_rl.analytics.runs import RunFolder
from grid_fed_rl.analytics.save import save_png
from grid_fed_rl.analytics.statistics import interval
from grid_fed_rl.drawing.style import INK, new_figure, styled
from grid_fed_rl.envs.baselines import Hold
from grid_fed_rl.envs.groups import Batteries, Capacitors, Regulators
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError
from grid_fed_rl.policy import Policy

ENV_ID = "GridFedRL/IEEE13-VVO-v0"
USD_PER_PU_H = 100.0  # price of a node that is one per unit outside for an hour
CHOICES = {  # numbers of the action by kind of device: a tap goes four steps, one, or none
    Regulators: (-1.0, -0.25, 0.0, 0.25, 1.0),
    Capacitors: (-1.0, 1.0),
    Batteries: (-0.5, 0.0, 0.5),
}
LOOKS = 20  # at the days of the curve, in the course of training

Floats = NDArray[np.float64]
Measured = dict[str, Floats]


@dataclass(frozen=True)
class Settings:
    """How PPO learns (J. Schulman et al., arXiv:1707.06347); the rest is Stable-Baselines3's.

    The policy begins at rest: `rest` is added to the logit of the choice that leaves a
    regulator or battery alone. `usd_per_node_h` is what the learner pays for every node
    outside, however little, and `worst_usd` the most that it loses in a step.
    """

    lanes: int = 32
    n_steps: int = 24  # a day
    batch_size: int = 256
    n_epochs: int = 10
    learning_rate: float = 1.5e-3  # falls to 0
    gamma: float = 0.95
    gae_lambda: float = 0.9
    rest: float = 2.0
    usd_per_node_h: float = 0.05
    worst_usd: float = 2.0

    @property
    def rollout(self) -> int:
        """Steps between updates."""
        return self.lanes * self.n_steps


def lanes_of(split: str, n: int | None = None, **options: Any) -> GridVectorEnv:
    """The task as it is by default, a lane for every day of the split where `n` is not given."""
    if n is None:
        n = len(lanes_of(split, 1).case.days)
    envs = gymnasium.make_vec(ENV_ID, num_envs=n, split=split, threads=1, **options)
    assert isinstance(envs, GridVectorEnv)
    return envs


class AgainstRules(gymnasium.vector.VectorWrapper):
    """What the learner plays: dollars gained on local rules, by choices, a day at a time.

    Local rules run through the training days once, and what they get in an hour of a day is
    taken off what the learner gets in it. No action changes that, so the best policy stays
    the best, and the load of the hour, which is most of any hour's loss, drops out.

    Actions are `CHOICES`. A day that is over is `terminated`: the next begins at rest, so
    its midnight has no value.
    """

    def __init__(self, env: GridVectorEnv, settings: Settings) -> None:
        super().__init__(env)
        self._lanes, self._settings = env, settings
        groups = env.case.groups
        self._numbers = [np.array(CHOICES[type(one)]) for one in groups for _ in one.names]
        self.n_choices = np.array([len(numbers) for numbers in self._numbers])
        self.single_action_space = gymnasium.spaces.MultiDiscrete(self.n_choices)
        self.rules_usd, self.rules_steps = self._of_rules()

    def _of_rules(self) -> tuple[Floats, int]:
        """(day, step) what local rules get on the training days, and the steps it took."""
        envs = lanes_of("train", local_controls=True)
        case, hold = envs.case, Hold(len(envs.case.action_names))
        observation, _ = envs.reset(options={"day": case.days})
        usd = np.zeros((case.year.n_days, case.horizon))
        for step in range(case.horizon):
            observation, reward, _, _, info = envs.step(hold(observation))
            usd[case.days, step] = self._paid(reward, info)
        return usd, envs.num_envs * case.horizon

    def _paid(self, reward: Floats, info: Mapping[str, Any]) -> Floats:
        cost = USD_PER_PU_H * info["costs"]["voltage"]
        return reward - cost - self._settings.usd_per_node_h * info["violations"]["voltage"]

    def numbers(self, choices: NDArray[np.int64]) -> NDArray[np.float32]:
        """The action that choices stand for."""
        columns = [one[k] for one, k in zip(self._numbers, choices.T, strict=True)]
        return np.stack(columns, axis=1, dtype=np.float32)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """A step that ends or goes on; nothing is cut off."""
        before = self._lanes.snapshot
        of_rules = self.rules_usd[before.day, before.step]
        observation, reward, terminated, truncated, info = self.env.step(self.numbers(actions))
        over, paid = terminated | truncated, self._paid(reward, info)
        if over.any():
            paid = np.where(over, self._paid(reward, info["final_info"]), paid)
        gained = np.maximum(paid - of_rules, -self._settings.worst_usd)
        return observation, gained, over, np.zeros_like(over), info


class Bench:
    """The days of a split, and how policies do on them."""

    def __init__(self, split: str, **options: Any) -> None:
        self._envs = lanes_of(split, **options)

    def measure(self, policy: Policy) -> Measured:
        """(day,) arrays of `run_days`, and ``penalised``, in dollars."""
        case = self._envs.case
        day = run_days(self._envs, policy, case.days, case.network.n_nodes)
        return {**day, "penalised": day["return"] - USD_PER_PU_H * day["violation_pu"]}

    def rules(self) -> Measured:
        """The same of leaving all alone, which under local controls are local rules."""
        return self.measure(Hold(len(self._envs.case.action_names)))


class Looks(BaseCallback):
    """Measures the policy now and then in the course of training."""

    def __init__(self, every: int, first: int, bench: Bench, policy: Policy) -> None:
        super().__init__()
        self._every, self._first, self._bench, self._policy = every, first, bench, policy
        self._next = 0
        self.curve: list[dict[str, float]] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self._next:
            self._next += self._every
            self.take()

    def take(self) -> Measured:
        """A point of the curve: means over days, after all steps that were learned from."""
        measured = self._bench.measure(self._policy)
        steps = float(self._first + self.num_timesteps)
        self.curve.append({"steps": steps, **_means(measured)})
        return measured


def learn(
    seed: int, steps: int, settings: Settings, bench: Bench
) -> tuple[Measured, list[dict[str, float]]]:
    """Train: how the last policy did on the days of the curve, and the curve.

    Args:
        seed: Of the learner and of its days.
        steps: Of the environment, those of local rules on the training days among them;
            as many as fill whole rollouts.
        settings: How it learns.
        bench: The days of the curve.

    Raises:
        TaskError: the steps hold no rollout.
    """
    played = AgainstRules(lanes_of("train", settings.lanes, autoreset_mode="SameStep"), settings)
    envs = VecNormalize(SB3Lanes(played), norm_reward=False)
    learner = PPO(
        "MlpPolicy",
        envs,
        learning_rate=lambda left: settings.learning_rate * left,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        seed=seed,
        device="cpu",
    )
    begin_at_rest(learner, played.n_choices, settings.rest)

    def policy(observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        seen = envs.normalize_obs(observation)
        assert isinstance(seen, np.ndarray)
        return played.numbers(learner.predict(seen, deterministic=True)[0])

    left = (steps - played.rules_steps) // settings.rollout * settings.rollout
    if left <= 0:
        least = played.rules_steps + settings.rollout
        raise TaskError(f"{steps} steps; expected {least} or more, those of local rules among them")
    looks = Looks(max(1, left // LOOKS), played.rules_steps, bench, policy)
    learner.learn(left, callback=looks)
    return looks.take(), looks.curve


def begin_at_rest(learner: PPO, choices: NDArray[np.int64], rest: float) -> None:
    """Make the middle of an odd number of choices likely: tap and battery left alone."""
    bias = learner.policy.action_net.bias
    assert isinstance(bias, torch.Tensor)
    with torch.no_grad():
        for first, n in zip((np.cumsum(choices) - choices).tolist(), choices.tolist(), strict=True):
            if n % 2:
                bias[first + n // 2] += rest


def draw(curves: list[list[dict[str, float]]], rules: dict[str, float], split: str) -> Figure:
    """The learning curves: mean and range over seeds, beside local rules."""
    panels = (
        ("penalised", 1.0, "penalised return, $ a day"),
        ("violation_rate", 100.0, "node-hours outside the limits, %"),
    )
    steps = np.array([point["steps"] for point in curves[0]]) / 1000.0
    with styled():
        figure = new_figure(9.0, 3.6)
        for axes, (key, factor, label) in zip(figure.subplots(1, 2), panels, strict=True):
            by_seed = factor * np.array([[point[key] for point in curve] for curve in curves])
            name = f"PPO: mean and range of {len(curves)} seeds"
            axes.fill_between(steps, by_seed.min(axis=0), by_seed.max(axis=0), alpha=0.25, lw=0)
            axes.plot(steps, by_seed.mean(axis=0), label=name)
            axes.axhline(factor * rules[key], color=INK, ls="--", label="local rules")
            axes.set_xlim(left=0.0)
            axes.set_xlabel("steps learned from, thousands")
            axes.set_ylabel(label)
            axes.set_title(f"mean of the {split} days")
        left, right = figure.axes
        left.set_ylim(rules["penalised"] - 6.0, rules["penalised"] + 2.0)
        left.legend(loc="lower right")
        right.set_yscale("log")
    return figure


def table(rules: Measured, learned: Mapping[int, Measured]) -> Table:
    """Means over days, and the mean difference from local rules with its interval."""
    columns = {
        "penalised": "penalised, $ a day",
        "return": "return, $ a day",
        "loss_kwh": "loss, kWh a day",
        "operations": "operations a day",
        "violation_pu": "outside, p.u. h a day",
    }
    shown = Table("policy", *columns.values(), "outside, %", "difference, $ a day")

    def row(name: str, day: Measured, difference: str) -> None:
        means = [f"{day[key].mean():.{4 if key == 'violation_pu' else 2}f}" for key in columns]
        shown.add_row(name, *means, f"{100.0 * day['violation_rate'].mean():.2f}", difference)

    row("local rules", rules, "")
    seeds = {f"PPO, seed {seed}": day for seed, day in learned.items()}
    all_seeds = {key: np.mean([day[key] for day in learned.values()], axis=0) for key in rules}
    for name, day in (*seeds.items(), ("PPO, mean of seeds", all_seeds)):
        mean, low, high = interval(day["penalised"] - rules["penalised"])
        row(name, day, f"{mean:+.2f} ({low:+.2f} to {high:+.2f})")
    return shown


def main() -> None:
    """Train, judge, print a table, and write the curve and all numbers into ``runs/``."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--steps", type=int, default=100_000, help="(default 100,000)")
    parser.add_argument("--split", default="test", help="days that judge (default test)")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    grid_fed_rl.envs.register()
    console, settings = Console(), Settings()
    folder = RunFolder.create(args.runs_dir)
    bench = Bench(args.split)
    rules = Bench(args.split, local_controls=True).rules()
    curves, learned = [], {}
    for seed in args.seeds:
        with folder.stage(f"seed {seed}"):
            learned[seed], curve = learn(seed, args.steps, settings, bench)
        curves.append(curve)
        gained = float(np.mean(learned[seed]["penalised"] - rules["penalised"]))
        console.print(f"seed {seed}: {gained:+.2f} $ a day after {curve[-1]['steps']:.0f} steps")
    console.print(table(rules, learned))

    save_png(draw(curves, _means(rules), args.split), folder.path / "learning_curve.png")
    numbers = {
        "settings": asdict(settings),
        "usd_per_pu_h": USD_PER_PU_H,
        "split": args.split,
        "local rules": _means(rules),
        "PPO": {str(seed): _means(day) for seed, day in learned.items()},
        "curves": {str(seed): curve for seed, curve in zip(args.seeds, curves, strict=True)},
    }
    path = folder.write_json("ppo_vvo.json", numbers)
    console.print(f"Written to {path.parent}", soft_wrap=True)


def _means(day: Measured) -> dict[str, float]:
    return {key: float(value.mean()) for key, value in day.items()}


if __name__ == "__main__":
    main()
