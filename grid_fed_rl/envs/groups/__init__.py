"""Groups of controlled devices: what an action is carried out by.

Each is a `DeviceGroup`; a case puts their actions one after the other.
"""

from grid_fed_rl.envs.groups.batteries import Batteries
from grid_fed_rl.envs.groups.capacitors import Capacitors
from grid_fed_rl.envs.groups.ev_stations import EvStations
from grid_fed_rl.envs.groups.flexible_loads import FlexibleLoads
from grid_fed_rl.envs.groups.group import DeviceGroup, Moment, Move
from grid_fed_rl.envs.groups.inverters import Inverters
from grid_fed_rl.envs.groups.regulators import Regulators

__all__ = [
    "Batteries",
    "Capacitors",
    "DeviceGroup",
    "EvStations",
    "FlexibleLoads",
    "Inverters",
    "Moment",
    "Move",
    "Regulators",
]
