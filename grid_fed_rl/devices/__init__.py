"""One-step models of the controllable devices of a feeder.

Every model is a pure function over arrays with a leading lane axis: the state
goes in, the next state and what was really carried out come out. Injection into
the grid is positive. Limits are kept by the model, so that the power it returns
is always one that the device can deliver.
"""

from grid_fed_rl.devices.battery import Battery, battery_step
from grid_fed_rl.devices.capacitor import switch_capacitors
from grid_fed_rl.devices.inverter import (
    CATEGORY_B_Q_PU,
    CATEGORY_B_V_PU,
    reactive_limit_kvar,
    volt_var_q_pu,
)
from grid_fed_rl.devices.pv import pv_output, pv_output_at_power_factor
from grid_fed_rl.devices.tap import TAP_LIMIT, TAP_STEP_PU, move_taps, tap_ratio

__all__ = [
    "CATEGORY_B_Q_PU",
    "CATEGORY_B_V_PU",
    "TAP_LIMIT",
    "TAP_STEP_PU",
    "Battery",
    "battery_step",
    "move_taps",
    "pv_output",
    "pv_output_at_power_factor",
    "reactive_limit_kvar",
    "switch_capacitors",
    "tap_ratio",
    "volt_var_q_pu",
]
