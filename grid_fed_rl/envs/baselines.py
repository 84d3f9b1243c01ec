"""Policies that are not learned: doing nothing, and operators' local rules.

OpenDSS's own controls are no policy but a case with ``local_controls=True``: they
settle within a step, while a policy acts on what it saw.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import Batteries, Capacitors, DeviceGroup, Regulators
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow.controls import LocalControls

__all__ = ["Behaviour", "BehaviourConfig", "Hold"]

Floats = NDArray[np.float64]


class Hold:
    """Leaves every device as it is: no control."""

    def __init__(self, n_devices: int) -> None:
        self._n_devices = n_devices

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        """An action of zeros for every lane."""
        return np.zeros((len(observation), self._n_devices), dtype=np.float32)


@dataclass(frozen=True)
class BehaviourConfig:
    """How a utility's operators run their devices, and how much they vary it.

    Each day, for each regulator, a shift of its voltage setting is drawn; for
    each capacitor and battery a rule. At each step each device strays from its
    rule with the probability of exploration.
    """

    v_shift_mean: float = 0.0  # V on a 120 V base
    v_shift_spread: float = 2.5  # V, standard deviation
    exploration: float = 0.05
    capacitor_rules: tuple[float, float, float] = (0.5, 0.3, 0.2)  # closed, clock, voltage
    battery_rules: tuple[float, float, float] = (0.8, 0.1, 0.1)  # idle, peak, sun

    def __post_init__(self) -> None:
        if not 0.0 <= self.exploration <= 1.0:
            raise TaskError(
                f"behaviour: exploration is {self.exploration}; expected a probability, 0 to 1"
            )
        if not 0.0 <= self.v_shift_spread < np.inf or not np.isfinite(self.v_shift_mean):
            raise TaskError(
                f"behaviour: v_shift_mean is {self.v_shift_mean} and v_shift_spread "
                f"{self.v_shift_spread}; expected volts, the spread at least 0"
            )
        for name, shares in (
            ("capacitor_rules", self.capacitor_rules),
            ("battery_rules", self.battery_rules),
        ):
            if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1.0) > 1e-9:
                raise TaskError(
                    f"behaviour: {name} is {shares}; expected three shares that sum to 1"
                )


class Behaviour:
    """Local rules acting on what was last measured, varied from day to day.

    Regulators move towards their (shifted) line-drop setting; capacitors stay
    closed, follow a clock or their voltage control; batteries idle, shave the
    evening peak or store the sun. A lane's rules are drawn anew whenever it
    stands at the start of an episode.

    Args:
        env: The environment it acts in, whose snapshot it reads.
        config: How the operators vary their rules.
        rng: Where the variation is drawn from.

    Raises:
        TaskError: the environment has devices that these rules do not know.
    """

    def __init__(
        self, env: GridVectorEnv, config: BehaviourConfig, rng: np.random.Generator
    ) -> None:
        self._env, self._config, self._rng = env, config, rng
        network, n = env.case.network, env.num_envs
        self._controls = LocalControls(network)
        self._rules = [self._rule_of(group) for group in env.case.groups]
        n_shifted = len(self._controls.regulator_columns)
        n_batteries = len(network.feeder.storages)
        self._shift_v = np.zeros((n, n_shifted))
        self._capacitor_rule = np.zeros((n, len(network.capacitors)), dtype=np.int64)
        self._battery_rule = np.zeros((n, n_batteries), dtype=np.int64)
        self._battery_share = np.zeros((n, n_batteries))

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        """The action of every lane."""
        del observation  # operators read their own instruments: the snapshot
        begins = self._env.snapshot.step == 0
        if begins.any():
            self._draw(begins)
        return np.concatenate([rule() for rule in self._rules], axis=1, dtype=np.float32)

    def _rule_of(self, group: DeviceGroup) -> Callable[[], Floats]:
        match group:
            case Regulators():
                return partial(self._taps, group.most_steps)
            case Capacitors():
                return self._capacitors
            case Batteries():
                return self._batteries
        raise TaskError(
            f"behaviour has no rule for devices with state {group.state_name!r}; known: "
            f"{Regulators.state_name}, {Capacitors.state_name}, {Batteries.state_name}"
        )

    def _draw(self, lanes: NDArray[np.bool_]) -> None:
        """The rules of a new day, in these lanes."""
        config, rng, n = self._config, self._rng, np.count_nonzero(lanes)
        self._shift_v[lanes] = rng.normal(
            config.v_shift_mean, config.v_shift_spread, (n, self._shift_v.shape[1])
        )
        n_capacitors, n_batteries = self._capacitor_rule.shape[1], self._battery_rule.shape[1]
        self._capacitor_rule[lanes] = rng.choice(3, (n, n_capacitors), p=config.capacitor_rules)
        self._battery_rule[lanes] = rng.choice(3, (n, n_batteries), p=config.battery_rules)
        self._battery_share[lanes] = rng.uniform(0.2, 1.0, (n, n_batteries))

    def _strays(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        return self._rng.random(shape) < self._config.exploration

    def _taps(self, most_steps: int) -> Floats:
        snapshot = self._env.snapshot
        moves = self._controls.tap_moves(snapshot.flow, self._shift_v)
        strayed = self._rng.integers(-most_steps, most_steps + 1, moves.shape)
        moves = np.where(self._strays(moves.shape), strayed, moves)
        return np.clip(np.asarray(moves, dtype=np.float64) / most_steps, -1.0, 1.0)

    def _hour(self) -> Floats:
        """Hour at which the next step begins, (lane, 1)."""
        snapshot, year = self._env.snapshot, self._env.case.year
        step = snapshot.next_row % year.steps_per_day
        return step[:, None].astype(np.float64) * year.step_h

    def _capacitors(self) -> Floats:
        snapshot, hour = self._env.snapshot, self._hour()
        by_voltage = self._controls.capacitor_steps(snapshot.flow)
        always = np.ones_like(by_voltage)
        by_clock = always * ((hour >= 7.0) & (hour < 23.0))
        closed = np.choose(self._capacitor_rule, [always, by_clock, by_voltage])
        closed = np.where(self._strays(closed.shape), 1.0 - closed, closed)
        return 2.0 * closed - 1.0

    def _batteries(self) -> Floats:
        hour, share = self._hour(), self._battery_share
        idle = np.zeros_like(share)
        evening = share * ((hour >= 17.0) & (hour < 21.0))
        peak = evening - share * ((hour >= 1.0) & (hour < 6.0))
        sun = evening - share * ((hour >= 10.0) & (hour < 15.0))
        power = np.choose(self._battery_rule, [idle, peak, sun])
        noise = self._rng.normal(0.0, 0.3, power.shape)
        return np.clip(np.where(self._strays(power.shape), power + noise, power), -1.0, 1.0)
