"""Many agents on one task: PettingZoo's contract, one policy for all feeders, the same physics."""

import pickle
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.test import parallel_api_test, parallel_seed_test

from grid_fed_rl import GridEnv, parallel_env
from grid_fed_rl.envs.costs import VoltageCost
from grid_fed_rl.envs.groups import Batteries, FlexibleLoads, Inverters
from grid_fed_rl.envs.multi_agent import DeviceTeam, ZoneTeam
from grid_fed_rl.envs.multi_agent.standing import bus_zones, kinds_of
from grid_fed_rl.envs.multi_agent.views import ZoneView
from grid_fed_rl.envs.multi_agent.zone_cost import ZoneCost
from grid_fed_rl.envs.observation import Clock
from grid_fed_rl.errors import ActionError, TaskError
from grid_fed_rl.feeders import load
from grid_fed_rl.safety import VoltageLimits

IDS = ("GridFedRL/IEEE13-VVO-v0", "GridFedRL/IEEE123-VVO-v0")
AGENTS = ("devices", "zones")
MODES = ("continuous", "multidiscrete")


def kind(agent: str) -> str:
    return agent.rpartition("_")[0]


def sampled(env) -> dict:
    return {agent: env.action_space(agent).sample() for agent in env.agents}


def seen_by(env, agent, seen) -> dict[str, float]:
    """What an agent saw, by the names of the entries."""
    return dict(zip(env.team.observation_names(agent), seen[agent], strict=True))


def played(env, n_steps, action=None):
    """The last of some steps: observations and infos."""
    last = None
    for _ in range(n_steps):
        actions = sampled(env) if action is None else dict.fromkeys(env.agents, action)
        last = env.step(actions)
    assert last is not None
    return last[0], last[4]


def zone_team(env) -> ZoneTeam:
    assert isinstance(env.team, ZoneTeam)
    return env.team


def device_team(env) -> DeviceTeam:
    assert isinstance(env.team, DeviceTeam)
    return env.team


def with_der(case):
    """The case with inverters that can cut their power, and with flexible loads."""
    network = case.network
    more = (Inverters(network, curtails=True), FlexibleLoads(network, network.loads[:2]))
    return replace(case, groups=(*case.groups, *more))


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("agents", AGENTS)
@pytest.mark.parametrize("mode", MODES)
def test_passes_pettingzoos_tests_without_a_warning(env_id, agents, mode):
    def make():
        return parallel_env(env_id, agents, action_mode=mode)

    parallel_api_test(make(), num_cycles=50)
    parallel_seed_test(make, num_cycles=25)


@pytest.mark.parametrize("mode", MODES)
def test_a_kind_has_the_same_spaces_on_every_feeder(case13, case123, mode):
    """So that one policy serves them all."""
    by_kind: dict[str, list] = {}
    for case in (with_der(case13), with_der(case123)):
        env = parallel_env(case, action_mode=mode)
        for agent in env.possible_agents:
            pair = (env.observation_space(agent), env.action_space(agent))
            names = env.team.observation_names(agent)
            assert pair[0].shape == (len(names),)
            by_kind.setdefault(kind(agent), []).append((*pair, names))
    assert {name: len(pairs) for name, pairs in by_kind.items()} == {
        "regulator": 3 + 7,
        "capacitor": 2 + 4,
        "battery": 1 + 4,
        "inverter": len(case13.network.feeder.pvs) + len(case123.network.feeder.pvs),
        "flexible_load": 2 + 2,
    }
    for pairs in by_kind.values():
        assert all(pair == pairs[0] for pair in pairs)
    shapes = {name: pairs[0][0].shape for name, pairs in by_kind.items()}
    assert shapes == {
        "regulator": (18,),
        "capacitor": (18,),
        "battery": (18,),
        "inverter": (19,),
        "flexible_load": (18,),
    }
    actions = {name: pairs[0][1] for name, pairs in by_kind.items()}
    if mode == "continuous":
        assert actions["inverter"] == spaces.Box(-1.0, 1.0, (2,), np.float32)
        assert actions["battery"] == spaces.Box(-1.0, 1.0, (1,), np.float32)
    else:
        assert actions["inverter"] == spaces.MultiDiscrete(np.array([11, 11]))
        assert actions["battery"] == spaces.Discrete(11)


def test_zones_have_the_same_spaces_on_every_feeder(case13, case123):
    found = [
        (env.observation_space(agent), env.action_space(agent))
        for env in (parallel_env(case13, "zones"), parallel_env(case123, "zones"))
        for agent in env.possible_agents
    ]
    assert len(found) == 1 + 4
    assert all(pair == found[0] for pair in found)
    # 9 of the zone, 3 + 4 + 4 slots of 10 entries, 7 that all see; an entry a slot to act.
    assert found[0] == (
        spaces.Box(-1.0, 1.0, (9 + 11 * 10 + 7,), np.float32),
        spaces.Box(-1.0, 1.0, (11,), np.float32),
    )


@pytest.mark.parametrize("agents", AGENTS)
@pytest.mark.parametrize("mode", MODES)
def test_numbers_are_those_of_the_single_environment_bit_for_bit(case123, agents, mode, same):
    env, single = parallel_env(case123, agents, action_mode=mode), GridEnv(case123, mode)
    env.reset(seed=7, options={"day": 200})
    single.reset(seed=7, options={"day": 200})
    for step in range(24):
        actions = sampled(env)
        observation, reward, terminated, truncated, info = single.step(env.team.joint(actions))
        _, rewards, terminations, truncations, infos = env.step(actions)
        same(env.state(), observation)
        assert set(rewards.values()) == {reward}
        assert set(terminations.values()) == {terminated}
        assert set(truncations.values()) == {truncated}
        assert truncated is (step == 23)
        assert rewards.keys() == infos.keys() == set(env.possible_agents)
        for own in infos.values():
            assert {key: own[key] for key in ("cost", "costs", "loss_kwh", "day")} == {
                key: info[key] for key in ("cost", "costs", "loss_kwh", "day")
            }
    assert env.agents == []


@pytest.mark.parametrize("agents", AGENTS)
def test_every_entry_of_the_joint_action_is_somebodys(case123, agents):
    """What agents ask for one after the other arrives where their devices are."""
    env, case = parallel_env(with_der(case123), agents, slots={"inverter": 60}), with_der(case123)
    env.reset(seed=0)
    counted = {
        agent: np.full_like(action, (k + 1) / 1000)
        for k, (agent, action) in enumerate(sampled(env).items())
    }
    joint = env.team.joint(counted)
    assert joint.shape == (len(case.action_names),)
    assert (joint > 0.0).all()
    if agents == "devices":
        whose = {one.name: agent for agent, one in device_team(env).devices.items()}
        for name, value in zip(case.action_names, joint, strict=True):
            stem = name.rpartition(".")[0]
            agent = whose[name if name in whose else stem]
            assert value == counted[agent][0]


def test_what_a_device_sees_is_of_its_own_bus_and_zone(case123):
    env = parallel_env(case123)
    env.reset(seed=0, options={"day": 180})
    seen, infos = played(env, 12)
    snapshot, network = env.env.lanes.snapshot, case123.network
    v = dict(zip(network.node_names, snapshot.v_pu[0], strict=True))

    def scaled(value):
        return np.float32(np.clip((value - 1.0) / 0.1, -1.0, 1.0))

    battery = seen_by(env, "battery_0", seen)
    assert infos["battery_0"]["device"] == "battery_47"
    for phase in (1, 2, 3):
        assert battery[f"v:{phase}"] == scaled(v[f"47.{phase}"])
        assert battery[f"stands_on:{phase}"] == 1.0
    zones = bus_zones(network.feeder)
    zone = [v[name] for name in network.node_names if zones[name.rsplit(".", 1)[0]] == "creg1a"]
    assert len(zone) == 156
    assert battery["v_min:zone"] == scaled(min(zone))
    assert battery["v_max:zone"] == scaled(max(zone))
    executed = infos["battery_0"]["action_executed"][0]
    assert battery["p"] == pytest.approx(executed, abs=1e-7)  # 150 kW of 150 kVA
    assert battery["q"] == 0.0
    assert battery["soc"] == np.float32(2.0 * snapshot.states["soc"][0, 0] - 1.0)
    clock = Clock(case123.year)
    np.testing.assert_array_equal(seen["battery_0"][-5:], clock(snapshot)[0].astype(np.float32))

    # c90b stands on phase 2 alone; of regulators, the side that they regulate counts.
    capacitor = seen_by(env, "capacitor_2", seen)
    assert infos["capacitor_2"]["device"] == "c90b"
    assert [capacitor[f"stands_on:{k}"] for k in (1, 2, 3)] == [0.0, 1.0, 0.0]
    assert [capacitor[f"v:{k}"] for k in (1, 2, 3)] == [0.0, scaled(v["90.2"]), 0.0]
    tap = network.regulators.index("creg4b")
    regulator = seen[f"regulator_{tap}"]
    assert infos[f"regulator_{tap}"]["zone"] == "creg4a+creg4b+creg4c"
    assert regulator[2] == scaled(v["160r.2"])
    assert (regulator[1], regulator[3]) == (0.0, 0.0)


def test_zones_are_what_stands_behind_a_bank():
    zones = bus_zones(load("ieee123"))
    assert [zones[bus] for bus in ("150", "150r", "1", "9r", "25r", "160", "160r", "67")] == [
        "head",
        "creg1a",
        "creg1a",
        "creg2a",
        "creg3a+creg3c",
        "creg1a",
        "creg4a+creg4b+creg4c",
        "creg4a+creg4b+creg4c",
    ]
    assert set(bus_zones(load("baran_wu_33")).values()) == {"head"}


def test_costs_of_all_zones_add_up_to_the_cost_of_the_feeder(case123):
    env = parallel_env(case123, "zones")
    env.reset(seed=0, options={"day": 10})
    _, infos = played(env, 18)
    snapshot, network = env.env.lanes.snapshot, case123.network
    every = ZoneCost(case123, ZoneView(network, ZoneView.all_zones(network)))(snapshot)
    assert sum(every.values()) == pytest.approx(infos["zone_0"]["cost"], rel=1e-12)
    assert infos["zone_0"]["cost"] > 0.0
    for own in infos.values():
        assert own["zone_cost"] == every[own["zone"]]
    # Where a case has no voltage limits, there is no such cost.
    free = replace(case123, costs=())
    assert set(ZoneCost(free, ZoneView(network, ("creg1a",)))(snapshot).values()) == {0.0}
    narrow = replace(case123, costs=(VoltageCost(VoltageLimits(0.999, 1.001)),))
    assert ZoneCost(narrow, ZoneView(network, ("creg1a",)))(snapshot)["creg1a"] > every["creg1a"]


def test_a_zone_sees_its_devices_in_the_first_slots_and_nothing_in_the_others(case123):
    env = parallel_env(case123, "zones")
    seen, _ = env.reset(seed=3)
    alone = parallel_env(case123)
    others, infos = alone.reset(seed=3)
    k = list(zone_team(env).zones.values()).index("creg1a")
    zone = seen_by(env, f"zone_{k}", seen)
    agent = next(one for one, own in infos.items() if own["device"] == "battery_47")
    battery = seen_by(alone, agent, others)
    for entry in list(battery)[:9]:
        assert zone[f"battery_0:{entry}"] == battery[entry]
    assert zone["battery_0:present"] == zone["regulator_0:present"] == 1.0
    empty = [
        name for name in zone if name.startswith(("battery_1:", "regulator_1:", "capacitor_0:"))
    ]
    assert len(empty) == 3 * 10
    assert {zone[name] for name in empty} == {0.0}
    assert [zone[f"has:{phase}"] for phase in (1, 2, 3)] == [1.0, 1.0, 1.0]
    lowest = min(zone[f"v_min:{phase}"] for phase in (1, 2, 3))
    assert lowest == battery["v_min:zone"]


def test_entries_of_empty_slots_are_ignored(case123, same):
    one, other = (parallel_env(case123, "zones") for _ in range(2))
    one.reset(seed=0)
    other.reset(seed=0)
    for _ in range(3):
        actions = sampled(one)
        changed = {agent: action.copy() for agent, action in actions.items()}
        for agent, action in changed.items():
            empty = ~zone_team(other).filled(agent)
            assert empty.any()
            action[empty] *= -1.0
        same(one.step(actions), other.step(changed))


def test_a_zone_with_more_devices_than_slots_says_what_to_give(case123):
    crowded = with_der(case123)
    with pytest.raises(TaskError, match=r"zone 'creg1a' has \d+ devices of kind 'inverter' and 16"):
        parallel_env(crowded, "zones")
    env = parallel_env(crowded, "zones", slots={"inverter": 60})
    parallel_api_test(env, num_cycles=5)


def test_a_feeder_without_a_kind_keeps_the_slots_of_the_kind(case123):
    network = case123.network
    bare = replace(case123, groups=(*case123.groups[:2], FlexibleLoads(network, ())))
    full = replace(case123, groups=(*case123.groups[:2], FlexibleLoads(network, network.loads[:1])))
    one, other = parallel_env(bare, "zones"), parallel_env(full, "zones")
    assert one.observation_space("zone_0") == other.observation_space("zone_0")
    assert one.action_space("zone_0") == other.action_space("zone_0")


class Chargers(Batteries):
    """Devices of a kind that this room has no word for."""

    state_name: ClassVar[str] = "charge"


def test_devices_of_an_unknown_kind_are_agents_too(case13):
    chargers = Chargers(case13.network, 0.02)
    case = replace(
        case13, groups=(chargers,), reward=case13.reward[:2], observation=case13.observation[:1]
    )
    env = parallel_env(case)
    assert env.possible_agents == ["charge_0"]
    env.reset(seed=0)
    seen, *_, infos = env.step({"charge_0": np.array([0.5], dtype=np.float32)})
    own = seen_by(env, "charge_0", seen)
    assert infos["charge_0"]["device"] == "battery_680"
    assert own["p"] == 0.5
    assert own["stands_on:3"] == 1.0


def test_an_inverter_is_one_agent_with_two_entries(case13):
    network = case13.network
    case = replace(
        case13,
        groups=(Inverters(network, curtails=True),),
        observation=case13.observation[:1],
        reward=case13.reward[:2],
    )
    (kind_,) = kinds_of(case)
    n = len(network.feeder.pvs)
    assert kind_.states == ("kw", "kvar")
    assert [one.entries for one in kind_.devices] == [(k, n + k) for k in range(n)]
    env = parallel_env(case)
    env.reset(seed=0, options={"day": 180})
    seen, infos = played(env, 12, np.array([1.0, -0.5], dtype=np.float32))
    own = seen_by(env, "inverter_0", seen)
    assert infos["inverter_0"]["action_executed"].tolist() == [1.0, -0.5]
    assert own["p"] > 0.1
    assert own["kw"] == pytest.approx(2.0 * own["p"] - 1.0, abs=1e-6)
    assert own["q"] == pytest.approx(own["kvar"], abs=1e-6)
    assert own["q"] == pytest.approx(0.44, abs=1e-6)


def test_what_all_see_can_be_chosen(case13):
    env = parallel_env(case13, common=(Clock(case13.year),))
    assert env.observation_space("battery_0").shape == (16,)
    assert env.team.observation_names("battery_0")[-5:] == Clock(case13.year).names


@pytest.mark.parametrize("agents", AGENTS)
def test_a_collapse_ends_the_episode_of_all(stormy, agents):
    env = parallel_env(stormy, agents)
    env.reset(options={"day": 1})
    for _ in range(4):
        _, _, terminations, _, _ = env.step(sampled(env))
        assert not any(terminations.values())
    seen, _, terminations, truncations, _ = env.step(sampled(env))
    assert terminations.keys() == set(env.possible_agents)
    assert all(terminations.values())
    assert not any(truncations.values())
    assert env.agents == []
    for agent, one in seen.items():
        assert env.observation_space(agent).contains(one)
    with pytest.raises(TaskError, match="no agent is alive; call reset"):
        env.step({})


@pytest.mark.parametrize("agents", AGENTS)
def test_copy_in_mid_episode_continues_identically(case13, agents, same):
    env = parallel_env(case13, agents)
    env.reset(seed=2)
    for _ in range(5):
        env.step(sampled(env))
    twin = pickle.loads(pickle.dumps(env))
    while env.agents:
        actions = sampled(env)
        same(env.step(actions), twin.step(actions))
    same(env.reset(), twin.reset())


def test_what_is_wrong_with_an_action_is_said(case13):
    env = parallel_env(case13)
    env.reset(seed=0)
    actions = sampled(env)
    short = {agent: one for agent, one in actions.items() if agent != "battery_0"}
    with pytest.raises(ActionError, match="agent 'battery_0' has no action; each of 6 needs one"):
        env.step(short)
    with pytest.raises(ActionError, match="no agent 'battery_7' acts; expected regulator_0"):
        env.step({**actions, "battery_7": actions["battery_0"]})
    with pytest.raises(ActionError, match=r"agent 'capacitor_1' has shape \(2,\).*expected Box"):
        env.step({**actions, "capacitor_1": np.zeros(2)})
    with pytest.raises(ActionError, match=r"'battery_680' is 2\.0; expected a number from -1 to 1"):
        env.step({**actions, "battery_0": np.array([2.0])})
    discrete = parallel_env(case13, action_mode="multidiscrete")
    discrete.reset(seed=0)
    actions = sampled(discrete)
    with pytest.raises(ActionError, match=r"agent 'battery_0' .* type float64; expected Discrete"):
        discrete.step({**actions, "battery_0": 1.5})
    with pytest.raises(ActionError, match=r"'battery_680' is 11.0; expected a whole"):
        discrete.step({**actions, "battery_0": 11})


def test_what_is_wrong_with_a_task_is_said(case13):
    with pytest.raises(TaskError, match="no agents 'buses'; known: devices, zones"):
        parallel_env(case13, "buses")
    with pytest.raises(TaskError, match="'CartPole-v1' makes a CartPoleEnv"):
        parallel_env("CartPole-v1")
    with pytest.raises(TaskError, match="environment was not reset"):
        parallel_env(case13).state()


def test_draws_what_the_environment_draws(case13):
    env = parallel_env(case13)
    env.env = GridEnv(case13, render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render_mode == "rgb_array"
    np.testing.assert_array_equal(env.render(), env.env.render())
    assert env.render().ndim == 3
