"""The batched engine in torch, for GPUs; torch is imported when an engine is made.

`solve_torch` solves on a device and answers in numpy; `TorchEngine` is a network on a
device, and can leave the answer there.
"""

from grid_fed_rl.powerflow.torch_engine.engine import DeviceFlow, TorchEngine, solve_torch

__all__ = ["DeviceFlow", "TorchEngine", "solve_torch"]
