"""What the measures of branches share: factors and voltages, and how a kernel goes over rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow.batched import factors_of
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.measures.floating import potentials
from grid_fed_rl.powerflow.network import Network
from grid_fed_rl.powerflow.threads import over_rows

__all__ = ["by_rows", "row_factors"]

ROWS_A_PART = 128  # rows whose measures are worth a thread's while


def row_factors(network: Network, flow: PowerFlow) -> NDArray[np.float64]:
    """(batch, factor) what scales the terms of a `BranchTable`; the first is 1."""
    varying = factors_of(network, flow.setpoint)
    return np.concatenate([np.ones((len(varying), 1)), varying], axis=1)


def by_rows(
    kernel: Callable[..., None],
    network: Network,
    flow: PowerFlow,
    *rest: Any,
    threads: int | None = 1,
) -> None:
    """Run a kernel of `measure_kernels` on all rows, dead conductors beside live ones floating."""
    factors = row_factors(network, flow)
    v_pu = potentials(network, flow, factors)

    def run(first: int, last: int) -> None:
        kernel(first, last, factors, v_pu, *rest)

    over_rows(run, len(v_pu), threads, ROWS_A_PART)
