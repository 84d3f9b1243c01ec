"""The main job: five utilities, their logs, five ways to learn, one report.

It needs the `experiments` extra. `grid-fed-rl demo` runs it; the settings are
those of `configs/demo.yaml`.
"""

from grid_fed_rl.demo.job import run

__all__ = ["run"]
