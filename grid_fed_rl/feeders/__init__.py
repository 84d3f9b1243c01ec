"""Feeders: what stands in the field."""

from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.library import load, names
from grid_fed_rl.feeders.records import (
    Bus,
    Capacitor,
    CapacitorControl,
    Connection,
    Line,
    LineCode,
    LineDropControl,
    Load,
    LoadModel,
    Pv,
    Regulator,
    Source,
    Storage,
    Switch,
    Terminal,
    Transformer,
    Winding,
)
from grid_fed_rl.feeders.table_reader import read_tables
from grid_fed_rl.feeders.table_writer import write_tables
from grid_fed_rl.feeders.validate import Issue, check, validate

__all__ = [
    "Bus",
    "Capacitor",
    "CapacitorControl",
    "Connection",
    "Feeder",
    "Issue",
    "Line",
    "LineCode",
    "LineDropControl",
    "Load",
    "LoadModel",
    "Pv",
    "Regulator",
    "Source",
    "Storage",
    "Switch",
    "Terminal",
    "Transformer",
    "Winding",
    "check",
    "load",
    "names",
    "read_tables",
    "validate",
    "write_tables",
]
