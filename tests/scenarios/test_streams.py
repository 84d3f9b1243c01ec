"""Lane streams: the reference output of SplitMix64, and independence of the batch."""

import numpy as np
import pytest

from grid_fed_rl.errors import ScenarioError
from grid_fed_rl.scenarios import draw_index, draw_uniform, lane_keys
from grid_fed_rl.scenarios.streams import draw_bits

# First outputs of the reference splitmix64.c for seed 1234567.
REFERENCE = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def test_bits_are_the_reference_output():
    key = np.full(5, 1234567, dtype=np.uint64)
    assert draw_bits(key, np.arange(5, dtype=np.uint64)).tolist() == REFERENCE


def test_lane_keys_are_stable():
    assert lane_keys(0, 2).tolist() == [16294208416658607535, 10451216379200822465]
    assert lane_keys(1234567, 1).tolist() == REFERENCE[:1]


def test_a_lane_has_the_stream_of_its_own_single_environment():
    counter = np.full(8, 3, dtype=np.uint64)
    together = draw_index(lane_keys(42, 8), counter, 365)
    alone = [draw_index(lane_keys(42 + i, 1), counter[:1], 365)[0] for i in range(8)]
    assert together.tolist() == alone


def test_counters_may_differ_between_lanes():
    key = lane_keys(7, 5)
    counter = np.array([0, 9, 2, 2, 1], dtype=np.uint64)
    together = draw_bits(key, counter)
    for lane in range(5):
        assert together[lane] == draw_bits(key[lane : lane + 1], counter[lane : lane + 1])[0]


def test_index_is_the_integer_part_of_bits_times_n_exactly():
    key = lane_keys(5, 200)
    counter = np.arange(200, dtype=np.uint64)
    bits = draw_bits(key, counter).tolist()
    for n in (1, 2, 7, 365, 2**31 + 11, 2**32 - 1):
        assert draw_index(key, counter, n).tolist() == [(b * n) >> 64 for b in bits]


def test_indices_fill_the_range_evenly():
    n, draws = 24, 24_000
    counts = np.bincount(
        draw_index(lane_keys(0, draws), np.zeros(draws, dtype=np.uint64), n), minlength=n
    )
    chi_square = ((counts - draws / n) ** 2 / (draws / n)).sum()
    assert chi_square < 49.7  # 99.9 % point of chi-square with 23 degrees of freedom


def test_uniform_is_in_the_unit_interval_and_centred():
    u = draw_uniform(lane_keys(3, 20_000), np.ones(20_000, dtype=np.uint64))
    assert (u >= 0.0).all()
    assert (u < 1.0).all()
    assert abs(u.mean() - 0.5) < 0.01
    assert abs(u.var() - 1.0 / 12.0) < 0.003
    key = np.array([1234567], dtype=np.uint64)
    assert draw_uniform(key, np.zeros(1, dtype=np.uint64))[0] == (REFERENCE[0] >> 11) / 2**53


def test_the_largest_seed_wraps():
    assert lane_keys(2**64 - 1, 2)[1] == lane_keys(0, 1)[0]


def test_bad_arguments_are_named():
    with pytest.raises(ScenarioError, match="n = 0: must be in 1"):
        draw_index(lane_keys(0, 1), np.zeros(1, dtype=np.uint64), 0)
    with pytest.raises(ScenarioError, match="seed = -1: must be at least 0"):
        lane_keys(-1, 1)
