"""Quasi-static time series: a power flow at every step of a year, say."""

from grid_fed_rl.powerflow.timeseries.folder import read_timeseries
from grid_fed_rl.powerflow.timeseries.quantities import DEFAULT, QUANTITIES
from grid_fed_rl.powerflow.timeseries.result import Summary, TimeSeries
from grid_fed_rl.powerflow.timeseries.run import run_timeseries
from grid_fed_rl.powerflow.timeseries.scenario import Scenario, SeriesScenario, profile_scenario

__all__ = [
    "DEFAULT",
    "QUANTITIES",
    "Scenario",
    "SeriesScenario",
    "Summary",
    "TimeSeries",
    "profile_scenario",
    "read_timeseries",
    "run_timeseries",
]
