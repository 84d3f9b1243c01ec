"""The batched engine: one row a scenario, rows differing in everything that varies."""

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow import kernels
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.iteration_kernels import CONVERGED
from grid_fed_rl.powerflow.lanes import LANES
from grid_fed_rl.powerflow.network import S_BASE_KVA, Network
from grid_fed_rl.powerflow.setpoint import Setpoint, check_setpoint
from grid_fed_rl.powerflow.threads import over_rows

__all__ = ["factors_of", "injections_pu", "solve_again", "solve_batched", "start_voltages"]

FEW = 3  # rows that take less time one by one than a block of `LANES` does


def factors_of(network: Network, setpoint: Setpoint) -> NDArray[np.float64]:
    """(batch, factor) what scales the stamps that vary; see `assembly`."""
    inverse = 1.0 / (1.0 + setpoint.tap_position * network.tap_step_pu)
    taps = np.stack([inverse, inverse**2], axis=2).reshape(setpoint.n_rows, 2 * inverse.shape[1])
    return np.concatenate(
        [
            taps,
            setpoint.capacitor_step / network.capacitor_steps,
            setpoint.switch_closed.astype(np.float64),
        ],
        axis=1,
    )


def injections_pu(setpoint: Setpoint) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(batch, element) active and reactive injection of loads, then DER."""
    p = np.concatenate([-setpoint.load_kw, setpoint.der_kw], axis=1) / S_BASE_KVA
    q = np.concatenate([-setpoint.load_kvar, setpoint.der_kvar], axis=1) / S_BASE_KVA
    return p, q


def start_voltages(
    network: Network, n_rows: int, start_pu: NDArray[np.complex128] | None
) -> NDArray[np.complex128]:
    """(1 or batch, node) voltages to start from, without load where none are given.

    Raises:
        PowerFlowError: they have the wrong shape or are not finite.
    """
    if start_pu is None:
        return kernels.read_only(network.v_flat_pu[None])
    start = kernels.read_only(np.asarray(start_pu, dtype=np.complex128))
    if start.shape not in {(1, network.n_nodes), (n_rows, network.n_nodes)}:
        raise PowerFlowError(
            f"start_pu has shape {start.shape}; expected (1 or {n_rows}, {network.n_nodes})"
        )
    if not np.isfinite(start).all():
        raise PowerFlowError(
            f"start_pu holds {start[~np.isfinite(start)][0]}; expected finite numbers"
        )
    return start


def solve_batched(
    network: Network,
    setpoint: Setpoint,
    *,
    start_pu: NDArray[np.complex128] | None = None,
    tolerance_pu: float = 1e-8,
    max_iterations: int = 100,
    threads: int | None = None,
) -> PowerFlow:
    """Solve the power flow of every row, devices standing where the set-point has them.

    A row's answer does not depend on the other rows. A row that does not
    converge says so in its status and disturbs no other.

    Args:
        network: The compiled feeder.
        setpoint: What varies, a row a scenario.
        start_pu: (batch, node) or (1, node) voltages to start from; without
            load where not given.
        tolerance_pu: Largest voltage change of the last iteration.
        max_iterations: Fixed-point iterations a row may take.
        threads: Threads to spread the rows over; all processors by default.

    Raises:
        PowerFlowError: an array has the wrong shape, is not finite, or asks for
            a tap position or capacitor state that does not exist.
    """
    if setpoint.n_rows == 1:
        flow = _solve_row(network, setpoint, start_pu, tolerance_pu, max_iterations)
        if flow is not None:
            return flow
    check_setpoint(network, setpoint)
    n_rows = setpoint.n_rows
    start = start_voltages(network, n_rows, start_pu)
    flow = PowerFlow(
        v_pu=np.empty((n_rows, network.n_nodes), dtype=np.complex128),
        status=np.empty(n_rows, dtype=np.int8),
        iterations=np.empty(n_rows, dtype=np.int32),
        residual_pu=np.empty(n_rows),
        setpoint=setpoint,
        settled=np.empty(n_rows, dtype=np.bool_),
    )
    _solve_rows(network, flow, np.arange(n_rows), start, tolerance_pu, max_iterations, threads)
    np.equal(flow.status, CONVERGED, out=flow.settled)
    return flow


def solve_again(
    network: Network,
    flow: PowerFlow,
    index: NDArray[np.int64],
    *,
    tolerance_pu: float = 1e-8,
    max_iterations: int = 100,
    threads: int | None = None,
) -> None:
    """Solve some rows of a power flow anew, in place, from the voltages they have.

    For a set-point that was written to in those rows, within its range. A row is the
    same to the last bit as `solve_batched` has it.

    Args:
        network: The compiled feeder.
        flow: The power flow; what it holds in these rows is overwritten.
        index: The rows, each once.
        tolerance_pu: As in `solve_batched`.
        max_iterations: As in `solve_batched`.
        threads: As in `solve_batched`.
    """
    if len(index) > FEW:
        start = kernels.read_only(flow.v_pu)
        _solve_rows(network, flow, index, start, tolerance_pu, max_iterations, threads)
    else:
        for r in index.tolist():
            row = np.concatenate([x[r] for x in flow.setpoint.arrays], dtype=np.float64)
            _, flow.iterations[r], flow.status[r], flow.residual_pu[r] = kernels.solve_row(
                network.plan, row, flow.v_pu[r], tolerance_pu, max_iterations
            )
    flow.settled[index] = flow.status[index] == CONVERGED


def _solve_rows(
    network: Network,
    flow: PowerFlow,
    index: NDArray[np.int64],
    start: NDArray[np.complex128],
    tolerance_pu: float,
    max_iterations: int,
    threads: int | None,
) -> None:
    """Solve rows of a power flow in place, in blocks, spread over threads."""
    plan, rows, index = network.plan, flow.setpoint.as_rows(), kernels.read_only(index)

    def run(first: int, last: int) -> None:
        kernels.solve_rows(
            plan,
            first,
            last,
            index,
            rows,
            start,
            tolerance_pu,
            max_iterations,
            flow.v_pu,
            flow.iterations,
            flow.status,
            flow.residual_pu,
        )

    over_rows(run, len(index), threads, LANES)


def _solve_row(
    network: Network,
    setpoint: Setpoint,
    start_pu: NDArray[np.complex128] | None,
    tolerance_pu: float,
    max_iterations: int,
) -> PowerFlow | None:
    """One row by the shortest way; None if something is wrong with it, which others tell."""
    start = network.v_flat_pu[None] if start_pu is None else start_pu
    v_pu = np.array(start, dtype=np.complex128, order="C")
    arrays = setpoint.arrays
    if v_pu.shape != (1, network.n_nodes) or network.row_shapes != tuple(x.shape for x in arrays):
        return None
    row = np.concatenate(arrays, axis=None, dtype=np.float64)
    sound, iterations, status, residual_pu = kernels.solve_row(
        network.plan, row, v_pu[0], tolerance_pu, max_iterations
    )
    if not sound:
        return None
    return PowerFlow(
        v_pu,
        np.array([status], dtype=np.int8),
        np.array([iterations], dtype=np.int32),
        np.array([residual_pu]),
        setpoint,
        np.array([status == CONVERGED]),
    )
