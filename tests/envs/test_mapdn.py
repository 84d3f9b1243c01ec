"""MAPDN's 33-bus task: barriers, physics and reward by literals and by a solver of one phase."""

import pickle
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from grid_fed_rl import parallel_env
from grid_fed_rl.envs.mapdn import (
    BARRIERS,
    MAPDNConfig,
    MAPDNEnv,
    MAPDNTask,
    MAPDNVectorEnv,
    Profiles,
    mapdn_task,
)
from grid_fed_rl.envs.mapdn.feeder import PV_BUSES
from grid_fed_rl.envs.mapdn.profiles import STEPS_PER_DAY
from grid_fed_rl.envs.mapdn.task import ZONES
from grid_fed_rl.errors import ActionError, TaskError
from grid_fed_rl.feeders import Connection, Pv, Terminal, load
from grid_fed_rl.powerflow import compile_network, measures, solve
from grid_fed_rl.scenarios import split_days

ID = "GridFedRL/MAPDN-Case33-v0"
FEEDER = load("baran_wu_33")
LOADS = list(FEEDER.loads.values())
NOMINAL_KW = np.array([one.kw for one in LOADS], dtype=np.float32)
NOMINAL_KVAR = np.array([one.kvar for one in LOADS], dtype=np.float32)


def by_hand(**settings) -> MAPDNTask:
    """One day: nominal load in every row, sun from row 100 on, and no chance."""
    ones = np.ones((STEPS_PER_DAY, 1), dtype=np.float32)
    sun = (np.arange(STEPS_PER_DAY) >= 100).astype(np.float32)[:, None]
    profiles = Profiles(
        "by hand",
        NOMINAL_KW * ones,
        NOMINAL_KVAR * ones,
        sun * np.array([500.0, 400.0, 300.0, 600.0, 500.0, 400.0], dtype=np.float32),
    )
    config = MAPDNConfig(**{"noise": False, "random_start": False, **settings})
    return replace(
        mapdn_task(), profiles=profiles, config=config, starts=np.arange(STEPS_PER_DAY - 241)
    )


def one_phase(p_mw, q_mvar) -> np.ndarray:
    """Voltages of bus 1 to 33 by backward and forward sweeps of one phase, per unit.

    Args:
        p_mw: (bus,) what every bus takes.
        q_mvar: (bus,)
    """
    base_ohm = 12.66**2  # of 1 MVA
    branches = []
    for line in FEEDER.lines.values():
        code = FEEDER.line_codes[line.code]
        z = complex(code.z_ohm_per_km[0][0]) / base_ohm
        branches.append((int(line.from_.bus) - 1, int(line.to.bus) - 1, z))
    v = np.ones(33, dtype=np.complex128)
    for _ in range(100):
        current = np.conj((p_mw + 1j * q_mvar) / v)
        for near, far, _ in sorted(branches, key=lambda one: -one[1]):
            current[near] += current[far]
        for near, far, z in sorted(branches, key=lambda one: one[1]):
            v[far] = v[near] - z * current[far]
    return v


# ---- barriers ---------------------------------------------------------------------

# Worked out by hand from the definitions in MAPDN's published code.
BY_HAND = {
    "l1": {0.9: 0.1, 0.95: 0.05, 1.0: 0.0, 1.05: 0.05, 1.2: 0.2},
    "l2": {0.9: 0.02, 0.95: 0.005, 1.0: 0.0, 1.1: 0.02, 1.2: 0.08},
    "courant_beltrami": {0.9: 0.0025, 0.95: 0.0, 1.0: 0.0, 1.05: 0.0, 1.1: 0.0025, 1.15: 0.01},
    "bowl": {0.9: 0.105, 0.94: 0.025, 0.97: 0.0018612, 1.0: 0.0001058, 1.03: 0.0018612, 1.1: 0.105},
    "bump": {0.0: 0.3678794, 0.5: 0.3441538, 0.95: 0.0045573, 1.0: 0.0, 1.05: 0.0045573}
    | {1.5: 0.3441538, 2.0: 0.3678794, 3.0: 0.0, 4.0: 0.0, -1.0: 0.0},
}


def test_every_barrier_is_held_here():
    assert BY_HAND.keys() == BARRIERS.keys()


@pytest.mark.parametrize("name", BY_HAND)
def test_barrier_at_points_worked_out_by_hand(name):
    points = BY_HAND[name]
    found = BARRIERS[name](np.array(list(points)))
    np.testing.assert_allclose(found, list(points.values()), atol=5e-8)


@pytest.mark.parametrize("name", BY_HAND)
def test_reward_is_the_barrier_and_a_tenth_of_the_reactive_power(name):
    env = MAPDNEnv(by_hand(barrier=name))
    env.reset(seed=0, options={"start": 150})
    observation, reward, _, _, info = env.step(np.full(6, 0.5))
    v_pu, q_mvar = observation[78:111].astype(np.float64), observation[72:78]
    assert info["reward_terms"]["voltage"] == pytest.approx(
        -BARRIERS[name](v_pu).mean(), rel=1e-4, abs=1e-7
    )
    assert info["reward_terms"]["reactive"] == pytest.approx(-0.1 * np.abs(q_mvar).mean())
    assert info["reward_terms"]["divergence"] == 0.0
    assert reward == sum(info["reward_terms"].values())
    assert reward < 0.0


# ---- physics ----------------------------------------------------------------------


def test_nominal_load_gives_the_published_losses_and_voltages():
    """Baran and Wu (1989): 202.7 kW, 135 kvar, and 0.9131 per unit at bus 18."""
    env = MAPDNEnv(by_hand())
    env.reset(seed=0, options={"start": 0})
    observation, _, _, _, info = env.step(np.zeros(6))
    assert info["line_loss_mw"] == pytest.approx(0.2027, abs=5e-5)
    # The substation's bus gives: 3715 kW and 2300 kvar of load, and the losses.
    assert observation[0] == pytest.approx(-(3.715 + 0.2027), abs=1e-4)
    assert observation[33] == pytest.approx(-(2.300 + 0.1351), abs=1e-4)
    v_pu = observation[78:111]
    assert v_pu.argmin() == 17
    assert v_pu.min() == pytest.approx(0.9131, abs=5e-5)
    assert info["controllable"] == 0.0
    assert info["violations"]["voltage"] == (v_pu < 0.95).sum() == 21


def test_every_step_has_the_voltages_of_a_solver_of_one_phase():
    envs = MAPDNVectorEnv(mapdn_task(barrier="bowl"), 8)
    envs.reset(seed=3, options={"start": np.arange(8) * 7213})
    rng = np.random.default_rng(0)
    for _ in range(3):
        before = envs.snapshot
        action = rng.uniform(-0.8, 0.8, (8, 6))
        observation, *_ = envs.step(action)
        for lane in range(8):
            p, q = np.zeros(33), np.zeros(33)
            p[1:], q[1:] = before.coming.load_kw[lane] / 1e3, before.coming.load_kvar[lane] / 1e3
            at = [int(bus) - 1 for bus in PV_BUSES]
            pv_kw = before.coming.pv_kw[lane]
            room = np.sqrt((1.2 * envs.task.profiles.pv_kw.max(axis=0)) ** 2 - pv_kw**2)
            p[at] -= pv_kw / 1e3
            q[at] -= action[lane] * room / 1e3
            v = one_phase(p, q)
            np.testing.assert_allclose(envs.snapshot.bus_v_pu[lane], np.abs(v), atol=1e-8)
            np.testing.assert_allclose(observation[lane, 78:111], np.abs(v), atol=1e-7)
            np.testing.assert_allclose(observation[lane, 111:], np.degrees(np.angle(v)), atol=1e-5)
            np.testing.assert_allclose(observation[lane, 1:33], p[1:], atol=1e-6)
            np.testing.assert_allclose(observation[lane, 34:66], q[1:], atol=1e-6)


def test_one_phase_has_the_voltages_and_losses_of_all_three():
    env = MAPDNVectorEnv(mapdn_task(), 4)
    env.reset(seed=1)
    env.step(np.random.default_rng(0).uniform(-0.8, 0.8, (4, 6)))
    view, kv = env.snapshot, FEEDER.source.kv_ll
    pvs = [
        Pv(f"pv{bus}", Terminal(bus, (1, 2, 3)), Connection.WYE, kv, 1.0, 1.0, 0.6, 1.4)
        for bus in PV_BUSES
    ]
    network = compile_network(replace(FEEDER.with_(pvs=pvs), switches={}))
    flow = solve(network, env.setpoint_of(view.solved, view.pv_kvar))
    for phase in (1, 2, 3):
        nodes = [network.node_index[f"{bus}.{phase}"] for bus in FEEDER.buses]
        np.testing.assert_allclose(np.abs(flow.v_pu[:, nodes]), view.bus_v_pu, atol=1e-8)
    np.testing.assert_allclose(measures.losses_kw(network, flow), view.loss_kw, rtol=1e-6)
    np.testing.assert_allclose(measures.source_kva(network, flow), view.source_kva, rtol=1e-6)


def test_reactive_power_is_a_share_of_what_active_power_leaves():
    env = MAPDNEnv(by_hand())
    env.reset(seed=0, options={"start": 200})
    action = np.array([0.8, -0.8, 0.5, 0.0, -0.25, 0.1])
    observation, _, _, _, info = env.step(action)
    # Full sun: sqrt(1.2^2 - 1) = 0.66332 of the largest power.
    expected = action * 0.6633250 * np.array([0.5, 0.4, 0.3, 0.6, 0.5, 0.4])
    np.testing.assert_allclose(observation[72:78], expected, atol=1e-6)
    assert info["reactive_loss_mvar"] == pytest.approx(np.abs(expected).mean(), rel=1e-6)
    np.testing.assert_allclose(info["action_executed"], action, atol=1e-6)
    # At night the whole rating is left.
    env.reset(seed=0, options={"start": 10})
    observation, *_ = env.step(action)
    np.testing.assert_allclose(observation[72:78], expected * 1.2 / 0.6633250, atol=1e-6)


def test_the_power_of_pv_is_seen_one_step_ahead():
    """As in MAPDN: what the next action's reactive power must leave room for."""
    env = MAPDNEnv(by_hand())
    observation, _ = env.reset(seed=0, options={"start": 98})
    seen = [observation[66]]
    for _ in range(3):
        observation, *_ = env.step(np.zeros(6))
        seen.append(observation[66])
    # Right after a reset the row is that of the first step; after step k, that of step k + 1.
    assert seen == [0.0, 0.0, 0.5, 0.5]
    assert observation[12] == pytest.approx(NOMINAL_KW[11] / 1e3 - 0.5, abs=1e-6)  # bus 13


def test_what_cannot_be_solved_costs_200_and_ends_the_episode():
    task = by_hand()
    factor = np.ones((STEPS_PER_DAY, 1), dtype=np.float32)
    factor[13] = 60.0
    profiles = replace(task.profiles, load_kw=factor * NOMINAL_KW, load_kvar=factor * NOMINAL_KVAR)
    env = MAPDNEnv(replace(task, profiles=profiles))
    env.reset(seed=0, options={"start": 11})
    first, before, last = (env.step(np.full(6, 0.3)) for _ in range(3))
    assert not first[2]
    assert not before[2]
    observation, reward, terminated, truncated, info = last
    assert (terminated, truncated) == (True, False)
    assert reward == pytest.approx(before[1] - 200.0, abs=1e-12)
    assert info["reward_terms"]["divergence"] == -200.0
    assert not info["converged"]
    assert info["controllable"] == 0.0
    np.testing.assert_array_equal(observation[78:111], before[0][78:111])
    assert env.observation_space.contains(observation)
    with pytest.raises(TaskError, match="episode is over"):
        env.step(np.zeros(6))
    # An episode that begins so ends in its first step, with numbers all the same.
    observation, _ = env.reset(options={"start": 13})
    assert env.observation_space.contains(observation)
    np.testing.assert_allclose(observation[78:111], 1.0, atol=1e-6)
    observation, reward_at_once, terminated, *_ = env.step(np.zeros(6))
    assert terminated
    assert -201.0 < reward_at_once <= -200.0
    assert env.observation_space.contains(observation)
    # A lane that diverges leaves its neighbours as they are.
    envs = MAPDNVectorEnv(replace(task, profiles=profiles), 2)
    envs.reset(seed=0, options={"start": [11, 100]})
    results = [envs.step(np.full((2, 6), 0.3)) for _ in range(3)][-1]
    assert results[2].tolist() == [True, False]
    assert results[1][0] == reward
    assert results[1][1] > -1.0


# ---- days -------------------------------------------------------------------------


def test_drawn_days_have_mapdns_peaks():
    profiles = mapdn_task().profiles
    assert profiles.n_days == 365
    assert profiles.load_kw.sum(axis=1).max() == pytest.approx(3500.0, rel=1e-5)
    assert profiles.pv_kw.sum(axis=1).max() == pytest.approx(8750.0, rel=1e-5)
    assert profiles.load_kw.min() > 0.0
    assert profiles.pv_kw.min() == 0.0
    assert mapdn_task().profiles is profiles
    assert not np.array_equal(mapdn_task(year_seed=1).profiles.load_kw, profiles.load_kw)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_episodes_stay_on_days_of_their_split(split):
    task = mapdn_task(split=split, horizon=240)
    days = set(split_days(365, "mapdn/mapdn33/0")[split].tolist())
    touched = {int(day) for k in (0, 240) for day in (task.starts + k) // STEPS_PER_DAY}
    assert touched == days
    whole = mapdn_task(split=split, horizon=480)
    assert 0 < len(whole.starts) < len(task.starts)


def test_load_and_pv_stray_upwards_by_a_hundredth_of_their_spread():
    """Half-normal: of mean 0.7979 and standard deviation 0.6028 of the spread."""
    task = mapdn_task()
    envs = MAPDNVectorEnv(task, 500)
    envs.reset(seed=1, options={"start": 1000})
    quiet = MAPDNVectorEnv(mapdn_task(noise=False), 500)
    quiet.reset(seed=1, options={"start": 1000})
    for name, k in (("load_kw", 0), ("load_kvar", 1), ("pv_kw", 2)):
        strayed = getattr(envs.snapshot.solved, name) - getattr(quiet.snapshot.solved, name)
        share = strayed / task.spread[k]
        assert share.min() >= 0.0
        assert share.mean() == pytest.approx(0.7979, abs=0.05)
        assert share.std() == pytest.approx(0.6028, abs=0.05)
        assert len(np.unique(share)) == share.size
    np.testing.assert_allclose(
        task.spread[2], 0.01 * task.profiles.pv_kw.astype(float).std(axis=0), rtol=1e-9
    )


def test_the_first_observation_has_random_reactive_power():
    task = mapdn_task()
    envs = MAPDNVectorEnv(task, 200)
    observation, _ = envs.reset(seed=0, options={"start": 0})
    share = observation[:, 72:78] / (task.rating_kva / 1e3)
    assert share.min() < -0.75
    assert share.max() > 0.75
    assert np.abs(share).max() <= 0.8
    still = MAPDNVectorEnv(mapdn_task(random_start=False), 2)
    assert not still.reset(seed=0)[0][:, 72:78].any()


def droop(observation: np.ndarray, before: np.ndarray) -> np.ndarray:
    """MAPDN's droop, all at 0.95 and 1.05, moved a tenth of the way in a step."""
    at = [78 + int(bus) - 1 for bus in PV_BUSES]
    wanted = np.clip((1.0 - observation[:, at]) / 0.05, -0.8, 0.8)
    return before + 0.1 * (wanted - before)


def test_no_control_breaks_the_limits_and_droop_holds_them_better():
    rates = {}
    for name in ("none", "droop"):
        envs = MAPDNVectorEnv(mapdn_task(noise=False, split="test"), 60)
        observation, _ = envs.reset(seed=0)
        action, controllable = np.zeros((60, 6)), []
        for _ in range(240):
            if name == "droop":
                action = droop(observation, action)
            observation, *_, info = envs.step(action)
            controllable.append(info["controllable"])
        rates[name] = np.mean(controllable)
    assert 0.5 < rates["none"] < 0.85
    assert rates["droop"] > 0.95


# ---- what Gymnasium and PettingZoo ask ----------------------------------------------


def test_passes_gymnasiums_checker_without_a_warning_with_other_options():
    check_env(gymnasium.make(ID, barrier="bump", noise=False, split="test").unwrapped)


def test_spaces():
    env = gymnasium.make(ID)
    assert env.action_space == spaces.Box(-0.8, 0.8, (6,), np.float32)
    assert env.observation_space.shape == (4 * 33 + 2 * 6,)
    envs = gymnasium.make_vec(ID, num_envs=3)
    assert isinstance(envs.unwrapped, MAPDNVectorEnv)
    assert envs.single_action_space == env.action_space


def test_a_lane_is_the_single_environment_bit_for_bit(same):
    task = mapdn_task(horizon=20)
    envs = MAPDNVectorEnv(task, 3, threads=2)
    singles = [MAPDNEnv(task) for _ in range(3)]
    first, _ = envs.reset(seed=5)
    seen = [env.reset(seed=5 + k)[0] for k, env in enumerate(singles)]
    same(first, np.stack(seen))
    rng = np.random.default_rng(0)
    for step in range(45):  # over two ends of episodes
        action = rng.uniform(-0.8, 0.8, (3, 6)).astype(np.float32)
        observation, reward, terminated, truncated, info = envs.step(action)
        for lane, env in enumerate(singles):
            if step in (20, 41):
                one = (env.reset()[0], 0.0, False, False)
            else:
                one = env.step(action[lane])
                assert one[4]["start"] == info["start"][lane]
                assert one[4]["line_loss_mw"] == info["line_loss_mw"][lane]
            same(one[0], observation[lane])
            assert one[1:4] == (reward[lane], terminated[lane], truncated[lane])
        assert truncated.all() == (step in (19, 40))


def test_an_episode_has_240_steps_of_three_minutes():
    env = MAPDNEnv(mapdn_task())
    env.reset(seed=0)
    results = [env.step(np.zeros(6)) for _ in range(240)]
    assert [one[3] for one in results] == [False] * 239 + [True]
    assert not any(one[2] for one in results)


def test_copy_in_mid_episode_continues_identically(same):
    env = MAPDNEnv(mapdn_task())
    env.reset(seed=0)
    env.step(np.full(6, 0.1))
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(3):
        same(env.step(np.full(6, -0.1)), twin.step(np.full(6, -0.1)))
    team = parallel_env(ID)
    team.reset(seed=0)
    double = pickle.loads(pickle.dumps(team))
    actions = {agent: np.full(1, 0.1) for agent in team.agents}
    for _ in range(3):
        same(team.step(actions), double.step(actions))


def test_agents_see_their_zone_and_act_as_one(same):
    env, single = parallel_env(ID), MAPDNEnv(mapdn_task())
    assert env.possible_agents == [f"pv_{k}" for k in range(6)]
    seen, infos = env.reset(seed=4, options={"start": 240})
    single.reset(seed=4, options={"start": 240})
    zones = [infos[agent]["zone"] for agent in env.agents]
    assert zones == ["zone1", "zone1", "zone2", "zone3", "zone4", "zone4"]
    rng = np.random.default_rng(0)
    state, actions = env.state(), {}
    for _ in range(5):
        actions = {agent: rng.uniform(-0.8, 0.8, 1).astype(np.float32) for agent in env.agents}
        joint = np.concatenate(list(actions.values()))
        state, reward, *_ = single.step(joint)
        seen, rewards, _, _, infos = env.step(actions)
        same(env.state(), state)
        assert set(rewards.values()) == {reward}
    for k, (agent, zone) in enumerate(zip(env.possible_agents, zones, strict=True)):
        own = dict(zip(env.team.observation_names(agent), seen[agent], strict=True))
        buses = [int(bus) - 1 for bus in ZONES[zone]]
        assert seen[agent].shape == (50,)
        assert not seen[agent][4 * len(buses) + 2 :].any()
        assert own["pv_mw_next"] == state[66 + k]
        assert own["pv_mvar"] == state[72 + k]
        for bus in buses:
            assert own[f"v_pu:{bus + 1}"] == state[78 + bus]
            assert own[f"angle_rad:{bus + 1}"] == pytest.approx(np.radians(state[111 + bus]))
            solved = single.lanes.snapshot.solved
            assert own[f"load_mw:{bus + 1}"] == pytest.approx(1e-3 * solved.load_kw[0, bus - 1])
            assert own[f"load_mvar:{bus + 1}"] == pytest.approx(1e-3 * solved.load_kvar[0, bus - 1])
        assert infos[agent]["device"] == f"pv{PV_BUSES[k]}"
        np.testing.assert_allclose(infos[agent]["action_executed"], actions[agent], atol=1e-6)


def test_every_bus_is_in_one_zone():
    assert [bus for zone in ZONES.values() for bus in zone] == [str(k) for k in range(1, 34)]
    assert [len(buses) for buses in ZONES.values()] == [6, 12, 4, 3, 8]


# ---- what is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"barrier": "cliff"}, "no barrier 'cliff'; known: l1, l2"),
        ({"split": "tuesdays"}, "no split 'tuesdays'; known: train"),
        ({"horizon": 0}, "horizon is 0; expected a whole number"),
        ({"horizon": 10**6, "split": "all"}, "no 1000001 rows of split 'all' follow each other"),
        ({"most": 1.5}, r"most is 1\.5; expected above 0, up to 1"),
        ({"oversize": 0.9}, r"oversize is 0\.9; expected 1 or more"),
        ({"divergence_cost": -1.0}, r"divergence_cost is -1\.0; expected 0 or more"),
        ({"year_seed": -1}, "year_seed is -1; expected a whole number"),
        ({"utility": "coastal"}, "no option 'utility'; known: data, split, year_seed, barrier"),
    ],
)
def test_options_out_of_bounds_are_refused(options, message):
    with pytest.raises(TaskError, match=message):
        mapdn_task(**options)


def test_actions_beyond_the_range_are_refused():
    env = MAPDNEnv(mapdn_task())
    env.reset(seed=0)
    with pytest.raises(ActionError, match=r"'pv22' is 0\.9; expected a number from -0\.8 to 0\.8"):
        env.step([0.0, 0.0, 0.9, 0.0, 0.0, 0.0])
    with pytest.raises(TaskError, match="reset option 'start' is -1; expected 0 to 174959"):
        env.reset(options={"start": -1})
    with pytest.raises(TaskError, match="MAPDN has no agents 'zones'; known: devices"):
        parallel_env(ID, "zones")
    with pytest.raises(TaskError, match="has agents of its own"):
        parallel_env(ID, common=())
