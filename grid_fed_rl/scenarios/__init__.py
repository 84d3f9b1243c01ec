"""What may happen on a feeder: years of load, sun and temperature.

Everything here is arrays drawn from an explicit `numpy.random.Generator`; the
room knows no feeder, only the sizes of loads and PV it is given.
"""

from grid_fed_rl.scenarios.draw import draw_year, size_pv
from grid_fed_rl.scenarios.splits import SPLIT_FRACTIONS, split_days
from grid_fed_rl.scenarios.streams import draw_bits, draw_index, draw_uniform, lane_keys
from grid_fed_rl.scenarios.utilities import UtilityConfig, five_utilities
from grid_fed_rl.scenarios.year import Year, net_load_kw, year_from_arrays

__all__ = [
    "SPLIT_FRACTIONS",
    "UtilityConfig",
    "Year",
    "draw_bits",
    "draw_index",
    "draw_uniform",
    "draw_year",
    "five_utilities",
    "lane_keys",
    "net_load_kw",
    "size_pv",
    "split_days",
    "year_from_arrays",
]
