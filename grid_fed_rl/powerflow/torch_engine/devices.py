"""The device that a name means, or one error that says what is missing."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from grid_fed_rl.errors import PowerFlowError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["ToDevice", "device_of", "free_bytes", "to_device"]

ToDevice = Callable[[np.ndarray], "Tensor"]
"""Puts an array on a device."""

INSTALL = "install the extra `train` (pip install 'grid-fed-rl[train]')"
CPU_BYTES = 256 * 2**20  # beyond the caches, more rows at a time gain nothing


def device_of(name: "str | torch.device") -> "torch.device":
    """The device of a name, found to exist.

    Raises:
        PowerFlowError: torch is not installed, the name means no device of a kind
            that computes in float64 here, or this machine has no such device.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise PowerFlowError(f"device is {str(name)!r}; torch is not found: {INSTALL}") from error
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        device = None
    if device is None or device.type not in {"cpu", "cuda"}:
        raise PowerFlowError(f"device is {str(name)!r}; expected 'cuda', 'cuda:<number>' or 'cpu'")
    if device.type == "cuda":
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not found:
            raise PowerFlowError(
                f"device is {str(name)!r}; no CUDA device was found by torch {torch.__version__}: "
                f"it takes an NVIDIA GPU, its driver, and a torch built for CUDA ({INSTALL}); "
                f"device='cpu' runs the same schedule slowly, device=None the compiled engine"
            )
        if (device.index or 0) >= found:
            raise PowerFlowError(
                f"device is {str(name)!r}; expected 'cuda:0' to 'cuda:{found - 1}'"
            )
    return device


def free_bytes(device: "torch.device") -> int:
    """Bytes that a chunk of rows may take: half of what the device has left."""
    import torch

    if device.type != "cuda":
        return CPU_BYTES
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return (torch.cuda.mem_get_info(device)[0] + kept) // 2


def to_device(device: "torch.device") -> ToDevice:
    """What puts an array on a device; whole numbers become what torch indexes with.

    On the processor the tensor may share the array's memory: it is not to be changed.
    """
    import torch

    def tensor(array: np.ndarray) -> "Tensor":
        if array.dtype == np.int32:
            array = array.astype(np.int64)
        array = np.ascontiguousarray(array)
        # torch warns of arrays that may not be written to, so it gets a copy of them.
        return (torch.from_numpy if array.flags.writeable else torch.tensor)(array).to(device)

    return tensor
