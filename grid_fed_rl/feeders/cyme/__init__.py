"""CYME exports: text, XML and database readers into one dataset, and its way to a feeder."""

from grid_fed_rl.feeders.cyme.reader import CymeImport, open_dataset, read_cyme
from grid_fed_rl.feeders.cyme.report import CymeReport

__all__ = ["CymeImport", "CymeReport", "open_dataset", "read_cyme"]
