"""Power flow: what the physics says. Pure functions over arrays, batch axis first."""

from grid_fed_rl.powerflow.flow import PowerFlow, Status
from grid_fed_rl.powerflow.network import Network, compile_network
from grid_fed_rl.powerflow.setpoint import Setpoint, nominal_setpoint
from grid_fed_rl.powerflow.solve import solve

__all__ = [
    "Network",
    "PowerFlow",
    "Setpoint",
    "Status",
    "compile_network",
    "nominal_setpoint",
    "solve",
]
