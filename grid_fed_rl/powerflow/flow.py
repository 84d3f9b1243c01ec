"""The answer of a power flow: one row a scenario."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.powerflow.setpoint import Setpoint

__all__ = ["PowerFlow", "Status"]


class Status(IntEnum):
    """What became of a row."""

    CONVERGED = 0
    NOT_CONVERGED = 1
    DIVERGED = 2


_CONVERGED = int(Status.CONVERGED)  # numpy compares with plain numbers faster


@dataclass(frozen=True, slots=True)
class PowerFlow:
    """The answer, one row a scenario.

    Attributes:
        v_pu: (batch, node) complex, on each node's nominal line-to-neutral base; 0
            where open switches cut a node off from the source.
        status: (batch,) `Status`; voltages of a row not converged mean nothing.
        iterations: (batch,).
        residual_pu: (batch,) largest voltage change of the last iteration, over the
            nodes of loads and DER; NaN from the reference engine.
        setpoint: What was solved; where local controls acted, what they chose.
        settled: (batch,) whether the row converged and no local control of it still
            wants to act.
    """

    v_pu: NDArray[np.complex128]
    status: NDArray[np.int8]
    iterations: NDArray[np.int32]
    residual_pu: NDArray[np.float64]
    setpoint: Setpoint
    settled: NDArray[np.bool_]

    @property
    def converged(self) -> NDArray[np.bool_]:
        """(batch,) whether the row met the tolerance."""
        return self.status == _CONVERGED

    def rows(self, index: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Return some rows."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        setpoint = parts.pop("setpoint").rows(index)
        return type(self)(setpoint=setpoint, **{k: v[index] for k, v in parts.items()})

    def with_rows(self, index: NDArray[np.int64] | NDArray[np.bool_], other: Self) -> Self:
        """Return a copy in which the rows at `index` are those of another flow."""
        setpoint = self.setpoint.with_rows(index, other.setpoint)
        arrays = {name: getattr(self, name).copy() for name in self.__slots__ if name != "setpoint"}
        for name, array in arrays.items():
            array[index] = getattr(other, name)
        return type(self)(setpoint=setpoint, **arrays)
