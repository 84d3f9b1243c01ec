"""The two ways through a chunk of steps: all at once, or one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.setpoint import Setpoint
from grid_fed_rl.powerflow.solve import solve

if TYPE_CHECKING:
    from grid_fed_rl.powerflow.controls import LocalControls

__all__ = ["Carried", "Solver", "State", "acting_on", "carried_by", "joined"]


@dataclass(frozen=True, slots=True)
class Carried:
    """Columns that a control decides, and that one step leaves to the next."""

    regulators: NDArray[np.int64]
    capacitors: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class State:
    """Where a step ended: (scenario, ...) each."""

    tap_position: NDArray[np.int32]
    capacitor_step: NDArray[np.int32]
    start_pu: NDArray[np.complex128]  # (scenario, node) voltages the next step starts from

    def arrays(self) -> dict[str, NDArray]:
        """By name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def acting_on(network: Network, controls: "LocalControls | bool") -> "LocalControls | None":
    """The controls that act, made ready once for a whole run."""
    if controls is False:
        return None
    from grid_fed_rl.powerflow.controls import LocalControls

    return LocalControls(network) if controls is True else controls


def carried_by(controls: "LocalControls | None") -> Carried | None:
    """What couples one step to the next; None where nothing does."""
    if controls is None:
        return None
    regulators, capacitors = controls.regulator_columns, controls.capacitor_columns
    return Carried(regulators, capacitors) if len(regulators) + len(capacitors) else None


@dataclass(frozen=True, slots=True)
class Solver:
    """`solve` with all that stays the same throughout a run."""

    network: Network
    controls: "LocalControls | None"
    engine: Literal["batched", "opendss"]
    tolerance_pu: float
    max_iterations: int
    threads: int | None

    def together(self, setpoint: Setpoint, hours: NDArray[np.float64]) -> PowerFlow:
        """Solve steps that do not know of each other; `hours` is (batch,)."""
        return self._solve(setpoint, hours, None)

    def in_order(
        self,
        setpoint: Setpoint,
        hours: NDArray[np.float64],
        n_scenarios: int,
        carried: Carried,
        state: State | None,
        advance: Callable[[int], None],
    ) -> tuple[PowerFlow, State]:
        """Solve steps in order.

        Args:
            setpoint: Rows of the first scenario's steps, then of the second's, ...
            hours: (step,) hour of the day.
            n_scenarios: How many there are.
            carried: What one step leaves to the next.
            state: Where the step before ended; None at the first of all.
            advance: Told of every step.

        Returns:
            The flow of every row, in the order of `setpoint`, and where it ended.
        """
        n_steps = len(hours)
        rows = n_steps * np.arange(n_scenarios)
        flat = self.network.v_flat_pu
        flows: list[PowerFlow] = []
        for step in range(n_steps):
            now = setpoint.rows(rows + step)
            if state is None:
                start = np.broadcast_to(flat, (n_scenarios, len(flat)))
                state = State(now.tap_position, now.capacitor_step, start)
            now = _from_where_it_was(now, carried, state)
            flow = self._solve(now, np.full(n_scenarios, hours[step]), state.start_pu)
            flows.append(flow)
            state = _after(flow, state, flat)
            advance(1)
        assert state is not None
        whole = _joined_flows(flows)
        order = np.arange(n_steps * n_scenarios).reshape(n_steps, n_scenarios).T.ravel()
        return whole.rows(order), state

    def _solve(
        self, setpoint: Setpoint, hours: NDArray[np.float64], start_pu: NDArray | None
    ) -> PowerFlow:
        controls = self.controls and replace(self.controls, hour=hours)
        return solve(
            self.network,
            setpoint,
            controls=controls or False,
            engine=self.engine,
            start_pu=start_pu,
            tolerance_pu=self.tolerance_pu,
            max_iterations=self.max_iterations,
            threads=self.threads,
        )


def joined(setpoints: Sequence[Setpoint]) -> Setpoint:
    """Rows of several set-points, one after the other."""
    arrays = {f.name: [getattr(s, f.name) for s in setpoints] for f in fields(Setpoint)}
    return Setpoint(**{name: np.concatenate(parts) for name, parts in arrays.items()})


def _joined_flows(flows: Sequence[PowerFlow]) -> PowerFlow:
    names = [f.name for f in fields(PowerFlow) if f.name != "setpoint"]
    arrays = {name: np.concatenate([getattr(flow, name) for flow in flows]) for name in names}
    return PowerFlow(setpoint=joined([flow.setpoint for flow in flows]), **arrays)


def _from_where_it_was(setpoint: Setpoint, carried: Carried, state: State) -> Setpoint:
    taps, steps = setpoint.tap_position.copy(), setpoint.capacitor_step.copy()
    taps[:, carried.regulators] = state.tap_position[:, carried.regulators]
    steps[:, carried.capacitors] = state.capacitor_step[:, carried.capacitors]
    return replace(setpoint, tap_position=taps, capacitor_step=steps)


def _after(flow: PowerFlow, before: State, flat_pu: NDArray[np.complex128]) -> State:
    """Where the next step begins: as before, and without load, after a failure."""
    solved = flow.converged[:, None]
    # A node that was dead may be live again: start it without load, not at zero.
    usable = solved & (flow.v_pu != 0.0)
    return State(
        np.where(solved, flow.setpoint.tap_position, before.tap_position),
        np.where(solved, flow.setpoint.capacitor_step, before.capacitor_step),
        np.where(usable, flow.v_pu, flat_pu),
    )
