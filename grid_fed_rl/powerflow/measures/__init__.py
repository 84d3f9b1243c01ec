"""What a solved power flow says, row by row: voltages, currents, powers, losses.

Every measure is a pure function of ``(network, flow)`` and reads the set-point that
the flow was solved at. Rows that did not converge mean nothing here either.
"""

from grid_fed_rl.powerflow.branches import Conductors
from grid_fed_rl.powerflow.measures.currents import (
    BranchFlows,
    Loading,
    branch_flows,
    loading,
    loading_phasors,
    rated_branches,
)
from grid_fed_rl.powerflow.measures.losses import (
    ElementLosses,
    element_losses,
    losses_kvar,
    losses_kw,
)
from grid_fed_rl.powerflow.measures.powers import (
    der_kvar,
    der_kw,
    load_kvar,
    load_kw,
    source_kva,
    source_kvar,
    source_kw,
)
from grid_fed_rl.powerflow.measures.voltages import (
    line_unbalance_percent,
    negative_over_positive,
    phase_unbalance_percent,
    sequence_unbalance_percent,
    three_phase_buses,
    v_angle_deg,
    v_magnitude_pu,
)

__all__ = [
    "BranchFlows",
    "Conductors",
    "ElementLosses",
    "Loading",
    "branch_flows",
    "der_kvar",
    "der_kw",
    "element_losses",
    "line_unbalance_percent",
    "load_kvar",
    "load_kw",
    "loading",
    "loading_phasors",
    "losses_kvar",
    "losses_kw",
    "negative_over_positive",
    "phase_unbalance_percent",
    "rated_branches",
    "sequence_unbalance_percent",
    "source_kva",
    "source_kvar",
    "source_kw",
    "three_phase_buses",
    "v_angle_deg",
    "v_magnitude_pu",
]
