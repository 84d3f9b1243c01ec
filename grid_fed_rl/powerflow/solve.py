"""Batched power flow: one row a scenario, rows differing in everything that varies."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import PowerFlowError
from grid_fed_rl.powerflow import kernels
from grid_fed_rl.powerflow.network import S_BASE_KVA, Network

__all__ = ["PowerFlow", "Setpoint", "Status", "nominal_setpoint", "solve"]

LANES = 32  # rows solved together by one thread; 16 to 64 measure alike


class Status(IntEnum):
    """What became of a row."""

    CONVERGED = kernels.CONVERGED
    NOT_CONVERGED = kernels.NOT_CONVERGED
    DIVERGED = kernels.DIVERGED


@dataclass(frozen=True, slots=True)
class Setpoint:
    """What varies from row to row. Injection into the grid is positive for DER.

    Attributes:
        tap_position: (batch, regulator) steps from neutral, integer.
        capacitor_closed: (batch, capacitor) 0 or 1.
        load_kw: (batch, load) nominal consumption.
        load_kvar: (batch, load).
        der_kw: (batch, der) injection.
        der_kvar: (batch, der) injection.
    """

    tap_position: NDArray[np.int32]
    capacitor_closed: NDArray[np.float64]
    load_kw: NDArray[np.float64]
    load_kvar: NDArray[np.float64]
    der_kw: NDArray[np.float64]
    der_kvar: NDArray[np.float64]

    @property
    def n_rows(self) -> int:
        """Rows of the batch."""
        return len(self.tap_position)

    def rows(self, index: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Return some rows."""
        names = self.__slots__
        return type(self)(*(getattr(self, name)[index] for name in names))

    def with_(self, **changes: ArrayLike) -> Self:
        """Return a copy with some arrays replaced; they broadcast over the batch."""
        arrays = {k: np.asarray(v, dtype=getattr(self, k).dtype) for k, v in changes.items()}
        batch = max([len(a) for a in arrays.values() if a.ndim == 2] + [self.n_rows])
        if batch != self.n_rows and self.n_rows != 1:
            raise PowerFlowError(
                f"set-point of {self.n_rows} rows cannot take arrays of {batch} rows"
            )
        everything = {name: arrays.get(name, getattr(self, name)) for name in self.__slots__}
        return replace(
            self,
            **{
                name: np.ascontiguousarray(
                    np.broadcast_to(array, (batch, getattr(self, name).shape[1]))
                )
                for name, array in everything.items()
            },
        )


@dataclass(frozen=True, slots=True)
class PowerFlow:
    """The answer, one row a scenario.

    Attributes:
        v_pu: (batch, node) complex, on each node's nominal line-to-neutral base.
        status: (batch,) `Status`; voltages of a row not converged mean nothing.
        iterations: (batch,).
        residual_pu: (batch,) largest voltage change of the last iteration.
    """

    v_pu: NDArray[np.complex128]
    status: NDArray[np.int8]
    iterations: NDArray[np.int32]
    residual_pu: NDArray[np.float64]

    @property
    def converged(self) -> NDArray[np.bool_]:
        """(batch,) whether the row met the tolerance."""
        return self.status == Status.CONVERGED


def nominal_setpoint(network: Network, n_rows: int = 1) -> Setpoint:
    """Nominal loads, neutral taps, capacitors as the feeder has them, DER idle."""
    feeder = network.feeder
    row = Setpoint(
        tap_position=np.zeros((1, len(network.regulators)), dtype=np.int32),
        capacitor_closed=np.array([[float(c.closed) for c in feeder.capacitors.values()]]),
        load_kw=np.array([[load.kw for load in feeder.loads.values()]]),
        load_kvar=np.array([[load.kvar for load in feeder.loads.values()]]),
        der_kw=np.zeros((1, len(network.ders))),
        der_kvar=np.zeros((1, len(network.ders))),
    )
    return row if n_rows == 1 else row.rows(np.zeros(n_rows, dtype=np.int64))


def _checked(network: Network, setpoint: Setpoint) -> None:
    columns = {
        "tap_position": len(network.regulators),
        "capacitor_closed": len(network.capacitors),
        "load_kw": len(network.loads),
        "load_kvar": len(network.loads),
        "der_kw": len(network.ders),
        "der_kvar": len(network.ders),
    }
    for name, n_columns in columns.items():
        array = getattr(setpoint, name)
        if array.shape != (setpoint.n_rows, n_columns):
            raise PowerFlowError(
                f"set-point {name} has shape {array.shape}; feeder {network.feeder.name!r} "
                f"takes ({setpoint.n_rows}, {n_columns})"
            )
        if not np.isfinite(array).all():
            row, column = np.argwhere(~np.isfinite(array))[0]
            raise PowerFlowError(f"set-point {name}[{row}, {column}] is {array[row, column]}")
    taps = setpoint.tap_position
    outside = (taps < network.tap_lowest) | (taps > network.tap_highest)
    if outside.any():
        row, k = np.argwhere(outside)[0]
        raise PowerFlowError(
            f"row {row}: tap position {taps[row, k]} of regulator {network.regulators[k]!r} is "
            f"outside {network.tap_lowest[k]}..{network.tap_highest[k]}"
        )


def factors_of(network: Network, setpoint: Setpoint) -> NDArray[np.float64]:
    """(batch, factor) what scales the varying terms of the admittance matrix."""
    inverse = 1.0 / (1.0 + setpoint.tap_position * network.tap_step_pu)
    taps = np.stack([inverse, inverse**2], axis=2).reshape(setpoint.n_rows, -1)
    return np.concatenate([taps, setpoint.capacitor_closed], axis=1)


def injections_pu(setpoint: Setpoint) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(batch, element) active and reactive injection of loads, then DER."""
    p = np.concatenate([-setpoint.load_kw, setpoint.der_kw], axis=1) / S_BASE_KVA
    q = np.concatenate([-setpoint.load_kvar, setpoint.der_kvar], axis=1) / S_BASE_KVA
    return p, q


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Worker threads of this process (a forked child makes its own)."""
    del process
    return ThreadPoolExecutor(threads, thread_name_prefix="powerflow")


def default_threads() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def solve(
    network: Network,
    setpoint: Setpoint,
    *,
    start_pu: NDArray[np.complex128] | None = None,
    tolerance_pu: float = 1e-8,
    max_iterations: int = 100,
    threads: int | None = None,
) -> PowerFlow:
    """Solve the power flow of every row.

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
            a tap position that does not exist.
    """
    _checked(network, setpoint)
    rows = setpoint.n_rows
    start = network.v_flat_pu[None] if start_pu is None else np.ascontiguousarray(start_pu)
    if start.shape not in {(1, network.n_nodes), (rows, network.n_nodes)}:
        raise PowerFlowError(
            f"start_pu has shape {start.shape}; expected (1 or {rows}, {network.n_nodes})"
        )
    v = np.empty((rows, network.n_nodes), dtype=np.complex128)
    iterations = np.zeros(rows, dtype=np.int32)
    status = np.full(rows, kernels.NOT_CONVERGED, dtype=np.int8)
    residual = np.full(rows, np.inf)
    order, _, *rest = network.schedule
    current = np.append(network.source_current_pu[order], 0.0)
    factors = factors_of(network, setpoint)
    p, q = injections_pu(setpoint)

    def run(first: int, last: int) -> None:
        kernels.solve_rows(
            first,
            last,
            min(LANES, last - first),
            order,
            *rest,
            network.matrix,
            network.legs,
            current.real.copy(),
            current.imag.copy(),
            factors,
            p,
            q,
            start,
            tolerance_pu,
            max_iterations,
            v,
            iterations,
            status,
            residual,
        )

    threads = threads or default_threads()
    blocks = -(-rows // LANES)
    if threads == 1 or blocks == 1:
        run(0, rows)
    else:
        parts = min(blocks, threads * 4)
        edges = [min(rows, LANES * (blocks * k // parts)) for k in range(parts)] + [rows]
        list(_pool(os.getpid(), threads).map(run, edges[:-1], edges[1:]))
    return PowerFlow(v, status, iterations, residual)
