"""What the earth adds to the impedance of wires above it: J. R. Carson's correction.

A wire at height h over earth of resistivity rho, and its neighbour, have the
impedances (J. R. Carson, "Wave propagation in overhead wires with ground return",
Bell System Technical Journal 5, 1926; W. H. Kersting, Distribution System Modeling and
Analysis, third edition, section 4.1.4)::

    z_ii = r_i + j w mu0/(2 pi) ln(S_ii / GMR_i) + w mu0/pi (P_ii + j Q_ii)
    z_ij =       j w mu0/(2 pi) ln(S_ij / D_ij)  + w mu0/pi (P_ij + j Q_ij)

S_ij is the distance from wire i to the image of wire j, D_ij that to wire j itself, and
P + jQ the correction of ``k = S sqrt(w mu0 / rho)`` and of the angle theta at which the
image is seen::

    P + jQ = integral from 0 to infinity of
             (sqrt(u^2 + j) - u) exp(-u k cos(theta)) cos(u k sin(theta)) du
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid_fed_rl.errors import FeederError

__all__ = ["MU_0", "Earth", "EarthModel", "carson_correction", "earth_return"]

MU_0 = 4e-7 * math.pi  # henry a metre

_GAMMA = 0.5772156649015329  # Euler's constant
_FAR = 16.0  # of k: beyond it the asymptotic series is the more exact one
_ENOUGH = 80  # terms of the convergent series: at k = 16 the last ones no longer count
_FAR_TERMS = 8  # of the asymptotic series, whose terms shrink up to here at k = 16


class EarthModel(StrEnum):
    """How much of Carson's correction counts."""

    MODIFIED = "modified"  # pi/8 and the logarithm alone: Kersting, section 4.1.5
    CARSON = "carson"  # the whole of it
    DERI = "deri"  # images below a complex depth, A. Deri et al. 1981


@dataclass(frozen=True, slots=True)
class Earth:
    """Earth, and the frequency at which it is looked at.

    Attributes:
        resistivity_ohm_m: Its resistivity.
        frequency_hz: The frequency.
        model: How much of Carson's correction counts.
        n_terms: Highest power of k in Carson's series; None takes the whole integral.
    """

    resistivity_ohm_m: float = 100.0
    frequency_hz: float = 60.0
    model: EarthModel = EarthModel.MODIFIED
    n_terms: int | None = None

    def __post_init__(self) -> None:
        for name in ("resistivity_ohm_m", "frequency_hz"):
            if not 0 < getattr(self, name) < math.inf:
                raise FeederError(
                    f"earth: {name} is {getattr(self, name)}; expected a number above 0"
                )
        if self.n_terms is not None and self.n_terms < 0:
            raise FeederError(f"earth: n_terms is {self.n_terms}; expected 0 or more")

    @property
    def omega(self) -> float:
        """Angular frequency, radians a second."""
        return 2.0 * math.pi * self.frequency_hz

    @property
    def per_metre(self) -> float:
        """``sqrt(w mu0 / rho)``: k of a distance of one metre."""
        return math.sqrt(self.omega * MU_0 / self.resistivity_ohm_m)


@cache
def _coefficients(n_terms: int) -> tuple[tuple[float, float], ...]:
    """b_n and c_n of Carson's series, by Dommel's recurrence.

    ``b_n = s b_(n-2) / (n (n + 2))`` with s = -1 where the fours of signs change, and
    ``c_n = c_(n-2) + 1/n + 1/(n+2)``.
    """
    b = {1: math.sqrt(2.0) / 6.0, 2: 1.0 / 16.0}
    c = {2: 1.25 - _GAMMA + math.log(2.0)}
    for n in range(3, n_terms + 1):
        sign = 1.0 if (n - 1) // 4 == (n - 3) // 4 else -1.0
        b[n] = sign * b[n - 2] / (n * (n + 2))
        if n % 2 == 0:
            c[n] = c[n - 2] + 1.0 / n + 1.0 / (n + 2)
    return tuple((b[n], c.get(n, 0.0)) for n in range(1, n_terms + 1))


def _near(
    k: NDArray[np.float64], theta: NDArray[np.float64], n_terms: int
) -> NDArray[np.complex128]:
    """Carson's convergent series up to k to the power of `n_terms`.

    H. W. Dommel, EMTP Theory Book, equations 4.8 and 4.9.
    """
    log_k = np.log(k)
    p = np.full(k.shape, math.pi / 8.0)
    q = 0.25 - _GAMMA / 2.0 + 0.5 * (math.log(2.0) - log_k)
    power = np.ones_like(k)
    for n, (b, c) in enumerate(_coefficients(n_terms), start=1):
        power = power * k
        cosine, sine = power * np.cos(n * theta), power * np.sin(n * theta)
        logarithm = b * ((c - log_k) * cosine + theta * sine)
        match n % 4:
            case 1:
                p, q = p - b * cosine, q + b * cosine
            case 2:
                p, q = p + logarithm, q - math.pi / 4.0 * b * cosine
            case 3:
                p, q = p + b * cosine, q + b * cosine
            case _:
                p, q = p - math.pi / 4.0 * b * cosine, q - logarithm
    return (p + 1j * q).astype(np.complex128, copy=False)


def _far(k: NDArray[np.float64], theta: NDArray[np.float64]) -> NDArray[np.complex128]:
    """The asymptotic series of the integral, for large k.

    ``sqrt(u^2 + j)`` expanded at u = 0, term by term under the integral.
    """
    root = np.sqrt(1j)
    total = np.zeros(k.shape, dtype=np.complex128)
    binomial = 1.0  # of 1/2 over n
    for n in range(_FAR_TERMS):
        share = binomial * root ** (1 - 2 * n) * math.factorial(2 * n)
        total += share * np.cos((2 * n + 1) * theta) / k ** (2 * n + 1)
        binomial *= (0.5 - n) / (n + 1)
    return total - np.cos(2.0 * theta) / k**2


def carson_correction(
    k: ArrayLike, theta: ArrayLike, n_terms: int | None = None
) -> NDArray[np.complex128]:
    """Carson's P + jQ.

    Args:
        k: Distance to the image times ``sqrt(w mu0 / rho)``, above 0; any shape.
        theta: Angle between the line to the image and the vertical, radians, of the same
            shape; less than a quarter turn.
        n_terms: Highest power of k; None for the value of the integral, to twelve digits
            up to k = 5 (1.8 km at 60 Hz and 100 ohm metre) and to five anywhere.

    Returns:
        The correction, of the shape of `k`.
    """
    k, theta = np.broadcast_arrays(np.asarray(k, float), np.asarray(theta, float))
    if n_terms is not None:
        return _near(k, theta, n_terms)
    near = _near(np.minimum(k, _FAR), theta, _ENOUGH)
    return np.where(k <= _FAR, near, _far(np.maximum(k, _FAR), theta)) if k.size else near


def earth_return(
    earth: Earth, heights_m: NDArray[np.float64], apart_m: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Impedance of earth and of the flux out to the images, all but resistance and GMR.

    With a matrix of ``ln(1 / D)`` (of ``ln(1 / GMR)`` on its diagonal), D in metres, it
    makes up the primitive impedance::

        z = diag(r) + j w mu0/(2 pi) ln(1 / D) + earth_return

    Args:
        earth: Earth and frequency.
        heights_m: Heights above the ground: (wire,). The modified equations do not
            look at them.
        apart_m: Horizontal distances: (wire, wire).

    Returns:
        (wire, wire), in ohm a metre.
    """
    omega, n = earth.omega, len(heights_m)
    if earth.model is EarthModel.MODIFIED:
        # ln S cancels against the one in Q: Kersting, section 4.1.5.
        log = 0.5 - _GAMMA + math.log(2.0) - math.log(earth.per_metre)
        return np.full((n, n), omega * MU_0 / (2.0 * math.pi) * (math.pi / 4.0 + 1j * log))
    sums = heights_m[:, None] + heights_m[None, :]
    if earth.model is EarthModel.DERI:
        depth = np.sqrt(earth.resistivity_ohm_m / (1j * omega * MU_0))
        far = np.sqrt((sums + 2.0 * depth) ** 2 + apart_m**2)
        return 1j * omega * MU_0 / (2.0 * math.pi) * np.log(far)
    image = np.hypot(sums, apart_m)
    correction = carson_correction(
        image * earth.per_metre, np.arctan2(apart_m, sums), earth.n_terms
    )
    return omega * MU_0 / (2.0 * math.pi) * (1j * np.log(image) + 2.0 * correction)
