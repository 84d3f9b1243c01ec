"""Levers: what actions reach, and how voltages answer."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.envs.dynamics import attempt, moment_at, rest, start_of
from grid_fed_rl.envs.groups import FlexibleLoads, Inverters
from grid_fed_rl.envs.levers import Levers
from grid_fed_rl.errors import TaskError

HOURS = np.array([3, 12, 19, 24 * 180 + 13])


@pytest.fixture(scope="module")
def every_kind(case13):
    """A case with devices of every kind."""
    network = case13.network
    groups = (
        *case13.groups,
        Inverters(network, curtails=True),
        FlexibleLoads(network, network.loads[:3]),
    )
    return replace(case13, groups=groups)


def stand(case, seed=0):
    """Lanes in which devices stand anywhere: their states, and the step to come."""
    rng, moment = np.random.default_rng(seed), moment_at(case, HOURS)
    before = rest(case, HOURS // 24)
    states = dict(before.states)
    states["tap_position"] = rng.integers(-16, 17, states["tap_position"].shape).astype(np.int32)
    states["soc"] = rng.uniform(0.1, 1.0, states["soc"].shape)
    return states, moment, start_of(case, before)


def test_actions_reach_what_the_levers_say(every_kind):
    """The positions after an action of 1 and -1, and any in between by its own action."""
    levers, (states, moment, start) = Levers(every_kind), stand(every_kind)
    reach = levers.reach(states, moment)
    n_lanes, n = reach.least.shape
    assert (reach.least <= reach.most).all()
    share = np.random.default_rng(1).integers(0, 3, (n_lanes, n)) / 2.0
    wanted = reach.least + share * (reach.most - reach.least)
    step = np.where(levers.step > 0.0, levers.step, 1e-12)
    low = reach.least
    wanted = np.clip(low + np.rint((wanted - low) / step) * step, low, reach.most)
    made = attempt(every_kind, states, start, moment, reach.action(wanted))
    found = levers.position(made.flow.setpoint)
    kvar = np.array([lever.array == "der_kvar" for lever in levers.each])
    np.testing.assert_allclose(found[:, ~kvar], wanted[:, ~kvar], atol=1e-9)
    # Active power that is cut leaves more room for reactive power.
    assert (np.abs(found[:, kvar]) >= np.abs(wanted[:, kvar]) - 1e-9).all()


def test_voltages_answer_as_the_levers_say(every_kind):
    """Each lever by itself: within a fifth of what power flows say; a bank within a third.

    One operating point speaks for the whole year, and switching a bank is not a little.
    """
    levers, (states, moment, start) = Levers(every_kind), stand(every_kind)
    states["tap_position"][:] = 6  # loads stay within the window of their law
    states["soc"][:] = 0.5
    n = len(levers.each)
    still = np.zeros((len(HOURS), n))
    still[:, 3:5] = -1.0
    base = attempt(every_kind, states, start, moment, still)
    slopes = levers.nudged().slopes(lambda flow: np.abs(flow.v_pu))
    for k, lever in enumerate(levers.each):
        action = still.copy()
        action[:, k] = {0.0: 0.2 if "load" in lever.array else -0.2, 0.25: 0.25, 2.0: 1.0}[
            lever.step
        ]
        made = attempt(every_kind, states, start, moment, action)
        moved = levers.position(made.flow.setpoint) - levers.position(base.flow.setpoint)
        change = np.abs(made.flow.v_pu) - np.abs(base.flow.v_pu)
        said = moved[:, [k]] * slopes[:, k]
        size = np.abs(change).max()
        if size > 1e-7:
            near = size / 3.0 if lever.array == "capacitor_step" else size / 5.0
            np.testing.assert_allclose(said, change, atol=near, err_msg=str(lever))


def test_what_cannot_move_is_fixed(case13):
    levers, (states, moment, _) = Levers(case13), stand(case13)
    states["tap_position"][:] = 16
    states["soc"][:] = 1.0
    reach = levers.reach(states, moment)
    np.testing.assert_array_equal(reach.most[:, :3], 4.0)  # of four steps each
    np.testing.assert_array_equal(reach.least[:, :3], 3.0)
    np.testing.assert_allclose(reach.least[:, 5], 0.0, atol=1e-12)  # full: nothing to charge
    np.testing.assert_allclose(reach.most[:, 5], 1.0)


def test_devices_of_another_kind_are_named(case13):
    class Switches:
        state_name = "switch_closed"
        names = ("671692",)

    broken = replace(case13, groups=(Switches(),))
    with pytest.raises(TaskError, match="no lever for devices with state 'switch_closed'"):
        Levers(broken)
