"""Operators may shift a regulator's voltage setting from day to day."""

from dataclasses import replace

import numpy as np
import pytest

from grid_fed_rl.feeders import load
from grid_fed_rl.powerflow import compile_network, nominal_setpoint, solve
from grid_fed_rl.powerflow.controls import LocalControls


@pytest.mark.parametrize("name", ["ieee13", "ieee123"])
def test_shift_of_a_setting_acts_as_another_setting(name: str) -> None:
    feeder = load(name)
    raised = {
        key: replace(one, control=replace(one.control, v_reg=one.control.v_reg + 3.0))
        for key, one in feeder.regulators.items()
        if one.control is not None
    }
    network = compile_network(feeder)
    flow = solve(network, nominal_setpoint(network))
    shifted = LocalControls(network).tap_moves(flow, 3.0)
    higher = LocalControls(compile_network(replace(feeder, regulators=raised)))
    np.testing.assert_array_equal(shifted, higher.tap_moves(flow))
    assert (shifted != LocalControls(network).tap_moves(flow)).any()
