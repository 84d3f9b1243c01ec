"""Feeders: what stands in the field."""

from grid_fed_rl.feeders.cyme import CymeImport, CymeReport, read_cyme
from grid_fed_rl.feeders.feeder import Feeder
from grid_fed_rl.feeders.library import load, names, open_feeder, profiles
from grid_fed_rl.feeders.opendss import Imported, ImportReport, read_opendss, write_opendss
from grid_fed_rl.feeders.records import (
    Bus,
    Connection,
    Line,
    LineCode,
    LineDropControl,
    Reactor,
    Regulator,
    Source,
    Switch,
    SwitchKind,
    Terminal,
    Transformer,
    Winding,
)
from grid_fed_rl.feeders.shunts import (
    Capacitor,
    CapacitorControl,
    CapacitorControlKind,
    Generator,
    InverterControl,
    Load,
    LoadModel,
    Pv,
    Storage,
)
from grid_fed_rl.feeders.table_reader import read_tables
from grid_fed_rl.feeders.table_writer import write_tables
from grid_fed_rl.feeders.time_profiles import Profiles, read_profiles, write_profiles
from grid_fed_rl.feeders.validate import Issue, check, validate

__all__ = [
    "Bus",
    "Capacitor",
    "CapacitorControl",
    "CapacitorControlKind",
    "Connection",
    "CymeImport",
    "CymeReport",
    "Feeder",
    "Generator",
    "ImportReport",
    "Imported",
    "InverterControl",
    "Issue",
    "Line",
    "LineCode",
    "LineDropControl",
    "Load",
    "LoadModel",
    "Profiles",
    "Pv",
    "Reactor",
    "Regulator",
    "Source",
    "Storage",
    "Switch",
    "SwitchKind",
    "Terminal",
    "Transformer",
    "Winding",
    "check",
    "load",
    "names",
    "open_feeder",
    "profiles",
    "read_cyme",
    "read_opendss",
    "read_profiles",
    "read_tables",
    "validate",
    "write_opendss",
    "write_profiles",
    "write_tables",
]
