"""Line constants: impedance and capacitance of a line from its conductors and spacing."""

from grid_fed_rl.feeders.line_constants.conductors import (
    ConcentricNeutralCable,
    Conductor,
    TapeShieldCable,
    bundle,
    geometric_mean,
    solid_gmr_m,
)
from grid_fed_rl.feeders.line_constants.earth import Earth, EarthModel, carson_correction
from grid_fed_rl.feeders.line_constants.geometry import (
    LineConstants,
    Placed,
    cable_line,
    mean_line,
    overhead_line,
)
from grid_fed_rl.feeders.line_constants.matrices import (
    kron,
    sequence_matrix,
    to_phases,
    to_sequence,
)

__all__ = [
    "ConcentricNeutralCable",
    "Conductor",
    "Earth",
    "EarthModel",
    "LineConstants",
    "Placed",
    "TapeShieldCable",
    "bundle",
    "cable_line",
    "carson_correction",
    "geometric_mean",
    "kron",
    "mean_line",
    "overhead_line",
    "sequence_matrix",
    "solid_gmr_m",
    "to_phases",
    "to_sequence",
]
