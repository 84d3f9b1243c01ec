"""Policies that are not learned: doing nothing, and operators' local rules.

OpenDSS's own controls are no policy but a case with ``local_controls=True``: they
settle within a step, while a policy acts on what it saw.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.envs.groups import Batteries, Capacitors, Regulators
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError
from grid_fed_rl.powerflow.controls import LocalControls

__all__ = ["Behaviour", "BehaviourConfig", "Hold"]

Floats = NDArray[np.float64]
CAPACITOR_RULES = ("closed", "clock", "voltage")
BATTERY_RULES = ("idle", "peak", "sun")


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
    exploration: float = 0.15
    capacitor_rules: tuple[float, float, float] = (0.5, 0.3, 0.2)  # closed, clock, voltage
    battery_rules: tuple[float, float, float] = (0.4, 0.4, 0.2)  # idle, peak, sun

    def __post_init__(self) -> None:
        if not 0.0 <= self.exploration <= 1.0 or self.v_shift_spread < 0.0:
            raise TaskError(
                f"behaviour: exploration {self.exploration}, v_shift_spread "
                f"{self.v_shift_spread}; expected a probability and at least 0"
            )
        for name in ("capacitor_rules", "battery_rules"):
            weights = getattr(self, name)
            if len(weights) != 3 or min(weights) < 0 or abs(sum(weights) - 1.0) > 1e-9:
                raise TaskError(f"behaviour: {name} is {weights}; expected three shares of 1")


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
    """

    def __init__(
        self, env: GridVectorEnv, config: BehaviourConfig, rng: np.random.Generator
    ) -> None:
        self._env, self._config, self._rng = env, config, rng
        self._controls = LocalControls(env.case.network)
        n, network = env.num_envs, env.case.network
        self._shift = np.zeros((n, len(network.regulators)))
        self._capacitor_rule = np.zeros((n, len(network.capacitors)), dtype=np.int64)
        self._n_batteries = sum(len(g.names) for g in env.case.groups if isinstance(g, Batteries))
        self._battery_rule = np.zeros((n, self._n_batteries), dtype=np.int64)
        self._battery_share = np.zeros((n, self._n_batteries))

    def __call__(self, observation: NDArray[np.float32], /) -> NDArray[np.float32]:
        """The action of every lane."""
        self._draw(self._env.snapshot.step == 0)
        blocks = []
        for group in self._env.case.groups:
            if isinstance(group, Regulators):
                blocks.append(self._taps(group))
            elif isinstance(group, Capacitors):
                blocks.append(self._capacitors())
            else:
                blocks.append(self._batteries())
        return np.concatenate(blocks, axis=1).astype(np.float32)

    def _draw(self, lanes: NDArray[np.bool_]) -> None:
        config, rng = self._config, self._rng
        if not lanes.any():
            return
        every = lanes[:, None]
        shift = rng.normal(config.v_shift_mean, config.v_shift_spread, self._shift.shape)
        self._shift = np.where(every, shift, self._shift)
        for name, weights in (
            ("_capacitor_rule", config.capacitor_rules),
            ("_battery_rule", config.battery_rules),
        ):
            old = getattr(self, name)
            setattr(self, name, np.where(every, rng.choice(3, old.shape, p=weights), old))
        share = rng.uniform(0.2, 1.0, self._battery_share.shape)
        self._battery_share = np.where(every, share, self._battery_share)

    def _strays(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        return self._rng.random(shape) < self._config.exploration

    def _taps(self, group: Regulators) -> Floats:
        snapshot = self._env.snapshot
        moves = self._controls.tap_moves(snapshot.setpoint, snapshot.flow, self._shift)
        most = group.most_steps
        strayed = self._rng.integers(-most, most + 1, moves.shape)
        moves = np.where(self._strays(moves.shape), strayed, moves)
        return np.clip(moves, -most, most) / most

    def _hour(self) -> Floats:
        snapshot, year = self._env.snapshot, self._env.case.year
        return (snapshot.next_row % year.steps_per_day)[:, None] * year.step_h

    def _capacitors(self) -> Floats:
        snapshot, hour = self._env.snapshot, self._hour()
        by_voltage = self._controls.capacitor_states(snapshot.setpoint, snapshot.flow)
        by_clock = ((hour >= 7.0) & (hour < 23.0)) * np.ones_like(by_voltage)
        closed = np.choose(self._capacitor_rule, [np.ones_like(by_voltage), by_clock, by_voltage])
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
