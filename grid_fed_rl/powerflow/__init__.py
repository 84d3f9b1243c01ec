"""Power flow: what the physics says. Pure functions over arrays, batch axis first."""

from grid_fed_rl.powerflow import measures
from grid_fed_rl.powerflow.controls import LocalControls
from grid_fed_rl.powerflow.flow import PowerFlow, Status
from grid_fed_rl.powerflow.network import Network, compile_network
from grid_fed_rl.powerflow.sensitivity import Response, Sensitivity, sensitivity
from grid_fed_rl.powerflow.setpoint import Setpoint, nominal_setpoint
from grid_fed_rl.powerflow.solve import solve
from grid_fed_rl.powerflow.timeseries import (
    SeriesScenario,
    profile_scenario,
    read_timeseries,
    run_timeseries,
)

__all__ = [
    "LocalControls",
    "Network",
    "PowerFlow",
    "Response",
    "Sensitivity",
    "SeriesScenario",
    "Setpoint",
    "Status",
    "compile_network",
    "measures",
    "nominal_setpoint",
    "profile_scenario",
    "read_timeseries",
    "run_timeseries",
    "sensitivity",
    "solve",
]
