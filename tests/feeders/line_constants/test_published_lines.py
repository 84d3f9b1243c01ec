"""Line constants against the configuration matrices that IEEE prints with its 13-node feeder.

Conductors, cables and spacings are those of the feeder's data sheets (IEEE PES Test Feeder
Working Group), in their own units; matrices are printed in ohm and microsiemens a mile.
"""

import numpy as np
import pytest

from grid_fed_rl.feeders.line_constants import (
    ConcentricNeutralCable,
    Conductor,
    LineConstants,
    Placed,
    TapeShieldCable,
    cable_line,
    overhead_line,
)

FOOT, INCH, MILE_KM = 0.3048, 0.0254, 1.609344


def conductor(name: str, r_ohm_per_mile: float, gmr_ft: float, inches: float) -> Conductor:
    return Conductor(name, r_ohm_per_mile / MILE_KM, gmr_ft * FOOT, inches * INCH)


ACSR_556 = conductor("556,500 26/7", 0.1859, 0.0313, 0.927)
ACSR_4_0 = conductor("4/0 6/1", 0.592, 0.00814, 0.563)
ACSR_1_0 = conductor("1/0 ACSR", 1.12, 0.00446, 0.398)
AA_250 = conductor("250,000 AA", 0.41, 0.0171, 0.567)
AA_1_0 = conductor("1/0 AA", 0.97, 0.0111, 0.368)
CU_1_0 = conductor("1/0 Cu", 0.607, 0.01113, 0.368)
CU_14 = conductor("#14 Cu", 14.8722, 0.00208, 0.0641)
CN_250 = ConcentricNeutralCable("250,000 AA CN", AA_250, CU_14, 13, 1.29 * INCH)
TS_1_0 = TapeShieldCable("1/0 AA TS", AA_1_0, 0.88 * INCH, 0.005 * INCH)


def hung(wire: Conductor, x_ft: float, y_ft: float = 28.0) -> Placed:
    return Placed(wire, x_ft * FOOT, y_ft * FOOT)


def spacing_500(wire: Conductor, phasing: str) -> list[Placed]:
    """Phases A, B and C where the phasing puts them."""
    places = dict(zip(phasing, (0.0, 2.5, 7.0), strict=True))
    return [hung(wire, places[phase]) for phase in "ABC"]


NEUTRAL = [hung(ACSR_4_0, 4.0, 24.0)]
NEUTRAL_505 = [hung(ACSR_1_0, 4.0, 24.0)]


def line_601() -> LineConstants:
    return overhead_line(spacing_500(ACSR_556, "BAC"), NEUTRAL)


def line_602() -> LineConstants:
    return overhead_line(spacing_500(ACSR_4_0, "CAB"), NEUTRAL)


def line_603() -> LineConstants:  # phases B, C; C hangs first
    return overhead_line([hung(ACSR_1_0, 7.0), hung(ACSR_1_0, 0.0)], NEUTRAL_505)


def line_604() -> LineConstants:  # phases A, C
    return overhead_line([hung(ACSR_1_0, 0.0), hung(ACSR_1_0, 7.0)], NEUTRAL_505)


def line_605() -> LineConstants:
    return overhead_line([hung(ACSR_1_0, 0.0, 29.0)], [hung(ACSR_1_0, 0.5, 24.0)])


def line_606() -> LineConstants:
    return cable_line([CN_250] * 3, [0.0, 6 * INCH, 12 * INCH])


def line_607() -> LineConstants:
    return cable_line([TS_1_0], [0.0], [(CU_1_0, INCH)])


PRINTED = {
    line_601: (
        [0.3465 + 1.0179j, 0.1560 + 0.5017j, 0.3375 + 1.0478j, 0.1580 + 0.4236j,
         0.1535 + 0.3849j, 0.3414 + 1.0348j],
        [6.2998, -1.9958, 5.9597, -1.2595, -0.7417, 5.6386],
    ),
    line_602: (
        [0.7526 + 1.1814j, 0.1580 + 0.4236j, 0.7475 + 1.1983j, 0.1560 + 0.5017j,
         0.1535 + 0.3849j, 0.7436 + 1.2112j],
        [5.6990, -1.0817, 5.1795, -1.6905, -0.6588, 5.4246],
    ),
    line_603: (
        [1.3294 + 1.3471j, 0.2066 + 0.4591j, 1.3238 + 1.3569j], [4.7097, -0.8999, 4.6658]
    ),
    line_604: (
        [1.3238 + 1.3569j, 0.2066 + 0.4591j, 1.3294 + 1.3471j], [4.6658, -0.8999, 4.7097]
    ),
    line_605: ([1.3292 + 1.3475j], [4.5193]),
    line_606: (
        [0.7982 + 0.4463j, 0.3192 + 0.0328j, 0.7891 + 0.4041j, 0.2849 - 0.0143j,
         0.3192 + 0.0328j, 0.7982 + 0.4463j],
        [96.8897, 0.0, 96.8897, 0.0, 0.0, 96.8897],
    ),
    line_607: ([1.3425 + 0.5124j], [88.9912]),
}  # fmt: skip


@pytest.mark.parametrize("line", PRINTED, ids=lambda line: line.__name__)
def test_ieee_13_configurations_to_a_thousandth(line):
    constants, (z, b) = line(), PRINTED[line]
    lower = np.tril_indices(len(constants.z_ohm_per_km))
    ours = constants.z_ohm_per_km[lower] * MILE_KM
    # Half a unit of the last digit printed is added to the thousandth.
    for part in (np.real, np.imag):
        np.testing.assert_allclose(part(ours), part(np.array(z)), rtol=1e-3, atol=5e-5)
    ours = constants.susceptance_us_per_km(60.0)[lower] * MILE_KM
    np.testing.assert_allclose(ours, b, rtol=1e-3, atol=5e-5)
