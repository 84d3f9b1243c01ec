"""What meters see: some nodes, with their error, each lane its own."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.dynamics import rest
from grid_fed_rl.envs.meters import MeteredVoltages, metered_nodes
from grid_fed_rl.envs.single import GridEnv
from grid_fed_rl.envs.vector import GridVectorEnv
from grid_fed_rl.errors import TaskError


def metered(case, spread: float = 0.001):
    meters = MeteredVoltages(case.network, metered_nodes(case.network), spread)
    return replace(case, observation=(meters, *case.observation[1:]))


def test_without_error_a_meter_reads_its_node(case13):
    nodes = ("671.2", "634.1")
    snapshot = rest(case13, np.array([3, 40]))
    seen = MeteredVoltages(case13.network, nodes, spread=0.0)(snapshot)
    columns = [case13.network.node_index[node] for node in nodes]
    np.testing.assert_array_equal(seen, np.clip((snapshot.v_pu[:, columns] - 1.0) / 0.1, -1, 1))


def test_errors_are_normal_with_their_spread(case123):
    network = case123.network
    n = 400
    chance = np.random.default_rng(0).integers(0, 2**63, n).astype(np.uint64)
    snapshot = rest(case123, np.zeros(n, dtype=np.int64), chance=chance)
    meters = MeteredVoltages(network, network.node_names[:100], spread=0.002)
    plain = MeteredVoltages(network, network.node_names[:100], spread=0.0)
    v_pu = snapshot.v_pu[:, :100]
    error = 0.1 * (meters(snapshot) - plain(snapshot)) / v_pu / 0.002
    assert abs(error.mean()) < 4 / np.sqrt(error.size)
    assert abs(error.std() - 1.0) < 4 / np.sqrt(2 * error.size)
    assert abs((np.abs(error) < 1.0).mean() - 0.6827) < 0.01
    # Neither nodes nor lanes share theirs.
    together = np.corrcoef(error.T) - np.eye(100)
    assert np.abs(together).max() < 6 / np.sqrt(n)
    assert np.abs(np.corrcoef(error[:100]) - np.eye(100)).max() < 0.6


def test_what_is_seen_depends_on_the_seed_alone(case13, rollout, same, actions):
    case = metered(case13)
    moves = actions(30, 3, case)
    lanes = rollout(GridVectorEnv(case, 3), moves, seed=7)
    again = rollout(GridVectorEnv(case, 3), moves, seed=7)
    same(lanes, again)
    single = rollout(GridEnv(case), moves[:, 2], seed=9)
    for one, other in zip(single, lanes, strict=True):
        np.testing.assert_array_equal(one[0], other[0][2])


def test_the_same_day_again_is_read_anew(case13):
    case = metered(case13)
    env = GridVectorEnv(case, 1)
    first, _ = env.reset(seed=1, options={"day": 5})
    second, _ = env.reset(options={"day": 5})
    n = len(metered_nodes(case.network))
    assert (first[:, :n] != second[:, :n]).any()
    np.testing.assert_array_equal(first[:, n:], second[:, n:])
    third, _ = env.reset(seed=1, options={"day": 5})
    np.testing.assert_array_equal(first, third)


def test_utilities_meter_the_substation_and_their_devices(case13):
    nodes = metered_nodes(case13.network)
    for expected in ("sourcebus.1", "650.2", "rg60.3", "675.1", "611.3", "680.2"):
        assert expected in nodes
    assert "646.2" not in nodes
    assert list(nodes) == [n for n in case13.network.node_names if n in nodes]


def test_meters_stand_on_nodes(case13):
    with pytest.raises(TaskError, match=r"'ieee13' has no node '671.9'; nodes are such as"):
        MeteredVoltages(case13.network, ("671.9",))
    with pytest.raises(TaskError, match=r"spread is -0.1; expected 0 or more"):
        MeteredVoltages(case13.network, ("671.1",), spread=-0.1)
