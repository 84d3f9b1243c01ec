"""Where the randomness of a private update comes from.

A differential-privacy guarantee holds only while nobody else can predict the
noise or the sample. `CryptographicNoise` draws every bit from the operating
system's cryptographic generator (`os.urandom`), keeps no state, and is the one
to use. `ReproducibleNoise` is a seeded generator for experiments that have to
be repeated; whoever knows the seed can subtract its noise, so it carries
`voids_guarantee = True` and every statement made with it says so.

Floating point: a Gaussian in double precision is not a real-valued Gaussian,
and its low-order bits can betray what it was added to (Mironov, "On
significance of the least significant bits for differential privacy", CCS
2012, doi:10.1145/2382196.2382264). Noise here is drawn and added in float64
and the sum is rounded to float32 before anything leaves. That blunts the
attack and does not rule it out; the statement names it as a caveat.
"""

import hashlib
import os
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["CryptographicNoise", "NoiseSource", "ReproducibleNoise"]


class NoiseSource(Protocol):
    """Independent uniform and standard normal numbers, fresh at every call."""

    voids_guarantee: ClassVar[bool]
    description: ClassVar[str]

    def uniform(self, n: int) -> NDArray[np.float64]:
        """`n` numbers uniform on [0, 1), of 53 random bits each."""
        ...

    def normal(self, n: int) -> NDArray[np.float64]:
        """`n` standard normal numbers."""
        ...

    def child(self, *path: str | int) -> "NoiseSource":
        """The source for one place and time, such as `child("site_1", 7)`."""
        ...


class CryptographicNoise:
    """Every number from `os.urandom`: unpredictable, never repeated, no seed."""

    voids_guarantee: ClassVar[bool] = False
    description: ClassVar[str] = "operating system's cryptographic generator, Box-Muller in float64"

    def uniform(self, n: int) -> NDArray[np.float64]:
        """`n` numbers uniform on [0, 1), of 53 random bits each."""
        words = np.frombuffer(os.urandom(8 * n), dtype=np.uint64)
        return (words >> np.uint64(11)) * np.float64(2.0**-53)

    def normal(self, n: int) -> NDArray[np.float64]:
        """`n` standard normal numbers, by Box and Muller's transform of pairs of uniforms.

        53-bit uniforms reach 8.57 standard deviations: the tail beyond, of
        probability 1e-17, is never drawn.
        """
        n_pairs = (n + 1) // 2
        u = self.uniform(2 * n_pairs)
        radius = np.sqrt(-2.0 * np.log1p(-u[:n_pairs]))
        angle = 2.0 * np.pi * u[n_pairs:]
        return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:n]

    def child(self, *path: str | int) -> "CryptographicNoise":
        """Itself: draws are independent wherever they are made."""
        del path
        return self


class ReproducibleNoise:
    """A seeded generator: the same numbers every time, so no guarantee.

    Args:
        seed: any integer from 0.
        path: names and numbers that set this stream apart from the others of
            the same seed. Streams of different paths are independent.
    """

    voids_guarantee: ClassVar[bool] = True
    description: ClassVar[str] = "seeded Philox generator, which anyone who has the seed can repeat"

    def __init__(self, seed: int, *path: str | int) -> None:
        self._seed = seed
        self._path = path
        words = "/".join(repr(part) for part in path).encode()
        key = int.from_bytes(hashlib.sha256(words).digest()[:16], "little")
        self._rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, key])))

    def uniform(self, n: int) -> NDArray[np.float64]:
        """`n` numbers uniform on [0, 1), of 53 random bits each."""
        return self._rng.random(n)

    def normal(self, n: int) -> NDArray[np.float64]:
        """`n` standard normal numbers."""
        return self._rng.standard_normal(n)

    def child(self, *path: str | int) -> "ReproducibleNoise":
        """The stream at `path` below this one, always from its beginning."""
        return ReproducibleNoise(self._seed, *self._path, *path)
