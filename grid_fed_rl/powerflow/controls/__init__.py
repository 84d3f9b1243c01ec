"""Local controls settled to a steady state, batched: OpenDSS's static mode."""

from grid_fed_rl.powerflow.controls.settle import LocalControls

__all__ = ["LocalControls"]
