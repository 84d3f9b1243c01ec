"""What a line is made of: wires, bundles, cables; SI units, as a catalogue states them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grid_fed_rl.errors import FeederError

__all__ = [
    "ConcentricNeutralCable",
    "Conductor",
    "TapeShieldCable",
    "bundle",
    "geometric_mean",
    "solid_gmr_m",
]

TAPE_OHM_M = 2.3715e-8  # copper tape at 50 C: what Kersting's 18.826 / (d T) stands for


def _check(name: str, record: object, *fields: str) -> None:
    for field in fields:
        value = getattr(record, field)
        if not 0 < value < math.inf:
            raise FeederError(f"{name}: {field} is {value}; expected a number above 0")


@dataclass(frozen=True, slots=True)
class Conductor:
    """A bare wire, or the core of a cable.

    Attributes:
        name: As in the catalogue.
        r_ohm_per_km: Resistance to alternating current at operating temperature.
        gmr_m: Geometric mean radius; of a solid round wire `solid_gmr_m` of its radius.
        diameter_m: Outside.
        amps: Normal rating, infinite where unknown.
    """

    name: str
    r_ohm_per_km: float
    gmr_m: float
    diameter_m: float
    amps: float = math.inf

    def __post_init__(self) -> None:
        _check(f"conductor {self.name!r}", self, "gmr_m", "diameter_m")
        if not 0 <= self.r_ohm_per_km < math.inf:
            raise FeederError(
                f"conductor {self.name!r}: r_ohm_per_km is {self.r_ohm_per_km}; expected 0 or more"
            )


@dataclass(frozen=True, slots=True)
class ConcentricNeutralCable:
    """A cable whose neutral is a ring of strands: Kersting, section 4.2.1.

    Attributes:
        name: As in the catalogue.
        core: The phase conductor.
        strand: One strand of the neutral.
        n_strands: How many there are.
        diameter_over_neutral_m: Outside, over the strands.
        permittivity: Of the insulation, relative to vacuum (2.3 for cross-linked
            polyethylene).
        amps: Normal rating, infinite where unknown.
    """

    name: str
    core: Conductor
    strand: Conductor
    n_strands: int
    diameter_over_neutral_m: float
    permittivity: float = 2.3
    amps: float = math.inf

    def __post_init__(self) -> None:
        where = f"concentric neutral cable {self.name!r}"
        _check(where, self, "n_strands", "diameter_over_neutral_m", "permittivity")
        if self.neutral_radius_m <= self.core.diameter_m / 2.0:
            raise FeederError(
                f"{where}: diameter_over_neutral_m is {self.diameter_over_neutral_m}; expected "
                f"room for the core of {self.core.diameter_m} m and strands around it"
            )

    @property
    def neutral_radius_m(self) -> float:
        """Radius of the circle through the centres of the strands (Kersting, 4.2.1)."""
        return (self.diameter_over_neutral_m - self.strand.diameter_m) / 2.0

    @property
    def neutral_gmr_m(self) -> float:
        """Geometric mean radius of the ring (Kersting, 4.2.1)."""
        k, radius = self.n_strands, self.neutral_radius_m
        return (self.strand.gmr_m * k * radius ** (k - 1)) ** (1.0 / k)

    @property
    def neutral_ohm_per_km(self) -> float:
        """Resistance of the ring (Kersting, 4.2.1)."""
        return self.strand.r_ohm_per_km / self.n_strands

    @property
    def log_ratio(self) -> float:
        """Denominator of the capacitance between core and strands (Kersting, 5.3)."""
        radius, k = self.neutral_radius_m, self.n_strands
        strand = self.strand.diameter_m / 2.0
        return math.log(2.0 * radius / self.core.diameter_m) - math.log(k * strand / radius) / k


@dataclass(frozen=True, slots=True)
class TapeShieldCable:
    """A cable with a copper tape for a shield: Kersting, section 4.2.2.

    Attributes:
        name: As in the catalogue.
        core: The phase conductor.
        diameter_under_tape_m: Over the screen of the insulation, under the tape.
        tape_m: Thickness of the tape.
        permittivity: Of the insulation, relative to vacuum.
        tape_ohm_m: Resistivity of the tape.
        amps: Normal rating, infinite where unknown.
    """

    name: str
    core: Conductor
    diameter_under_tape_m: float
    tape_m: float
    permittivity: float = 2.3
    tape_ohm_m: float = TAPE_OHM_M
    amps: float = math.inf

    def __post_init__(self) -> None:
        where = f"tape shield cable {self.name!r}"
        _check(where, self, "diameter_under_tape_m", "tape_m", "permittivity", "tape_ohm_m")
        if self.diameter_under_tape_m <= self.core.diameter_m:
            raise FeederError(
                f"{where}: diameter_under_tape_m is {self.diameter_under_tape_m}; expected more "
                f"than its core's {self.core.diameter_m} m"
            )

    @property
    def neutral_radius_m(self) -> float:
        """Mean radius of the tape."""
        return (self.diameter_under_tape_m + self.tape_m) / 2.0

    @property
    def neutral_gmr_m(self) -> float:
        """Geometric mean radius of a thin tube: its radius (Kersting, 4.2.2)."""
        return self.neutral_radius_m

    @property
    def neutral_ohm_per_km(self) -> float:
        """Resistance of the tape (Kersting, 4.2.2)."""
        return 1000.0 * self.tape_ohm_m / (2.0 * math.pi * self.neutral_radius_m * self.tape_m)

    @property
    def log_ratio(self) -> float:
        """Denominator of the capacitance between core and tape (Kersting, 5.4)."""
        return math.log(self.diameter_under_tape_m / self.core.diameter_m)


def solid_gmr_m(radius_m: float) -> float:
    """Geometric mean radius of a solid round wire that is not magnetic: ``exp(-1/4) r``."""
    return radius_m * math.exp(-0.25)


def geometric_mean(distances_m: Sequence[float]) -> float:
    """Geometric mean of distances (Kersting, 4.1.8: of three phases).

    Raises:
        FeederError: there are none, or one is not above 0.
    """
    if not distances_m or not all(0 < d < math.inf for d in distances_m):
        raise FeederError(
            f"geometric mean of distances {list(distances_m)}; expected distances above 0"
        )
    return math.exp(sum(map(math.log, distances_m)) / len(distances_m))


def bundle(conductor: Conductor, n: int, spacing_m: float) -> Conductor:
    """The one wire that stands for a bundle of `n`, on a circle, `spacing_m` from each other.

    Its GMR is that of the whole bundle, ``(gmr n R^(n-1))^(1/n)`` with R the radius of the
    circle, and its radius likewise of the radii (J. D. Glover, Power System Analysis and
    Design, 4.6.8 and 4.10.4).

    Raises:
        FeederError: there is no wire, or no distance between several.
    """
    if n < 1 or (n > 1 and not 0 < spacing_m < math.inf):
        raise FeederError(
            f"bundle of {n} x {conductor.name!r}, {spacing_m} m apart; expected one or more "
            f"wires at a distance above 0"
        )
    if n == 1:
        return conductor
    radius = spacing_m / (2.0 * math.sin(math.pi / n))

    def mean(own: float) -> float:
        return (own * n * radius ** (n - 1)) ** (1.0 / n)

    return Conductor(
        f"{n}x{conductor.name}",
        conductor.r_ohm_per_km / n,
        mean(conductor.gmr_m),
        2.0 * mean(conductor.diameter_m / 2.0),
        conductor.amps * n,
    )
