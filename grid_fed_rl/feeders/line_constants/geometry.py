"""Constants of a line from what hangs on its poles or lies in its trench."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grid_fed_rl.errors import FeederError
from grid_fed_rl.feeders.line_constants.conductors import (
    ConcentricNeutralCable,
    Conductor,
    TapeShieldCable,
)
from grid_fed_rl.feeders.line_constants.earth import MU_0, Earth, EarthModel, earth_return
from grid_fed_rl.feeders.line_constants.matrices import (
    EPSILON_0,
    kron,
    potential_coefficients,
    to_sequence,
)
from grid_fed_rl.feeders.records import LineCode

__all__ = ["LineConstants", "Placed", "cable_line", "mean_line", "overhead_line"]

_M_PER_KM, _NF_PER_F = 1000.0, 1e9


class Placed(NamedTuple):
    """A wire and where it hangs: metres sideways, metres above the ground."""

    conductor: Conductor
    x_m: float
    y_m: float


@dataclass(frozen=True)
class LineConstants:
    """Series impedance and shunt capacitance by phase, neutrals reduced.

    Attributes:
        z_ohm_per_km: (phase, phase).
        c_nf_per_km: (phase, phase), those off the diagonal negative.
    """

    z_ohm_per_km: NDArray[np.complex128]
    c_nf_per_km: NDArray[np.float64]

    def code(self, name: str) -> LineCode:
        """As the record of a feeder."""
        return LineCode(
            name,
            tuple(tuple(complex(z) for z in row) for row in self.z_ohm_per_km),
            tuple(tuple(float(c) for c in row) for row in self.c_nf_per_km),
        )

    def susceptance_us_per_km(self, frequency_hz: float) -> NDArray[np.float64]:
        """Shunt susceptance: (phase, phase), microsiemens a kilometre."""
        return 2e-3 * math.pi * frequency_hz * self.c_nf_per_km

    def sequence(self) -> tuple[complex, complex, float, float]:
        """Positive and zero sequence impedance (ohm/km), and capacitance (nF/km).

        Raises:
            FeederError: it has not three phases.
        """
        if self.z_ohm_per_km.shape != (3, 3):
            raise FeederError(
                f"sequence values of {len(self.z_ohm_per_km)} phase(s); expected three"
            )
        z, c = to_sequence(self.z_ohm_per_km), to_sequence(self.c_nf_per_km).real
        return complex(z[1, 1]), complex(z[0, 0]), float(c[1, 1]), float(c[0, 0])


def _apart(x_m: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(x_m[:, None] - x_m[None, :])


def _series(
    earth: Earth,
    r_ohm_per_km: NDArray[np.float64],
    distances_m: NDArray[np.float64],
    heights_m: NDArray[np.float64],
    apart_m: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """Primitive impedance, ohm a kilometre, of distances with the GMR on their diagonal."""
    flux = 1j * earth.omega * MU_0 / (2.0 * math.pi) * np.log(1.0 / distances_m)
    z = flux + earth_return(earth, heights_m, apart_m)
    return z * _M_PER_KM + np.diag(r_ohm_per_km)


def overhead_line(
    phases: Sequence[Placed], neutrals: Sequence[Placed] = (), earth: Earth | None = None
) -> LineConstants:
    """Constants of an overhead line: Carson, then Kron.

    Args:
        phases: Its phase conductors, in the order of the matrices.
        neutrals: Its neutrals, grounded along the line.
        earth: 100 ohm metre at 60 Hz and the modified equations if not given.

    Raises:
        FeederError: there is no phase, a wire is not above ground, or two wires touch.
    """
    wires = [*phases, *neutrals]
    if not phases:
        raise FeederError("overhead line: no phase conductor; expected one or more")
    for wire in wires:
        if not 0 < wire.y_m < math.inf:
            raise FeederError(
                f"overhead line: conductor {wire.conductor.name!r} hangs at {wire.y_m} m; "
                f"expected a height above 0"
            )
    x, y = (np.array([getattr(w, axis) for w in wires], float) for axis in ("x_m", "y_m"))
    apart = _apart(x)
    distance = np.hypot(apart, y[:, None] - y[None, :])
    radii = np.array([w.conductor.diameter_m / 2.0 for w in wires])
    closest = radii[:, None] + radii[None, :]
    for i, j in zip(*np.nonzero(np.triu(distance < closest, k=1)), strict=True):
        raise FeederError(
            f"overhead line: conductors {i + 1} ({wires[i].conductor.name!r}) and {j + 1} "
            f"({wires[j].conductor.name!r}) are {distance[i, j]:.4g} m apart; expected them "
            f"not to touch"
        )
    np.fill_diagonal(distance, [w.conductor.gmr_m for w in wires])
    r = np.array([w.conductor.r_ohm_per_km for w in wires])
    z = _series(earth or Earth(), r, distance, y, apart)
    p = kron(potential_coefficients(radii, y, apart), len(phases))
    return LineConstants(kron(z, len(phases)), _capacitance(p))


def _capacitance(p: NDArray[np.float64]) -> NDArray[np.float64]:
    c = np.asarray(np.linalg.inv(p), np.float64) * (_M_PER_KM * _NF_PER_F)
    return (c + c.T) / 2.0


def mean_line(
    phases: Sequence[Conductor],
    neutral: Conductor | None,
    *,
    gmd_phases_m: float,
    gmd_neutral_m: float,
    height_m: float,
    neutral_height_m: float,
    earth: Earth | None = None,
) -> LineConstants:
    """Constants of a line of which only mean distances are known, as if transposed.

    Args:
        phases: Its phase conductors.
        neutral: Its neutral, if it has one.
        gmd_phases_m: Geometric mean distance between phases.
        gmd_neutral_m: Between phases and neutral.
        height_m: Mean height of the phases.
        neutral_height_m: Height of the neutral.
        earth: As in `overhead_line`.

    Raises:
        FeederError: a distance or a height is not above 0.
    """
    wires = [*phases, *([neutral] if neutral else [])]
    heights = np.array([height_m] * len(phases) + ([neutral_height_m] if neutral else []), float)
    if not phases or not np.all(heights > 0):
        raise FeederError(
            f"line of mean distances: {len(phases)} phase(s) at heights {heights.tolist()} m; "
            f"expected one or more, above 0"
        )
    n = len(phases)
    distance = np.full((len(wires), len(wires)), gmd_phases_m, float)
    distance[n:, :] = distance[:, n:] = gmd_neutral_m
    others = distance[~np.eye(len(wires), dtype=bool)]
    if not np.all(others > 0):
        raise FeederError(
            f"line of mean distances: {gmd_phases_m} m between phases and {gmd_neutral_m} m to "
            f"the neutral; expected distances above 0"
        )
    rise = heights[:, None] - heights[None, :]
    apart = np.sqrt(np.maximum(distance**2 - rise**2, 0.0))
    np.fill_diagonal(apart, 0.0)
    radii = np.array([w.diameter_m / 2.0 for w in wires])
    image = np.hypot(heights[:, None] + heights[None, :], apart)
    separation = distance.copy()
    np.fill_diagonal(separation, radii)
    np.fill_diagonal(distance, [w.gmr_m for w in wires])
    r = np.array([w.r_ohm_per_km for w in wires])
    z = _series(earth or Earth(), r, distance, heights, apart)
    p = kron(np.log(image / separation) / (2.0 * math.pi * EPSILON_0), n)
    return LineConstants(kron(z, n), _capacitance(p))


def cable_line(
    cables: Sequence[ConcentricNeutralCable | TapeShieldCable],
    x_m: Sequence[float],
    neutrals: Sequence[tuple[Conductor, float]] = (),
    earth: Earth | None = None,
) -> LineConstants:
    """Constants of cables side by side, each with its own shield, and bare neutrals.

    Between two cables the distance is that of their axes, also for their shields
    (Kersting, 4.2.1). The equations are the modified ones, or A. Deri's without the depth:
    Carson's own are for wires above the ground. Shields are at ground, so that phases have
    no capacitance between each other (Kersting, 5.3).

    Args:
        cables: One a phase, in the order of the matrices.
        x_m: Where their axes lie, side by side.
        neutrals: Bare conductors beside them, and where they lie.
        earth: As in `overhead_line`; its model counts only as said.

    Raises:
        FeederError: there is no cable, or two things lie in one place.
    """
    if not cables or len(cables) != len(x_m):
        raise FeederError(
            f"cable line: {len(cables)} cable(s) in {len(x_m)} places; expected one or more, "
            f"each in its place"
        )
    n = len(cables)
    x = np.array([*x_m, *x_m, *(at for _, at in neutrals)], float)
    distance = _apart(x)
    for i, cable in enumerate(cables):
        distance[i, n + i] = distance[n + i, i] = cable.neutral_radius_m
    wires = [c for c, _ in neutrals]
    gmr = [c.core.gmr_m for c in cables] + [c.neutral_gmr_m for c in cables]
    np.fill_diagonal(distance, gmr + [c.gmr_m for c in wires])
    for i, j in zip(*np.nonzero(np.triu(distance <= 0, k=1)), strict=True):
        raise FeederError(
            f"cable line: conductors {i + 1} and {j + 1} lie in one place, {x[i]} m; expected "
            f"each in a place of its own"
        )
    r = [c.core.r_ohm_per_km for c in cables] + [c.neutral_ohm_per_km for c in cables]
    earth = earth or Earth()
    model = EarthModel.MODIFIED if earth.model is EarthModel.CARSON else earth.model
    flat = Earth(earth.resistivity_ohm_m, earth.frequency_hz, model)
    z = _series(
        flat, np.array(r + [c.r_ohm_per_km for c in wires]), distance, np.zeros(len(x)), _apart(x)
    )
    c = [2.0 * math.pi * EPSILON_0 * cable.permittivity / cable.log_ratio for cable in cables]
    return LineConstants(kron(z, n), np.diag(np.array(c) * _M_PER_KM * _NF_PER_F))
