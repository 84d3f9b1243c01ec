"""OpenDSS scripts in and out."""

from grid_fed_rl.feeders.opendss.commands import commands
from grid_fed_rl.feeders.opendss.reader import read_opendss
from grid_fed_rl.feeders.opendss.report import Imported, ImportReport, Note
from grid_fed_rl.feeders.opendss.writer import write_opendss

__all__ = ["ImportReport", "Imported", "Note", "commands", "read_opendss", "write_opendss"]
