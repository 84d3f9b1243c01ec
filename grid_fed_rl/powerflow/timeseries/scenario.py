"""What a time series is run on: set-points, a row a step."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.feeders.time_profiles import Profiles
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.setpoint import Setpoint, nominal_setpoint

__all__ = ["Scenario", "SeriesScenario", "fingerprint", "profile_scenario"]

Floats = NDArray[np.float64]
_STEPS_HASHED_AT_ONCE = 1024


@runtime_checkable
class Scenario(Protocol):
    """Set-points over time.

    Attributes:
        n_steps: How many steps there are.
        step_h: Length of a step, h.
        first_hour: Hour of the day at which step 0 begins.
    """

    @property
    def n_steps(self) -> int: ...  # noqa: D102 - said above
    @property
    def step_h(self) -> float: ...  # noqa: D102
    @property
    def first_hour(self) -> float: ...  # noqa: D102

    def setpoint(self, first: int, last: int) -> Setpoint:
        """Set-points of the steps from `first` up to, not including, `last`; a row each."""
        ...


@dataclass(frozen=True, eq=False)
class SeriesScenario:
    """A set-point some of whose arrays move with time.

    Attributes:
        base: One row: all that does not move.
        step_h: Length of a step, h.
        series: Arrays over steps that take the place of the base's, by the
            set-point's own names: (step, element), or (step, 1) for all alike.
        load_multiplier: (step, load) or (step, 1), of the base's `load_kw` and
            `load_kvar`; empty where loads do not move this way.
        first_hour: Hour of the day at which step 0 begins.
        n_steps: Steps there are.

    Raises:
        PowerFlowError: an array has the wrong shape or as many steps as no other,
            a number is not finite, or loads are given twice.
    """

    base: Setpoint
    step_h: float
    series: Mapping[str, NDArray]
    load_multiplier: Floats
    first_hour: float
    n_steps: int

    @classmethod
    def of(
        cls,
        network: Network,
        *,
        step_h: float = 1.0,
        load_multiplier: ArrayLike | None = None,
        base: Setpoint | None = None,
        first_hour: float = 0.0,
        **series: ArrayLike,
    ) -> "SeriesScenario":
        """Make one of a feeder as it stands, or of another `base`.

        Args:
            network: The compiled feeder.
            step_h: Length of a step, h.
            load_multiplier: (step,) for all loads alike, or (step, load).
            base: One row; the nominal set-point where not given.
            first_hour: Hour of the day at which step 0 begins.
            **series: `load_kw`, `load_kvar`, `der_kw`, `der_kvar`, `tap_position`,
                `capacitor_step` or `switch_closed`, (step, element) each.
        """
        arrays = {name: np.asarray(value) for name, value in series.items()}
        if load_multiplier is not None:
            if twice := {"load_kw", "load_kvar"} & set(arrays):
                raise PowerFlowError(
                    f"scenario: load_multiplier and {', '.join(sorted(twice))} are both given; "
                    "give one of them"
                )
            arrays = {"load_multiplier": np.asarray(load_multiplier, np.float64), **arrays}
        if not (step_h > 0.0 and math.isfinite(step_h)):
            raise PowerFlowError(f"scenario: step_h is {step_h}; expected hours above 0")
        if not arrays:
            raise PowerFlowError(
                "scenario: nothing moves; give load_multiplier or an array of the set-point"
            )
        row = nominal_setpoint(network) if base is None else base
        if row.n_rows != 1:
            raise PowerFlowError(f"scenario: base has {row.n_rows} rows; expected 1")
        n_steps = next((len(array) for array in arrays.values() if array.ndim), 0)
        kept = {name: _checked(name, array, row, n_steps) for name, array in arrays.items()}
        multiplier = kept.pop("load_multiplier", np.empty((0, 1)))
        return cls(row, step_h, kept, multiplier, first_hour, n_steps)

    def setpoint(self, first: int, last: int) -> Setpoint:
        """Set-points of the steps from `first` up to, not including, `last`; a row each."""
        changes = {name: array[first:last] for name, array in self.series.items()}
        if len(self.load_multiplier):
            now = self.load_multiplier[first:last]
            changes["load_kw"] = self.base.load_kw * now
            changes["load_kvar"] = self.base.load_kvar * now
        return self.base.with_(**changes)

    def fingerprint(self) -> str:
        """A hash of all that it gives, without giving it."""
        digest = hashlib.blake2b(f"{self.n_steps} {self.step_h!r}".encode(), digest_size=16)
        _add_setpoint(digest, self.base)
        for name, array in [*sorted(self.series.items()), ("multiplier", self.load_multiplier)]:
            digest.update(f"{name} {array.shape} {array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def _checked(name: str, array: NDArray, base: Setpoint, n_steps: int) -> NDArray:
    field = "load_kw" if name == "load_multiplier" else name
    if field not in {f.name for f in fields(Setpoint)}:
        known = ", ".join(["load_multiplier", *(f.name for f in fields(Setpoint))])
        raise PowerFlowError(f"scenario: no series {name!r}; known: {known}")
    shape = array.shape
    if array.ndim == 1:
        array = array[:, None]
    n_elements = getattr(base, field).shape[1]
    if array.ndim != 2 or len(array) != n_steps or array.shape[1] not in {1, n_elements}:
        steps = n_steps or "steps"
        raise PowerFlowError(
            f"scenario: {name} has shape {shape}; expected ({steps}, {n_elements}), "
            f"a row a step, or ({steps},) for all alike"
        )
    if n_steps == 0:
        raise PowerFlowError(f"scenario: {name} has no steps; expected 1 or more")
    if not np.isfinite(array).all():
        step, k = np.argwhere(~np.isfinite(array))[0]
        raise PowerFlowError(
            f"scenario: {name} is {array[step, k]} at step {step}, column {k}; "
            "expected a finite number"
        )
    array = array.copy()
    array.flags.writeable = False
    return array


def profile_scenario(network: Network, profiles: Profiles | None, **given: Any) -> SeriesScenario:
    """Let loads follow the profiles that their feeder brings; others stay nominal.

    Args:
        network: The compiled feeder.
        profiles: As `feeders.profiles` loads them.
        **given: Anything else that `SeriesScenario.of` takes.

    Raises:
        FeederError: a load names a profile that there is not.
        PowerFlowError: the feeder brings no profiles.
    """
    if profiles is None:
        raise PowerFlowError(
            f"scenario: feeder {network.feeder.name!r} brings no profiles; give load_multiplier"
        )
    multiplier = np.ones((len(profiles.multiplier), len(network.loads)))
    for k, load in enumerate(network.feeder.loads.values()):
        if load.profile:
            multiplier[:, k] = profiles.of(load.profile)
    return SeriesScenario.of(network, step_h=profiles.step_h, load_multiplier=multiplier, **given)


def fingerprint(scenario: Scenario) -> str:
    """A hash of every set-point of a scenario; its own where it has one."""
    own = getattr(scenario, "fingerprint", None)
    if own is not None:
        return own()
    digest = hashlib.blake2b(f"{scenario.n_steps} {scenario.step_h!r}".encode(), digest_size=16)
    for first in range(0, scenario.n_steps, _STEPS_HASHED_AT_ONCE):
        last = min(first + _STEPS_HASHED_AT_ONCE, scenario.n_steps)
        _add_setpoint(digest, scenario.setpoint(first, last))
    return digest.hexdigest()


def _add_setpoint(digest: "hashlib._Hash | hashlib.blake2b", setpoint: Setpoint) -> None:
    for field in fields(setpoint):
        digest.update(np.ascontiguousarray(getattr(setpoint, field.name)).tobytes())
