"""What may happen on a feeder: years of load, sun and weather, prices and cars.

Everything here is arrays drawn from an explicit `numpy.random.Generator` or read
from files; the room knows no feeder, only the sizes of loads and PV it is given.
`docs/scenarios.md` has the equations, the figures and their sources.
"""

from grid_fed_rl.scenarios.draw import draw_year, size_pv
from grid_fed_rl.scenarios.ev import EvConfig, Sessions, draw_sessions, temperature_factor
from grid_fed_rl.scenarios.ev_stations import EvStation
from grid_fed_rl.scenarios.ev_table import SessionTable, session_table, uncontrolled_kw
from grid_fed_rl.scenarios.splits import SPLIT_FRACTIONS, split_days
from grid_fed_rl.scenarios.streams import draw_index, draw_uniform, lane_keys
from grid_fed_rl.scenarios.utilities import UtilityConfig, five_utilities
from grid_fed_rl.scenarios.year import Year, net_load_kw, year_from_arrays

__all__ = [
    "SPLIT_FRACTIONS",
    "EvConfig",
    "EvStation",
    "SessionTable",
    "Sessions",
    "UtilityConfig",
    "Year",
    "draw_index",
    "draw_sessions",
    "draw_uniform",
    "draw_year",
    "five_utilities",
    "lane_keys",
    "net_load_kw",
    "session_table",
    "size_pv",
    "split_days",
    "temperature_factor",
    "uncontrolled_kw",
    "year_from_arrays",
]
