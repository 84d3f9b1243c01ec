"""The console command `grid-fed-rl`.

Its modules load what they need when a subcommand runs, so that help is there
at once.
"""

from grid_fed_rl.cli.app import main

__all__ = ["main"]
