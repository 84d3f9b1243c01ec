"""What the measures of branches share: the table, the factors, rows over threads."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow.batched import factors_of
from grid_fed_rl.powerflow.branch_assembly import branch_table
from grid_fed_rl.powerflow.branches import BranchTable
from grid_fed_rl.powerflow.flow import PowerFlow
from grid_fed_rl.powerflow.network import Network

__all__ = ["by_rows", "row_factors", "table_of"]

KEY = "_branch_table"


def table_of(network: Network) -> BranchTable:
    """The branches of a network, arranged at the first call."""
    kept = vars(network)
    if KEY not in kept:
        kept[KEY] = branch_table(network.feeder, network.node_index, network.v_base_v)
    return kept[KEY]


def row_factors(network: Network, flow: PowerFlow) -> NDArray[np.float64]:
    """(batch, factor) what scales the terms of a `BranchTable`; the first is 1."""
    varying = factors_of(network, flow.setpoint)
    return np.concatenate([np.ones((len(varying), 1)), varying], axis=1)


def by_rows(kernel: Callable[..., None], network: Network, flow: PowerFlow, *rest: Any) -> None:
    """Run a kernel of `measure_kernels` on all rows, spread over threads."""
    v_pu = np.ascontiguousarray(flow.v_pu)
    factors = row_factors(network, flow)

    def run(first: int, last: int) -> None:
        kernel(first, last, factors, v_pu, *rest)

    run(0, len(v_pu))
