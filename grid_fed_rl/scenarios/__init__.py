"""What may happen on a feeder: years of load, sun and weather, prices and cars.

Everything here is arrays drawn from an explicit `numpy.random.Generator` or read
from files; the room knows no feeder, only the sizes of loads and PV it is given.
`docs/scenarios.md` has the equations, the figures and their sources.
"""

from grid_fed_rl.scenarios.draw import draw_year, size_pv
from grid_fed_rl.scenarios.ev import EvConfig, Sessions, draw_sessions, temperature_factor
from grid_fed_rl.scenarios.ev_stations import EvStation
from grid_fed_rl.scenarios.ev_table import SessionTable, session_table, uncontrolled_kw
from grid_fed_rl.scenarios.series import year_from_csv, year_from_parquet
from grid_fed_rl.scenarios.simbench import simbench_folder, simbench_year
from grid_fed_rl.scenarios.splits import (
    SPLIT_FRACTIONS,
    SPLITS,
    STRESS_SPLITS,
    days_in_split,
    split_days,
)
from grid_fed_rl.scenarios.streams import draw_bits, draw_index, draw_uniform, lane_keys
from grid_fed_rl.scenarios.stress import (
    heat_wave,
    high_pv,
    more_plugs,
    outage_on,
    stress_days,
    with_charging,
)
from grid_fed_rl.scenarios.tariff import (
    DynamicPriceConfig,
    Tariff,
    TimeOfUseConfig,
    demand_charge_usd,
    draw_dynamic_tariff,
    time_of_use_tariff,
)
from grid_fed_rl.scenarios.utilities import UtilityConfig, five_utilities
from grid_fed_rl.scenarios.year import Year, net_load_kw, year_from_arrays

__all__ = [
    "SPLITS",
    "SPLIT_FRACTIONS",
    "STRESS_SPLITS",
    "DynamicPriceConfig",
    "EvConfig",
    "EvStation",
    "SessionTable",
    "Sessions",
    "Tariff",
    "TimeOfUseConfig",
    "UtilityConfig",
    "Year",
    "days_in_split",
    "demand_charge_usd",
    "draw_bits",
    "draw_dynamic_tariff",
    "draw_index",
    "draw_sessions",
    "draw_uniform",
    "draw_year",
    "five_utilities",
    "heat_wave",
    "high_pv",
    "lane_keys",
    "more_plugs",
    "net_load_kw",
    "outage_on",
    "session_table",
    "simbench_folder",
    "simbench_year",
    "size_pv",
    "split_days",
    "stress_days",
    "temperature_factor",
    "time_of_use_tariff",
    "uncontrolled_kw",
    "with_charging",
    "year_from_arrays",
    "year_from_csv",
    "year_from_parquet",
]
