"""What is wrong, and what would be right: every refusal names both."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from grid_fed_rl import GridEnv, GridVectorEnv
from grid_fed_rl.envs.baselines import BehaviourConfig
from grid_fed_rl.envs.vvo import VVOConfig, vvo_case
from grid_fed_rl.errors import ActionError, FeederError, TaskError

ID = "GridFedRL/IEEE13-VVO-v0"
DEVICES = "reg1, reg2, reg3, cap1, cap2, battery_680"


def refuses(error, message):
    return pytest.raises(error, match="^" + message)


@pytest.fixture
def envs(case13) -> GridVectorEnv:
    envs = GridVectorEnv(case13, 3)
    envs.reset(seed=0)
    return envs


@pytest.fixture
def env(case13) -> GridEnv:
    env = GridEnv(case13)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("shape", [(2, 6), (3, 5), (6,), (), (3, 6, 1)])
def test_action_of_the_wrong_shape(envs, shape):
    said = str(shape).replace("(", r"\(").replace(")", r"\)")
    expected = rf"action has shape {said}; expected \(3, 6\): one entry for each of {DEVICES}"
    with refuses(ActionError, expected):
        envs.step(np.zeros(shape))


def test_action_of_the_wrong_shape_for_a_single_environment(env):
    with refuses(ActionError, rf"action has shape \(3,\); expected \(6,\): one entry .* {DEVICES}"):
        env.step(np.zeros(3))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.001, -7.0])
def test_action_that_is_no_number_from_minus_1_to_1(envs, env, value):
    action = np.zeros((3, 6))
    action[2, 4] = value
    with refuses(ActionError, f"action of lane 2 for 'cap2' is {value}; expected a number from"):
        envs.step(action)
    with refuses(ActionError, f"action for 'cap2' is {value}; expected a number from -1 to 1"):
        env.step(action[2])


@pytest.mark.parametrize("action", ["up", [[0.0, [1.0]]], None, [{}]])
def test_action_that_is_not_numbers(env, action):
    with refuses(ActionError, "action "):
        env.step(action)


def test_refused_action_leaves_the_environment_where_it_was(case13, envs, same):
    twin = GridVectorEnv(case13, 3)
    twin.reset(seed=0)
    with pytest.raises(ActionError):
        envs.step(np.full((3, 6), np.nan))
    action = np.full((3, 6), 0.5)
    same(envs.step(action), twin.step(action))


def test_step_before_reset(case13):
    for env, shape in ((GridEnv(case13), (6,)), (GridVectorEnv(case13), (1, 6))):
        with refuses(
            TaskError, r"environment was not reset; call reset\(\) before step\(\) or render\(\)"
        ):
            env.step(np.zeros(shape))


def test_step_of_a_single_environment_after_the_end(env):
    for _ in range(24):
        env.step(np.zeros(6))
    with refuses(TaskError, r"episode is over; call reset\(\) before step\(\)"):
        env.step(np.zeros(6))
    env.reset()
    env.step(np.zeros(6))


def test_unknown_id_is_answered_with_the_nearest():
    with pytest.raises(gymnasium.error.NameNotFound, match="Did you mean: `IEEE13-VVO`"):
        gymnasium.make("GridFedRL/IEEE13-VVOO-v0")
    with pytest.raises(gymnasium.error.VersionNotFound, match="v0"):
        gymnasium.make("GridFedRL/IEEE13-VVO-v7")


@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"feeder": "ieee12"}, FeederError, "no feeder 'ieee12'; known: .*ieee123, ieee13"),
        (
            {"utility": "lunar"},
            TaskError,
            "no utility 'lunar'; known: coastal, desert, prairie, northern, milltown",
        ),
        (
            {"split": "tset"},
            TaskError,
            "no split 'tset'; known: train, validation, test, stress-heat-wave, stress-high-pv",
        ),
        ({"observe": "all"}, TaskError, "cannot observe 'all'; known: nodes, zones"),
        ({"year_seed": -1}, TaskError, "year_seed is -1; expected a whole number, at least 0"),
        ({"year_seed": 0.5}, TaskError, "year_seed is 0.5; expected a whole number, at least 0"),
        (
            {"config": {"most_tap_steps": 2}},
            TaskError,
            "config is {'most_tap_steps': 2}; expected a VVOConfig",
        ),
        (
            {"utilty": "coastal"},
            TaskError,
            "no option 'utilty'; known: utility, year_seed, split, observe, local_controls, "
            "inverters, objective, config",
        ),
    ],
)
def test_option_of_make_that_is_not_there(make, options, error, message):
    with refuses(error, message):
        make(ID, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"days": 3}, "reset option 'days' is unknown; known: 'day'"),
        ({"day": 365}, "reset option 'day' is 365; expected 0 to 364"),
        ({"day": [0, -1, 3]}, r"reset option 'day' is \[0, -1, 3\]; expected 0 to 364"),
        ({"day": [1, 2]}, r"reset option 'day' is \[1, 2\]; expected one day of the year or 3"),
        ({"day": 1.5}, "reset option 'day' is 1.5; expected one day .* as integers"),
        ({"day": "monday"}, "reset option 'day' is 'monday'; expected one day"),
    ],
)
def test_option_of_reset_that_is_not_there(envs, options, message):
    with refuses(TaskError, message):
        envs.reset(options=options)


def test_seeds_of_the_wrong_number(envs):
    with refuses(TaskError, "2 seeds for 3 lanes; give one a lane"):
        envs.reset(seed=[1, 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_envs": 0}, "num_envs is 0; expected at least 1"),
        ({"autoreset_mode": "Disabled"}, "autoreset_mode is 'Disabled'; known: 'NextStep', 'Same"),
        ({"autoreset_mode": "later"}, "autoreset_mode is 'later'; known: 'NextStep', 'SameStep'"),
    ],
)
def test_vector_environment_that_cannot_be(case13, options, message):
    with refuses(TaskError, message):
        GridVectorEnv(case13, **options)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tap_usd_per_step", 0.0, "prices: tap_usd_per_step is 0.0; expected a number above 0"),
        ("battery_kw", -1.0, "equipment: battery_kw is -1.0"),
        ("battery_kwh", np.nan, "equipment: battery_kwh is nan"),
        ("battery_efficiency", 1.2, "equipment: battery_efficiency is 1.2; expected at most 1"),
        ("most_tap_steps", 0, "prices: most_tap_steps is 0"),
        ("most_tap_steps", 2.5, "prices: most_tap_steps is 2.5; expected a whole number"),
        ("capacitor_v_on", 130.0, "equipment: capacitor_v_on is 130.0; expected below .* 128.0"),
    ],
)
def test_configuration_out_of_bounds(field, value, message):
    with refuses(TaskError, message):
        VVOConfig(**{field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("exploration", 1.5, "behaviour: exploration is 1.5; expected a probability"),
        ("exploration", np.nan, "behaviour: exploration is nan"),
        ("v_shift_spread", -1.0, "behaviour: v_shift_mean is 0.0 and v_shift_spread -1.0"),
        ("v_shift_mean", np.inf, "behaviour: v_shift_mean is inf"),
        ("capacitor_rules", (0.5, 0.5, 0.5), "behaviour: capacitor_rules is .*; expected three"),
        ("battery_rules", (0.5, 0.5), "behaviour: battery_rules is .*; expected three"),
    ],
)
def test_behaviour_out_of_bounds(field, value, message):
    with refuses(TaskError, message):
        BehaviourConfig(**{field: value})


def test_case_whose_parts_do_not_fit(case13):
    other = vvo_case("ieee123")
    loss, *others = case13.reward
    for changes, message in (
        ({"days": np.array([], dtype=int)}, "case has no days to draw from"),
        ({"days": [0, 365]}, "case draws from days 0 to 365; year 'coastal' has 0 to 364"),
        ({"horizon": 0}, "horizon is 0; expected 1 step to one year of them"),
        ({"year": other.year}, "year 'coastal' has 91 loads; feeder 'ieee13' has 15"),
        ({"reward": (loss, loss, *others)}, "case has two reward terms named 'loss'"),
        ({"costs": case13.costs * 2}, "case has two cost channels named 'voltage'"),
        ({"groups": case13.groups[:1] * 2}, "case has two device groups named 'tap_position'"),
    ):
        with refuses(TaskError, message):
            replace(case13, **changes)


def test_year_without_the_feeders_pv(case13):
    year = case13.year
    bare = replace(year, pv_kw=year.pv_kw[:, :3], pv_load_index=np.arange(3))
    with refuses(TaskError, "year 'coastal' has 3 pvs; feeder 'ieee13' has 15"):
        replace(case13, year=bare)


def test_days_of_a_case_cannot_be_changed(case13):
    with pytest.raises(ValueError, match="read-only"):
        case13.days[0] = 1
