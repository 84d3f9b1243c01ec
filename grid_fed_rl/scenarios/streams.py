"""Counter-based random streams, one a lane, without a loop over lanes.

A lane's n-th draw is a pure function of its key and n, so a vector environment
draws for any subset of its lanes at once, and lane i of a vector environment
seeded with s sees what a single environment seeded with s + i sees.

The function is SplitMix64: G. L. Steele, D. Lea and C. H. Flood, "Fast
splittable pseudorandom number generators", OOPSLA 2014,
doi:10.1145/2660193.2660195, with the constants of S. Vigna's reference code. It
is not cryptographic: nothing that must stay private may rest on it.
"""

import numpy as np
import numpy.typing as npt

from grid_fed_rl.errors import ScenarioError

__all__ = ["draw_bits", "draw_index", "draw_uniform", "lane_keys"]

Keys = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW_32 = np.uint64(0xFFFFFFFF)


def draw_bits(key: Keys, counter: Keys) -> Keys:
    """The draw number `counter`, from 0, of each lane's stream: 64 random bits.

    Equals output number `counter` of a SplitMix64 generator seeded with `key`.

    Args:
        key: (lane,) uint64.
        counter: (lane,) uint64.

    Returns:
        (lane,) uint64.
    """
    with np.errstate(over="ignore"):  # arithmetic is modulo 2**64 by design
        return split_mix(key, counter)


def split_mix(key: Keys, counter: Keys) -> Keys:
    """The arithmetic of `draw_bits`, plain enough to be compiled into a kernel."""
    z = key + (counter + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


def draw_index(key: Keys, counter: Keys, n: int) -> npt.NDArray[np.int64]:
    """Draw an index below `n` for each lane.

    Multiply-shift: `floor(bits * n / 2**64)`, exact in two 32-bit halves. The
    probability of an index differs from 1/n by less than 2**-64, which no run
    can see.

    Args:
        key: (lane,) uint64.
        counter: (lane,) uint64.
        n: number of choices, 1 to 2**32 - 1.

    Returns:
        (lane,) in 0..n-1.

    Raises:
        ScenarioError: `n` is out of bounds.
    """
    if not 1 <= n < 2**32:
        raise ScenarioError(f"draw_index: n = {n}: must be in 1..2**32 - 1")
    bits = draw_bits(key, counter)
    choices = np.uint64(n)
    carry = ((bits & _LOW_32) * choices) >> np.uint64(32)
    return (((bits >> np.uint64(32)) * choices + carry) >> np.uint64(32)).astype(np.int64)


def draw_uniform(key: Keys, counter: Keys) -> npt.NDArray[np.float64]:
    """Draw a number in [0, 1) for each lane, a multiple of 2**-53.

    Args:
        key: (lane,) uint64.
        counter: (lane,) uint64.
    """
    return (draw_bits(key, counter) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def lane_keys(seed: int, num_lanes: int) -> Keys:
    """Stream keys of the lanes of a vector environment.

    The key of lane i is the first SplitMix64 output of seed + i, so that it
    depends on the sum alone and neighbouring seeds have unrelated streams.

    Args:
        seed: 0 or more.
        num_lanes: number of lanes.

    Returns:
        (lane,) uint64.

    Raises:
        ScenarioError: the seed is negative.
    """
    if seed < 0:
        raise ScenarioError(f"lane_keys: seed = {seed}: must be at least 0")
    with np.errstate(over="ignore"):
        seeds = np.uint64(seed % 2**64) + np.arange(num_lanes, dtype=np.uint64)
    return draw_bits(seeds, np.zeros(num_lanes, dtype=np.uint64))
