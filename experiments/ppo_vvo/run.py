"""Does plain PPO beat the devices' own controls? Stable-Baselines3 on the IEEE 13 volt-var task.

What counts was laid down before anything was trained: dollars a day minus a price for
every per-unit hour that a node spends outside the limits. Settings were chosen on
validation days, and of each training the policy that did best on them; test days are
only run by that one.
"""

import argparse
from collections.abc import Callable
from copy import deepcopy
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
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

import grid_fed_rl.envs
from grid_fed_rl.algorithms.sb3 import SB3Lanes
from grid_fed_rl.analytics.evaluate import run_days
from grid_fed_rl.analytics.runs import RunFolder
from grid_fed_rl.analytics.save import save_png
from grid_fed_rl.analytics.statistics import interval
from grid_fed_rl.drawing.style import INK, new_figure, styled
from grid_fed_rl.envs.baselines import Hold
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.envs.wrappers import VectorPenaltyReward
from grid_fed_rl.policy import Policy

ENV_ID = "GridFedRL/IEEE13-VVO-v0"
USD_PER_PU_H = 100.0  # price of a node that is one per unit outside for an hour
LOOKS = 20  # at the validation days, in the course of training

Measured = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Settings:
    """How PPO learns (J. Schulman et al., arXiv:1707.06347); see Stable-Baselines3.

    The policy begins at rest: `rest` is added to the logit of the choice that leaves a
    regulator or battery alone. Taps hold, and a move shows its worth within hours, so
    `gamma` and `gae_lambda` are low. `reward_scale` brings rewards near 1.
    """

    lanes: int = 32
    n_steps: int = 24
    batch_size: int = 256
    n_epochs: int = 10
    learning_rate: float = 2e-3  # falls to 0
    gamma: float = 0.9
    gae_lambda: float = 0.8
    max_grad_norm: float = 5.0
    reward_scale: float = 0.2
    rest: float = 3.0
    actor: int = 64  # width of both layers
    critic: int = 256  # wider: a tap step is worth cents, an evening tens of dollars


class Days(gymnasium.vector.VectorWrapper):
    """What the learner is told beside: the day is all there is, and rewards times a factor.

    A day that is over is `terminated`. Otherwise PPO would go on to value the midnight it
    ends in, of which it knows only days that begin at rest, and put the taps back for it.
    """

    def __init__(self, env: gymnasium.vector.VectorEnv, reward_scale: float) -> None:
        super().__init__(env)
        self._scale = reward_scale

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """A step that ends or goes on; nothing is cut off."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        over = terminated | truncated
        return observation, reward * self._scale, over, np.zeros_like(over), info


def lanes_of(split: str, n: int, **options: Any) -> GridVectorEnv:
    """The task, seen by zones; one thread, which is enough for so small a feeder."""
    envs = gymnasium.make_vec(
        ENV_ID, num_envs=n, split=split, observe="zones", threads=1, **options
    )
    assert isinstance(envs, GridVectorEnv)
    return envs


class Bench:
    """The days of a split, and how policies do on them."""

    def __init__(self, split: str, *, local_controls: bool = False) -> None:
        n = len(lanes_of(split, 1).case.days)
        mode = "continuous" if local_controls else "multidiscrete"
        self._envs = lanes_of(split, n, action_mode=mode, local_controls=local_controls)

    def measure(self, policy: Policy) -> Measured:
        """(day,) arrays of `run_days`, and ``penalised``, in dollars."""
        case = self._envs.case
        day = run_days(self._envs, policy, case.days, case.network.n_nodes)
        return {**day, "penalised": day["return"] - USD_PER_PU_H * day["violation_pu"]}

    def rules(self) -> Measured:
        """The same of leaving all alone, which under local controls are local rules."""
        return self.measure(Hold(len(self._envs.case.action_names)))


class Looks(BaseCallback):
    """Measures the policy now and then in the course of training, and keeps the best."""

    def __init__(self, every: int, validation: Bench, policy: Callable[[], Policy]) -> None:
        super().__init__()
        self._every, self._validation, self._policy = every, validation, policy
        self._next, self._most = 0, -np.inf
        self.best = policy()
        self.curve: list[dict[str, float]] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self._next:
            self._next += self._every
            self.take()

    def take(self) -> None:
        """A point of the curve: means over days."""
        policy = self._policy()
        means = _means(self._validation.measure(policy))
        self.curve.append({"steps": float(self.num_timesteps), **means})
        if means["penalised"] > self._most:
            self._most, self.best = means["penalised"], policy


def learn(
    seed: int, steps: int, settings: Settings, validation: Bench
) -> tuple[Policy, list[dict[str, float]]]:
    """Train; the policy is the one of all looks that did best on validation days."""
    lanes = lanes_of(
        "train", settings.lanes, action_mode="multidiscrete", autoreset_mode="SameStep"
    )
    priced = VectorPenaltyReward(lanes, {"voltage": USD_PER_PU_H})
    envs = VecNormalize(SB3Lanes(Days(priced, settings.reward_scale)), norm_reward=False)
    learner = PPO(
        "MlpPolicy",
        envs,
        learning_rate=lambda left: settings.learning_rate * left,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        max_grad_norm=settings.max_grad_norm,
        policy_kwargs={"net_arch": {"pi": [settings.actor] * 2, "vf": [settings.critic] * 2}},
        seed=seed,
        device="cpu",
    )
    begin_at_rest(learner, lanes.case.action_choices, settings.rest)

    looks = Looks(max(1, steps // LOOKS), validation, lambda: policy_of(learner, envs))
    learner.learn(steps, callback=looks)
    looks.take()
    return looks.best, looks.curve


def policy_of(learner: PPO, envs: VecNormalize) -> Policy:
    """What the learner holds best as it stands; it does not learn on."""
    network = learner.policy_class(**learner.policy._get_constructor_parameters())
    network.load_state_dict(learner.policy.state_dict())
    eyes = deepcopy(envs.obs_rms)
    assert isinstance(eyes, RunningMeanStd)

    def policy(observation: NDArray[np.float32], /) -> NDArray[Any]:
        seen = (observation - eyes.mean) / np.sqrt(eyes.var + envs.epsilon)
        seen = np.clip(seen, -envs.clip_obs, envs.clip_obs).astype(np.float32)
        return network.predict(seen, deterministic=True)[0]

    return policy


def begin_at_rest(learner: PPO, choices: tuple[int, ...], rest: float) -> None:
    """Make the middle of an odd number of choices likely: tap and battery left alone."""
    first = np.cumsum([0, *choices[:-1]])
    bias = learner.policy.action_net.bias
    assert isinstance(bias, torch.Tensor)
    with torch.no_grad():
        for k, n in zip(first.tolist(), choices, strict=True):
            if n % 2:
                bias[k + n // 2] += rest


def draw(curves: list[list[dict[str, float]]], rules: dict[str, float]) -> Figure:
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
            axes.set_xlabel("steps learned from, thousands")
            axes.set_ylabel(label)
            axes.set_title("mean of the validation days")
        left, right = figure.axes
        left.set_ylim(rules["penalised"] - 20.0, rules["penalised"] + 2.0)
        left.legend(loc="lower right")
        right.set_yscale("log")
    return figure


def table(rules: Measured, learned: dict[int, Measured]) -> Table:
    """Test days: means, and the mean difference from local rules with its interval."""
    columns = {
        "penalised": "penalised, $ a day",
        "return": "return, $ a day",
        "loss_kwh": "loss, kWh a day",
        "operations": "operations a day",
    }
    shown = Table("policy", *columns.values(), "outside, %", "difference, $ a day")

    def row(name: str, day: Measured, difference: str) -> None:
        means = [f"{day[key].mean():.2f}" for key in columns]
        shown.add_row(name, *means, f"{100.0 * day['violation_rate'].mean():.2f}", difference)

    row("local rules", rules, "")
    for seed, day in learned.items():
        mean, low, high = interval(day["penalised"] - rules["penalised"])
        row(f"PPO, seed {seed}", day, f"{mean:+.2f} ({low:+.2f} to {high:+.2f})")
    return shown


def main() -> None:
    """Train, judge, print a table, and write the curve and all numbers into ``runs/``."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--steps", type=int, default=100_000, help="(default 100,000)")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    grid_fed_rl.envs.register()
    console, settings = Console(), Settings()
    folder = RunFolder.create(args.runs_dir)
    validation, test = Bench("validation"), Bench("test")
    rules = {split: Bench(split, local_controls=True).rules() for split in ("validation", "test")}
    curves, learned = [], {}
    for seed in args.seeds:
        with folder.stage(f"seed {seed}"):
            policy, curve = learn(seed, args.steps, settings, validation)
        curves.append(curve)
        learned[seed] = test.measure(policy)
        best = max(curve, key=lambda point: point["penalised"])
        console.print(
            f"seed {seed}: {best['penalised']:.2f} $ on validation days, "
            f"after {best['steps']:.0f} steps"
        )
    console.print(table(rules["test"], learned))

    of_rules = {key: float(value.mean()) for key, value in rules["validation"].items()}
    save_png(draw(curves, of_rules), folder.path / "learning_curve.png")
    numbers = {
        "settings": asdict(settings),
        "usd_per_pu_h": USD_PER_PU_H,
        "local rules": {split: _means(day) for split, day in rules.items()},
        "test": {str(seed): _means(day) for seed, day in learned.items()},
        "curves": {str(seed): curve for seed, curve in zip(args.seeds, curves, strict=True)},
    }
    path = folder.write_json("ppo_vvo.json", numbers)
    console.print(f"Written to {path.parent}", soft_wrap=True)


def _means(day: Measured) -> dict[str, float]:
    return {key: float(value.mean()) for key, value in day.items()}


if __name__ == "__main__":
    main()
