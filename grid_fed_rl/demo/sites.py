"""The utilities of the job: their environments, their days, their logs."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import gymnasium
import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.analytics.evaluate import run_days
from grid_fed_rl.datasets import Transitions, collect
from grid_fed_rl.datasets.minari_io import read_minari, write_minari
from grid_fed_rl.demo.config import DemoConfig, fingerprint
from grid_fed_rl.envs.baselines import Behaviour, Hold
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import DatasetError
from grid_fed_rl.policy import Policy
from grid_fed_rl.scenarios import split_days

__all__ = ["Utility", "open_utilities"]


@dataclass(frozen=True)
class Utility:
    """One utility: its name, its place in the configuration, and what it runs."""

    name: str
    number: int
    config: DemoConfig

    @property
    def year_seed(self) -> int:
        """Which year of load and sun it has."""
        return self.config.seed + self.number

    def _make(self, *, local_controls: bool) -> GridVectorEnv:
        env = gymnasium.make_vec(
            self.config.feeder.env_id,
            num_envs=self.config.evaluation.lanes,
            utility=self.name,
            year_seed=self.year_seed,
            observe=self.config.observe,
            local_controls=local_controls,
            **self.config.feeder.options,
        ).unwrapped
        assert isinstance(env, GridVectorEnv)
        return env

    @cached_property
    def env(self) -> GridVectorEnv:
        """Devices follow the policy."""
        return self._make(local_controls=False)

    @cached_property
    def own_controls(self) -> GridVectorEnv:
        """Regulators and capacitors follow their own controls, as in OpenDSS."""
        return self._make(local_controls=True)

    def days(self, split: str) -> NDArray[np.int64]:
        """Days of the year in a split."""
        return split_days(self.env.case.year.n_days, f"{self.name}/{self.year_seed}")[split]

    @property
    def hold(self) -> Policy:
        """No control."""
        return Hold(len(self.env.case.action_names))

    def behaviour(self, stream: int) -> Policy:
        """The operators' rules; each stream varies them anew."""
        rules = self.config.behaviour.of(self.config.utilities[self.name])
        rng = np.random.default_rng([self.config.seed, self.number, stream])
        return Behaviour(self.env, rules, rng)

    def run(
        self, policy: Policy, days: NDArray[np.int64], *, own_controls: bool = False
    ) -> dict[str, NDArray[np.float64]]:
        """Judge a policy on days of this utility; see `run_days`."""
        env = self.own_controls if own_controls else self.env
        return run_days(env, policy, days, env.case.network.n_nodes)

    def log(self, root: Path) -> Transitions:
        """The log of the training days: read where it was written before, else made."""
        settings = fingerprint(
            self.config.feeder,
            self.config.behaviour,
            self.config.utilities[self.name],
            [self.config.seed, self.number, self.config.observe],
        )
        dataset_id = f"grid_fed_rl/{self.config.feeder.name}-vvo/{self.name}-v0"
        spaces = (self.env.single_observation_space, self.env.single_action_space)
        if (root / dataset_id).exists():
            try:
                log = read_minari(
                    dataset_id, root, observation_space=spaces[0], action_space=spaces[1]
                )
            except DatasetError:
                log = None  # cut off while it was written
            if log is not None and log.metadata.get("settings") == settings:
                return log
        log = collect(
            self.env,
            self.behaviour(0),
            self.days("train"),
            seed=self.config.seed,
            metadata={"utility": self.name, "settings": settings},
        )
        env_spec = deepcopy(gymnasium.spec(self.config.feeder.env_id))
        env_spec.kwargs.update(self.config.feeder.options)
        write_minari(
            log,
            dataset_id,
            root,
            *spaces,
            env_spec=env_spec,
            overwrite=True,
        )
        return log


def open_utilities(config: DemoConfig) -> Mapping[str, Utility]:
    """The utilities of the configuration, by name."""
    return {name: Utility(name, number, config) for number, name in enumerate(config.utilities)}
