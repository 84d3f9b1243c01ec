"""A task of one's own: any feeder, parts by name, by function or as they are."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from gymnasium.spaces import MultiDiscrete

import grid_fed_rl
from grid_fed_rl import GridEnv, GridVectorEnv, make_env
from grid_fed_rl.envs.costs import HeadCost
from grid_fed_rl.envs.groups import Batteries
from grid_fed_rl.envs.observation import Clock
from grid_fed_rl.envs.site import Equipment
from grid_fed_rl.envs.vvo import vvo_case
from grid_fed_rl.errors import FeederError, TaskError
from grid_fed_rl.feeders import load
from grid_fed_rl.safety import Limits
from grid_fed_rl.scenarios import year_from_arrays


def test_a_shipped_name_alone_is_the_volt_var_task(same):
    """Same parts, same year, same numbers as the id."""
    own = make_env("ieee13", num_envs=3)
    by_id = GridVectorEnv(vvo_case("ieee13"), 3)
    same(own.reset(seed=2), by_id.reset(seed=2))
    action = np.full((3, 6), 0.4)
    same(own.step(action), by_id.step(action))


def test_single_or_vector_as_asked():
    assert isinstance(make_env("ieee13"), GridEnv)
    envs = make_env("ieee13", num_envs=4, autoreset_mode="SameStep", action_mode="multidiscrete")
    assert isinstance(envs, GridVectorEnv)
    assert envs.num_envs == 4
    assert isinstance(envs.single_action_space, MultiDiscrete)
    assert envs.single_action_space.nvec.tolist() == [9, 9, 9, 2, 2, 11]


def test_an_opendss_script():
    beside = Path(__file__).resolve().parents[3] / "shared" / "feeders"
    script = Path(os.environ.get("GRID_FED_RL_FEEDERS", beside)) / "ieee123" / "IEEE123Master.dss"
    if not script.is_file():
        pytest.skip(f"{script} is not there: the IEEE 123 script is not part of the package")
    envs = make_env(str(script), ["regulators", "capacitors"], ["loss", "wear"], num_envs=2)
    names = {name.lower() for name in envs.case.action_names}
    assert {"c83", "c88a", "c90b", "c92c"} <= names
    assert envs.case.network.feeder.pvs
    envs.reset(seed=0)
    *_, info = envs.step(np.zeros((2, len(names))))
    assert info["converged"].all()
    assert (info["loss_kwh"] > 0.0).all()


@pytest.fixture
def year():
    """Two days at half the load of IEEE 13 without sun; nothing of it is drawn."""
    loads = load("ieee13").loads.values()
    kw, kvar = (np.tile([getattr(one, x) for one in loads], (48, 1)) for x in ("kw", "kvar"))
    return year_from_arrays(
        "mine", kw / 2, kvar / 2, np.zeros((48, 0)), np.full(48, 9.0), np.zeros(48)
    )


def test_a_year_of_ones_own_is_taken_as_it_is(year):
    envs = make_env(
        "ieee13", ["regulators"], ["loss"], year=year, num_envs=2, split="all", horizon=30
    )
    case = envs.case
    assert case.year is year
    assert case.days.tolist() == [0, 1]
    assert (case.horizon, list(case.network.feeder.pvs)) == (30, [])
    envs.reset(options={"day": [0, 1]})
    envs.step(np.zeros((2, 3)))
    np.testing.assert_array_equal(envs.snapshot.setpoint.load_kw, year.load_kw[[1, 25]])
    with pytest.raises(TaskError, match="year 'mine' has 15 loads; feeder 'ieee123' has 91"):
        make_env("ieee123", ["regulators"], ["loss"], year=year, split="all")


@dataclass(frozen=True)
class PricePerOperation:
    """A term of one's own."""

    usd: float
    name: str = "operations"

    def __call__(self, snapshot):
        done = [one.operations.sum(axis=1) for one in snapshot.moves.values()]
        return -self.usd * np.sum(done, axis=0)


def test_parts_of_ones_own_as_functions_and_as_they_are():
    feeder = load("ieee13")
    env = make_env(
        feeder,
        ["regulators", lambda shop: Batteries(shop.site.network, wear_usd_per_kwh=0.5)],
        [PricePerOperation(2.0), lambda shop: PricePerOperation(len(shop.groups), "groups")],
        equipment=Equipment(pv=False, storage_buses=("671",), battery_kw=50.0, battery_kwh=50.0),
        observation=["zones", lambda shop: Clock(shop.site.year)],
        limits=Limits(voltage=None, import_kw=10.0),
        costs=[lambda shop: HeadCost(shop.site.network, import_kw=20.0, name="mine")],
    )
    assert env.case.action_names == ("reg1", "reg2", "reg3", "battery_671")
    assert env.case.observation_names[-1] == "weekend"
    env.reset(seed=0)
    action = np.array([0.25, 0.5, 0.0, 0.0])  # one step, two steps
    _, reward, *_, info = env.step(action)
    assert info["reward_terms"] == {"operations": -6.0, "groups": -6.0}
    assert reward == -12.0
    assert info["costs"]["mine"] == pytest.approx(info["costs"]["head"] - 10.0)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("ieee12",), {}, FeederError, "ieee12.*ieee123"),
        (("ieee13", ["taps"]), {}, TaskError, "no device 'taps'; known: regulators, capacitors"),
        (("ieee13", ["regulators"], ["profit"]), {}, TaskError, "no reward 'profit'; known: loss"),
        (("ieee13",), {"observation": ["all"]}, TaskError, "no observation 'all'; known: nodes"),
        (("ieee13",), {"costs": ["head"]}, TaskError, "no cost 'head'"),
        (("ieee13",), {"utility": "lunar"}, TaskError, "no utility 'lunar'; known: coastal"),
        (("ieee13",), {"split": "tset"}, TaskError, "no split 'tset'; known: train"),
        (("ieee13",), {"action_mode": "words"}, TaskError, "action_mode is 'words'; known"),
        (
            ("ieee13",),
            {"equipment": Equipment(storage_buses=("611",))},
            TaskError,
            "no three-phase bus '611' for a battery in feeder 'ieee13'",
        ),
        (
            ("ieee13", ["regulators"]),
            {"limits": Limits(soc=(0.2, 0.9))},
            TaskError,
            "limits: soc is set, and no group holds batteries",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments, options, error, message):
    with pytest.raises(error, match=message):
        make_env(*arguments, **options)


def test_it_is_a_name_of_the_package():
    from grid_fed_rl.envs.make import make_env as there

    assert grid_fed_rl.make_env is there
