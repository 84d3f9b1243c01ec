"""Switched capacitor banks: steps closed, and how many switchings that took."""

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ActionError

__all__ = ["switch_capacitors"]

Integers = npt.NDArray[np.integer]


def switch_capacitors(
    state: Integers, command: Integers, n_steps: int | Integers = 1
) -> tuple[Integers, npt.NDArray[np.int64]]:
    """Switch banks to the commanded number of closed steps.

    Args:
        state: (lane, bank) steps closed now; 0 is open.
        command: (lane, bank) steps to have closed; cut to [0, n_steps].
        n_steps: steps a bank has, one for all or (bank,); 1 is a plain
            on-off bank.

    Returns:
        state: (lane, bank) steps closed after switching, of the dtype of `state`.
        operations: (lane, bank) int64, steps opened or closed, zero or more.

    Raises:
        ActionError: `command` is not of an integer type.
    """
    command = np.asarray(command)
    if command.dtype.kind not in "iu":
        raise ActionError(
            f"capacitor command has dtype {command.dtype}: must be integer, steps to close"
        )
    after = np.minimum(np.maximum(command.astype(np.int64), 0), n_steps)
    return after.astype(state.dtype), np.abs(after - state.astype(np.int64))
