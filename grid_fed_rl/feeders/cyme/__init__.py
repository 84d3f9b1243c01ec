"""CYME exports: text, XML and database readers into one dataset, and its way to a feeder."""

from grid_fed_rl.feeders.cyme.reader import CymeImport, read_cyme
from grid_fed_rl.feeders.cyme.report import CymeReport

__all__ = ["CymeImport", "CymeReport", "read_cyme"]
