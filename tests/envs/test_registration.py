"""The package's front door: ids that Gymnasium knows, names that load when asked for."""

import json
import subprocess
import sys

import gymnasium
import pytest

import grid_fed_rl
from grid_fed_rl.envs import POWERGYM_IDS, register
from grid_fed_rl.envs.registration import CUSTOM_IDS, FLISR_IDS, MAPDN_IDS

ENGINES = (
    *("numba", "opendssdirect", "pandas", "scipy", "torch", "flwr", "pettingzoo", "matplotlib"),
)


def fresh_interpreter(code: str):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_import_registers_the_ids_and_loads_no_engine():
    ids, loaded, rooms = fresh_interpreter(
        "import json, sys, gymnasium, grid_fed_rl\n"
        "ids = [i for i in gymnasium.registry if i.startswith('GridFedRL/')]\n"
        "rooms = [m for m in sys.modules if m.startswith('grid_fed_rl.')]\n"
        "print(json.dumps([ids, list({m.split('.')[0] for m in sys.modules}), rooms]))"
    )
    assert ids == [*grid_fed_rl.ENV_IDS, *CUSTOM_IDS, *FLISR_IDS, *POWERGYM_IDS, *MAPDN_IDS]
    assert not set(ENGINES) & set(loaded)
    assert set(rooms) == {"grid_fed_rl.envs", "grid_fed_rl.envs.registration", "grid_fed_rl.errors"}


def test_id_with_the_package_before_it_needs_no_import():
    assert (
        fresh_interpreter(
            "import gymnasium\n"
            "env = gymnasium.make('grid_fed_rl:GridFedRL/IEEE13-VVO-v0')\n"
            "print(len(env.reset(seed=0)[0]))"
        )
        == 54
    )


def test_environments_load_no_reference_engine_and_nothing_that_draws():
    """OpenDSS is for checks; it brings pandas and takes a second to import."""
    loaded = fresh_interpreter(
        "import json, sys, gymnasium, grid_fed_rl\n"
        "gymnasium.make_vec('GridFedRL/IEEE13-VVO-v0', num_envs=2).reset(seed=0)\n"
        "print(json.dumps(list({m.split('.')[0] for m in sys.modules})))"
    )
    assert not {"opendssdirect", "pandas", "torch", "flwr", "matplotlib"} & set(loaded)


def test_registering_again_changes_nothing():
    before = dict(gymnasium.registry)
    register()
    assert dict(gymnasium.registry) == before


@pytest.mark.parametrize("name", grid_fed_rl.__all__)
def test_every_public_name_is_there(name):
    assert getattr(grid_fed_rl, name) is not None
    assert name in dir(grid_fed_rl)


def test_public_names_are_those_of_their_rooms():
    from grid_fed_rl import feeders, powerflow

    assert grid_fed_rl.load is feeders.load
    assert grid_fed_rl.solve is powerflow.solve
    assert grid_fed_rl.Setpoint is powerflow.Setpoint


def test_unknown_name_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'grid_fed_rl' has no attribute 'slove'"):
        grid_fed_rl.slove  # noqa: B018


def test_options_of_make_reach_the_environment():
    env = gymnasium.make_vec(
        "GridFedRL/IEEE13-VVO-v0",
        num_envs=3,
        autoreset_mode="SameStep",
        threads=1,
        utility="prairie",
        year_seed=4,
        split="test",
        observe="zones",
        local_controls=True,
    ).unwrapped
    assert isinstance(env, grid_fed_rl.GridVectorEnv)
    assert env.num_envs == 3
    assert env.metadata["autoreset_mode"] is gymnasium.vector.AutoresetMode.SAME_STEP
    assert env.case.year.name == "prairie"
    assert env.case.local_controls is not None
    assert env.single_observation_space.shape == (25,)
    assert env.spec is not None
    assert gymnasium.make_vec(env.spec).unwrapped.num_envs == 3


def test_a_few_lines_are_enough_for_a_power_flow():
    from grid_fed_rl import compile_network, load, names, nominal_setpoint, solve, validate

    assert {"ieee13", "ieee123"} <= set(names())
    feeder = load("ieee13")
    assert validate(feeder) == []
    network = compile_network(feeder)
    assert solve(network, nominal_setpoint(network)).converged.all()
