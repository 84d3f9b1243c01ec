"""OpenDSS scripts in and out."""

from grid_fed_rl.feeders.opendss.commands import commands

__all__ = ["commands"]
